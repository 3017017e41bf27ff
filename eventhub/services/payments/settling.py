"""What a gateway says of a payment becomes money, seat and documents, exactly once in effect."""

from collections.abc import Mapping
from typing import Any

from eventhub.database import Row, Transaction
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.payments import PaymentStatus
from eventhub.models.payments import RefundState as Books
from eventhub.services import bookings, invoices, ledger
from eventhub.services.payment_gateway import GatewayPayment, GatewayState
from eventhub.services.payments.rows import lock


async def settle(tx: Transaction, payment_id: int, outcome: GatewayPayment, terms: invoices.Terms) -> None:
    """Record how a payment stands at its gateway: money, seat and documents move together, or the money goes back."""
    event, booking, payment = await lock(tx, payment_id)
    # Kept with every outcome: a refund finds the payment by it.
    payment = {**payment, "provider_id": outcome.provider_id or payment["provider_id"]}
    is_pending = payment["status"] == PaymentStatus.PENDING
    match outcome.state:
        case GatewayState.REFUNDED:
            await settle_refunded(tx, event, booking, payment)
        case GatewayState.SUCCEEDED:
            await _settle_paid(tx, event, booking, payment, terms)
        case GatewayState.PENDING:
            await _settle_pending(tx, payment, outcome)
        case GatewayState.FAILED if is_pending:
            await ledger.fail(tx, event, booking, payment, outcome.failure or "The payment was declined.")
        case GatewayState.CANCELLED if is_pending:
            await _void(tx, event, booking, payment_id)


async def _settle_pending(tx: Transaction, payment: Row, outcome: GatewayPayment) -> None:
    """Keep what the payer needs to go on; a payment that has ended here meanwhile is ended at the gateway too."""
    ended = payment["status"] in {PaymentStatus.FAILED, PaymentStatus.CANCELLED}
    if payment["status"] == PaymentStatus.PENDING or ended:
        await tx.execute(
            "UPDATE payments SET provider_id = $2, checkout_url = $3, "
            "reference_number = coalesce($4, reference_number), checked_at = now() WHERE id = $1",
            payment["id"],
            payment["provider_id"],
            None if ended else outcome.checkout_url,
            outcome.reference,
        )
    if ended:
        # The job that voided it came between the question whether to charge and the charge, and found nothing.
        ledger.void(tx, payment["id"])


async def _settle_paid(
    tx: Transaction, event: Row, booking: Row, payment: Row, terms: invoices.Terms
) -> None:
    if payment["status"] in {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}:
        return
    if await _is_wanted(tx, booking, payment) and await bookings.take_money(tx, event, booking):
        await ledger.complete(tx, event, booking, payment, terms)
    elif payment["amount"] > 0:
        await ledger.send_back(tx, event, payment)
    elif payment["status"] == PaymentStatus.PENDING:
        await _void(tx, event, booking, payment["id"])


async def _is_wanted(tx: Transaction, booking: Row, payment: Row) -> bool:
    """Whether money is still for its booking: that of a payment that had ended is, unless something took its place."""
    if payment["status"] == PaymentStatus.PENDING:
        return True
    if payment["amount"] == 0 or booking["status"] == BookingStatus.CONFIRMED:
        return False
    # Nobody begins another payment meanwhile: that needs the booking's row, which is locked.
    return not await tx.fetch_value(
        "SELECT EXISTS (SELECT FROM payments WHERE booking_id = $1 AND status IN ('pending', 'completed'))",
        booking["id"],
    )


async def settle_refunded(tx: Transaction, event: Row, booking: Row, payment: Row) -> None:
    """The money went back at the provider, by another's hand than ours: the books follow."""
    if payment["status"] != PaymentStatus.COMPLETED:
        await ledger.send_back(tx, event, payment, is_returned=True)
        return
    await ledger.refund(tx, event, payment, is_returned=True)
    if booking["status"] in {BookingStatus.PENDING, BookingStatus.CONFIRMED}:
        await bookings.release(tx, event, booking, CancelReason.REFUNDED, entry_status="left")


async def _void(tx: Transaction, event: Row, booking: Row, payment_id: int) -> None:
    """No money can come any more: a booking whose hold has run out by now is let go."""
    await tx.execute(
        "UPDATE payments SET status = 'cancelled', processed_at = now(), checkout_url = NULL WHERE id = $1",
        payment_id,
    )
    if booking["status"] == BookingStatus.PENDING and not booking["is_held"]:
        await bookings.let_go(tx, event, booking)


async def record_refund(tx: Transaction, payment_id: int, state: Books) -> None:
    """Record that the money of a refunded payment is back, or has become the organizer's task, who is told."""
    if state is Books.BY_HAND:
        await ledger.hand_over_refund(tx, payment_id)
        return
    await tx.execute(
        "UPDATE payments SET refund_state = $2 WHERE id = $1 AND status = 'refunded'", payment_id, state
    )


async def begin_another_refund(tx: Transaction, payment: Mapping[str, Any]) -> None:
    """Let the next try to return a payment's money have a key of its own; of several who saw one fail, one counts."""
    await tx.execute(
        "UPDATE payments SET refund_number = refund_number + 1 WHERE id = $1 AND refund_number = $2",
        payment["id"],
        payment["refund_number"],
    )
