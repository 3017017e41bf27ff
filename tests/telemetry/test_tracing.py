"""The spans of requests, statements, jobs and calls of the outside; and none where nobody wants any."""

import asyncio
import re
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from yarl import URL

from eventhub.errors import Busy
from eventhub.services import bookings, jobs
from eventhub.services import events as service
from eventhub.services.access import ANONYMOUS, Viewer
from eventhub.telemetry import tracing
from tests.api import Api
from tests.conftest import MakeApi
from tests.waiting import until

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C


@pytest.fixture
async def api(spans: InMemorySpanExporter, make_api: MakeApi) -> Api:
    return await make_api()


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    [found] = [span for span in spans.get_finished_spans() if span.name == name]
    return found


def below(spans: InMemorySpanExporter, parent: ReadableSpan) -> list[ReadableSpan]:
    return [
        span
        for span in spans.get_finished_spans()
        if span.parent is not None and span.parent.span_id == parent.context.span_id
    ]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_request_is_a_span_in_its_clients_trace(api: Api, spans: InMemorySpanExporter) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event()
    spans.clear()
    headers = {"traceparent": TRACEPARENT, "X-Request-ID": "mine-1"}
    path = f"/api/events/{event['id']}/"
    await organizer.get(path, headers=headers)
    request = named(spans, "GET /api/events/{id}/")
    assert request.kind.name == "SERVER"
    assert request.context.trace_id == TRACE_ID
    assert request.parent is not None
    assert request.parent.span_id == 0xB7AD6B7169203331
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.route": "/api/events/{id}/",
        "http.response.status_code": 200,
        "url.path": path,
        "url.scheme": "http",
        "eventhub.request_id": "mine-1",
        "eventhub.user_id": organizer.id,
        "eventhub.event_id": event["id"],
    }


async def test_statements_are_spans_with_their_text_and_none_of_their_values(
    api: Api, spans: InMemorySpanExporter
) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    spans.clear()
    body = {"event": event["id"], "special_requirements": "nuts kill me"}
    assert (await person.post("/api/bookings/", body)).status == 201
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    cancelling = named(spans, "POST /api/events/{id}/cancel/")
    await until(lambda: "COMMIT" in [span.name for span in below(spans, cancelling)], "the commit is there")
    assert below(spans, cancelling)[0].name == "BEGIN"
    statements = below(spans, named(spans, "POST /api/bookings/"))
    assert [span.name for span in statements] == ["UPDATE events"]
    insert = attributes(statements[0])
    assert insert["db.system.name"] == "postgresql"
    assert insert["db.operation.name"] == "UPDATE"
    assert re.search(r"\$1.* INSERT INTO bookings ", insert["db.query.text"])
    assert {span.kind.name for span in statements} == {"CLIENT"}
    assert "nuts" not in str([attributes(span) for span in spans.get_finished_spans()])
    assert all(span.end_time >= span.start_time for span in statements if span.end_time and span.start_time)


async def test_a_statement_that_fails_says_by_which_code(spans: InMemorySpanExporter, api: Api) -> None:
    with tracing.span("work", "SERVER", {}), pytest.raises(Exception, match="division by zero"):
        await api.database.fetch("SELECT 1 / $1::int", 0)
    await until(lambda: len(spans.get_finished_spans()) > 1, "the statement's span is there")
    failed = named(spans, "SELECT")
    assert attributes(failed)["db.response.status_code"] == attributes(failed)["error.type"] == "22012"
    assert not failed.status.is_ok
    assert failed.events == ()


@pytest.mark.parametrize("viewer", [ANONYMOUS, Viewer(1, "attendee")])
async def test_a_statement_for_several_requests_is_a_span_in_each(
    api: Api, spans: InMemorySpanExporter, viewer: Viewer
) -> None:
    organizer = await api.person("organizer")
    events = [await organizer.create_event(publish=True) for _ in range(2)]
    spans.clear()

    async def read(event_id: int) -> None:
        with tracing.span(f"read {event_id}", "SERVER", {}):
            await service.statistics(api.database, viewer, event_id)

    await asyncio.gather(*(read(event["id"]) for event in events))
    await until(lambda: len(spans.get_finished_spans()) == 4, "the spans of the statement are there")
    for event in events:
        [statement] = below(spans, named(spans, f"read {event['id']}"))
        assert statement.name == "SELECT events"


async def test_statements_outside_of_requests_and_jobs_are_no_spans(
    api: Api, spans: InMemorySpanExporter
) -> None:
    spans.clear()
    await api.database.fetch("SELECT 1")
    await api.database.fetch("SELECT 1")
    assert spans.get_finished_spans() == ()


async def test_a_job_goes_on_with_the_trace_of_its_request(api: Api, spans: InMemorySpanExporter) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    await api.run_jobs()
    spans.clear()
    booked = await person.post("/api/bookings/", {"event": event["id"]}, headers={"X-Request-ID": "mine-1"})
    [row] = await api.database.fetch("SELECT id, trace FROM jobs WHERE kind = 'confirm_booking'")
    request = named(spans, "POST /api/bookings/")
    ids = f"{request.context.trace_id:032x}-{request.context.span_id:016x}"
    assert re.fullmatch(rf"00-{ids}-0[13]", row["trace"])
    await api.run_jobs()
    job = named(spans, "process confirm_booking")
    assert job.kind.name == "CONSUMER"
    assert job in below(spans, request)
    assert attributes(job) == {
        "messaging.system": "eventhub",
        "messaging.operation.type": "process",
        "messaging.destination.name": "bookings",
        "messaging.message.id": str(row["id"]),
        "eventhub.attempt": 1,
        "eventhub.request_id": "mine-1",
        "eventhub.booking_id": booked.data["id"],
        "eventhub.job_id": row["id"],
    }
    # What a job causes is of the same trace.
    mail = named(spans, "process send_notification")
    assert mail in below(spans, job)
    assert mail.context.trace_id == request.context.trace_id


async def test_a_probe_is_no_span(api: Api, spans: InMemorySpanExporter) -> None:
    spans.clear()
    await api.anonymous.get("/healthz/")
    assert spans.get_finished_spans() == ()


async def test_paths_of_spans_hold_no_secret(api: Api, spans: InMemorySpanExporter) -> None:
    spans.clear()
    await api.anonymous.get("/api/notifications/unsubscribe/1.very-secret/?token=very-secret")
    await api.anonymous.get("/nowhere/ada@example.com/", headers={"traceparent": "nonsense"})
    assert [span.name for span in spans.get_finished_spans()][-1] == "GET"
    assert "very-secret" not in str([attributes(span) for span in spans.get_finished_spans()])
    assert "ada@" not in str([attributes(span) for span in spans.get_finished_spans()])


async def test_spans_leave_whatever_path_was_asked_for(
    api: Api, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/api/events/9223372036854775808/", "/api/events/%FF/"):
        async with api.client.get(URL(path, encoded=True)) as answer:
            assert answer.status == 404
    assert encode_spans(spans.get_finished_spans()).SerializeToString()
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


async def test_a_failure_is_named_by_its_kind_alone(
    api: Api, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("ada@example.com does not like it")

    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    booking = (await person.post("/api/bookings/", {"event": event["id"]})).data
    monkeypatch.setattr(bookings, "get", fail)
    monkeypatch.setattr(jobs, "finish", fail)
    spans.clear()
    assert (await person.get(f"/api/bookings/{booking['id']}/")).status == 500
    await api.run_jobs(may_fail=True)
    request, job = named(spans, "GET /api/bookings/{id}/"), named(spans, "process confirm_booking")
    assert (request.status.is_ok, attributes(request)["error.type"]) == (False, "500")
    assert (job.status.is_ok, attributes(job)["error.type"]) == (False, "RuntimeError")
    assert "ada@" not in "".join(span.to_json() for span in spans.get_finished_spans())


class Outside:
    """Something that is called over the network."""

    name = "outside"

    async def charge(self, what: str, *, fails: bool = False) -> str:
        if fails:
            raise Busy("ada@example.com")
        return what


async def test_what_is_called_outside_is_a_span_below_its_job(spans: InMemorySpanExporter) -> None:
    outside = tracing.traced(Outside(), "stripe")
    assert await outside.charge("before") == "before"
    assert spans.get_finished_spans() == ()
    with tracing.span("process process_payment", "CONSUMER", {}):
        assert await outside.charge("it") == "it"
        with pytest.raises(Busy):
            await outside.charge("it", fails=True)
    assert outside.name == "outside"
    done, failed, job = spans.get_finished_spans()
    assert [span.name for span in below(spans, job)] == ["stripe charge", "stripe charge"]
    assert done.status.is_unset
    assert attributes(failed) == {"peer.service": "stripe", "error.type": "Busy"}
    assert "ada@" not in failed.to_json()


async def test_nothing_is_traced_and_nothing_marked_where_nobody_wants_it(api_without: Api) -> None:
    organizer, person = await api_without.person("organizer"), await api_without.person()
    await person.post("/api/bookings/", {"event": (await organizer.create_event())["id"]})
    rows = await api_without.database.fetch("SELECT trace FROM jobs")
    assert {row["trace"] for row in rows} == {None}
    outside = Outside()
    assert tracing.traced(outside, "stripe") is outside


@pytest.fixture
async def api_without(make_api: MakeApi) -> Api:
    return await make_api()


# Redis's client loads a part of OpenTelemetry by itself, where it is installed.
MODULES = """
import sys
import eventhub.web.app, eventhub.workers.main, eventhub.cli
print({"eventhub.telemetry.spans", "opentelemetry.sdk.trace", "opentelemetry.exporter", "sentry_sdk"} & {*sys.modules})
"""


def test_no_process_loads_the_extras_unasked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MODULES], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
