"""Joining a waitlist, and leaving it."""

from typing import Any

from eventhub.database import IntegrityErrors, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, NotFound
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.facts import FactType
from eventhub.models.waitlist import WaitlistStatus
from eventhub.services import bookings, locking, seats
from eventhub.services.access import Viewer, check_sees, find_event, no_such_event, require
from eventhub.services.waitlist.promotion import tell_of_seat
from eventhub.services.waitlist.reads import get


async def join(tx: Transaction, viewer: Viewer, event_id: int, *, hold_seconds: int) -> dict[str, Any]:
    """Put the viewer at the end of the waitlist and return the entry; while a seat is on sale, joining books it.

    Raises Invalid for an event that the viewer may not see; Conflict where registration is closed, the viewer holds a
    booking or waits already, or, where joining books, holds too much that is not paid.
    """
    # Holds the event's row from here, so that numbers are given out one by one and what is read below stays true.
    event = await seats.take_waitlist_number(tx, event_id)
    if event is None:
        raise await _why_not(tx, viewer, event_id)
    if await tx.fetch_value(_HAS_BOOKED, event_id, viewer.id):
        raise bookings.already_booked(event_id)
    if event["has_seat_on_sale"]:
        return await get(tx, viewer, await _book_at_once(tx, viewer, event, hold_seconds))
    try:
        entry_id = await tx.fetch_value(_INSERT, event_id, viewer.id, event["last_line_number"])
    except IntegrityErrors as error:
        if violated_constraint(error) == "waitlist_one_open":
            raise Conflict(
                f"You are already on the waitlist of event {event_id}.", code="already_waiting"
            ) from None
        raise
    tx.record(FactType.WAITLIST_JOINED, event_id, viewer.id, waitlist_entry=entry_id)
    if event["has_free_seats"]:
        seats.enqueue_promotion(tx, event_id)
    return await get(tx, viewer, entry_id)


_HAS_BOOKED = (
    "SELECT EXISTS (SELECT FROM bookings WHERE event_id = $1 AND user_id = $2 AND status <> 'cancelled')"
)
_INSERT = """
INSERT INTO waitlist_entries (event_id, user_id, status, line_number, joined_at)
VALUES ($1, $2, 'waiting', $3, now()) RETURNING id
"""


async def _book_at_once(tx: Transaction, viewer: Viewer, event: Row, hold_seconds: int) -> int:
    """Return the id of a new entry with a booking already, which is held as long as any booking and not as an offer.

    Else people who never waited could hold a seat for as long as an offer lasts, again and again.
    """
    booking = await bookings.book(
        tx,
        viewer,
        event=event["id"],
        number_of_tickets=1,
        special_requirements="",
        ttl_seconds=hold_seconds,
    )
    entry = await tx.fetch_one(_INSERT_BOOKED, booking["id"], event["last_line_number"])
    assert entry is not None  # noqa: S101 - the booking was made above
    tx.record(FactType.WAITLIST_JOINED, event["id"], viewer.id, waitlist_entry=entry["id"])
    tx.record(
        FactType.WAITLIST_OFFERED, event["id"], viewer.id, waitlist_entry=entry["id"], booking=booking["id"]
    )
    await tell_of_seat(tx, event, entry, "was free")
    return int(entry["id"])


# Told at the moment of joining; an offer to somebody who has waited is told later.
_INSERT_BOOKED = """
WITH b AS (
    SELECT * FROM bookings WHERE id = $1
), entry AS (
    INSERT INTO waitlist_entries (event_id, user_id, booking_id, status, line_number, joined_at, notified_at)
    SELECT event_id, user_id, id, 'offered', $2, now(), now() FROM b RETURNING id, booking_id
)
SELECT entry.id, entry.booking_id, b.user_id, b.total_price, b.expires_at FROM b JOIN entry ON entry.booking_id = b.id
"""


async def _why_not(tx: Transaction, viewer: Viewer, event_id: int) -> Exception:
    check_sees(viewer, await find_event(tx, event_id), no_such_event)
    return bookings.registration_closed(event_id)


async def leave(tx: Transaction, viewer: Viewer, entry_id: int) -> None:
    """Leave the waitlist, or decline its offer; leaving twice changes nothing. Raises NotFound, Forbidden, Conflict."""
    entry = await get(tx, viewer, entry_id)
    require(entry["user"] == viewer.id, "Only the person who waits can leave the waitlist.")
    event = await locking.lock_event(tx, entry["event"])
    locked = await tx.fetch_one("SELECT status, booking_id FROM waitlist_entries WHERE id = $1", entry_id)
    if event is None or locked is None:
        raise NotFound
    match locked["status"]:
        case WaitlistStatus.WAITING:
            await tx.execute(
                "UPDATE waitlist_entries SET status = 'left', ended_at = now() WHERE id = $1", entry_id
            )
            await seats.stop_waiting(tx, event["id"], 1)
            tx.record(FactType.WAITLIST_LEFT, event["id"], viewer.id, waitlist_entry=entry_id)
        case WaitlistStatus.OFFERED:
            booking = await tx.fetch_one("SELECT * FROM bookings WHERE id = $1", locked["booking_id"])
            if booking is not None and booking["status"] == BookingStatus.PENDING:
                await bookings.cancel_and_refund(tx, event, booking, CancelReason.BY_OWNER)
        case WaitlistStatus.ACCEPTED:
            raise Conflict(
                f"Waitlist entry {entry_id} has become a booking: cancel the booking instead.",
                code="already_booked",
            )
