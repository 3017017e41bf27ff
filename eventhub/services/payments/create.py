"""A payment begun by the person who booked."""

import secrets
import string
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from eventhub import localized
from eventhub.database import IntegrityErrors, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, Forbidden, Invalid
from eventhub.models.bookings import BookingStatus
from eventhub.models.events import EventStatus
from eventhub.models.facts import FactType
from eventhub.models.jobs import PROCESS_PAYMENT
from eventhub.models.payments import OFFLINE
from eventhub.services import prices
from eventhub.services.access import Viewer
from eventhub.services.payments import transfers
from eventhub.services.payments.reads import AS_MADE
from eventhub.services.ports.payments import Limits

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
    """Return a new pending payment for the viewer's own booking, which a job settles.

    The booking is held while the payment is under way, at most for `wait_seconds` and never past the event's start. A
    transfer outside Event Hub, which costs nothing to begin, needs a verified address (else Forbidden); it holds the
    booking no longer than the registration deadline, and prolongs no offer. `bank_details` say where the money goes.
    No further payment holds the booking longer than the first of its kind might, or than it is held anyway.
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
            f"The time to pay for booking {booking} in this way is over: choose another method.",
            code="hold_expired",
        )
    try:
        made = await tx.fetch_one(
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
                f"Booking {booking} has a payment under way or completed. A payment under way can be cancelled, to pay in another way.",
                code="payment_exists",
            ) from None
        raise
    assert made is not None  # noqa: S101 - a new payment is one row
    payment = dict(made)
    tx.enqueue(PROCESS_PAYMENT, payment_id=payment["id"])
    tx.record(
        FactType.PAYMENT_CREATED,
        row["event_id"],
        viewer.id,
        payment=payment["id"],
        booking=booking,
        amount=row["total_price"],
        currency=row["currency"],
        method=method,
    )
    if gateway == OFFLINE and row["total_price"] > 0:
        await transfers.tell_begun(tx, payment, bank_details)
    return payment


# A seat that was free when its owner joined the waitlist was booked at once, and they were told of it then: no offer.
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
_CREATE = f"""
WITH p AS (
    INSERT INTO payments (booking_id, user_id, amount, currency, status, method, gateway, transaction_id, created_at,
                          checked_at, wait_until, billing_address, reference_number)
    VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7::varchar, now(), now(), least(now() + make_interval(secs => $8), $9),
            $10, CASE WHEN $11::boolean THEN $7::varchar ELSE '' END)
    RETURNING *
)
{AS_MADE}
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
        raise Invalid({"method": [f"Takes amounts from {least} to {greatest}: choose another method."]})


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
