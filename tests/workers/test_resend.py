"""The clock's part in jobs: lost messages sent again, dead workers' jobs buried, old log lines dropped."""

import asyncio
from datetime import timedelta

import fakeredis
import pytest
import redis

from eventhub.database import SentJob
from eventhub.models.jobs import Queue
from eventhub.services import bookings, jobs, waitlist
from eventhub.workers import clock
from tests.api import Api
from tests.workers.conftest import WORK, Work, texts

QUEUE = WORK.queue.value
LATER = timedelta(seconds=3)


async def sent_long_ago(work: Work) -> None:
    await work.database.execute("UPDATE jobs SET sent_at = now() - interval '1 minute'")


async def test_a_due_job_that_was_sent_long_ago_is_sent_again(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    assert await jobs.due_to_send(work.database, {}) == [], "it has only just been sent"
    await sent_long_ago(work)
    assert await jobs.due_to_send(work.database, {}) == [SentJob(job_id, WORK.name, QUEUE)]
    assert await jobs.due_to_send(work.database, {}) == [], "and now it has been sent again"


async def test_a_delayed_job_is_sent_once_its_time_has_come(work: Work) -> None:
    await work.enqueue("one")
    await work.database.execute("UPDATE jobs SET run_at = now() + interval '1 hour', sent_at = NULL")
    assert await jobs.due_to_send(work.database, {}) == []
    await work.make_due()
    assert len(await jobs.due_to_send(work.database, {})) == 1


async def test_what_runs_is_not_sent_again_until_its_lease_runs_out(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    await work.claim_one(job_id)
    await sent_long_ago(work)
    assert await jobs.due_to_send(work.database, {}) == []
    await work.let_lease_run_out()
    assert await jobs.due_to_send(work.database, {}) == [SentJob(job_id, WORK.name, QUEUE, alone=True)]


async def test_jobs_that_died_with_a_worker_twice_are_sent_one_at_a_time(work: Work) -> None:
    """Together again they would die together again, with whichever of them kills the worker, to the last attempt."""
    ids = await work.enqueue(*texts(3))
    for _ in range(2):
        for job_id in ids:
            await work.claim_one(job_id)
        await work.let_lease_run_out()
    await sent_long_ago(work)
    first, second, third = ids

    async def sent() -> list[int]:
        await sent_long_ago(work)
        return [job.id for job in await jobs.due_to_send(work.database, {})]

    assert await sent() == [first]
    assert await sent() == [first], "no other until this one has been taken up"
    await work.claim_one(first)
    assert await sent() == [], "nor while it runs, or seems to"
    await work.let_lease_run_out()
    await jobs.bury_the_dead(work.database)
    assert await sent() == [second]
    await work.run(second)
    assert await sent() == [third]


async def test_failed_jobs_are_not_sent_again(work: Work) -> None:
    await work.enqueue("one")
    await work.database.execute("UPDATE jobs SET state = 'failed', sent_at = NULL")
    assert await jobs.due_to_send(work.database, {}) == []


@pytest.mark.parametrize(
    ("waiting_messages", "sent"),
    [
        (0, 50),
        (2, 50),  # room for 40 of the 50
        (3, 0),
        (50, 0),
    ],
)
async def test_a_backlog_breeds_no_duplicates(work: Work, waiting_messages: int, sent: int) -> None:
    await work.enqueue(*texts(50))
    await sent_long_ago(work)
    assert len(await jobs.due_to_send(work.database, {QUEUE: waiting_messages})) == sent


async def test_a_backlog_of_one_queue_holds_up_no_other(work: Work) -> None:
    await work.enqueue("one")
    await sent_long_ago(work)
    assert len(await jobs.due_to_send(work.database, {Queue.PAYMENTS.value: 1000})) == 1


async def test_two_clocks_send_once(work: Work) -> None:
    ids = await work.enqueue(*texts(200))
    await sent_long_ago(work)
    rounds = await asyncio.gather(*(jobs.due_to_send(work.database, {}) for _ in range(6)))
    assert sorted(job.id for sent in rounds for job in sent) == ids


async def test_a_round_of_the_clock_delivers_what_seems_lost(work: Work) -> None:
    [job_id] = await work.enqueue("one")
    await sent_long_ago(work)
    delivered: list[SentJob] = []
    work.database.deliver = delivered.extend
    async with fakeredis.FakeAsyncRedis() as client:
        assert await clock.send_again(work.database, client, 100) == 1
        assert [job.id for job in delivered] == [job_id]
        await sent_long_ago(work)
        await client.rpush(f"dramatiq:{QUEUE}", "a message that waits")
        assert await clock.send_again(work.database, client, 100) == 0


async def test_while_redis_is_away_nothing_is_marked_as_sent(work: Work) -> None:
    await work.enqueue("one")
    await sent_long_ago(work)
    server = fakeredis.FakeServer()
    server.connected = False
    async with fakeredis.FakeAsyncRedis(server=server) as client:
        with pytest.raises(redis.ConnectionError):
            await clock.send_again(work.database, client, 100)
    assert len(await jobs.due_to_send(work.database, {})) == 1


async def test_what_time_brings_is_queued_and_sent_once_while_no_worker_runs(api: Api) -> None:
    """The clock looks every few seconds, and a worker may be away for a day."""
    organizer, person, waiting = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event(price="10.00", max_attendees=1)
    assert (await person.post("/api/bookings/", {"event": event["id"]})).status == 201
    assert (await waiting.post("/api/waitlist/", {"event": event["id"]})).status == 201
    await api.database.execute("UPDATE bookings SET expires_at = now()")
    await api.database.execute("UPDATE events SET registration_deadline = now()")
    for step in (bookings.expire_overdue, waitlist.close_after_deadline):
        api.sent.clear()
        queued = []
        for _ in range(3):
            async with api.database.transaction() as tx:
                queued.append(await step(tx))
        assert (queued, len(api.sent)) == ([1, 0, 0], 1)
    await api.run_jobs()
    assert await api.database.fetch_value("SELECT status FROM bookings") == "cancelled"
    assert await api.database.fetch_value("SELECT status FROM waitlist_entries") == "closed"


async def test_jobs_whose_worker_died_in_their_last_attempt_are_kept_as_failed(work: Work) -> None:
    last, has_attempts_left, running = await work.enqueue("last", "more", "running")
    for job_id in (last, has_attempts_left):
        await work.claim_one(job_id)
    await work.let_lease_run_out()
    await work.claim_one(running)
    await work.database.execute(
        "UPDATE jobs SET attempts = max_attempts WHERE id = ANY($1::bigint[])", [last, running]
    )
    assert await jobs.bury_the_dead(work.database) == 1
    assert {row["id"]: (row["state"], row["error"]) for row in await work.rows()} == {
        last: ("failed", "the worker died or hung during attempt 3"),
        has_attempts_left: ("running", ""),
        running: ("running", ""),
    }


async def test_old_lines_of_the_log_are_dropped(work: Work) -> None:
    await work.enqueue("old", "new")
    await work.run()
    await work.database.execute(
        "UPDATE job_log SET finished_at = now() - make_interval(days => $1, hours => 1) WHERE payload->>'text' = 'old'",
        14,
    )
    assert await jobs.purge_log(work.database, kept_days=14) == 1
    assert await work.database.fetch_value("SELECT payload->>'text' FROM job_log") == "new"
    assert await jobs.purge_log(work.database, kept_days=14) == 0


async def test_a_try_that_comes_later_is_not_sent_again_as_soon_as_it_is_due(work: Work) -> None:
    """Its message, which left at the failure, comes just then."""
    [job_id] = await work.enqueue("one")
    claimed = await work.claim_one(job_id)
    async with work.database.transaction() as tx:
        assert await jobs.record_failure(tx, claimed, "no luck") == "queued"
    # Time passes: both stand as they would a second after the new try came due.
    row = await work.row()
    assert row["sent_at"] == row["run_at"]
    await work.database.execute(
        "UPDATE jobs SET sent_at = sent_at - $1::interval, run_at = run_at - $1", LATER
    )
    assert await jobs.due_to_send(work.database, {}) == []
    await sent_long_ago(work)
    assert [job.id for job in await jobs.due_to_send(work.database, {})] == [job_id]
