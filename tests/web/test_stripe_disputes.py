"""Money that others moved at Stripe: disputes at the payer's bank, refunds made in the dashboard."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from eventhub.models.jobs import FOLLOW_MONEY, REFUND_PAYMENT
from eventhub.services import payments
from tests.api import Api, Person
from tests.clock import do_round
from tests.conftest import MakeApi
from tests.fakes.stripe_server import API_KEY, WEBHOOK_SECRET, StripeServer
from tests.money import (
    PRICE,
    assert_money_balances,
    make_jobs_due,
    organizer_and_payer,
    people,
    reserve,
    run_kind,
    start_paying,
    titles,
)
from tests.web.test_stripe_payments import deliver

DISPUTE_EVENTS = ("created", "updated", "funds_withdrawn", "funds_reinstated", "closed")


@pytest.fixture
async def stripe(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StripeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with StripeServer() as running:
        yield running


@pytest.fixture
async def api(make_api: MakeApi, stripe: StripeServer) -> AsyncIterator[Api]:
    made = await make_api(
        payment_gateways={"credit_card": "stripe"},
        stripe_api_key=API_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_api_base=stripe.url,
        stripe_timeout_seconds=5.0,
    )
    yield made
    for gateway in made.resources.gateways.values():
        await gateway.close()


@dataclass
class Paid:
    """A payment that was completed at Stripe, and who has to do with it."""

    api: Api
    stripe: StripeServer
    organizer: Person
    payer: Person
    event: dict[str, Any]
    booking: dict[str, Any]
    payment: dict[str, Any]

    @property
    def session(self) -> dict[str, Any]:
        return self.stripe.session_of(self.payment["transaction_id"])

    @property
    def returned_units(self) -> int:
        return self.stripe.refunded(self.payment["transaction_id"])

    async def tell(self, kind: str, thing: dict[str, Any], *, times: int = 1) -> None:
        """Deliver an event, as often under the same id; no job runs."""
        webhook = self.stripe.webhook(kind, thing)
        for _ in range(times):
            answer = await deliver(self.api, webhook)
            assert answer.status == 200, answer.data

    async def look(self) -> dict[str, Any]:
        return dict((await self.payer.get(f"/api/payments/{self.payment['id']}/")).data)

    async def stands(self) -> tuple[str, str, str, str]:
        """Return the states of payment, dispute, refund and booking."""
        seen = await self.look()
        booking = (await self.payer.get(f"/api/bookings/{self.booking['id']}/")).data
        return seen["status"], seen["dispute"], seen["refund_state"], booking["status"]

    async def told(self, title: str) -> list[str]:
        """Return what the organizer was told under this title."""
        notes = (await self.organizer.get("/api/notifications/?page_size=200")).data
        return [note["message"] for note in notes if note["title"] == title]

    async def revenue(self) -> float:
        seen = (await self.organizer.get(f"/api/events/{self.event['id']}/statistics/")).data
        return float(seen["total_revenue"])


@pytest.fixture
async def paid(api: Api, stripe: StripeServer) -> Paid:
    organizer, payer = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(payer, event)
    payment = await start_paying(payer, booking)
    await api.run_jobs()
    made = Paid(api, stripe, organizer, payer, event, booking, payment)
    await made.tell("checkout.session.completed", stripe.pay(made.session["id"]))
    await api.run_jobs()
    assert await made.stands() == ("completed", "none", "none", "confirmed")
    return made


async def test_an_open_dispute_is_told_once_and_changes_no_state(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    for kind in ("created", "updated", "funds_withdrawn", "created"):
        await paid.tell(f"charge.dispute.{kind}", dispute, times=2)
        await paid.api.run_jobs()
    assert await paid.stands() == ("completed", "open", "none", "confirmed")
    (told,) = await paid.told("Payment Disputed")
    assert f"The payment of USD 29.99 for {paid.event['title']}" in told
    assert "Payment Disputed" not in await titles(paid.payer)
    assert await paid.revenue() == 29.99
    await assert_money_balances(paid.api.database.fetch)


async def test_the_dispute_stands_after_the_documented_keys(paid: Paid) -> None:
    keys = list(await paid.look())
    assert keys.index("refunded_at") < keys.index("dispute")
    (listed,) = (await paid.payer.get("/api/payments/")).data
    assert "dispute" not in listed


async def test_admins_who_have_the_providers_dashboard_are_told_too(paid: Paid) -> None:
    (admin,) = await people(paid.api, 1, "admin")
    await paid.tell("charge.dispute.created", paid.stripe.dispute(paid.session["id"]))
    await paid.api.run_jobs()
    assert await titles(admin) == ["Payment Disputed"]


async def test_a_lost_dispute_is_a_refund_that_we_do_not_make(paid: Paid) -> None:
    (waiting,) = await people(paid.api, 1)
    assert (await waiting.post("/api/waitlist/", {"event": paid.event["id"]})).status == 201
    dispute = paid.stripe.dispute(paid.session["id"])
    await paid.tell("charge.dispute.created", dispute)
    await paid.api.run_jobs()
    await paid.tell("charge.dispute.closed", paid.stripe.decide(dispute, "lost"), times=2)
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")
    assert paid.stripe.refunds == {}
    assert await paid.revenue() == 0
    numbers = [invoice["invoice_number"][:3] for invoice in (await paid.payer.get("/api/invoices/")).data]
    assert numbers == ["CRN", "INV"]
    assert "Payment Refunded" in await titles(paid.payer)
    assert len(await paid.told("Dispute Lost")) == 1
    assert "A Seat Is Yours" in await titles(waiting)
    await assert_money_balances(paid.api.database.fetch)


async def test_a_won_dispute_leaves_everything_as_it_was(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    await paid.tell("charge.dispute.created", dispute)
    await paid.api.run_jobs()
    await paid.tell("charge.dispute.closed", paid.stripe.decide(dispute, "won"))
    await paid.api.run_jobs()
    assert await paid.stands() == ("completed", "won", "none", "confirmed")
    assert len(await paid.told("Dispute Won")) == 1
    await assert_money_balances(paid.api.database.fetch)


@pytest.mark.parametrize("ending", ["won", "lost"])
async def test_events_of_a_dispute_may_come_in_any_order_and_often(paid: Paid, ending: str) -> None:
    opened = dict(paid.stripe.dispute(paid.session["id"]))
    (dispute,) = paid.stripe.disputes.values()
    closed = paid.stripe.decide(dispute, ending)
    await paid.tell("charge.dispute.closed", closed)
    await paid.api.run_jobs()
    before = await paid.stands(), await titles(paid.organizer), await titles(paid.payer)
    for kind in reversed(DISPUTE_EVENTS):
        await paid.tell(f"charge.dispute.{kind}", opened)
        await paid.api.run_jobs()
    assert (await paid.stands(), await titles(paid.organizer), await titles(paid.payer)) == before
    assert before[0][1] == ending
    await assert_money_balances(paid.api.database.fetch)


async def test_a_refund_waits_for_the_dispute_and_is_made_once_it_is_won(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    assert (await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")).status == 200
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "open", "owed", "cancelled")
    assert await do_round(paid.api.database) == 0
    assert await paid.api.database.fetch_value("SELECT count(*) FROM jobs") == 0, "nothing retries for ever"
    assert len(await paid.told("Payment Disputed")) == 1
    await paid.tell("charge.dispute.closed", paid.stripe.decide(dispute, "won"))
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "won", "returned", "cancelled")
    assert paid.returned_units == 2999
    (told,) = await paid.told("Dispute Won")
    assert told.endswith("It was refunded in the meantime, so it goes back to the payer.")
    await assert_money_balances(paid.api.database.fetch)


async def test_a_refund_that_waits_for_a_dispute_is_returned_by_its_loss(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    await paid.tell("charge.dispute.created", dispute)
    await paid.api.run_jobs()
    await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")
    await paid.api.run_jobs()
    notes = (await paid.payer.get("/api/notifications/")).data
    (told,) = [note["message"] for note in notes if note["title"] == "Payment Refunded"]
    assert "it comes back from there, or from us once the bank has decided" in told
    await paid.tell("charge.dispute.closed", paid.stripe.decide(dispute, "lost"))
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")
    assert paid.stripe.refunds == {}
    await assert_money_balances(paid.api.database.fetch)


async def test_a_refund_that_a_person_took_on_is_returned_by_a_lost_dispute(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")
    await paid.api.run_jobs()
    await paid.api.database.execute("UPDATE payments SET refund_state = 'by_hand'")
    await paid.tell("charge.dispute.closed", paid.stripe.decide(dispute, "lost"))
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")


async def test_a_dispute_that_is_lost_before_the_refund_is_asked_for_ends_the_refund(paid: Paid) -> None:
    paid.stripe.decide(paid.stripe.dispute(paid.session["id"]), "lost")
    await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")
    await assert_money_balances(paid.api.database.fetch)


async def test_an_inquiry_may_be_answered_by_a_refund(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"], "warning_needs_response")
    await paid.tell("charge.dispute.created", dispute)
    await paid.api.run_jobs()
    assert await paid.stands() == ("completed", "open", "none", "confirmed")
    await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")
    await paid.api.run_jobs()
    await paid.tell("charge.dispute.closed", paid.stripe.decide(dispute, "warning_closed"))
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "won", "returned", "cancelled")
    assert paid.returned_units == 2999
    await assert_money_balances(paid.api.database.fetch)


async def test_money_that_comes_back_after_a_loss_goes_to_the_payer_whose_seat_is_gone(paid: Paid) -> None:
    dispute = paid.stripe.decide(paid.stripe.dispute(paid.session["id"]), "lost")
    await paid.tell("charge.dispute.closed", dispute)
    await paid.api.run_jobs()
    await paid.tell("charge.dispute.funds_reinstated", paid.stripe.decide(dispute, "won"))
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "won", "returned", "cancelled")
    assert paid.returned_units == 2999
    await assert_money_balances(paid.api.database.fetch)


async def test_one_lost_dispute_of_several_has_cost_the_money(paid: Paid) -> None:
    paid.stripe.decide(paid.stripe.dispute(paid.session["id"]), "lost")
    await paid.tell("charge.dispute.created", paid.stripe.dispute(paid.session["id"]))
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")


async def test_an_end_that_no_event_told_of_is_found_within_a_day(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    await paid.tell("charge.dispute.created", dispute)
    await paid.api.run_jobs()
    paid.stripe.decide(dispute, "lost")
    assert await follow_disputes(paid.api) == 0
    await paid.api.database.execute("UPDATE payments SET checked_at = now() - interval '25 hours'")
    assert await follow_disputes(paid.api) == 1
    assert await follow_disputes(paid.api) == 0
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")


async def follow_disputes(api: Api) -> int:
    async with api.database.transaction() as tx:
        return await payments.follow_disputes(tx)


async def test_a_look_that_another_overtook_is_repeated(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    await paid.tell("charge.dispute.created", dispute)
    await paid.api.run_jobs()
    row = await payments.find_for_gateway(paid.api.database, paid.payment["id"])
    assert row is not None
    gateway = paid.api.resources.gateways["stripe"]
    seen = await gateway.moved_elsewhere(payments.reference(row))
    assert seen is not None
    await paid.tell("charge.dispute.closed", paid.stripe.decide(dispute, "won"))
    await paid.api.run_jobs()
    async with paid.api.database.transaction() as tx:
        await payments.follow(tx, paid.payment["id"], seen, seen_at=row["checked_at"])
    assert (await paid.look())["dispute"] == "won"
    await paid.api.run_jobs()
    assert (await paid.look())["dispute"] == "won"


async def test_disputes_of_other_peoples_payments_are_none_of_our_business(paid: Paid) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    (intent,) = paid.stripe.intents.values()
    paid.stripe.intents["pi_other"] = {**intent, "id": "pi_other", "metadata": {}}
    paid.stripe.intents["pi_lost"] = {
        **intent,
        "id": "pi_lost",
        "metadata": {"eventhub_key": "EVH-000000000000"},
    }
    for theirs in ("pi_other", "pi_lost", None):
        await paid.tell("charge.dispute.created", {**dispute, "payment_intent": theirs})
        await paid.tell(
            "refund.created", {"id": "re_1", "object": "refund", "metadata": {}, "payment_intent": theirs}
        )
    await paid.api.run_jobs()
    assert await paid.stands() == ("completed", "none", "none", "confirmed")


# Refunds made in the dashboard


@pytest.mark.parametrize("kind", ["charge.refunded", "refund.created", "refund.updated"])
async def test_a_refund_of_all_in_the_dashboard_counts_as_the_organizers(paid: Paid, kind: str) -> None:
    refund = paid.stripe.refund_in_dashboard(paid.session["id"])
    (charge,) = paid.stripe.charges.values()
    await paid.tell(kind, charge if kind.startswith("charge") else refund, times=2)
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "none", "returned", "cancelled")
    assert "Payment Refunded" in await titles(paid.payer)
    numbers = [invoice["invoice_number"][:3] for invoice in (await paid.payer.get("/api/invoices/")).data]
    assert numbers == ["CRN", "INV"]
    assert paid.returned_units == 2999
    await assert_money_balances(paid.api.database.fetch)


async def test_a_refund_of_a_part_is_told_to_the_organizer_once_with_its_amount(paid: Paid) -> None:
    for amount in (500, 1000):
        refund = paid.stripe.refund_in_dashboard(paid.session["id"], amount)
        (charge,) = paid.stripe.charges.values()
        for _ in range(2):
            await paid.tell("charge.refunded", charge)
            await paid.tell("refund.created", refund)
            await paid.tell("refund.updated", refund)
            await paid.api.run_jobs()
    told = await paid.told("Payment Partly Refunded")
    assert [message.partition(" of the USD 29.99")[0] for message in reversed(told)] == [
        "USD 5.00",
        "USD 10.00",
    ]
    assert await paid.stands() == ("completed", "none", "none", "confirmed")
    assert await paid.revenue() == 29.99
    await assert_money_balances(paid.api.database.fetch)


async def test_parts_that_make_up_the_whole_are_a_refund_of_all(paid: Paid) -> None:
    for amount in (1000, None):
        paid.stripe.refund_in_dashboard(paid.session["id"], amount)
        (charge,) = paid.stripe.charges.values()
        await paid.tell("charge.refunded", charge)
        await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "none", "returned", "cancelled")
    assert paid.returned_units == 2999


async def test_what_a_part_has_left_is_returned_by_our_own_refund(paid: Paid) -> None:
    paid.stripe.refund_in_dashboard(paid.session["id"], 1000)
    (charge,) = paid.stripe.charges.values()
    await paid.tell("charge.refunded", charge)
    await paid.api.run_jobs()
    await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "none", "returned", "cancelled")
    assert paid.returned_units == 2999
    await assert_money_balances(paid.api.database.fetch)


async def test_our_own_refunds_are_not_taken_for_the_dashboards(paid: Paid) -> None:
    await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")
    await paid.api.run_jobs()
    (refund,) = paid.stripe.refunds.values()
    (charge,) = paid.stripe.charges.values()
    before = await titles(paid.organizer), await titles(paid.payer)
    for kind, thing in (("refund.created", refund), ("refund.updated", refund), ("charge.refunded", charge)):
        await paid.tell(kind, thing)
        await paid.api.run_jobs()
    assert (await titles(paid.organizer), await titles(paid.payer)) == before
    assert await paid.stands() == ("refunded", "none", "returned", "cancelled")
    assert len((await paid.payer.get("/api/invoices/")).data) == 2
    assert paid.returned_units == 2999


async def test_a_refund_of_the_dashboards_that_the_bank_sent_back_is_made_by_us(paid: Paid) -> None:
    refund = paid.stripe.refund_in_dashboard(paid.session["id"])
    await paid.tell("refund.created", refund)
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "none", "returned", "cancelled")
    paid.stripe.send_back(refund)
    await paid.tell("refund.failed", refund)
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "none", "returned", "cancelled")
    assert paid.returned_units == 2999
    assert [refund["status"] for refund in paid.stripe.refunds.values()] == ["failed", "succeeded"]


async def test_a_stumbling_stripe_is_asked_again(paid: Paid) -> None:
    dispute = paid.stripe.decide(paid.stripe.dispute(paid.session["id"]), "lost")
    await paid.tell("charge.dispute.closed", dispute)
    paid.stripe.forget_keys()
    key, paid.stripe.api_key = paid.stripe.api_key, "sk_other"
    await paid.api.run_jobs(may_fail=True)
    paid.stripe.api_key = key
    assert await paid.stands() == ("completed", "none", "none", "confirmed")
    await make_jobs_due(paid.api)
    await paid.api.run_jobs(may_fail=True)
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")


@pytest.mark.parametrize("first", [REFUND_PAYMENT, FOLLOW_MONEY])
async def test_a_loss_and_our_own_refund_at_once_return_the_money_once(paid: Paid, first: Any) -> None:
    dispute = paid.stripe.dispute(paid.session["id"])
    await paid.tell("charge.dispute.created", dispute)
    await paid.api.run_jobs()
    await paid.tell("charge.dispute.updated", paid.stripe.decide(dispute, "lost"))
    await paid.organizer.post(f"/api/payments/{paid.payment['id']}/refund/")
    await run_kind(paid.api, first)
    await paid.api.run_jobs()
    assert await paid.stands() == ("refunded", "lost", "returned", "cancelled")
    assert paid.stripe.refunds == {}
    assert len((await paid.payer.get("/api/invoices/")).data) == 2
    await assert_money_balances(paid.api.database.fetch)


@pytest.mark.parametrize(
    "fate", ["UPDATE jobs SET state = 'failed', attempts = max_attempts", "DELETE FROM jobs"]
)
@pytest.mark.parametrize("news", ["dispute", "dashboard"])
async def test_news_whose_job_came_to_nothing_is_looked_at_all_the_same(
    paid: Paid, news: str, fate: str
) -> None:
    if news == "dispute":
        await paid.tell("charge.dispute.created", paid.stripe.dispute(paid.session["id"]))
    else:
        await paid.tell("refund.created", paid.stripe.refund_in_dashboard(paid.session["id"]))
    for _ in range(3):
        await paid.api.database.execute(fate)
        await do_round(paid.api.database)
        await paid.api.run_jobs(may_fail=True)
    if news == "dispute":
        assert await paid.stands() == ("completed", "open", "none", "confirmed")
    else:
        assert await paid.stands() == ("refunded", "none", "returned", "cancelled")
    assert await do_round(paid.api.database) == 0, "nothing is looked at for ever"
