"""What a cancelled event owes its people, in chunks: each holds the event's row for a tenth of a second at most.

Bookings without money are cancelled two hundred at a time, by one statement; those with a payment, one by one.
"""

import time
from collections.abc import Sequence

from eventhub.database import Row, Transaction
from eventhub.models.bookings import CancelReason
from eventhub.models.events import EventStatus, Owed
from eventhub.models.facts import FactType
from eventhub.models.notifications import NotificationType
from eventhub.models.waitlist import WaitlistStatus
from eventhub.services import bookings, locking, notifications, owed, seats

CHUNK = 200
PAID_CHUNK = 20
PAID_SECONDS = 0.05  # no further refund is begun in this chunk after that


async def cancel_bookings(tx: Transaction, event_id: int) -> None:
    """Cancel the next bookings of a cancelled event and tell their owners; enqueues the rest."""
    if await cancel_next(tx, event_id):
        owed.go_on(tx, event_id, Owed.CANCELLATIONS)


async def cancel_next(tx: Transaction, event_id: int) -> bool:
    """Cancel the next bookings of a cancelled event and tell their owners; return whether there may be more."""
    # Looked for before the event is locked: nobody books a cancelled event, and what has ended meanwhile is passed over.
    ids = [row["id"] for row in await tx.fetch(_ACTIVE, event_id, CHUNK)]
    ids = ids or [row["id"] for row in await tx.fetch(_PAID, event_id, PAID_CHUNK)]
    event = await locking.lock_event(tx, event_id)
    if event is None or event["status"] != EventStatus.CANCELLED:
        return False
    if not ids:
        await owed.settle(tx, event_id, Owed.CANCELLATIONS)
        return False
    stop_at = time.monotonic() + PAID_SECONDS
    # Who begins to pay locks the booking: that payment is seen below, or it is refused.
    await tx.execute(_LOCK, ids)
    cancelled = await _cancel_unpaid(tx, event, ids)
    if len(cancelled) < len(ids):
        cancelled += await _cancel_paid(tx, event, ids, stop_at)
    await notifications.notify_many(
        tx,
        {booking["user_id"]: booking["id"] for booking in cancelled},
        NotificationType.EVENT_CANCELLED,
        key=f"event_cancelled:{event_id}",
        title="Event Cancelled",
        message=f"{event['title']} has been cancelled. Your booking was cancelled with it.",
        event_id=event_id,
    )
    return True


_ACTIVE = (
    "SELECT id FROM bookings WHERE event_id = $1 AND status IN ('pending', 'confirmed') ORDER BY id LIMIT $2"
)
# Money goes back to all who paid: also to those who cancelled too late for a refund, or did not come. The money of a
# no-show may still be under way.
_IS_PAID = (
    "(p.status = 'completed' OR p.status = 'pending' AND p.void_since IS NULL AND b.status = 'no_show')"
)
_PAID = f"""
SELECT b.id FROM bookings b JOIN payments p ON p.booking_id = b.id AND {_IS_PAID}
WHERE b.event_id = $1 ORDER BY b.id LIMIT $2
"""
_LOCK = "SELECT FROM bookings WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE"


async def _cancel_unpaid(tx: Transaction, event: Row, ids: Sequence[int]) -> list[Row]:
    """Cancel those of these bookings that have no payment, and give their seats back; return them."""
    rows = await tx.fetch(
        _CANCEL_UNPAID, ids, CancelReason.EVENT_CANCELLED.value, WaitlistStatus.CLOSED.value
    )
    if rows:
        await seats.give_back(tx, event["id"], rows)
        _record_cancelled(tx, event["id"], rows)
    return rows


def _record_cancelled(tx: Transaction, event_id: int, rows: Sequence[Row]) -> None:
    for row in rows:
        booking, reason = row["id"], CancelReason.EVENT_CANCELLED.value
        tx.record(
            FactType.BOOKING_CANCELLED,
            event_id,
            row["user_id"],
            booking=booking,
            number_of_tickets=row["number_of_tickets"],
            reason=reason,
        )
        if row["entry_id"] is not None:
            entry = row["entry_id"]
            tx.record(
                FactType.WAITLIST_CLOSED, event_id, row["user_id"], waitlist_entry=entry, booking=booking
            )


_CANCEL_UNPAID = """
WITH unpaid AS MATERIALIZED (
    SELECT id, user_id, status, number_of_tickets, is_itemized FROM bookings b
    WHERE id = ANY($1::bigint[]) AND status IN ('pending', 'confirmed')
      AND NOT EXISTS (SELECT FROM payments WHERE booking_id = b.id AND status IN ('pending', 'completed'))
), cancelled AS (
    UPDATE bookings b SET status = 'cancelled', cancelled_at = now(), cancel_reason = $2
    FROM unpaid WHERE b.id = unpaid.id
), declined AS (
    UPDATE waitlist_entries w SET status = $3, ended_at = now()
    FROM unpaid WHERE w.booking_id = unpaid.id AND w.status = 'offered' RETURNING w.id, w.booking_id
)
SELECT unpaid.*, declined.id AS entry_id FROM unpaid LEFT JOIN declined ON declined.booking_id = unpaid.id
"""


async def _cancel_paid(tx: Transaction, event: Row, ids: Sequence[int], stop_at: float) -> list[Row]:
    """Cancel those of these bookings that are still active, and refund what was paid for any; return the cancelled ones."""
    rows = await tx.fetch(_WITH_MONEY, ids, PAID_CHUNK)
    await locking.lock_profiles(tx, [row["user_id"] for row in rows])
    cancelled: list[Row] = []
    for booking in rows:
        await bookings.cancel_and_refund(tx, event, booking, CancelReason.EVENT_CANCELLED)
        if booking["is_active"]:
            cancelled.append(booking)
        if time.monotonic() > stop_at:
            break
    return cancelled


_WITH_MONEY = f"""
SELECT * FROM (
    SELECT b.*, b.status IN ('pending', 'confirmed') AS is_active,
           EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id AND {_IS_PAID}) AS is_paid
    FROM bookings b WHERE b.id = ANY($1::bigint[])
) AS found WHERE is_active OR is_paid ORDER BY id LIMIT $2
"""
