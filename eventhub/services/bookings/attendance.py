"""Attendance: organizers record no-shows once an event has started, and undo them."""

from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus
from eventhub.models.events import EventStatus, Owed
from eventhub.models.facts import FactType
from eventhub.services import certificates, owed, seats
from eventhub.services.access import Right, Viewer, require
from eventhub.services.bookings.reads import get, lock
from eventhub.services.bookings.refusals import wrong_state


async def mark_no_show(tx: Transaction, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Record, for the organizer of an event that has started, that a confirmed attendee did not come."""
    event, booking = await lock(tx, viewer, booking_id)
    require(viewer.may(event, Right.GATE), "Only the event's organizer can record who did not come.")
    if not event["has_started"]:
        raise Conflict(f"Event {event['id']} has not started.", code="event_not_started")
    _check_takes_place(event)
    if booking["status"] == BookingStatus.CONFIRMED:
        await tx.execute("UPDATE bookings SET status = 'no_show' WHERE id = $1", booking_id)
        await seats.give_back(tx, event["id"], [booking], keeps_uses=True)
        tx.record(FactType.BOOKING_NO_SHOW, event["id"], booking["user_id"], booking=booking_id)
        if event["status"] == EventStatus.COMPLETED:
            await certificates.revoke(tx, event["id"], booking["user_id"])
    elif booking["status"] != BookingStatus.NO_SHOW:
        raise wrong_state(booking_id, booking["status"], "a no-show")
    return await get(tx, viewer, booking_id)


async def mark_attended(tx: Transaction, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Undo a no-show for the organizer: a person who came after all has their seats again, and their certificate."""
    event, booking = await lock(tx, viewer, booking_id)
    require(viewer.may(event, Right.GATE), "Only the event's organizer can record who came.")
    _check_takes_place(event)
    if booking["status"] == BookingStatus.NO_SHOW:
        if not await seats.take_back(tx, event["id"], booking):
            limit = "max_attendees"
            if booking["is_itemized"]:
                limit += " or the capacity of its ticket type"
            raise Conflict(
                f"Event {event['id']} has no seats left for booking {booking_id}: raise {limit} first.",
                code="seats_taken",
            )
        await tx.execute("UPDATE bookings SET status = 'confirmed' WHERE id = $1", booking_id)
        tx.record(FactType.BOOKING_ATTENDED, event["id"], booking["user_id"], booking=booking_id)
        if event["status"] == EventStatus.COMPLETED:
            await owed.owe(tx, event["id"], Owed.CERTIFICATES)
    elif booking["status"] != BookingStatus.CONFIRMED:
        raise wrong_state(booking_id, booking["status"], "attended")
    return await get(tx, viewer, booking_id)


def _check_takes_place(event: Row) -> None:
    """Raise Conflict for a cancelled event: its bookings end, and nobody attends or fails to."""
    if event["status"] == EventStatus.CANCELLED:
        raise Conflict(f"Event {event['id']} is cancelled.", code="event_not_open")
