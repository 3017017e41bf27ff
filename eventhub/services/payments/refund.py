"""Money that goes back: asked for by people, found out from providers, returned by jobs or by hand."""

from collections.abc import Mapping
from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import CancelReason
from eventhub.models.facts import FactType, Via
from eventhub.models.jobs import REFUND_PAYMENT
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import OFFLINE, PaymentStatus, RefundState
from eventhub.services import bookings, ledger, locking, notifications, refunds
from eventhub.services.access import Right, Viewer, require
from eventhub.services.links import display_name
from eventhub.services.payments import transfers
from eventhub.services.payments.reads import get


async def refund(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Refund a completed payment for the organizer, or for the payer while that is their right, and return it.

    It is the payer's right until the registration deadline, and for a while after the event has become another than
    they booked. The state moves at once, with the booking and its seats; a job returns the money.
    """
    await get(tx, viewer, payment_id)
    event, booking, payment = await locking.lock_payment(tx, payment_id)
    if payment["status"] == PaymentStatus.COMPLETED:
        by_organizer = viewer.may(event, Right.MONEY)
        if not by_organizer and not refunds.is_owners_right(event, booking):
            raise Conflict(
                f"Registration for event {event['id']} is closed: ask its organizer for a refund.",
                code="registration_closed",
            )
        await bookings.cancel_and_refund(tx, event, booking, CancelReason.REFUNDED)
    elif payment["status"] != PaymentStatus.REFUNDED:
        raise Conflict(
            f"Payment {payment_id} is {payment['status']}: only completed payments can be refunded.",
            code="wrong_state",
        )
    return await get(tx, viewer, payment_id)


async def settle_refunded(tx: Transaction, event: Row, booking: Row, payment: Row) -> None:
    """Let the books follow money that somebody else sent back at the provider; all rows are locked."""
    if payment["status"] == PaymentStatus.COMPLETED:
        await bookings.cancel_and_refund(tx, event, booking, CancelReason.REFUNDED, is_returned=True)
    else:
        await send_back(tx, event, payment, is_returned=True)


async def send_back(tx: Transaction, event: Row, payment: Row, *, is_returned: bool = False) -> None:
    """Refund money that arrived for a booking that is gone: it was never ours, so no document is written.

    A job returns it, unless the provider has done so already.
    """
    moved = await tx.execute(
        "UPDATE payments SET status = 'refunded', processed_at = now(), refunded_at = now(), refund_state = $3, "
        "checkout_url = NULL, provider_id = $2, void_since = NULL "
        "WHERE id = $1 AND status IN ('pending', 'failed', 'cancelled')",
        payment["id"],
        payment["provider_id"],
        "returned" if is_returned else "owed",
    )
    if not moved:
        return
    ledger.record(tx, FactType.PAYMENT_REFUNDED, event["id"], payment, via=ledger.moved_by(payment))
    if not is_returned:
        tx.enqueue(REFUND_PAYMENT, payment_id=payment["id"])
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"payment_refunded:{payment['id']}",
        title="Payment Refunded",
        message=(
            f"Your payment for {event['title']} (transaction {payment['transaction_id']}) has bought no seat. "
            f"{ledger.way_back(payment, is_returned=is_returned)}"
        ),
        event_id=event["id"],
        booking_id=payment["booking_id"],
    )


async def record_refund(tx: Transaction, payment_id: int, state: RefundState) -> None:
    """Record that the money of a refunded payment is back, or has become a task of the organizer, who is told."""
    if state is RefundState.BY_HAND:
        await _hand_over(tx, payment_id)
        return
    payment = await tx.fetch_one(_RECORD_REFUND, payment_id, state)
    if payment is not None and state is RefundState.RETURNED:
        ledger.record(tx, FactType.PAYMENT_RETURNED, payment["event_id"], payment, via=Via.GATEWAY)


_RECORD_REFUND = """
UPDATE payments p SET refund_state = $2 FROM bookings b
WHERE p.id = $1 AND p.status = 'refunded' AND p.refund_state <> $2 AND b.id = p.booking_id
RETURNING p.*, b.event_id
"""


async def _hand_over(tx: Transaction, payment_id: int) -> None:
    """Record that money is to be returned by a person, and tell the event's organizer how much, and to whom."""
    payment = await tx.fetch_one(_HAND_OVER, payment_id)
    if payment is None:
        return
    names = (display_name(payment[name]) for name in ("full_name", "username"))
    payer = " / ".join(dict.fromkeys(filter(None, names))) or "the payer"
    await notifications.notify_organizer(
        tx,
        payment["organizer_id"],
        key=f"refund_by_hand:{payment_id}",
        title="Refund to Make by Hand",
        message=(
            f"Please return {ledger.money(payment)} to {payer} for {payment['event_title']} "
            f"(transaction {payment['transaction_id']}): Event Hub cannot send it back. When you have done so, mark payment "
            f"{payment_id} as returned."
        ),
        event_id=payment["event_id"],
    )


_HAND_OVER = """
UPDATE payments p SET refund_state = 'by_hand'
FROM bookings b, events e, users u
WHERE p.id = $1 AND p.status = 'refunded' AND p.refund_state = 'owed'
  AND b.id = p.booking_id AND e.id = b.event_id AND u.id = p.user_id
RETURNING p.amount, p.currency, p.transaction_id, u.full_name, u.username, e.id AS event_id, e.title AS event_title,
          e.organizer_id
"""


def refund_key(payment: Mapping[str, Any]) -> str:
    """Return the key of the present try to return a payment's money: the same until the bank sends that back."""
    number: int = payment["refund_number"]
    return f"{payment['transaction_id']}-refund" + (f"-{number}" if number > 1 else "")


async def begin_another_refund(tx: Transaction, payment: Mapping[str, Any]) -> None:
    """Let the next try to return a payment's money have a key of its own; of several who saw one fail, one counts."""
    await tx.execute(
        "UPDATE payments SET refund_number = refund_number + 1 WHERE id = $1 AND refund_number = $2",
        payment["id"],
        payment["refund_number"],
    )


async def mark_returned(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Record for the organizer that the money of a refunded transfer has been sent back, tell its payer, and return it."""
    event, payment = await _lock_to_return(tx, viewer, payment_id)
    if payment["status"] != PaymentStatus.REFUNDED:
        raise Conflict(
            f"Payment {payment_id} is {payment['status']}: nothing is to be returned.", code="wrong_state"
        )
    if payment["refund_state"] != RefundState.RETURNED:
        await tx.execute("UPDATE payments SET refund_state = 'returned' WHERE id = $1", payment_id)
        ledger.record(tx, FactType.PAYMENT_RETURNED, event["id"], payment)
        await transfers.tell_returned(tx, event, payment)
    return await get(tx, viewer, payment_id)


async def _lock_to_return(tx: Transaction, viewer: Viewer, payment_id: int) -> tuple[Row, Row]:
    """Return (event, payment), locked, where people return its money: that of a transfer, or what no gateway could."""
    await get(tx, viewer, payment_id)
    event, _, payment = await locking.lock_payment(tx, payment_id)
    require(viewer.may(event, Right.MONEY), "Only the event's organizer can record what was returned.")
    if payment["gateway"] != OFFLINE and payment["refund_state"] not in {
        RefundState.BY_HAND,
        RefundState.RETURNED,
    }:
        raise Conflict(f"Payment {payment_id} is returned by its payment provider.", code="wrong_state")
    return event, payment
