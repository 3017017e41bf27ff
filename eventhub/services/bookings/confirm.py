"""Bookings confirmed: by their organizers, by money, or at once where nothing is to pay."""

from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus, Owed
from eventhub.models.facts import FactType
from eventhub.models.notifications import NotificationType
from eventhub.services import invoices, ledger, locking, notifications, owed, seats
from eventhub.services.access import Viewer
from eventhub.services.bookings.reads import get, lock_to_decide
from eventhub.services.bookings.refusals import wrong_state


async def confirm(tx: Transaction, viewer: Viewer, booking_id: int, terms: invoices.Terms) -> dict[str, Any]:
    """Confirm a booking for its organizer, or for its owner where nothing is to pay, and return it.

    The organizer's word completes a bank transfer that is under way, even where the booking was confirmed before.
    """
    event, booking, by_organizer = await lock_to_decide(tx, viewer, booking_id)
    if booking["status"] == BookingStatus.PENDING:
        if booking["total_price"] > 0 and not by_organizer:
            raise Conflict(f"Booking {booking_id} has to be paid for first.", code="payment_required")
        await confirm_pending(tx, event, booking_id)
    elif booking["status"] != BookingStatus.CONFIRMED:
        raise wrong_state(booking_id, booking["status"], "confirmed")
    if by_organizer:
        await ledger.complete_transfer(tx, event, booking, terms)
    return await get(tx, viewer, booking_id)


async def confirm_paid(tx: Transaction, event: Row, booking: Row) -> bool:
    """Confirm a booking (locked, as its event) that was paid for; False where there is no seat for the money.

    A booking whose hold had expired gets its seats again if they are free; its owner leaves the waitlist for it. That
    the event has begun or ended meanwhile is no matter: the payment was begun in time, and its job may be late.
    """
    if event["status"] == EventStatus.CANCELLED:
        return False
    if booking["status"] in {BookingStatus.CONFIRMED, BookingStatus.NO_SHOW}:
        return True
    if booking["status"] == BookingStatus.PENDING:
        await confirm_pending(tx, event, booking["id"])
        return True
    if booking["cancel_reason"] != CancelReason.EXPIRED or await tx.fetch_value(
        "SELECT EXISTS (SELECT FROM bookings WHERE event_id = $1 AND user_id = $2 AND status <> 'cancelled')",
        event["id"],
        booking["user_id"],
    ):
        return False
    if not await seats.take_again(tx, event["id"], booking):
        return False
    await tx.execute(
        "UPDATE bookings SET status = 'pending', cancelled_at = NULL, cancel_reason = NULL WHERE id = $1",
        booking["id"],
    )
    await confirm_pending(tx, event, booking["id"])
    return True


async def confirm_free(tx: Transaction, booking_id: int) -> None:
    """Confirm a booking that costs nothing; one that was confirmed or cancelled meanwhile is left as it is."""
    event = await locking.lock_event_of_booking(tx, booking_id)
    if event is not None:
        await confirm_pending(tx, event, booking_id, only_free=True)


async def confirm_pending(tx: Transaction, event: Row, booking_id: int, *, only_free: bool = False) -> None:
    """Confirm a pending booking of a locked event and tell its owner. Raises Conflict where the event is cancelled."""
    if event["status"] == EventStatus.CANCELLED:
        raise Conflict(f"Event {event['id']} is {event['status']}.", code="event_not_open")
    booking = await tx.fetch_one(_CONFIRM, booking_id, only_free)
    if booking is None:
        return
    tx.record(
        FactType.BOOKING_CONFIRMED,
        event["id"],
        booking["user_id"],
        booking=booking_id,
        number_of_tickets=booking["number_of_tickets"],
    )
    if booking["entry_id"] is not None:
        tx.record(
            FactType.WAITLIST_ACCEPTED,
            event["id"],
            booking["user_id"],
            waitlist_entry=booking["entry_id"],
            booking=booking_id,
        )
    if event["status"] == EventStatus.COMPLETED:
        await owed.owe(tx, event["id"], Owed.CERTIFICATES)
    await notifications.notify(
        tx,
        booking["user_id"],
        NotificationType.BOOKING_CONFIRMATION,
        key=f"booking_confirmation:{booking_id}",
        title="Booking Confirmation",
        message=f"Your booking for {event['title']} has been confirmed.",
        event_id=event["id"],
        booking_id=booking_id,
    )


_CONFIRM = f"""
WITH b AS (
    UPDATE bookings SET status = 'confirmed', confirmed_at = now()
    WHERE id = $1 AND status = 'pending' AND (total_price = 0 OR NOT $2::boolean) RETURNING *
), counted AS (
    {seats.CONFIRM}
), accepted AS (
    UPDATE waitlist_entries w SET status = 'accepted', ended_at = now()
    FROM b WHERE w.booking_id = b.id AND w.status = 'offered' RETURNING w.id
)
SELECT user_id, number_of_tickets, (SELECT id FROM accepted) AS entry_id FROM b
"""
