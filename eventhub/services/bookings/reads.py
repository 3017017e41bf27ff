"""Bookings as their owners and organizers see them."""

from typing import Any

import orjson

from eventhub.database import Queries, Row, Transaction
from eventhub.errors import NotFound
from eventhub.models.bookings import BookingStatus
from eventhub.services import locking
from eventhub.services.access import Right, Viewer, require
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
            "Only bookings of the event with this id: all of them if you organize it, otherwise your own.",
        ),
        "status": Filter(choice(BookingStatus), "b.status = {}", "Only bookings in this state."),
    },
    text_bytes="octet_length(b.special_requirements)",
)
OWNED = OwnedListing(BOOKINGS, owner="b.user_id", right=Right.PEOPLE)


async def list_bookings(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's bookings; with `event`, of all for that event where the viewer manages it."""
    return await OWNED.fetch_page(queries, viewer, request)


async def get(queries: Queries, viewer: Viewer, booking_id: int) -> dict[str, Any]:
    """Return a booking, with its lines where it has any, to its owner or the event's organizer. Raises NotFound to all others."""
    booking = await OWNED.get(queries, viewer, booking_id, more_columns=_MORE_COLUMNS)
    if booking["items"] is None:
        for name in ("items", "discount", "promo_code"):
            del booking[name]
    else:
        booking["items"] = orjson.loads(booking["items"])
    return booking


# Nothing of it is looked for where a booking has no lines.
_MORE_COLUMNS = """
, b.currency, CASE WHEN b.is_itemized THEN (
    SELECT json_agg(json_build_object(
        'ticket_type', i.ticket_type_id, 'name', i.name, 'quantity', i.quantity, 'unit_price', i.unit_price::text,
        'discount', i.discount::text, 'total', i.total::text, 'attendees', i.attendees) ORDER BY i.position)
    FROM booking_items i WHERE i.booking_id = b.id) END AS items,
b.discount::text, (SELECT code FROM promo_codes WHERE id = b.promo_code_id) AS promo_code
"""


async def lock(tx: Transaction, viewer: Viewer, booking_id: int) -> tuple[Row, Row]:
    """Return (event, booking), both locked, to the owner or organizer. Raises NotFound to all others."""
    event = await locking.lock_event_of_booking(tx, booking_id)
    booking = await tx.fetch_one("SELECT * FROM bookings WHERE id = $1 FOR NO KEY UPDATE", booking_id)
    if event is None or booking is None or not OWNED.is_seen_by(viewer, booking["user_id"], event):
        raise NotFound
    return event, booking


async def lock_to_decide(tx: Transaction, viewer: Viewer, booking_id: int) -> tuple[Row, Row, bool]:
    """Return the same to those who may confirm and cancel, and whether the viewer does it for the organizer."""
    event, booking = await lock(tx, viewer, booking_id)
    by_organizer = viewer.may(event, Right.MONEY)
    require(
        by_organizer or booking["user_id"] == viewer.id,
        "Only the person who booked or the event's organizer can confirm or cancel a booking.",
    )
    return event, booking, by_organizer
