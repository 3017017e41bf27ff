"""Bookings."""

from marshmallow import fields, validate

from eventhub.models.bookings import BookingStatus
from eventhub.schemas.base import Base, Id, Moment, Money, Text, Whole
from eventhub.services.bookings import RefundOutcome

STATUSES = [status.value for status in BookingStatus]
REFUND_STATUSES = [status.value for status in RefundOutcome]


class BookingRequest(Base):
    """The event to book, and how many tickets."""

    event = Id(required=True)
    number_of_tickets = Whole(1, 100, load_default=1)
    special_requirements = Text(load_default="")

    example = {"event": 1, "number_of_tickets": 1, "special_requirements": "Need vegetarian meals"}


class BookingChanges(Base):
    """The only thing in a booking that its owner can change."""

    special_requirements = Text()

    example = {"special_requirements": "Need vegetarian meals"}


class BookingListItem(Base):
    """A booking in a list."""

    id = fields.Integer(required=True)
    event = fields.Integer(required=True)
    event_title = fields.String(required=True)
    user = fields.Integer(required=True)
    user_name = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    number_of_tickets = fields.Integer(required=True)
    total_price = Money(required=True)
    special_requirements = fields.String(required=True)
    registered_at = Moment(required=True)
    confirmed_at = Moment(required=True, allow_none=True)
    cancelled_at = Moment(required=True, allow_none=True)

    example = {
        "id": 1,
        "event": 1,
        "event_title": "Test Workshop",
        "user": 2,
        "user_name": "John Doe",
        "status": "confirmed",
        "number_of_tickets": 1,
        "total_price": "0.00",
        "special_requirements": "",
        "registered_at": "2025-12-20T12:00:00Z",
        "confirmed_at": "2025-12-20T12:00:01Z",
        "cancelled_at": None,
    }


class Booking(BookingListItem):
    """A booking; it holds its seats while pending or confirmed. `currency` (ISO 4217) is that of its price."""

    currency = fields.String(required=True)

    example = {**BookingListItem.example, "currency": "USD"}


class CancelledBooking(Booking):
    """A booking that was cancelled, and what becomes of its money.

    `refund_status`: `nothing_paid`; `refunded`, the money goes back; `not_refunded`, its owner cancelled after the
    registration deadline; `stopped`, a payment was under way. `detail` says it in a sentence.
    """

    refund_status = fields.String(required=True, validate=validate.OneOf(REFUND_STATUSES))
    detail = fields.String(required=True)

    example = {
        **Booking.example,
        "status": "cancelled",
        "cancelled_at": "2025-12-21T12:00:00Z",
        "refund_status": "nothing_paid",
        "detail": "Nothing was paid, so there is nothing to refund.",
    }


class Attendee(BookingListItem):
    """A confirmed booking as everybody sees it: requirements and price are null for everybody but the event's organizer."""

    total_price = Money(required=True, allow_none=True)
    special_requirements = fields.String(required=True, allow_none=True)

    example = {**BookingListItem.example, "total_price": None, "special_requirements": None}
