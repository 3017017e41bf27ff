"""Why a seat is not booked, and why a booking does not become what was asked for."""

from collections.abc import Mapping
from typing import Any

from eventhub.errors import Conflict

MAX_UNPAID_TICKETS = 100  # that an account holds over all events
# How many an account holds; `user` is its placeholder.
UNPAID = """
SELECT coalesce(sum(number_of_tickets), 0) FROM bookings
WHERE user_id = {user} AND status = 'pending' AND total_price > 0
"""


class EventSoldOut(Conflict):
    """Raised when fewer seats are left than asked for."""

    code = "sold_out"

    def __init__(self, event_id: int, asked: int, left: int) -> None:
        super().__init__(
            f"Event {event_id} has {left} seats left for sale, fewer than the {asked} asked for. "
            "Join its waitlist to get one that comes free."
        )


class TypeSoldOut(Conflict):
    """Raised when fewer tickets of a type are left than asked for."""

    code = "sold_out"

    def __init__(self, name: str, asked: int, left: int) -> None:
        tickets = "ticket" if left == 1 else "tickets"
        super().__init__(f"{name} has {left} {tickets} left, fewer than the {asked} asked for.")


def refuse_at_the_door(event: Mapping[str, Any], *, is_standard_asked: bool) -> None:
    """Raise Conflict where an event takes no bookings, or none of this person's, whatever they ask for."""
    if event["has_booked"]:
        raise already_booked(event["id"])
    if not event["is_open"] or (is_standard_asked and not event["is_standard_on_sale"]):
        raise registration_closed(event["id"])
    if event["waits"]:
        raise Conflict(
            f"You are on the waitlist of event {event['id']} and come before new bookings: wait, or leave the waitlist to book.",
            code="already_waiting",
        )


def too_many_holds(limit: int) -> Conflict:
    return Conflict(
        f"An account holds at most {limit} tickets that are not paid: pay for those of other bookings, "
        "or cancel some.",
        code="too_many_holds",
    )


def not_on_sale(name: str, status: str) -> Conflict:
    when = {"not_yet": "not on sale yet", "ended": "no longer on sale"}.get(status, "not on sale")
    return Conflict(f"{name} is {when}.", code="not_on_sale")


def promo_code_not_valid(code: str, why: str) -> Conflict:
    return Conflict(f"Promo code {code} {why}.", code="promo_code_not_valid")


def registration_closed(event_id: int) -> Conflict:
    return Conflict(f"Registration for event {event_id} is closed.", code="registration_closed")


def already_booked(event_id: int) -> Conflict:
    return Conflict(f"You already have a booking for event {event_id}.", code="already_booked")


def wrong_state(booking_id: int, status: str, wanted: str) -> Conflict:
    return Conflict(f"Booking {booking_id} is {status} and cannot become {wanted}.", code="wrong_state")
