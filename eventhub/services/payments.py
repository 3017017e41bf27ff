"""Payments: asked for in a request, settled by jobs at a gateway, exactly once in effect."""

import secrets
import string
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from eventhub.database import IntegrityErrors, Queries, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, Forbidden, Invalid, NotFound
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus
from eventhub.models.jobs import PROCESS_PAYMENT
from eventhub.models.payments import PaymentMethod, PaymentStatus
from eventhub.models.payments import RefundState as Books
from eventhub.services import bookings, invoices, ledger, prices, seats
from eventhub.services.access import Viewer
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    choice,
    fetch_page,
    identifier,
)
from eventhub.services.payment_gateway import (
    GatewayPayment,
    GatewayState,
    PaymentRef,
    RefundState,
    WebhookEvent,
)

CHECK_AGAIN_SECONDS = 600.0
OFFLINE = "offline"  # the gateway of money that moves outside of Event Hub
WEBHOOK_EVENTS_KEPT_DAYS = 30  # Stripe tries for three days: https://docs.stripe.com/webhooks#retries
_ALPHABET = string.ascii_uppercase + string.digits

PAYMENTS = Listing(
    columns=(
        'p.id, p.booking_id AS booking, e.title AS booking_event, p.user_id AS "user", u.full_name AS user_name, '
        "p.amount::text, p.currency, p.status, p.method, p.transaction_id, p.reference_number, p.created_at, "
        "p.processed_at, p.refunded_at"
    ),
    source=(
        "payments p JOIN bookings b ON b.id = p.booking_id JOIN events e ON e.id = b.event_id "
        "JOIN users u ON u.id = p.user_id"
    ),
    id="p.id",
    orderings={
        "created_at": Order("p.created_at", "timestamptz", "created_at"),
        "amount": Order("p.amount", "numeric", "amount"),
        "id": Order("p.id", "bigint", "id"),
    },
    default_ordering="-created_at",
    filters={
        "status": Filter(choice(PaymentStatus), "p.status = {}"),
        "method": Filter(choice(PaymentMethod), "p.method = {}"),
        "booking": Filter(identifier, "p.booking_id = {}"),
        "event": Filter(
            identifier,
            "b.event_id = {}",
            "One event's payments: one's own, or all where the asker organizes it.",
        ),
    },
)
_VISIBLE = "(p.user_id = $1 OR e.organizer_id = $1 OR $2::boolean)"


async def create(
    tx: Transaction,
    viewer: Viewer,
    *,
    booking: int,
    amount: Decimal | None,
    method: str,
    gateway: str,
    wait_seconds: int,
    billing_address: str = "",
) -> dict[str, Any]:
    """Return a new pending payment for one's own booking, which a job settles.

    The booking is held while the payment is under way, at most for `wait_seconds` and never past the event's start. A
    transfer outside of Event Hub, which costs nothing to begin, needs a verified address (else Forbidden); it holds
    the booking at most to the registration deadline, and keeps no offer from the line.
    Raises Invalid for a booking that is not the viewer's or another amount than its price, Conflict where it is
    cancelled, paid for or no longer held, a payment is under way, or the event is over.
    """
    row = await tx.fetch_one(_PAYABLE, booking, viewer.id)
    if row is None:
        raise Invalid({"booking": ["No booking of yours with this id exists."]})
    if amount is not None and amount != row["total_price"]:
        prices.check_places(amount, row["currency"], "amount")
        raise Invalid({"amount": [f"Must be the booking's total price, {row['total_price']:.2f}."]})
    if gateway == OFFLINE and not row["is_verified"]:
        raise Forbidden(
            "A transfer needs a verified email address: use the token that was mailed to yours, or ask for another mail.",
            code="email_not_verified",
        )
    _check_payable(row)
    try:
        payment_id = await tx.fetch_value(
            _CREATE,
            booking,
            viewer.id,
            row["total_price"],
            row["currency"],
            method,
            gateway,
            _new_transaction_id(),
            float(wait_seconds),
            _held_at_most_until(row, gateway),
            billing_address,
        )
    except IntegrityErrors as error:
        if violated_constraint(error) == "payments_one_active":
            raise Conflict(
                f"Booking {booking} has a payment under way or completed.", code="payment_exists"
            ) from None
        raise
    _process_soon(tx, payment_id)
    return await get(tx, viewer, payment_id)


# A seat that was free when its owner joined the line was booked at the door, and they were told of it then.
_PAYABLE = """
SELECT b.id, b.status, b.total_price, b.currency, b.expires_at, b.expires_at > now() AS is_held, e.id AS event_id,
       e.status AS event_status, e.start_date, e.registration_deadline, u.is_verified,
       EXISTS (SELECT FROM waitlist_entries w
               WHERE w.booking_id = b.id AND w.status = 'offered' AND w.notified_at > w.joined_at) AS is_offer
FROM bookings b JOIN events e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
WHERE b.id = $1 AND b.user_id = $2 FOR NO KEY UPDATE OF b
"""
_CREATE = """
INSERT INTO payments (booking_id, user_id, amount, currency, status, method, gateway, transaction_id, created_at,
                      checked_at, wait_until, billing_address)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, now(), now(), least(now() + make_interval(secs => $8), $9), $10)
RETURNING id
"""


def _held_at_most_until(booking: Row, gateway: str) -> datetime:
    until: datetime = booking["start_date"]
    if gateway == OFFLINE:
        until = booking["expires_at" if booking["is_offer"] else "registration_deadline"]
    return until


def _check_payable(booking: Row) -> None:
    is_pending = booking["status"] == BookingStatus.PENDING
    if not is_pending and booking["status"] != BookingStatus.CONFIRMED:
        raise Conflict(f"Booking {booking['id']} is {booking['status']}.", code="wrong_state")
    event_status = booking["event_status"]
    # What a confirmed booking owes may be paid after the event too; a pending one cannot be confirmed any more.
    if event_status == EventStatus.CANCELLED or (event_status == EventStatus.COMPLETED and is_pending):
        raise Conflict(f"Event {booking['event_id']} is {event_status}.", code="event_not_open")
    if is_pending and not booking["is_held"]:
        raise Conflict(
            f"The time to pay for booking {booking['id']} is over: only a payment under way still counts.",
            code="hold_expired",
        )


def _new_transaction_id() -> str:
    return "EVH-" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def _process_soon(tx: Transaction, payment_id: int) -> None:
    tx.enqueue(PROCESS_PAYMENT, unique_key=f"process_payment:{payment_id}", payment_id=payment_id)


async def list_payments(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's payments; with `event`, of all for that event where the viewer manages it."""
    if "event" in request.filters:
        params = Params(viewer.id, viewer.is_admin)
        return await fetch_page(queries, PAYMENTS, request, params=params, where=[_VISIBLE])
    return await fetch_page(queries, PAYMENTS, request, params=Params(viewer.id), where=["p.user_id = $1"])


async def get(queries: Queries, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Return a payment to its payer or the event's organizer. Raises NotFound to all others."""
    row = await queries.fetch_one(
        f"SELECT {PAYMENTS.columns}, p.checkout_url, p.failure AS failure_reason, p.refund_state, p.dispute "
        f"FROM {PAYMENTS.source} WHERE {_VISIBLE} AND p.id = $3",
        viewer.id,
        viewer.is_admin,
        payment_id,
    )
    if row is None:
        raise NotFound
    return dict(row)


async def refund(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Refund a completed payment for the organizer, or for the payer until the registration deadline, and return it.

    The state moves at once, with the booking and its seats; a job returns the money.
    """
    await get(tx, viewer, payment_id)
    event, booking, payment = await _lock(tx, payment_id)
    if payment["status"] == PaymentStatus.COMPLETED:
        by_organizer = viewer.manages(event["organizer_id"])
        if not by_organizer and not event["is_before_deadline"]:
            raise Conflict(
                f"Registration for event {event['id']} is closed: ask its organizer for a refund.",
                code="registration_closed",
            )
        await ledger.refund(tx, event, payment)
        if booking["status"] in {BookingStatus.PENDING, BookingStatus.CONFIRMED}:
            await bookings.release(tx, event, booking, CancelReason.REFUNDED, entry_status="left")
    elif payment["status"] != PaymentStatus.REFUNDED:
        raise Conflict(
            f"Payment {payment_id} is {payment['status']}: only completed ones are refunded.",
            code="wrong_state",
        )
    return await get(tx, viewer, payment_id)


async def _lock(tx: Transaction, payment_id: int) -> tuple[Row, Row, Row]:
    """Return (event, booking, payment), locked in this order; `is_held` tells of a booking that it is, pending.

    Raises NotFound.
    """
    booking_id = await tx.fetch_value("SELECT booking_id FROM payments WHERE id = $1", payment_id)
    event = await seats.lock_event_of_booking(tx, booking_id) if booking_id is not None else None
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


async def find_for_gateway(queries: Queries, payment_id: int) -> Row | None:
    """Return what a gateway is told of a payment; None where it does not exist."""
    return await queries.fetch_one(
        "SELECT p.*, e.title AS event_title, u.email, b.status AS booking_status FROM payments p JOIN bookings b ON b.id = p.booking_id "
        "JOIN events e ON e.id = b.event_id JOIN users u ON u.id = p.user_id WHERE p.id = $1",
        payment_id,
    )


def reference(payment: Mapping[str, Any]) -> PaymentRef:
    """Return how the gateway finds the payment."""
    created_at: datetime = payment["created_at"]
    return PaymentRef(payment["transaction_id"], payment["provider_id"], created_at, payment["id"])


async def settle(tx: Transaction, payment_id: int, outcome: GatewayPayment, terms: invoices.Terms) -> None:
    """Record how a payment stands at its gateway: money, seat and documents move together, or the money goes back."""
    event, booking, payment = await _lock(tx, payment_id)
    # Kept with every outcome: a refund finds the payment by it.
    payment = {**payment, "provider_id": outcome.provider_id or payment["provider_id"]}
    is_pending = payment["status"] == PaymentStatus.PENDING
    match outcome.state:
        case GatewayState.REFUNDED:
            await _settle_refunded(tx, event, booking, payment)
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


async def _settle_refunded(tx: Transaction, event: Row, booking: Row, payment: Row) -> None:
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


async def take_webhook(tx: Transaction, gateway: str, event: WebhookEvent) -> None:
    """Let a job look at the payment that a provider's event is about; a repeated event changes nothing."""
    is_new = await tx.execute(
        "INSERT INTO webhook_events (gateway, event_id, received_at) VALUES ($1, $2, now()) "
        "ON CONFLICT (gateway, event_id) DO NOTHING",
        gateway,
        event.event_id,
    )
    payment = await tx.fetch_one("SELECT id, status FROM payments WHERE transaction_id = $1", event.key)
    if not is_new or payment is None:
        return
    if event.state is RefundState.FAILED:
        await _owe_again(tx, payment["id"])
        return
    # The only news that a completed payment can have is that its money went back.
    if payment["status"] != PaymentStatus.COMPLETED or event.state is GatewayState.REFUNDED:
        await tx.execute("UPDATE payments SET checked_at = now() WHERE id = $1", payment["id"])
        _process_soon(tx, payment["id"])


async def _owe_again(tx: Transaction, payment_id: int) -> None:
    """The payer's bank sent back what was on record as returned: the job that returns it asks the provider again."""
    reopened = await tx.execute(
        "UPDATE payments SET refund_state = 'owed' WHERE id = $1 AND status = 'refunded' AND refund_state = 'returned'",
        payment_id,
    )
    if reopened:
        ledger.return_money_soon(tx, payment_id)


async def shorten_transfers(tx: Transaction, event_id: int) -> None:
    """Let no transfer hold a booking of a locked event past its deadline, which has come nearer."""
    await tx.execute(
        "UPDATE payments p SET wait_until = least(p.wait_until, e.registration_deadline) FROM bookings b, events e "
        "WHERE e.id = $1 AND b.event_id = e.id AND b.status = 'pending' AND p.booking_id = b.id "
        "AND p.status = 'pending' AND p.gateway = $2",
        event_id,
        OFFLINE,
    )


async def purge_webhook_events(queries: Queries, limit: int = 5000) -> int:
    """Forget up to `limit` events that no provider repeats any more; return how many."""
    return await queries.execute(
        "DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events "
        "WHERE received_at < now() - make_interval(days => $1) ORDER BY received_at LIMIT $2)",
        WEBHOOK_EVENTS_KEPT_DAYS,
        limit,
    )


async def check_pending(tx: Transaction, limit: int = 200) -> int:
    """Let jobs look at payments that have been pending for long, for webhooks that were lost; return how many.

    One that a queued job looks at anyway is left to that job, and to its back-off.
    """
    rows = await tx.fetch(_CHECK, CHECK_AGAIN_SECONDS, limit)
    for row in rows:
        _process_soon(tx, row["id"])
    return len(rows)


_CHECK = """
UPDATE payments SET checked_at = now()
WHERE id IN (SELECT id FROM payments WHERE status = 'pending' AND gateway <> 'offline'
             AND checked_at < now() - make_interval(secs => $1)
             AND NOT EXISTS (SELECT FROM jobs
                             WHERE unique_key = 'process_payment:' || payments.id AND state = 'queued')
             ORDER BY checked_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""
