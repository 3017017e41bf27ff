"""Books a seat with the client that openapi-python-client makes: `python book.py URL` prints what became of it."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from event_hub_client import AuthenticatedClient, Client
from event_hub_client.api.authentication import auth_log_in
from event_hub_client.api.bookings import bookings_create, bookings_get, bookings_list
from event_hub_client.api.events import events_create, events_publish
from event_hub_client.api.users import users_register
from event_hub_client.models import (
    Booking,
    BookingRequest,
    Error,
    EventDetails,
    EventDetailsCategory,
    Registration,
    RegistrationUserType,
    TokenRequest,
)

URL = sys.argv[1]
PASSWORD = "a-good-password-1"


T = TypeVar("T")


def told(answer: T | Error | None) -> T:
    """Return what was answered, which must not be an error."""
    assert answer is not None
    assert not isinstance(answer, Error), answer
    return answer


def sign_up(username: str, user_type: str) -> AuthenticatedClient:
    anybody = Client(base_url=URL)
    account = Registration(
        username=username,
        email=f"{username}@example.com",
        password=PASSWORD,
        user_type=RegistrationUserType(user_type),
    )
    told(users_register.sync(client=anybody, body=account))
    tokens = told(auth_log_in.sync(client=anybody, body=TokenRequest(username=username, password=PASSWORD)))
    return AuthenticatedClient(base_url=URL, token=tokens.access)


def confirmed(client: AuthenticatedClient, booking_id: int) -> Booking:
    for _ in range(300):
        booking = told(bookings_get.sync(booking_id, client=client))
        if booking.status != "pending":
            return booking
        time.sleep(0.1)
    raise AssertionError("the booking stays pending")


def main() -> None:
    organizer = sign_up("piet-organizes", "organizer")
    details = EventDetails(
        title="Python Workshop",
        description="With types",
        category=EventDetailsCategory.WORKSHOP,
        location="Here",
        start_date=datetime.now(UTC) + timedelta(days=10),
        end_date=datetime.now(UTC) + timedelta(days=11),
        max_attendees=5,
    )
    event = told(events_create.sync(client=organizer, body=details))
    told(events_publish.sync(event.id, client=organizer))
    attendee = sign_up("pia-attends", "attendee")
    made = told(bookings_create.sync(client=attendee, body=BookingRequest(event=event.id)))
    booking = confirmed(attendee, made.id)
    listed = told(bookings_list.sync(client=attendee, event=event.id))
    refused = bookings_create.sync(client=attendee, body=BookingRequest(event=event.id, number_of_tickets=0))
    assert isinstance(refused, Error)
    assert refused.errors
    print(
        json.dumps(
            {
                "status": booking.status,
                "tickets": booking.number_of_tickets,
                "price": booking.total_price,
                "listed": len(listed),
                "refused": refused.errors["number_of_tickets"],
            }
        )
    )


main()
