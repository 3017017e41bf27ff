"""How a job ends when the outside is away, or when trying again is of no use."""

from collections.abc import Iterator
from typing import Any

import pytest

from eventhub.gateways.mail.recording import RecordingMailer
from eventhub.models.jobs import JobKind, Queue
from eventhub.services.mail import Mail, MailRefused, MailTemporarilyFailed
from eventhub.workers import outgoing
from eventhub.workers.kinds import HANDLERS, does
from eventhub.workers.runner import GiveUp, Run, TryAgain, run_jobs
from tests.api import Api

MAIL = Mail(message_id="<test-1@example.com>", to_address="a@example.com", subject="Test", text="Test")
KIND = JobKind("test_ends", Queue.NOTIFICATIONS, max_attempts=3)


@pytest.fixture
def fails_with() -> Iterator[list[Exception]]:
    """What the job of this file raises, attempt by attempt."""
    errors: list[Exception] = []

    @does(KIND)
    async def fail(run: Run) -> None:
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
    fails_with.append(TryAgain("the server is away"))
    await enqueue(api)
    assert await attempt(api) == {
        "state": "queued",
        "attempts": 1,
        "error": "TryAgain: the server is away",
        "waits": True,
    }
    assert await attempt(api) is None


async def test_try_again_ends_as_failed_after_the_last_attempt(api: Api, fails_with: list[Exception]) -> None:
    fails_with.extend(TryAgain("away") for _ in range(3))
    await enqueue(api)
    states = [row["state"] for row in [await attempt(api) for _ in range(3)] if row]
    assert states == ["queued", "queued", "failed"]


async def test_give_up_fails_at_once(api: Api, fails_with: list[Exception]) -> None:
    fails_with.append(GiveUp("the gateway knows no such payment"))
    await enqueue(api)
    row = await attempt(api)
    assert row is not None
    assert (row["state"], row["attempts"]) == ("failed", 1)
    assert row["error"] == "GiveUp: the gateway knows no such payment"


async def test_mail_that_may_leave_later_is_tried_again() -> None:
    mailer = RecordingMailer()
    mailer.fail_next(MailTemporarilyFailed("451 try later"))
    with pytest.raises(TryAgain, match="451 try later"):
        await outgoing.send(mailer, MAIL)
    await outgoing.send(mailer, MAIL)
    assert mailer.sent == [MAIL]


async def test_mail_that_never_leaves_is_given_up() -> None:
    mailer = RecordingMailer()
    mailer.fail_next(MailRefused("550 no such user"))
    with pytest.raises(GiveUp, match="550 no such user"):
        await outgoing.send(mailer, MAIL)
