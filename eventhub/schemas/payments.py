"""Payments."""

from marshmallow import fields, validate

from eventhub.models.payments import Dispute, PaymentMethod, PaymentStatus, RefundState
from eventhub.schemas.base import Base, Id, Moment, Money, Text

METHODS = [method.value for method in PaymentMethod]
STATUSES = [status.value for status in PaymentStatus]
REFUND_STATES = [state.value for state in RefundState]
DISPUTES = [dispute.value for dispute in Dispute]


class PaymentRequest(Base):
    """What to pay for. `amount`, if given, must be the booking's price; without a method, the first one is used.

    `billing_address` is printed on the invoice, below the payer's name.
    """

    booking = Id(required=True)
    amount = Money(load_default=None, maximum="9999999999.99")
    method = fields.String(load_default=None, validate=validate.OneOf(METHODS))
    billing_address = Text(max_length=500, load_default="")

    example = {"booking": 1, "amount": "29.99", "method": "mock"}


class PaymentListItem(Base):
    """A payment in a list."""

    id = fields.Integer(required=True)
    booking = fields.Integer(required=True)
    booking_event = fields.String(required=True)
    user = fields.Integer(required=True)
    user_name = fields.String(required=True)
    amount = Money(required=True)
    currency = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    transaction_id = fields.String(required=True)
    reference_number = fields.String(required=True)
    created_at = Moment(required=True)
    processed_at = Moment(required=True, allow_none=True)
    refunded_at = Moment(required=True, allow_none=True)

    example = {
        "id": 1,
        "booking": 1,
        "booking_event": "Test Workshop",
        "user": 2,
        "user_name": "John Doe",
        "amount": "0.00",
        "currency": "USD",
        "status": "pending",
        "method": "mock",
        "transaction_id": "EVH-ABCD1234EFGH",
        "reference_number": "",
        "created_at": "2025-12-20T12:00:00Z",
        "processed_at": None,
        "refunded_at": None,
    }


class Payment(PaymentListItem):
    """A payment by itself; while it is pending, `checkout_url` is where the payer has to go, once a job has found out.

    `refund_state` tells of a refunded one where its money is: `owed` (not back yet), `returned`, or `by_hand`: the
    event's organizer has to return it. Of all others it is `none`. `dispute` tells of one whose payer has asked a bank for
    the money back how that stands: while it is `open` nothing can be refunded, and one that is `lost` is refunded.
    """

    checkout_url = fields.String(required=True, allow_none=True)
    failure_reason = fields.String(required=True)
    refund_state = fields.String(required=True, validate=validate.OneOf(REFUND_STATES))
    dispute = fields.String(required=True, validate=validate.OneOf(DISPUTES))

    example = {
        **PaymentListItem.example,
        "checkout_url": None,
        "failure_reason": "",
        "refund_state": "none",
        "dispute": "none",
    }


class Received(Base):
    """The receipt for a provider's event."""

    received = fields.Boolean(required=True)

    example = {"received": True}
