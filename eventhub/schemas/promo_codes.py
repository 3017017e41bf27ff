"""Promo codes of an event."""

from marshmallow import fields, validate

from eventhub.models.promo_codes import PromoCodeKind
from eventhub.schemas.base import Array, Base, Flag, Id, Moment, Money, Name, Text, Whole

KINDS = [kind.value for kind in PromoCodeKind]
_LETTERS = "May hold letters, digits, - and _ only."


class _Terms(Base):
    """What a code does, for which tickets, how often and when."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    value = Money(minimum="0.01", load_default=None, allow_none=True)
    ticket_types = Array(Id(allow_none=True), most=51, load_default=list)
    max_uses = Whole(1, 1_000_000, load_default=None, allow_none=True)
    max_per_booking = Whole(1, 100, load_default=None, allow_none=True)
    valid_from = Moment(load_default=None, allow_none=True)
    valid_until = Moment(load_default=None, allow_none=True)
    is_active = Flag(load_default=True)
    comment = Text(max_length=200, load_default="")


class PromoCodeDetails(_Terms):
    """A promo code as its event's organizer enters it. Codes are told apart without regard to case.

    `kind` is what a code does to the price of each ticket: `percent` and `amount` take `value` off it, `free` all of it,
    `unlock` nothing; the last two have no `value`. `ticket_types` are the ids of those that it is for, null for the
    standard ticket; empty: the standard ticket and all that are not hidden. A code that is for a hidden type shows it.
    A use is a ticket, not a booking.
    """

    code = Name(
        required=True,
        min_length=3,
        max_length=40,
        validate=[validate.Regexp(r"[A-Za-z0-9_-]*\Z", error=_LETTERS)],
    )

    example = {
        "code": "RIVER20",
        "kind": "percent",
        "value": "20.00",
        "ticket_types": [],
        "max_uses": 100,
        "max_per_booking": 2,
        "valid_from": None,
        "valid_until": "2026-12-01T00:00:00Z",
        "is_active": True,
        "comment": "For the readers of the river news",
    }


class PromoCodeBatch(_Terms):
    """How many codes are to be made, how they begin, and their terms, which are the same for all."""

    count = Whole(1, 1000, required=True)
    prefix = Text(
        max_length=20,
        load_default="",
        validate=[validate.Regexp(r"[A-Za-z0-9_-]*\Z", error=_LETTERS)],
    )

    example = {"count": 50, "prefix": "PRESS-", "kind": "free", "max_uses": 1}


class PromoCode(Base):
    """A promo code. `uses` counts the tickets that it was used for, in bookings that are not cancelled."""

    id = fields.Integer(required=True)
    event = fields.Integer(required=True)
    code = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    value = Money(required=True, allow_none=True)
    ticket_types = fields.List(fields.Integer(allow_none=True), required=True)
    max_uses = fields.Integer(required=True, allow_none=True)
    max_per_booking = fields.Integer(required=True, allow_none=True)
    valid_from = Moment(required=True, allow_none=True)
    valid_until = Moment(required=True, allow_none=True)
    is_active = fields.Boolean(required=True)
    comment = fields.String(required=True)
    uses = fields.Integer(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)

    example = {
        "id": 1,
        "event": 1,
        **PromoCodeDetails.example,
        "uses": 3,
        "created_at": "2026-11-20T12:00:00Z",
        "updated_at": "2026-11-20T12:00:00Z",
    }
