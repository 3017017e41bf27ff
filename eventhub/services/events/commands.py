"""What organizers do with their events, and what follows from it for attendees, in bounded chunks by jobs."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from eventhub import localized
from eventhub.database import Queries, Row, Transaction
from eventhub.errors import Conflict, Invalid, NotFound
from eventhub.models.bookings import Booking, CancelReason
from eventhub.models.events import EVENT_MOVES, OPEN_EVENTS, Event, EventStatus
from eventhub.models.jobs import (
    CANCEL_EVENT_BOOKINGS,
    CLOSE_WAITLIST,
    ISSUE_CERTIFICATES,
    REMIND_ATTENDEES,
    SURVEY_ATTENDEES,
)
from eventhub.models.notifications import NotificationType
from eventhub.models.reviews import Review
from eventhub.models.waitlist import WaitlistEntry
from eventhub.services import bookings, ledger, notifications, payments, prices, seats, waitlist
from eventhub.services.access import Viewer, require
from eventhub.services.events import changes as event_changes
from eventhub.services.events.reads import get
from eventhub.services.payment_gateway import PaymentGateway
from eventhub.services.storage import Replacement

CHUNK = 200
REMINDER_HOURS = 24


def check_may_create(viewer: Viewer) -> None:
    """Raise Forbidden for attendees."""
    require(viewer.is_organizer, "Only organizers create events.")


async def create(
    tx: Transaction,
    viewer: Viewer,
    details: Mapping[str, Any],
    cover: Replacement | None = None,
    *,
    currency: str,
    gateways: Collection[PaymentGateway] = (),
) -> dict[str, Any]:
    """Make a draft with its price in `currency`, for good, and return it.

    Raises Forbidden for attendees, Invalid for dates out of order and for a price that none of `gateways` takes.
    """
    check_may_create(viewer)
    details = {"registration_deadline": details["start_date"], **details, "currency": currency}
    _check_dates(details)
    prices.check(details.get("price", Decimal(0)), currency, gateways)
    if cover is not None:
        details["cover_image"] = cover.name
    now = datetime.now(UTC)
    event = await Event.create(organizer_id=viewer.id, created_at=now, updated_at=now, **details)
    return await get(tx, viewer, event.id)


def _check_dates(event: Mapping[str, datetime]) -> None:
    errors = {}
    if event["start_date"] >= event["end_date"]:
        errors["end_date"] = ["Must be after start_date."]
    if event["registration_deadline"] > event["start_date"]:
        errors["registration_deadline"] = ["Must not be after start_date."]
    if errors:
        raise Invalid(errors)


async def _lock_managed(tx: Transaction, viewer: Viewer, event_id: int) -> Row:
    """Return the locked event to who manages it. Raises NotFound for what was never published, Forbidden for what is public."""
    return _managed(viewer, await seats.lock_event(tx, event_id))


async def check_managed(queries: Queries, viewer: Viewer, event_id: int) -> None:
    """Raise what a change of the event would, before anything costly is done for it."""
    _managed(
        viewer,
        await queries.fetch_one("SELECT published_at, organizer_id FROM events WHERE id = $1", event_id),
    )


def _managed(viewer: Viewer, event: Row | None) -> Row:
    if event is None or not viewer.sees(event):
        raise NotFound
    require(viewer.manages(event["organizer_id"]), "Only the event's organizer may do this.")
    return event


async def update(
    tx: Transaction,
    viewer: Viewer,
    event_id: int,
    changes: Mapping[str, Any],
    cover: Replacement | None = None,
    *,
    gateways: Collection[PaymentGateway] = (),
) -> dict[str, Any]:
    """Change an event and return it; the people of a public one are told of new times, place or link, by a job.

    Raises Conflict for a cancelled or completed event, for one that has begun and would begin again, and for fewer
    seats than are held; Invalid for bad dates, and for a new price that none of `gateways` takes.
    """
    event = await _lock_managed(tx, viewer, event_id)
    if event["status"] in {EventStatus.COMPLETED, EventStatus.CANCELLED}:
        raise Conflict(
            f"Event {event_id} is {event['status']} and can no longer be changed.", code="wrong_state"
        )
    changes = _with_deadline(event, changes)
    if cover is not None:
        cover.replaced = await tx.fetch_value("SELECT cover_image FROM events WHERE id = $1", event_id)
        changes = {**changes, "cover_image": cover.name}
    _check_dates({**event, **changes})
    await _check_start(tx, event, changes)
    if changes.get("price", event["price"]) != event["price"]:
        prices.check(changes["price"], event["currency"], gateways)
    seats_wanted = changes.get("max_attendees", event["max_attendees"])
    if seats_wanted < event["seats_held"]:
        raise Conflict(
            f"Event {event_id} has {event['seats_held']} seats taken: max_attendees cannot be {seats_wanted}.",
            code="seats_taken",
        )
    if changes:
        await Event.filter(id=event_id).update(**changes)
        await tx.execute("UPDATE events SET updated_at = now() WHERE id = $1", event_id)
    if changes.get("registration_deadline", event["registration_deadline"]) < event["registration_deadline"]:
        await waitlist.shorten_offers(tx, event_id)
        await payments.shorten_transfers(tx, event_id)
    if event["waiting_count"] and changes.keys() & {"max_attendees", "registration_deadline"}:
        seats.promote_soon(tx, event_id)
    await event_changes.note(tx, event, changes)
    return await get(tx, viewer, event_id)


def _with_deadline(event: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """A deadline that was the start moves along with the start."""
    follows = event["registration_deadline"] == event["start_date"]
    if follows and "start_date" in changes and "registration_deadline" not in changes:
        return {**changes, "registration_deadline": changes["start_date"]}
    return changes


async def _check_start(tx: Transaction, event: Row, changes: Mapping[str, Any]) -> None:
    """Raise Conflict where an event that has begun would begin again: its people were told, its bookings are final."""
    if event["status"] == EventStatus.ONGOING and await tx.fetch_value(
        "SELECT $1::timestamptz > now()", changes.get("start_date", event["start_date"])
    ):
        raise Conflict(
            f"Event {event['id']} has begun: start_date cannot be in the future any more.",
            code="event_started",
        )


async def publish(tx: Transaction, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Publish a draft and return it. Raises Conflict for anything else."""
    event = await _lock_managed(tx, viewer, event_id)
    await _move(tx, event, EventStatus.PUBLISHED)
    return await get(tx, viewer, event_id)


async def cancel(tx: Transaction, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Cancel an event and return it; jobs cancel its bookings, close its line and tell everybody."""
    event = await _lock_managed(tx, viewer, event_id)
    await _move(tx, event, EventStatus.CANCELLED)
    tx.enqueue(CANCEL_EVENT_BOOKINGS, unique_key=f"cancel_event_bookings:{event_id}", event_id=event_id)
    tx.enqueue(CLOSE_WAITLIST, unique_key=f"close_waitlist:{event_id}", event_id=event_id)
    return await get(tx, viewer, event_id)


async def complete(tx: Transaction, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Complete an event that has started and return it; one that is completed already stays so."""
    event = await _lock_managed(tx, viewer, event_id)
    if event["status"] != EventStatus.COMPLETED:
        if not event["has_started"] and event["status"] == EventStatus.PUBLISHED:
            raise Conflict(f"Event {event_id} has not started.", code="event_not_started")
        await _move(tx, event, EventStatus.COMPLETED)
        _follow_up(tx, event_id)
    return await get(tx, viewer, event_id)


def _follow_up(tx: Transaction, event_id: int) -> None:
    """What completion brings, by jobs: certificates, and the question how it was."""
    tx.enqueue(ISSUE_CERTIFICATES, event_id=event_id, after_booking=0)
    tx.enqueue(SURVEY_ATTENDEES, event_id=event_id, after_booking=0)


async def _move(tx: Transaction, event: Row, status: EventStatus) -> None:
    if event["status"] == status:
        raise Conflict(f"Event {event['id']} is {status} already.", code="wrong_state")
    if status not in EVENT_MOVES[EventStatus(event["status"])]:
        raise Conflict(
            f"Event {event['id']} is {event['status']} and cannot become {status}.", code="wrong_state"
        )
    await tx.execute(_MOVE, event["id"], status.value, status is EventStatus.PUBLISHED)


_MOVE = """
UPDATE events SET status = $2, updated_at = now(), published_at = CASE WHEN $3::boolean THEN now() ELSE published_at END
WHERE id = $1
"""


async def delete(tx: Transaction, viewer: Viewer, event_id: int) -> str | None:
    """Delete an event that was never booked and return the name of its cover. Raises Conflict for one that was."""
    await _lock_managed(tx, viewer, event_id)
    if await Booking.exists(event_id=event_id):
        raise Conflict(f"Event {event_id} has bookings: cancel it instead.", code="has_bookings")
    await WaitlistEntry.filter(event_id=event_id).delete()
    await Review.filter(event_id=event_id).delete()
    cover: str | None = await tx.fetch_value(
        "DELETE FROM events WHERE id = $1 RETURNING cover_image", event_id
    )
    return cover


async def cancel_bookings(tx: Transaction, event_id: int) -> None:
    """Cancel the next bookings of a cancelled event and tell their owners; enqueues the rest."""
    event = await seats.lock_event(tx, event_id)
    if event is None or event["status"] != EventStatus.CANCELLED:
        return
    rows = await tx.fetch(_TO_CANCEL, event_id, CHUNK)
    for booking in rows:
        if booking["is_active"]:
            await bookings.release(tx, event, booking, CancelReason.EVENT_CANCELLED, entry_status="closed")
        if booking["is_paid"]:
            await ledger.refund_booking(tx, event, booking)
    await notifications.notify_many(
        tx,
        {booking["user_id"]: booking["id"] for booking in rows if booking["is_active"]},
        NotificationType.EVENT_CANCELLED,
        key=f"event_cancelled:{event_id}",
        title="Event Cancelled",
        message=f"{event['title']} has been cancelled. Your booking was cancelled with it.",
        event_id=event_id,
    )
    if len(rows) == CHUNK:
        tx.enqueue(CANCEL_EVENT_BOOKINGS, unique_key=f"cancel_event_bookings:{event_id}", event_id=event_id)


# Money goes back to all who paid: also to those who cancelled too late for a refund, or did not come.
_TO_CANCEL = """
SELECT * FROM (
    SELECT b.*, b.status IN ('pending', 'confirmed') AS is_active,
           EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id AND p.status = 'completed') AS is_paid
    FROM bookings b WHERE b.event_id = $1
) AS found WHERE is_active OR is_paid ORDER BY id LIMIT $2
"""


async def move_on_time(tx: Transaction, limit: int = CHUNK) -> int:
    """Begin published events whose start has come, complete ongoing ones whose end has; return how many moved.

    Up to `limit` of either.
    """
    begun = await tx.fetch(_BEGIN, limit)
    ended = await tx.fetch(_END, limit)
    for row in ended:
        _follow_up(tx, row["id"])
    return len(begun) + len(ended)


_BEGIN = """
UPDATE events SET status = 'ongoing', updated_at = now()
WHERE id IN (SELECT id FROM events WHERE status = 'published' AND start_date <= now()
             ORDER BY start_date LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""
_END = """
UPDATE events SET status = 'completed', updated_at = now()
WHERE id IN (SELECT id FROM events WHERE status = 'ongoing' AND end_date <= now()
             ORDER BY end_date LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""


async def remind_due(tx: Transaction, limit: int = CHUNK) -> int:
    """Let jobs remind the attendees of events that start within a day, once per start; return how many events."""
    rows = await tx.fetch(_REMIND, REMINDER_HOURS, limit)
    for row in rows:
        tx.enqueue(REMIND_ATTENDEES, event_id=row["id"], start=row["start_date"].isoformat(), after_booking=0)
    return len(rows)


_REMIND = """
UPDATE events SET reminded_for = start_date
WHERE id IN (SELECT id FROM events WHERE status = 'published' AND start_date > now()
             AND start_date <= now() + make_interval(hours => $1) AND reminded_for IS DISTINCT FROM start_date
             ORDER BY start_date LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, start_date
"""


async def remind(tx: Transaction, event_id: int, start: str, after_booking: int) -> None:
    """Remind the next confirmed attendees of an event's start; enqueues the rest. A start that moved is no matter."""
    event = await tx.fetch_one("SELECT id, title, status, start_date FROM events WHERE id = $1", event_id)
    if event is None or event["status"] not in OPEN_EVENTS:
        return
    if event["start_date"].isoformat() != start:
        return
    rows = await _tell_attendees(
        tx,
        event,
        after_booking,
        NotificationType.EVENT_REMINDER,
        key=f"event_reminder:{event_id}:{event['start_date']:%Y%m%dT%H%M%S}",
        title="Event Reminder",
        message=f"{event['title']} starts at {localized.moment(event['start_date'])}.",
    )
    if len(rows) == CHUNK:
        tx.enqueue(REMIND_ATTENDEES, event_id=event_id, start=start, after_booking=rows[-1]["id"])


async def survey(tx: Transaction, event_id: int, after_booking: int) -> None:
    """Ask the next attendees of a completed event how it was; enqueues the rest."""
    event = await tx.fetch_one("SELECT id, title, status FROM events WHERE id = $1", event_id)
    if event is None or event["status"] != EventStatus.COMPLETED:
        return
    rows = await _tell_attendees(
        tx,
        event,
        after_booking,
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"survey:{event_id}",
        title="How Was It?",
        message=f"Thank you for coming to {event['title']}. Tell others how it was: write a review.",
    )
    if len(rows) == CHUNK:
        tx.enqueue(SURVEY_ATTENDEES, event_id=event_id, after_booking=rows[-1]["id"])


async def _tell_attendees(
    tx: Transaction,
    event: Row,
    after_booking: int,
    kind: NotificationType,
    *,
    key: str,
    title: str,
    message: str,
) -> list[Row]:
    """Tell up to CHUNK confirmed attendees, each with their booking; return these bookings."""
    rows = await tx.fetch(
        "SELECT id, user_id FROM bookings WHERE event_id = $1 AND status = 'confirmed' AND id > $2 "
        "ORDER BY id LIMIT $3",
        event["id"],
        after_booking,
        CHUNK,
    )
    await notifications.notify_many(
        tx,
        {row["user_id"]: row["id"] for row in rows},
        kind,
        key=key,
        title=title,
        message=message,
        event_id=event["id"],
    )
    return rows
