"""Payers who give a payment up to pay in another way are charged once, whatever becomes of the first."""

from collections.abc import Mapping
from typing import Any

import pytest

from eventhub.models.jobs import PROCESS_PAYMENT, VOID_PAYMENT, JobKind
from eventhub.services.ports.payments import Charge, GatewayPayment, GatewayState
from tests.api import Api, Person
from tests.money import (
    PRICE,
    FakeGateway,
    assert_money_balances,
    make_jobs_due,
    organizer_and_payer,
    reserve,
    run_kind,
    start_paying,
    status,
)


async def cancel_payment(person: Person, payment: Mapping[str, Any]) -> None:
    cancelled = await person.post(f"/api/payments/{payment['id']}/cancel/")
    assert (cancelled.status, cancelled.data["status"], cancelled.data["checkout_url"]) == (
        200,
        "cancelled",
        None,
    )


@pytest.mark.parametrize("first", [VOID_PAYMENT, PROCESS_PAYMENT])
@pytest.mark.parametrize("was_paid", [False, True])
async def test_a_payer_who_changes_the_method_is_charged_once(
    api: Api, gateway: FakeGateway, first: JobKind, was_paid: bool
) -> None:
    """The page of the first payment is open still, and paid there perhaps, before the second one is charged."""
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    old = await start_paying(person, booking, method="credit_card")
    await api.run_jobs()
    await cancel_payment(person, old)
    gateway.next_state = GatewayState.SUCCEEDED
    new = await start_paying(person, booking, method="mock")
    if was_paid:
        gateway.states[old["transaction_id"]] = GatewayState.SUCCEEDED
    await run_kind(api, first)
    await api.run_jobs()
    paid, other = (old, new) if was_paid else (new, old)
    assert await status(person, "payments", paid) == "completed"
    assert await status(person, "payments", other) == "cancelled"
    assert (new["transaction_id"] in gateway.charges) is not was_paid
    assert gateway.refunds == {}
    assert await api.database.fetch_value("SELECT count(*) FROM payments WHERE void_since IS NOT NULL") == 0
    await assert_money_balances(api.database.fetch)


async def test_the_next_payment_waits_while_the_one_before_is_being_charged(
    api: Api, gateway: FakeGateway
) -> None:
    """The void finds nothing at the gateway, because the charge is still on its way there."""
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    make = gateway.charge
    others: list[dict[str, Any]] = []

    async def given_up_meanwhile(charge: Charge) -> GatewayPayment:
        if not others:
            await cancel_payment(person, first)
            await run_kind(api, VOID_PAYMENT)
            others.append(await start_paying(person, booking))
            await run_kind(api, PROCESS_PAYMENT)
        return await make(charge)

    gateway.charge = given_up_meanwhile  # type: ignore[method-assign]
    first = await start_paying(person, booking, method="credit_card")
    await run_kind(api, PROCESS_PAYMENT)
    await make_jobs_due(api)
    await api.run_jobs()
    assert gateway.charges == [first["transaction_id"]]
    assert await status(person, "payments", first) == "completed"
    assert await status(person, "payments", others[0]) == "cancelled"
    await assert_money_balances(api.database.fetch)


async def test_a_gateway_that_is_gone_keeps_nobody_from_paying_in_another_way(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    old = await start_paying(person, booking)
    await api.run_jobs()
    await api.database.execute("UPDATE payments SET gateway = 'gone'")
    await cancel_payment(person, old)
    gateway.next_state = GatewayState.SUCCEEDED
    new = await start_paying(person, booking)
    await api.run_jobs(may_fail=True)
    assert await status(person, "payments", new) == "completed"


async def test_nothing_is_charged_while_nobody_knows_of_the_payment_before(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    old = await start_paying(person, booking)
    await api.run_jobs()
    await cancel_payment(person, old)
    new = await start_paying(person, booking)
    gateway.is_down = True
    await api.run_jobs(may_fail=True)
    assert gateway.charges == [old["transaction_id"]]
    gateway.is_down = False
    await make_jobs_due(api)
    await api.run_jobs()
    assert gateway.charges == [old["transaction_id"], new["transaction_id"]]
    assert gateway.states[old["transaction_id"]] is GatewayState.CANCELLED


async def test_a_cancelled_payment_that_had_been_paid_buys_its_seats(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await cancel_payment(person, payment)
    await cancel_payment(person, payment)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "bookings", booking) == "confirmed"
    late = await person.post(f"/api/payments/{payment['id']}/cancel/")
    assert (late.status, late.data["code"]) == (409, "wrong_state")
    await assert_money_balances(api.database.fetch)
