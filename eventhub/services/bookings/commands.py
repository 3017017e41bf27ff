"""What becomes of a booking: confirmed, cancelled, expired, a no-show."""

from enum import StrEnum
from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict, Forbidden, NotFound
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus, Owed
from eventhub.models.jobs import CONFIRM_BOOKING, EXPIRE_BOOKING
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import OFFLINE, PaymentStatus, RefundState
from eventhub.services import certificates, invoices, ledger, locking, notifications, owed, refunds, seats
from eventhub.services.access import Viewer
from eventhub.services.bookings.reads import get
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up


class RefundOutcome(StrEnum):
    """What becomes of the money for a booking that is cancelled."""

    NOTHING_PAID = "nothing_paid"
    REFUNDED = "refunded"
    NOT_REFUNDED = "not_refunded"  # cancelled by its owner after the registration deadline
    STOPPED = "stopped"  # a payment was under way: it is voided, or what arrives goes back


async def change_requirements(
    tx: Transaction, viewer: Viewer, booking_id: int, special_requirements: str | None
) -> dict[str, Any]:
    """Change what a booking's owner needs, the one thing in it that may change, and return it."""
    booking = await get(tx, viewer, booking_id)
    if booking["user"] != viewer.id:
        raise Forbidden("Only the person who booked can change the special requirements.")
    if special_requirements is not None:
        await tx.execute(
            "UPDATE bookings SET special_requirements = $2 WHERE id = $1", booking_id, special_requirements
        )
    return await get(tx, viewer, booking_id)


async def _lock(tx: Transaction, viewer: Viewer, booking_id: int) -> tuple[Row, Row]:
    """Return (event, booking), with the event locked, to the owner or organizer. Raises NotFound to all others."""
    event = await locking.lock_event_of_booking(tx, booking_id)
    booking = await tx.fetch_one("SELECT * FROM bookings WHERE id = $1 FOR NO KEY UPDATE", booking_id)
    if event is None or booking is None:
        raise NotFound
    if booking["user_id"] != viewer.id and not viewer.manages(event["organizer_id"]):
        raise NotFound
    return event, booking


async def confirm(tx: Transaction, viewer: Viewer, booking_id: int, terms: invoices.Terms) -> dict[str, Any]:
    """Confirm a booking for its organizer, or for its owner where nothing is to pay, and return it.

    The organizer's word completes a bank transfer that is under way, also where the booking was confirmed before.
    """
    event, booking = await _lock(tx, viewer, booking_id)
    by_organizer = viewer.manages(event["organizer_id"])
    if booking["status"] == BookingStatus.PENDING:
        if booking["total_price"] > 0 and not by_organizer:
            raise Conflict(f"Booking {booking_id} is to be paid first.", code="payment_required")
        await _confirm(tx, event, booking_id)
    elif booking["status"] != BookingStatus.CONFIRMED:
        raise _wrong_state(booking_id, booking["status"], "confirmed")
    if by_organizer:
        await ledger.complete_transfer(tx, event, booking, terms)
    return await get(tx, viewer, booking_id)


async def take_money(tx: Transaction, event: Row, booking: Row) -> bool:
    """Confirm a booking (locked, as its event) that was paid for; False where there is no seat for the money.

    A booking whose hold had expired gets its seats again if they are free; its owner leaves the line for it. That the
    event has begun or ended meanwhile is no matter: the payment was begun in time, and its job may be late.
    """
    if event["status"] == EventStatus.CANCELLED:
        return False
    if booking["status"] in {BookingStatus.CONFIRMED, BookingStatus.NO_SHOW}:
        return True
    if booking["status"] == BookingStatus.PENDING:
        await _confirm(tx, event, booking["id"])
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
    await _confirm(tx, event, booking["id"])
    return True


async def confirm_free(tx: Transaction, booking_id: int) -> None:
    """Confirm a booking that costs nothing; one that was confirmed or cancelled meanwhile is left as it is."""
    event = await locking.lock_event_of_booking(tx, booking_id)
    if event is not None:
        await _confirm(tx, event, booking_id, only_free=True)


async def _confirm(tx: Transaction, event: Row, booking_id: int, *, only_free: bool = False) -> None:
    if event["status"] == EventStatus.CANCELLED:
        raise Conflict(f"Event {event['id']} is {event['status']}.", code="event_not_open")
    booking = await tx.fetch_one(_CONFIRM, booking_id, only_free)
    if booking is None:
        return
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


_CONFIRM = """
WITH b AS (
    UPDATE bookings SET status = 'confirmed', confirmed_at = now()
    WHERE id = $1 AND status = 'pending' AND (total_price = 0 OR NOT $2::boolean) RETURNING *
), counted AS (
    UPDATE events e SET seats_confirmed = e.seats_confirmed + b.number_of_tickets FROM b WHERE e.id = b.event_id
), accepted AS (
    UPDATE waitlist_entries w SET status = 'accepted', ended_at = now()
    FROM b WHERE w.booking_id = b.id AND w.status = 'offered'
)
SELECT user_id FROM b
"""


async def cancel(tx: Transaction, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Cancel a booking for its owner (until the event starts) or organizer, give its seats back, and return it.

    `refund_status` and `detail` beside it say what becomes of the money.
    """
    event, booking = await _lock(tx, viewer, booking_id)
    if booking["status"] in {BookingStatus.PENDING, BookingStatus.CONFIRMED}:
        by_organizer = viewer.manages(event["organizer_id"])
        if event["has_started"] and not by_organizer:
            raise Conflict(f"Event {event['id']} has started: its bookings stay.", code="event_started")
        reason = CancelReason.BY_ORGANIZER if by_organizer else CancelReason.BY_OWNER
        await release(tx, event, booking, reason, entry_status="left")
        way_back = ""
        if by_organizer or refunds.is_owners_right(event, booking):
            way_back = await ledger.refund_booking(tx, event, booking)
        await _tell_cancelled(tx, viewer, event, booking, way_back)
    elif booking["status"] != BookingStatus.CANCELLED:
        raise _wrong_state(booking_id, booking["status"], "cancelled")
    return {**await get(tx, viewer, booking_id), **await _what_of_the_money(tx, booking_id)}


async def _what_of_the_money(tx: Transaction, booking_id: int) -> dict[str, str]:
    payment = await tx.fetch_one(_MONEY, booking_id)
    if payment is None:
        return {
            "refund_status": RefundOutcome.NOTHING_PAID,
            "detail": "Nothing was paid, so there is nothing to refund.",
        }
    money = ledger.money(payment)
    match payment["status"]:
        case PaymentStatus.REFUNDED:
            detail = f"{money} goes back to the payer."
            if payment["refund_state"] == RefundState.RETURNED:
                detail = f"{money} has gone back to the payer."
            elif payment["gateway"] == OFFLINE:
                detail = f"The organizer has been asked to return {money} by hand."
            if payment["is_by_new_terms"]:
                detail = f"The event has changed since it was booked. {detail}"
            return {"refund_status": RefundOutcome.REFUNDED, "detail": detail}
        case PaymentStatus.COMPLETED:
            return {
                "refund_status": RefundOutcome.NOT_REFUNDED,
                "detail": (
                    f"The registration deadline has passed: the seats are free again, and {money} is not refunded. "
                    "The organizer may still refund it."
                ),
            }
    detail = f"The payment of {money} is being stopped; money that arrives all the same goes back."
    if payment["gateway"] == OFFLINE:
        detail = f"The transfer of {money} is no longer expected. If it has been sent, the organizer has to return it."
    return {"refund_status": RefundOutcome.STOPPED, "detail": detail}


# What an owner gets back by cancelling after the deadline they get because the event is another than they booked.
_MONEY = """
SELECT p.status, p.amount, p.currency, p.gateway, p.refund_state, b.cancel_reason = 'by_owner' AND p.refunded_at = b.cancelled_at
       AND b.cancelled_at >= e.registration_deadline AS is_by_new_terms
FROM payments p JOIN bookings b ON b.id = p.booking_id JOIN events e ON e.id = b.event_id
WHERE p.booking_id = $1 AND p.status IN ('pending', 'completed', 'refunded') ORDER BY p.id DESC LIMIT 1
"""


async def _tell_cancelled(tx: Transaction, viewer: Viewer, event: Row, booking: Row, way_back: str) -> None:
    """Tell a booking's owner who cancelled it and what becomes of the money; `way_back` says it where that returns."""
    who = "You have" if viewer.id == booking["user_id"] else "The organizer has"
    money = way_back
    if booking["total_price"] > 0 and not money:
        money = (await _what_of_the_money(tx, booking["id"]))["detail"]
    await notifications.notify(
        tx,
        booking["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"booking_cancelled:{booking['id']}",
        title="Booking Cancelled",
        message=f"{who} cancelled your booking for {event['title']}. {money}".strip(),
        event_id=event["id"],
        booking_id=booking["id"],
    )


async def release(
    tx: Transaction, event: Row, booking: Row, reason: CancelReason, *, entry_status: str
) -> None:
    """Cancel an active booking of a locked event: its seats go back, its offer from the line ends.

    A payment that is under way is voided by a job; one that is completed is the caller's to refund.
    """
    changed = await tx.execute(_CANCEL, booking["id"], entry_status, reason.value)
    if changed:
        if booking["total_price"] > 0:
            await ledger.enqueue_voids(tx, booking["id"])
        tickets = booking["number_of_tickets"]
        is_confirmed = booking["status"] == BookingStatus.CONFIRMED
        await seats.give_back(tx, event["id"], held=tickets, confirmed=tickets if is_confirmed else 0)
        await _take_back_certificate(tx, event, booking)


_CANCEL = """
WITH declined AS (
    UPDATE waitlist_entries SET status = $2, ended_at = now() WHERE booking_id = $1 AND status = 'offered'
)
UPDATE bookings SET status = 'cancelled', cancelled_at = now(), cancel_reason = $3
WHERE id = $1 AND status IN ('pending', 'confirmed')
"""


async def mark_no_show(tx: Transaction, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Record, for the organizer of an event that has started, that a confirmed attendee did not come."""
    event, booking = await _lock(tx, viewer, booking_id)
    if not viewer.manages(event["organizer_id"]):
        raise Forbidden("Only the event's organizer can record who did not come.")
    if not event["has_started"]:
        raise Conflict(f"Event {event['id']} has not started.", code="event_not_started")
    _check_takes_place(event)
    if booking["status"] == BookingStatus.CONFIRMED:
        tickets = booking["number_of_tickets"]
        await tx.execute("UPDATE bookings SET status = 'no_show' WHERE id = $1", booking_id)
        await seats.give_back(tx, event["id"], held=tickets, confirmed=tickets)
        await _take_back_certificate(tx, event, booking)
    elif booking["status"] != BookingStatus.NO_SHOW:
        raise _wrong_state(booking_id, booking["status"], "a no-show")
    return await get(tx, viewer, booking_id)


async def mark_attended(tx: Transaction, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Undo a no-show for the organizer: who was there after all has their seats again, and their certificate."""
    event, booking = await _lock(tx, viewer, booking_id)
    if not viewer.manages(event["organizer_id"]):
        raise Forbidden("Only the event's organizer can record who came.")
    _check_takes_place(event)
    if booking["status"] == BookingStatus.NO_SHOW:
        if not await seats.take_back(tx, event["id"], booking["number_of_tickets"]):
            raise Conflict(
                f"Event {event['id']} has no seats left for booking {booking_id}: raise max_attendees first.",
                code="seats_taken",
            )
        await tx.execute("UPDATE bookings SET status = 'confirmed' WHERE id = $1", booking_id)
        if event["status"] == EventStatus.COMPLETED:
            await owed.owe(tx, event["id"], Owed.CERTIFICATES)
    elif booking["status"] != BookingStatus.CONFIRMED:
        raise _wrong_state(booking_id, booking["status"], "attended")
    return await get(tx, viewer, booking_id)


def _check_takes_place(event: Row) -> None:
    """Raise Conflict for a cancelled event: its bookings end, and nobody was there or was not."""
    if event["status"] == EventStatus.CANCELLED:
        raise Conflict(f"Event {event['id']} is cancelled.", code="event_not_open")


async def _take_back_certificate(tx: Transaction, event: Row, booking: Row) -> None:
    if event["status"] == EventStatus.COMPLETED:
        await certificates.revoke(tx, event["id"], booking["user_id"])


async def expire(tx: Transaction, booking_id: int) -> None:
    """Cancel a booking whose hold has run out and tell its owner; any other is left as it is.

    One that a payment under way keeps is left too, until that has had its time. One with nothing to pay is confirmed
    instead: its hold can only run out where the job that confirms it was late.
    """
    event = await locking.lock_event_of_booking(tx, booking_id)
    booking = await tx.fetch_one(
        "SELECT * FROM bookings WHERE id = $1 AND status = 'pending' AND expires_at <= now() FOR NO KEY UPDATE",
        booking_id,
    )
    if event is None or booking is None:
        return
    if booking["total_price"] == 0 and event["status"] != EventStatus.CANCELLED:
        await _confirm(tx, event, booking_id)
    elif not await ledger.void_overdue(tx, booking_id):
        await let_go(tx, event, booking)


async def let_go(tx: Transaction, event: Row, booking: Row) -> None:
    """Cancel a booking of a locked event whose hold has run out, and tell its owner."""
    booking_id = booking["id"]
    await release(tx, event, booking, CancelReason.EXPIRED, entry_status="expired")
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

    Those are left out that a payment still has time for.
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
# Of an event that is not open any more, its hold's end decides.
_FREE = Promise(
    CONFIRM_BOOKING,
    """
    SELECT b.id AS booking_id FROM bookings b
    WHERE b.status = 'pending' AND b.expires_at > now() AND b.total_price = 0
      AND EXISTS (SELECT FROM events e WHERE e.id = b.event_id AND e.status <> 'cancelled')
    ORDER BY b.expires_at
    """,
)
PERIODIC = (PeriodicTask("expire bookings", expire_overdue, at_once=500),)


def _wrong_state(booking_id: int, status: str, wanted: str) -> Conflict:
    return Conflict(f"Booking {booking_id} is {status} and cannot become {wanted}.", code="wrong_state")
