"""A stand-in for a collector of traces: takes OTLP over HTTP (protobuf) and keeps the spans."""

from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.fakes.http_sink import HttpSink

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True)
class Span:
    """A span as it arrived. `parent_id` is empty for the first of a trace."""

    process: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    has_failed: bool


class OtlpServer(HttpSink):
    def __init__(self) -> None:
        super().__init__(b"")

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}"

    @property
    def spans(self) -> list[Span]:
        return [span for path, body in list(self.posted) for span in _spans(path, body)]


def _spans(path: str, body: bytes) -> list[Span]:
    assert path == "/v1/traces"
    return [
        Span(
            process=_values(sent.resource.attributes)["service.name"],
            name=span.name,
            kind=_KINDS[span.kind],
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            attributes=_values(span.attributes),
            has_failed=span.status.code == 2,
        )
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in sent.scope_spans
        for span in scope.spans
    ]


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind is not None else None
