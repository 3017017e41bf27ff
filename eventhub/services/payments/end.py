"""How payments end without money: given up by their payers, failed, voided, or waited for no longer."""

from collections.abc import Mapping
from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus
from eventhub.models.facts import FactType
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import PaymentStatus
from eventhub.services import bookings, ledger, locking, notifications, voids
from eventhub.services.access import Viewer, require
from eventhub.services.payments import transfers
from eventhub.services.payments.reads import get

ANOTHER_TRY_SECONDS = 900.0  # for a payer who gave a payment up to begin another


async def cancel(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Cancel the viewer's own pending payment, to try another method, and return it; a job voids it at its gateway.

    Where it was paid meanwhile, the money is taken: see `settle.take`.
    """
    await get(tx, viewer, payment_id)
    event, booking, payment = await locking.lock_payment(tx, payment_id)
    require(payment["user_id"] == viewer.id, "Only the payer can cancel a payment.")
    if payment["status"] == PaymentStatus.PENDING:
        await voids.end(tx, payment_id)
        await tx.execute(_HOLD_A_MOMENT, booking["id"], payment_id, ANOTHER_TRY_SECONDS)
        await transfers.tell_ended(tx, event, booking, payment, by_payer=True)
    elif payment["status"] != PaymentStatus.CANCELLED:
        raise Conflict(f"Payment {payment_id} is {payment['status']}.", code="wrong_state")
    return await get(tx, viewer, payment_id)


# The payment held the booking past its own hold, and its payer is choosing another.
_HOLD_A_MOMENT = """
UPDATE bookings b SET expires_at = least(now() + make_interval(secs => $3), p.wait_until) FROM payments p
WHERE b.id = $1 AND b.status = 'pending' AND p.id = $2 AND p.wait_until > b.expires_at
  AND b.expires_at < now() + make_interval(secs => $3)
"""


async def fail(tx: Transaction, event: Row, booking: Row, payment: Row, reason: str) -> None:
    """Record that a pending payment failed and tell the payer, who may try another while the hold lasts."""
    hint = " You can try again while your booking is held." if booking["is_held"] else ""
    await tx.execute(
        "UPDATE payments SET status = 'failed', failure = $2, processed_at = now(), checkout_url = NULL, "
        "void_since = NULL WHERE id = $1 AND status = 'pending'",
        payment["id"],
        reason,
    )
    ledger.record(tx, FactType.PAYMENT_FAILED, event["id"], payment, via=ledger.moved_by(payment))
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"payment_failed:{payment['id']}",
        title="Payment Failed",
        message=(
            f"Your payment for {event['title']} (transaction {payment['transaction_id']}) failed: {reason}{hint}"
        ),
        event_id=event["id"],
        booking_id=payment["booking_id"],
    )


async def record_cancelled(tx: Transaction, event: Row, booking: Row, payment: Mapping[str, Any]) -> None:
    """Record that no money can come for a pending payment; a booking whose hold has run out by now is let go."""
    await tx.execute(
        "UPDATE payments SET status = 'cancelled', processed_at = now(), checkout_url = NULL WHERE id = $1",
        payment["id"],
    )
    ledger.record(tx, FactType.PAYMENT_CANCELLED, event["id"], payment, via=ledger.moved_by(payment))
    await _tell_and_let_go(tx, event, booking, payment)


async def _tell_and_let_go(tx: Transaction, event: Row, booking: Row, payment: Mapping[str, Any]) -> None:
    await transfers.tell_ended(tx, event, booking, payment)
    if booking["status"] == BookingStatus.PENDING and not booking["is_held"]:
        await bookings.let_go(tx, event, booking)


async def give_up(tx: Transaction, payment_id: int) -> None:
    """Wait no longer for a payment whose time is over and whose gateway is not there to be asked."""
    event, booking, payment = await locking.lock_payment(tx, payment_id)
    if payment["status"] == PaymentStatus.PENDING:
        await voids.give_up(tx, payment_id)
        await _tell_and_let_go(tx, event, booking, payment)


async def record_voided(tx: Transaction, payment_id: int) -> None:
    """Record that the gateway has promised that no money comes for a payment any more, or told what came."""
    await tx.execute("UPDATE payments SET void_since = NULL WHERE id = $1", payment_id)
