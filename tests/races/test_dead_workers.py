"""Who seemed dead and goes on does nothing twice, and nobody is taken for dead because a clock was cut off."""

import asyncio
from dataclasses import replace
from uuid import UUID

import asyncpg
import redis.asyncio

from eventhub.models.jobs import EXPIRE_BOOKING, SEND_NOTIFICATION, JobKind
from eventhub.models.operations import ProcessKind
from eventhub.services import jobs
from eventhub.services.heartbeat import BEAT_SECONDS, SILENT_SECONDS, Heartbeat
from eventhub.workers.clock import take_over
from eventhub.workers.runner import run_jobs
from tests.api import Api
from tests.rows import insert_notification, insert_users
from tests.waiting import until

_DUE = "SELECT count(*) FROM jobs WHERE state = 'running' AND lease_until <= now()"


async def a_process(api: Api, kind: ProcessKind = ProcessKind.WORKER) -> Heartbeat:
    own = Heartbeat(api.database, kind, version="test")
    await own.beat()
    return own


async def pass_time(api: Api, seconds: float, process_id: UUID | None = None) -> None:
    """Let nobody, or not this process, be heard for so long."""
    await api.database.execute(
        "UPDATE processes SET seen_at = seen_at - make_interval(secs => $1) WHERE $2::uuid IS NULL OR id = $2",
        seconds,
        process_id,
    )


async def enqueue(api: Api, kind: JobKind, **payload: int) -> int:
    async with api.database.transaction() as tx:
        tx.enqueue(kind, run_at=None, **payload)
    return int(await api.database.fetch_value("SELECT max(id) FROM jobs"))


async def judge(api: Api, clock: Heartbeat) -> int:
    """Do the clock's step; return how many jobs are due because of it."""
    client = redis.asyncio.Redis.from_url(api.resources.settings.redis_url)
    await take_over(api.database, client, clock, 100)
    await client.aclose()
    return int(await api.database.fetch_value(_DUE))


async def a_steady_clock(api: Api) -> Heartbeat:
    clock = await a_process(api, ProcessKind.CLOCK)
    while not clock.is_steady:
        await pass_time(api, BEAT_SECONDS, clock.id)
        await clock.beat()
    return clock


async def test_after_an_outage_nobody_is_dead_until_all_had_the_time_to_be_heard(api: Api) -> None:
    clock, worker = await a_steady_clock(api), await a_process(api)
    job_id = await enqueue(api, EXPIRE_BOOKING, booking_id=1)
    assert len(await jobs.claim(api.database, EXPIRE_BOOKING, [job_id], worker.id)) == 1
    # For fifteen seconds nobody reached the database; the clock is the first who does.
    await pass_time(api, 15)
    await clock.beat()
    assert await judge(api, clock) == 0
    # The worker was not among the living either: it is found out once all had the time.
    while not clock.is_steady:
        await pass_time(api, BEAT_SECONDS)
        await clock.beat()
    assert await judge(api, clock) == 1


async def test_a_worker_that_was_frozen_before_its_mail_left_does_not_send_it_beside_another(
    api: Api,
) -> None:
    clock, frozen, other = await a_steady_clock(api), await a_process(api), await a_process(api)
    job_id = await a_mail(api)
    locker = await asyncpg.connect(api.resources.settings.database_url)
    async with locker.transaction():
        # Where the first stands when it is frozen: it has claimed the job, and its mail has yet to leave.
        await locker.execute("LOCK TABLE mailed_notices IN EXCLUSIVE MODE")
        first = asyncio.create_task(send(api, frozen, job_id))
        await until(lambda: standing_at_the_lock(api, 1), "the first stands at the lock")
        await pass_time(api, SILENT_SECONDS + 1, frozen.id)
        assert await judge(api, clock) == 1
        second = asyncio.create_task(send(api, other, job_id))
        await until(lambda: standing_at_the_lock(api, 2), "the second stands at the lock")
    await asyncio.gather(first, second)
    await locker.close()
    assert [mail.subject for mail in api.mailer.sent] == ["Hello"]
    assert await api.database.fetch_value("SELECT array_agg((outcome, attempts)) FROM job_log") == [
        ("done", 2)
    ]


async def a_mail(api: Api) -> int:
    [user] = await insert_users(api.database, 1)
    await api.database.execute("UPDATE users SET is_verified = true")
    note = await insert_notification(api.database, user, "news:1", mail_owed=True)
    return await enqueue(api, SEND_NOTIFICATION, notification_id=note)


async def send(api: Api, process: Heartbeat, job_id: int) -> int:
    """Do what this process's worker does with the job's message."""
    resources = replace(api.resources, process_id=process.id)
    return await run_jobs(resources, SEND_NOTIFICATION.name, [job_id])


async def standing_at_the_lock(api: Api, number: int) -> bool:
    waiting = await api.database.fetch_value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(waiting == number)


async def test_a_worker_that_sends_after_it_was_frozen_is_heard_by_that(api: Api) -> None:
    clock, thawed = await a_steady_clock(api), await a_process(api)
    [job] = await jobs.claim(api.database, SEND_NOTIFICATION, [await a_mail(api)], thawed.id)
    await pass_time(api, SILENT_SECONDS + 1, thawed.id)
    await jobs.hold(api.database, job, thawed.id)
    # Its mail is on the way, and its next heartbeat in two seconds.
    assert await judge(api, clock) == 0


async def test_a_clock_that_saw_a_worker_silent_leaves_it_what_it_held_on_to_meanwhile(api: Api) -> None:
    clock, thawed = await a_steady_clock(api), await a_process(api)
    [job] = await jobs.claim(api.database, SEND_NOTIFICATION, [await a_mail(api)], thawed.id)
    await pass_time(api, SILENT_SECONDS + 1, thawed.id)
    # The clock's statement sees the rows as they are now, and changes them half a second later.
    await api.database.execute(_SLOW_JUDGE)
    try:
        judging = asyncio.create_task(jobs.end_leases_of_the_dead(api.database, clock.id))
        await until(lambda: is_judging(api), "the clock judges")
        await jobs.hold(api.database, job, thawed.id)
        assert await judging == 0
    finally:
        await api.database.execute("DROP FUNCTION wait_for_it CASCADE")
    assert await api.database.fetch_value(_DUE) == 0


async def is_judging(api: Api) -> bool:
    return bool(
        await api.database.fetch_value("SELECT true FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    )


_SLOW_JUDGE = """
CREATE FUNCTION wait_for_it() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF current_query() LIKE '%silent%' THEN PERFORM pg_sleep(0.5); END IF; RETURN NULL; END $$;
CREATE TRIGGER wait_for_it BEFORE UPDATE ON jobs EXECUTE FUNCTION wait_for_it();
"""
