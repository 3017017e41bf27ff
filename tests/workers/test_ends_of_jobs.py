"""How a job ends when the outside is away, or when trying again is of no use."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from eventhub.database import Database, Timeouts
from eventhub.errors import Busy, EventHubError
from eventhub.models.jobs import CANCEL_EVENT_BOOKINGS, JobKind, Queue
from eventhub.services import jobs
from eventhub.services.ports import documents, mail, payments, storage
from eventhub.services.ports.documents import RenderingFailed
from eventhub.services.ports.mail import MailRefused, MailTemporarilyFailed
from eventhub.services.ports.mail_contents import SystemAnnouncement
from eventhub.services.ports.payments import ChargeDisputed, GatewayRefused, GatewayUnavailable
from eventhub.services.ports.storage import StorageUnavailable
from eventhub.settings import Settings
from eventhub.workers import outgoing, runner
from eventhub.workers.context import JobContext, PermanentFailure, Retry
from eventhub.workers.kinds import HANDLERS, handles
from eventhub.workers.runner import run_jobs
from tests.api import Api, make_resources
from tests.money import make_jobs_due, organizer_and_payer, status

KIND = JobKind(name="test_ends", queue=Queue.NOTIFICATIONS, max_attempts=3)


@pytest.fixture
def fails_with() -> Iterator[list[Exception]]:
    """What the job of this file raises, attempt by attempt."""
    errors: list[Exception] = []

    @handles(KIND)
    async def fail(run: JobContext) -> None:
        if errors:
            raise errors.pop(0)

    yield errors
    del HANDLERS[KIND.name]


async def attempt(api: Api) -> dict[str, Any] | None:
    """Run the job once, whenever it would be due, and return its row, None once it is gone."""
    await api.database.execute("UPDATE jobs SET run_at = now()")
    rows = await api.database.fetch("SELECT id FROM jobs")
    await run_jobs(api.resources, KIND.name, [row["id"] for row in rows])
    row = await api.database.fetch_one("SELECT state, attempts, error, run_at > now() AS waits FROM jobs")
    return dict(row) if row else None


async def enqueue(api: Api) -> None:
    async with api.database.transaction() as tx:
        tx.enqueue(KIND)


async def test_try_again_waits_and_then_succeeds(api: Api, fails_with: list[Exception]) -> None:
    fails_with.append(Retry("the server is away"))
    await enqueue(api)
    assert await attempt(api) == {
        "state": "queued",
        "attempts": 1,
        "error": "Retry: the server is away",
        "waits": True,
    }
    assert await attempt(api) is None


async def test_an_outage_uses_up_no_attempts(api: Api, fails_with: list[Exception]) -> None:
    fails_with.extend(Retry("away") for _ in range(2 * KIND.max_attempts))
    await enqueue(api)
    for number in range(2 * KIND.max_attempts):
        row = await attempt(api)
        assert row is not None
        assert (row["state"], row["attempts"]) == ("queued", number + 1)
    assert await attempt(api) is None


async def test_what_goes_wrong_beside_an_outage_counts(api: Api, fails_with: list[Exception]) -> None:
    for _ in range(KIND.max_attempts):
        fails_with.extend([Retry("away"), ValueError("wrong")])
    await enqueue(api)
    states = [row["state"] for row in [await attempt(api) for _ in range(2 * KIND.max_attempts)] if row]
    assert states == ["queued"] * (2 * KIND.max_attempts - 1) + ["failed"]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        ConnectionError("connection was closed"),
        TimeoutError(),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"),
        asyncpg.CannotConnectNowError("the database system is shutting down"),
        Busy("Others are changing the same thing at the moment."),
    ],
)
async def test_what_stands_in_a_jobs_way_in_the_database_is_no_attempt(
    api: Api, fails_with: list[Exception], error: Exception
) -> None:
    fails_with.extend([error] * (KIND.max_attempts + 7))
    await enqueue(api)
    for _ in range(KIND.max_attempts + 7):
        row = await attempt(api)
        assert row is not None
        assert row["state"] == "queued"
    pause = await api.database.fetch_value("SELECT extract(epoch FROM run_at - now()) FROM jobs")
    assert 10 < pause <= 15, "once a lock is gone, its job has not to wait for long"
    assert await attempt(api) is None


async def test_a_lock_held_for_longer_than_all_tries_last_ends_no_job(api: Api, settings: Settings) -> None:
    """A real lock and real time-outs: an event is cancelled while its row is held."""
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    booking = await person.book(event)
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    patient = Timeouts(statement_seconds=5, lock_seconds=0.05, turn_seconds=5)
    impatient = await Database.open(settings.database_url, deliver=lambda _: None, timeouts=patient)
    resources = make_resources(settings, impatient)
    holder = await asyncpg.connect(settings.database_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        for _ in range(CANCEL_EVENT_BOOKINGS.max_attempts + 2):
            await api.database.execute("UPDATE jobs SET run_at = now()")
            job_id = await api.database.fetch_value(
                "SELECT id FROM jobs WHERE kind = $1", CANCEL_EVENT_BOOKINGS.name
            )
            assert await run_jobs(resources, CANCEL_EVENT_BOOKINGS.name, [job_id]) == 1
    await holder.close()
    await impatient.close()
    await make_jobs_due(api)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"


async def test_a_job_that_takes_too_long_has_used_an_attempt(api: Api) -> None:
    slow = replace(KIND, time_limit_seconds=0.05)  # type: ignore[arg-type]

    @handles(slow)
    async def take_long(run: JobContext) -> None:
        await asyncio.sleep(60)

    await enqueue(api)
    states = [row["state"] for row in [await attempt(api) for _ in range(KIND.max_attempts)] if row]
    del HANDLERS[KIND.name]
    assert states == ["queued", "queued", "failed"]


async def test_a_statement_that_takes_too_long_has_used_an_attempt(
    api: Api, fails_with: list[Exception]
) -> None:
    fails_with.extend([asyncpg.QueryCanceledError("canceling statement due to statement timeout")] * 3)
    await enqueue(api)
    states = [row["state"] for row in [await attempt(api) for _ in range(KIND.max_attempts)] if row]
    assert states == ["queued", "queued", "failed"]


async def test_an_end_is_recorded_once_the_database_is_back(
    api: Api, fails_with: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    outages = [ConnectionError("no server will do")] * 2
    real = jobs.record_failure

    async def fail_twice(*args: Any, **options: Any) -> str:
        if outages:
            raise outages.pop()
        return await real(*args, **options)

    monkeypatch.setattr(jobs, "record_failure", fail_twice)
    monkeypatch.setattr(runner, "END_PAUSES_SECONDS", (0.01, 0.01))
    fails_with.append(ValueError("wrong"))
    await enqueue(api)
    row = await attempt(api)
    assert row is not None
    assert (row["state"], row["error"]) == ("queued", "ValueError: wrong")


async def test_give_up_fails_at_once(api: Api, fails_with: list[Exception]) -> None:
    fails_with.append(PermanentFailure("the gateway knows no such payment"))
    await enqueue(api)
    row = await attempt(api)
    assert row is not None
    assert (row["state"], row["attempts"]) == ("failed", 1)
    assert row["error"] == "PermanentFailure: the gateway knows no such payment"


OUTSIDE = [
    MailTemporarilyFailed("451 try later"),
    MailRefused("550 no such user"),
    GatewayUnavailable("no answer"),
    GatewayRefused("The card was declined."),
    ChargeDisputed("The payer's bank decides."),
    RenderingFailed("a template without a font"),
    StorageUnavailable("the bucket is away"),
]


@pytest.mark.parametrize("error", OUTSIDE, ids=lambda error: type(error).__name__)
async def test_no_error_of_the_outside_ends_a_job_as_done(
    api: Api, fails_with: list[Exception], error: Exception
) -> None:
    """Also where a handler knows nothing of it: only what a rule refuses is an end."""
    fails_with.append(error)
    await enqueue(api)
    row = await attempt(api)
    assert row is not None
    assert (row["state"], row["attempts"]) == ("queued", 1)
    assert await api.database.fetch_value("SELECT count(*) FROM job_log") == 0
    assert await attempt(api) is None


def test_those_are_all_errors_of_the_outside() -> None:
    """Of a webhook that cannot be believed or understood a request is told; no job takes any."""
    ports = (documents, mail, payments, storage)
    errors = {
        each
        for port in ports
        for each in vars(port).values()
        if isinstance(each, type) and issubclass(each, Exception) and each.__module__ == port.__name__
    }
    assert errors == {*map(type, OUTSIDE), mail.MailError, payments.BadSignature, payments.BadEvent}
    assert {each for each in errors if issubclass(each, EventHubError)} == {
        payments.BadSignature,
        payments.BadEvent,
    }


async def send(api: Api) -> None:
    async with api.database.transaction() as tx:
        tx.enqueue(KIND)
    job_id = await api.database.fetch_value("SELECT max(id) FROM jobs")
    [job] = await jobs.claim(api.database, KIND, [job_id])
    content = SystemAnnouncement(recipient_name="", title="Test")
    await outgoing.send(JobContext(api.resources, job), content, key="test-1", to_address="a@example.com")


async def test_mail_that_may_leave_later_is_tried_again(api: Api) -> None:
    api.mailer.fail_next(MailTemporarilyFailed("451 try later"))
    with pytest.raises(Retry, match="451 try later"):
        await send(api)
    await send(api)
    assert [mail.message_id for mail in api.mailer.sent] == ["<test-1@localhost>"]


async def test_mail_that_never_leaves_is_given_up(api: Api) -> None:
    api.mailer.fail_next(MailRefused("550 no such user"))
    with pytest.raises(PermanentFailure, match="550 no such user"):
        await send(api)
