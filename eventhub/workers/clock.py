"""What time brings: lost messages sent again, dead workers' jobs, events that begin and end, old log lines.

Any number of clocks may run: every step is one conditional statement that only one of them wins.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from eventhub.database import Database, Timeouts, Transaction, UnavailableErrors
from eventhub.models.jobs import Queue
from eventhub.services import auth, bookings, events, idempotency, jobs, payments, recipients, waitlist
from eventhub.settings import Settings

RESEND_INTERVAL_SECONDS = 1.0
PURGE_INTERVAL_SECONDS = 600.0
REDIS_TIMEOUT_SECONDS = 1.0
SENT_AT_ONCE = 10_000
ROWS_AT_ONCE = 500
EVENTS_AT_ONCE = 200
PURGED_AT_ONCE = 5000
# A round that runs into it comes again. A purge of thousands of rows may take its time.
TIMEOUTS = Timeouts(statement_seconds=60, lock_seconds=10, turn_seconds=60)

log = logging.getLogger("eventhub.clock")


@dataclass(frozen=True)
class PeriodicTask:
    """Something to do every so many seconds: `step` gets how much it may do at once and returns how much it did.

    One that did all that it may is done again at once: there may be more, and a backlog is not to wait.
    """

    name: str
    seconds: float
    at_once: int
    step: Callable[[int], Awaitable[int]]


async def run_clock(settings: Settings, database: Database, stop: asyncio.Event) -> None:
    """Do every round at its interval until `stop` is set; a round that fails is logged and tried again."""
    client = redis.asyncio.Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        # The next round is the next try; the client's own come at growing intervals, up to half a minute in all.
        retry=Retry(NoBackoff(), 0),
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            for item in periodic_tasks(settings.clock_interval_seconds, database, client):
                tasks.create_task(repeat(item, stop))
    finally:
        await client.aclose()


def periodic_tasks(interval: float, database: Database, client: redis.asyncio.Redis) -> list[PeriodicTask]:
    """Return what a clock does, at `interval` seconds unless its nature wants another."""

    def in_transaction(step: Callable[[Transaction, int], Awaitable[int]]) -> Callable[[int], Awaitable[int]]:
        async def run(at_once: int) -> int:
            async with database.transaction() as tx:
                return await step(tx, at_once)

        return run

    soon, seldom = min(interval, RESEND_INTERVAL_SECONDS), max(interval, PURGE_INTERVAL_SECONDS)
    return [
        PeriodicTask("send again", soon, SENT_AT_ONCE, partial(send_again, database, client)),
        PeriodicTask("bury the dead", interval, ROWS_AT_ONCE, partial(jobs.bury_the_dead, database)),
        PeriodicTask("expire bookings", interval, ROWS_AT_ONCE, in_transaction(bookings.expire_overdue)),
        PeriodicTask("move events", interval, EVENTS_AT_ONCE, in_transaction(events.move_on_time)),
        PeriodicTask("remind", interval, EVENTS_AT_ONCE, in_transaction(events.remind_due)),
        PeriodicTask("check payments", interval, EVENTS_AT_ONCE, in_transaction(payments.check_pending)),
        PeriodicTask("promote waitlists", interval, EVENTS_AT_ONCE, in_transaction(waitlist.promote_stalled)),
        PeriodicTask(
            "close waitlists", interval, EVENTS_AT_ONCE, in_transaction(waitlist.close_after_deadline)
        ),
        PeriodicTask("follow disputes", seldom, EVENTS_AT_ONCE, in_transaction(payments.follow_disputes)),
        PeriodicTask("purge log", seldom, PURGED_AT_ONCE, partial(jobs.purge_log, database)),
        PeriodicTask("purge answers", seldom, PURGED_AT_ONCE, partial(idempotency.purge, database)),
        PeriodicTask("purge mailed", seldom, PURGED_AT_ONCE, partial(recipients.purge, database)),
        PeriodicTask("purge tokens", seldom, PURGED_AT_ONCE, partial(auth.purge_spent, database)),
        PeriodicTask(
            "purge webhook events", seldom, PURGED_AT_ONCE, partial(payments.purge_webhook_events, database)
        ),
    ]


async def send_again(database: Database, client: redis.asyncio.Redis, at_once: int) -> int:
    """Send up to `at_once` due jobs whose message seems lost; return how many. While Redis is away, nothing is marked as sent."""
    async with client.pipeline(transaction=False) as pipeline:
        for queue in Queue:
            pipeline.llen(f"dramatiq:{queue}")
        lengths = await pipeline.execute()
    lost = await jobs.due_to_send(database, dict(zip(map(str, Queue), lengths, strict=True)), at_once)
    if lost:
        database.deliver(lost)
    return len(lost)


async def repeat(item: PeriodicTask, stop: asyncio.Event) -> None:
    """Do a round at its interval until `stop` is set."""
    while not stop.is_set():
        done = await _try(item)
        if done < item.at_once:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), item.seconds)


async def _try(item: PeriodicTask) -> int:
    """Return how much a round did: nothing, where it failed."""
    try:
        done = await item.step(item.at_once)
    except (redis.RedisError, *UnavailableErrors) as error:
        log.warning("%s: will try again: %r", item.name, error)
        return 0
    except Exception:
        log.exception("%s failed, will try again", item.name)
        return 0
    if done:
        log.info("%s: %s", item.name, done)
    return done
