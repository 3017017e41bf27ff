"""What the jobs of payments record: how a payment stands at its gateway, and where refunded money is."""

from collections.abc import Mapping
from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import NotFound
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.payments import PaymentStatus, RefundState
from eventhub.services import bookings, invoices, ledger, locking
from eventhub.services.payments import transfers
from eventhub.services.ports.payments import GatewayPayment, GatewayState


async def lock(tx: Transaction, payment_id: int) -> tuple[Row, Row, Row]:
    """Return (event, booking, payment), locked in this order; `is_held` tells of a booking that it is, pending.

    Raises NotFound.
    """
    booking_id = await tx.fetch_value("SELECT booking_id FROM payments WHERE id = $1", payment_id)
    event = await locking.lock_event_of_booking(tx, booking_id) if booking_id is not None else None
    if event is None:
        raise NotFound
    booking = await tx.fetch_one(
        "SELECT *, status = 'pending' AND expires_at > now() AS is_held FROM bookings WHERE id = $1 "
        "FOR NO KEY UPDATE",
        booking_id,
    )
    payment = await tx.fetch_one("SELECT * FROM payments WHERE id = $1 FOR NO KEY UPDATE", payment_id)
    if booking is None or payment is None:
        raise NotFound
    return event, booking, payment


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
            await _void(tx, event, booking, payment)


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
        await ledger.void(tx, payment["id"])


async def _settle_paid(
    tx: Transaction, event: Row, booking: Row, payment: Row, terms: invoices.Terms
) -> None:
    if payment["status"] in {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}:
        return
    if await _is_wanted(tx, booking, payment):
        await take(tx, event, booking, payment, terms)
    elif payment["amount"] > 0:
        await ledger.send_back(tx, event, payment)


async def _is_wanted(tx: Transaction, booking: Row, payment: Row) -> bool:
    """Whether money is still for its booking: that of a payment that had ended is, unless something took its place.

    A booking that its organizer confirmed without money owes something only while another payment is under way.
    """
    if payment["status"] == PaymentStatus.PENDING:
        return True
    if payment["amount"] == 0:
        return False
    # Nobody begins another payment meanwhile: that needs the booking's row, which is locked.
    others = await tx.fetch("SELECT status FROM payments WHERE booking_id = $1", booking["id"])
    states = {other["status"] for other in others}
    is_owed = (
        booking["status"] in {BookingStatus.PENDING, BookingStatus.CANCELLED}
        or PaymentStatus.PENDING in states
    )
    return is_owed and PaymentStatus.COMPLETED not in states


async def take(tx: Transaction, event: Row, booking: Row, payment: Row, terms: invoices.Terms) -> None:
    """Let money that is here buy its booking's seats, or send it back; all rows are locked.

    Another payment for the booking that is under way is not waited for any more: it is voided, and what comes of it all
    the same goes back.
    """
    if await bookings.take_money(tx, event, booking):
        await _replace_others(tx, event, booking, payment)
        await ledger.complete(tx, event, booking, payment, terms)
    elif payment["amount"] > 0:
        await ledger.send_back(tx, event, payment)
    elif payment["status"] == PaymentStatus.PENDING:
        await _void(tx, event, booking, payment)


async def _replace_others(tx: Transaction, event: Row, booking: Row, payment: Row) -> None:
    others = await tx.fetch(
        "SELECT * FROM payments WHERE booking_id = $1 AND id <> $2 AND status = 'pending' FOR NO KEY UPDATE",
        booking["id"],
        payment["id"],
    )
    for other in others:
        await ledger.stop_waiting(tx, other["id"])
        await ledger.void(tx, other["id"])
        await transfers.tell_ended(tx, event, booking, other)


async def settle_refunded(tx: Transaction, event: Row, booking: Row, payment: Row) -> None:
    """The money went back at the provider, by another's hand than ours: the books follow."""
    if payment["status"] != PaymentStatus.COMPLETED:
        await ledger.send_back(tx, event, payment, is_returned=True)
        return
    is_active = booking["status"] in {BookingStatus.PENDING, BookingStatus.CONFIRMED}
    await ledger.refund(tx, event, payment, is_returned=True, ends_booking=is_active)
    if is_active:
        await bookings.release(tx, event, booking, CancelReason.REFUNDED, entry_status="left")


async def _void(tx: Transaction, event: Row, booking: Row, payment: Mapping[str, Any]) -> None:
    """No money can come any more: a booking whose hold has run out by now is let go."""
    await tx.execute(
        "UPDATE payments SET status = 'cancelled', processed_at = now(), checkout_url = NULL WHERE id = $1",
        payment["id"],
    )
    await _end(tx, event, booking, payment)


async def _end(tx: Transaction, event: Row, booking: Row, payment: Mapping[str, Any]) -> None:
    await transfers.tell_ended(tx, event, booking, payment)
    if booking["status"] == BookingStatus.PENDING and not booking["is_held"]:
        await bookings.let_go(tx, event, booking)


async def record_voided(tx: Transaction, payment_id: int) -> None:
    """Record that the gateway has promised that no money comes for a payment any more, or told what came."""
    await tx.execute("UPDATE payments SET void_since = NULL WHERE id = $1", payment_id)


async def give_up(tx: Transaction, payment_id: int) -> None:
    """Wait no longer for a payment whose time is over and whose gateway is not there to be asked."""
    event, booking, payment = await lock(tx, payment_id)
    if payment["status"] == PaymentStatus.PENDING:
        await ledger.stop_waiting(tx, payment_id)
        await _end(tx, event, booking, payment)


async def record_refund(tx: Transaction, payment_id: int, state: RefundState) -> None:
    """Record that the money of a refunded payment is back, or has become the organizer's task, who is told."""
    if state is RefundState.BY_HAND:
        await ledger.hand_over_refund(tx, payment_id)
        return
    await tx.execute(
        "UPDATE payments SET refund_state = $2 WHERE id = $1 AND status = 'refunded'", payment_id, state
    )


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
