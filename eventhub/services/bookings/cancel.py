"""Bookings cancelled, and what becomes of the money."""

from enum import StrEnum
from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus
from eventhub.models.facts import FactType
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import OFFLINE, PaymentStatus, RefundState
from eventhub.models.waitlist import WaitlistStatus
from eventhub.services import certificates, ledger, notifications, refunds, seats, voids
from eventhub.services.access import Viewer
from eventhub.services.bookings.reads import get, lock_to_decide
from eventhub.services.bookings.refusals import wrong_state


class RefundOutcome(StrEnum):
    """What becomes of the money for a booking that is cancelled."""

    NOTHING_PAID = "nothing_paid"
    REFUNDED = "refunded"
    NOT_REFUNDED = "not_refunded"  # cancelled by its owner after the registration deadline
    STOPPED = "stopped"  # a payment was under way: it is voided, or what arrives goes back


async def cancel(tx: Transaction, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Cancel a booking for its owner (until the event starts) or organizer, give its seats back, and return it.

    `refund_status` and `detail` beside it say what becomes of the money.
    """
    event, booking, by_organizer = await lock_to_decide(tx, viewer, booking_id)
    if booking["status"] in {BookingStatus.PENDING, BookingStatus.CONFIRMED}:
        if event["has_started"] and not by_organizer:
            raise Conflict(
                f"Event {event['id']} has started: its bookings can no longer be cancelled.",
                code="event_started",
            )
        reason = CancelReason.BY_ORGANIZER if by_organizer else CancelReason.BY_OWNER
        is_refunded = by_organizer or refunds.is_owners_right(event, booking)
        way_back = await cancel_and_refund(tx, event, booking, reason, is_refunded=is_refunded)
        await _tell_cancelled(tx, viewer, event, booking, way_back)
    elif booking["status"] != BookingStatus.CANCELLED:
        raise wrong_state(booking_id, booking["status"], "cancelled")
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


async def cancel_and_refund(
    tx: Transaction,
    event: Row,
    booking: Row,
    reason: CancelReason,
    *,
    is_refunded: bool = True,
    is_returned: bool = False,
) -> str:
    """End a booking (locked, as its event) with its payment, and return how the money comes back, empty where none does.

    Its seats go back and its offer from the waitlist ends; a booking that had ended has its payment ended alone. A
    payment under way is voided by a job. A completed one is refunded: by a job too, unless it `is_returned` already;
    unless the booking goes without a refund (`is_refunded`).
    """
    is_active = booking["status"] in {BookingStatus.PENDING, BookingStatus.CONFIRMED}
    if is_active:
        await _release(tx, event, booking, reason)
    payment = await tx.fetch_one(_PAYMENT, booking["id"])
    if payment is None:
        return ""
    if payment["status"] == PaymentStatus.PENDING:
        await voids.void(tx, payment["id"])
        return ""
    if not is_refunded:
        return ""
    ends_booking = is_active and reason is CancelReason.REFUNDED
    return await ledger.refund(tx, event, payment, is_returned=is_returned, ends_booking=ends_booking)


# A booking has one payment at most that is not over.
_PAYMENT = """
SELECT * FROM payments WHERE booking_id = $1 AND status IN ('pending', 'completed') FOR NO KEY UPDATE
"""


async def _release(tx: Transaction, event: Row, booking: Row, reason: CancelReason) -> None:
    entry_status = _ENTRY_ENDS.get(reason, WaitlistStatus.LEFT)
    ended = await tx.fetch_one(_CANCEL, booking["id"], entry_status.value, reason.value)
    if ended is None:
        return
    ending = FactType.BOOKING_EXPIRED if reason is CancelReason.EXPIRED else FactType.BOOKING_CANCELLED
    about = {"booking": booking["id"], "number_of_tickets": booking["number_of_tickets"]}
    tx.record(ending, event["id"], booking["user_id"], **about, reason=reason.value)
    if ended["entry_id"] is not None:
        tx.record(
            _ENTRY_ENDED[entry_status],
            event["id"],
            booking["user_id"],
            waitlist_entry=ended["entry_id"],
            booking=booking["id"],
        )
    await seats.give_back(tx, event["id"], [booking])
    if event["status"] == EventStatus.COMPLETED:
        await certificates.revoke(tx, event["id"], booking["user_id"])


# How the offer from the waitlist ends that a booking was made for; in all other cases its owner has left.
_ENTRY_ENDS = {
    CancelReason.EXPIRED: WaitlistStatus.EXPIRED,
    CancelReason.EVENT_CANCELLED: WaitlistStatus.CLOSED,
}
_ENTRY_ENDED = {
    WaitlistStatus.EXPIRED: FactType.WAITLIST_EXPIRED,
    WaitlistStatus.CLOSED: FactType.WAITLIST_CLOSED,
    WaitlistStatus.LEFT: FactType.WAITLIST_LEFT,
}
_CANCEL = """
WITH declined AS (
    UPDATE waitlist_entries SET status = $2, ended_at = now() WHERE booking_id = $1 AND status = 'offered'
    RETURNING id
), cancelled AS (
    UPDATE bookings SET status = 'cancelled', cancelled_at = now(), cancel_reason = $3
    WHERE id = $1 AND status IN ('pending', 'confirmed') RETURNING id
)
SELECT id, (SELECT id FROM declined) AS entry_id FROM cancelled
"""
