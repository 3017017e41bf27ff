"""A dispute that is lost at Stripe, raced with refunds and cancellations of ours: the money goes back once."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from tests.cluster import Cluster, Http
from tests.fakes.stripe_server import API_KEY, WEBHOOK_SECRET, StripeServer, Webhook
from tests.money import PRICE, assert_money_balances

CONTESTS = 25

pytestmark = pytest.mark.long


@pytest.fixture
async def stripe(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StripeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with StripeServer() as running:
        yield running


@pytest.fixture
def paying(cluster: Cluster, stripe: StripeServer) -> Cluster:
    cluster.environ |= {
        "NO_PROXY": "127.0.0.1",
        "EVENTHUB_PAYMENT_GATEWAYS": "credit_card=stripe",
        "EVENTHUB_STRIPE_API_KEY": API_KEY,
        "EVENTHUB_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "EVENTHUB_STRIPE_API_BASE": stripe.url,
    }
    cluster.start("web", "worker", "clock", WEB_CONCURRENCY="2")
    return cluster


async def deliver(http: Http, webhook: Webhook) -> tuple[int, Any]:
    url = f"{http.url}/api/payments/webhook/stripe/"
    async with http.session.post(url, data=webhook.body, headers=webhook.headers) as response:
        return response.status, await response.json()


async def at_random(*calls: Awaitable[tuple[int, Any]]) -> list[tuple[int, Any]]:
    async def later(call: Awaitable[tuple[int, Any]]) -> tuple[int, Any]:
        await asyncio.sleep(random.choice((0.0, random.random() * 0.04)))
        return await call

    return await asyncio.gather(*map(later, calls))


async def test_a_lost_dispute_against_our_own_refund_returns_the_money_once(
    paying: Cluster, stripe: StripeServer
) -> None:
    (organizer,) = await paying.people(1, "organizer")
    async with paying.http(20) as http:
        paid = []
        for payer in await paying.people(CONTESTS):
            event = await paying.event(organizer, price=PRICE)
            booked = await http.request("POST", "/api/bookings/", payer, {"event": event})
            paid.append(
                (payer, await http.request("POST", "/api/payments/", payer, {"booking": booked[1]["id"]}))
            )
        await paying.eventually("SELECT count(*) FROM payments WHERE checkout_url IS NULL", 0)
        for session in list(stripe.sessions.values()):
            stripe.pay(session["id"])
            await deliver(http, stripe.webhook("checkout.session.completed", session))
        await paying.eventually("SELECT count(*) FROM payments WHERE status = 'completed'", CONTESTS)
        for payer, (_, payment) in paid:
            session = stripe.session_of(payment["transaction_id"])
            lost = stripe.decide(stripe.dispute(session["id"]), "lost")
            answers = await at_random(
                deliver(http, stripe.webhook("charge.dispute.created", lost)),
                deliver(http, stripe.webhook("charge.dispute.closed", lost)),
                http.request("POST", f"/api/payments/{payment['id']}/refund/", organizer),
                http.request("POST", f"/api/bookings/{payment['booking']}/cancel/", payer),
            )
            assert {code for code, _ in answers} == {200}, answers
    await paying.eventually("SELECT count(*) FROM jobs", 0, seconds=60)
    await assert_money_balances(paying.sql)
    states = await paying.sql("SELECT status, dispute, refund_state, count(*) FROM payments GROUP BY 1, 2, 3")
    assert [tuple(row) for row in states] == [("refunded", "lost", "returned", CONTESTS)]
    assert stripe.refunds == {}
    told = await paying.sql(
        "SELECT title, count(*) FROM notifications WHERE title IN ('Payment Refunded', 'Dispute Lost') GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in told] == [("Dispute Lost", CONTESTS), ("Payment Refunded", CONTESTS)]
    repeated = await paying.sql("SELECT kind, outcome FROM job_log WHERE attempts > 1")
    assert [tuple(row) for row in repeated] == []
