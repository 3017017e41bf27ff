"""Why a seat is not booked, and why a booking does not become what was asked for."""

from eventhub.errors import Conflict, Invalid


class EventSoldOut(Conflict):
    """Raised when fewer seats are left than asked for."""

    code = "sold_out"

    def __init__(self, event_id: int, asked: int, left: int) -> None:
        super().__init__(
            f"Event {event_id} has {left} seats left for sale, fewer than the {asked} asked for. "
            "Join its waitlist to get one that comes free."
        )


def no_such_event() -> Invalid:
    return Invalid({"event": ["No event with this id exists."]})


def registration_closed(event_id: int) -> Conflict:
    return Conflict(f"Registration for event {event_id} is closed.", code="registration_closed")


def already_booked(event_id: int) -> Conflict:
    return Conflict(f"You already have a booking for event {event_id}.", code="already_booked")


def wrong_state(booking_id: int, status: str, wanted: str) -> Conflict:
    return Conflict(f"Booking {booking_id} is {status} and cannot become {wanted}.", code="wrong_state")
