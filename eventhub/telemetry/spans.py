"""Spans as OpenTelemetry has them: `tracing.start` alone imports this, since its libraries are an extra.

No span has what a person wrote: of a statement the text without its values, of an error its kind.
"""

import functools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from eventhub import logs
from eventhub.telemetry.tracing import Attributes, Kind

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery

CLOSE_SECONDS = 3.0

# What a statement changes, also within WITH; not what it locks (FOR UPDATE) nor what it does instead (DO UPDATE).
_CHANGES = re.compile(
    r'(?<!FOR )(?<!KEY )(?<!DO )\b(INSERT|UPDATE|DELETE)(?: INTO| FROM)? "?(\w+)', re.IGNORECASE
)
_READS = re.compile(r'\bFROM "?(\w+)\b(?!\()', re.IGNORECASE)
_w3c = TraceContextTextMapPropagator()


class Spans:
    """Makes the spans of one process. The SDK reads the variables OTEL_* by itself."""

    def __init__(self, process: str, version: str, processor: SpanProcessor | None) -> None:
        ours = Resource.create({"service.name": f"eventhub-{process}", "service.version": version})
        # What the environment says comes before what this code calls itself.
        resource = ours.merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("eventhub", version)

    def close(self) -> None:
        """Send what is left, for at most CLOSE_SECONDS: the SDK would wait for half a minute for a collector."""
        closing = threading.Thread(target=self._provider.shutdown, name="tracing-close", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: str | None
    ) -> Iterator[Span | None]:
        if kind == "CLIENT" and not _is_under_way():
            yield None
            return
        with self._tracer.start_as_current_span(
            name,
            context=_w3c.extract({"traceparent": parent}) if parent is not None else None,
            kind=SpanKind[kind],
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as begun:
            try:
                yield begun
            except BaseException as error:
                self.note_failure(error)
                raise
            finally:
                ids = logs.known_ids().items()
                begun.set_attributes({f"eventhub.{name}": cast("str | int", value) for name, value in ids})

    def note_failure(self, error: BaseException | str) -> None:
        _fail(get_current_span(), error if isinstance(error, str) else type(error).__qualname__)

    def traceparent(self) -> str | None:
        carrier: dict[str, str] = {}
        _w3c.inject(carrier)
        return carrier.get("traceparent")

    def note_statement(self, done: "LoggedQuery") -> None:
        if not _is_under_way():
            return
        summary, text = _described(done.query)
        host, port = done.conn_addr if isinstance(done.conn_addr, tuple) else (done.conn_addr, None)
        # Comes after the end of the statement, at the next turn of the loop.
        ended_at = time.time_ns()
        statement = self._tracer.start_span(
            summary,
            kind=SpanKind.CLIENT,
            start_time=ended_at - round(done.elapsed * 1e9),
            attributes={
                "db.system.name": "postgresql",
                "db.namespace": done.conn_params.database,
                "db.operation.name": summary.partition(" ")[0],
                "db.query.summary": summary,
                "db.query.text": text,
                "server.address": host,
                **({} if port is None else {"server.port": port}),
            },
        )
        if done.exception is not None:
            state = getattr(done.exception, "sqlstate", None)
            _fail(statement, state or type(done.exception).__qualname__)
            if state:
                statement.set_attribute("db.response.status_code", state)
        statement.end(ended_at)


def _fail(span: Span, kind: str) -> None:
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)


def _is_under_way() -> bool:
    """Say whether this is part of a request or a job, also where its span has just ended."""
    return get_current_span().get_span_context().is_valid


@functools.lru_cache(2000)
def _described(query: str) -> tuple[str, str]:
    """Return a statement in a few words, `SELECT bookings`, and its text on one line."""
    text = " ".join(query.split()).rstrip(";")
    if changes := _CHANGES.search(text):
        return f"{changes[1].upper()} {changes[2]}", text
    if reads := _READS.search(text):
        return f"SELECT {reads[1]}", text
    return text.partition(" ")[0].upper(), text
