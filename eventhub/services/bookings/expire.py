"""Bookings whose hold has run out: let go, unless a payment under way keeps them or nothing was to pay."""

from eventhub.database import Row, Transaction
from eventhub.models.bookings import CancelReason
from eventhub.models.events import EventStatus
from eventhub.models.jobs import CONFIRM_BOOKING, EXPIRE_BOOKING
from eventhub.models.notifications import NotificationType
from eventhub.services import locking, notifications, voids
from eventhub.services.bookings.cancel import cancel_and_refund
from eventhub.services.bookings.confirm import confirm_pending
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up


async def expire(tx: Transaction, booking_id: int) -> None:
    """Cancel a booking whose hold has run out and tell its owner; any other is left as it is.

    A booking that a payment under way keeps is left too, until that payment has had its time. A booking with nothing to
    pay is confirmed instead: its hold can only run out where the job that confirms it was late.
    """
    event = await locking.lock_event_of_booking(tx, booking_id)
    booking = await tx.fetch_one(
        "SELECT * FROM bookings WHERE id = $1 AND status = 'pending' AND expires_at <= now() FOR NO KEY UPDATE",
        booking_id,
    )
    if event is None or booking is None:
        return
    if booking["total_price"] == 0 and event["status"] != EventStatus.CANCELLED:
        await confirm_pending(tx, event, booking_id)
    elif not await voids.void_overdue(tx, booking_id):
        await let_go(tx, event, booking)


async def let_go(tx: Transaction, event: Row, booking: Row) -> None:
    """Cancel a booking of a locked event whose hold has run out, and tell its owner."""
    booking_id = booking["id"]
    await cancel_and_refund(tx, event, booking, CancelReason.EXPIRED)
    await notifications.notify(
        tx,
        booking["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"hold_expired:{booking_id}",
        title="Booking Expired",
        message=f"Your booking for {event['title']} was not paid for in time, so its seats have been released.",
        event_id=event["id"],
        booking_id=booking_id,
    )


async def expire_overdue(tx: Transaction, limit: int = 500) -> int:
    """Let jobs look at bookings whose hold has run out, and confirm free ones whose job is gone; return how many.

    A booking whose payment still has time is left out.
    """
    return len(await take_up(tx, _HELD_TOO_LONG, limit)) + len(await take_up(tx, _FREE, limit))


_HELD_TOO_LONG = Promise(
    EXPIRE_BOOKING,
    """
    SELECT id AS booking_id FROM bookings b WHERE status = 'pending' AND expires_at <= now()
      AND NOT EXISTS (SELECT FROM payments WHERE booking_id = b.id AND status = 'pending' AND wait_until > now())
    ORDER BY expires_at
    """,
)
# A booking for a cancelled event waits for the end of its hold.
_FREE = Promise(
    CONFIRM_BOOKING,
    """
    SELECT b.id AS booking_id FROM bookings b
    WHERE b.status = 'pending' AND b.expires_at > now() AND b.total_price = 0
      AND EXISTS (SELECT FROM events e WHERE e.id = b.event_id AND e.status <> 'cancelled')
    ORDER BY b.expires_at
    """,
)
PERIODIC = (PeriodicTask("expire bookings", expire_overdue, at_once=500, promises=(_HELD_TOO_LONG, _FREE)),)
