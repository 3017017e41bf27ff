"""Stripe's webhooks: is it Stripe who speaks, and of which payment."""

from collections.abc import Callable, Mapping

import stripe

from eventhub.gateways.payments.stripe.objects import KEY, Json, state_of
from eventhub.services.payment_gateway import BadSignature, GatewayState, RefundState, WebhookEvent

# A stolen webhook may be played again for this long: https://docs.stripe.com/webhooks#replay-attacks
WEBHOOK_TOLERANCE_SECONDS = 300


def parse_webhook(body: bytes, headers: Mapping[str, str], secret: str) -> WebhookEvent | None:
    """Return what the event says of one of our payments, None for other events and other people's payments.

    Raises BadSignature where `body` was not signed with `secret` in the last five minutes.
    """
    event = _verified(body, _header(headers, "stripe-signature"), secret)
    thing = event["data"]["object"]
    read = READERS.get(event["type"])
    key = (thing.get("metadata") or {}).get(KEY)
    if read is None or not key:
        return None
    return WebhookEvent(event_id=event["id"], key=key, state=read(thing))


def _verified(body: bytes, signature: str | None, secret: str) -> Json:
    try:
        event = stripe.Webhook.construct_event(body, signature, secret, WEBHOOK_TOLERANCE_SECONDS)
    except stripe.SignatureVerificationError as error:
        raise BadSignature(str(error)) from error
    except (ValueError, TypeError, AttributeError) as error:
        # Not UTF-8, a signature beyond ASCII, no JSON object.
        raise BadSignature("This is no event of Stripe's.") from error
    fields: Json = event.to_dict()
    return fields


def _read_session(session: Json) -> GatewayState:
    return state_of(session, {})


def _read_failed_session(_session: Json) -> GatewayState:
    return GatewayState.FAILED


def _read_intent(intent: Json) -> GatewayState:
    # A failed attempt does not end the session, so the payment is still pending.
    return GatewayState.SUCCEEDED if intent.get("status") == "succeeded" else GatewayState.PENDING


def _read_charge(charge: Json) -> GatewayState:
    # Sent for a refund of a part as well.
    return GatewayState.REFUNDED if charge.get("refunded") else GatewayState.SUCCEEDED


def _read_failed_refund(_refund: Json) -> RefundState:
    return RefundState.FAILED


# https://docs.stripe.com/api/events/types
READERS: Mapping[str, Callable[[Json], GatewayState | RefundState]] = {
    "checkout.session.completed": _read_session,
    "checkout.session.async_payment_succeeded": _read_session,
    "checkout.session.async_payment_failed": _read_failed_session,
    "checkout.session.expired": _read_session,
    "payment_intent.succeeded": _read_intent,
    "payment_intent.payment_failed": _read_intent,
    "charge.refunded": _read_charge,
    "refund.failed": _read_failed_refund,
}


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
