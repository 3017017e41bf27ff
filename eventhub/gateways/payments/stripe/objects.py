"""What Stripe's objects say, in our words."""

from collections.abc import Mapping, Sequence
from typing import Any

import stripe

from eventhub.gateways.payments.amounts import major_units
from eventhub.models.payments import Dispute
from eventhub.services.ports.payments import (
    DisputeElsewhere,
    GatewayPayment,
    GatewayRefund,
    GatewayRefundState,
    GatewayState,
    MovedElsewhere,
    RefundElsewhere,
)

Json = Mapping[str, Any]

KEY = "eventhub_key"  # in the metadata of sessions, payment intents and (copied by Stripe) charges
REFUND_KEY = "eventhub_refund_key"
# https://docs.stripe.com/api/disputes/object: a `warning` is an inquiry, which may become a dispute and costs nothing
# until then. What is not known here counts as open, and is looked at again.
ENDED_DISPUTES = {
    "lost": Dispute.LOST,
    **dict.fromkeys(("won", "warning_closed", "charge_refunded", "prevented"), Dispute.WON),
}


def payment_of(session: stripe.checkout.Session) -> GatewayPayment:
    """Return the session's state; a declined card leaves it open, since the payer may try another one."""
    thing = session.to_dict()
    intent = thing.get("payment_intent")
    intent = intent if isinstance(intent, dict) else {}
    return GatewayPayment(
        state=state_of(thing, intent),
        provider_id=session.id,
        checkout_url=session.url if session.status == "open" else None,
        failure=failure_of(intent),
    )


def state_of(session: Json, intent: Json) -> GatewayState:
    if session["status"] == "open":
        return GatewayState.PENDING
    if session["status"] == "expired":
        return GatewayState.CANCELLED
    if session["payment_status"] != "unpaid":
        charge = intent.get("latest_charge")
        is_refunded = isinstance(charge, dict) and charge.get("refunded")
        return GatewayState.REFUNDED if is_refunded else GatewayState.SUCCEEDED
    over = intent.get("status") in {"requires_payment_method", "canceled"}
    return GatewayState.FAILED if over else GatewayState.PENDING


def failure_of(intent: Json) -> str | None:
    message = (intent.get("last_payment_error") or {}).get("message")
    return message if isinstance(message, str) else None


def refund_of(refund: stripe.Refund) -> GatewayRefund:
    states = {
        "succeeded": GatewayRefundState.SUCCEEDED,
        "failed": GatewayRefundState.FAILED,
        "canceled": GatewayRefundState.FAILED,
    }
    # Else `pending` or `requires_action`: https://docs.stripe.com/api/refunds/object
    state = states.get(refund.status or "", GatewayRefundState.PENDING)
    return GatewayRefund(state, refund.id, refund.to_dict().get("failure_reason"))


def moved_of(
    session: stripe.checkout.Session, refunds: Sequence[stripe.Refund], disputes: Sequence[stripe.Dispute]
) -> MovedElsewhere:
    """Return what others than we did with a session's money: our own refunds carry our key."""
    intent = session.to_dict().get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, dict) else None
    return MovedElsewhere(
        is_refunded=isinstance(charge, dict) and bool(charge.get("refunded")),
        refunds=tuple(
            RefundElsewhere(refund.id, major_units(refund.amount, refund.currency))
            for refund in refunds
            if not metadata_of(refund).get(REFUND_KEY) and refund.status not in {"failed", "canceled"}
        ),
        disputes=tuple(
            DisputeElsewhere(dispute.id, ENDED_DISPUTES.get(dispute.status, Dispute.OPEN))
            for dispute in disputes
        ),
    )


def left_of(charge: Json, units: int) -> int:
    """Return how much of `units` can still go back: all, or what others have left of it."""
    left: int = charge["amount"] - charge["amount_refunded"]
    return left if 0 < left < units <= charge["amount"] else units


def metadata_of(thing: stripe.StripeObject) -> Json:
    metadata = thing.to_dict().get("metadata")
    return metadata if isinstance(metadata, dict) else {}
