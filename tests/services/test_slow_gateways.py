"""Gateways that are slow, silent or away: nobody pays twice, and no seat is kept for ever."""

from dataclasses import replace
from typing import Any

import pytest

from eventhub.models.jobs import VOID_PAYMENT
from eventhub.services import payments
from eventhub.services.ports.payments import Charge, GatewayPayment, GatewayState
from tests.api import Api, Person
from tests.money import (
    PRICE,
    FakeGateway,
    assert_money_balances,
    let_hold_run_out,
    make_jobs_due,
    organizer_and_payer,
    reserve,
    run_kind,
    start_paying,
    status,
    tick,
    titles,
)


async def begin_waiting_at_the_gateway(
    api: Api, gateway: FakeGateway
) -> tuple[Person, dict[str, Any], dict[str, Any]]:
    """Return (payer, booking, payment) of a payment whose time is over; its gateway says nothing of it any more."""
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE, max_attendees=1))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    gateway.is_down = True
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    assert await status(person, "bookings", booking) == "pending"
    return person, booking, payment


async def test_a_gateway_that_is_away_for_a_day_keeps_no_seat_and_voids_the_payment_when_it_is_back(
    api: Api, gateway: FakeGateway
) -> None:
    person, booking, payment = await begin_waiting_at_the_gateway(api, gateway)
    await api.database.execute("UPDATE payments SET void_since = void_since - interval '1 day'")
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "cancelled"
    assert await api.database.fetch_value("SELECT void_since IS NOT NULL FROM payments")
    gateway.is_down = False
    await make_jobs_due(api)
    await api.run_jobs()
    assert gateway.states[payment["transaction_id"]] is GatewayState.CANCELLED
    assert await api.database.fetch_value("SELECT void_since FROM payments") is None


async def test_money_that_a_silent_gateway_had_taken_buys_its_seats_again(
    api: Api, gateway: FakeGateway
) -> None:
    person, booking, payment = await begin_waiting_at_the_gateway(api, gateway)
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await api.database.execute("UPDATE payments SET void_since = void_since - interval '1 day'")
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    gateway.is_down = False
    await make_jobs_due(api)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "bookings", booking) == "confirmed"
    await assert_money_balances(api.database.fetch)


async def test_a_gateway_that_is_gone_from_the_settings_keeps_no_seat(
    api: Api, gateway: FakeGateway, caplog: pytest.LogCaptureFixture
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE, max_attendees=1))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    api.resources = replace(api.resources, gateways={})
    await payments.warn_of_absent_gateways(api.database, {})
    assert "does not name: 1 at mock" in caplog.text
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "cancelled"
    assert await titles(person) == ["Booking Expired"]
    api.resources = replace(api.resources, gateways={"mock": gateway})
    await make_jobs_due(api)
    await api.run_jobs()
    assert gateway.states[payment["transaction_id"]] is GatewayState.CANCELLED
    await payments.warn_of_absent_gateways(api.database, {})
    assert caplog.text.count("does not name") == 1


async def test_a_hold_that_ends_voids_the_payment_at_the_gateway_first(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs(may_fail=True)
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["checkout_url"]
    await let_hold_run_out(api, booking)
    gateway.is_down = True
    await api.run_jobs(may_fail=True)
    assert await status(person, "bookings", booking) == "pending"
    gateway.is_down = False
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert gateway.calls[-1] == "cancel"
    assert await status(person, "bookings", booking) == "cancelled"
    ended = (await person.get(f"/api/payments/{payment['id']}/")).data
    assert (ended["status"], ended["checkout_url"]) == ("cancelled", None)
    assert await titles(person) == ["Booking Expired"]
    await assert_money_balances(api.database.fetch)


async def test_a_void_that_comes_too_late_buys_the_seat(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await let_hold_run_out(api, booking)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "confirmed"
    assert await status(person, "payments", payment) == "completed"
    await assert_money_balances(api.database.fetch)


async def test_the_clock_leaves_a_void_its_back_off_while_the_gateway_is_away(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    await start_paying(person, booking)
    await api.run_jobs(may_fail=True)
    gateway.is_down = True
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    for _ in range(5):
        await tick(api)
        await api.run_jobs()
    left = await api.database.fetch("SELECT kind, attempts, run_at > now() AS waits FROM jobs")
    assert [dict(job) for job in left] == [{"kind": "void_payment", "attempts": 1, "waits": True}]


async def test_money_that_cannot_be_stopped_keeps_the_seat_until_it_is_decided(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs(may_fail=True)
    gateway.cannot_stop = True
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    assert await status(person, "bookings", booking) == "pending"
    gateway.states[payment["transaction_id"]] = GatewayState.FAILED
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await status(person, "payments", payment) == "failed"
    await let_hold_run_out(api, booking)
    await api.run_jobs(may_fail=True)
    assert await status(person, "bookings", booking) == "cancelled"


async def test_a_gateway_that_is_away_is_asked_again_later_and_charges_once(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    gateway.is_down = True
    await api.run_jobs(may_fail=True)
    waits = []
    for _ in range(4):
        waits.append(
            await api.database.fetch_value(
                "SELECT round(extract(epoch FROM run_at - now())) FROM jobs WHERE kind = 'process_payment'"
            )
        )
        await make_jobs_due(api)
        await api.run_jobs(may_fail=True)
    assert [int(wait) for wait in waits] == [2, 4, 8, 16]
    gateway.is_down = False
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await status(person, "payments", payment) == "completed"
    assert len(gateway.charges) == 1
    await assert_money_balances(api.database.fetch)


async def test_a_charge_whose_answer_was_lost_is_looked_up_and_never_made_twice(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    gateway.loses_answers = True
    await api.run_jobs(may_fail=True)
    assert gateway.calls == ["charge"]
    gateway.loses_answers = False
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert gateway.calls == ["charge", "look_up"]
    assert await status(person, "payments", payment) == "completed"


async def test_another_job_looks_a_payment_up_too_before_it_charges(api: Api, gateway: FakeGateway) -> None:
    """The first job failed for good, its charge took effect: the clock's next one must not charge again."""
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await api.database.execute("UPDATE jobs SET state = 'failed'")
    await api.database.execute(
        "UPDATE payments SET created_at = now() - interval '1 hour', checked_at = now() - interval '1 hour'"
    )
    async with api.database.transaction() as tx:
        assert await payments.check_pending(tx) == 1
        assert await payments.check_pending(tx) == 0
    await api.run_jobs()
    assert gateway.calls == ["look_up"]
    assert await status(person, "payments", payment) == "completed"


async def test_the_clock_leaves_a_look_at_a_payment_its_back_off(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    gateway.is_down = True
    await api.run_jobs(may_fail=True)
    await api.database.execute("UPDATE payments SET checked_at = now() - interval '1 day'")
    async with api.database.transaction() as tx:
        assert await payments.check_pending(tx) == 0
    assert await api.database.fetch_value("SELECT run_at > now() FROM jobs")


async def test_a_charge_made_after_its_payment_was_voided_is_voided_too(
    api: Api, gateway: FakeGateway
) -> None:
    """The void finds nothing at the gateway, because the charge is still on its way there."""
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    make = gateway.charge

    async def cancelled_first(charge: Charge) -> GatewayPayment:
        await person.post(f"/api/bookings/{booking['id']}/cancel/")
        await run_kind(api, VOID_PAYMENT)
        assert await status(person, "payments", payment) == "cancelled"
        return await make(charge)

    gateway.charge = cancelled_first  # type: ignore[method-assign]
    payment = await start_paying(person, booking)
    await api.run_jobs()
    assert gateway.calls == ["cancel", "charge", "cancel"]
    assert gateway.states == {payment["transaction_id"]: GatewayState.CANCELLED}
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["checkout_url"] is None
    await assert_money_balances(api.database.fetch)


async def test_bank_transfers_are_not_looked_up_by_the_clock(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    await person.verify()
    await start_paying(person, booking, method="bank_transfer")
    await api.run_jobs()
    await api.database.execute("UPDATE payments SET checked_at = now() - interval '1 day'")
    async with api.database.transaction() as tx:
        assert await payments.check_pending(tx) == 0


async def test_a_gateway_taken_out_of_the_settings_leaves_its_payments_waiting(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    with_gateway = api.resources
    api.resources = replace(api.resources, gateways={})
    await api.run_jobs(may_fail=True)
    (job,) = await api.database.fetch("SELECT state, error FROM jobs")
    assert job["state"] == "queued"
    assert "EVENTHUB_PAYMENT_GATEWAYS" in job["error"]
    assert await status(person, "payments", payment) == "pending"
    api.resources = with_gateway
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await status(person, "payments", payment) == "completed"
