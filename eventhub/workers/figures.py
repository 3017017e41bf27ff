"""What the clock says, for whoever reads metrics, of how things stand in the database."""

from collections import Counter
from dataclasses import fields

from eventhub import metrics
from eventhub.database import Database
from eventhub.database.migrations import number, versions
from eventhub.models.events import EventStatus
from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.models.payments import PaymentStatus
from eventhub.services import facts
from eventhub.services.operations import stats
from eventhub.services.operations.ages import oldest_owed

SECONDS = 10.0
MONEY_SECONDS = 300.0


async def collect(database: Database, _at_once: int) -> int:
    """Say how things stand; return 0, since nothing was done. Reads no bookings, payments or mails but those that are open."""
    await _say_processes(database)
    await _say_jobs(database)
    await _say_sales(database)
    await _say_owed(database)
    await _say_facts(database)
    store = await stats.store(database)
    metrics.DATABASE_SIZE.set(store.size_bytes)
    metrics.SCHEMA.set(number(store.schema_version), "database")
    metrics.SCHEMA.set(number(versions()[-1]), "code")
    return 0


async def _say_processes(database: Database) -> None:
    live = [process for process in await stats.processes(database) if process.is_live]
    kinds = Counter(process.kind for process in live)
    queues = Counter(queue for process in live for queue in process.queues)
    for kind in ProcessKind:
        metrics.PROCESSES.set(kinds[kind], kind)
    for queue in Queue:
        metrics.QUEUE_WORKERS.set(queues[queue], queue)


async def _say_jobs(database: Database) -> None:
    for queue in (await stats.backlogs(database)).queues:
        for state in ("waiting", "due", "running", "failed"):
            metrics.QUEUE_JOBS.set(getattr(queue, state), queue.queue, state)
        metrics.OLDEST_DUE.set(queue.oldest_due_seconds or 0, queue.queue)


async def _say_sales(database: Database) -> None:
    sales = await stats.sales(database)
    for status in EventStatus:
        metrics.EVENTS.set(sales.events.get(status, 0), status)
    metrics.SEATS.set(sales.seats, "offered")
    metrics.SEATS.set(sales.seats_taken, "taken")
    metrics.SEATS.set(sales.seats_held, "held")
    metrics.WAITING.set(sales.waiting)
    metrics.PENDING_BOOKINGS.set(sales.bookings_pending)


async def collect_money(database: Database, _at_once: int) -> int:
    """Say what all payments amount to; return 0. Reads all of them, and so is for every few minutes."""
    found = {(money.status, money.currency): money for money in await stats.money(database)}
    for currency in {currency for _, currency in found}:
        # Also those that no payment has any more.
        for status in PaymentStatus:
            money = found.get((status, currency))
            metrics.PAYMENTS.set(money.payments if money else 0, status, currency)
            metrics.MONEY.set(float(money.amount) if money else 0, status, currency)
    return 0


async def _say_owed(database: Database) -> None:
    owed = await stats.owed(database)
    for field in fields(owed):
        metrics.OWED.set(getattr(owed, field.name), field.name)
    for name, seconds in (await oldest_owed(database)).by_name().items():
        metrics.OLDEST_OWED.set(seconds, name)


async def _say_facts(database: Database) -> None:
    number, oldest_seconds = await facts.unnumbered(database)
    metrics.FACTS.set(number)
    metrics.OLDEST_FACT.set(oldest_seconds)
