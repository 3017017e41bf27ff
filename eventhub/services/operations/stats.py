"""What runs, what waits, what was sold, what is owed: cheap enough to be asked every few seconds.

Bookings are never read as a whole: seats come from the events' counters, all else from indexes of what is open. `money`
and `waiting_for_people` read the payments once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

import orjson

from eventhub.database import Queries, Row
from eventhub.models.jobs import KINDS, REFUND_PAYMENT, Queue
from eventhub.models.payments import OFFLINE
from eventhub.services import heartbeat

LIVE_SECONDS = heartbeat.SILENT_SECONDS
SHOWN = 100


@dataclass(frozen=True)
class RunningProcess:
    """A process as its last heartbeat said; one that `is_live` was heard in the last seconds."""

    id: str
    kind: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    started_at: datetime
    seen_at: datetime
    is_live: bool


async def processes(queries: Queries) -> tuple[RunningProcess, ...]:
    """Return the processes that said they run: web, worker, clock, the newest of each last."""
    rows = await queries.fetch(_PROCESSES, LIVE_SECONDS)
    return tuple(
        RunningProcess(
            **{**row, "id": str(row["id"]), "queues": tuple(orjson.loads(row["queues"]))},
        )
        for row in rows
    )


_PROCESSES = """
SELECT id, kind, host, pid, version, queues, started_at, seen_at,
       seen_at > now() - make_interval(secs => $1) AS is_live
FROM processes ORDER BY array_position('{web,worker,clock}', kind), started_at, id
"""


@dataclass(frozen=True)
class Backlog:
    """The jobs of a queue or of a kind: `waiting` counts all that are queued, `due` those whose time has come.

    A job whose worker died is due, not running. `oldest_due_seconds` is for how long the oldest has been due.
    """

    queue: str
    kind: str | None
    waiting: int
    due: int
    running: int
    failed: int
    oldest_due_seconds: float | None


@dataclass(frozen=True)
class Backlogs:
    """The jobs of each queue (all of them, also the empty ones) and of each kind that has any."""

    queues: tuple[Backlog, ...]
    kinds: tuple[Backlog, ...]


async def backlogs(queries: Queries) -> Backlogs:
    """Return what waits, runs and has failed, by queue and by kind. Reads all rows of `jobs`, which are what is open."""
    kinds = tuple(Backlog(**row) for row in await queries.fetch(_BACKLOGS))
    names = dict.fromkeys([*map(str, Queue), *(each.queue for each in kinds)])
    return Backlogs(
        tuple(_sum(name, [each for each in kinds if each.queue == name]) for name in names), kinds
    )


_BACKLOGS = """
SELECT queue, kind, count(*) FILTER (WHERE state = 'queued')::int AS waiting, count(*) FILTER (WHERE is_due)::int AS due,
       count(*) FILTER (WHERE state = 'running' AND NOT is_due)::int AS running,
       count(*) FILTER (WHERE state = 'failed')::int AS failed,
       extract(epoch FROM now() - min(due_at) FILTER (WHERE is_due))::float8 AS oldest_due_seconds
FROM (SELECT queue, kind, state, CASE state WHEN 'running' THEN lease_until ELSE run_at END AS due_at,
             state = 'queued' AND run_at <= now() OR state = 'running' AND lease_until < now() AS is_due
      FROM jobs) AS job
GROUP BY queue, kind ORDER BY queue, kind
"""


def _sum(queue: str, kinds: Iterable[Backlog]) -> Backlog:
    of_queue = list(kinds)
    ages = [each.oldest_due_seconds for each in of_queue if each.oldest_due_seconds is not None]
    return Backlog(
        queue=queue,
        kind=None,
        waiting=sum(each.waiting for each in of_queue),
        due=sum(each.due for each in of_queue),
        running=sum(each.running for each in of_queue),
        failed=sum(each.failed for each in of_queue),
        oldest_due_seconds=max(ages, default=None),
    )


@dataclass(frozen=True)
class Minute:
    """What ended in a minute: how many jobs, and the seconds from their promise to their end (half of them, the slowest).

    `not_done` of them were refused by a rule, discarded or superseded.
    """

    minute: datetime
    ended: int
    not_done: int
    median_seconds: float
    slowest_seconds: float


@dataclass(frozen=True)
class Rate:
    """The last minutes of a queue, oldest first; minutes in which nothing ended are left out."""

    queue: str
    minutes: tuple[Minute, ...]


async def rates(queries: Queries, minutes: int = 60) -> tuple[Rate, ...]:
    """Return what each queue has done in each of the last `minutes`. Reads so much of `job_log`: not every second."""
    rows = await queries.fetch(_RATES, minutes, list(KINDS), [kind.queue.value for kind in KINDS.values()])
    found = {
        queue: tuple(_minute(row) for row in of_queue)
        for queue, of_queue in groupby(rows, key=lambda row: row["queue"])
    }
    return tuple(Rate(name, found.get(name, ())) for name in map(str, Queue))


def _minute(row: Row) -> Minute:
    return Minute(**{name: row[name] for name in Minute.__dataclass_fields__})


_RATES = """
SELECT kinds.queue, date_trunc('minute', finished_at) AS minute, count(*)::int AS ended,
       count(*) FILTER (WHERE outcome <> 'done')::int AS not_done,
       extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY finished_at - created_at))::float8 AS median_seconds,
       extract(epoch FROM max(finished_at - created_at))::float8 AS slowest_seconds
FROM job_log JOIN unnest($2::text[], $3::text[]) AS kinds (kind, queue) USING (kind)
WHERE finished_at > date_trunc('minute', now()) - make_interval(mins => $1)
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Sales:
    """Events by state, and of those on sale or under way the seats: there, taken, of those only held; people who wait."""

    events: dict[str, int]
    seats: int
    seats_taken: int
    seats_held: int
    bookings_pending: int
    waiting: int


async def sales(queries: Queries) -> Sales:
    """Return how many events, seats, holds and people on waitlists there are."""
    events = {row["status"]: row["count"] for row in await queries.fetch(_EVENTS)}
    seats = await queries.fetch_one(_SEATS)
    assert seats is not None  # noqa: S101 - sums have a row in any case
    return Sales(events=events, **seats)


_EVENTS = "SELECT status, count(*)::int AS count FROM events GROUP BY status ORDER BY status"
_SEATS = """
SELECT coalesce(sum(max_attendees), 0)::int8 AS seats, coalesce(sum(seats_held), 0)::int8 AS seats_taken,
       coalesce(sum(seats_held - seats_confirmed), 0)::int8 AS seats_held, coalesce(sum(waiting_count), 0)::int8 AS waiting,
       (SELECT count(*)::int FROM bookings WHERE status = 'pending') AS bookings_pending
FROM events WHERE status IN ('published', 'ongoing')
"""


@dataclass(frozen=True)
class Money:
    """The payments of one state in one currency."""

    status: str
    currency: str
    payments: int
    amount: Decimal


async def money(queries: Queries) -> tuple[Money, ...]:
    """Return how many payments there are, and of how much, by state and currency."""
    return tuple(Money(**row) for row in await queries.fetch(_MONEY))


_MONEY = """
SELECT status, currency, count(*)::int AS payments, sum(amount) AS amount FROM payments
GROUP BY status, currency ORDER BY status, currency
"""


@dataclass(frozen=True)
class OpenPayment:
    """A payment that waits for a person; `since` is when it began to, `error` what its failed job said."""

    payment_id: int
    booking_id: int
    event_id: int
    event_title: str
    transaction_id: str
    gateway: str
    amount: Decimal
    currency: str
    since: datetime
    job_id: int | None = None
    error: str = ""


@dataclass(frozen=True)
class ForPeople:
    """What only a person can do; of each kind the oldest hundred, `counts` has how many there are of each."""

    refunds_by_hand: tuple[OpenPayment, ...]
    failed_refunds: tuple[OpenPayment, ...]
    transfers: tuple[OpenPayment, ...]
    disputes: tuple[OpenPayment, ...]
    counts: dict[str, int]
    failed_jobs: int


async def waiting_for_people(queries: Queries) -> ForPeople:
    """Return refunds to make by hand, refunds that failed, transfers that are under way, and open disputes."""
    counts: dict[str, int] = {}
    found: dict[str, tuple[OpenPayment, ...]] = {}
    for name, (since, job, where) in _FOR_PEOPLE.items():
        rows = await queries.fetch(_OPEN.format(since=since, job=job, where=where), SHOWN)
        counts[name] = rows[0]["count"] if rows else 0
        found[name] = tuple(_open_payment(row) for row in rows)
    failed = await queries.fetch_value("SELECT count(*)::int FROM jobs WHERE state = 'failed'")
    return ForPeople(**found, counts=counts, failed_jobs=failed)


def _open_payment(row: Row) -> OpenPayment:
    return OpenPayment(**{name: row[name] for name in OpenPayment.__dataclass_fields__})


_NO_JOB = "LEFT JOIN jobs j ON false"
_ITS_JOB = f"JOIN jobs j ON j.state = 'failed' AND j.kind = '{REFUND_PAYMENT.name}' AND (j.payload->>'payment_id')::bigint = p.id"
_FOR_PEOPLE = {
    "refunds_by_hand": ("p.refunded_at", _NO_JOB, "p.refund_state = 'by_hand'"),
    "failed_refunds": ("p.refunded_at", _ITS_JOB, "p.refund_state = 'owed'"),
    "transfers": ("p.created_at", _NO_JOB, f"p.status = 'pending' AND p.gateway = '{OFFLINE}'"),
    "disputes": ("p.checked_at", _NO_JOB, "p.dispute = 'open'"),
}
_OPEN = """
SELECT p.id AS payment_id, p.booking_id, e.id AS event_id, e.title AS event_title, p.transaction_id, p.gateway, p.amount,
       p.currency, p.since, p.job_id, p.error, p.count
FROM (SELECT p.*, {since} AS since, j.id AS job_id, coalesce(j.error, '') AS error, count(*) OVER ()::int AS count
      FROM payments p {job} WHERE {where} ORDER BY since, p.id LIMIT $1) p
JOIN bookings b ON b.id = p.booking_id JOIN events e ON e.id = b.event_id ORDER BY p.since, p.id
"""


@dataclass(frozen=True)
class Owed:
    """What jobs have still to do for rows: mails to send, money to ask about, void or return, news to follow."""

    mails: int
    invoices: int
    payments_pending: int
    payments_to_void: int
    refunds: int
    webhooks: int


async def owed(queries: Queries) -> Owed:
    """Return how much is owed, by the indexes of what is."""
    row = await queries.fetch_one(_OWED)
    assert row is not None  # noqa: S101 - counts have a row in any case
    return Owed(**row)


_OWED = """
SELECT (SELECT count(*)::int FROM notifications WHERE mail_owed) AS mails,
       (SELECT count(*)::int FROM invoices WHERE mail_owed) AS invoices,
       (SELECT count(*)::int FROM payments WHERE status = 'pending') AS payments_pending,
       (SELECT count(*)::int FROM payments WHERE void_since IS NOT NULL) AS payments_to_void,
       (SELECT count(*)::int FROM payments WHERE refund_state = 'owed') AS refunds,
       (SELECT count(*)::int FROM webhook_events WHERE payment_id IS NOT NULL)
           + (SELECT count(*)::int FROM webhook_events WHERE reference IS NOT NULL) AS webhooks
"""


@dataclass(frozen=True)
class Store:
    """The database: its name, server's version, size, and the newest migration that it has."""

    name: str
    server_version: str
    size_bytes: int
    schema_version: str
    now: datetime


async def store(queries: Queries) -> Store:
    """Return what database this is, how large, and how new its schema."""
    row = await queries.fetch_one(_STORE)
    assert row is not None  # noqa: S101 - asked of functions
    return Store(**row)


_STORE = """
SELECT current_database() AS name, current_setting('server_version') AS server_version,
       pg_database_size(current_database()) AS size_bytes, now() AS now,
       coalesce((SELECT version FROM aerich WHERE app = 'models' ORDER BY id DESC LIMIT 1), '') AS schema_version
"""


@dataclass(frozen=True)
class Overview:
    """All of it at one moment."""

    processes: tuple[RunningProcess, ...]
    backlogs: Backlogs
    rates: tuple[Rate, ...]
    sales: Sales
    money: tuple[Money, ...]
    for_people: ForPeople
    owed: Owed
    store: Store


async def overview(queries: Queries, minutes: int = 60) -> Overview:
    """Return all figures; each may be asked for alone, too."""
    return Overview(
        processes=await processes(queries),
        backlogs=await backlogs(queries),
        rates=await rates(queries, minutes),
        sales=await sales(queries),
        money=await money(queries),
        for_people=await waiting_for_people(queries),
        owed=await owed(queries),
        store=await store(queries),
    )
