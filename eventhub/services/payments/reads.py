"""Payments as their payers, organizers and gateways see them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from eventhub.database import Queries, Row
from eventhub.models.jobs import PROCESS_PAYMENT
from eventhub.models.payments import OFFLINE, PaymentMethod, PaymentStatus
from eventhub.services import voids
from eventhub.services.access import Right, Viewer
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    choice,
    identifier,
)
from eventhub.services.owned_listings import OwnedListing
from eventhub.services.ports.payments import PaymentRef

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
        "status": Filter(choice(PaymentStatus), "p.status = {}", "Only payments in this state."),
        "method": Filter(choice(PaymentMethod), "p.method = {}", "Only payments by this method."),
        "booking": Filter(identifier, "p.booking_id = {}", "Only payments for the booking with this id."),
        "event": Filter(
            identifier,
            "b.event_id = {}",
            "Only payments for the event with this id: all of them if you organize it, otherwise your own.",
        ),
    },
)
_OWNED = OwnedListing(PAYMENTS, owner="p.user_id", right=Right.MONEY)


async def list_payments(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's payments; with `event`, of all for that event where the viewer manages it."""
    return await _OWNED.fetch_page(queries, viewer, request)


async def get(queries: Queries, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Return a payment to its payer or the event's organizer. Raises NotFound to all others."""
    return await _OWNED.get(queries, viewer, payment_id, more_columns=_MORE_COLUMNS)


_MORE_COLUMNS = ", p.checkout_url, p.failure AS failure_reason, p.refund_state, p.dispute"
# For the statement that makes a payment, `p`: what `get` returns of it to its payer.
AS_MADE = f"SELECT {PAYMENTS.columns}{_MORE_COLUMNS} FROM {PAYMENTS.source.removeprefix('payments ')}"


async def find_for_gateway(queries: Queries, payment_id: int) -> Row | None:
    """Return what a gateway is told of a payment; None where it does not exist.

    `has_predecessors` says that its payer gave up others for the same booking, of which money may still come.
    """
    return await queries.gathered(_find_for_gateway, payment_id)


async def _find_for_gateway(queries: Queries, payment_ids: Sequence[int]) -> Mapping[int, Row]:
    return {row["id"]: row for row in await queries.fetch(_FOR_GATEWAY, payment_ids)}


_FOR_GATEWAY = """
SELECT p.*, b.event_id, e.title AS event_title, u.email, b.status AS booking_status, e.status AS event_status,
       EXISTS (SELECT FROM payments other WHERE other.booking_id = p.booking_id AND other.id <> p.id
               AND other.status = 'cancelled') AS has_predecessors
FROM payments p JOIN bookings b ON b.id = p.booking_id JOIN events e ON e.id = b.event_id JOIN users u ON u.id = p.user_id
WHERE p.id = ANY(ARRAY(SELECT unnest($1::bigint[])))
"""


async def list_to_void(queries: Queries, payment_id: int) -> list[Row]:
    """Return other payments for the same booking that have ended and may still bring money, as a gateway is told of them.

    `is_being_charged` says of one that a job may be in the middle of its charge: its gateway has not heard of it yet.
    `is_given_up` says of one that its gateway has not voided it for a day.
    """
    return await queries.fetch(_TO_VOID, payment_id, voids.GIVE_UP_SECONDS)


_TO_VOID = f"""
SELECT * FROM (
    SELECT other.*, coalesce(other.void_since <= now() - make_interval(secs => $2), false) AS is_given_up,
           EXISTS (SELECT FROM jobs WHERE unique_key = {PROCESS_PAYMENT.key_sql("other.id")} AND state = 'running')
               AS is_being_charged
    FROM payments p JOIN payments other ON other.booking_id = p.booking_id AND other.id <> p.id
    WHERE p.id = $1 AND other.status = 'cancelled'
) AS others WHERE void_since IS NOT NULL OR is_being_charged ORDER BY id
"""


async def list_open_elsewhere(queries: Queries, gateways: Collection[str]) -> dict[str, int]:
    """Return how many payments are open or owed at each gateway that is none of `gateways`."""
    rows = await queries.fetch(
        "SELECT gateway, count(*)::int AS count FROM payments WHERE (status = 'pending' OR void_since IS NOT NULL "
        "OR refund_state = 'owed') AND gateway <> ALL($1::text[]) GROUP BY gateway ORDER BY gateway",
        [*gateways, OFFLINE],
    )
    return {row["gateway"]: row["count"] for row in rows}


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
