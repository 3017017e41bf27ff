"""The states of a payment, and what each outcome at the gateway does to payment, booking and books."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from eventhub.models.payments import PAYMENT_MOVES, PaymentStatus
from eventhub.services import payments
from eventhub.services.invoices import Terms, included_tax
from eventhub.services.ports.payments import GatewayPayment, GatewayState
from tests.api import Api
from tests.money import (
    PRICE,
    TERMS,
    assert_money_balances,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
    status,
)

PENDING, COMPLETED, FAILED, CANCELLED, REFUNDED = PaymentStatus
OUTCOMES: dict[PaymentStatus, dict[GatewayState, PaymentStatus]] = {
    PENDING: {
        GatewayState.PENDING: PENDING,
        GatewayState.SUCCEEDED: COMPLETED,
        GatewayState.FAILED: FAILED,
        GatewayState.CANCELLED: CANCELLED,
        GatewayState.REFUNDED: REFUNDED,
    },
    COMPLETED: {GatewayState.REFUNDED: REFUNDED},
    # Money that comes after all: the booking is pending still.
    FAILED: {GatewayState.SUCCEEDED: COMPLETED, GatewayState.REFUNDED: REFUNDED},
    CANCELLED: {GatewayState.SUCCEEDED: COMPLETED, GatewayState.REFUNDED: REFUNDED},
    REFUNDED: {},
}
WAY_TO: dict[PaymentStatus, list[GatewayState]] = {
    PENDING: [],
    COMPLETED: [GatewayState.SUCCEEDED],
    FAILED: [GatewayState.FAILED],
    CANCELLED: [GatewayState.CANCELLED],
    REFUNDED: [GatewayState.SUCCEEDED, GatewayState.REFUNDED],
}


async def settle(api: Api, payment: Mapping[str, Any], state: GatewayState, terms: Terms = TERMS) -> None:
    async with api.database.transaction() as tx:
        await payments.settle(tx, payment["id"], GatewayPayment(state, provider_id="p_1"), terms)


@pytest.mark.parametrize("before", PaymentStatus)
async def test_each_outcome_moves_a_payment_as_the_table_says(api: Api, before: PaymentStatus) -> None:
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event(price=PRICE)
    for person, outcome in zip(await people(api, len(GatewayState)), GatewayState, strict=True):
        payment = await start_paying(person, await reserve(person, event))
        for step in WAY_TO[before]:
            await settle(api, payment, step)
        assert await status(person, "payments", payment) == before
        await settle(api, payment, outcome)
        after = PaymentStatus(await status(person, "payments", payment))
        assert (outcome, after) == (outcome, OUTCOMES[before].get(outcome, before))
        assert after == before or after in PAYMENT_MOVES[before]
        await settle(api, payment, outcome)
        assert await status(person, "payments", payment) == after
        await assert_money_balances(api.database.fetch)


def test_every_allowed_move_is_one_that_an_outcome_makes() -> None:
    made = {
        before: frozenset(after for after in OUTCOMES[before].values() if after != before)
        for before in PaymentStatus
    }
    assert made == PAYMENT_MOVES


@pytest.mark.parametrize(
    ("state", "refund", "another"),
    [
        (PENDING, "wrong_state", "payment_exists"),
        (COMPLETED, None, "payment_exists"),
        (FAILED, "wrong_state", None),
        (CANCELLED, "wrong_state", None),
        (REFUNDED, None, "wrong_state"),
    ],
)
async def test_refunds_and_further_payments_are_possible_in_some_states_alone(
    api: Api, state: PaymentStatus, refund: str | None, another: str | None
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    for step in WAY_TO[state]:
        await settle(api, payment, step)
    again = await person.post("/api/payments/", {"booking": booking["id"]})
    assert (again.status, again.data.get("code")) == ((409, another) if another else (201, None))
    refunded = await person.post(f"/api/payments/{payment['id']}/refund/")
    assert (refunded.status, refunded.data.get("code")) == ((409, refund) if refund else (200, None))
    await assert_money_balances(api.database.fetch)


async def test_a_provider_keeps_its_id_in_the_row_whatever_the_outcome(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    await settle(api, payment, GatewayState.SUCCEEDED)
    assert await api.database.fetch_value("SELECT provider_id FROM payments") == "p_1"


async def test_totals_survive_hundreds_of_payments_and_refunds_to_the_cent(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event(price="0.07", max_attendees=300)
    for number, person in enumerate(await people(api, 40)):
        payment = await start_paying(person, await reserve(person, event, 3))
        await settle(api, payment, GatewayState.SUCCEEDED)
        if number % 3 == 0:
            await settle(api, payment, GatewayState.REFUNDED)
    await assert_money_balances(api.database.fetch)
    assert await api.database.fetch_value("SELECT revenue FROM events") == Decimal("5.46")


@pytest.mark.parametrize(
    ("total", "currency", "rate", "tax"),
    [
        ("121.00", "USD", "21", "21.00"),
        ("29.99", "EUR", "19", "4.79"),
        ("0.01", "USD", "21", "0.00"),
        ("10.23", "USD", "20", "1.71"),
        ("-10.23", "USD", "20", "-1.71"),
        ("-29.99", "USD", "19", "-4.79"),
        ("10.00", "USD", "0", "0.00"),
        ("0.00", "USD", "21", "0.00"),
        ("999.00", "JPY", "10", "91"),
        ("-999.00", "JPY", "10", "-91"),
    ],
)
def test_the_tax_is_the_part_of_the_price_that_the_rate_makes_rounded_half_up(
    total: str, currency: str, rate: str, tax: str
) -> None:
    included = included_tax(Decimal(total), currency, Decimal(rate))
    assert included is not None
    assert str(included.amount) == tax


def test_without_a_rate_there_is_no_tax_line() -> None:
    assert included_tax(Decimal("10.00"), "USD", None) is None
