"""Ticket types: what an event sells beside its standard ticket. They change only under their event's row.

What their tickets hold is counted in `services.seats` alone.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from eventhub.database import Now, Queries, Row, Transaction
from eventhub.errors import Conflict, Invalid, NotFound
from eventhub.models.facts import FactType
from eventhub.models.ticket_types import TicketType
from eventhub.services import locking, prices, promo_codes, seats
from eventhub.services.access import (
    Right,
    Viewer,
    check_may,
    check_sees,
    event_columns,
    find_event,
    may_sql,
    sees_sql,
)
from eventhub.services.listing import Parameter, words_or_text
from eventhub.services.ports.payments import PaymentGateway
from eventhub.services.times import check_years

MAX_TICKET_TYPES = 50  # of one event: the list has them all

_MAY_EDIT = may_sql(Right.EDIT, "$1", "$2")
# A reserved type has its own seats. Any other sells of the event's, less those that the waitlist is about to get.
_ROOM = """
SELECT greatest(0, least(t.capacity - t.seats_held, CASE WHEN NOT t.is_reserved
                         THEN e.max_attendees - e.seats_held - e.waiting_count END)) AS available
"""
_STATUS = """
CASE WHEN NOT t.is_active THEN 'inactive'
     WHEN e.status NOT IN ('draft', 'published') OR least(t.sales_end, e.registration_deadline) <= now() THEN 'ended'
     WHEN NOT e.is_selling THEN 'inactive'
     WHEN e.status = 'draft' OR t.sales_start > now() THEN 'not_yet'
     WHEN room.available < t.min_per_booking THEN 'sold_out'
     ELSE 'on_sale' END
"""
_COLUMNS = (
    "t.id, t.event_id AS event, t.name, t.description, t.price::text, t.is_open_price, t.capacity, t.is_reserved, "
    "t.sales_start, t.sales_end, t.min_per_booking, t.max_per_booking, t.is_hidden, t.is_active, t.position, "
    f"room.available, {_STATUS} AS status, CASE WHEN {_MAY_EDIT} THEN t.seats_held END AS seats_held"
)
# $4 are the ids of the types that a promo code shows.
_VISIBLE = (
    f"{sees_sql('$1', '$2')} "
    f"AND (t.is_active AND (NOT t.is_hidden OR t.id = ANY($4::bigint[])) OR {_MAY_EDIT})"
)
CODE = Parameter(
    words_or_text, "A promo code of the event: shows the hidden ticket types that it is for, too."
)


async def list_of_event(
    queries: Queries, viewer: Viewer, event_id: int, *, code: str | None = None
) -> list[dict[str, Any]]:
    """Return all ticket types of an event that the viewer may see, and those that a promo code shows, in their order.

    Raises NotFound where the viewer may not see the event, UnknownPromoCode where it has no such code.
    """
    check_sees(viewer, await find_event(queries, event_id))
    shown = await promo_codes.unlocked_types(queries, event_id, code) if code else []
    rows = await queries.fetch(_LIST, viewer.id, viewer.user_type, event_id, shown)
    return [_without_counter(row) for row in rows]


async def get(queries: Queries, viewer: Viewer, type_id: int, *, code: str | None = None) -> dict[str, Any]:
    """Return a ticket type. Raises NotFound, also for one that neither the viewer may see nor a promo code shows.

    Raises UnknownPromoCode where its event has no such code: also for a type that does not exist, so that trying codes
    tells nobody which hidden types there are.
    """
    shown = []
    if code:
        event = await queries.fetch_one(_EVENT_OF, type_id)
        if event is None or not viewer.sees(event):
            raise promo_codes.UnknownPromoCode("code")
        shown = await promo_codes.unlocked_types(queries, event["id"], code)
    row = await queries.fetch_one(_GET, viewer.id, viewer.user_type, type_id, shown)
    if row is None:
        raise NotFound
    return _without_counter(row)


_FROM = f"FROM ticket_types t JOIN events e ON e.id = t.event_id CROSS JOIN LATERAL ({_ROOM}) room WHERE {_VISIBLE}"
_LIST = f"SELECT {_COLUMNS} {_FROM} AND t.event_id = $3 ORDER BY t.position, t.id"
_GET = f"SELECT {_COLUMNS} {_FROM} AND t.id = $3"
_EVENT_OF = (
    f"SELECT e.id, {event_columns()} FROM ticket_types t JOIN events e ON e.id = t.event_id WHERE t.id = $1"
)


def _without_counter(row: Row) -> dict[str, Any]:
    """Return the ticket type without the key that only who may edit the event has."""
    return {name: value for name, value in row.items() if name != "seats_held" or value is not None}


async def create(
    tx: Transaction,
    viewer: Viewer,
    event_id: int,
    details: Mapping[str, Any],
    *,
    gateways: Collection[PaymentGateway] = (),
) -> dict[str, Any]:
    """Add a ticket type to an event for who may edit it, and return it; a reserved one takes its seats.

    Raises Conflict where the event has 50 types, or one of this name, or not so many seats; Invalid for a price that
    none of `gateways` takes.
    """
    event = await _lock_open_event(tx, viewer, event_id)
    details = {"price": Decimal(0), **details}
    check_years(details)
    _check(details)
    prices.check(details["price"], event["currency"], gateways)
    if (
        await tx.fetch_value("SELECT count(*) FROM ticket_types WHERE event_id = $1", event_id)
        >= MAX_TICKET_TYPES
    ):
        raise Conflict(
            f"Event {event_id} has {MAX_TICKET_TYPES} ticket types, the most that an event can have.",
            code="too_many_ticket_types",
        )
    await _check_name(tx, event_id, details["name"])
    if details["is_reserved"]:
        await _set_aside(tx, event_id, details["capacity"])
    now = datetime.now(UTC)
    made = await TicketType.create(event_id=event_id, created_at=now, updated_at=now, **details)
    tx.record(FactType.TICKET_TYPE_CREATED, event_id, ticket_type=made.id)
    return await get(tx, viewer, made.id)


async def update(
    tx: Transaction,
    viewer: Viewer,
    type_id: int,
    changes: Mapping[str, Any],
    *,
    gateways: Collection[PaymentGateway] = (),
) -> dict[str, Any]:
    """Change a ticket type for who may edit its event, and return it; a new price is for new bookings.

    Another capacity of a reserved type takes seats from the event, or gives them back. Raises Conflict and Invalid as
    `create` does, and for what the tickets that are held do not allow; never for what is stored already.
    """
    event, stored = await _lock_managed(tx, viewer, type_id)
    changes = {name: value for name, value in changes.items() if value != stored[name]}
    if "is_reserved" in changes:
        raise Invalid({"is_reserved": ["Cannot be changed: make another ticket type."]})
    check_years(changes)
    _check({**stored, **changes})
    if "price" in changes:
        prices.check(changes["price"], event["currency"], gateways)
    if "name" in changes:
        await _check_name(tx, event["id"], changes["name"], type_id)
    if changes.get("capacity") is not None:
        await _resize(tx, stored, changes["capacity"])
    if changes:
        await TicketType.filter(id=type_id).update(**changes, updated_at=Now())
        tx.record(FactType.TICKET_TYPE_UPDATED, event["id"], ticket_type=type_id, changed=sorted(changes))
    return await get(tx, viewer, type_id)


async def delete(tx: Transaction, viewer: Viewer, type_id: int) -> None:
    """Delete a ticket type that nobody ever booked; the seats of a reserved one go back. Raises Conflict for others."""
    event, stored = await _lock_managed(tx, viewer, type_id)
    if await tx.fetch_value("SELECT EXISTS (SELECT FROM booking_items WHERE ticket_type_id = $1)", type_id):
        raise Conflict(
            f"Ticket type {type_id} has bookings: set is_active to false instead.", code="has_bookings"
        )
    await tx.execute("DELETE FROM ticket_types WHERE id = $1", type_id)
    if stored["is_reserved"]:
        await seats.unreserve(tx, event["id"], stored["capacity"])
    tx.record(FactType.TICKET_TYPE_DELETED, event["id"], ticket_type=type_id)


async def _lock_open_event(tx: Transaction, viewer: Viewer, event_id: int) -> Row:
    """Return the locked event to who may edit it. Raises Conflict where it is completed or cancelled."""
    event = await locking.lock_event(tx, event_id)
    check_may(viewer, event, Right.EDIT, "Only the event's organizer can change its ticket types.")
    assert event is not None  # noqa: S101 - there is none that nobody may edit
    locking.check_not_over(event, "ticket types")
    return event


async def _lock_managed(tx: Transaction, viewer: Viewer, type_id: int) -> tuple[Row, Row]:
    """Return (event, ticket type) to who may edit the event, which is locked, so that both stand still."""
    event = await _lock_open_event(tx, viewer, (await get(tx, viewer, type_id))["event"])
    stored = await tx.fetch_one("SELECT * FROM ticket_types WHERE id = $1", type_id)
    if stored is None:  # deleted while this waited
        raise NotFound
    return event, stored


def _check(details: Mapping[str, Any]) -> None:
    errors = {}
    start, end = details["sales_start"], details["sales_end"]
    if start is not None and end is not None and start >= end:
        errors["sales_end"] = ["Must be after sales_start."]
    if details["min_per_booking"] > details["max_per_booking"]:
        errors["max_per_booking"] = [
            f"Must not be less than min_per_booking, which is {details['min_per_booking']}."
        ]
    if details["is_reserved"] and details["capacity"] is None:
        errors["capacity"] = [
            "A reserved ticket type needs a capacity: it says how many seats are set aside."
        ]
    if errors:
        raise Invalid(errors)


async def _check_name(tx: Transaction, event_id: int, name: str, type_id: int = 0) -> None:
    """Raise Conflict where another ticket type of the locked event has this name."""
    if await tx.fetch_value(
        "SELECT EXISTS (SELECT FROM ticket_types WHERE event_id = $1 AND lower(name) = lower($2) AND id <> $3)",
        event_id,
        name,
        type_id,
    ):
        raise Conflict(
            f"Event {event_id} has a ticket type with the name {name} already; upper and lower case do not matter.",
            code="name_taken",
        )


async def _resize(tx: Transaction, stored: Row, capacity: int) -> None:
    """Raise Conflict for fewer tickets than are held; let a reserved type take the difference, or give it back."""
    if capacity < stored["seats_held"]:
        raise Conflict(
            f"Ticket type {stored['id']} has {stored['seats_held']} tickets held: its capacity cannot be {capacity}.",
            code="seats_taken",
        )
    if not stored["is_reserved"]:
        return
    more = capacity - stored["capacity"]
    if more > 0:
        await _set_aside(tx, stored["event_id"], more)
    else:
        await seats.unreserve(tx, stored["event_id"], -more)


async def _set_aside(tx: Transaction, event_id: int, number: int) -> None:
    if not await seats.reserve(tx, event_id, number):
        raise Conflict(f"Event {event_id} has fewer than {number} seats left to set aside.", code="sold_out")
