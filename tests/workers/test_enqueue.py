"""A change and the jobs that it causes commit together, and one queued job stands for many changes."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import dramatiq
import pytest

from eventhub import logs
from eventhub.database import SentJob, Transaction
from eventhub.services import jobs
from eventhub.workers.broker import MessageSender
from eventhub.workers.context import JobContext
from tests.workers.conftest import UNIQUE_WORK, WORK, MakeKind, Work, write


async def test_the_change_and_its_job_commit_together(work: Work) -> None:
    async with work.database.transaction() as tx:
        await write(tx, "change")
        tx.enqueue(WORK, text="job")
    assert await work.effects() == ["change"]
    assert [row["kind"] for row in await work.rows()] == [WORK.name]


async def test_a_change_that_rolls_back_leaves_no_job_and_sends_nothing(work: Work) -> None:
    sent: list[SentJob] = []
    work.database.deliver = sent.extend
    with pytest.raises(RuntimeError, match="changed its mind"):
        async with work.database.transaction() as tx:
            await write(tx, "change")
            tx.enqueue(WORK, text="job")
            await tx.flush_jobs()
            raise RuntimeError("changed its mind")
    assert (await work.effects(), await work.rows(), sent) == ([], [], [])


async def test_a_commit_that_fails_sends_nothing(work: Work) -> None:
    sent: list[SentJob] = []
    work.database.deliver = sent.extend
    await work.database.execute("ALTER TABLE effects ADD UNIQUE (text) DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with work.database.transaction() as tx:
            await write(tx, "twice")
            await write(tx, "twice")
            tx.enqueue(WORK, text="job")
    assert (await work.effects(), await work.rows(), sent) == ([], [], [])


async def test_a_job_that_cannot_be_written_takes_the_change_back(work: Work) -> None:
    with pytest.raises(TypeError):
        async with work.database.transaction() as tx:
            await write(tx, "change")
            tx.enqueue(WORK, text=object())
    assert await work.effects() == []


async def test_a_transaction_refuses_to_nest(work: Work) -> None:
    async with work.database.transaction() as tx:
        with pytest.raises(RuntimeError, match="pass it down"):
            async with work.database.transaction():
                pass
        await write(tx, "outer")
    assert await work.effects() == ["outer"]


async def test_a_transaction_may_follow_one_that_failed(work: Work) -> None:
    with pytest.raises(ZeroDivisionError):
        async with work.database.transaction():
            raise ZeroDivisionError
    async with work.database.transaction() as tx:
        await write(tx, "second")
    assert await work.effects() == ["second"]


async def test_the_message_leaves_after_the_commit(work: Work) -> None:
    async with work.database.transaction() as tx:
        tx.enqueue(WORK, text="a")
        tx.enqueue(WORK, text="b")
        sent: list[SentJob] = []
        work.database.deliver = sent.extend
        await tx.flush_jobs()
        assert sent == []
        # Another connection, as a worker's is, sees no job before the commit.
        assert await work.database.fetch_value("SELECT count(*) FROM jobs") == 0
    assert [(job.id, job.kind, job.queue) for job in sent] == [
        (job_id, WORK.name, WORK.queue.value) for job_id in await work.ids()
    ]


async def test_delivering_never_blocks_the_loop(work: Work) -> None:
    goes_on, went_on = threading.Event(), []

    class StuckBroker(dramatiq.Broker):
        def enqueue(
            self, message: "dramatiq.Message[None]", *, delay: int | None = None
        ) -> "dramatiq.Message[None]":
            went_on.append(goes_on.wait(10))
            return message

    sender = MessageSender(StuckBroker(middleware=[]))
    work.database.deliver = sender.deliver
    for n in range(10):
        await work.enqueue(str(n))
    goes_on.set()
    sender.close()
    assert went_on
    assert all(went_on), "the loop stood still with the broker"


async def test_a_last_statement_can_promise_nothing(work: Work) -> None:
    """The jobs are written before it, so one of its own would be lost: it is refused, and with it the transaction."""

    async def act(tx: Transaction, name: str) -> None:
        match name:
            case "enqueue":
                tx.enqueue(WORK, text="late")
            case "send_again":
                tx.send_again(SentJob(1, WORK.name, WORK.queue))
            case "at_the_end":
                tx.at_the_end(partial(write, tx, "later still"))

    for name in ("enqueue", "send_again", "at_the_end"):
        with pytest.raises(RuntimeError, match="would be lost"):
            async with work.database.transaction() as tx:
                await write(tx, "effect")
                tx.at_the_end(partial(act, tx, name))
    assert await work.effects() == []


async def test_a_transaction_that_is_over_promises_nothing(work: Work) -> None:
    async with work.database.transaction() as committed:
        pass
    with pytest.raises(ZeroDivisionError):
        async with work.database.transaction() as rolled_back:
            raise ZeroDivisionError
    for tx in (committed, rolled_back):
        with pytest.raises(RuntimeError, match="would be lost"):
            tx.enqueue(WORK, text="late")


async def test_jobs_are_written_before_the_last_statements(work: Work) -> None:
    """A queued twin may have to be waited for: what a last statement locks, a counter, is not held meanwhile."""
    seen: list[int] = []

    async def look(tx: Transaction) -> None:
        seen.append(await tx.fetch_value("SELECT count(*) FROM jobs"))

    async with work.database.transaction() as tx:
        tx.at_the_end(partial(look, tx))
        tx.enqueue(WORK, text="job")
    assert seen == [1]


async def test_one_queued_job_stands_for_a_unique_key(work: Work) -> None:
    await work.enqueue("once", kind=UNIQUE_WORK)
    await work.enqueue("once", kind=UNIQUE_WORK)
    async with work.database.transaction() as tx:
        tx.enqueue(UNIQUE_WORK, text="once")
        tx.enqueue(UNIQUE_WORK, text="once")
        tx.enqueue(UNIQUE_WORK, text="other")
    assert [row["unique_key"] for row in await work.rows()] == ["test_work:once", "test_work:other"]


async def test_a_change_enqueued_while_its_twin_runs_is_not_lost(work: Work) -> None:
    [running] = await work.enqueue("look", kind=UNIQUE_WORK)
    await work.claim_one(running)
    await work.enqueue("look", kind=UNIQUE_WORK)
    assert [row["state"] for row in await work.rows()] == ["running", "queued"]


async def test_unique_keys_of_failed_jobs_are_free(work: Work) -> None:
    await work.enqueue("look", kind=UNIQUE_WORK)
    await work.database.execute("UPDATE jobs SET state = 'failed'")
    await work.enqueue("look", kind=UNIQUE_WORK)
    assert [row["state"] for row in await work.rows()] == ["failed", "queued"]


async def test_a_queued_twin_is_not_run_before_the_change_that_counts_on_it_commits(
    work: Work, make_kind: MakeKind
) -> None:
    """The race: the twin is queued, a change joins it, and a worker must not look before that change is visible."""
    seen: list[list[str]] = []

    async def look(run: JobContext, text: str) -> None:
        async with run.transaction() as tx:
            seen.append([row["text"] for row in await tx.fetch("SELECT text FROM effects")])

    kind = make_kind(look, is_unique=True)
    [twin] = await work.enqueue("look", kind=kind)
    sent: list[SentJob] = []
    work.database.deliver = sent.extend
    async with work.database.transaction() as tx:
        await write(tx, "change")
        tx.enqueue(kind, text="look")
        await tx.flush_jobs()
        # Another connection, as a worker's is. A claim that waited for the lock would hang here.
        assert await asyncio.wait_for(jobs.claim(work.database, kind, [twin]), 5) == []
    assert [job.id for job in sent] == [twin], (
        "a message for the twin leaves again, its first one found nothing"
    )
    assert await work.run(twin, kind=kind) == 1
    assert seen == [["change"]]


async def test_a_change_waits_for_a_twin_that_is_being_claimed_and_queues_another(work: Work) -> None:
    """The other order: the claim has the row first, so the change finds a running twin and makes a new job."""
    [twin] = await work.enqueue("look", kind=UNIQUE_WORK)
    claim_is_open, may_commit = asyncio.Event(), asyncio.Event()

    async def claim_slowly() -> None:
        async with work.database.transaction() as tx:
            await tx.execute(
                "UPDATE jobs SET state = 'running', attempts = 1, lease_token = gen_random_uuid(), "
                "lease_until = now() + interval '1 minute' WHERE id = $1",
                twin,
            )
            claim_is_open.set()
            await may_commit.wait()

    claiming = asyncio.create_task(claim_slowly())
    await claim_is_open.wait()
    changing = asyncio.create_task(work.enqueue("look", kind=UNIQUE_WORK))
    await asyncio.sleep(0.1)
    may_commit.set()
    await asyncio.gather(claiming, changing)
    assert [row["state"] for row in await work.rows()] == ["running", "queued"]


def _in_minutes(minutes: float) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes)


SOON, LATE = _in_minutes(30), _in_minutes(60)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (LATE, SOON, SOON),
        (SOON, LATE, SOON),
        (SOON, None, None),
        (None, SOON, None),
    ],
)
@pytest.mark.parametrize("together", [False, True])
async def test_the_earlier_time_wins(
    work: Work, first: datetime | None, second: datetime | None, expected: datetime | None, together: bool
) -> None:
    await _enqueue_at(work, [first, second] if together else [first])
    if not together:
        await _enqueue_at(work, [second])
    run_at = (await work.row())["run_at"]
    if expected is None:
        assert run_at <= datetime.now(UTC)
    else:
        assert run_at == expected


async def _enqueue_at(work: Work, times: Sequence[datetime | None]) -> None:
    async with work.database.transaction() as tx:
        for run_at in times:
            tx.enqueue(UNIQUE_WORK, run_at=run_at, text="when")


async def test_a_delayed_job_waits_and_sends_nothing(work: Work) -> None:
    sent: list[SentJob] = []
    work.database.deliver = sent.extend
    async with work.database.transaction() as tx:
        tx.enqueue(WORK, run_at=_in_minutes(1), text="later")
    assert sent == []
    assert await work.run() == 0
    await work.make_due()
    assert await work.run() == 1
    assert await work.effects() == ["later"]


async def test_two_changes_that_name_the_same_keys_in_another_order_do_not_deadlock(work: Work) -> None:
    keys = [f"key-{n}" for n in range(50)]

    async def change(names: Sequence[str]) -> None:
        async with work.database.transaction() as tx:
            for name in names:
                tx.enqueue(UNIQUE_WORK, text=name)

    await change(keys)
    for _ in range(10):
        await asyncio.gather(change(keys), change(keys[::-1]))
    assert len(await work.rows()) == 50


async def test_jobs_carry_the_id_of_the_request_that_caused_them(work: Work) -> None:
    token = logs.begin(request_id="request-7")
    await work.enqueue("traced")
    logs.end(token)
    assert (await work.row())["request_id"] == "request-7"
