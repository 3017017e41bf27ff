"""What Stripe's objects say, in our words."""

from collections.abc import Mapping
from typing import Any

import stripe

from eventhub.services.payment_gateway import GatewayPayment, GatewayRefund, GatewayState, RefundState

Json = Mapping[str, Any]

KEY = "eventhub_key"  # in the metadata of sessions, payment intents and (copied by Stripe) charges
REFUND_KEY = "eventhub_refund_key"


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
        "succeeded": RefundState.SUCCEEDED,
        "failed": RefundState.FAILED,
        "canceled": RefundState.FAILED,
    }
    # Else `pending` or `requires_action`: https://docs.stripe.com/api/refunds/object
    state = states.get(refund.status or "", RefundState.PENDING)
    return GatewayRefund(state, refund.id, refund.to_dict().get("failure_reason"))


def metadata_of(thing: stripe.StripeObject) -> Json:
    metadata = thing.to_dict().get("metadata")
    return metadata if isinstance(metadata, dict) else {}
