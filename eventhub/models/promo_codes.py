"""Promo codes: words that lower the prices of an event's tickets, or show hidden types."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields import SqlDefault

from eventhub.models.base import CheckConstraint, SqlIndex, one_of


class PromoCodeKind(StrEnum):
    """What a promo code does to the price of each ticket that it is used for."""

    PERCENT = "percent"
    AMOUNT = "amount"
    FREE = "free"
    UNLOCK = "unlock"  # nothing, but it shows hidden types


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
