"""Events and their statistics."""

from marshmallow import fields, validate

from eventhub.models.events import Category, EventStatus, OrganizerNews
from eventhub.schemas.base import (
    MAX_TITLE,
    Array,
    Base,
    Flag,
    Id,
    Moment,
    Money,
    Name,
    PictureUpload,
    PictureUrl,
    Text,
    TimeZone,
    WebAddress,
    Whole,
)
from eventhub.schemas.sessions import SessionListItem

CATEGORIES = [category.value for category in Category]
STATUSES = [status.value for status in EventStatus]


class EventDetails(Base):
    """What an organizer enters for an event. Without a `registration_deadline`, people can book until it starts."""

    title = Name(required=True, min_length=1, max_length=MAX_TITLE)
    description = Text(required=True)
    category = fields.String(required=True, validate=validate.OneOf(CATEGORIES))
    location = Text(max_length=300)
    is_online = Flag()
    online_url = WebAddress()
    start_date = Moment(required=True)
    end_date = Moment(required=True)
    registration_deadline = Moment()
    max_attendees = Whole(1, 1_000_000, required=True)
    price = Money()
    cover_image = PictureUpload()
    tags = Text(max_length=500)

    example = {
        "title": "Advanced Python Workshop",
        "description": "Learn advanced Python concepts",
        "category": "workshop",
        "location": "Virtual",
        "is_online": True,
        "online_url": "https://zoom.us/...",
        "start_date": "2025-12-27T14:00:00Z",
        "end_date": "2025-12-27T17:00:00Z",
        "registration_deadline": "2025-12-26T14:00:00Z",
        "max_attendees": 30,
        "price": "29.99",
        "tags": "python, programming, advanced",
    }


class HandOver(Base):
    """The new organizer of an event: an active organizer or admin."""

    organizer = Id(required=True)

    example = {"organizer": 2}


class EventSettings(Base):
    """What an organizer sets for an event beside its details.

    `timezone` (IANA) is the one that its mails, documents and calendar files print its times in. `standard_ticket` is
    what the ticket of the event's own price is called beside its ticket types; it is booked and waited for only while
    `is_standard_on_sale`. `organizer_news` says how often the organizer is told of bookings, cancellations and money:
    never, once a day, or each time.
    """

    timezone = TimeZone(required=True)
    standard_ticket = Name(required=True, min_length=1, max_length=100)
    is_standard_on_sale = Flag(required=True)
    organizer_news = fields.String(
        required=True, validate=validate.OneOf([each.value for each in OrganizerNews])
    )

    example = {
        "timezone": "Europe/Berlin",
        "standard_ticket": "Standard",
        "is_standard_on_sale": True,
        "organizer_news": "daily",
    }


class EventCopies(Base):
    """When the copies of an event start: each of these times makes one. `title` is theirs, if it is not the event's."""

    starts = Array(Moment(), least=1, most=50, required=True)
    title = Name(min_length=1, max_length=MAX_TITLE)

    example = {"starts": ["2027-01-28T13:00:00Z", "2027-02-25T13:00:00Z"], "title": "Test Workshop, again"}


class EventListItem(Base):
    """An event in a list."""

    id = fields.Integer(required=True)
    title = fields.String(required=True)
    category = fields.String(required=True, validate=validate.OneOf(CATEGORIES))
    organizer_name = fields.String(required=True)
    location = fields.String(required=True)
    is_online = fields.Boolean(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    start_date = Moment(required=True)
    end_date = Moment(required=True)
    max_attendees = fields.Integer(required=True)
    attendees_count = fields.Integer(required=True)
    price = Money(required=True)
    cover_image = PictureUrl()

    example = {
        "id": 1,
        "title": "Test Workshop",
        "category": "workshop",
        "organizer_name": "Admin User",
        "location": "Test Location",
        "is_online": False,
        "status": "published",
        "start_date": "2025-12-27T12:00:00Z",
        "end_date": "2025-12-27T14:00:00Z",
        "max_attendees": 50,
        "attendees_count": 0,
        "price": "0.00",
        "cover_image": None,
    }


class Event(Base):
    """An event; `online_url` is empty for everybody but its organizer and confirmed attendees.

    `currency` (ISO 4217) is what its price was set in, and stays. `timezone` (IANA) is the one that its mails, documents
    and calendar files print its times in; here they are in UTC.
    """

    id = fields.Integer(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    category = fields.String(required=True, validate=validate.OneOf(CATEGORIES))
    organizer = fields.Integer(required=True)
    organizer_name = fields.String(required=True)
    location = fields.String(required=True)
    is_online = fields.Boolean(required=True)
    online_url = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    start_date = Moment(required=True)
    end_date = Moment(required=True)
    registration_deadline = Moment(required=True)
    max_attendees = fields.Integer(required=True)
    attendees_count = fields.Integer(required=True)
    available_spots = fields.Integer(required=True)
    is_registration_open = fields.Boolean(required=True)
    price = Money(required=True)
    cover_image = PictureUrl()
    tags = fields.String(required=True)
    sessions = fields.List(fields.Nested(SessionListItem), required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    currency = fields.String(required=True)
    timezone = fields.String(required=True)

    example = {
        "id": 1,
        "title": "Test Workshop",
        "description": "A test workshop",
        "category": "workshop",
        "organizer": 1,
        "organizer_name": "Admin User",
        "location": "Test Location",
        "is_online": False,
        "online_url": "",
        "status": "published",
        "start_date": "2025-12-27T12:00:00Z",
        "end_date": "2025-12-27T14:00:00Z",
        "registration_deadline": "2025-12-25T12:00:00Z",
        "max_attendees": 50,
        "attendees_count": 0,
        "available_spots": 50,
        "is_registration_open": True,
        "price": "0.00",
        "cover_image": None,
        "tags": "",
        "sessions": [],
        "created_at": "2025-12-20T12:00:00Z",
        "updated_at": "2025-12-20T12:00:00Z",
        "currency": "USD",
        "timezone": "UTC",
    }


class Statistics(Base):
    """Head counts, ratings and revenue of an event, in the event's currency."""

    total_attendees = fields.Integer(required=True)
    available_spots = fields.Integer(required=True)
    waitlist_count = fields.Integer(required=True)
    reviews_count = fields.Integer(required=True)
    average_rating = fields.Float(required=True)
    total_revenue = fields.Float(required=True)

    example = {
        "total_attendees": 0,
        "available_spots": 50,
        "waitlist_count": 0,
        "reviews_count": 0,
        "average_rating": 0.0,
        "total_revenue": 0.0,
    }
