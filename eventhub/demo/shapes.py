"""What the demo is made of: people, events, their programme and their reviews."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from eventhub.models.events import Category, EventStatus


@dataclass(frozen=True)
class Person:
    """Somebody with an account. Only those with a password can sign in."""

    username: str
    first_name: str
    last_name: str
    user_type: str = "attendee"
    organization: str = ""
    bio: str = ""
    password: str | None = None


@dataclass(frozen=True)
class Part:
    """A session; `begins` counts from the event's start."""

    title: str
    begins: timedelta
    lasts: timedelta
    speaker: str | None
    room: str
    description: str = ""


@dataclass(frozen=True)
class Opinion:
    """A review, and how many found it helpful or not."""

    author: str
    rating: int
    title: str
    review: str
    helpful: int = 0
    unhelpful: int = 0


STANDARD = "Standard"  # the name of the ticket that every event has


@dataclass(frozen=True)
class Promo:
    """A promo code as an organizer would send it, and the names of the tickets that it is for."""

    tickets: Sequence[str]
    terms: Mapping[str, object]


@dataclass(frozen=True)
class Order:
    """A booking in lines, which is paid for: so many tickets of each type, by its name, for the people in `attendees`."""

    name: str
    tickets: Mapping[str, int]
    promo_code: str | None = None
    attendees: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Happening:
    """An event, with the people who come. `day`, counted from today, and `hour`, on the clock of its `timezone`, are its start.

    Bookings are "name" or "name:tickets"; they are paid for and confirmed, but for those in `unpaid`. The people in
    `cancelled` cancel after that, those in `waiting` join the waitlist in this order, and those in `absent` booked and
    did not come. `ticket_types` are bodies as an organizer would send them.
    """

    title: str
    category: Category
    organizer: str
    status: EventStatus
    day: int
    hour: int
    lasts: timedelta
    seats: int
    description: str
    tags: str
    location: str = ""
    timezone: str = "UTC"
    online_url: str = ""
    price: str = "0.00"
    closes_days_before: int = 0
    bookings: str = ""
    unpaid: str = ""
    cancelled: str = ""
    waiting: str = ""
    absent: str = ""
    needs: dict[str, str] = field(default_factory=dict)
    sessions: tuple[Part, ...] = ()
    ticket_types: tuple[Mapping[str, object], ...] = ()
    promo_codes: tuple[Promo, ...] = ()
    orders: tuple[Order, ...] = ()
    reviews: tuple[Opinion, ...] = ()
