"""A new booking: its seats taken and the booking made, in one statement; or why not."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from eventhub.database import IntegrityErrors, SentJob, Transaction, inserting, origin, violated_constraint
from eventhub.models.facts import FactType
from eventhub.models.jobs import CONFIRM_BOOKING
from eventhub.services import prices, seats
from eventhub.services.access import Viewer, check_sees, event_columns, no_such_event, require
from eventhub.services.bookings.itemized import book_items
from eventhub.services.bookings.orders import Asked
from eventhub.services.bookings.reads import COLUMNS, get
from eventhub.services.bookings.refusals import (
    MAX_UNPAID_TICKETS,
    UNPAID,
    EventSoldOut,
    already_booked,
    refuse_at_the_door,
    too_many_holds,
)
from eventhub.services.ports.payments import PaymentGateway


async def book(
    tx: Transaction,
    viewer: Viewer,
    *,
    event: int,
    number_of_tickets: int,
    special_requirements: str,
    ttl_seconds: int,
    items: Sequence[Mapping[str, Any]] | None = None,
    promo_code: str | None = None,
    expected_total: Decimal | None = None,
    gateways: Collection[PaymentGateway] = (),
    max_unpaid: int | None = MAX_UNPAID_TICKETS,
) -> dict[str, Any]:
    """Return a new pending booking that holds its seats for `ttl_seconds`; with nothing to pay a job confirms it.

    It is of standard tickets, unless it is made of `items`. Raises Invalid for an event that the viewer may not see,
    Conflict where it is sold out, closed or booked already, costs something else than expected, or where the viewer holds
    more than `max_unpaid` tickets that are not paid, if there is such a bound; for items and promo codes also what `decide` does.
    """
    if items or promo_code:
        asked = Asked(items, number_of_tickets, promo_code, expected_total, max_unpaid)
        booking = await book_items(
            tx, viewer, event, asked, special_requirements, ttl_seconds=ttl_seconds, gateways=gateways
        )
        _record(tx, booking)
        if Decimal(booking["total_price"]) == 0:
            tx.enqueue(CONFIRM_BOOKING, booking_id=booking["id"])
    else:
        booking = await _book_standard(
            tx,
            viewer,
            event,
            number_of_tickets,
            special_requirements,
            ttl_seconds,
            expected_total,
            max_unpaid,
        )
    return booking


def _record(tx: Transaction, booking: Mapping[str, Any]) -> None:
    tx.record(
        FactType.BOOKING_CREATED,
        booking["event"],
        booking["user"],
        booking=booking["id"],
        number_of_tickets=booking["number_of_tickets"],
        total_price=Decimal(booking["total_price"]),
        currency=booking["currency"],
        items=[{name: item[name] for name in ("ticket_type", "quantity")} for item in booking["items"]],
    )


async def _book_standard(
    tx: Transaction,
    viewer: Viewer,
    event: int,
    number_of_tickets: int,
    special_requirements: str,
    ttl_seconds: int,
    expected_total: Decimal | None,
    max_unpaid: int | None,
) -> dict[str, Any]:
    try:
        row = await tx.fetch_alone(
            _BOOK,
            event,
            number_of_tickets,
            viewer.id,
            special_requirements,
            float(ttl_seconds),
            tx.actor.via.value,
            tx.actor.user_id,
            *origin(),
            expected_total,
            max_unpaid,
        )
    except IntegrityErrors as error:
        if violated_constraint(error) == "bookings_one_active":
            raise already_booked(event) from None
        raise
    if row is None:
        raise await _why_not(tx, viewer, event, number_of_tickets, expected_total, max_unpaid)
    tx.has_recorded = True
    booking = dict(row)
    if (job_id := booking.pop("job_id")) is not None:
        tx.send_again(SentJob(job_id, CONFIRM_BOOKING.name, CONFIRM_BOOKING.queue))
    return booking


def _holds_too_many(limit: str) -> str:
    """Return the condition that user $3 would hold more unpaid than `limit`, a placeholder; nothing is read where it is null."""
    return f"({limit}::int IS NOT NULL AND price > 0 AND $2 + ({UNPAID.format(user='$3')}) > {limit})"


# The fact and the job are written here too, and not by `tx.record` and `tx.enqueue`: so a booking is one statement, and
# needs no BEGIN and no COMMIT.
# A person on the waitlist gets a seat from there; with a booking besides, they would hold two. What an account holds
# unpaid is looked at only where the event costs something; a bound against hoarding needs no lock.
_BOOK = f"""
WITH e AS (
    {seats.TAKE_FOR_BOOKING}
      AND NOT EXISTS (SELECT FROM waitlist_entries w
                      WHERE w.event_id = $1 AND w.user_id = $3 AND w.status = 'waiting')
      AND NOT {_holds_too_many("$11")}
      AND ($10::numeric IS NULL OR price * $2 = $10)
    RETURNING id, title, price, currency
), b AS (
    INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, currency,
                          special_requirements, registered_at, expires_at)
    SELECT id, $3, 'pending', $2, price * $2, currency, $4, now(), now() + make_interval(secs => $5) FROM e
    RETURNING *
), recorded AS (
    INSERT INTO facts (type, event_id, user_id, actor_id, via, data, request_id, occurred_at)
    SELECT '{FactType.BOOKING_CREATED}', event_id, user_id, $7::bigint, $6,
           jsonb_build_object('booking', id, 'number_of_tickets', number_of_tickets, 'total_price', total_price::text,
                              'currency', currency), $8, now()
    FROM b
), promised AS (
    {inserting(CONFIRM_BOOKING, request_id="$8", trace="$9", booking_id="id")} FROM b WHERE total_price = 0
    RETURNING id
)
SELECT {COLUMNS}, b.currency, (SELECT id FROM promised) AS job_id
FROM b JOIN e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
"""


async def _why_not(
    tx: Transaction,
    viewer: Viewer,
    event_id: int,
    tickets: int,
    expected_total: Decimal | None,
    max_unpaid: int | None,
) -> Exception:
    found = await tx.fetch_one(
        f"SELECT e.id, {event_columns()}, e.is_standard_on_sale, e.price, e.currency, "
        "e.status = 'published' AND e.is_selling AND e.registration_deadline > now() AS is_open, "
        "greatest(e.max_attendees - e.seats_held - e.waiting_count, 0) AS seats_left, "
        "EXISTS (SELECT FROM bookings WHERE event_id = e.id AND user_id = $3 AND status <> 'cancelled') AS has_booked, "
        "EXISTS (SELECT FROM waitlist_entries WHERE event_id = e.id AND user_id = $3 AND status = 'waiting') AS waits, "
        f"{_holds_too_many('$4')} AS holds_too_many FROM events e WHERE e.id = $1",
        event_id,
        tickets,
        viewer.id,
        max_unpaid,
    )
    event = check_sees(viewer, found, no_such_event)
    refuse_at_the_door(event, is_standard_asked=True)
    if event["holds_too_many"]:
        assert max_unpaid is not None  # noqa: S101 - as it was the bound
        return too_many_holds(max_unpaid)
    if expected_total is not None and event["seats_left"] >= tickets:
        prices.check_expected(event["price"] * tickets, expected_total, event["currency"])
    return EventSoldOut(event_id, tickets, event["seats_left"])


async def change_requirements(
    tx: Transaction, viewer: Viewer, booking_id: int, special_requirements: str | None
) -> dict[str, Any]:
    """Change the special requirements, the only thing in a booking that its owner may change, and return the booking."""
    booking = await get(tx, viewer, booking_id)
    require(booking["user"] == viewer.id, "Only the person who booked can change the special requirements.")
    if special_requirements is not None and await tx.execute(_CHANGE, booking_id, special_requirements):
        tx.record(
            FactType.BOOKING_UPDATED, booking["event"], viewer.id, booking=booking_id, changed=[_CHANGED]
        )
    return await get(tx, viewer, booking_id)


_CHANGED = "special_requirements"
_CHANGE = f"UPDATE bookings SET {_CHANGED} = $2 WHERE id = $1 AND {_CHANGED} <> $2"
