"""A new booking: its seats taken and the booking made, in one statement (`together`, `itemized`); or why not (`doors`)."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from eventhub.database import Actor, Database, IntegrityErrors, Transaction, origin, violated_constraint
from eventhub.models.facts import FactType
from eventhub.models.jobs import CONFIRM_BOOKING
from eventhub.services.access import Viewer, require
from eventhub.services.bookings import doors, together
from eventhub.services.bookings.doors import Doors
from eventhub.services.bookings.itemized import book_items
from eventhub.services.bookings.orders import Asked
from eventhub.services.bookings.reads import get
from eventhub.services.bookings.refusals import MAX_UNPAID_TICKETS, already_booked
from eventhub.services.bookings.together import Ask
from eventhub.services.ports.payments import PaymentGateway


async def book_at_once(
    database: Database,
    viewer: Viewer,
    actor: Actor,
    at: Doors,
    *,
    items: Sequence[Mapping[str, Any]] | None,
    promo_code: str | None,
    gateways: Collection[PaymentGateway],
    **asked: Any,
) -> dict[str, Any] | None:
    """Return a new booking as `book` would, where it can be made without waiting; None where `book` has to do it.

    Raises what `book` does where the event is still sold out.
    """
    del gateways  # a booking without a promo code costs what its event does
    if items or promo_code:
        return None
    ask = _ask(viewer, actor, **asked)
    if at.was_full(ask.event):
        await doors.look(database, viewer, ask, at)
    return await together.book_calmly(database, ask)


async def book(
    tx: Transaction,
    viewer: Viewer,
    at: Doors | None = None,
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
    more than `max_unpaid` tickets that are not paid, if there is such a bound; for items and promo codes also what `decide`
    does.
    """
    if items or promo_code:
        asked = Asked(items, number_of_tickets, promo_code, expected_total, max_unpaid)
        booking = await book_items(
            tx, viewer, event, asked, special_requirements, ttl_seconds=ttl_seconds, gateways=gateways
        )
        _record(tx, booking)
        if Decimal(booking["total_price"]) == 0:
            tx.enqueue(CONFIRM_BOOKING, booking_id=booking["id"])
        return booking
    ask = _ask(
        viewer,
        tx.actor,
        event=event,
        number_of_tickets=number_of_tickets,
        special_requirements=special_requirements,
        ttl_seconds=ttl_seconds,
        expected_total=expected_total,
        max_unpaid=max_unpaid,
    )
    return await _book_standard(tx, viewer, ask, at or Doors())


def _ask(
    viewer: Viewer,
    actor: Actor,
    *,
    event: int,
    number_of_tickets: int,
    special_requirements: str,
    ttl_seconds: int,
    expected_total: Decimal | None,
    max_unpaid: int | None,
) -> Ask:
    return Ask(
        event,
        viewer.id,
        number_of_tickets,
        special_requirements,
        float(ttl_seconds),
        expected_total,
        max_unpaid,
        actor.via,
        actor.user_id,
        *origin(),
    )


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


async def _book_standard(tx: Transaction, viewer: Viewer, ask: Ask, at: Doors) -> dict[str, Any]:
    if at.was_full(ask.event):  # it may have become so while this one waited in line
        await doors.look(tx, viewer, ask, at)
    try:
        made = await together.take(tx, [ask], waits=True)
    except IntegrityErrors as error:
        if violated_constraint(error) == "bookings_one_active":
            raise already_booked(ask.event) from None
        raise
    if not made:
        raise await doors.why_not(tx, viewer, ask, at)
    return made[ask]


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
