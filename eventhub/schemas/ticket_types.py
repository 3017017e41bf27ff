"""What an event sells beside its standard ticket."""

from marshmallow import fields, validate

from eventhub.models.ticket_types import TicketTypeStatus
from eventhub.schemas.base import Base, Flag, Moment, Money, Name, Text, Whole

STATUSES = [status.value for status in TicketTypeStatus]


class TicketTypeDetails(Base):
    """What an organizer enters for a ticket type. An event has at most 50, each with a name of its own.

    With `is_open_price`, the buyer names a price of at least `price`. Without a `capacity`, the event's seats are the only
    limit. `is_reserved` sets `capacity` seats of the event aside for this type alone, and cannot be changed later. Without
    `sales_start` and `sales_end`, sales begin when the event is published and end at its registration deadline, which
    always ends them. A hidden type is shown to those who have a promo code for it.
    """

    name = Name(required=True, min_length=1, max_length=100)
    description = Text(max_length=2_000, load_default="")
    price = Money()
    is_open_price = Flag(load_default=False)
    capacity = Whole(1, 1_000_000, allow_none=True, load_default=None)
    is_reserved = Flag(load_default=False)
    sales_start = Moment(allow_none=True, load_default=None)
    sales_end = Moment(allow_none=True, load_default=None)
    min_per_booking = Whole(1, 100, load_default=1)
    max_per_booking = Whole(1, 100, load_default=100)
    is_hidden = Flag(load_default=False)
    is_active = Flag(load_default=True)
    position = Whole(0, 1_000, load_default=0)

    example = {
        "name": "Early bird",
        "description": "For the first thirty",
        "price": "19.99",
        "capacity": 30,
        "sales_end": "2025-12-01T00:00:00Z",
        "max_per_booking": 4,
    }


class TicketType(Base):
    """A ticket type.

    `status` says whether its tickets are sold at the moment, or why not: sales begin later (`not_yet`), are over
    (`ended`), there are fewer tickets left than a booking has to take (`sold_out`), or it or the event's organizer was
    deactivated (`inactive`). `available` is how many tickets there are left. `seats_held` counts the tickets in pending
    and confirmed bookings; only the event's organizer and admins get it.
    """

    id = fields.Integer(required=True)
    event = fields.Integer(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    price = Money(required=True)
    is_open_price = fields.Boolean(required=True)
    capacity = fields.Integer(required=True, allow_none=True)
    is_reserved = fields.Boolean(required=True)
    sales_start = Moment(required=True, allow_none=True)
    sales_end = Moment(required=True, allow_none=True)
    min_per_booking = fields.Integer(required=True)
    max_per_booking = fields.Integer(required=True)
    is_hidden = fields.Boolean(required=True)
    is_active = fields.Boolean(required=True)
    position = fields.Integer(required=True)
    available = fields.Integer(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    seats_held = fields.Integer()

    example = {
        "id": 1,
        "event": 1,
        "name": "Early bird",
        "description": "For the first thirty",
        "price": "19.99",
        "is_open_price": False,
        "capacity": 30,
        "is_reserved": False,
        "sales_start": None,
        "sales_end": "2025-12-01T00:00:00Z",
        "min_per_booking": 1,
        "max_per_booking": 4,
        "is_hidden": False,
        "is_active": True,
        "position": 0,
        "available": 30,
        "status": "on_sale",
        "seats_held": 0,
    }
