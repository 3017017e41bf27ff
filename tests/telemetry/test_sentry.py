"""What is reported to Sentry, and that nothing of it is anybody's."""

import asyncio
import logging
import re

import asyncpg
import pytest

from eventhub.services import bookings, jobs, payments
from eventhub.telemetry import sentry
from eventhub.workers import clock
from eventhub.workers.context import PermanentFailure
from tests.api import PASSWORD, Api, Person
from tests.conftest import MakeApi
from tests.fakes.sentry_server import SentryServer
from tests.workers.conftest import MakeKind, Work

EMAIL, ADDRESS, NEEDS = "ada.lovelace@example.com", "12 Analytical Street, London", "nuts kill me"


@pytest.fixture
async def api(reports: SentryServer, make_api: MakeApi) -> Api:
    return await make_api()


@pytest.fixture
async def ada(api: Api) -> Person:
    return await api.person(email=EMAIL, first_name="Augusta", last_name="Lovelace")


async def test_a_failed_request_is_reported_by_route_and_ids(
    api: Api, ada: Person, reports: SentryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(bookings, "get", fail)
    await ada.get("/api/bookings/4711/", headers={"X-Request-ID": "mine-1"})
    sentry.stop()
    [event] = reports.events
    assert event["tags"] == {
        "process": "test",
        "request_id": "mine-1",
        "route": "/api/bookings/{id}/",
        "user_id": str(ada.id),
        "booking_id": "4711",
    }
    assert event["transaction"] == "/api/bookings/{id}/"
    assert event["release"] == "eventhub@0.1.0+816a83b"
    assert (event["level"], event["logger"]) == ("error", "eventhub.web")
    [error] = event["exception"]["values"]
    assert error["type"] == "RuntimeError"
    last = error["stacktrace"]["frames"][-1]
    assert last["function"] == "fail"
    assert "raise RuntimeError" in last["context_line"]


async def test_nothing_that_a_person_wrote_leaves(
    api: Api, ada: Person, reports: SentryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stands: in the body, the path, the query, headers, variables, the error and what caused it."""

    async def fail(*args: object, **options: object) -> None:
        told = f"{EMAIL} {PASSWORD} {ADDRESS} {NEEDS} {args} {options}"
        try:
            raise asyncpg.CheckViolationError(told)
        except asyncpg.CheckViolationError as error:
            error.add_note(told)
            raise ValueError(told) from error

    event = await (await api.person("organizer")).create_event(price="10.00")
    booking = (await ada.post("/api/bookings/", {"event": event["id"]})).data
    for name in ("book", "change_requirements", "list_bookings"):
        monkeypatch.setattr(bookings, name, fail)
    monkeypatch.setattr(payments, "create", fail)
    headers = {
        "User-Agent": "Mozilla/Ada",
        "Cookie": "session=very-secret-1",
        "X-Forwarded-For": "203.0.113.7",
    }
    asked = [
        await ada.post(
            "/api/bookings/", {"event": event["id"], "special_requirements": NEEDS}, headers=headers
        ),
        await ada.patch(f"/api/bookings/{booking['id']}/", {"special_requirements": NEEDS}),
        await ada.get(f"/api/bookings/?page_size=5&token=very-secret-2&search={EMAIL}"),
        await ada.post(
            "/api/payments/", {"booking": booking["id"], "method": "mock", "billing_address": ADDRESS}
        ),
    ]
    sentry.stop()
    assert {answer.status for answer in asked} <= {400, 500}
    assert len(reports.events) >= 3
    sent = reports.text
    for secret in (
        *(EMAIL, "lovelace", "Lovelace", "Augusta", PASSWORD, ADDRESS, "Analytical", NEEDS),
        *("very-secret", "Mozilla", "203.0.113.7", ada.token, str(ada.user["username"]), "page_size"),
    ):
        assert secret is None or secret not in sent, secret
    for event in reports.events:
        assert (
            not {"request", "user", "extra", "breadcrumbs", "contexts", "modules", "logentry"} & event.keys()
        )
        assert {error["value"] for error in event["exception"]["values"]} == {sentry.WORDS_STAY}
        assert not re.search(r'"vars"', sent)


async def test_what_the_rules_foresee_and_what_is_away_is_not_reported(
    api: Api, ada: Person, reports: SentryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def be_away(*_: object) -> None:
        raise ConnectionRefusedError

    assert (await ada.get("/api/bookings/4711/")).status == 404
    monkeypatch.setattr(bookings, "get", be_away)
    assert (await ada.get("/api/bookings/4711/")).status == 503
    sentry.stop()
    assert reports.posted == []


async def test_each_failure_of_a_job_is_reported_and_its_last_too(
    work: Work, make_kind: MakeKind, reports: SentryServer
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError(EMAIL)

    kind = make_kind(fail, max_attempts=2)
    [job_id] = await work.enqueue(EMAIL, kind=kind)
    for _ in range(2):
        await work.run(job_id, kind=kind)
        await work.database.execute("UPDATE jobs SET run_at = now()")
    sentry.stop()
    first, second, last = reports.events
    for event in (first, second, last):
        assert event["tags"] == {"process": "test", "job_kind": kind.name, "job_id": str(job_id)}
        assert event["transaction"] == kind.name
    assert second["exception"]["values"][-1]["type"] == "RuntimeError"
    assert last["logentry"] == {"message": "job %s %s failed for good; see `eventhub jobs`"}
    assert EMAIL not in reports.text


async def test_a_job_that_the_outside_refused_for_good_is_reported_once(
    work: Work, make_kind: MakeKind, reports: SentryServer
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise PermanentFailure(f"550 no such user {EMAIL}")

    kind = make_kind(refuse)
    await work.run(*await work.enqueue("it", kind=kind), kind=kind)
    sentry.stop()
    [event] = reports.events
    assert "failed for good" in event["logentry"]["message"]
    assert EMAIL not in reports.text


async def test_a_job_whose_end_an_outage_keeps_back_is_not_reported(
    work: Work, make_kind: MakeKind, reports: SentryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def be_away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    kind = make_kind(be_away)
    monkeypatch.setattr(jobs, "put_off", be_away)
    await work.run(*await work.enqueue("it", kind=kind), kind=kind)
    sentry.stop()
    assert reports.posted == []


async def test_a_failed_task_of_the_clock_is_reported(reports: SentryServer) -> None:
    async def fail(_: int) -> int:
        raise RuntimeError(EMAIL)

    task = clock.ScheduledTask("tidy up", 1, 1, fail)
    stop = asyncio.Event()
    going = asyncio.create_task(clock.repeat(task, stop))
    await asyncio.sleep(0.1)
    stop.set()
    await going
    sentry.stop()
    [event] = reports.events
    assert (event["transaction"], event["tags"]) == ("tidy up", {"process": "test", "task": "tidy up"})
    assert EMAIL not in reports.text


def test_errors_of_libraries_are_reported_without_their_words(reports: SentryServer) -> None:
    """What asyncio says names whole tasks, with what they were given."""
    logging.getLogger("asyncio").error("Task exception: %s", EMAIL, exc_info=RuntimeError(EMAIL))
    logging.getLogger("opentelemetry.sdk").error("not sent", exc_info=RuntimeError("away"))
    logging.getLogger("asyncio").error("no traceback, %s", EMAIL)
    sentry.stop()
    [event] = reports.events
    assert event["logger"] == "asyncio"
    assert EMAIL not in reports.text


def test_nothing_is_reported_before_the_start_and_after_the_end(sentry_server: SentryServer) -> None:
    sentry.stop()
    sentry.start("test", "0", sentry_server.dsn)
    sentry.stop()
    logging.getLogger("eventhub").error("late", exc_info=RuntimeError())
    assert sentry_server.posted == []
