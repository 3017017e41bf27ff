"""One Dramatiq actor per kind of job, in the queue of its feature, and one that numbers facts."""

from collections.abc import Awaitable, Callable

import dramatiq

from eventhub.services.jobs import BATCH
from eventhub.workers import (
    accounts,
    bookings,
    certificates,
    events,
    facts,
    invoices,
    notifications,
    payments,
    waitlist,
)
from eventhub.workers.context import Resources
from eventhub.workers.kinds import HANDLERS
from eventhub.workers.runner import run_jobs

# Importing them registers their handlers.
FEATURES = (accounts, bookings, certificates, events, invoices, notifications, payments, waitlist)


def declare_actors(broker: dramatiq.Broker, resources: Callable[[], Resources]) -> None:
    """Declare an actor for each registered kind, and the one for facts; `resources` returns what this process opened when it booted."""
    # No retries of Dramatiq's: its middleware is not in the broker, because the job's row counts attempts.
    for kind, _ in HANDLERS.values():
        # The runner has its own time limit, which it can act on; Dramatiq's is behind it. A message may hold a batch.
        declare = dramatiq.actor(
            actor_name=kind.name,
            queue_name=kind.queue.value,
            broker=broker,
            priority=kind.queue.priority,
            time_limit=kind.time_limit_seconds * 1000 * BATCH,
        )
        declare(_actor(kind.name, resources))
    number = dramatiq.actor(
        actor_name=facts.ACTOR,
        queue_name=facts.QUEUE.value,
        broker=broker,
        priority=facts.QUEUE.priority,
        time_limit=facts.TIME_LIMIT_SECONDS * 1000,
    )
    number(_numbering(resources))


def _numbering(resources: Callable[[], Resources]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await facts.number(resources().database)

    return run


def _actor(kind_name: str, resources: Callable[[], Resources]) -> Callable[[list[int]], Awaitable[None]]:
    async def run(job_ids: list[int]) -> None:
        await run_jobs(resources(), kind_name, job_ids)

    return run
