"""Booking at the door: the seats taken and the booking made, in one statement; or why not."""

from typing import Any

from eventhub.database import IntegrityErrors, Transaction, violated_constraint
from eventhub.errors import Conflict, Invalid
from eventhub.models.events import EventStatus
from eventhub.models.jobs import CONFIRM_BOOKING
from eventhub.services import seats
from eventhub.services.access import Viewer
from eventhub.services.bookings.reads import COLUMNS

MAX_UNPAID_TICKETS = 100  # that an account holds over all events


class EventSoldOut(Conflict):
    """Raised when fewer seats are left than asked for."""

    code = "sold_out"

    def __init__(self, event_id: int, asked: int, left: int) -> None:
        super().__init__(
            f"Event {event_id} has {left} seats left for sale, fewer than the {asked} asked for. "
            "Join its waitlist to get one that comes free."
        )


async def book(
    tx: Transaction,
    viewer: Viewer,
    *,
    event: int,
    number_of_tickets: int,
    special_requirements: str,
    ttl_seconds: int,
) -> dict[str, Any]:
    """Return a new pending booking that holds its seats for `ttl_seconds`; with nothing to pay a job confirms it.

    Raises Invalid for an event that the viewer may not see, Conflict where it is sold out, closed or booked already, or
    where the viewer holds too much that is not paid.
    """
    try:
        row = await tx.fetch_one(
            _BOOK, event, number_of_tickets, viewer.id, special_requirements, float(ttl_seconds)
        )
    except IntegrityErrors as error:
        if violated_constraint(error) == "bookings_one_active":
            raise _already_booked(event) from None
        raise
    if row is None:
        raise await _why_not(tx, viewer, event, number_of_tickets)
    booking = dict(row)
    if booking.pop("is_free"):
        tx.enqueue(CONFIRM_BOOKING, booking_id=booking["id"])
    return booking


_WITH_UNPAID = f"""
$2 + (SELECT coalesce(sum(number_of_tickets), 0) FROM bookings
      WHERE user_id = $3 AND status = 'pending' AND total_price > 0) > {MAX_UNPAID_TICKETS}
"""
# Who waits in line gets a seat from there; with a booking besides, they would hold two. What is held unpaid is looked at
# where the event costs something alone; no lock is needed for a bound against hoarding.
_BOOK = f"""
WITH e AS (
    {seats.TAKE_FOR_BOOKING}
      AND NOT EXISTS (SELECT FROM waitlist_entries w
                      WHERE w.event_id = $1 AND w.user_id = $3 AND w.status = 'waiting')
      AND NOT (price > 0 AND {_WITH_UNPAID})
    RETURNING id, title, price, currency
), b AS (
    INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, currency,
                          special_requirements, registered_at, expires_at)
    SELECT id, $3, 'pending', $2, price * $2, currency, $4, now(), now() + make_interval(secs => $5) FROM e
    RETURNING *
)
SELECT {COLUMNS}, b.currency, b.total_price = 0 AS is_free
FROM b JOIN e ON e.id = b.event_id JOIN users u ON u.id = b.user_id
"""


async def _why_not(tx: Transaction, viewer: Viewer, event_id: int, tickets: int) -> Exception:
    event = await tx.fetch_one(
        "SELECT e.status, e.published_at, e.organizer_id, e.is_selling AND e.registration_deadline > now() AS is_open, "
        "greatest(e.max_attendees - e.seats_held - e.waiting_count, 0) AS seats_left, "
        "EXISTS (SELECT FROM bookings WHERE event_id = e.id AND user_id = $3 AND status <> 'cancelled') AS has_booked, "
        "EXISTS (SELECT FROM waitlist_entries WHERE event_id = e.id AND user_id = $3 AND status = 'waiting') AS waits, "
        f"e.price > 0 AND {_WITH_UNPAID} AS holds_too_many FROM events e WHERE e.id = $1",
        event_id,
        tickets,
        viewer.id,
    )
    if event is None or not viewer.sees(event):
        return no_such_event()
    if event["has_booked"]:
        return _already_booked(event_id)
    if event["status"] != EventStatus.PUBLISHED or not event["is_open"]:
        return registration_closed(event_id)
    if event["waits"]:
        return Conflict(
            f"You are in line for event {event_id} and come before the door: wait, or leave the waitlist to book.",
            code="already_waiting",
        )
    if event["holds_too_many"]:
        return Conflict(
            f"An account holds at most {MAX_UNPAID_TICKETS} tickets that are not paid: pay for those of other bookings, "
            "or cancel some.",
            code="too_many_holds",
        )
    return EventSoldOut(event_id, tickets, event["seats_left"])


def no_such_event() -> Invalid:
    return Invalid({"event": ["No event with this id exists."]})


def registration_closed(event_id: int) -> Conflict:
    return Conflict(f"Registration for event {event_id} is closed.", code="registration_closed")


def _already_booked(event_id: int) -> Conflict:
    return Conflict(f"You have a booking for event {event_id} already.", code="already_booked")
