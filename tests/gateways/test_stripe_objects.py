"""What Stripe's states mean in our words, each of them."""

import pytest
import stripe

from eventhub.gateways.payments.stripe.objects import left_of, moved_of, refund_of, state_of
from eventhub.services.ports.payments import GatewayRefundState, GatewayState


@pytest.mark.parametrize(
    ("session", "paid", "intent", "state"),
    [
        ("open", "unpaid", {}, GatewayState.PENDING),
        ("expired", "unpaid", {}, GatewayState.CANCELLED),
        ("complete", "paid", {}, GatewayState.SUCCEEDED),
        ("complete", "no_payment_required", {}, GatewayState.SUCCEEDED),
        ("complete", "paid", {"latest_charge": {"refunded": True}}, GatewayState.REFUNDED),
        ("complete", "paid", {"latest_charge": {"refunded": False}}, GatewayState.SUCCEEDED),
        ("complete", "paid", {"latest_charge": "ch_1"}, GatewayState.SUCCEEDED),
        ("complete", "unpaid", {"status": "processing"}, GatewayState.PENDING),
        ("complete", "unpaid", {"status": "requires_payment_method"}, GatewayState.FAILED),
        ("complete", "unpaid", {"status": "canceled"}, GatewayState.FAILED),
    ],
)
def test_a_session_has_a_state(
    session: str, paid: str, intent: dict[str, object], state: GatewayState
) -> None:
    assert state_of({"status": session, "payment_status": paid}, intent) is state


@pytest.mark.parametrize(
    ("refunded", "wanted", "returned"),
    [
        (0, 1000, 1000),
        (300, 1000, 700),
        (300, 700, 700),
        (300, 600, 600),
        (1000, 1000, 1000),  # Stripe says that all went back before
        (0, 1001, 1001),  # more than was paid is Stripe's to refuse
        (300, 1001, 1001),
    ],
)
def test_what_others_have_left_goes_back(refunded: int, wanted: int, returned: int) -> None:
    assert left_of({"amount": 1000, "amount_refunded": refunded}, wanted) == returned


@pytest.mark.parametrize(
    ("status", "state", "stands"),
    [
        ("succeeded", GatewayRefundState.SUCCEEDED, True),
        ("pending", GatewayRefundState.PENDING, True),
        ("requires_action", GatewayRefundState.PENDING, True),
        ("failed", GatewayRefundState.FAILED, False),
        ("canceled", GatewayRefundState.FAILED, False),
    ],
)
def test_a_refund_has_a_state_and_stands_or_not(status: str, state: GatewayRefundState, stands: bool) -> None:
    facts = {"id": "re_1", "status": status, "amount": 500, "currency": "usd", "metadata": {}}
    refund = stripe.Refund.construct_from(facts, None)
    session = stripe.checkout.Session.construct_from({"id": "cs_1", "payment_intent": {}}, None)
    assert refund_of(refund).state is state
    assert len(moved_of(session, [refund], []).refunds) == stands
