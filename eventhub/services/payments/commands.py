"""What people do with payments: begin one, have one refunded."""

import secrets
import string
from datetime import datetime
from decimal import Decimal
from typing import Any

from eventhub.database import IntegrityErrors, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, Forbidden, Invalid
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus
from eventhub.models.payments import PaymentStatus
from eventhub.services import bookings, ledger, prices
from eventhub.services.access import Viewer
from eventhub.services.payments.reads import get
from eventhub.services.payments.rows import lock, process_soon
from eventhub.services.payments.transfers import OFFLINE

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
    process_soon(tx, payment_id)
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


async def refund(tx: Transaction, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Refund a completed payment for the organizer, or for the payer until the registration deadline, and return it.

    The state moves at once, with the booking and its seats; a job returns the money.
    """
    await get(tx, viewer, payment_id)
    event, booking, payment = await lock(tx, payment_id)
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
