"""Traces: request, statement, job and call of the outside as the spans of one trace.

Until `start` nothing of OpenTelemetry is imported, and each function here returns at once.
"""

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

    from eventhub.telemetry.spans import Spans

Kind = Literal["SERVER", "CONSUMER", "CLIENT"]
Attributes = Mapping[str, str | int]
T = TypeVar("T")

_spans: "Spans | None" = None
_shared_by: contextvars.ContextVar[Sequence[contextvars.Context]] = contextvars.ContextVar(
    "shared_by", default=()
)


def start(process: str, version: str, processor: "SpanProcessor | None" = None) -> None:
    """Begin to trace in this process, which forks no more; without a `processor` spans go where OTEL_* say."""
    # Where the extra `otel` is wanted it is there, and elsewhere its 10 MB are not.
    from eventhub.telemetry.spans import Spans  # noqa: PLC0415

    global _spans  # noqa: PLW0603 - one tracer for a process, as OpenTelemetry's own
    _spans = Spans(process, version, processor)


def stop() -> None:
    """Send what is left, within bounded time."""
    global _spans
    ending, _spans = _spans, None
    if ending is not None:
        ending.close()


def is_on() -> bool:
    return _spans is not None


def span(
    name: str, kind: Kind, attributes: Attributes, parent: str | None = None
) -> contextlib.AbstractContextManager["Span | None"]:
    """Let a block be a span, below `parent` (a traceparent, W3C) or the present one; a client's only below another."""
    return contextlib.nullcontext() if _spans is None else _spans.span(name, kind, attributes, parent)


def note_failure(error: BaseException | str) -> None:
    """Mark the present span as failed, by the kind of error alone, or by a name for it."""
    if _spans is not None:
        _spans.note_failure(error)


def traceparent() -> str | None:
    """Return the present span as W3C's header `traceparent` has it, for what goes on elsewhere."""
    return None if _spans is None else _spans.traceparent()


def note_statement(done: "LoggedQuery") -> None:
    """Record a statement that a request or a job has just done, or several requests together."""
    if _spans is not None:
        for context in _shared_by.get() or (contextvars.copy_context(),):
            context.run(_spans.note_statement, done)


def context_for(contexts: Sequence[contextvars.Context]) -> contextvars.Context:
    """Return a context that is nobody's, where a statement is one in each of these."""
    shared = contextvars.Context()
    shared.run(_shared_by.set, contexts)
    return shared


def traced(thing: T, name: str) -> T:
    """Return `thing`, each of whose coroutines is a span `name method` where another is under way."""
    return thing if _spans is None else cast("T", _Traced(thing, name))


class _Traced:
    def __init__(self, thing: object, name: str) -> None:
        self._thing = thing
        self._name = name

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._thing, name)
        if not inspect.iscoroutinefunction(attribute):
            return attribute

        @functools.wraps(attribute)
        async def call(*args: Any, **options: Any) -> Any:
            with span(f"{self._name} {name}", "CLIENT", {"peer.service": self._name}):
                return await attribute(*args, **options)

        return call
