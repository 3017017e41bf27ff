"""A claim leases due jobs to one worker; a lease that ran out makes them due again."""

import asyncio
from dataclasses import replace

import pytest

from eventhub.services import jobs
from tests.workers.conftest import WORK, Work, texts, write


async def test_a_claim_counts_the_attempt_and_leases(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    claimed = await work.claim_one(job_id)
    row = await work.database.fetch_one(
        "SELECT *, extract(epoch FROM lease_until - now())::float AS left FROM jobs"
    )
    assert row is not None
    assert (claimed.attempts, row["attempts"], row["state"]) == (1, 1, "running")
    assert row["lease_token"] == claimed.lease_token
    assert WORK.lease_seconds - 5 < row["left"] <= WORK.lease_seconds
    assert claimed.payload == {"text": "one"}


async def test_what_runs_is_not_claimed_again(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    await work.claim_one(job_id)
    assert await jobs.claim(work.database, WORK, [job_id]) == []


async def test_a_claim_skips_locked_rows(work: Work) -> None:
    locked, free = await work.enqueue("locked", "free")
    async with work.database.transaction() as tx:
        await tx.execute("SELECT FROM jobs WHERE id = $1 FOR UPDATE", locked)
        claimed = await asyncio.wait_for(jobs.claim(work.database, WORK, [locked, free]), 5)
    assert [job.id for job in claimed] == [free]


async def test_two_claimers_never_share(work: Work) -> None:
    ids = await work.enqueue(*texts(200))
    claims = await asyncio.gather(*(jobs.claim(work.database, WORK, ids) for _ in range(8)))
    claimed = [job.id for claim in claims for job in claim]
    assert sorted(claimed) == ids


async def test_a_job_whose_lease_ran_out_is_due_again(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    first = await work.claim_one(job_id)
    await work.let_lease_run_out()
    second = await work.claim_one(job_id)
    assert second.attempts == 2
    assert second.lease_token != first.lease_token


async def test_after_its_last_attempt_a_job_is_not_claimed(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    for _ in range(WORK.max_attempts):
        await work.claim_one(job_id)
        await work.let_lease_run_out()
    assert await jobs.claim(work.database, WORK, [job_id]) == []


async def test_who_lost_the_lease_cannot_commit(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    slow = await work.claim_one(job_id)
    await work.let_lease_run_out()
    quick = await work.claim_one(job_id)
    with pytest.raises(jobs.LeaseLost):
        async with work.database.transaction() as tx:
            await write(tx, "slow")
            await jobs.finish(tx, slow)
    async with work.database.transaction() as tx:
        await write(tx, "quick")
        await jobs.finish(tx, quick)
    assert await work.effects() == ["quick"]
    assert await work.log() == [(WORK.name, "done", 2)]


async def test_who_lost_the_lease_cannot_record_a_failure(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    slow = await work.claim_one(job_id)
    await work.let_lease_run_out()
    await work.claim_one(job_id)
    with pytest.raises(jobs.LeaseLost):
        async with work.database.transaction() as tx:
            await jobs.record_failure(tx, slow, "too late")
    assert (await work.row())["state"] == "running"


async def test_of_two_who_finish_a_job_at_once_one_commits(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    claimed = await work.claim_one(job_id)

    async def finish() -> None:
        async with work.database.transaction() as tx:
            await write(tx, "effect")
            await jobs.finish(tx, claimed)

    outcomes = await asyncio.gather(*(finish() for _ in range(5)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LeaseLost"] * 4 + ["NoneType"]
    assert await work.effects() == ["effect"]


async def test_a_renewed_lease_runs_its_full_time(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    claimed = await work.claim_one(job_id)
    await work.database.execute("UPDATE jobs SET lease_until = now() + interval '1 second'")
    await jobs.renew(work.database, WORK, [claimed])
    left = await work.database.fetch_value("SELECT extract(epoch FROM lease_until - now())::float FROM jobs")
    assert left > WORK.lease_seconds - 5


async def test_a_lease_that_somebody_else_holds_is_not_renewed(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    slow = await work.claim_one(job_id)
    await work.let_lease_run_out()
    await work.claim_one(job_id)
    await work.let_lease_run_out()
    await jobs.renew(work.database, WORK, [slow])
    assert await work.database.fetch_value("SELECT lease_until < now() FROM jobs")


async def test_jobs_of_another_kind_are_left_alone(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    assert await jobs.claim(work.database, replace(WORK, name="another"), [job_id]) == []


async def test_jobs_of_a_newer_version_wait_for_newer_workers(work: Work) -> None:
    [job_id] = await work.enqueue("one", kind=replace(WORK, version=2))
    assert await work.run(job_id) == 0
    assert (await work.row())["state"] == "queued"
    assert len(await jobs.claim(work.database, replace(WORK, version=2), [job_id])) == 1


async def test_jobs_of_an_older_version_are_done(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    assert len(await jobs.claim(work.database, replace(WORK, version=2), [job_id])) == 1


async def test_a_claim_of_many_takes_only_jobs_that_were_never_begun(work: Work) -> None:
    """A message is delivered again when its worker dies, and one of its jobs may be what killed it."""
    begun, fresh = await work.enqueue("begun", "fresh")
    await work.claim_one(begun)
    await work.let_lease_run_out()
    assert [job.id for job in await jobs.claim(work.database, WORK, [begun, fresh])] == [fresh]
    assert [job.id for job in await jobs.claim(work.database, WORK, [begun])] == [begun]
