"""Events, with the counters that decide about seats, and their sessions.

Lifecycle: draft -> published -> ongoing (at start_date) -> completed (at end_date, or by hand once started);
draft, published and ongoing may be cancelled. Completed and cancelled events never change again.
"""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import SqlDefault

from eventhub.models.base import CheckConstraint, SqlIndex, one_of
from eventhub.models.words import folded, words_of


class Category(StrEnum):
    """What kind of event it is."""

    WORKSHOP = "workshop"
    WEBINAR = "webinar"
    CONFERENCE = "conference"
    MASTERCLASS = "masterclass"
    MEETUP = "meetup"
    TRAINING = "training"


class EventStatus(StrEnum):
    """Where an event stands; see EVENT_MOVES for the way from one to the next."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ONGOING = "ongoing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


EVENT_MOVES: dict[EventStatus, frozenset[EventStatus]] = {
    EventStatus.DRAFT: frozenset({EventStatus.PUBLISHED, EventStatus.CANCELLED}),
    EventStatus.PUBLISHED: frozenset({EventStatus.ONGOING, EventStatus.CANCELLED, EventStatus.COMPLETED}),
    EventStatus.ONGOING: frozenset({EventStatus.COMPLETED, EventStatus.CANCELLED}),
    EventStatus.COMPLETED: frozenset(),
    EventStatus.CANCELLED: frozenset(),
}


class Owed(StrEnum):
    """What jobs have still to do for an event: kept on its row, so that no failed or lost job takes it along."""

    CANCELLATIONS = "cancellations"
    CERTIFICATES = "certificates"
    SURVEY = "survey"
    REMINDER = "reminder"


class OrganizerNews(StrEnum):
    """How often an event's organizer is told of its bookings, cancellations and money."""

    NONE = "none"
    DAILY = "daily"
    EACH = "each"


OPEN_EVENTS = frozenset({EventStatus.PUBLISHED, EventStatus.ONGOING})  # their bookings may be confirmed


class Event(Model):
    """An event and its counters.

    Never oversold: `seats_held` (tickets of pending and confirmed bookings) stays within `max_attendees`, by the
    one conditional statement of `services.seats` and by constraint. `seats_confirmed` counts confirmed tickets,
    `waiting_count` people on the waitlist, `last_line_number` the last number given out there. `revenue` is what was
    paid less what was refunded. `reminded_for` is the start that attendees were reminded of; `revision` counts
    changes of times, place or link (SEQUENCE of calendar files); `told` is what its people know of them, while a change
    waits to be told or is being told (`services.events.changes`). `owed` is what jobs have still to do for it (Owed);
    `terms_changed_at` is when its time or place last changed so much that who had booked before may have their money
    back; `is_selling` is false while its organizer is deactivated. An event that was never published (`published_at`)
    is its organizer's alone, also once it is cancelled. `standard_ticket` is what the ticket of `price` is called beside
    ticket types, `timezone` (IANA) the zone that its times are printed in. Pages are filled to 70 % (a migration says so): every booking
    counts here, and a row that stays on its page spares all of the indexes below.
    """

    id = fields.BigIntField(primary_key=True)
    title = fields.CharField(max_length=200)
    description = fields.TextField()
    category = fields.CharField(max_length=20)
    organizer: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="events", on_delete=fields.RESTRICT
    )
    location = fields.CharField(max_length=300, default="")
    is_online = fields.BooleanField(default=False)
    online_url = fields.CharField(max_length=500, default="")
    status = fields.CharField(max_length=20, default=EventStatus.DRAFT.value)
    start_date = fields.DatetimeField()
    end_date = fields.DatetimeField()
    registration_deadline = fields.DatetimeField()
    max_attendees = fields.IntField()
    price = fields.DecimalField(max_digits=10, decimal_places=2, default=0)
    currency = fields.CharField(max_length=3, default="USD", db_default="USD")
    cover_image = fields.CharField(max_length=200, null=True)
    tags = fields.CharField(max_length=500, default="")
    seats_held = fields.IntField(default=0, db_default=0)
    seats_confirmed = fields.IntField(default=0, db_default=0)
    waiting_count = fields.IntField(default=0, db_default=0)
    last_line_number = fields.BigIntField(default=0, db_default=0)
    reviews_count = fields.IntField(default=0, db_default=0)
    rating_sum = fields.BigIntField(default=0, db_default=0)
    revenue = fields.DecimalField(max_digits=20, decimal_places=2, default=0, db_default=0)
    published_at = fields.DatetimeField(null=True)
    reminded_for = fields.DatetimeField(null=True)
    revision = fields.IntField(default=0, db_default=0)
    told = fields.JSONField[dict[str, object]](null=True)
    owed = ArrayField("text", default=list, db_default=SqlDefault("'{}'"))
    terms_changed_at = fields.DatetimeField(null=True)
    is_selling = fields.BooleanField(default=True, db_default=True)
    timezone = fields.CharField(max_length=64, default="UTC", db_default="UTC")
    standard_ticket = fields.CharField(max_length=100, default="Standard", db_default="Standard")
    is_standard_on_sale = fields.BooleanField(default=True, db_default=True)
    organizer_news = fields.CharField(
        max_length=10, default=OrganizerNews.DAILY.value, db_default=OrganizerNews.DAILY.value
    )
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)
    search = words_of("title || ' ' || description || ' ' || tags")
    title_search = words_of("title")  # what a search of reviews looks at

    class Meta:
        table = "events"
        indexes = (
            SqlIndex("events_newest", "(start_date DESC, id DESC)"),
            SqlIndex("events_category", "(category, status, start_date DESC, id DESC)"),
            SqlIndex("events_status", "(status, start_date DESC, id DESC)"),
            SqlIndex("events_organizer", "(organizer_id, start_date DESC, id DESC)"),
            SqlIndex("events_created", "(created_at DESC, id DESC)"),
            SqlIndex("events_price", "(price DESC, id DESC)"),
            SqlIndex("events_ends", "(end_date DESC, id DESC)"),
            SqlIndex("events_title", f"(({folded('title')}), id)"),
            SqlIndex("events_search", "USING gin (search) WITH (fastupdate = off)"),
            SqlIndex("events_title_search", "USING gin (title_search) WITH (fastupdate = off)"),
            SqlIndex("events_to_start", "(start_date) WHERE status = 'published'"),
            SqlIndex("events_to_complete", "(end_date) WHERE status = 'ongoing'"),
            SqlIndex("events_line", "(registration_deadline) WHERE waiting_count > 0"),
            SqlIndex("events_to_tell", "(id) WHERE told IS NOT NULL"),
            SqlIndex("events_owing", "(id) WHERE owed <> '{}'"),
            SqlIndex("events_not_selling", "(id) WHERE NOT is_selling"),
        )
        constraints = (
            one_of("status", EventStatus, "events_status_known"),
            one_of("category", Category, "events_category_known"),
            one_of("organizer_news", OrganizerNews, "events_organizer_news_known"),
            CheckConstraint(check="seats_held BETWEEN 0 AND max_attendees", name="events_never_oversold"),
            CheckConstraint(
                check="seats_confirmed BETWEEN 0 AND seats_held", name="events_confirmed_are_held"
            ),
            CheckConstraint(check="waiting_count >= 0", name="events_waiting_count"),
            CheckConstraint(check="max_attendees BETWEEN 1 AND 1000000", name="events_max_attendees"),
            CheckConstraint(check="price >= 0", name="events_price_not_negative"),
            CheckConstraint(
                check="registration_deadline <= start_date AND start_date < end_date",
                name="events_dates_in_order",
            ),
            CheckConstraint(
                check="isfinite(registration_deadline) AND isfinite(start_date) AND isfinite(end_date)",
                name="events_dates_finite",
            ),
        )


class Session(Model):
    """A part of an event's programme. Its times may lie outside the event's (a social on the evening before)."""

    id = fields.BigIntField(primary_key=True)
    event: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField("models.Event", related_name="sessions")
    title = fields.CharField(max_length=200)
    description = fields.TextField(default="")
    start_time = fields.DatetimeField()
    end_time = fields.DatetimeField()
    speaker: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="talks", null=True, on_delete=fields.RESTRICT
    )
    room_or_link = fields.CharField(max_length=300, default="")
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "sessions"
        indexes = (
            SqlIndex("sessions_of_event", "(event_id, start_time, id)"),
            SqlIndex("sessions_of_speaker", "(speaker_id, start_time, id)"),
            SqlIndex("sessions_soonest", "(start_time, id)"),
        )
        constraints = (
            CheckConstraint(check="start_time < end_time", name="sessions_times_in_order"),
            CheckConstraint(
                check="isfinite(start_time) AND isfinite(end_time)", name="sessions_times_finite"
            ),
        )
