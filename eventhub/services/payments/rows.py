"""A payment's rows: locked for who changes them, and as a gateway is told of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from eventhub.database import Queries, Row, Transaction
from eventhub.errors import NotFound
from eventhub.models.jobs import PROCESS_PAYMENT
from eventhub.services import seats
from eventhub.services.payment_gateway import PaymentRef


async def lock(tx: Transaction, payment_id: int) -> tuple[Row, Row, Row]:
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
    return PaymentRef(
        payment["transaction_id"],
        payment["provider_id"],
        created_at,
        payment["id"],
        ended_at=payment["processed_at"],
    )


def refund_key(payment: Mapping[str, Any]) -> str:
    """Return the key of the present try to return a payment's money: the same until the bank sends that back."""
    number: int = payment["refund_number"]
    return f"{payment['transaction_id']}-refund" + (f"-{number}" if number > 1 else "")


def process_soon(tx: Transaction, payment_id: int) -> None:
    tx.enqueue(PROCESS_PAYMENT, unique_key=f"process_payment:{payment_id}", payment_id=payment_id)
