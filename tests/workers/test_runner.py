"""What becomes of a claimed job: done, refused, tried again, failed; each once, whatever happens meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from eventhub import logs
from eventhub.database import SentJob, Transaction
from eventhub.errors import Conflict, NotFound
from eventhub.services import jobs
from eventhub.services.operations import open_jobs
from eventhub.workers import runner
from eventhub.workers.context import JobContext, Retry
from tests.waiting import until
from tests.workers.conftest import WORK, MakeKind, Work, texts, write


async def test_the_effect_and_the_end_of_the_job_commit_together(work: Work) -> None:
    await work.enqueue("one")
    assert await work.run() == 1
    assert await work.effects() == ["one"]
    assert await work.rows() == []
    assert await work.log() == [(WORK.name, "done", 1)]


async def test_a_duplicate_message_finds_nothing_to_do(work: Work) -> None:
    ids = await work.enqueue("one", "two")
    ran = await asyncio.gather(*(work.run(*ids) for _ in range(5)))
    assert sum(ran) == 2
    assert await work.run(*ids) == 0
    assert await work.effects() == ["one", "two"]


async def test_a_failure_after_the_effect_takes_it_back(work: Work, make_kind: MakeKind) -> None:
    async def stumble(run: JobContext, text: str) -> None:
        async with run.transaction() as tx:
            await write(tx, text)
            tx.enqueue(WORK, text="follower")
            raise RuntimeError("stumbled")

    kind = make_kind(stumble)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    assert await work.effects() == []
    assert [row["kind"] for row in await work.rows()] == [kind.name], "no follower"


async def test_jobs_that_follow_commit_with_the_effect(work: Work, make_kind: MakeKind) -> None:
    async def lead(run: JobContext, text: str) -> None:
        async with run.transaction() as tx:
            tx.enqueue(WORK, text=text)

    kind = make_kind(lead)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    assert [(row["kind"], row["state"]) for row in await work.rows()] == [(WORK.name, "queued")]


async def test_a_handler_without_a_transaction_ends_its_job(work: Work, make_kind: MakeKind) -> None:
    async def only_outside(run: JobContext, text: str) -> None:
        pass

    kind = make_kind(only_outside)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    assert await work.log() == [(kind.name, "done", 1)]


async def test_what_a_worker_did_without_its_lease_is_rolled_back(
    work: Work, make_kind: MakeKind, caplog: pytest.LogCaptureFixture
) -> None:
    took_over: list[int] = []

    async def dawdle(run: JobContext, text: str) -> None:
        if not took_over:
            await work.let_lease_run_out()
            took_over.append((await work.claim_one(run.job.id, kind)).id)
        async with run.transaction() as tx:
            await write(tx, text)

    kind = make_kind(dawdle)
    await work.enqueue("one", kind=kind)
    with caplog.at_level(logging.WARNING):
        await work.run(kind=kind)
    assert await work.effects() == []
    assert (await work.row())["attempts"] == 2
    assert "taken over" in caplog.text


async def test_a_long_job_renews_its_lease(work: Work, make_kind: MakeKind) -> None:
    async def take_long(run: JobContext, text: str) -> None:
        first = (await work.row())["lease_until"]
        await until(lambda: work.database.fetch_value("SELECT now() > $1", first), "its first lease is over")
        # Nobody may take it over meanwhile.
        assert await jobs.claim(run.database, kind, [run.job.id]) == []
        async with run.transaction() as tx:
            await write(tx, text)

    kind = make_kind(take_long, lease_seconds=1)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    assert await work.effects() == ["one"]
    assert await work.log() == [(kind.name, "done", 1)]


async def test_a_lease_that_cannot_be_renewed_is_logged_and_tried_again(
    work: Work, make_kind: MakeKind, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def take_long(run: JobContext, text: str) -> None:
        await asyncio.sleep(0.5)

    async def fail(*_: object) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(jobs, "renew", fail)
    kind = make_kind(take_long, lease_seconds=0.6)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    told = [r.getMessage() for r in caplog.records if "could not be renewed" in r.getMessage()]
    assert len(told) >= 2
    assert "ConnectionError('away')" in told[0]


async def test_without_renewal_a_long_job_would_lose_its_lease(
    work: Work, make_kind: MakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take_long(run: JobContext, text: str) -> None:
        until_when = (await work.row())["lease_until"]
        await until(lambda: work.database.fetch_value("SELECT now() > $1", until_when), "its lease is over")
        assert len(await jobs.claim(run.database, kind, [run.job.id])) == 1

    async def not_renewed(*_: object) -> None:
        pass

    monkeypatch.setattr(runner, "_keep_leases", not_renewed)
    kind = make_kind(take_long, lease_seconds=0.3)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    assert await work.log() == []


async def test_a_failure_waits_longer_each_time_and_is_kept_after_the_last(
    work: Work, make_kind: MakeKind
) -> None:
    async def stumble(run: JobContext, text: str) -> None:
        raise ValueError(f"cannot do {text}")

    kind = make_kind(stumble)
    [job_id] = await work.enqueue("one", kind=kind)
    sent: list[SentJob] = []
    work.database.deliver = sent.extend
    delays = []
    for attempt in range(1, kind.max_attempts):
        assert await work.run(kind=kind) == 1
        row = await work.row()
        assert (row["state"], row["attempts"]) == ("queued", attempt)
        assert row["error"] == "ValueError: cannot do one"
        assert await work.run(kind=kind) == 0, "not before its time"
        assert row["sent_at"] == row["run_at"]
        delays.append(sent[-1].delay_seconds)
        await work.make_due()
    assert delays == [2, 4]
    assert sent == [
        SentJob(job_id, kind.name, kind.queue.value, delay_seconds=delay, alone=True) for delay in delays
    ]
    assert await work.run(kind=kind) == 1
    row = await work.row()
    assert (row["state"], row["attempts"], row["error"]) == ("failed", 3, "ValueError: cannot do one")
    assert len(sent) == 2, "nothing is sent for a job that failed for good"
    assert await work.run(kind=kind) == 0
    assert await jobs.due_to_send(work.database, {}) == []


async def test_delays_have_a_cap(work: Work) -> None:
    kind = replace(WORK, max_attempts=30)
    [job_id] = await work.enqueue("one", kind=kind)
    await work.database.execute("UPDATE jobs SET attempts = 20")
    claimed = await work.claim_one(job_id, kind)
    async with work.database.transaction() as tx:
        await jobs.record_failure(tx, claimed, "again")
    delay = await work.database.fetch_value("SELECT extract(epoch FROM run_at - now())::float FROM jobs")
    assert jobs.BACKOFF_CAP_SECONDS - 5 < delay <= jobs.BACKOFF_CAP_SECONDS


async def test_a_failed_job_may_be_tried_again_with_all_its_attempts(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    await work.database.execute("UPDATE jobs SET state = 'failed', attempts = 3, error = 'broken'")
    sent: list[SentJob] = []
    work.database.deliver = sent.extend
    assert [(job.id, job.error) for job in await open_jobs.list_jobs(work.database)] == [(job_id, "broken")]
    async with work.database.transaction() as tx:
        await jobs.retry(tx, job_id)
    assert sent == [SentJob(job_id, WORK.name, WORK.queue.value)]
    assert await work.run() == 1
    assert await work.effects() == ["one"]
    assert await work.log() == [(WORK.name, "done", 1)]


async def test_a_failed_job_may_be_discarded_and_the_log_says_so(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    await work.database.execute("UPDATE jobs SET state = 'failed', attempts = 3, error = 'broken'")
    async with work.database.transaction() as tx:
        await jobs.discard(tx, job_id)
    assert await work.rows() == []
    assert await work.log() == [(WORK.name, "discarded: broken", 3)]


@pytest.mark.parametrize("act", [jobs.retry, jobs.discard])
async def test_only_failed_jobs_are_retried_or_discarded(
    work: Work, act: Callable[[Transaction, int], Awaitable[None]]
) -> None:
    [job_id] = await work.enqueue("one")
    for missing in (job_id, 4711):
        with pytest.raises(NotFound):
            async with work.database.transaction() as tx:
                await act(tx, missing)
    assert (await work.row())["state"] == "queued"


async def test_a_failure_gives_its_key_up_to_a_twin_that_queued_meanwhile(
    work: Work, make_kind: MakeKind
) -> None:
    async def stumble(run: JobContext, text: str) -> None:
        await work.enqueue("one", kind=kind)
        raise ValueError(text)

    kind = make_kind(stumble, is_unique=True)
    [first] = await work.enqueue("one", kind=kind)
    await work.run(first, kind=kind)
    assert [(row["state"], row["unique_key"], row["attempts"]) for row in await work.rows()] == [
        ("queued", None, 1),
        ("queued", "test_variant:one", 0),
    ]


async def test_a_refusal_ends_the_job_as_done_and_logged(work: Work, make_kind: MakeKind) -> None:
    async def refuse(run: JobContext, text: str) -> None:
        async with run.transaction() as tx:
            await write(tx, text)
            raise Conflict("Sold out meanwhile.")

    kind = make_kind(refuse)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    assert await work.rows() == []
    assert await work.effects() == [], "a refused job has no effect"
    assert await work.log() == [(kind.name, "refused: Sold out meanwhile.", 1)]


async def test_a_job_that_takes_too_long_is_stopped_and_tried_again(work: Work, make_kind: MakeKind) -> None:
    async def never_end(run: JobContext, text: str) -> None:
        await asyncio.sleep(60)

    kind = make_kind(never_end, time_limit_seconds=0.2)
    await work.enqueue("one", kind=kind)
    await asyncio.wait_for(work.run(kind=kind), 10)
    row = await work.row()
    assert (row["state"], row["attempts"], row["error"]) == ("queued", 1, "TimeoutError: ")


async def test_a_payload_that_the_handler_does_not_take_is_a_failure(work: Work, make_kind: MakeKind) -> None:
    async def takes_another(run: JobContext, other: str) -> None:
        pass

    kind = make_kind(takes_another)
    await work.enqueue("one", kind=kind)
    await work.run(kind=kind)
    assert "unexpected keyword" in (await work.row())["error"]


async def test_one_bad_job_of_a_message_harms_no_other(work: Work, make_kind: MakeKind) -> None:
    async def one_is_bad(run: JobContext, text: str) -> None:
        async with run.transaction() as tx:
            await write(tx, text)
            if text == "007":
                raise RuntimeError("bad")

    kind = make_kind(one_is_bad)
    await work.enqueue(*texts(20), kind=kind)
    assert await work.run(kind=kind) == 20
    assert await work.effects() == [text for text in texts(20) if text != "007"]
    assert [row["payload"] for row in await work.rows()] == ['{"text": "007"}']


async def test_jobs_of_a_message_run_a_few_at_a_time(work: Work, make_kind: MakeKind) -> None:
    running, most = 0, 0

    async def wait(run: JobContext, text: str) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1

    kind = make_kind(wait)
    await work.enqueue(*texts(20), kind=kind)
    await work.run(kind=kind)
    assert most == kind.at_once


async def test_jobs_killed_with_their_worker_travel_alone_and_the_killer_ends_as_failed(work: Work) -> None:
    """Twenty jobs in one message, one of which kills its worker each time: the other nineteen are done."""
    killer, *innocent = await work.enqueue(*texts(20))

    # The first worker dies with the whole message.
    assert len(await jobs.claim(work.database, WORK, [killer, *innocent])) == 20
    for _ in range(WORK.max_attempts):
        await work.let_lease_run_out()
        await work.database.execute("UPDATE jobs SET sent_at = now() - interval '1 minute'")
        await jobs.bury_the_dead(work.database)
        for job in await jobs.due_to_send(work.database, {}):
            assert job.alone
            if job.id == killer:
                assert len(await jobs.claim(work.database, WORK, [killer])) == 1  # and dies again
            else:
                await work.run(job.id)
    row = await work.row()
    assert (row["id"], row["state"], row["attempts"]) == (killer, "failed", WORK.max_attempts)
    assert row["error"] == "the worker died or hung during attempt 3"
    assert await work.effects() == list(texts(20)[1:])
    assert {attempts for _, _, attempts in await work.log()} == {2}


async def test_a_database_that_goes_away_while_a_refusal_is_recorded_harms_no_other_job(
    work: Work, make_kind: MakeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse_one(run: JobContext, text: str) -> None:
        if text == "refused":
            raise Conflict("No.")
        await asyncio.sleep(0.1)
        async with run.transaction() as tx:
            await write(tx, text)

    real = jobs.finish

    async def finish(tx: Transaction, job: jobs.ClaimedJob, outcome: str = "done") -> None:
        if outcome != "done":
            raise ConnectionResetError("the database is away")
        await real(tx, job, outcome)

    monkeypatch.setattr(jobs, "finish", finish)
    kind = make_kind(refuse_one)
    await work.enqueue("refused", "other", kind=kind)
    assert await work.run(kind=kind) == 2
    assert await work.effects() == ["other"]
    assert (await work.row())["state"] == "running", "its lease runs out, and it is due again"


async def test_a_worker_that_stops_finishes_what_runs_and_gives_the_rest_back(
    work: Work, make_kind: MakeKind
) -> None:
    async def stop_meanwhile(run: JobContext, text: str) -> None:
        await asyncio.sleep(0.05)
        run.resources.stopping.set()
        await asyncio.sleep(0.05)
        async with run.transaction() as tx:
            await write(tx, text)

    kind = make_kind(stop_meanwhile)
    ids = await work.enqueue(*texts(20), kind=kind)
    sent: list[SentJob] = []
    work.database.deliver = sent.extend
    assert await work.run(*ids, kind=kind) == kind.at_once
    assert len(await work.effects()) == kind.at_once
    left = await work.rows()
    assert {(row["state"], row["attempts"]) for row in left} == {("queued", 0)}
    # Which of them are begun first is not promised.
    assert sorted(job.id for job in sent) == [row["id"] for row in left]
    assert len(left) == len(ids) - kind.at_once
    work.resources.stopping.clear()
    assert len(await jobs.claim(work.database, kind, [row["id"] for row in left])) == len(left)


async def test_what_a_job_logs_and_enqueues_bears_the_id_of_the_request_that_caused_it(
    work: Work, make_kind: MakeKind
) -> None:
    seen = []

    async def look(_: JobContext, text: str) -> None:
        seen.append((text, logs.request_id()))

    kind = make_kind(look)
    for request_id in ("first-request", "second-request"):
        token = logs.begin(request_id=request_id)
        await work.enqueue(request_id, kind=kind)
        logs.end(token)
    await work.run(kind=kind)
    assert sorted(seen) == [("first-request", "first-request"), ("second-request", "second-request")]


@pytest.mark.parametrize(("hours", "state"), [(2 * 24 - 1, "queued"), (2 * 24 + 1, "failed")])
async def test_an_outage_is_waited_for_as_many_days_as_the_kind_says(
    work: Work, make_kind: MakeKind, hours: int, state: str
) -> None:
    async def fail(_: JobContext, text: str) -> None:
        raise Retry(f"{text} is away")

    kind = make_kind(fail, outage_days=2)
    await work.enqueue("it", kind=kind)
    await work.database.execute(f"UPDATE jobs SET created_at = now() - interval '{hours} hours'")
    await work.run(kind=kind)
    assert (await work.row())["state"] == state
