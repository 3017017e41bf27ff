"""One booking's whole story: what its rows say happened, in order, with the request or job that did it.

Facts bear the id of their request, and of jobs their request's. Rows bear none, but say more, and tell what happened before
there were facts or longer ago than they are kept. `now()` is the time of a transaction: what it wrote and recorded, and the
jobs that it promised or ended, have the same time to the microsecond.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from eventhub.database import Queries, Row
from eventhub.errors import NotFound
from eventhub.logs import NO_REQUEST
from eventhub.models.bookings import CancelReason
from eventhub.models.jobs import JobState
from eventhub.services.operations import actions

MOST_JOBS = 500


@dataclass(frozen=True)
class Entry:
    """Something that happened, or that stands open: `what` in words, `about` and `id` the row, `request_id` whose doing."""

    moment: datetime
    what: str
    about: str
    id: int
    details: Mapping[str, Any]
    request_id: str = NO_REQUEST


@dataclass(frozen=True)
class BookingFacts:
    """The booking as it stands now."""

    id: int
    status: str
    cancel_reason: str | None
    number_of_tickets: int
    total_price: Decimal
    currency: str
    registered_at: datetime
    expires_at: datetime
    event_id: int
    event_title: str
    event_status: str
    user_id: int
    username: str
    email: str


@dataclass(frozen=True)
class Story:
    """A booking and what happened to it, oldest first. Jobs that ended are known for as long as their log is kept."""

    booking: BookingFacts
    entries: tuple[Entry, ...]


async def tell(queries: Queries, booking_id: int) -> Story:
    """Return a booking's story: itself, its payments, documents, news, waitlist, certificate and jobs. Raises NotFound."""
    booking = await queries.fetch_one(_BOOKING, booking_id)
    if booking is None:
        raise NotFound
    payments = await queries.fetch("SELECT * FROM payments WHERE booking_id = $1 ORDER BY id", booking_id)
    invoices = await queries.fetch(_INVOICES, booking_id)
    news = await queries.fetch(_NOTIFICATIONS, booking_id, booking["user_id"], booking["event_id"])
    line = await queries.fetch("SELECT * FROM waitlist_entries WHERE booking_id = $1 ORDER BY id", booking_id)
    certificates = await queries.fetch(_CERTIFICATES, booking["event_id"], booking["user_id"])
    about = (
        str(booking_id),
        [str(payment["id"]) for payment in payments],
        [str(one["id"]) for one in news],
        [str(one["id"]) for one in certificates],
    )
    open_jobs = await queries.fetch(_OPEN_JOBS, *about, MOST_JOBS)
    ended_jobs = await queries.fetch(_ENDED_JOBS, *about[:3], MOST_JOBS)
    subjects = [*(f"job {job['id']}" for job in open_jobs), *(f"job {job['job_id']}" for job in ended_jobs)]
    acts = await actions.list_actions(queries, subjects=subjects)
    entries = [
        *_of_booking(booking),
        *(entry for payment in payments for entry in _of_payment(payment)),
        *(_of_invoice(invoice) for invoice in invoices),
        *(_of_notification(one) for one in news),
        *(entry for one in line for entry in _of_waitlist(one)),
        *(entry for one in certificates for entry in _of_certificate(one)),
    ]
    ids = {
        "booking": {booking_id},
        "payment": {payment["id"] for payment in payments},
        "waitlist_entry": {one["id"] for one in line},
        "certificate": {one["id"] for one in certificates},
    }
    recorded = _of_facts(await queries.fetch(_FACTS, booking["user_id"], booking["event_id"]), ids)
    known = _requests(open_jobs, ended_jobs) | {fact.moment: fact.request_id for fact in recorded}
    told = [
        *(_with_request(entry, known) for entry in _once(recorded, entries)),
        *(_of_open_job(job) for job in open_jobs),
        *(_of_ended_job(job) for job in ended_jobs),
        *(_of_act(act) for act in acts),
    ]
    return Story(
        booking=BookingFacts(**{name: booking[name] for name in BookingFacts.__dataclass_fields__}),
        # Of what happened in one transaction the cause was listed before its effects.
        entries=tuple(sorted(told, key=lambda entry: entry.moment)),
    )


_BOOKING = """
SELECT b.id, b.status, b.cancel_reason, b.number_of_tickets, b.total_price, b.currency, b.registered_at, b.expires_at,
       b.confirmed_at, b.cancelled_at, e.id AS event_id, e.title AS event_title, e.status AS event_status,
       u.id AS user_id, u.username, u.email
FROM bookings b JOIN events e ON e.id = b.event_id JOIN users u ON u.id = b.user_id WHERE b.id = $1
"""
_INVOICES = """
SELECT i.* FROM payments p JOIN invoices i ON i.payment_id = p.id WHERE p.booking_id = $1 ORDER BY i.id
"""
# What is told of a certificate, or to all of an event, names no booking.
_NOTIFICATIONS = """
SELECT id, notification_type, title, key, created_at, read_at, mail_owed FROM notifications WHERE booking_id = $1
UNION
SELECT id, notification_type, title, key, created_at, read_at, mail_owed FROM notifications
WHERE user_id = $2 AND event_id = $3 AND booking_id IS NULL
ORDER BY id
"""
_CERTIFICATES = "SELECT * FROM certificates WHERE event_id = $1 AND user_id = $2"
_OPEN_JOBS = """
SELECT id, kind, payload, state, run_at, attempts, max_attempts, error, request_id, created_at FROM jobs
WHERE payload->>'booking_id' = $1 OR payload->>'payment_id' = ANY($2::text[])
   OR payload->>'notification_id' = ANY($3::text[]) OR payload->>'certificate_id' = ANY($4::text[])
ORDER BY id LIMIT $5
"""
# One has its index once it is numbered, the other until then.
_FACTS = """
SELECT id, type, actor_id, via, data, request_id, occurred_at FROM facts
WHERE user_id = $1 AND event_id = $2 AND seq IS NOT NULL
UNION ALL
SELECT id, type, actor_id, via, data, request_id, occurred_at FROM facts
WHERE user_id = $1 AND event_id = $2 AND seq IS NULL
ORDER BY id
"""
# `?` says no more than the comparison, and names the index.
_ENDED_JOBS = """
SELECT id, job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at FROM (
    SELECT * FROM job_log WHERE payload ? 'booking_id' AND payload->>'booking_id' = $1
    UNION
    SELECT * FROM job_log WHERE payload ? 'payment_id' AND payload->>'payment_id' = ANY($2::text[])
    UNION
    SELECT * FROM job_log WHERE payload ? 'notification_id' AND payload->>'notification_id' = ANY($3::text[])
) AS ended ORDER BY finished_at DESC, id DESC LIMIT $4
"""


def _requests(open_jobs: Sequence[Row], ended_jobs: Sequence[Row]) -> dict[datetime, str]:
    """Return whose doing the transactions at these times were: those that promised a job, and those that ended one."""
    known = {job["finished_at"]: job["request_id"] for job in ended_jobs}
    known |= {job["created_at"]: job["request_id"] for job in [*open_jobs, *ended_jobs]}
    return known


def _of_facts(rows: Sequence[Row], ids: Mapping[str, set[int]]) -> list[Entry]:
    """Return what was recorded about these rows. That documents were issued, their own rows say with their numbers."""
    entries = []
    for row in rows:
        data = orjson.loads(row["data"])
        resource, _, verb = row["type"].partition(".")
        about = "waitlist_entry" if resource == "waitlist" else resource
        if about in ids and (subject := data.pop(about)) in ids[about]:
            details = {**data, "via": row["via"], **({"actor": row["actor_id"]} if row["actor_id"] else {})}
            what = f"{resource} {verb}".replace("_", "-")  # booking no-show
            entries.append(Entry(row["occurred_at"], what, about, subject, details, row["request_id"]))
    return entries


def _once(recorded: Sequence[Entry], entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield each entry once, with its facts where it was recorded, and after those what was recorded alone."""
    facts = {(fact.what, fact.id, fact.moment): fact for fact in recorded}
    for entry in entries:
        fact = facts.pop((entry.what, entry.id, entry.moment), None)
        yield (
            entry if fact is None else Entry(**{**vars(entry), "details": {**fact.details, **entry.details}})
        )
    yield from facts.values()


def _with_request(entry: Entry, known: Mapping[datetime, str]) -> Entry:
    return Entry(**{**vars(entry), "request_id": known.get(entry.moment, NO_REQUEST)})


def _of_booking(booking: Row) -> Iterator[Entry]:
    def entry(moment: datetime, what: str, **details: object) -> Entry:
        return Entry(moment, what, "booking", booking["id"], details)

    yield entry(
        booking["registered_at"],
        "booking created",
        number_of_tickets=booking["number_of_tickets"],
        total_price=booking["total_price"],
        currency=booking["currency"],
    )
    if booking["confirmed_at"] is not None:
        yield entry(booking["confirmed_at"], "booking confirmed")
    if booking["cancelled_at"] is not None:
        ended = "expired" if booking["cancel_reason"] == CancelReason.EXPIRED else "cancelled"
        yield entry(booking["cancelled_at"], f"booking {ended}", reason=booking["cancel_reason"])
    elif booking["status"] == "pending":
        yield entry(booking["expires_at"], "booking held until then")


def _of_payment(payment: Row) -> Iterator[Entry]:
    def entry(moment: datetime, what: str, **details: object) -> Entry:
        kept = {name: value for name, value in details.items() if value}
        return Entry(moment, what, "payment", payment["id"], kept)

    yield entry(
        payment["created_at"],
        "payment created",
        transaction_id=payment["transaction_id"],
        amount=payment["amount"],
        currency=payment["currency"],
        method=payment["method"],
        gateway=payment["gateway"],
    )
    status, processed_at, refunded_at = payment["status"], payment["processed_at"], payment["refunded_at"]
    # What came for a booking that was gone was never completed: both times are one.
    if processed_at is not None and processed_at != refunded_at:
        ended = "completed" if status == "refunded" else status
        yield entry(
            processed_at, f"payment {ended}", provider_id=payment["provider_id"], failure=payment["failure"]
        )
    if refunded_at is not None:
        yield entry(refunded_at, "payment refunded", refund_state=payment["refund_state"])
    if payment["void_since"] is not None:
        yield entry(payment["void_since"], "payment to be voided since then")
    if payment["dispute"] != "none":
        yield entry(payment["checked_at"], "payment's dispute last looked at", dispute=payment["dispute"])
    if status == "pending" and payment["wait_until"] is not None:
        yield entry(payment["wait_until"], "payment waited for until then")


def _of_invoice(invoice: Row) -> Entry:
    what = "invoice issued" if invoice["kind"] == "invoice" else "credit note issued"
    details = {
        "number": invoice["invoice_number"],
        "amount": invoice["amount"],
        "currency": invoice["currency"],
        "payment_id": invoice["payment_id"],
        "mail": "owed" if invoice["mail_owed"] else "not owed",
    }
    return Entry(invoice["issued_at"], what, "invoice", invoice["id"], details)


def _of_notification(told: Row) -> Entry:
    details = {
        "type": told["notification_type"],
        "title": told["title"],
        "mail": "owed" if told["mail_owed"] else "not owed",
        "read_at": told["read_at"],
    }
    return Entry(told["created_at"], "notification", "notification", told["id"], details)


def _of_waitlist(one: Row) -> Iterator[Entry]:
    def entry(moment: datetime, what: str, **details: object) -> Entry:
        return Entry(moment, what, "waitlist_entry", one["id"], details)

    yield entry(one["joined_at"], "waitlist joined", line_number=one["line_number"])
    if one["notified_at"] is not None:
        yield entry(one["notified_at"], "waitlist offered")
    if one["ended_at"] is not None:
        yield entry(one["ended_at"], f"waitlist {one['status']}")


def _of_certificate(one: Row) -> Iterator[Entry]:
    def entry(moment: datetime, what: str, **details: object) -> Entry:
        return Entry(moment, what, "certificate", one["id"], details)

    yield entry(
        one["issued_date"],
        "certificate issued",
        number=one["certificate_number"],
        file="drawn" if one["pdf_name"] else "to be drawn",
    )
    if one["reissued_at"] is not None:
        yield entry(one["reissued_at"], "certificate reissued", name=one["user_name"])
    if one["downloaded_at"] is not None:
        yield entry(one["downloaded_at"], "certificate downloaded")


def _of_open_job(job: Row) -> Entry:
    state = job["state"]
    is_waiting = state == JobState.QUEUED
    details = {
        "payload": orjson.loads(job["payload"]),
        "attempts": f"{job['attempts']} of {job['max_attempts']}",
        **({"error": job["error"]} if job["error"] else {}),
        **({"run_at": job["run_at"]} if is_waiting else {}),
    }
    return Entry(
        job["created_at"], f"job {job['kind']} {state}", "job", job["id"], details, job["request_id"]
    )


def _of_ended_job(job: Row) -> Entry:
    details = {
        "payload": orjson.loads(job["payload"]),
        "outcome": job["outcome"],
        "attempts": job["attempts"],
        "seconds": round((job["finished_at"] - job["created_at"]).total_seconds(), 3),
    }
    return Entry(
        job["finished_at"], f"job {job['kind']} ended", "job", job["job_id"], details, job["request_id"]
    )


def _of_act(act: actions.Action) -> Entry:
    details = {"actor": act.actor, "subject": act.subject}
    return Entry(act.acted_at, f"by hand: {act.action}", "admin_action", act.id, details, act.request_id)
