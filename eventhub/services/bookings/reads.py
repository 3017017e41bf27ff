"""Bookings as their owners and organizers see them."""

from typing import Any

from eventhub.database import Queries
from eventhub.models.bookings import BookingStatus
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
            "One event's bookings: one's own, or all where the asker organizes it.",
        ),
        "status": Filter(choice(BookingStatus), "b.status = {}"),
    },
    text_bytes="octet_length(b.special_requirements)",
)
OWNED = OwnedListing(BOOKINGS, owner="b.user_id", right=Right.PEOPLE)


async def list_bookings(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's bookings; with `event`, of all for that event where the viewer manages it."""
    return await OWNED.fetch_page(queries, viewer, request)


async def get(queries: Queries, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Return a booking to its owner or the event's organizer. Raises NotFound to all others."""
    return await OWNED.get(queries, viewer, booking_id, more_columns=", b.currency")
