"""What payers and organizers do with payments in a request."""

import secrets
import string
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from eventhub import localized
from eventhub.database import IntegrityErrors, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, Forbidden, Invalid
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus
from eventhub.models.payments import OFFLINE, PaymentStatus, RefundState
from eventhub.services import bookings, invoices, ledger, prices, refunds
from eventhub.services.access import Right, Viewer, require
from eventhub.services.payments import transfers
from eventhub.services.payments.reads import get
from eventhub.services.payments.settle import lock, take
from eventhub.services.ports.payments import Limits

ANOTHER_TRY_SECONDS = 900.0  # in which who gave a payment up begins another
_ALPHABET = string.ascii_uppercase + string.digits


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
    bank_details: str = "",
    limits: Callable[[str], Limits] | None = None,
) -> dict[str, Any]:
    """Return a new pending payment for one's own booking, which a job settles.

    The booking is held while the payment is under way, at most for `wait_seconds` and never past the event's start. A
    transfer outside of Event Hub, which costs nothing to begin, needs a verified address (else Forbidden); it holds
    the booking at most to the registration deadline, and keeps no offer from the line. `bank_details` say where it goes.
    No further payment holds it longer than the first of its kind might, or than it is held anyway.
    Raises Invalid for a booking that is not the viewer's, another amount than its price, or one outside of the gateway's
    `limits`; Conflict where it is cancelled, paid for or no longer held, a payment is under way, or the event is over.
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
    if limits is not None:
        _check_amount(row, limits(row["currency"]))
    until = _held_at_most_until(row, gateway, timedelta(seconds=wait_seconds))
    if until is not None and until <= row["now"]:
        raise Conflict(
            f"The time to pay for booking {booking} in this way is over: choose another.", code="hold_expired"
        )
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
            until,
            billing_address,
            gateway == OFFLINE,
        )
    except IntegrityErrors as error:
        if violated_constraint(error) == "payments_one_active":
            raise Conflict(
                f"Booking {booking} has a payment under way or completed. One under way can be cancelled, to pay in another way.",
                code="payment_exists",
            ) from None
        raise
    ledger.enqueue_processing(tx, payment_id)
    payment = await get(tx, viewer, payment_id)
    if gateway == OFFLINE and row["total_price"] > 0:
        await transfers.tell_begun(tx, payment, bank_details)
    return payment


# A seat that was free when its owner joined the line was booked at the door, and they were told of it then.
_PAYABLE = """
SELECT b.id, b.status, b.total_price, b.currency, b.expires_at, b.expires_at > now() AS is_held, e.id AS event_id,
       e.status AS event_status, e.start_date, e.registration_deadline, u.is_verified, now() AS now,
       (SELECT min(created_at) FROM payments WHERE booking_id = b.id AND gateway = 'offline') AS first_transfer_at,
       (SELECT min(created_at) FROM payments WHERE booking_id = b.id AND gateway <> 'offline') AS first_payment_at,
       EXISTS (SELECT FROM waitlist_entries w
               WHERE w.booking_id = b.id AND w.status = 'offered' AND w.notified_at > w.joined_at) AS is_offer
FROM bookings b JOIN events e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
WHERE b.id = $1 AND b.user_id = $2 FOR NO KEY UPDATE OF b
"""
_CREATE = """
INSERT INTO payments (booking_id, user_id, amount, currency, status, method, gateway, transaction_id, created_at,
                      checked_at, wait_until, billing_address, reference_number)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7::varchar, now(), now(), least(now() + make_interval(secs => $8), $9), $10,
        CASE WHEN $11::boolean THEN $7::varchar ELSE '' END)
RETURNING id
"""


def _held_at_most_until(booking: Row, gateway: str, wait: timedelta) -> datetime | None:
    """Return when a payment may hold a booking no longer; a confirmed one needs no holding."""
    if booking["status"] == BookingStatus.CONFIRMED:
        return None
    until: datetime = booking["start_date"]
    if gateway == OFFLINE:
        until = booking["expires_at" if booking["is_offer"] else "registration_deadline"]
    first: datetime | None = booking["first_transfer_at" if gateway == OFFLINE else "first_payment_at"]
    return until if first is None else min(until, max(first + wait, booking["expires_at"]))


def _check_amount(booking: Row, limits: Limits) -> None:
    price: Decimal = booking["total_price"]
    if price and not limits.least <= price <= limits.greatest:
        least, greatest = (
            localized.money(limit, booking["currency"]) for limit in (limits.least, limits.greatest)
        )
        raise Invalid({"method": [f"Takes amounts from {least} to {greatest}: choose another."]})


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


async def refund(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Refund a completed payment for the organizer, or for the payer while that is their right, and return it.

    That is until the registration deadline, or for a while after the event has become another than they booked. The
    state moves at once, with the booking and its seats; a job returns the money.
    """
    await get(tx, viewer, payment_id)
    event, booking, payment = await lock(tx, payment_id)
    if payment["status"] == PaymentStatus.COMPLETED:
        by_organizer = viewer.may(event, Right.MONEY)
        if not by_organizer and not refunds.is_owners_right(event, booking):
            raise Conflict(
                f"Registration for event {event['id']} is closed: ask its organizer for a refund.",
                code="registration_closed",
            )
        is_active = booking["status"] in {BookingStatus.PENDING, BookingStatus.CONFIRMED}
        await ledger.refund(tx, event, payment, ends_booking=is_active)
        if is_active:
            await bookings.release(tx, event, booking, CancelReason.REFUNDED, entry_status="left")
    elif payment["status"] != PaymentStatus.REFUNDED:
        raise Conflict(
            f"Payment {payment_id} is {payment['status']}: only completed ones are refunded.",
            code="wrong_state",
        )
    return await get(tx, viewer, payment_id)


async def cancel(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Cancel one's own pending payment, to try another method, and return it; a job voids it at its gateway.

    Where it was paid meanwhile, the money is taken: see `settling.take`.
    """
    await get(tx, viewer, payment_id)
    event, booking, payment = await lock(tx, payment_id)
    require(payment["user_id"] == viewer.id, "Only the payer can cancel a payment.")
    if payment["status"] == PaymentStatus.PENDING:
        await ledger.stop_waiting(tx, payment_id)
        await ledger.void(tx, payment_id)
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


async def complete(tx: Transaction, viewer: Viewer, payment_id: int, terms: invoices.Terms) -> dict[str, Any]:
    """Record for the organizer that a transfer has arrived, and return it.

    It confirms its booking; one that had ended buys its seats again where they are free, or is refunded, by hand.
    """
    event, booking, payment = await _lock_transfer(tx, viewer, payment_id)
    status = payment["status"]
    came_late = status == PaymentStatus.REFUNDED and payment["processed_at"] == payment["refunded_at"]
    if status == PaymentStatus.REFUNDED and not came_late:
        raise Conflict(f"Payment {payment_id} was completed, and is refunded.", code="wrong_state")
    if status not in {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}:
        if await tx.fetch_value(_IS_PAID, payment["booking_id"]):
            await ledger.send_back(tx, event, payment)
        else:
            await take(tx, event, booking, payment, terms)
    return await get(tx, viewer, payment_id)


_IS_PAID = "SELECT EXISTS (SELECT FROM payments WHERE booking_id = $1 AND status = 'completed')"


async def mark_returned(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Record for the organizer that the money of a refunded transfer has been sent back, tell its payer, and return it."""
    event, payment = await _lock_to_return(tx, viewer, payment_id)
    if payment["status"] != PaymentStatus.REFUNDED:
        raise Conflict(
            f"Payment {payment_id} is {payment['status']}: nothing is to be returned.", code="wrong_state"
        )
    if payment["refund_state"] != RefundState.RETURNED:
        await tx.execute("UPDATE payments SET refund_state = 'returned' WHERE id = $1", payment_id)
        await transfers.tell_returned(tx, event, payment)
    return await get(tx, viewer, payment_id)


async def _lock_to_return(tx: Transaction, viewer: Viewer, payment_id: int) -> tuple[Row, Row]:
    """Return (event, payment), locked, where people return its money: that of a transfer, or what no gateway could."""
    await get(tx, viewer, payment_id)
    event, _, payment = await lock(tx, payment_id)
    require(viewer.may(event, Right.MONEY), "Only the event's organizer can record what was returned.")
    if payment["gateway"] != OFFLINE and payment["refund_state"] not in {
        RefundState.BY_HAND,
        RefundState.RETURNED,
    }:
        raise Conflict(f"Payment {payment_id} is returned by its payment provider.", code="wrong_state")
    return event, payment


async def _lock_transfer(tx: Transaction, viewer: Viewer, payment_id: int) -> tuple[Row, Row, Row]:
    """Return (event, booking, payment), locked, to the organizer. Raises NotFound, Forbidden, and Conflict for no transfer."""
    await get(tx, viewer, payment_id)
    event, booking, payment = await lock(tx, payment_id)
    require(viewer.may(event, Right.MONEY), "Only the event's organizer can record a transfer.")
    if payment["gateway"] != OFFLINE:
        raise Conflict(
            f"Payment {payment_id} is no bank transfer: its payment provider settles it.",
            code="wrong_state",
        )
    return event, booking, payment
