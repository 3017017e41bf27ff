"""What is due at a time: lost messages are sent again, and each feature's `PERIODIC` tasks run every so often.

Any number of clocks may run: every step is one conditional statement that only one of them wins.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import redis.asyncio

from eventhub import logs, metrics, redis_clients
from eventhub.database import Actor, Database, Timeouts, UnavailableErrors
from eventhub.models.facts import Via
from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.services import (
    auth,
    bookings,
    certificates,
    events,
    facts,
    heartbeat,
    idempotency,
    invoices,
    jobs,
    news,
    notifications,
    owed,
    payments,
    recipients,
    waitlist,
)
from eventhub.services.heartbeat import Heartbeat
from eventhub.services.periodic import PeriodicTask
from eventhub.settings import Settings
from eventhub.workers import figures

RESEND_INTERVAL_SECONDS = 1.0
SELDOM_SECONDS = 600.0
REDIS_TIMEOUT_SECONDS = 1.0
SENT_AT_ONCE = 10_000
PURGED_AT_ONCE = 5000
POOL_SIZE = 4  # connections to PostgreSQL
# A task that runs into it comes again. A purge of thousands of rows may take its time.
TIMEOUTS = Timeouts(statement_seconds=60, lock_seconds=10, turn_seconds=60)

log = logging.getLogger("eventhub.clock")


TASKS: tuple[PeriodicTask, ...] = (
    *jobs.PERIODIC,
    *bookings.PERIODIC,
    *events.PERIODIC,
    *owed.PERIODIC,
    *certificates.PERIODIC,
    *news.PERIODIC,
    *notifications.PERIODIC,
    *waitlist.PERIODIC,
    *payments.PERIODIC,
    *invoices.PERIODIC,
    *auth.PERIODIC,
    *recipients.PERIODIC,
    *heartbeat.PERIODIC,
)


def purges(settings: Settings) -> tuple[PeriodicTask, ...]:
    """Return what drops rows when they are as old as `settings` say."""
    purge_log = partial(jobs.purge_log, kept_days=settings.job_log_kept_days)
    purge_answers = partial(idempotency.purge, kept_hours=settings.idempotency_kept_hours)
    found = [
        PeriodicTask("purge log", purge_log, at_once=PURGED_AT_ONCE, is_seldom=True),
        PeriodicTask("purge answers", purge_answers, at_once=PURGED_AT_ONCE, is_seldom=True),
    ]
    if kept_days := settings.notifications_kept_days:
        purge_news = partial(notifications.purge, kept_days=kept_days)
        found.append(PeriodicTask("purge notifications", purge_news, at_once=PURGED_AT_ONCE, is_seldom=True))
    if kept_days := settings.facts_kept_days:
        purge_facts = partial(facts.purge, kept_days=kept_days)
        found.append(PeriodicTask("purge facts", purge_facts, at_once=PURGED_AT_ONCE, is_seldom=True))
    return tuple(found)


@dataclass(frozen=True)
class ScheduledTask:
    """What one clock does every so many seconds; `step` gets how much it may do at once and returns how much it did."""

    name: str
    seconds: float
    at_once: int
    step: Callable[[int], Awaitable[int]]


async def run_clock(settings: Settings, database: Database, stop: asyncio.Event) -> None:
    """Do every task at its interval until `stop` is set; a task that fails is logged and tried again."""
    client = redis_clients.async_client(settings.redis_url, timeout_seconds=REDIS_TIMEOUT_SECONDS)
    own = Heartbeat(database, ProcessKind.CLOCK, version=settings.release)
    await own.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            for item in schedule(settings, database, client, own):
                tasks.create_task(repeat(item, stop))
    finally:
        await client.aclose()
        await own.stop()


def schedule(
    settings: Settings, database: Database, client: redis.asyncio.Redis, own: Heartbeat
) -> list[ScheduledTask]:
    """Return what a clock with this heartbeat does, at the interval of the settings unless a task is seldom."""
    interval = settings.clock_interval_seconds

    def scheduled(task: PeriodicTask) -> ScheduledTask:
        async def step(at_once: int) -> int:
            async with database.transaction(actor=Actor(Via.CLOCK)) as tx:
                return await task.step(tx, at_once)

        seconds = max(interval, SELDOM_SECONDS) if task.is_seldom else interval
        return ScheduledTask(task.name, seconds, task.at_once, step)

    soon = min(interval, RESEND_INTERVAL_SECONDS)
    send = ScheduledTask("send again", soon, SENT_AT_ONCE, partial(take_over, database, client, own))
    number = ScheduledTask("number facts", soon, 1, partial(number_facts, database))
    looks = [
        ScheduledTask("figures", figures.SECONDS, 1, partial(figures.collect, database)),
        ScheduledTask("figures of money", figures.MONEY_SECONDS, 1, partial(figures.collect_money, database)),
    ]
    # Whoever serves no metrics need not look.
    return [
        send,
        number,
        *(looks if settings.metrics_port is not None else ()),
        *map(scheduled, (*TASKS, *purges(settings))),
    ]


async def take_over(database: Database, client: redis.asyncio.Redis, own: Heartbeat, at_once: int) -> int:
    """Let what silent processes were running be due, if this clock may judge; then send again, and return how many."""
    if own.is_steady and (orphaned := await jobs.end_leases_of_the_dead(database, own.id)):
        log.warning("%s jobs of processes that are heard of no more are due again", orphaned)
    return await send_again(database, client, at_once)


async def number_facts(database: Database, _at_once: int) -> int:
    """Number what no message has woken a worker for; return 0, since all of it is done and nobody need read of it."""
    await facts.number_all(database)
    return 0


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


async def repeat(item: ScheduledTask, stop: asyncio.Event) -> None:
    """Do a task at its interval until `stop` is set."""
    logs.begin(task=item.name)
    # A task that never succeeds is to be noticed, too.
    metrics.TASK_SUCCEEDED.set(time.time(), item.name)
    while not stop.is_set():
        done = await _try(item)
        if done < item.at_once:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), item.seconds)


async def _try(item: ScheduledTask) -> int:
    """Return how much a task did: nothing if it failed."""
    began_at, outcome = time.perf_counter(), "failed"
    try:
        done = await item.step(item.at_once)
        outcome = "done"
    except (redis.RedisError, *UnavailableErrors) as error:
        outcome = "away"
        log.warning("%s: will try again: %r", item.name, error)
        return 0
    except Exception:
        log.exception("%s failed, will try again", item.name)
        return 0
    finally:
        metrics.TASKS.observe(time.perf_counter() - began_at, item.name, outcome)
    metrics.TASK_SUCCEEDED.set(time.time(), item.name)
    if done:
        log.info("%s: %s", item.name, done)
    return done
