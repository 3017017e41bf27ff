"""What has happened: a row for each, written with the transaction that did it, numbered after its commit, never changed."""

from enum import StrEnum

from tortoise import Model, fields

from eventhub.models.base import SqlIndex, one_of


class FactType(StrEnum):
    """What has happened to which resource: `resource.verb`."""

    EVENT_CREATED = "event.created"
    EVENT_UPDATED = "event.updated"
    EVENT_PUBLISHED = "event.published"
    EVENT_STARTED = "event.started"
    EVENT_COMPLETED = "event.completed"
    EVENT_CANCELLED = "event.cancelled"
    EVENT_DELETED = "event.deleted"
    EVENT_HANDED_OVER = "event.handed_over"
    SESSION_CREATED = "session.created"
    SESSION_UPDATED = "session.updated"
    SESSION_DELETED = "session.deleted"
    TICKET_TYPE_CREATED = "ticket_type.created"
    TICKET_TYPE_UPDATED = "ticket_type.updated"
    TICKET_TYPE_DELETED = "ticket_type.deleted"
    PROMO_CODE_CREATED = "promo_code.created"
    PROMO_CODE_UPDATED = "promo_code.updated"
    PROMO_CODE_DELETED = "promo_code.deleted"
    BOOKING_CREATED = "booking.created"
    BOOKING_UPDATED = "booking.updated"
    BOOKING_CONFIRMED = "booking.confirmed"
    BOOKING_CANCELLED = "booking.cancelled"
    BOOKING_EXPIRED = "booking.expired"
    BOOKING_NO_SHOW = "booking.no_show"
    BOOKING_ATTENDED = "booking.attended"  # a no-show undone
    WAITLIST_JOINED = "waitlist.joined"
    WAITLIST_OFFERED = "waitlist.offered"
    WAITLIST_ACCEPTED = "waitlist.accepted"
    WAITLIST_EXPIRED = "waitlist.expired"
    WAITLIST_LEFT = "waitlist.left"
    WAITLIST_CLOSED = "waitlist.closed"
    PAYMENT_CREATED = "payment.created"
    PAYMENT_COMPLETED = "payment.completed"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_CANCELLED = "payment.cancelled"
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENT_RETURNED = "payment.returned"  # the money of a refund is back
    PAYMENT_DISPUTED = "payment.disputed"
    INVOICE_ISSUED = "invoice.issued"  # credit notes too: `data` says which
    REVIEW_CREATED = "review.created"
    REVIEW_UPDATED = "review.updated"
    REVIEW_DELETED = "review.deleted"
    CERTIFICATE_ISSUED = "certificate.issued"
    CERTIFICATE_REISSUED = "certificate.reissued"
    CERTIFICATE_REVOKED = "certificate.revoked"


class Via(StrEnum):
    """By which way something happened: somebody's request, a job, the clock, or money that moved at a gateway."""

    USER = "user"
    JOB = "job"
    CLOCK = "clock"
    GATEWAY = "gateway"


class Fact(Model):
    """Something that has happened; `data` has ids under their resources' names, states and amounts, never texts of people.

    `seq` is its place in the feed: null until the commit is seen, then without gaps, so that a reader who has come to a
    number has missed nothing below it. `user_id` is whose it is (who booked, who waits), `actor_id` who did it. It refers
    to rows by their ids alone: it stays when they are deleted.
    """

    id = fields.BigIntField(primary_key=True)
    seq = fields.BigIntField(null=True)
    type = fields.CharField(max_length=40)
    event_id = fields.BigIntField(null=True)
    organizer_id = fields.BigIntField(null=True)
    user_id = fields.BigIntField(null=True)
    actor_id = fields.BigIntField(null=True)
    via = fields.CharField(max_length=10)
    data = fields.JSONField[dict[str, object]](default=dict, db_default="{}")
    request_id = fields.CharField(max_length=64, default="-", db_default="-")
    occurred_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "facts"
        indexes = (
            # Only this one is written with the fact; the others once it is numbered.
            SqlIndex("facts_to_number", "(id) WHERE seq IS NULL"),
            SqlIndex("facts_seq", "(seq) WHERE seq IS NOT NULL", unique=True),
            SqlIndex("facts_of_user", "(user_id, seq) WHERE seq IS NOT NULL"),
            SqlIndex("facts_of_event", "(event_id, seq) WHERE seq IS NOT NULL"),
            SqlIndex("facts_of_organizer", "(organizer_id, seq) WHERE seq IS NOT NULL"),
        )
        constraints = (one_of("via", Via, "facts_via_known"),)


class FactCursor(Model):
    """How far something has come with the facts: `numbered` is the last number given out, `news` what organizers were told of."""

    name = fields.CharField(max_length=20, primary_key=True)
    seq = fields.BigIntField(default=0, db_default=0)

    class Meta:
        table = "fact_cursors"


class DueNews(Model):
    """News that an event's organizer is to be told at a time: of all that has happened from the fact `since_seq` on."""

    id = fields.BigIntField(primary_key=True)
    event_id = fields.BigIntField()
    since_seq = fields.BigIntField()
    due_at = fields.DatetimeField()

    class Meta:
        table = "due_news"
        indexes = (
            SqlIndex("due_news_once", "(event_id)", unique=True),
            SqlIndex("due_news_next", "(due_at)"),
        )
