"""What money does when it arrives, or does not: as the gateway tells a job, and as the organizer records a transfer."""

from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus
from eventhub.models.jobs import PROCESS_PAYMENT
from eventhub.models.payments import OFFLINE, PaymentStatus
from eventhub.services import bookings, invoices, ledger, locking, voids
from eventhub.services.access import Right, Viewer, require
from eventhub.services.payments import end, transfers
from eventhub.services.payments.reads import get
from eventhub.services.payments.refund import send_back, settle_refunded
from eventhub.services.ports.payments import GatewayPayment, GatewayState
from eventhub.services.promises import Promise

CHECK_AGAIN_SECONDS = 600.0

# A payment that a gateway was asked about has another `checked_at` than at its creation.
TO_SETTLE = Promise(
    PROCESS_PAYMENT,
    f"""
    SELECT id AS payment_id FROM payments WHERE status = 'pending' AND (checked_at = created_at
        OR gateway <> '{OFFLINE}' AND checked_at < now() - make_interval(secs => {CHECK_AGAIN_SECONDS}))
    ORDER BY checked_at
    """,
)


async def settle(tx: Transaction, payment_id: int, outcome: GatewayPayment, terms: invoices.Terms) -> None:
    """Record how a payment stands at its gateway: money, seats and documents move together, or the money goes back."""
    event, booking, payment = await locking.lock_payment(tx, payment_id)
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
            await end.fail(tx, event, booking, payment, outcome.failure or "The payment was declined.")
        case GatewayState.CANCELLED if is_pending:
            await end.record_cancelled(tx, event, booking, payment)


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
        await voids.void(tx, payment["id"])


async def _settle_paid(
    tx: Transaction, event: Row, booking: Row, payment: Row, terms: invoices.Terms
) -> None:
    if payment["status"] in {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}:
        return
    if await _is_wanted(tx, booking, payment):
        await take(tx, event, booking, payment, terms)
    elif payment["amount"] > 0:
        await send_back(tx, event, payment)


async def _is_wanted(tx: Transaction, booking: Row, payment: Row) -> bool:
    """Whether money still pays for its booking: after its payment had ended it does, unless something took its place.

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

    Another payment under way for the booking is waited for no longer: it is voided, and whatever it still brings goes
    back.
    """
    if await bookings.confirm_paid(tx, event, booking):
        await _replace_others(tx, event, booking, payment)
        await ledger.complete(tx, event, booking, payment, terms)
    elif payment["amount"] > 0:
        await send_back(tx, event, payment)
    elif payment["status"] == PaymentStatus.PENDING:
        await end.record_cancelled(tx, event, booking, payment)


async def _replace_others(tx: Transaction, event: Row, booking: Row, payment: Row) -> None:
    """End whatever else is under way for the booking of a payment whose money is here; what comes of it goes back."""
    others = await tx.fetch(
        "SELECT * FROM payments WHERE booking_id = $1 AND id <> $2 AND status = 'pending' FOR NO KEY UPDATE",
        booking["id"],
        payment["id"],
    )
    for other in others:
        await voids.end(tx, other["id"])
        await transfers.tell_ended(tx, event, booking, other)


async def complete(tx: Transaction, viewer: Viewer, payment_id: int, terms: invoices.Terms) -> dict[str, Any]:
    """Record for the organizer that a transfer has arrived, and return it.

    The transfer confirms its booking. A booking that had ended gets its seats again where they are free; else the money
    is refunded, by hand.
    """
    event, booking, payment = await _lock_transfer(tx, viewer, payment_id)
    status = payment["status"]
    came_late = status == PaymentStatus.REFUNDED and payment["processed_at"] == payment["refunded_at"]
    if status == PaymentStatus.REFUNDED and not came_late:
        raise Conflict(f"Payment {payment_id} was completed and then refunded.", code="wrong_state")
    if status not in {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}:
        if await tx.fetch_value(_IS_PAID, payment["booking_id"]):
            await send_back(tx, event, payment)
        else:
            await take(tx, event, booking, payment, terms)
    return await get(tx, viewer, payment_id)


_IS_PAID = "SELECT EXISTS (SELECT FROM payments WHERE booking_id = $1 AND status = 'completed')"


async def _lock_transfer(tx: Transaction, viewer: Viewer, payment_id: int) -> tuple[Row, Row, Row]:
    """Return (event, booking, payment), locked, to the organizer. Raises NotFound, Forbidden, and Conflict for no transfer."""
    await get(tx, viewer, payment_id)
    event, booking, payment = await locking.lock_payment(tx, payment_id)
    require(viewer.may(event, Right.MONEY), "Only the event's organizer can record a transfer.")
    if payment["gateway"] != OFFLINE:
        raise Conflict(
            f"Payment {payment_id} is not a bank transfer: its payment provider settles it.",
            code="wrong_state",
        )
    return event, booking, payment
