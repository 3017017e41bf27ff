"""Webhooks of the real Stripe library: what an event says of which payment, and which are not believed."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from eventhub.gateways.payments.stripe import StripeGateway
from eventhub.gateways.payments.stripe.webhooks import READERS
from eventhub.services.ports.payments import (
    BadEvent,
    BadSignature,
    GatewayRefundState,
    GatewayState,
    Refund,
)
from tests.fakes.stripe_server import API_KEY, WEBHOOK_SECRET, StripeServer, Webhook, sign
from tests.gateways.stripe_charges import KEY, look_up, make_charge, paid


async def parse(
    gateway: StripeGateway, webhook: Webhook
) -> tuple[str, GatewayState | GatewayRefundState] | None:
    event = await gateway.parse_webhook(webhook.body, webhook.headers)
    return None if event is None else (event.key, event.state)


async def test_a_webhook_names_payment_state_and_itself(gateway: StripeGateway, server: StripeServer) -> None:
    await paid(gateway, server, make_charge())
    made = server.webhook("checkout.session.completed", server.session_of(KEY), event_id="evt_1")
    event = await gateway.parse_webhook(made.body, made.headers)
    assert event is not None
    assert (event.event_id, event.key, event.state) == ("evt_1", KEY, GatewayState.SUCCEEDED)


async def test_every_kind_of_event_has_its_state(gateway: StripeGateway, server: StripeServer) -> None:
    charge = make_charge()
    await gateway.charge(charge)
    session = server.session_of(KEY)
    # These have tests of their own.
    seen = {
        kind
        for kind in READERS
        if kind.startswith(("charge.dispute.", "refund.", "checkout.session.expired"))
    }

    async def said(kind: str, thing: Any) -> GatewayState | GatewayRefundState:
        seen.add(kind)
        named = await parse(gateway, server.webhook(kind, thing))
        assert named is not None
        assert named[0] == KEY
        return named[1]

    pending, succeeded, refunded = GatewayState.PENDING, GatewayState.SUCCEEDED, GatewayState.REFUNDED
    assert await said("payment_intent.payment_failed", server.decline(session["id"])) is pending
    assert await said("checkout.session.completed", server.pay_slowly(session["id"])) is pending
    settled = server.settle(session["id"], paid=True)
    assert await said("checkout.session.async_payment_succeeded", settled) is succeeded
    unpaid = {**session, "payment_status": "unpaid"}
    assert await said("checkout.session.async_payment_failed", unpaid) is GatewayState.FAILED
    assert await said("payment_intent.succeeded", server.intents[session["payment_intent"]]) is succeeded
    await gateway.refund(Refund(charge.ref, "r1", Decimal("9.98"), "USD"))
    (taken,) = server.charges.values()
    assert await said("charge.refunded", taken) is succeeded
    await gateway.refund(Refund(charge.ref, "r2", Decimal("50.00"), "USD"))
    assert await said("charge.refunded", taken) is refunded
    sent_back = {**next(iter(server.refunds.values())), "status": "failed"}
    assert await said("refund.failed", sent_back) is GatewayRefundState.FAILED
    assert seen == set(READERS)


@pytest.mark.parametrize("kind", ["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"])
async def test_a_dispute_names_the_payment_by_its_intent_alone(
    gateway: StripeGateway, server: StripeServer, kind: str
) -> None:
    ref = await paid(gateway, server, make_charge())
    dispute = server.dispute(str(ref.provider_id))
    made = server.webhook(f"charge.dispute.{kind}", dispute)
    event = await gateway.parse_webhook(made.body, made.headers)
    assert event is not None
    assert (event.key, event.reference, event.may_have_moved) == ("", dispute["payment_intent"], True)
    for theirs in (None, ""):
        other = server.webhook(f"charge.dispute.{kind}", {**dispute, "payment_intent": theirs})
        assert await gateway.parse_webhook(other.body, other.headers) is None
    for nonsense in (7, "x" * 300, {"id": "pi_1"}):
        bad = server.webhook(f"charge.dispute.{kind}", {**dispute, "payment_intent": nonsense})
        with pytest.raises(BadEvent):
            await gateway.parse_webhook(bad.body, bad.headers)


async def test_our_own_refunds_are_no_news(gateway: StripeGateway, server: StripeServer) -> None:
    ref = await paid(gateway, server, make_charge())
    await gateway.refund(Refund(ref, "r1", Decimal("59.98"), "USD"))
    (refund,) = server.refunds.values()
    for kind in ("refund.created", "refund.updated"):
        made = server.webhook(kind, refund)
        assert await gateway.parse_webhook(made.body, made.headers) is None


async def test_an_expired_session_is_cancelled(gateway: StripeGateway, server: StripeServer) -> None:
    payment = await gateway.charge(make_charge())
    assert payment.provider_id
    made = server.webhook("checkout.session.expired", server.expire(payment.provider_id))
    assert await parse(gateway, made) == (KEY, GatewayState.CANCELLED)


async def test_a_doubled_event_has_the_same_id(gateway: StripeGateway, server: StripeServer) -> None:
    await gateway.charge(make_charge())
    session = server.session_of(KEY)
    first, second = (
        server.webhook(
            "checkout.session.expired", session, event_id="evt_9", signed_at=int(time.time()) - age
        )
        for age in (60, 0)
    )
    one = await gateway.parse_webhook(first.body, first.headers)
    two = await gateway.parse_webhook(second.body, second.headers)
    assert one is not None
    assert two is not None
    assert one.event_id == two.event_id == "evt_9"


async def test_events_out_of_order_do_not_change_what_a_look_up_says(
    gateway: StripeGateway, server: StripeServer
) -> None:
    ref = await paid(gateway, server, make_charge())
    early = server.webhook(
        "payment_intent.payment_failed",
        {**server.intents[server.session_of(KEY)["payment_intent"]], "status": "requires_payment_method"},
    )
    late = server.webhook("checkout.session.completed", server.session_of(KEY))
    assert await parse(gateway, late) == (KEY, GatewayState.SUCCEEDED)
    assert await parse(gateway, early) == (KEY, GatewayState.PENDING)
    assert (await look_up(gateway, ref)).state is GatewayState.SUCCEEDED


async def test_other_events_and_other_peoples_payments_are_none_of_our_business(
    gateway: StripeGateway, server: StripeServer
) -> None:
    await gateway.charge(make_charge())
    session = server.session_of(KEY)
    assert (
        await parse(gateway, server.webhook("customer.created", {"id": "cus_1", "object": "customer"}))
        is None
    )
    assert await parse(gateway, server.webhook("checkout.session.unheard_of", session)) is None
    foreign = {**session, "metadata": {}, "client_reference_id": "a-shop's-own"}
    assert await parse(gateway, server.webhook("checkout.session.completed", foreign)) is None


async def test_headers_may_be_spelled_in_any_case(gateway: StripeGateway, server: StripeServer) -> None:
    await gateway.charge(make_charge())
    made = server.webhook("checkout.session.expired", server.session_of(KEY))
    lowered = {name.lower(): value for name, value in made.headers.items()}
    assert await gateway.parse_webhook(made.body, lowered) is not None


NOW = int(time.time())


@pytest.mark.parametrize(
    ("signed_at", "secret"),
    [(NOW, "whsec_of_somebody_else"), (NOW - 3600, WEBHOOK_SECRET)],
    ids=["another secret", "an hour old"],
)
async def test_a_forged_or_replayed_webhook_is_not_believed(
    gateway: StripeGateway, server: StripeServer, signed_at: int, secret: str
) -> None:
    await gateway.charge(make_charge())
    session = server.session_of(KEY)
    made = server.webhook("checkout.session.completed", session, signed_at=signed_at, secret=secret)
    with pytest.raises(BadSignature):
        await gateway.parse_webhook(made.body, made.headers)


async def test_a_changed_body_is_not_believed(gateway: StripeGateway, server: StripeServer) -> None:
    await gateway.charge(make_charge())
    made = server.webhook("checkout.session.completed", server.session_of(KEY))
    with pytest.raises(BadSignature):
        await gateway.parse_webhook(made.body.replace(b'"unpaid"', b'"paid"'), made.headers)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (b"{}", None),
        (b"{}", ""),
        (b"{}", "nonsense"),
        (b"{}", "t=1,v1="),
        (b"{}", "t=x,v1=y"),
        (b"{}", f"t={NOW},v1=ä"),
        (b"{}", f"t={NOW},v0=abc"),
        (b"\xff\xfe", f"t={NOW},v1=abc"),
        (b"", f"t={NOW},v1=abc"),
    ],
    ids=range(9),
)
async def test_no_signature_is_a_bad_signature(body: bytes, signature: str | None) -> None:
    gateway = StripeGateway(api_key=API_KEY, webhook_secret=WEBHOOK_SECRET)
    headers = {} if signature is None else {"Stripe-Signature": signature}
    with pytest.raises(BadSignature):
        await gateway.parse_webhook(body, headers)


def signed(body: bytes) -> Webhook:
    now = int(time.time())
    signature = sign(body, now, WEBHOOK_SECRET)
    return Webhook(body, {"Stripe-Signature": f"t={now},v1={signature}"})


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("checkout.session.completed", {"id": None}, "id"),
        ("checkout.session.completed", {"id": ""}, "id"),
        ("checkout.session.completed", {"id": "evt\0"}, "id"),
        ("checkout.session.completed", {"id": "e" * 300}, "id"),
        ("checkout.session.completed", {"id": ...}, "id"),
        ("checkout.session.completed", {"data": ...}, "data"),
        ("checkout.session.completed", {"data": [1]}, "data"),
        ("checkout.session.completed", {"data": {}}, "data.object"),
        ("checkout.session.completed", {"data": {"object": "cs_1"}}, "data.object"),
        ("checkout.session.completed", {"metadata": "x"}, "data.object.metadata"),
        (
            "checkout.session.completed",
            {"metadata": {"eventhub_key": 7}},
            "data.object.metadata.eventhub_key",
        ),
        (
            "checkout.session.completed",
            {"metadata": {"eventhub_key": "\ud800"}},
            "data.object.metadata.eventhub_key",
        ),
        ("checkout.session.completed", {"status": ...}, "data.object.status"),
        ("checkout.session.expired", {"status": 1}, "data.object.status"),
        ("checkout.session.completed", {"payment_status": ...}, "data.object.payment_status"),
        ("checkout.session.async_payment_succeeded", {"payment_status": []}, "data.object.payment_status"),
        ("payment_intent.succeeded", {"status": {}}, "data.object.status"),
        ("payment_intent.payment_failed", {"status": ...}, "data.object.status"),
        ("charge.refunded", {"refunded": 1}, "data.object.refunded"),
        ("refund.failed", {"metadata": ["x"]}, "data.object.metadata"),
        (7, {}, "type"),
        (None, {}, "type"),
        (..., {}, "type"),
    ],
)
async def test_a_signed_event_that_makes_no_sense_is_bad_input(
    kind: object, changes: dict[str, Any], field: str
) -> None:
    gateway = StripeGateway(api_key=API_KEY, webhook_secret=WEBHOOK_SECRET)
    thing = {
        "status": "complete",
        "payment_status": "paid",
        "refunded": True,
        "metadata": {"eventhub_key": KEY},
    }
    event = {"id": "evt_1", "type": kind, "data": {"object": thing}}
    for name, value in changes.items():
        place = event if name in event else thing
        place[name] = value
    event, thing = (
        {name: value for name, value in part.items() if value is not ...} for part in (event, thing)
    )
    if "data" not in changes:
        event["data"] = {"object": thing}
    made = signed(json.dumps(event).encode())
    with pytest.raises(BadEvent) as raised:
        await gateway.parse_webhook(made.body, made.headers)
    assert list(raised.value.errors) == [field]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"evt"', b"[" * 100_000, b"7"])
async def test_a_signed_body_that_is_no_object_is_bad_input(body: bytes) -> None:
    gateway = StripeGateway(api_key=API_KEY, webhook_secret=WEBHOOK_SECRET)
    made = signed(body)
    with pytest.raises(BadEvent) as raised:
        await gateway.parse_webhook(made.body, made.headers)
    assert list(raised.value.errors) == ["body"]


async def test_what_others_do_with_the_account_is_no_bad_input() -> None:
    gateway = StripeGateway(api_key=API_KEY, webhook_secret=WEBHOOK_SECRET)
    for event in (
        {"type": "v2.core.event", "id": None},
        {"type": "customer.created"},
        {"type": "checkout.session.completed", "id": "evt_1", "data": {"object": {"status": 7}}},
        {"type": "charge.refunded", "id": "evt_1", "data": {"object": {"metadata": {"their_key": [1]}}}},
    ):
        made = signed(json.dumps(event).encode())
        assert await gateway.parse_webhook(made.body, made.headers) is None
