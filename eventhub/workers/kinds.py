"""Which function does which kind of job. Features register theirs with `@does(KIND)`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from eventhub.models.jobs import JobKind

if TYPE_CHECKING:
    from eventhub.workers.runner import JobContext

Handler = Callable[..., Awaitable[None]]

HANDLERS: dict[str, tuple[JobKind, Handler]] = {}


def does(kind: JobKind) -> Callable[[Callable[["JobContext"], Any] | Handler], Handler]:
    """Register the decorated coroutine function as what runs jobs of `kind`; the payload is its keyword arguments."""

    def register(handler: Handler) -> Handler:
        HANDLERS[kind.name] = (kind, handler)
        return handler

    return register
