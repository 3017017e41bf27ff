"""Bookings as their owners and organizers see them."""

from typing import Any

from eventhub.database import Queries
from eventhub.errors import NotFound
from eventhub.models.bookings import BookingStatus
from eventhub.services.access import Viewer, manages_sql
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

COLUMNS = """
b.id, b.event_id AS event, e.title AS event_title, b.user_id AS "user", u.full_name AS user_name, b.status,
b.number_of_tickets, b.total_price::text, b.special_requirements, b.registered_at, b.confirmed_at, b.cancelled_at
"""

BOOKINGS = Listing(
    columns=COLUMNS,
    source="bookings b JOIN events e ON e.id = b.event_id JOIN users u ON u.id = b.user_id",
    id="b.id",
    orderings={
        "registered_at": Order("b.registered_at", "timestamptz", "registered_at"),
        "status": Order("b.status", "text", "status"),
        "total_price": Order("b.total_price", "numeric", "total_price"),
        "id": Order("b.id", "bigint", "id"),
    },
    default_ordering="-registered_at",
    filters={
        "event": Filter(
            identifier,
            "b.event_id = {}",
            "Only bookings of the event with this id: all of them if you organize it, otherwise your own.",
        ),
        "status": Filter(choice(BookingStatus), "b.status = {}", "Only bookings in this state."),
    },
    text_bytes="octet_length(b.special_requirements)",
)


async def list_bookings(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's bookings; with `event`, of all for that event where the viewer manages it."""
    if "event" in request.filters:
        return await fetch_page(
            queries,
            BOOKINGS,
            request,
            params=Params(viewer.id, viewer.user_type),
            where=[f"(b.user_id = $1 OR {manages_sql('$1', '$2')})"],
        )
    return await fetch_page(queries, BOOKINGS, request, params=Params(viewer.id), where=["b.user_id = $1"])


async def get(queries: Queries, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Return a booking to its owner or the event's organizer. Raises NotFound to all others."""
    row = await queries.fetch_one(
        f"SELECT {COLUMNS}, b.currency FROM {BOOKINGS.source} "
        f"WHERE b.id = $1 AND (b.user_id = $2 OR {manages_sql('$2', '$3')})",
        booking_id,
        viewer.id,
        viewer.user_type,
    )
    if row is None:
        raise NotFound
    return dict(row)
