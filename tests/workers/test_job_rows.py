"""Rows of jobs at the border of each condition: which are found, which comes first, and what stays in them."""

import asyncpg
import pytest

from eventhub.database import Database
from eventhub.services import jobs
from eventhub.services.operations import open_jobs
from tests.rows import insert_booking, insert_event, insert_payment, insert_users
from tests.workers.conftest import UNIQUE_WORK, WORK, Work, texts


async def set_row(work: Work, job_id: int, values: str) -> None:
    await work.database.execute(f"UPDATE jobs SET {values} WHERE id = $1", job_id)


async def test_a_job_that_failed_for_good_rests_for_an_hour_before_its_promise_is_kept_anew(
    work: Work,
) -> None:
    first, last = await work.enqueue("first", "last")
    await set_row(work, last, f"attempts = {WORK.max_attempts - 1}")
    for job_id in (first, last):
        claimed = await work.claim_one(job_id)
        async with work.database.transaction() as tx:
            await jobs.record_failure(tx, claimed, "broken")
    rests = (
        "SELECT state, round(extract(epoch FROM run_at - now()) / 60)::int AS minutes FROM jobs ORDER BY id"
    )
    rows = await work.database.fetch(rests)
    assert [tuple(row.values()) for row in rows] == [("queued", 0), ("failed", 60)]


async def test_a_job_that_is_put_off_keeps_all_its_tries(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    claimed = await work.claim_one(job_id)
    async with work.database.transaction() as tx:
        await jobs.put_off(tx, claimed, "away", 1)
    row = await work.row()
    assert (row["state"], row["attempts"], row["max_attempts"]) == ("queued", 1, WORK.max_attempts + 1)


async def test_what_is_given_back_has_lost_no_try_and_what_another_took_over_is_left(work: Work) -> None:
    mine, lost = await work.enqueue("mine", "lost")
    claimed = [await work.claim_one(job_id) for job_id in (mine, lost)]
    await set_row(work, lost, "lease_token = gen_random_uuid()")
    async with work.database.transaction() as tx:
        await jobs.give_back(tx, claimed)
    rows = await work.database.fetch("SELECT state, attempts, lease_until IS NULL FROM jobs ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("queued", 0, True), ("running", 1, False)]


async def test_only_the_dead_of_their_last_try_are_buried_those_that_died_first_before_others(
    work: Work,
) -> None:
    later, first, alive, again = await work.enqueue(*texts(4))
    for job_id in (later, first, alive, again):
        await work.claim_one(job_id)
    last = f"attempts = {WORK.max_attempts}"
    await set_row(work, later, f"{last}, lease_until = now() - interval '1 minute'")
    await set_row(work, first, f"{last}, lease_until = now() - interval '2 minutes'")
    await set_row(work, alive, f"{last}, lease_until = now() + interval '1 minute'")
    await set_row(work, again, "lease_until = now() - interval '3 minutes'")
    failed = "SELECT array_agg(id ORDER BY id) FROM jobs WHERE state = 'failed'"
    assert await jobs.bury_the_dead(work.database, 1) == 1
    assert await work.database.fetch_value(failed) == [first]
    assert await jobs.bury_the_dead(work.database) == 1
    assert await work.database.fetch_value(failed) == [later, first]


async def test_what_has_been_due_longest_is_sent_first_and_what_is_in_its_last_try_not_at_all(
    work: Work,
) -> None:
    new, old, dead = await work.enqueue(*texts(3))
    await work.claim_one(dead)
    await set_row(work, new, "run_at = now() - interval '1 minute', sent_at = NULL")
    await set_row(work, old, "run_at = now() - interval '2 minutes', sent_at = NULL")
    dies = f"attempts = {WORK.max_attempts}, lease_until = now() - interval '1 minute', sent_at = NULL"
    await set_row(work, dead, dies)
    sent = [[job.id for job in await jobs.due_to_send(work.database, {}, 1)] for _ in range(3)]
    assert sent == [[old], [new], []]


async def test_the_list_of_troubles_begins_at_eight_tries(work: Work) -> None:
    seven, eight, failed, runs = await work.enqueue(*texts(4))
    await set_row(work, seven, "attempts = 7")
    await set_row(work, eight, "attempts = 8")
    await set_row(work, failed, "state = 'failed', attempts = 1")
    await work.claim_one(runs)
    await set_row(work, runs, "attempts = 9")
    assert [job.id for job in await open_jobs.list_jobs(work.database)] == [eight, failed]
    assert await open_jobs.list_jobs(work.database, "another") == ()


async def test_of_failed_jobs_with_one_key_the_newest_keeps_it_and_none_where_one_is_queued(
    work: Work,
) -> None:
    ids = []
    for key in ("a", "a", "b"):
        ids += [job for job in await work.enqueue(key, kind=UNIQUE_WORK) if job not in ids]
        await work.database.execute("UPDATE jobs SET state = 'failed', attempts = 3")
    await work.enqueue("b", kind=UNIQUE_WORK)
    async with work.database.transaction() as tx:
        assert len(await jobs.retry_all(tx)) == 3
    rows = await work.database.fetch("SELECT unique_key, attempts, state FROM jobs ORDER BY id")
    assert [row["unique_key"] for row in rows] == [None, UNIQUE_WORK.key("a"), None, UNIQUE_WORK.key("b")]
    assert {(row["attempts"], row["state"]) for row in rows} == {(0, "queued")}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("refund_payment", "owed", "by_hand"),
        ("refund_payment", "returned", "returned"),
        ("void_payment", "owed", "owed"),
    ],
)
async def test_who_drops_the_return_of_money_that_is_owed_has_taken_it_on(
    database: Database, kind: str, before: str, after: str
) -> None:
    organizer, payer = await insert_users(database, 2)
    event = await insert_event(database, organizer)
    booking = await insert_booking(database, event, payer, status="cancelled")
    payment = await insert_payment(database, booking, payer, status="refunded", refund_state=before)
    await database.execute(
        "INSERT INTO jobs (kind, version, queue, payload, state, run_at, attempts, max_attempts, created_at) "
        "VALUES ($1, 1, 'payments', jsonb_build_object('payment_id', $2::bigint), 'failed', now(), 1, 1, now())",
        kind,
        payment,
    )
    async with database.transaction() as tx:
        assert len(await jobs.discard_all(tx)) == 1
    assert await database.fetch_value("SELECT refund_state FROM payments") == after


async def test_a_job_that_another_took_over_ends_for_nobody_else(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    claimed = await work.claim_one(job_id)
    await set_row(work, job_id, "lease_token = gen_random_uuid()")
    for end in (jobs.finish, lambda tx, job: jobs.put_off(tx, job, "away", 1)):
        with pytest.raises(jobs.LeaseLost):
            async with work.database.transaction() as tx:
                await end(tx, claimed)
    await jobs.renew(work.database, WORK, [claimed])
    assert isinstance(await work.row(), asyncpg.Record)
    assert await work.log() == []


async def test_a_job_that_has_been_put_off_for_years_is_put_off_again(work: Work) -> None:
    (job_id,) = await work.enqueue("x")
    await set_row(work, job_id, f"max_attempts = {jobs.MAX_ATTEMPTS}")
    claimed = await work.claim_one(job_id)
    async with work.database.transaction() as tx:
        await jobs.put_off(tx, claimed, "away", 3600)
    assert await work.database.fetch_value("SELECT max_attempts FROM jobs") == jobs.MAX_ATTEMPTS
