"""The second time, and the other way: money for an end of its payer's own choice, news that comes again, waits kept."""

from dataclasses import replace

import pytest

from eventhub.models.jobs import PROCESS_PAYMENT
from eventhub.services import payments
from eventhub.services.ports.payments import GatewayRefundState, GatewayState, WebhookEvent
from tests.api import Api
from tests.money import (
    PRICE,
    FakeGateway,
    assert_money_balances,
    let_hold_run_out,
    make_jobs_due,
    organizer_and_payer,
    people,
    provider_reports,
    reserve,
    run_kind,
    start_paying,
    status,
    titles,
)


@pytest.fixture
def gateway(api: Api) -> FakeGateway:
    fake = FakeGateway()
    api.resources = replace(api.resources, gateways={"mock": fake})
    return fake


async def take(api: Api, event: WebhookEvent) -> None:
    async with api.database.transaction() as tx:
        await payments.take_webhook(tx, "mock", event)


async def test_money_for_an_offer_that_was_declined_goes_back_though_its_seat_is_free(
    api: Api, gateway: FakeGateway
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    holder, person = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    held = await reserve(holder, event)
    entry = (await person.post("/api/waitlist/", {"event": event["id"]})).data
    assert (await holder.post(f"/api/bookings/{held['id']}/cancel/")).status == 200
    await api.run_jobs()
    (offer,) = (await person.get("/api/bookings/")).data
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, offer)
    await api.run_jobs()
    assert (await person.post(f"/api/waitlist/{entry['id']}/leave/")).status == 204
    await api.run_jobs()
    assert await status(person, "payments", payment) == "cancelled"
    assert (await person.get(f"/api/events/{event['id']}/")).data["available_spots"] == 1
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await provider_reports(api, payment["transaction_id"])
    await api.run_jobs()
    assert await status(person, "payments", payment) == "refunded"
    assert await status(person, "bookings", offer) == "cancelled"
    assert list(gateway.refunds.values()) == [PRICE]
    await assert_money_balances(api.database.fetch)


async def test_money_of_a_failed_payment_goes_back_where_the_organizer_has_confirmed_the_booking(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.FAILED
    payment = await start_paying(person, booking)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "failed"
    assert (await organizer.post(f"/api/bookings/{booking['id']}/confirm/")).status == 200
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await provider_reports(api, payment["transaction_id"])
    await api.run_jobs()
    assert await status(person, "payments", payment) == "refunded"
    assert await status(person, "bookings", booking) == "confirmed"
    assert list(gateway.refunds.values()) == [PRICE]
    await assert_money_balances(api.database.fetch, confirmed_by_organizer=[booking["id"]])


async def test_a_refund_that_came_back_is_owed_once_however_often_that_is_told(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    news = WebhookEvent("evt_back", payment["transaction_id"], GatewayRefundState.FAILED)
    await take(api, news)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "owed"
    await api.run_jobs()
    asked = len(gateway.asked_refunds)
    await take(api, news)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "returned"
    await api.run_jobs()
    assert len(gateway.asked_refunds) == asked


async def test_a_refund_that_a_person_makes_by_hand_stays_theirs_whatever_the_provider_tells(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    await api.database.execute("UPDATE payments SET refund_state = 'by_hand'")
    await provider_reports(api, payment["transaction_id"], GatewayRefundState.FAILED)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "by_hand"


async def test_a_void_that_backs_off_keeps_its_time_when_the_payments_time_is_over_again(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    await start_paying(person, booking)
    await api.run_jobs()
    gateway.is_down = True
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    await api.database.execute(
        "UPDATE jobs SET run_at = now() + interval '1 hour' WHERE kind = 'void_payment' AND state = 'queued'"
    )
    await let_hold_run_out(api, booking)  # ten minutes later, as the clock sees it
    await api.run_jobs(may_fail=True)
    left = await api.database.fetch("SELECT kind, run_at > now() + interval '50 minutes' AS waits FROM jobs")
    assert [tuple(job.values()) for job in left] == [("void_payment", True)]
    assert await status(person, "bookings", booking) == "pending"


async def test_a_void_is_given_up_a_day_after_it_was_first_wanted(api: Api, gateway: FakeGateway) -> None:
    """Wanting it again does not begin the day anew."""
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    gateway.is_down = True
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    first = "SELECT void_since < now() - interval '10 hours' FROM payments"
    await api.database.execute("UPDATE payments SET void_since = now() - interval '11 hours'")
    await api.database.execute("DELETE FROM jobs")
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    assert await api.database.fetch_value(first)
    assert (await person.post(f"/api/payments/{payment['id']}/cancel/")).status == 200
    assert await api.database.fetch_value(first)


@pytest.mark.parametrize("said", [GatewayState.FAILED, GatewayState.CANCELLED])
async def test_a_payment_that_is_completed_stays_so_whatever_its_gateway_says_later(
    api: Api, gateway: FakeGateway, said: GatewayState
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    await api.run_jobs()
    gateway.states[payment["transaction_id"]] = said
    async with api.database.transaction() as tx:
        tx.enqueue(PROCESS_PAYMENT, payment_id=payment["id"])
    await run_kind(api, PROCESS_PAYMENT)
    await make_jobs_due(api)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "bookings", booking) == "confirmed"
    assert await titles(person) == ["Booking Confirmation", "Payment Received"]
    await assert_money_balances(api.database.fetch)
