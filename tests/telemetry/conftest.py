"""What would leave a process: its spans, in memory, and its reports, at a server of the test's own."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from eventhub.telemetry import sentry, tracing
from tests.fakes.sentry_server import SentryServer
from tests.workers.conftest import make_kind, work

__all__ = ["make_kind", "work"]


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Traces of this process, for what is made from here on."""
    exporter = InMemorySpanExporter()
    tracing.start("test", "0", SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


@pytest.fixture
def sentry_server() -> Iterator[SentryServer]:
    with SentryServer() as server:
        yield server


@pytest.fixture
def reports(sentry_server: SentryServer) -> Iterator[SentryServer]:
    """The reports of this process, which are all there once `sentry.stop` has been called."""
    sentry.start("test", "0.1.0+816a83b", sentry_server.dsn)
    yield sentry_server
    sentry.stop()
