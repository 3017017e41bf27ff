"""Payments: pending -> completed -> refunded; pending -> failed | cancelled (-> completed, if money comes late)."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import CheckConstraint, SqlIndex, one_of

OFFLINE = "offline"  # the gateway of money that moves outside of Event Hub, as a bank transfer does


class PaymentMethod(StrEnum):
    """How somebody pays; settings say which gateway serves which method."""

    CREDIT_CARD = "credit_card"
    DEBIT_CARD = "debit_card"
    PAYPAL = "paypal"
    BANK_TRANSFER = "bank_transfer"
    MOCK = "mock"


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


PAYMENT_MOVES: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.PENDING: frozenset(
        # Straight to refunded: money that arrived for a booking that is gone.
        {PaymentStatus.COMPLETED, PaymentStatus.FAILED, PaymentStatus.CANCELLED, PaymentStatus.REFUNDED}
    ),
    PaymentStatus.COMPLETED: frozenset({PaymentStatus.REFUNDED}),
    # Money after all: it buys the seat that it was for where that is free still, or goes back.
    PaymentStatus.FAILED: frozenset({PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}),
    PaymentStatus.CANCELLED: frozenset({PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}),
    PaymentStatus.REFUNDED: frozenset(),
}


class RefundState(StrEnum):
    """Whether the money of a refunded payment is back: a job's business, after the state has moved."""

    NONE = "none"
    OWED = "owed"
    RETURNED = "returned"
    BY_HAND = "by_hand"


class Dispute(StrEnum):
    """Where a payer's quarrel with their bank about a charge stands."""

    NONE = "none"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class Payment(Model):
    """Money for a booking; at most one that is pending or completed per booking.

    `transaction_id` is the key by which the gateway tells a repetition; `gateway` is its name at creation, because
    the setting may change later. While it is pending its booking is held until `wait_until`, also past its own hold.
    `void_since` is since when a job is to see to it that no money can come for it any more, null where none has to.
    `refund_number` tells one try to return the money from the next, where a bank sent the first one back.
    """

    id = fields.BigIntField(primary_key=True)
    booking: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Booking", related_name="payments", on_delete=fields.RESTRICT
    )
    user: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.User", related_name="payments", on_delete=fields.RESTRICT
    )
    amount = fields.DecimalField(max_digits=12, decimal_places=2)
    currency = fields.CharField(max_length=3)
    status = fields.CharField(max_length=20, default=PaymentStatus.PENDING.value)
    method = fields.CharField(max_length=20)
    gateway = fields.CharField(max_length=20)
    transaction_id = fields.CharField(max_length=20)
    provider_id = fields.CharField(max_length=255, null=True)
    reference_number = fields.CharField(max_length=100, default="", db_default="")
    checkout_url = fields.TextField(null=True)
    failure = fields.TextField(default="", db_default="")
    billing_address = fields.TextField(default="", db_default="")
    refund_state = fields.CharField(
        max_length=20, default=RefundState.NONE.value, db_default=RefundState.NONE.value
    )
    created_at = fields.DatetimeField(auto_now_add=True)
    processed_at = fields.DatetimeField(null=True)
    refunded_at = fields.DatetimeField(null=True)
    checked_at = fields.DatetimeField(auto_now_add=True)
    wait_until = fields.DatetimeField(null=True)
    void_since = fields.DatetimeField(null=True)
    refund_number = fields.SmallIntField(default=1, db_default=1)
    dispute = fields.CharField(max_length=10, default=Dispute.NONE.value, db_default=Dispute.NONE.value)

    class Meta:
        table = "payments"
        indexes = (
            SqlIndex(
                "payments_one_active", "(booking_id) WHERE status IN ('pending', 'completed')", unique=True
            ),
            SqlIndex("payments_transaction_id", "(transaction_id)", unique=True),
            SqlIndex("payments_of_user", "(user_id, created_at DESC, id DESC)"),
            SqlIndex("payments_of_booking", "(booking_id)"),
            SqlIndex("payments_to_check", "(checked_at) WHERE status = 'pending'"),
            SqlIndex("payments_to_void", "(booking_id) WHERE void_since IS NOT NULL"),
            SqlIndex("payments_to_return", "(id) WHERE refund_state = 'owed'"),
            SqlIndex("payments_by_hand", "(id) WHERE refund_state = 'by_hand'"),
            SqlIndex("payments_disputed", "(checked_at) WHERE dispute = 'open'"),
        )
        constraints = (
            one_of("status", PaymentStatus, "payments_status_known"),
            one_of("method", PaymentMethod, "payments_method_known"),
            one_of("refund_state", RefundState, "payments_refund_state_known"),
            one_of("dispute", Dispute, "payments_dispute_known"),
            CheckConstraint(check="amount >= 0", name="payments_amount"),
        )


class WebhookEvent(Model):
    """An event of a provider that was taken; a second delivery of it is known by its id.

    Until a job has looked at its news, `payment_id` is whose money others may have moved, or `reference` what the provider
    calls it where only asking tells whose.
    """

    id = fields.BigIntField(primary_key=True)
    gateway = fields.CharField(max_length=20)
    event_id = fields.CharField(max_length=255)
    received_at = fields.DatetimeField(auto_now_add=True)
    payment_id = fields.BigIntField(null=True)
    reference = fields.CharField(max_length=255, null=True)

    class Meta:
        table = "webhook_events"
        indexes = (
            SqlIndex("webhook_events_once", "(gateway, event_id)", unique=True),
            SqlIndex("webhook_events_age", "(received_at)"),
            SqlIndex("webhook_events_to_follow", "(payment_id) WHERE payment_id IS NOT NULL"),
            SqlIndex("webhook_events_to_identify", "(gateway, reference) WHERE reference IS NOT NULL"),
        )
