"""Which function handles which kind of job. Features register theirs with `@handles(KIND)`."""

from collections.abc import Awaitable, Callable

from eventhub.models.jobs import JobKind

Handler = Callable[..., Awaitable[None]]

HANDLERS: dict[str, tuple[JobKind, Handler]] = {}


def handles(kind: JobKind) -> Callable[[Handler], Handler]:
    """Register the decorated coroutine function as what runs jobs of `kind`; no kind has two.

    It gets a `context.JobContext`, and the job's payload as keyword arguments.
    """

    def register(handler: Handler) -> Handler:
        if kind.name in HANDLERS:
            raise ValueError(f"jobs {kind.name} have a handler already")
        HANDLERS[kind.name] = (kind, handler)
        return handler

    return register
