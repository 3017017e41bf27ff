"""What an event sells beside its standard ticket: types of tickets, the lines of a booking, and promo codes."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import SqlDefault

from eventhub.models.base import CheckConstraint, SqlIndex, one_of

STANDARD = 0  # what stands for the standard ticket where ids of ticket types are


class PromoCodeKind(StrEnum):
    """What a promo code does to the price of each ticket that it is used for."""

    PERCENT = "percent"
    AMOUNT = "amount"
    FREE = "free"
    UNLOCK = "unlock"  # nothing, but it shows hidden types


class TicketType(Model):
    """A kind of ticket that an event sells beside its standard ticket; each ticket is one of the event's seats.

    `seats_held` counts its tickets in pending and confirmed bookings. A reserved type holds its whole `capacity` of the
    event's seats from the beginning, and sells from there; `is_reserved` never changes. Times that are null are the
    event's: from its publication to its registration deadline.
    """

    id = fields.BigIntField(primary_key=True)
    event: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Event", related_name="ticket_types", on_delete=fields.CASCADE
    )
    name = fields.CharField(max_length=100)
    description = fields.TextField(default="", db_default="")
    price = fields.DecimalField(max_digits=10, decimal_places=2, default=0)
    is_open_price = fields.BooleanField(default=False, db_default=False)
    capacity = fields.IntField(null=True)
    is_reserved = fields.BooleanField(default=False, db_default=False)
    sales_start = fields.DatetimeField(null=True)
    sales_end = fields.DatetimeField(null=True)
    min_per_booking = fields.SmallIntField(default=1, db_default=1)
    max_per_booking = fields.SmallIntField(default=100, db_default=100)
    is_hidden = fields.BooleanField(default=False, db_default=False)
    is_active = fields.BooleanField(default=True, db_default=True)
    position = fields.SmallIntField(default=0, db_default=0)
    seats_held = fields.IntField(default=0, db_default=0)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "ticket_types"
        indexes = (
            SqlIndex("ticket_types_of_event", "(event_id, position, id)"),
            SqlIndex("ticket_types_name", "(event_id, lower(name))", unique=True),
        )
        constraints = (
            CheckConstraint(check="price >= 0", name="ticket_types_price"),
            CheckConstraint(check="capacity BETWEEN 1 AND 1000000", name="ticket_types_capacity"),
            CheckConstraint(
                check="seats_held BETWEEN 0 AND coalesce(capacity, 1000000)",
                name="ticket_types_never_oversold",
            ),
            CheckConstraint(
                check="NOT is_reserved OR capacity IS NOT NULL", name="ticket_types_reserved_have_a_capacity"
            ),
            CheckConstraint(
                check="1 <= min_per_booking AND min_per_booking <= max_per_booking AND max_per_booking <= 100",
                name="ticket_types_per_booking",
            ),
            CheckConstraint(
                check=(
                    "isfinite(sales_start) IS NOT FALSE AND isfinite(sales_end) IS NOT FALSE "
                    "AND (sales_start < sales_end) IS NOT FALSE"
                ),
                name="ticket_types_sales_in_order",
            ),
            CheckConstraint(check="position BETWEEN 0 AND 1000", name="ticket_types_position"),
        )


class BookingItem(Model):
    """A line of a booking that was made with `items` or a promo code: tickets of one type, at one price.

    Name and price are what they were then; no `ticket_type` is the standard ticket. `discount` and `total` are of the
    whole line. `attendees` are whom the tickets are for, as far as they were named.
    """

    id = fields.BigIntField(primary_key=True)
    booking: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Booking", related_name="items", on_delete=fields.CASCADE
    )
    ticket_type: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.TicketType", related_name="items", null=True, on_delete=fields.RESTRICT
    )
    position = fields.SmallIntField()
    name = fields.CharField(max_length=100)
    quantity = fields.SmallIntField()
    unit_price = fields.DecimalField(max_digits=10, decimal_places=2)
    discount = fields.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)
    total = fields.DecimalField(max_digits=12, decimal_places=2)
    attendees = fields.JSONField[list[dict[str, str]]](default=list)

    class Meta:
        table = "booking_items"
        indexes = (
            SqlIndex("booking_items_of_booking", "(booking_id, position)", unique=True),
            SqlIndex("booking_items_once", "(booking_id, coalesce(ticket_type_id, 0))", unique=True),
            SqlIndex("booking_items_of_type", "(ticket_type_id) WHERE ticket_type_id IS NOT NULL"),
        )
        constraints = (
            CheckConstraint(check="quantity BETWEEN 1 AND 100", name="booking_items_quantity"),
            CheckConstraint(
                check="unit_price >= 0 AND discount >= 0 AND total = unit_price * quantity - discount AND total >= 0",
                name="booking_items_total",
            ),
        )


class PromoCode(Model):
    """A word that lowers the prices of an event's tickets, or shows hidden types; a use is a ticket, not a booking.

    `value` is a percentage or an amount off each ticket. `ticket_types` are the ids that it is for, STANDARD among them
    for the standard ticket; none: the standard ticket and all visible types. `uses` counts tickets of bookings that are
    not cancelled.
    """

    id = fields.BigIntField(primary_key=True)
    event: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Event", related_name="promo_codes", on_delete=fields.CASCADE
    )
    code = fields.CharField(max_length=40)
    kind = fields.CharField(max_length=10)
    value = fields.DecimalField(max_digits=10, decimal_places=2, null=True)
    ticket_types = ArrayField("bigint", default=list, db_default=SqlDefault("'{}'"))
    max_uses = fields.IntField(null=True)
    max_per_booking = fields.SmallIntField(null=True)
    valid_from = fields.DatetimeField(null=True)
    valid_until = fields.DatetimeField(null=True)
    is_active = fields.BooleanField(default=True, db_default=True)
    comment = fields.CharField(max_length=200, default="", db_default="")
    uses = fields.IntField(default=0, db_default=0)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "promo_codes"
        indexes = (
            SqlIndex("promo_codes_code", "(event_id, lower(code))", unique=True),
            SqlIndex("promo_codes_newest", "(event_id, created_at DESC, id DESC)"),
        )
        constraints = (
            one_of("kind", PromoCodeKind, "promo_codes_kind_known"),
            CheckConstraint(check="code ~ '^[A-Za-z0-9_-]{3,40}$'", name="promo_codes_code_form"),
            CheckConstraint(
                check=(
                    "CASE kind WHEN 'percent' THEN value IS NOT NULL AND value > 0 AND value <= 100 "
                    "WHEN 'amount' THEN value IS NOT NULL AND value > 0 ELSE value IS NULL END"
                ),
                name="promo_codes_value",
            ),
            CheckConstraint(check="max_uses BETWEEN 1 AND 1000000", name="promo_codes_max_uses"),
            CheckConstraint(check="max_per_booking BETWEEN 1 AND 100", name="promo_codes_max_per_booking"),
            CheckConstraint(
                check="uses BETWEEN 0 AND coalesce(max_uses, uses)", name="promo_codes_never_overused"
            ),
            CheckConstraint(
                check=(
                    "isfinite(valid_from) IS NOT FALSE AND isfinite(valid_until) IS NOT FALSE "
                    "AND (valid_from < valid_until) IS NOT FALSE"
                ),
                name="promo_codes_valid_in_order",
            ),
        )
