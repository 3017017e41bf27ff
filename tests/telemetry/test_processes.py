"""Traces and reports of real processes, at stand-ins for a collector and for Sentry."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.cluster import Cluster
from tests.fakes.otlp_server import OtlpServer, Span
from tests.fakes.sentry_server import SentryServer
from tests.waiting import until, until_now

pytestmark = pytest.mark.long

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
MAIL = "process send_notification"


@pytest.fixture
def collector() -> Iterator[OtlpServer]:
    with OtlpServer() as server:
        yield server


def draw(spans: list[Span], parent: str, depth: int = 0) -> list[str]:
    """Return the spans below one, a line each, as deep as they stand."""
    lines = []
    for span in spans:
        if span.parent_id == parent:
            lines.append(f"{'  ' * depth}{span.process}: {span.name} ({span.kind})")
            lines += draw(spans, span.span_id, depth + 1)
    return lines


async def test_a_booking_and_its_payment_are_one_trace_through_web_and_worker(
    cluster: Cluster, collector: OtlpServer
) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    cluster.start("web", "worker", EVENTHUB_COMMIT="816a83b", **environ)
    organizer, person = [*await cluster.people(1, "organizer"), *await cluster.people(1)]
    event = await cluster.event(organizer, price="10.00")
    headers = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}
    async with cluster.http() as http:
        status, booking = await http.request("POST", "/api/bookings/", person, {"event": event}, headers)
        assert status == 201
        body = {"booking": booking["id"], "method": "mock", "billing_address": "12 Analytical Street"}
        assert (await http.request("POST", "/api/payments/", person, body, headers))[0] == 201
    await cluster.eventually("SELECT status FROM bookings", "confirmed")
    await cluster.eventually("SELECT count(*) FROM jobs", 0)
    for name in ("web", "worker"):
        assert cluster.stop(name) == 0
    spans = [span for span in collector.spans if span.trace_id == TRACE_ID]
    drawn = draw(spans, SPAN_ID)
    print("\n".join(drawn))
    assert [line for line in drawn if not line.startswith(" ")] == [
        "eventhub-web: POST /api/bookings/ (server)",
        "eventhub-web: POST /api/payments/ (server)",
    ]
    paid = drawn[drawn.index("eventhub-web: POST /api/payments/ (server)") :]
    assert "  eventhub-web: INSERT facts (client)" in paid  # and jobs, by the same statement
    job = paid.index("  eventhub-worker: process process_payment (consumer)")
    charge = paid.index("    eventhub-worker: mock charge (client)")
    assert job < charge
    assert "    eventhub-worker: COMMIT (client)" in paid[charge:]
    # What was caused by what was caused.
    assert f"    eventhub-worker: {MAIL} (consumer)" in paid
    assert "      eventhub-worker: mail send (client)" in paid
    # Nothing stands alone, and nothing tells who it was.
    assert len(drawn) == len(spans)
    sent = str([body for _, body in collector.posted])
    for secret in ("Analytical", "example.com", person, "Test Workshop"):
        assert secret not in sent
    versions = {span.attributes.get("eventhub.booking_id") for span in spans if span.kind == "server"}
    assert versions == {booking["id"]}


async def test_a_collector_that_hangs_holds_up_no_request_and_no_end(cluster: Cluster) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(50)
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        cluster.start("web", "worker", SENTRY_DSN=f"http://key@{endpoint[7:]}/1", **environ)
        organizer, person = [*await cluster.people(1, "organizer"), *await cluster.people(1)]
        event = await cluster.event(organizer)
        async with cluster.http() as http:
            began = time.monotonic()
            assert (await http.request("POST", "/api/bookings/", person, {"event": event}))[0] == 201
            assert time.monotonic() - began < 2
        await cluster.eventually("SELECT status FROM bookings", "confirmed")
        for name in ("web", "worker"):
            began = time.monotonic()
            assert cluster.stop(name) == 0
            print(f"{name} ended in {time.monotonic() - began:.1f} s")
            assert time.monotonic() - began < 10


async def test_errors_of_real_processes_are_reported(cluster: Cluster, sentry_server: SentryServer) -> None:
    cluster.start("web", SENTRY_DSN=sentry_server.dsn, EVENTHUB_COMMIT="816a83b", SENTRY_ENVIRONMENT="here")
    organizer, person = [*await cluster.people(1, "organizer"), *await cluster.people(1)]
    event = await cluster.event(organizer)
    await cluster.sql("ALTER TABLE bookings RENAME COLUMN special_requirements TO lost")
    async with cluster.http() as http:
        body = {"event": event, "special_requirements": "nuts kill me"}
        assert (await http.request("POST", "/api/bookings/", person, body))[0] == 500
    await cluster.sql("ALTER TABLE bookings RENAME COLUMN lost TO special_requirements")
    async with cluster.http() as http:
        assert (await http.request("POST", "/api/bookings/", person, {"event": event}))[0] == 201
    # A job that the code cannot do, by a payload that no handler takes.
    await cluster.sql("""UPDATE jobs SET payload = '{"email": "ada@example.com"}'""")
    cluster.start("worker", SENTRY_DSN=sentry_server.dsn, EVENTHUB_COMMIT="816a83b")
    await until(lambda: len(sentry_server.events) > 1, "both errors are reported", 60)
    for name in ("web", "worker"):
        assert cluster.stop(name) == 0
    web, worker, *_ = sentry_server.events
    assert (web["transaction"], worker["transaction"]) == ("/api/bookings/", "confirm_booking")
    assert (web["tags"]["process"], worker["tags"]["process"]) == ("web", "worker")
    assert (web["release"], web["environment"]) == ("eventhub@0.1.0+816a83b", "here")
    assert web["exception"]["values"][-1]["type"] == "UndefinedColumnError"
    assert worker["tags"]["request_id"] == (await cluster.sql("SELECT request_id FROM jobs"))[0][0]
    for secret in ("nuts", "ada@", person):
        assert secret not in sentry_server.text
    until_now(lambda: "failed in attempt 1" in cluster.log("worker"), "the log has it too")
