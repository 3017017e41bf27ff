"""One Dramatiq actor per kind of job, in the queue of its feature."""

from collections.abc import Awaitable, Callable

import dramatiq

from eventhub.models.jobs import Queue
from eventhub.services.jobs import BATCH
from eventhub.workers import (
    accounts,
    bookings,
    certificates,
    events,
    invoices,
    notifications,
    payments,
    waitlist,
)
from eventhub.workers.kinds import HANDLERS
from eventhub.workers.runner import Resources, run_jobs

__all__ = [
    "accounts",
    "bookings",
    "certificates",
    "declare_actors",
    "events",
    "invoices",
    "notifications",
    "payments",
    "waitlist",
]


# In a worker that does several queues, seats and money come before what is said of them, and drawing comes last:
# a burst of payments is settled before its five hundred invoices are mailed. Lower is sooner.
PRIORITIES = {
    Queue.BOOKINGS: 0,
    Queue.PAYMENTS: 0,
    Queue.WAITLIST: 0,
    Queue.NOTIFICATIONS: 10,
    Queue.CERTIFICATES: 20,
}


def declare_actors(broker: dramatiq.Broker, resources: Callable[[], Resources]) -> None:
    """Declare an actor for each registered kind; `resources` returns what this process opened when it booted."""
    # No retries of Dramatiq's: its middleware is not in the broker, because the job's row counts attempts.
    for kind, _ in HANDLERS.values():
        # The runner has its own time limit, which it can act on; Dramatiq's is behind it. A message may hold a batch.
        declare = dramatiq.actor(
            actor_name=kind.name,
            queue_name=kind.queue.value,
            broker=broker,
            priority=PRIORITIES[kind.queue],
            time_limit=kind.time_limit_seconds * 1000 * BATCH,
        )
        declare(_actor(kind.name, resources))


def _actor(kind_name: str, resources: Callable[[], Resources]) -> Callable[[list[int]], Awaitable[None]]:
    async def run(job_ids: list[int]) -> None:
        await run_jobs(resources(), kind_name, job_ids)

    return run
