"""What time brings: lost messages sent again, dead workers' jobs, events that begin and end, old log lines.

Any number of clocks may run: every step is one conditional statement that only one of them wins.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from eventhub.database import Database, Transaction, UnavailableErrors
from eventhub.models.jobs import Queue
from eventhub.services import auth, bookings, events, idempotency, jobs, payments, waitlist
from eventhub.settings import Settings

RESEND_INTERVAL_SECONDS = 1.0
PURGE_INTERVAL_SECONDS = 600.0
REDIS_TIMEOUT_SECONDS = 1.0

log = logging.getLogger("eventhub.clock")


async def run_clock(settings: Settings, database: Database, stop: asyncio.Event) -> None:
    """Do every round at its interval until `stop` is set; a round that fails is logged and tried again."""
    interval = settings.clock_interval_seconds
    client = redis.asyncio.Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        # The next round is the next try; the client's own come at growing intervals, up to half a minute in all.
        retry=Retry(NoBackoff(), 0),
    )
    try:
        async with asyncio.TaskGroup() as rounds:
            for name, seconds, step in (
                ("send again", min(interval, RESEND_INTERVAL_SECONDS), lambda: send_again(database, client)),
                ("bury the dead", interval, lambda: jobs.bury_the_dead(database)),
                ("expire bookings", interval, lambda: _in_transaction(database, bookings.expire_overdue)),
                ("move events", interval, lambda: _in_transaction(database, events.move_on_time)),
                ("remind", interval, lambda: _in_transaction(database, events.remind_due)),
                ("check payments", interval, lambda: _in_transaction(database, payments.check_pending)),
                ("move lines", interval, lambda: _in_transaction(database, waitlist.move_stalled)),
                ("close lines", interval, lambda: _in_transaction(database, waitlist.close_after_deadline)),
                ("purge log", max(interval, PURGE_INTERVAL_SECONDS), lambda: jobs.purge_log(database)),
                ("purge answers", max(interval, PURGE_INTERVAL_SECONDS), lambda: idempotency.purge(database)),
                ("purge tokens", max(interval, PURGE_INTERVAL_SECONDS), lambda: auth.purge_spent(database)),
                (
                    "purge webhook events",
                    max(interval, PURGE_INTERVAL_SECONDS),
                    lambda: payments.purge_webhook_events(database),
                ),
            ):
                rounds.create_task(_repeat(name, seconds, step, stop))
    finally:
        await client.aclose()


async def send_again(database: Database, client: redis.asyncio.Redis) -> int:
    """Send due jobs whose message seems lost; return how many. While Redis is away, nothing is marked as sent."""
    async with client.pipeline(transaction=False) as pipeline:
        for queue in Queue:
            pipeline.llen(f"dramatiq:{queue}")
        lengths = await pipeline.execute()
    lost = await jobs.due_to_send(database, dict(zip(map(str, Queue), lengths, strict=True)))
    if lost:
        database.deliver(lost)
    return len(lost)


async def _in_transaction(database: Database, step: Callable[[Transaction], Awaitable[int]]) -> int:
    async with database.transaction() as tx:
        return await step(tx)


async def _repeat(name: str, seconds: float, step: Callable[[], Awaitable[int]], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            if done := await step():
                log.info("%s: %s", name, done)
        except (redis.RedisError, *UnavailableErrors) as error:
            log.warning("%s: will try again: %s", name, error)
        except Exception:
            log.exception("%s failed, will try again", name)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
