"""What money does when it arrives, or does not: as the gateway tells a job, and as the organizer records a transfer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventhub.database import Origin, Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus
from eventhub.models.jobs import PROCESS_PAYMENT
from eventhub.models.payments import OFFLINE, PaymentStatus
from eventhub.services import bookings, invoices, ledger, locking, voids
from eventhub.services.access import Right, Viewer, require
from eventhub.services.invoices import Purchase
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
            await _settle_paid(tx, [Purchase(event, booking, payment)], terms)
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


@dataclass(frozen=True)
class Arrived:
    """Money at a gateway, and the origin of what comes of it."""

    provider_id: str | None
    origin: Origin


async def settle_paid(
    tx: Transaction, arrived: Mapping[int, Arrived], terms: invoices.Terms, *, waits: bool
) -> set[int]:
    """Record for several payments at once that their money is at the gateway; return the ids of those that are settled.

    What is not has to be settled by itself: payments for events that somebody holds, unless it `waits` for them, and
    further ones for the same booking.
    """
    purchases: dict[int, Purchase] = {}
    for event, booking, payment in await locking.lock_payments(tx, arrived, waits=waits):
        at_gateway = arrived[payment["id"]]
        paid = {**payment, "provider_id": at_gateway.provider_id or payment["provider_id"]}
        purchases.setdefault(booking["id"], Purchase(event, booking, paid, at_gateway.origin))
    await _settle_paid(tx, purchases.values(), terms)
    return {each.payment["id"] for each in purchases.values()}


async def _settle_paid(tx: Transaction, purchases: Iterable[Purchase], terms: invoices.Terms) -> None:
    wanted = []
    for each in purchases:
        if each.payment["status"] in {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}:
            continue
        if await _is_wanted(tx, each.booking, each.payment):
            wanted.append(each)
        elif each.payment["amount"] > 0:
            with tx.caused_by(each.origin):
                await send_back(tx, each.event, each.payment)
    if wanted:
        await take(tx, wanted, terms)


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


async def take(tx: Transaction, purchases: Sequence[Purchase], terms: invoices.Terms) -> None:
    """Let money that is here buy the seats of its bookings, each another one, or send it back.

    Another payment under way for such a booking is waited for no longer: it is voided, and whatever it still brings goes
    back.
    """
    seated = await bookings.confirm_paid(tx, purchases)
    for each in purchases:
        if each.booking["id"] not in seated:
            with tx.caused_by(each.origin):
                await _take_without_seat(tx, each)
    if bought := [each for each in purchases if each.booking["id"] in seated]:
        await _replace_others(tx, bought)
        await ledger.complete(tx, bought, terms)


async def _take_without_seat(tx: Transaction, purchase: Purchase) -> None:
    if purchase.payment["amount"] > 0:
        await send_back(tx, purchase.event, purchase.payment)
    elif purchase.payment["status"] == PaymentStatus.PENDING:
        await end.record_cancelled(tx, purchase.event, purchase.booking, purchase.payment)


async def _replace_others(tx: Transaction, purchases: Sequence[Purchase]) -> None:
    """End whatever else is under way for the bookings of payments whose money is here; what comes of it goes back."""
    by_booking = {each.booking["id"]: each for each in purchases}
    others = await tx.fetch(
        "SELECT * FROM payments WHERE booking_id = ANY(ARRAY(SELECT unnest($1::bigint[]))) AND id <> ALL($2::bigint[]) "
        "AND status = 'pending' ORDER BY id FOR NO KEY UPDATE",
        list(by_booking),
        [each.payment["id"] for each in purchases],
    )
    for other in others:
        bought = by_booking[other["booking_id"]]
        with tx.caused_by(bought.origin):
            await voids.end(tx, other["id"])
            await transfers.tell_ended(tx, bought.event, bought.booking, other)


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
            await take(tx, [Purchase(event, booking, payment)], terms)
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
