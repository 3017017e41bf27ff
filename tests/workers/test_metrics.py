"""What is counted of jobs and of the clock's tasks, by how they ended; and the port that it is read from."""

import asyncio
import multiprocessing
import socket
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from prometheus_client import REGISTRY

from eventhub.database import Database
from eventhub.errors import Conflict
from eventhub.metrics import Readers
from eventhub.metrics.server import served
from eventhub.models.jobs import JobKind, Queue
from eventhub.services import jobs
from eventhub.workers import clock, figures, runner
from eventhub.workers.clock import ScheduledTask
from eventhub.workers.context import JobContext, PermanentFailure, Retry
from eventhub.workers.kinds import HANDLERS, handles
from eventhub.workers.runner import run_jobs
from tests.api import Api
from tests.money import organizer_and_payer, reserve

KIND = JobKind(name="test_metrics", queue=Queue.NOTIFICATIONS, max_attempts=2)
TOKEN = "sixteen-bytes-or-more"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def raises() -> Iterator[list[Exception]]:
    errors: list[Exception] = []

    @handles(KIND)
    async def run(_: JobContext) -> None:
        raise errors[0]

    yield errors
    del HANDLERS[KIND.name]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Conflict("sold out", code="sold_out"), "refused"),
        (Retry("away"), "retried"),
        (TimeoutError(), "retried"),
        (ValueError("wrong"), "failed"),
        (PermanentFailure("never"), "failed_for_good"),
        (jobs.LeaseLost("taken over"), "lease_lost"),
    ],
)
async def test_tries_count_by_how_they_ended(
    api: Api, raises: list[Exception], error: Exception, outcome: str
) -> None:
    raises.append(error)
    before = value("eventhub_job_seconds_count", kind=KIND.name, outcome=outcome)
    delays = value("eventhub_job_delay_seconds_count", kind=KIND.name)
    waited = value("eventhub_job_delay_seconds_sum", kind=KIND.name)
    async with api.database.transaction() as tx:
        tx.enqueue(KIND)
    await api.database.execute("UPDATE jobs SET run_at = now() - interval '90 seconds'")
    await run_jobs(api.resources, KIND.name, [await api.database.fetch_value("SELECT id FROM jobs")])
    assert value("eventhub_job_seconds_count", kind=KIND.name, outcome=outcome) == before + 1
    assert value("eventhub_job_delay_seconds_count", kind=KIND.name) == delays + 1
    assert 90 <= value("eventhub_job_delay_seconds_sum", kind=KIND.name) - waited < 120


async def test_an_end_that_cannot_be_recorded_is_a_lease_lost(
    api: Api, raises: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ConnectionError("away")

    raises.append(ValueError("wrong"))
    before = value("eventhub_job_seconds_count", kind=KIND.name, outcome="lease_lost")
    async with api.database.transaction() as tx:
        tx.enqueue(KIND)
    monkeypatch.setattr(jobs, "record_failure", fail)
    monkeypatch.setattr(runner, "END_PAUSES_SECONDS", ())
    await run_jobs(api.resources, KIND.name, [await api.database.fetch_value("SELECT id FROM jobs")])
    assert value("eventhub_job_seconds_count", kind=KIND.name, outcome="lease_lost") == before + 1


def task(step: Callable[[int], Awaitable[int]]) -> ScheduledTask:
    return ScheduledTask("test", 60, 1, step)


async def test_tasks_count_by_how_they_ended_and_say_when_they_succeeded() -> None:
    async def done(_: int) -> int:
        return 0

    async def away(_: int) -> int:
        raise ConnectionError("away")

    async def broken(_: int) -> int:
        raise ValueError("broken")

    moment = "eventhub_clock_task_succeeded_timestamp_seconds"
    for step, outcome in ((away, "away"), (broken, "failed"), (done, "done")):
        before = value("eventhub_clock_task_seconds_count", task="test", outcome=outcome)
        succeeded = value(moment, task="test")
        await clock._try(task(step))
        assert value("eventhub_clock_task_seconds_count", task="test", outcome=outcome) == before + 1
        assert (value(moment, task="test") > succeeded) is (outcome == "done")


async def test_a_task_that_never_succeeds_shows_since_when_it_is_tried() -> None:
    stop = asyncio.Event()

    async def broken(_: int) -> int:
        stop.set()
        raise ValueError("broken")

    await clock.repeat(ScheduledTask("never", 60, 1, broken), stop)
    assert value("eventhub_clock_task_succeeded_timestamp_seconds", task="never") > 0


async def test_figures_say_how_things_stand(api: Api) -> None:
    organizer, payer = await organizer_and_payer(api)
    event = await organizer.create_event(price="5.00", max_attendees=10)
    await reserve(payer, event)
    await api.database.execute(
        "INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at) SELECT gen_random_uuid(), "
        "kind, 'here', 1, '0', queues::jsonb, now(), now() - seconds * interval '1 second' FROM (VALUES "
        "('worker', '[\"payments\"]', 0), ('worker', '[\"payments\"]', 60), ('clock', '[]', 1)) AS given (kind, queues, seconds)"
    )
    async with api.database.transaction() as tx:
        tx.enqueue(KIND)
    await api.database.execute("UPDATE jobs SET run_at = now() - interval '100 seconds'")
    await figures.collect(api.database, 1)
    await figures.collect_money(api.database, 1)
    seats = {state: value("eventhub_seats", state=state) for state in ("offered", "taken", "held")}
    assert seats == {"offered": 10, "taken": 1, "held": 1}
    assert value("eventhub_bookings_pending") == 1
    assert value("eventhub_events", status="published") == 1
    kinds = {kind: value("eventhub_processes", kind=kind) for kind in ("web", "worker", "clock")}
    assert kinds == {"web": 0, "worker": 1, "clock": 1}
    assert value("eventhub_queue_workers", queue="payments") == 1
    assert value("eventhub_queue_workers", queue="waitlist") == 0
    assert value("eventhub_jobs", queue="notifications", state="due") > 0
    assert 100 <= value("eventhub_jobs_oldest_due_seconds", queue="notifications") < 130
    assert value("eventhub_jobs_oldest_due_seconds", queue="certificates") == 0
    newest = value("eventhub_schema_version", of="code")
    assert newest >= 8
    assert value("eventhub_schema_version", of="database") == newest


async def test_figures_say_for_how_long_money_is_owed(api: Api) -> None:
    organizer, payer = await organizer_and_payer(api)
    booking = await reserve(payer, await organizer.create_event(price="5.00"))
    payment = (await payer.post("/api/payments/", {"booking": booking["id"], "method": "mock"})).data
    await api.run_jobs()
    assert (await organizer.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    await api.database.execute("UPDATE payments SET refunded_at = now() - interval '2 hours'")
    await figures.collect(api.database, 1)
    await figures.collect_money(api.database, 1)
    assert value("eventhub_owed", what="refunds") == 1
    assert 7200 <= value("eventhub_owed_oldest_seconds", what="refunds") < 7260
    assert value("eventhub_owed_oldest_seconds", what="payments_to_void") == 0
    assert value("eventhub_payments", status="refunded", currency="USD") == 1
    assert value("eventhub_payments", status="completed", currency="USD") == 0
    assert value("eventhub_payments_amount", status="refunded", currency="USD") == 5


async def test_figures_are_collected_only_where_they_are_served(database: Database) -> None:
    nothing: Any = None

    class Chosen:
        clock_interval_seconds = 15.0
        metrics_port: int | None = None
        job_log_kept_days = idempotency_kept_hours = 1
        notifications_kept_days = facts_kept_days = 0

    chosen: Any = Chosen()
    names = {item.name for item in clock.schedule(chosen, nothing, nothing, nothing)}
    chosen.metrics_port = 9100
    more = {item.name: item.seconds for item in clock.schedule(chosen, nothing, nothing, nothing)}
    assert more.keys() - names == {"figures", "figures of money"}
    assert more["figures"] >= 10


def ask(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, str, Any]:
    asking = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(asking, timeout=5) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(), refusal.headers


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_port_answers_those_who_may_read(port: int) -> None:
    with served("127.0.0.1", port, Readers(TOKEN)):
        for path in ("/metrics", "/metrics/"):
            status, text, headers = ask(port, path, Authorization=f"Bearer {TOKEN}")
            assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
            assert "# TYPE eventhub_" in text
        status, text, _ = ask(port, method="HEAD", Authorization=f"Bearer {TOKEN}")
        assert (status, text) == (200, "")
        for wrong in ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}é"):
            status, _, headers = ask(port, Authorization=wrong.encode().decode("latin-1"))
            assert (status, headers["WWW-Authenticate"].split()[0]) == (401, "Bearer")
        assert ask(port, "/", Authorization=f"Bearer {TOKEN}")[0] == 404
        assert ask(port, method="POST", Authorization=f"Bearer {TOKEN}")[0] == 405
        with pytest.raises(OSError, match="in use"), served("127.0.0.1", port, Readers()):
            pass
    # It listens no longer.
    with pytest.raises(urllib.error.URLError):
        ask(port)


def test_without_a_token_only_networks_that_are_listed_are_answered(port: int) -> None:
    with served("127.0.0.1", port, Readers(networks=(ip_network("10.0.0.0/8"),))):
        assert ask(port)[0] == 404
    with served("127.0.0.1", port, Readers(networks=(ip_network("127.0.0.1"),))):
        assert ask(port)[0] == 200


def test_a_process_that_is_forked_keeps_no_hold_of_the_port(port: int) -> None:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Dramatiq's master forks beside threads, too
        with served("127.0.0.1", port, Readers()):
            child.start()
    try:
        with served("127.0.0.1", port, Readers()):
            assert child.is_alive()
    finally:
        child.kill()
        child.join()
