"""Bookings: pending -> confirmed -> (cancelled | no_show); pending -> cancelled; no_show -> confirmed."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import CheckConstraint, SqlIndex, one_of


class BookingStatus(StrEnum):
    """Where a booking stands; pending and confirmed ones hold their seats."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


BOOKING_MOVES: dict[BookingStatus, frozenset[BookingStatus]] = {
    BookingStatus.PENDING: frozenset({BookingStatus.CONFIRMED, BookingStatus.CANCELLED}),
    BookingStatus.CONFIRMED: frozenset({BookingStatus.CANCELLED, BookingStatus.NO_SHOW}),
    # Back from cancelled only when its hold expired and the money came late, with the seats still free: the same
    # transaction confirms it.
    BookingStatus.CANCELLED: frozenset({BookingStatus.PENDING}),
    BookingStatus.NO_SHOW: frozenset({BookingStatus.CONFIRMED}),
}


class CancelReason(StrEnum):
    """Why a booking was cancelled: money that arrives late brings an expired one back, no other."""

    EXPIRED = "expired"
    BY_OWNER = "by_owner"
    BY_ORGANIZER = "by_organizer"
    EVENT_CANCELLED = "event_cancelled"
    REFUNDED = "refunded"


class Booking(Model):
    """Tickets of one user for one event; a user has at most one that is not cancelled per event.

    `total_price` is fixed at creation, and so is its `currency`. A pending booking holds its seats until `expires_at`.
    One made with items or a promo code `is_itemized` and has lines (`BookingItem`); `total_price` is after `discount`, and
    `promo_uses` of its tickets were lowered by the promo code.
    """

    id = fields.BigIntField(primary_key=True)
    event: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Event", related_name="bookings", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="bookings", on_delete=fields.RESTRICT
    )
    status = fields.CharField(max_length=20, default=BookingStatus.PENDING.value)
    number_of_tickets = fields.IntField()
    total_price = fields.DecimalField(max_digits=12, decimal_places=2)
    currency = fields.CharField(max_length=3, default="USD", db_default="USD")
    special_requirements = fields.TextField(default="")
    registered_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField()
    confirmed_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)
    cancel_reason = fields.CharField(max_length=20, null=True)
    is_itemized = fields.BooleanField(default=False, db_default=False)
    promo_code: fields.ForeignKeyNullableRelation[Any] = fields.ForeignKeyField(
        "models.PromoCode", related_name="bookings", null=True, on_delete=fields.RESTRICT
    )
    promo_uses = fields.SmallIntField(default=0, db_default=0)
    discount = fields.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)

    class Meta:
        table = "bookings"
        indexes = (
            SqlIndex("bookings_one_active", "(event_id, user_id) WHERE status <> 'cancelled'", unique=True),
            SqlIndex("bookings_of_user", "(user_id, registered_at DESC, id DESC)"),
            SqlIndex("bookings_of_event", "(event_id, registered_at DESC, id DESC)"),
            SqlIndex("bookings_to_expire", "(expires_at) WHERE status = 'pending'"),
            SqlIndex("bookings_unpaid", "(user_id) WHERE status = 'pending' AND total_price > 0"),
            SqlIndex("bookings_active_of_event", "(event_id, id) WHERE status IN ('pending', 'confirmed')"),
            SqlIndex("bookings_of_promo_code", "(promo_code_id) WHERE promo_code_id IS NOT NULL"),
        )
        constraints = (
            one_of("status", BookingStatus, "bookings_status_known"),
            one_of("cancel_reason", CancelReason, "bookings_cancel_reason_known"),
            CheckConstraint(check="number_of_tickets BETWEEN 1 AND 100", name="bookings_tickets"),
            CheckConstraint(check="total_price >= 0", name="bookings_total_price"),
            CheckConstraint(
                check="is_itemized OR (promo_code_id IS NULL AND discount = 0)",
                name="bookings_discounts_have_lines",
            ),
            CheckConstraint(
                check="discount >= 0 AND promo_uses >= 0 AND (promo_uses = 0 OR promo_code_id IS NOT NULL)",
                name="bookings_promo_uses",
            ),
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
