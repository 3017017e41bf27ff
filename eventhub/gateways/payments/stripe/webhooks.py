"""Stripe's webhooks: is it Stripe who speaks, and of which payment."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import stripe

from eventhub.gateways.payments.stripe.objects import KEY, Json, failure_of, state_of
from eventhub.services.payment_gateway import BadSignature, GatewayState, WebhookEvent

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
    state, failure = read(thing)
    return WebhookEvent(
        event_id=event["id"],
        key=key,
        provider_id=thing["id"] if thing["object"] == "checkout.session" else None,
        state=state,
        created_at=datetime.fromtimestamp(event["created"], UTC),
        failure=failure,
    )


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


Reading = tuple[GatewayState, str | None]


def _read_session(session: Json) -> Reading:
    return state_of(session, {}), None


def _read_failed_session(_session: Json) -> Reading:
    return GatewayState.FAILED, None


def _read_intent(intent: Json) -> Reading:
    # A failed attempt does not end the session, so the payment is still pending.
    succeeded = intent.get("status") == "succeeded"
    return (GatewayState.SUCCEEDED if succeeded else GatewayState.PENDING), failure_of(intent)


def _read_charge(charge: Json) -> Reading:
    # Sent for a refund of a part as well.
    return (GatewayState.REFUNDED if charge.get("refunded") else GatewayState.SUCCEEDED), None


# https://docs.stripe.com/api/events/types
READERS: Mapping[str, Callable[[Json], Reading]] = {
    "checkout.session.completed": _read_session,
    "checkout.session.async_payment_succeeded": _read_session,
    "checkout.session.async_payment_failed": _read_failed_session,
    "checkout.session.expired": _read_session,
    "payment_intent.succeeded": _read_intent,
    "payment_intent.payment_failed": _read_intent,
    "charge.refunded": _read_charge,
}


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
