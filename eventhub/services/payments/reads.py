"""Payments as their payers and organizers see them."""

from typing import Any

from eventhub.database import Queries
from eventhub.errors import NotFound
from eventhub.models.payments import PaymentMethod, PaymentStatus
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
