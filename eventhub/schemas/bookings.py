"""Bookings."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from eventhub.models.bookings import BookingStatus
from eventhub.schemas.base import Array, Base, EmailAddress, Id, Moment, Money, Name, Text, Whole
from eventhub.services.bookings import RefundOutcome

STATUSES = [status.value for status in BookingStatus]
REFUND_STATUSES = [status.value for status in RefundOutcome]


MAX_TICKETS = 100
_TOO_MANY = f"At most {MAX_TICKETS} tickets in all."
# The greatest price of a ticket, as many times as there are tickets.
_MAX_TOTAL = "9999999999.00"


class TicketHolder(Base):
    """Whom a ticket is for."""

    name = Name(required=True, min_length=1, max_length=400)
    email = EmailAddress(load_default=None, allow_none=True)

    example = {"name": "Ada Lovelace", "email": "ada@example.com"}


class ItemRequest(Base):
    """Tickets of one type; `ticket_type` null is the event's standard ticket. Only an open price is named."""

    ticket_type = Id(required=True, allow_none=True)
    quantity = Whole(1, MAX_TICKETS, required=True)
    unit_price = Money(load_default=None, allow_none=True)
    attendees = Array(fields.Nested(TicketHolder), most=MAX_TICKETS, load_default=list)

    example = {"ticket_type": 1, "quantity": 2, "attendees": [TicketHolder.example]}

    @validates_schema
    def check_attendees(self, data: Mapping[str, Any], **_: object) -> None:
        if len(data["attendees"]) > data["quantity"]:
            raise ValidationError(f"At most {data['quantity']}, one for each ticket.", "attendees")


class QuoteRequest(Base):
    """What to book of an event: so many standard tickets, or `items`, each ticket type once."""

    number_of_tickets = Whole(1, MAX_TICKETS, load_default=1)
    items = Array(
        fields.Nested(ItemRequest),
        least=1,
        most=20,
        load_default=None,
        allow_none=True,
        metadata={"description": "`number_of_tickets` can be left out with them, or is their sum."},
    )
    promo_code = Name(max_length=200, load_default=None, allow_none=True)
    expected_total = Money(
        maximum=_MAX_TOTAL,
        load_default=None,
        allow_none=True,
        metadata={"description": "If it costs anything else, nothing is booked."},
    )

    example = {"items": [ItemRequest.example, {"ticket_type": None, "quantity": 1}], "promo_code": "RIVER20"}

    @pre_load
    def count_attendees(self, data: Mapping[str, Any], **_: object) -> Mapping[str, Any]:
        """Refuse more people than there can be tickets, before the addresses of all are looked at."""
        items = data.get("items")
        lists = (
            [item.get("attendees") for item in items if isinstance(item, dict)]
            if isinstance(items, list)
            else []
        )
        if sum(len(people) for people in lists if isinstance(people, list)) > MAX_TICKETS:
            raise ValidationError(_TOO_MANY, "items")
        return data

    @validates_schema(pass_original=True)
    def check_items(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: object) -> None:
        if not data["items"]:
            return
        types = [item["ticket_type"] for item in data["items"]]
        tickets = sum(item["quantity"] for item in data["items"])
        if len(set(types)) < len(types):
            raise ValidationError("Each ticket type can be in one item only.", "items")
        if tickets > MAX_TICKETS:
            raise ValidationError(_TOO_MANY, "items")
        if "number_of_tickets" in original and data["number_of_tickets"] != tickets:
            raise ValidationError(f"Must be the sum of the items, {tickets}.", "number_of_tickets")


class BookingRequest(QuoteRequest):
    """The event to book, and how many tickets; or `items`, each ticket type once."""

    event = Id(required=True)
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


class TicketHolderShown(Base):
    """Whom a ticket is for; `email` is null where it was not given."""

    name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)

    example = TicketHolder.example


class BookingItem(Base):
    """Tickets of one type, named and priced as when they were booked. `discount` and `total` are of all of them."""

    ticket_type = fields.Integer(required=True, allow_none=True)
    name = fields.String(required=True)
    quantity = fields.Integer(required=True)
    unit_price = Money(required=True)
    discount = Money(required=True)
    total = Money(required=True)
    attendees = fields.List(fields.Nested(TicketHolderShown), required=True)

    example = {
        "ticket_type": 1,
        "name": "Student",
        "quantity": 2,
        "unit_price": "15.00",
        "discount": "6.00",
        "total": "24.00",
        "attendees": [TicketHolder.example],
    }


_ITEMIZED = {"items": [BookingItem.example], "discount": "6.00", "promo_code": "RIVER20"}


class Quote(Base):
    """What a booking would cost. `discount` is what the promo code takes off in all."""

    items = fields.List(fields.Nested(BookingItem), required=True)
    discount = Money(required=True)
    promo_code = fields.String(required=True, allow_none=True)
    number_of_tickets = fields.Integer(required=True)
    total_price = Money(required=True)
    currency = fields.String(required=True)

    example = {**_ITEMIZED, "number_of_tickets": 2, "total_price": "24.00", "currency": "USD"}


class Booking(BookingListItem):
    """A booking; it holds its seats while pending or confirmed. `currency` (ISO 4217) is that of its price.

    One that was made with `items` or a promo code has `items`, `discount` and `promo_code` as well; its `total_price` is
    after the discount.
    """

    currency = fields.String(required=True)
    items = fields.List(fields.Nested(BookingItem))
    discount = Money()
    promo_code = fields.String(allow_none=True)

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
