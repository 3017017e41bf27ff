"""What an operator has in hand (an id, an address, a number from a mail or a log line) and the rows that it leads to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import orjson

from eventhub.database import Queries
from eventhub.services.listing import MAX_ID

FOUND = 50  # of each kind at most, the newest


@dataclass(frozen=True)
class FoundUser:
    """An account."""

    id: int
    username: str
    email: str
    user_type: str
    is_active: bool


@dataclass(frozen=True)
class FoundBooking:
    """A booking; `operations.story` tells the rest."""

    id: int
    status: str
    registered_at: datetime
    event_id: int
    event_title: str
    user_id: int
    username: str


@dataclass(frozen=True)
class FoundPayment:
    """A payment, with the booking that it is for."""

    id: int
    booking_id: int
    status: str
    refund_state: str
    amount: Decimal
    currency: str
    transaction_id: str
    created_at: datetime


@dataclass(frozen=True)
class FoundJob:
    """A job that is open, or that has ended: `state` is then the outcome."""

    id: int
    kind: str
    state: str
    payload: dict[str, object]
    request_id: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Found:
    """All that a text leads to; of each kind the newest fifty."""

    users: tuple[FoundUser, ...] = ()
    bookings: tuple[FoundBooking, ...] = ()
    payments: tuple[FoundPayment, ...] = ()
    jobs: tuple[FoundJob, ...] = ()


async def find(queries: Queries, text: str) -> Found:
    """Return what a booking's id, an email or username, a transaction's id, an invoice's number, a request's or job's id finds.

    The text is taken as it stands, but for spaces around it and the case of addresses, names and numbers.
    """
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and 0 < int(text[:20]) <= MAX_ID else None
    users = await queries.fetch(_USERS, text)
    jobs = await queries.fetch(_JOBS_BY_REQUEST, text, FOUND)
    if number is not None:
        jobs = [*await queries.fetch(_JOBS_BY_ID, number), *jobs]
    found_jobs = tuple(FoundJob(**{**row, "payload": orjson.loads(row["payload"])}) for row in jobs)
    payments = await queries.fetch(
        _PAYMENTS,
        [row["id"] for row in users],
        text.upper(),
        _ids(found_jobs, "payment_id"),
        number,
        FOUND,
    )
    bookings = await queries.fetch(
        _BOOKINGS,
        [row["id"] for row in users],
        [*_numbers(number), *_ids(found_jobs, "booking_id"), *(row["booking_id"] for row in payments)],
        FOUND,
    )
    return Found(
        users=tuple(FoundUser(**row) for row in users),
        bookings=tuple(FoundBooking(**row) for row in bookings),
        payments=tuple(FoundPayment(**row) for row in payments),
        jobs=found_jobs,
    )


def _numbers(number: int | None) -> list[int]:
    return [] if number is None else [number]


def _ids(jobs: Iterable[FoundJob], name: str) -> list[int]:
    return [value for job in jobs if isinstance(value := job.payload.get(name), int)]


_USERS = """
SELECT id, username, email, user_type, is_active FROM users WHERE lower(email) = lower($1)
UNION
SELECT id, username, email, user_type, is_active FROM users WHERE lower(username) = lower($1)
"""
_OF_JOB = "kind, payload, request_id, created_at"
_JOBS_BY_ID = f"""
SELECT id, state, NULL::timestamptz AS finished_at, {_OF_JOB} FROM jobs WHERE id = $1
UNION ALL
SELECT job_id, outcome, finished_at, {_OF_JOB} FROM job_log WHERE job_id = $1
"""
_JOBS_BY_REQUEST = f"""
(SELECT id, state, NULL::timestamptz AS finished_at, {_OF_JOB} FROM jobs
 WHERE request_id = $1 AND request_id <> '-' ORDER BY id DESC LIMIT $2)
UNION ALL
(SELECT job_id, outcome, finished_at, {_OF_JOB} FROM job_log
 WHERE request_id = $1 AND request_id <> '-' ORDER BY id DESC LIMIT $2)
LIMIT $2
"""
# Several short ways, each by its own index, instead of one condition that is true for few rows and needs all of them.
_PAYMENTS = """
SELECT p.id, p.booking_id, p.status, p.refund_state, p.amount, p.currency, p.transaction_id, p.created_at FROM payments p
WHERE p.id = ANY(ARRAY(
    (SELECT id FROM payments WHERE user_id = ANY($1::bigint[]) ORDER BY created_at DESC, id DESC LIMIT $5)
    UNION SELECT id FROM payments WHERE transaction_id = $2
    UNION SELECT payment_id FROM invoices WHERE invoice_number = $2
    UNION SELECT unnest($3::bigint[])
    UNION SELECT id FROM payments WHERE booking_id = $4::bigint))
ORDER BY p.id DESC LIMIT $5
"""
_BOOKINGS = """
SELECT b.id, b.status, b.registered_at, e.id AS event_id, e.title AS event_title, u.id AS user_id, u.username
FROM bookings b JOIN events e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
WHERE b.id = ANY(ARRAY(
    (SELECT id FROM bookings WHERE user_id = ANY($1::bigint[]) ORDER BY registered_at DESC, id DESC LIMIT $3)
    UNION SELECT unnest($2::bigint[])))
ORDER BY b.id DESC LIMIT $3
"""
