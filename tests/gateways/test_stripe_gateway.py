"""The real Stripe library against the local fake, over a socket."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe

from eventhub.gateways.payments.stripe import StripeGateway, expires_at
from eventhub.gateways.payments.stripe.errors import refusals
from eventhub.models.payments import Dispute
from eventhub.services.ports.payments import (
    BadEvent,
    BadSignature,
    Charge,
    ChargeDisputed,
    DisputeElsewhere,
    GatewayPayment,
    GatewayRefundState,
    GatewayRefused,
    GatewayState,
    GatewayUnavailable,
    MovedElsewhere,
    PaymentRef,
    Refund,
    RefundElsewhere,
)
from tests.fakes.stripe_server import API_KEY, WEBHOOK_SECRET, Fault, StripeServer, Webhook, sign

KEY = "EVH-7K2M9QX4TB1C"
CREATE = "POST /v1/checkout/sessions"
REFUND = "POST /v1/refunds"
BREAKDOWNS = [fault for fault in Fault if fault is not Fault.DECLINED]


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StripeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with StripeServer() as running:
        yield running


@pytest.fixture
async def gateway(server: StripeServer) -> AsyncIterator[StripeGateway]:
    made = make_gateway(server)
    yield made
    await made.close()


@pytest.fixture
async def hasty(server: StripeServer) -> AsyncIterator[StripeGateway]:
    """A gateway for calls that are to fail: it does not wait long."""
    made = make_gateway(server, timeout_seconds=0.3)
    yield made
    await made.close()


def make_gateway(
    server: StripeServer, *, api_key: str = API_KEY, timeout_seconds: float = 10
) -> StripeGateway:
    return StripeGateway(
        api_key=api_key,
        webhook_secret=WEBHOOK_SECRET,
        api_base=server.url,
        timeout_seconds=timeout_seconds,
    )


def make_charge(key: str = KEY, *, amount: str = "59.98", currency: str = "USD") -> Charge:
    return Charge(
        key=key,
        amount=Decimal(amount),
        currency=currency,
        method="credit_card",
        description="PyCon: 2 tickets",
        payer_email="ada@example.com",
        return_url="https://events.example/payments/1/",
        transaction_id=key,
        created_at=datetime.now(UTC).replace(microsecond=0),
    )


async def paid(gateway: StripeGateway, server: StripeServer, charge: Charge) -> PaymentRef:
    payment = await gateway.charge(charge)
    assert payment.provider_id
    server.pay(payment.provider_id)
    return PaymentRef(charge.key, payment.provider_id, charge.created_at)


async def look_up(gateway: StripeGateway, ref: PaymentRef) -> GatewayPayment:
    found = await gateway.look_up(ref)
    assert found is not None
    return found


async def job(gateway: StripeGateway, charge: Charge) -> GatewayPayment:
    """Do as a job's later attempt has to: look up, and only then charge."""
    return await gateway.look_up(charge.ref) or await gateway.charge(charge)


# Charging


async def test_a_payer_is_sent_to_checkout_and_the_payment_succeeds(
    gateway: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    payment = await gateway.charge(charge)
    assert payment.state is GatewayState.PENDING
    assert payment.checkout_url == server.session_of(KEY)["url"]
    assert payment.provider_id
    server.pay(payment.provider_id)
    found = await look_up(gateway, PaymentRef(KEY, payment.provider_id, charge.created_at))
    assert (found.state, found.checkout_url) == (GatewayState.SUCCEEDED, None)
    assert server.charged(KEY) == 1


async def test_stripe_learns_our_key_and_the_exact_amount(
    gateway: StripeGateway, server: StripeServer
) -> None:
    await gateway.charge(make_charge())
    session = server.session_of(KEY)
    assert (session["amount_total"], session["currency"]) == (5998, "usd")
    assert session["metadata"] == {"eventhub_key": KEY, "transaction_id": KEY}
    assert session["payment_intent_metadata"] == session["metadata"]
    assert session["payment_method_types"] == ["card"]
    assert server.calls[0].idempotency_key == KEY
    assert 1800 <= session["expires_at"] - time.time() <= 3600


async def test_yen_are_charged_and_returned_as_whole_yen(
    gateway: StripeGateway, server: StripeServer
) -> None:
    ref = await paid(gateway, server, make_charge(amount="5000.00", currency="JPY"))
    assert server.session_of(KEY)["amount_total"] == 5000
    await gateway.refund(Refund(ref, "r1", Decimal("5000.00"), "JPY"))
    assert server.refunded(KEY) == 5000


async def test_half_a_yen_is_refused_before_stripe_is_asked(
    gateway: StripeGateway, server: StripeServer
) -> None:
    with pytest.raises(GatewayRefused, match="JPY"):
        await gateway.charge(make_charge(amount="50.50", currency="JPY"))
    assert server.calls == []


async def test_a_declined_card_leaves_the_checkout_open_for_another(
    gateway: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    payment = await gateway.charge(charge)
    ref = PaymentRef(KEY, payment.provider_id, charge.created_at)
    assert payment.provider_id
    server.decline(payment.provider_id)
    declined = await look_up(gateway, ref)
    assert (declined.state, declined.failure) == (GatewayState.PENDING, "Your card was declined.")
    server.pay(payment.provider_id)
    assert (await look_up(gateway, ref)).state is GatewayState.SUCCEEDED


@pytest.mark.parametrize(("is_paid", "state"), [(True, GatewayState.SUCCEEDED), (False, GatewayState.FAILED)])
async def test_money_that_takes_days_is_pending_until_settled(
    gateway: StripeGateway, server: StripeServer, is_paid: bool, state: GatewayState
) -> None:
    charge = make_charge()
    payment = await gateway.charge(charge)
    ref = PaymentRef(KEY, payment.provider_id, charge.created_at)
    assert payment.provider_id
    server.pay_slowly(payment.provider_id)
    assert (await look_up(gateway, ref)).state is GatewayState.PENDING
    assert (await gateway.cancel(ref)).state is GatewayState.PENDING
    server.settle(payment.provider_id, paid=is_paid)
    assert (await look_up(gateway, ref)).state is state


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"amount": Decimal("0.10")}, "too small"), ({"payer_email": "nobody"}, "email address")],
)
async def test_a_final_refusal_has_a_reason_for_the_payer(
    gateway: StripeGateway, server: StripeServer, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(GatewayRefused, match=reason):
        await gateway.charge(replace(make_charge(), **change))  # type: ignore[arg-type]
    assert server.sessions == {}


async def test_a_card_refused_at_once_is_refused_with_stripes_words(
    gateway: StripeGateway, server: StripeServer
) -> None:
    server.fail(Fault.DECLINED, path=CREATE)
    with pytest.raises(GatewayRefused, match="Your card was declined"):
        await gateway.charge(make_charge())


async def test_a_wrong_api_key_is_no_verdict_on_a_payment(server: StripeServer) -> None:
    gateway = make_gateway(server, api_key="sk_wrong")
    with pytest.raises(GatewayUnavailable, match="EVENTHUB_STRIPE_API_KEY"):
        await gateway.charge(make_charge())
    with pytest.raises(GatewayUnavailable):
        await gateway.look_up(make_charge().ref)
    await gateway.close()


async def test_what_stripe_does_not_know_is_no_verdict_on_a_charge_or_a_refund() -> None:
    """Another API key than the one that made it: money may be there all the same."""
    with pytest.raises(stripe.InvalidRequestError, match="No such"), refusals():
        raise stripe.InvalidRequestError("No such payment", "id", http_status=404)  # type: ignore[no-untyped-call]
    with pytest.raises(GatewayRefused), refusals():
        raise stripe.InvalidRequestError("Invalid", "amount", http_status=400)  # type: ignore[no-untyped-call]


# At least once


@pytest.mark.parametrize("fault", BREAKDOWNS)
async def test_whatever_breaks_the_next_attempt_ends_with_one_session(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer, fault: Fault
) -> None:
    charge = make_charge()
    server.fail(fault, path=CREATE)
    with pytest.raises(GatewayUnavailable):
        await hasty.charge(charge)
    payment = await job(gateway, charge)
    assert payment.state is GatewayState.PENDING
    assert payment.provider_id == server.session_of(KEY)["id"]


async def test_a_charge_whose_answer_was_lost_is_found_by_our_key_and_charged_once(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    server.fail(Fault.HANG_AFTER, path=CREATE)
    with pytest.raises(GatewayUnavailable):
        await hasty.charge(charge)
    server.pay(server.session_of(KEY)["id"])
    assert (await job(gateway, charge)).state is GatewayState.SUCCEEDED
    assert (await gateway.charge(charge)).state is GatewayState.SUCCEEDED
    assert server.charged(KEY) == 1


async def test_a_timeout_is_the_clients_own_and_takes_no_longer(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer
) -> None:
    server.fail(Fault.HANG_BEFORE)
    began = time.monotonic()
    with pytest.raises(GatewayUnavailable):
        await hasty.charge(make_charge())
    assert time.monotonic() - began < 2
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "fault", [Fault.HANG_BEFORE, Fault.SERVER_ERROR, Fault.DROP_AFTER, Fault.RATE_LIMITED]
)
async def test_a_look_up_that_fails_does_not_say_that_there_is_nothing(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer, fault: Fault
) -> None:
    await gateway.charge(make_charge())
    server.fail(fault, path="GET /v1/checkout/sessions")
    with pytest.raises(GatewayUnavailable):
        await hasty.look_up(make_charge().ref)


async def test_the_same_key_again_is_the_same_session(gateway: StripeGateway, server: StripeServer) -> None:
    charge = make_charge()
    first, second = await asyncio.gather(gateway.charge(charge), gateway.charge(charge))
    assert first == second
    assert len(server.sessions) == 1


async def test_a_replayed_answer_is_not_taken_for_the_present_state(
    gateway: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    await paid(gateway, server, charge)
    assert (await gateway.charge(charge)).state is GatewayState.SUCCEEDED


async def test_a_failure_that_stripe_keeps_under_the_key_does_not_block_the_payment_for_a_day(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    server.fail(Fault.SERVER_ERROR, path=CREATE)
    with pytest.raises(GatewayUnavailable):
        await hasty.charge(charge)
    assert (await gateway.charge(charge)).state is GatewayState.PENDING
    posts = [call.idempotency_key for call in server.calls if call.method == "POST"]
    assert posts == [KEY, KEY, f"{KEY}:2"]


async def test_a_kept_failure_of_a_session_that_was_made_makes_no_second_one(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    server.fail(Fault.SERVER_ERROR_AFTER, path=CREATE)
    with pytest.raises(GatewayUnavailable):
        await hasty.charge(charge)
    assert (await gateway.charge(charge)).provider_id == server.session_of(KEY)["id"]


async def test_changed_parameters_under_one_key_find_the_first_session(
    gateway: StripeGateway, server: StripeServer
) -> None:
    first = await gateway.charge(make_charge())
    again = await gateway.charge(replace(make_charge(), return_url="https://moved.example/"))
    assert again == first
    assert len(server.sessions) == 1


async def test_a_payment_is_found_by_key_among_hundreds_of_others(
    gateway: StripeGateway, server: StripeServer
) -> None:
    wanted = await gateway.charge(make_charge())
    session = server.session_of(KEY)
    for number in range(250):
        other = {"id": f"cs_other_{number}", "client_reference_id": None, "metadata": {"eventhub_key": "x"}}
        server.sessions[other["id"]] = {**session, **other}  # type: ignore[index]
    assert await gateway.look_up(make_charge().ref) == wanted
    assert await gateway.look_up(make_charge("EVH-UNKNOWN").ref) is None


async def test_a_look_for_a_payment_that_ended_goes_no_further_than_its_end(
    gateway: StripeGateway, server: StripeServer
) -> None:
    charge = replace(make_charge(), created_at=datetime.now(UTC) - timedelta(days=30))
    ended_at = charge.created_at + timedelta(hours=1)
    await gateway.charge(charge)
    session = server.session_of(KEY)
    session["created"] = int(
        (ended_at + timedelta(minutes=5)).timestamp()
    )  # it was on its way when the row ended
    for number in range(250):
        server.sessions[f"cs_other_{number}"] = {**session, "id": f"cs_other_{number}", "metadata": {}}
        server.sessions[f"cs_other_{number}"]["created"] = int(time.time())
    ref = replace(charge.ref, ended_at=ended_at)
    calls = len(server.calls)
    assert (await look_up(gateway, ref)).provider_id == session["id"]
    listed, shown = server.calls[calls:]
    assert (listed.path, shown.path) == ("/v1/checkout/sessions", f"/v1/checkout/sessions/{session['id']}")
    assert int(listed.params["created[lte]"]) < int((ended_at + timedelta(hours=1)).timestamp())
    assert int(listed.params["created[gte]"]) <= int(charge.created_at.timestamp())


async def test_an_id_that_stripe_does_not_know_is_no_reason_to_charge_anew(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayUnavailable):
        await gateway.look_up(PaymentRef(KEY, "cs_of_another_account", datetime.now(UTC)))


async def test_a_gateway_may_be_used_again_after_closing(gateway: StripeGateway) -> None:
    charge = make_charge()
    first = await gateway.charge(charge)
    await gateway.close()
    assert await gateway.charge(charge) == first


CREATED = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age_minutes", "end_minutes"), [(0, 60), (27, 60), (29, 120), (87, 120), (89, 180), (1440, 1500)]
)
def test_the_end_of_a_session_keeps_its_distance_and_seldom_moves(age_minutes: int, end_minutes: int) -> None:
    now = CREATED + timedelta(minutes=age_minutes)
    end = expires_at(CREATED, now, timedelta(hours=1))
    assert end == int((CREATED + timedelta(minutes=end_minutes)).timestamp())


# Voiding


async def test_after_a_void_nobody_can_pay(gateway: StripeGateway, server: StripeServer) -> None:
    charge = make_charge()
    payment = await gateway.charge(charge)
    ref = PaymentRef(KEY, payment.provider_id, charge.created_at)
    assert (await gateway.cancel(ref)).state is GatewayState.CANCELLED
    assert payment.provider_id
    with pytest.raises(ValueError, match="expired"):
        server.pay(payment.provider_id)
    assert (await gateway.cancel(ref)).state is GatewayState.CANCELLED
    assert (await gateway.charge(charge)).state is GatewayState.CANCELLED


async def test_a_void_finds_a_session_whose_answer_was_lost(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    server.fail(Fault.DROP_AFTER, path=CREATE)
    with pytest.raises(GatewayUnavailable):
        await hasty.charge(charge)
    assert (await gateway.cancel(charge.ref)).state is GatewayState.CANCELLED
    assert server.session_of(KEY)["status"] == "expired"


async def test_what_stripe_never_heard_of_is_void(gateway: StripeGateway) -> None:
    assert (await gateway.cancel(make_charge().ref)).state is GatewayState.CANCELLED


async def test_who_paid_first_wins_over_the_void(gateway: StripeGateway, server: StripeServer) -> None:
    ref = await paid(gateway, server, make_charge())
    assert (await gateway.cancel(ref)).state is GatewayState.SUCCEEDED


async def test_a_payment_between_the_look_and_the_void_is_reported(
    gateway: StripeGateway, server: StripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = make_charge()
    payment = await gateway.charge(charge)
    assert payment.provider_id
    look = gateway._retrieve

    async def look_then_pay(session_id: str) -> object:
        session = await look(session_id)
        if session.status == "open":
            server.pay(session_id)
        return session

    monkeypatch.setattr(gateway, "_retrieve", look_then_pay)
    cancelled = await gateway.cancel(PaymentRef(KEY, payment.provider_id, charge.created_at))
    assert cancelled.state is GatewayState.SUCCEEDED
    assert any(call.path.endswith("/expire") for call in server.calls)


async def test_a_void_without_an_answer_is_unknown_and_may_be_repeated(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer
) -> None:
    charge = make_charge()
    await gateway.charge(charge)
    server.fail(Fault.HANG_AFTER, path="/expire")
    with pytest.raises(GatewayUnavailable):
        await hasty.cancel(charge.ref)
    assert (await gateway.cancel(charge.ref)).state is GatewayState.CANCELLED


# Refunds


async def test_a_refund_repeated_returns_the_money_once(gateway: StripeGateway, server: StripeServer) -> None:
    ref = await paid(gateway, server, make_charge())
    refund = Refund(ref, f"{KEY}-refund", Decimal("59.98"), "USD")
    first = await gateway.refund(refund)
    server.forget_keys()
    assert await gateway.refund(refund) == first
    assert first.state is GatewayRefundState.SUCCEEDED
    assert server.refunded(KEY) == 5998
    assert (await look_up(gateway, ref)).state is GatewayState.REFUNDED


@pytest.mark.parametrize("fault", BREAKDOWNS)
async def test_a_part_is_returned_once_whatever_breaks(
    gateway: StripeGateway, hasty: StripeGateway, server: StripeServer, fault: Fault
) -> None:
    ref = await paid(gateway, server, make_charge())
    refund = Refund(ref, "part-1", Decimal("20.00"), "USD")
    server.fail(fault, path=REFUND)
    with pytest.raises(GatewayUnavailable):
        await hasty.refund(refund)
    assert (await gateway.refund(refund)).state is GatewayRefundState.SUCCEEDED
    assert server.refunded(KEY) == 2000
    assert (await look_up(gateway, ref)).state is GatewayState.SUCCEEDED


async def test_a_refund_on_its_way_is_asked_for_again_with_the_same_key(
    gateway: StripeGateway, server: StripeServer
) -> None:
    ref = await paid(gateway, server, make_charge())
    refund = Refund(ref, "r1", Decimal("59.98"), "USD")
    server.refund_status = "pending"
    pending = await gateway.refund(refund)
    assert pending.state is GatewayRefundState.PENDING
    assert pending.provider_id
    server.refunds[pending.provider_id].update(status="failed", failure_reason="expired_or_canceled_card")
    failed = await gateway.refund(refund)
    assert (failed.state, failed.failure) == (GatewayRefundState.FAILED, "expired_or_canceled_card")


async def test_what_somebody_returned_in_the_dashboard_is_returned(
    gateway: StripeGateway, server: StripeServer
) -> None:
    ref = await paid(gateway, server, make_charge())
    server._create_refund({"payment_intent": server.session_of(KEY)["payment_intent"]})
    assert (
        await gateway.refund(Refund(ref, "r1", Decimal("59.98"), "USD"))
    ).state is GatewayRefundState.SUCCEEDED
    assert server.refunded(KEY) == 5998


async def test_more_than_was_paid_is_refused(gateway: StripeGateway, server: StripeServer) -> None:
    ref = await paid(gateway, server, make_charge())
    with pytest.raises(GatewayRefused):
        await gateway.refund(Refund(ref, "r1", Decimal("60.00"), "USD"))
    assert server.refunded(KEY) == 0


async def test_what_others_have_left_is_returned(gateway: StripeGateway, server: StripeServer) -> None:
    ref = await paid(gateway, server, make_charge())
    server.refund_in_dashboard(str(ref.provider_id), 1998)
    refund = Refund(ref, "r1", Decimal("59.98"), "USD")
    assert (await gateway.refund(refund)).state is GatewayRefundState.SUCCEEDED
    assert (await gateway.refund(refund)).state is GatewayRefundState.SUCCEEDED
    assert server.refunded(KEY) == 5998


async def test_a_disputed_charge_is_not_refunded_until_the_dispute_is_won(
    gateway: StripeGateway, server: StripeServer
) -> None:
    ref = await paid(gateway, server, make_charge())
    refund = Refund(ref, "r1", Decimal("59.98"), "USD")
    dispute = server.dispute(str(ref.provider_id))
    for status in ("needs_response", "under_review", "lost"):
        server.decide(dispute, status)
        with pytest.raises(ChargeDisputed):
            await gateway.refund(refund)
    server.decide(dispute, "won")
    assert (await gateway.refund(refund)).state is GatewayRefundState.SUCCEEDED
    assert server.refunded(KEY) == 5998


# What others moved


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", Dispute.OPEN),
        ("warning_under_review", Dispute.OPEN),
        ("warning_closed", Dispute.WON),
        ("needs_response", Dispute.OPEN),
        ("under_review", Dispute.OPEN),
        ("a status of next year", Dispute.OPEN),
        ("won", Dispute.WON),
        ("lost", Dispute.LOST),
    ],
)
async def test_a_dispute_is_open_won_or_lost(
    gateway: StripeGateway, server: StripeServer, status: str, state: Dispute
) -> None:
    ref = await paid(gateway, server, make_charge())
    assert (await moved(gateway, ref)).dispute is Dispute.NONE
    dispute = server.decide(server.dispute(str(ref.provider_id)), status)
    assert (await moved(gateway, ref)).disputes == (DisputeElsewhere(dispute["id"], state),)


async def test_refunds_are_told_apart_by_who_made_them(gateway: StripeGateway, server: StripeServer) -> None:
    ref = await paid(gateway, server, make_charge())
    await gateway.refund(Refund(ref, "r1", Decimal("9.98"), "USD"))
    made = [server.refund_in_dashboard(str(ref.provider_id), units) for units in (1000, 2000)]
    server.send_back(made[1])
    seen = await moved(gateway, ref)
    assert (seen.is_refunded, seen.refunds) == (False, (RefundElsewhere(made[0]["id"], Decimal(10)),))
    server.refund_in_dashboard(str(ref.provider_id))
    assert (await moved(gateway, ref)).is_refunded


async def test_whole_yen_were_refunded(gateway: StripeGateway, server: StripeServer) -> None:
    ref = await paid(gateway, server, make_charge(amount="5000.00", currency="JPY"))
    server.refund_in_dashboard(str(ref.provider_id), 1500)
    assert [refund.amount for refund in (await moved(gateway, ref)).refunds] == [Decimal(1500)]


async def test_of_a_payment_that_nobody_paid_nothing_has_moved(gateway: StripeGateway) -> None:
    charge = make_charge()
    assert await gateway.moved_elsewhere(charge.ref) is None
    await gateway.charge(charge)
    assert await gateway.moved_elsewhere(charge.ref) is None


async def test_a_payment_is_known_by_its_intent(gateway: StripeGateway, server: StripeServer) -> None:
    await paid(gateway, server, make_charge())
    (intent,) = server.intents.values()
    assert await gateway.find_key(intent["id"]) == KEY
    server.intents["pi_other"] = {**intent, "id": "pi_other", "metadata": {}}
    assert await gateway.find_key("pi_other") is None
    with pytest.raises(GatewayUnavailable):
        await gateway.find_key("pi_unknown")


async def moved(gateway: StripeGateway, ref: PaymentRef) -> MovedElsewhere:
    found = await gateway.moved_elsewhere(ref)
    assert found is not None
    return found


async def test_an_unpaid_payment_has_nothing_to_refund(gateway: StripeGateway) -> None:
    charge = make_charge()
    await gateway.charge(charge)
    with pytest.raises(GatewayRefused, match="nothing to refund"):
        await gateway.refund(Refund(charge.ref, "r1", Decimal("59.98"), "USD"))


# Webhooks


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
    declined = server.webhook("payment_intent.payment_failed", server.decline(session["id"]))
    assert await parse(gateway, declined) == (KEY, GatewayState.PENDING)
    slow = server.webhook("checkout.session.completed", server.pay_slowly(session["id"]))
    assert await parse(gateway, slow) == (KEY, GatewayState.PENDING)
    settled = server.webhook(
        "checkout.session.async_payment_succeeded", server.settle(session["id"], paid=True)
    )
    assert await parse(gateway, settled) == (KEY, GatewayState.SUCCEEDED)
    failed = server.webhook("checkout.session.async_payment_failed", {**session, "payment_status": "unpaid"})
    assert await parse(gateway, failed) == (KEY, GatewayState.FAILED)
    intent = server.intents[session["payment_intent"]]
    assert await parse(gateway, server.webhook("payment_intent.succeeded", intent)) == (
        KEY,
        GatewayState.SUCCEEDED,
    )
    await gateway.refund(Refund(charge.ref, "r1", Decimal("9.98"), "USD"))
    (taken,) = server.charges.values()
    assert await parse(gateway, server.webhook("charge.refunded", taken)) == (KEY, GatewayState.SUCCEEDED)
    await gateway.refund(Refund(charge.ref, "r2", Decimal("50.00"), "USD"))
    assert await parse(gateway, server.webhook("charge.refunded", taken)) == (KEY, GatewayState.REFUNDED)
    sent_back = {**next(iter(server.refunds.values())), "status": "failed"}
    assert await parse(gateway, server.webhook("refund.failed", sent_back)) == (
        KEY,
        GatewayRefundState.FAILED,
    )


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
