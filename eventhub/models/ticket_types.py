"""Ticket types: what an event sells beside its standard ticket."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import CheckConstraint, SqlIndex

STANDARD = 0  # what stands for the standard ticket where ids of ticket types are


class TicketTypeStatus(StrEnum):
    """Whether tickets of a type are sold at the moment, or why not: of its row, its event's and the time."""

    ON_SALE = "on_sale"
    NOT_YET = "not_yet"
    ENDED = "ended"
    SOLD_OUT = "sold_out"
    INACTIVE = "inactive"


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
