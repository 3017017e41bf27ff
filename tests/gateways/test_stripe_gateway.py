"""The real Stripe library against the local fake, over a socket."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import stripe

from eventhub.gateways.payments.stripe import StripeGateway, expires_at
from eventhub.gateways.payments.stripe.errors import refusals
from eventhub.models.payments import Dispute
from eventhub.services.ports.payments import (
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
from tests.fakes.stripe_server import Fault, StripeServer
from tests.gateways.stripe_charges import KEY, look_up, make_charge, make_gateway, paid

CREATE = "POST /v1/checkout/sessions"
REFUND = "POST /v1/refunds"
BREAKDOWNS = [fault for fault in Fault if fault is not Fault.DECLINED]


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
    assert time.monotonic() - began < 10
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
