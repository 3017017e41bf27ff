"""Payments through Stripe's hosted Checkout: the real gateway and library against a local Stripe over a socket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from eventhub.services import jobs
from tests.api import Answer, Api, Person
from tests.conftest import MakeApi
from tests.fakes.stripe_server import API_KEY, WEBHOOK_SECRET, Fault, StripeServer, Webhook
from tests.money import (
    PRICE,
    assert_money_balances,
    let_hold_run_out,
    make_jobs_due,
    organizer_and_payer,
    reserve,
    start_paying,
    status,
)

CREATE = "POST /v1/checkout/sessions"


@pytest.fixture
async def stripe(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StripeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with StripeServer() as running:
        yield running


@pytest.fixture
async def api(make_api: MakeApi, stripe: StripeServer) -> AsyncIterator[Api]:
    made = await make_api(
        payment_gateways={"credit_card": "stripe", "bank_transfer": "offline"},
        stripe_api_key=API_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_api_base=stripe.url,
        stripe_timeout_seconds=5.0,
    )
    yield made
    for gateway in made.resources.gateways.values():
        await gateway.close()


@pytest.fixture
async def checkout(api: Api, stripe: StripeServer) -> tuple[Person, Person, dict[str, Any], dict[str, Any]]:
    """Return (organizer, payer, booking, payment) with the payer on their way to Stripe's page."""
    organizer, payer = await organizer_and_payer(api)
    booking = await reserve(payer, await organizer.create_event(price=PRICE))
    payment = await start_paying(payer, booking)
    assert (payment["method"], payment["checkout_url"]) == ("credit_card", None)
    await api.run_jobs()
    return organizer, payer, booking, payment


@pytest.mark.parametrize("page", ["", "https://events.example/payments/{id}"])
async def test_the_payer_comes_back_to_the_front_end_or_the_api(
    make_api: MakeApi, stripe: StripeServer, page: str
) -> None:
    api = await make_api(
        payment_gateways={"credit_card": "stripe"},
        stripe_api_key=API_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_api_base=stripe.url,
        payment_page=page,
        base_url="https://api.example",
    )
    organizer, payer = await organizer_and_payer(api)
    payment = await start_paying(payer, await reserve(payer, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    for gateway in api.resources.gateways.values():
        await gateway.close()
    (made,) = (call.params for call in stripe.calls if f"{call.method} {call.path}" == CREATE)
    back = page.replace("{id}", str(payment["id"])) or f"https://api.example/api/payments/{payment['id']}/"
    assert (made["success_url"], made["cancel_url"]) == (back, back)


Checkout = tuple[Person, Person, dict[str, Any], dict[str, Any]]


async def deliver(api: Api, webhook: Webhook) -> Answer:
    return await api.anonymous.post(
        "/api/payments/webhook/stripe/", data=webhook.body, headers=dict(webhook.headers)
    )


async def test_a_job_fills_in_where_the_payer_has_to_go_and_a_webhook_completes(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, booking, payment = checkout
    session = stripe.session_of(payment["transaction_id"])
    seen = (await payer.get(f"/api/payments/{payment['id']}/")).data
    assert (seen["status"], seen["checkout_url"]) == ("pending", session["url"])
    assert (session["amount_total"], session["currency"]) == (2999, "usd")
    told = await deliver(api, stripe.webhook("checkout.session.completed", stripe.pay(session["id"])))
    assert (told.status, told.data) == (200, {"received": True})
    assert await status(payer, "payments", payment) == "pending"
    await api.run_jobs()
    assert await status(payer, "bookings", booking) == "confirmed"
    seen = (await payer.get(f"/api/payments/{payment['id']}/")).data
    assert (seen["status"], seen["checkout_url"]) == ("completed", None)
    await assert_money_balances(api.database.fetch)


async def test_a_webhook_doubled_late_and_out_of_order_settles_once(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, _, payment = checkout
    session = stripe.session_of(payment["transaction_id"])
    failed = stripe.webhook("payment_intent.payment_failed", stripe.decline(session["id"]))
    paid = stripe.webhook("checkout.session.completed", stripe.pay(session["id"]))
    for webhook in (paid, paid, failed, paid):
        assert (await deliver(api, webhook)).status == 200
        await api.run_jobs()
    assert await status(payer, "payments", payment) == "completed"
    assert await api.database.fetch_value("SELECT count(*) FROM webhook_events") == 2
    assert stripe.charged(payment["transaction_id"]) == 1
    calls = len(stripe.calls)
    assert (await deliver(api, stripe.webhook("payment_intent.succeeded", {**_intent(stripe)}))).status == 200
    await api.run_jobs()
    assert len(stripe.calls) == calls, "a completed payment has no other news than its refund"
    await assert_money_balances(api.database.fetch)


def _intent(stripe: StripeServer) -> dict[str, Any]:
    (intent,) = stripe.intents.values()
    return intent


async def test_a_declined_card_leaves_the_payment_open_for_another_try(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, _, payment = checkout
    session = stripe.session_of(payment["transaction_id"])
    await deliver(api, stripe.webhook("payment_intent.payment_failed", stripe.decline(session["id"])))
    await api.run_jobs()
    seen = (await payer.get(f"/api/payments/{payment['id']}/")).data
    assert (seen["status"], seen["checkout_url"]) == ("pending", session["url"])


async def test_bad_and_stale_signatures_are_refused_and_change_nothing(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, _, payment = checkout
    session = stripe.pay(stripe.session_of(payment["transaction_id"])["id"])
    kind = "checkout.session.completed"
    good = stripe.webhook(kind, session)
    for bad in (
        stripe.webhook(kind, session, secret="whsec_other"),
        stripe.webhook(kind, session, signed_at=1_000_000),
        Webhook(good.body + b" ", good.headers),
        Webhook(good.body, {"Content-Type": "application/json"}),
    ):
        answer = await deliver(api, bad)
        assert (answer.status, answer.data["code"]) == (400, "bad_signature")
    senseless = await deliver(api, stripe.webhook(kind, {**session, "payment_status": None}))
    assert (senseless.status, senseless.data["code"]) == (400, "bad_event")
    assert list(senseless.data["errors"]) == ["data.object.payment_status"]
    await api.run_jobs()
    assert await status(payer, "payments", payment) == "pending"


async def test_events_that_concern_no_payment_of_ours_are_taken_and_ignored(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    session = stripe.session_of(checkout[3]["transaction_id"])
    other = {**session, "metadata": {}}
    stranger = {**session, "metadata": {"eventhub_key": "EVH-000000000000"}}
    for kind, thing in (
        ("customer.created", {"id": "cus_1", "object": "customer"}),
        ("checkout.session.completed", other),
        ("checkout.session.completed", stranger),
    ):
        assert (await deliver(api, stripe.webhook(kind, thing))).status == 200
    assert await api.run_jobs() == 0


async def test_webhooks_of_gateways_that_are_not_configured_do_not_exist(api: Api) -> None:
    for name in ("mock", "paypal", "%00"):
        assert (await api.anonymous.post(f"/api/payments/webhook/{name}/", data=b"{}")).status in {400, 404}
    offline = await api.anonymous.post("/api/payments/webhook/offline/", data=b"{}")
    assert (offline.status, offline.data["code"]) == (400, "bad_signature")


@pytest.mark.parametrize("first", ["webhook", "cancel"])
async def test_paid_and_cancelled_at_once_gives_the_money_back_in_either_order(
    api: Api, stripe: StripeServer, checkout: Checkout, first: str
) -> None:
    _, payer, booking, payment = checkout
    paid = stripe.pay(stripe.session_of(payment["transaction_id"])["id"])
    webhook = stripe.webhook("checkout.session.completed", paid)
    if first == "webhook":
        assert (await deliver(api, webhook)).status == 200
    assert (await payer.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    if first == "cancel":
        assert (await deliver(api, webhook)).status == 200
    await api.run_jobs()
    assert await status(payer, "bookings", booking) == "cancelled"
    assert await status(payer, "payments", payment) == "refunded"
    assert stripe.refunded(payment["transaction_id"]) == 2999
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "returned"
    await assert_money_balances(api.database.fetch)


async def test_a_cancelled_booking_leaves_no_page_to_pay_on(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, booking, payment = checkout
    await payer.post(f"/api/bookings/{booking['id']}/cancel/")
    await api.run_jobs()
    assert stripe.session_of(payment["transaction_id"])["status"] == "expired"
    assert await status(payer, "payments", payment) == "cancelled"


async def test_the_end_of_the_hold_expires_the_page_or_takes_the_money_that_was_quicker(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, booking, payment = checkout
    stripe.pay(stripe.session_of(payment["transaction_id"])["id"])
    await let_hold_run_out(api, booking)
    await api.run_jobs()
    assert await status(payer, "bookings", booking) == "confirmed"
    await assert_money_balances(api.database.fetch)


async def test_a_page_that_expired_by_itself_ends_the_payment_and_another_may_be_tried(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, booking, payment = checkout
    session = stripe.expire(stripe.session_of(payment["transaction_id"])["id"])
    await deliver(api, stripe.webhook("checkout.session.expired", session))
    await api.run_jobs()
    assert await status(payer, "payments", payment) == "cancelled"
    assert await status(payer, "bookings", booking) == "pending"
    await start_paying(payer, booking)


async def test_slow_money_that_cannot_be_stopped_decides_when_it_comes(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, booking, payment = checkout
    session = stripe.pay_slowly(stripe.session_of(payment["transaction_id"])["id"])
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    assert await status(payer, "bookings", booking) == "pending"
    stripe.settle(session["id"], paid=True)
    await deliver(api, stripe.webhook("checkout.session.async_payment_succeeded", session))
    await api.run_jobs(may_fail=True)
    assert await status(payer, "bookings", booking) == "confirmed"
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await status(payer, "payments", payment) == "completed"
    await assert_money_balances(api.database.fetch)


async def test_a_refund_that_the_bank_sent_back_is_made_anew_when_a_person_retries(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, booking, payment = checkout
    stripe.pay(stripe.session_of(payment["transaction_id"])["id"])
    await deliver(api, stripe.webhook("checkout.session.completed", next(iter(stripe.sessions.values()))))
    await api.run_jobs()
    await payer.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    (refund,) = stripe.refunds.values()
    stripe.send_back(refund)
    await deliver(api, stripe.webhook("refund.failed", refund))
    await api.run_jobs(may_fail=True)
    assert (await payer.get(f"/api/payments/{payment['id']}/")).data["refund_state"] == "owed"
    async with api.database.transaction() as tx:
        await jobs.retry(tx, await tx.fetch_value("SELECT id FROM jobs WHERE state = 'failed'"))
    await api.run_jobs()
    assert (await payer.get(f"/api/payments/{payment['id']}/")).data["refund_state"] == "returned"
    assert stripe.refunded(payment["transaction_id"]) == 2999
    assert [refund["status"] for refund in stripe.refunds.values()] == ["failed", "succeeded"]
    assert await status(payer, "bookings", booking) == "cancelled"
    await assert_money_balances(api.database.fetch)


async def test_a_refund_made_in_stripes_dashboard_reaches_the_books_and_is_not_made_twice(
    api: Api, stripe: StripeServer, checkout: Checkout
) -> None:
    _, payer, booking, payment = checkout
    stripe.pay(stripe.session_of(payment["transaction_id"])["id"])
    (charge,) = stripe.charges.values()
    await deliver(api, stripe.webhook("checkout.session.completed", next(iter(stripe.sessions.values()))))
    await api.run_jobs()
    assert await status(payer, "payments", payment) == "completed"
    charge.update(amount_refunded=charge["amount"], refunded=True)
    await deliver(api, stripe.webhook("charge.refunded", charge))
    await api.run_jobs()
    assert await status(payer, "payments", payment) == "refunded"
    assert await status(payer, "bookings", booking) == "cancelled"
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "returned"
    assert stripe.refunds == {}
    numbers = [invoice["invoice_number"][:3] for invoice in (await payer.get("/api/invoices/")).data]
    assert numbers == ["CRN", "INV"]
    await assert_money_balances(api.database.fetch)


@pytest.mark.parametrize(
    "fault", [Fault.SERVER_ERROR, Fault.SERVER_ERROR_AFTER, Fault.RATE_LIMITED, Fault.DROP_AFTER]
)
async def test_a_stumbling_stripe_is_asked_again_and_makes_one_page(
    api: Api, stripe: StripeServer, fault: Fault
) -> None:
    organizer, payer = await organizer_and_payer(api)
    booking = await reserve(payer, await organizer.create_event(price=PRICE))
    stripe.fail(fault, path=CREATE)
    payment = await start_paying(payer, booking)
    await api.run_jobs(may_fail=True)
    assert (await payer.get(f"/api/payments/{payment['id']}/")).data["checkout_url"] is None
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    session = stripe.session_of(payment["transaction_id"])
    assert (await payer.get(f"/api/payments/{payment['id']}/")).data["checkout_url"] == session["url"]
