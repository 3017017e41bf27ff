"""A booking with lines: quoted, or made with all that it takes of its event, ticket types and promo code."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from eventhub.database import IntegrityErrors, Queries, Transaction, violated_constraint
from eventhub.errors import EventHubError
from eventhub.services import locking, promo_codes, seats
from eventhub.services.access import Viewer, check_sees, event_columns, no_such_event
from eventhub.services.bookings.orders import Asked, Item, Order, decide
from eventhub.services.bookings.reads import COLUMNS
from eventhub.services.bookings.refusals import MAX_UNPAID_TICKETS, UNPAID, already_booked
from eventhub.services.ports.payments import PaymentGateway


async def quote(
    queries: Queries,
    viewer: Viewer,
    event_id: int,
    *,
    items: Sequence[Mapping[str, Any]] | None,
    number_of_tickets: int,
    promo_code: str | None,
    expected_total: Decimal | None,
    gateways: Collection[PaymentGateway] = (),
    max_unpaid: int | None = MAX_UNPAID_TICKETS,
) -> dict[str, Any]:
    """Return what a booking would show of its lines and prices. Raises what the booking would, and NotFound."""
    asked = Asked(items, number_of_tickets, promo_code, expected_total, max_unpaid)
    order = await _look(queries, viewer, event_id, asked, gateways)
    return {
        **order.shown(),
        "number_of_tickets": order.number_of_tickets,
        "total_price": f"{order.total:.2f}",
        "currency": order.currency,
    }


async def book_items(
    tx: Transaction,
    viewer: Viewer,
    event_id: int,
    asked: Asked,
    special_requirements: str,
    *,
    ttl_seconds: int,
    gateways: Collection[PaymentGateway],
) -> dict[str, Any]:
    """Return a new pending booking with its lines. Raises Invalid or Conflict where nothing is booked.

    Decided and priced is before the event is locked, so that whoever comes too late need not wait for its row. Behind the
    lock one statement takes all of it, provided that the terms are those that were read, and that there is room. Where it
    takes nothing, something has changed meanwhile: a second look, at what stands still now, finds the reason, or the new
    price.
    """
    order = await _look(tx, viewer, event_id, asked, gateways, no_such_event)
    await locking.lock_event(tx, event_id)
    booking = await _take(tx, viewer, event_id, order, special_requirements, ttl_seconds)
    if booking is None:
        order = await _look(tx, viewer, event_id, asked, gateways, no_such_event)
        booking = await _take(tx, viewer, event_id, order, special_requirements, ttl_seconds)
    if booking is None:
        raise RuntimeError(f"event {event_id} changed while its row was locked")
    return {**booking, **order.shown()}


async def _look(
    queries: Queries,
    viewer: Viewer,
    event_id: int,
    asked: Asked,
    gateways: Collection[PaymentGateway],
    absent: Callable[[], EventHubError] | None = None,
) -> Order:
    row = await queries.fetch_one(_LOOK, event_id, viewer.id, asked.type_ids, asked.promo_code or "")
    event = check_sees(viewer, row, *([absent] if absent else []))
    types = [dict(zip(_TYPE_KEYS, one, strict=True)) for one in event["types"] or ()]
    code = dict(zip(_CODE_KEYS, event["code"], strict=True)) if event["code"] else None
    return decide({**event, "types": types, "code": code}, asked, gateways)


_TYPE_KEYS = "id name price is_open_price is_hidden is_reserved min_per_booking max_per_booking status left terms".split()
_CODE_KEYS = "id code kind value ticket_types max_uses max_per_booking uses is_valid terms".split()
# $1 event, $2 user, $3 ticket types, $4 promo code. Numbers of seats that are left may be below 0 where people wait.
_LOOK = f"""
SELECT e.id, e.status, {event_columns()}, e.is_standard_on_sale, e.standard_ticket, e.price, e.currency,
       e.status = 'published' AND e.is_selling AND e.registration_deadline > now() AS is_open,
       e.max_attendees - e.seats_held - e.waiting_count AS seats_left, {seats.TERMS_OF_EVENT} AS terms,
       EXISTS (SELECT FROM bookings WHERE event_id = e.id AND user_id = $2 AND status <> 'cancelled') AS has_booked,
       EXISTS (SELECT FROM waitlist_entries WHERE event_id = e.id AND user_id = $2 AND status = 'waiting') AS waits,
       ({UNPAID.format(user="$2")}) AS unpaid,
       (SELECT array_agg(t) FROM (
           SELECT t.id, t.name, t.price, t.is_open_price, t.is_hidden, t.is_reserved, t.min_per_booking, t.max_per_booking,
                  CASE WHEN NOT t.is_active THEN 'inactive' WHEN t.sales_start > now() THEN 'not_yet'
                       WHEN t.sales_end <= now() THEN 'ended' ELSE 'on_sale' END,
                  t.capacity - t.seats_held, {seats.TERMS_OF_TYPE}
           FROM ticket_types t WHERE t.event_id = e.id AND t.id = ANY($3::bigint[])) t) AS types,
       (SELECT c FROM (
           SELECT c.id, c.code, c.kind, c.value, c.ticket_types, c.max_uses, c.max_per_booking, c.uses,
                  {promo_codes.IS_VALID}, {seats.TERMS_OF_CODE}
           FROM promo_codes c WHERE c.event_id = e.id AND lower(c.code) = lower($4)) c) AS code
FROM events e WHERE e.id = $1
"""


async def _take(
    tx: Transaction, viewer: Viewer, event_id: int, order: Order, special_requirements: str, ttl_seconds: int
) -> dict[str, Any] | None:
    """Return the booking of an order, made in one statement with all that it takes; None where it takes nothing."""
    code = order.code or {"id": None, "terms": None}
    try:
        row = await tx.fetch_one(
            _TAKE,
            event_id,
            order.seats,
            viewer.id,
            order.terms,
            code["id"],
            code["terms"],
            order.uses,
            orjson.dumps([_line(number, item) for number, item in enumerate(order.items)]).decode(),
            order.number_of_tickets,
            order.total,
            order.discount,
            special_requirements,
            float(ttl_seconds),
        )
    except IntegrityErrors as error:
        if violated_constraint(error) == "bookings_one_active":
            raise already_booked(event_id) from None
        raise
    return None if row is None else dict(row)


def _line(position: int, item: Item) -> dict[str, object]:
    amounts = {name: str(getattr(item, name)) for name in ("unit_price", "discount", "total")}
    return {**dataclasses.asdict(item), **amounts, "position": position}


_TAKE = f"""
WITH line AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($8::text::jsonb) AS line (
        position smallint, ticket_type bigint, name text, quantity smallint, unit_price numeric, discount numeric,
        total numeric, attendees jsonb, terms text)
), {seats.TAKE_LINES}, b AS (
    INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, currency, special_requirements,
                          registered_at, expires_at, is_itemized, promo_code_id, promo_uses, discount)
    SELECT id, $3, 'pending', $9, $10, currency, $12, now(), now() + make_interval(secs => $13), true, $5, $7, $11 FROM e
    RETURNING *
), items AS (
    INSERT INTO booking_items (booking_id, ticket_type_id, position, name, quantity, unit_price, discount, total, attendees)
    SELECT b.id, ticket_type, position, name, quantity, unit_price, line.discount, total, attendees FROM b, line
)
SELECT {COLUMNS}, b.currency FROM b JOIN e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
"""
