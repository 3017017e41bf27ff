"""Stripe's webhooks: whether an event really comes from Stripe, and which payment it is about."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import stripe
from marshmallow import INCLUDE, Schema, ValidationError, fields, validate
from marshmallow.exceptions import SCHEMA

from eventhub.gateways.payments.stripe.objects import KEY, REFUND_KEY, Json, state_of
from eventhub.services.ports.payments import (
    BadEvent,
    BadSignature,
    GatewayRefundState,
    GatewayState,
    WebhookEvent,
)

# A stolen webhook may be played again for this long: https://docs.stripe.com/webhooks#replay-attacks
WEBHOOK_TOLERANCE_SECONDS = 300


def parse_webhook(body: bytes, headers: Mapping[str, str], secret: str) -> WebhookEvent | None:
    """Return what the event says of one of our payments, None for other events and other people's payments.

    Raises BadSignature where `body` was not signed with `secret` in the last five minutes, BadEvent where it was and a
    field that is read here is missing or something else.
    """
    event = _event(_verified(body, _header(headers, "stripe-signature"), secret))
    kind = _loaded(_Kind, event)["type"]
    read = READERS.get(kind)
    if read is None:
        return None
    family = kind.rpartition(".")[0]
    metadata = _loaded(_event_of(_Object), event)["data"]["object"].get("metadata") or {}
    if not metadata.get(KEY):
        return _of_others(event) if family in MADE_BY_OTHERS else None
    if family == "refund" and metadata.get(REFUND_KEY) and kind != "refund.failed":
        return None  # our own: the job that makes it knows how it stands
    # Only now, because what others make of the account's objects is theirs.
    loaded = _loaded(_event_of(OBJECTS[family]), event)
    return WebhookEvent(
        event_id=loaded["id"],
        key=metadata[KEY],
        state=read(loaded["data"]["object"]),
        may_have_moved=family in MONEY_MOVES,
    )


def _of_others(event: Json) -> WebhookEvent | None:
    """Return what an event says whose object somebody else made, and may say of a payment of ours."""
    loaded = _loaded(_event_of(_MadeByOthers), event)
    intent = loaded["data"]["object"].get("payment_intent")
    if not intent:
        return None  # of a charge without one, which is none of ours
    return WebhookEvent(loaded["id"], "", GatewayState.SUCCEEDED, reference=intent, may_have_moved=True)


def _verified(body: bytes, signature: str | None, secret: str) -> str:
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, signature, secret, WEBHOOK_TOLERANCE_SECONDS)
    except stripe.SignatureVerificationError as error:
        raise BadSignature(str(error)) from error
    except (ValueError, TypeError, AttributeError) as error:
        # Not UTF-8, a signature beyond ASCII.
        raise BadSignature("This is no event of Stripe's.") from error
    return text


def _event(text: str) -> Json:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadEvent({"body": ["Is not valid JSON."]}) from error
    if not isinstance(event, dict):
        raise BadEvent({"body": ["Must be a JSON object."]})
    return event


def _loaded(schema: type[Schema], event: Json) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema().load(event)
    except ValidationError as error:
        raise BadEvent(dict(_flat(error.messages_dict))) from error
    return loaded


def _flat(messages: Mapping[str, Any], *above: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields, as in data.object.status, with what is wrong with each."""
    for name, found in messages.items():
        path = above if name == SCHEMA else (*above, name)
        if isinstance(found, Mapping):
            yield from _flat(found, *path)
        else:
            yield ".".join(path), list(found)


class _Part(Schema):
    """A part of an event; what is not read here may be anything."""

    class Meta:
        unknown = INCLUDE


class _Kind(_Part):
    type = fields.String(required=True)


# What goes into rows and queries.
_KEY = validate.Regexp(r"[\x20-\x7e]{0,255}\Z", error="Must be a short ASCII text.")


_Metadata = _Part.from_dict(
    {name: fields.String(allow_none=True, validate=_KEY) for name in (KEY, REFUND_KEY)}
)


def _check_flag(value: object) -> None:
    if not isinstance(value, bool):
        raise ValidationError("Must be true or false.")


class _Object(_Part):
    metadata = fields.Nested(_Metadata, allow_none=True)


class _Session(_Object):
    status = fields.String(required=True, allow_none=True)
    payment_status = fields.String(required=True)


class _Intent(_Object):
    status = fields.String(required=True)


class _Charge(_Object):
    refunded = fields.Raw(required=True, validate=_check_flag)


class _MadeByOthers(_Object):
    """A dispute, or a refund made in Stripe's dashboard: nothing in it is ours but the payment intent."""

    payment_intent = fields.String(allow_none=True, validate=_KEY)


def _event_of(schema: type[Schema]) -> type[Schema]:
    data = _Part.from_dict({"object": fields.Nested(schema, required=True)})
    return _Part.from_dict(
        {
            "id": fields.String(required=True, validate=[validate.Length(min=1), _KEY]),
            "data": fields.Nested(data, required=True),
        }
    )


# By the start of an event's type.
OBJECTS: Mapping[str, type[Schema]] = {
    "checkout.session": _Session,
    "payment_intent": _Intent,
    "charge": _Charge,
    "refund": _Object,
    "charge.dispute": _MadeByOthers,
}
MADE_BY_OTHERS = frozenset({"charge.dispute", "refund"})
MONEY_MOVES = MADE_BY_OTHERS | {"charge"}


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


def _read_failed_refund(_refund: Json) -> GatewayRefundState:
    return GatewayRefundState.FAILED


def _read_move(_thing: Json) -> GatewayState:
    return GatewayState.SUCCEEDED


# https://docs.stripe.com/api/events/types
READERS: Mapping[str, Callable[[Json], GatewayState | GatewayRefundState]] = {
    "checkout.session.completed": _read_session,
    "checkout.session.async_payment_succeeded": _read_session,
    "checkout.session.async_payment_failed": _read_failed_session,
    "checkout.session.expired": _read_session,
    "payment_intent.succeeded": _read_intent,
    "payment_intent.payment_failed": _read_intent,
    "charge.refunded": _read_charge,
    "refund.failed": _read_failed_refund,
    **dict.fromkeys(
        (
            *("refund.created", "refund.updated"),
            *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
            *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
        ),
        _read_move,
    ),
}


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)
