"""Money that comes when its booking is gone, or another payment has taken its place: in every order."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.models.jobs import EXPIRE_BOOKING, PROCESS_PAYMENT, VOID_PAYMENT
from eventhub.services import events, payments
from eventhub.services.ports.payments import GatewayPayment, GatewayState
from tests.api import Api, Person
from tests.money import (
    PRICE,
    TERMS,
    FakeGateway,
    assert_money_balances,
    let_hold_run_out,
    organizer_and_payer,
    people,
    provider_reports,
    reserve,
    run_kind,
    start_paying,
    status,
    titles,
)
from tests.rows import move_event


async def money_comes(api: Api, payment_id: int) -> None:
    async with api.database.transaction() as tx:
        await payments.settle(tx, payment_id, GatewayPayment(GatewayState.SUCCEEDED, "p_1"), TERMS)


async def expire_unpaid(api: Api, person: Person, booking: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payment whose time ran out with its booking's: voided at the gateway, the seats given back."""
    gateway = api.resources.gateways["mock"]
    assert isinstance(gateway, FakeGateway)
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    await let_hold_run_out(api, booking)
    await run_kind(api, EXPIRE_BOOKING)
    await run_kind(api, VOID_PAYMENT)
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "cancelled"
    return payment


async def pays_after_all(api: Api, payment: Mapping[str, Any]) -> None:
    """The provider had promised that no money can come, and reports some; the one job that this makes runs, no other."""
    gateway = api.resources.gateways["mock"]
    assert isinstance(gateway, FakeGateway)
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await provider_reports(api, payment["transaction_id"])
    looks = await api.database.fetch(
        "SELECT kind FROM jobs WHERE kind = ANY($1::text[])", [PROCESS_PAYMENT.name, VOID_PAYMENT.name]
    )
    assert [row["kind"] for row in looks] == [VOID_PAYMENT.name]
    await run_kind(api, VOID_PAYMENT)


async def test_money_for_an_expired_hold_books_again_while_seats_are_free(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE, max_attendees=1))
    payment = await expire_unpaid(api, person, booking)
    await pays_after_all(api, payment)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "confirmed"
    assert await status(person, "payments", payment) == "completed"
    assert (await person.get(f"/api/bookings/{booking['id']}/")).data["cancelled_at"] is None
    assert await titles(person) == ["Booking Confirmation", "Booking Expired", "Payment Received"]
    assert gateway.refunds == {}
    await assert_money_balances(api.database.fetch)


async def test_money_for_an_expired_hold_goes_back_when_the_seats_are_gone(
    api: Api, gateway: FakeGateway
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    person, other = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(person, event)
    payment = await expire_unpaid(api, person, booking)
    await reserve(other, event)
    await pays_after_all(api, payment)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "refunded"
    assert list(gateway.refunds.values()) == [PRICE]
    assert await titles(person) == ["Booking Expired", "Payment Refunded"]
    assert (await person.get("/api/invoices/")).data == []
    await assert_money_balances(api.database.fetch)


async def test_money_for_an_expired_hold_goes_back_when_its_payer_has_booked_again(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(person, event)
    payment = await expire_unpaid(api, person, booking)
    again = await reserve(person, event)
    await pays_after_all(api, payment)
    assert await status(person, "payments", payment) == "refunded"
    assert await status(person, "bookings", again) == "pending"
    await assert_money_balances(api.database.fetch)


async def test_money_for_an_expired_hold_does_not_pass_those_in_line(api: Api, gateway: FakeGateway) -> None:
    (organizer,) = await people(api, 1, "organizer")
    person, waiting = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(person, event)
    assert (await waiting.post("/api/waitlist/", {"event": event["id"]})).status == 201
    payment = await expire_unpaid(api, person, booking)
    assert (await person.get(f"/api/events/{event['id']}/")).data["available_spots"] == 1
    await pays_after_all(api, payment)
    assert await status(person, "payments", payment) == "refunded"
    await assert_money_balances(api.database.fetch)


async def test_money_for_an_expired_hold_ends_its_owners_place_in_line(
    api: Api, gateway: FakeGateway
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    person, other = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(person, event)
    payment = await expire_unpaid(api, person, booking)
    theirs = await reserve(other, event)
    entry = await person.post("/api/waitlist/", {"event": event["id"]})
    assert (entry.status, entry.data["position"]) == (201, 1)
    await other.post(f"/api/bookings/{theirs['id']}/cancel/")
    await pays_after_all(api, payment)
    assert await status(person, "bookings", booking) == "confirmed"
    assert await api.database.fetch_value("SELECT waiting_count FROM events") == 0
    await api.run_jobs()
    ended = (await person.get(f"/api/waitlist/{entry.data['id']}/")).data
    assert (ended["status"], ended["position"]) == ("accepted", None)
    assert [row["id"] for row in (await person.get("/api/bookings/")).data] == [booking["id"]]
    await assert_money_balances(api.database.fetch)


async def test_money_of_a_payment_that_had_failed_buys_the_seat_that_is_still_held(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.FAILED
    payment = await start_paying(person, booking)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "failed"
    await pays_after_all(api, payment)
    seen = (await person.get(f"/api/payments/{payment['id']}/")).data
    assert (seen["status"], seen["failure_reason"]) == ("completed", "")
    assert await status(person, "bookings", booking) == "confirmed"
    await assert_money_balances(api.database.fetch)


async def test_money_of_a_payment_whose_place_another_took_goes_back(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.FAILED
    payment = await start_paying(person, booking)
    await api.run_jobs()
    gateway.next_state = GatewayState.SUCCEEDED
    second = await start_paying(person, booking)
    await api.run_jobs()
    await pays_after_all(api, payment)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "refunded"
    assert await status(person, "payments", second) == "completed"
    assert list(gateway.refunds) == [f"{payment['transaction_id']}-refund"]
    await assert_money_balances(api.database.fetch)


@pytest.mark.parametrize("method", ["mock", "bank_transfer"])
async def test_money_that_is_here_does_not_wait_for_a_payment_that_may_never_come(
    api: Api, gateway: FakeGateway, method: str
) -> None:
    api.resources = replace(api.resources, gateways={"mock": gateway, "offline": OfflineGateway()})
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.FAILED
    payment = await start_paying(person, booking)
    await api.run_jobs()
    gateway.next_state = GatewayState.PENDING
    second = await start_paying(person, booking, method=method)
    await api.run_jobs()
    await pays_after_all(api, payment)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "payments", second) == "cancelled"
    if method == "mock":
        assert gateway.states[second["transaction_id"]] is GatewayState.CANCELLED
    assert gateway.refunds == {}
    await assert_money_balances(api.database.fetch)


@pytest.mark.parametrize("is_over", [False, True])
async def test_money_of_a_payment_begun_in_time_buys_the_seat_when_the_event_has_begun_or_ended(
    api: Api, gateway: FakeGateway, is_over: bool
) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(person, event)
    payment = await start_paying(person, booking)
    await move_event(api.database, event["id"], starts_in_hours=-3 if is_over else -1)
    async with api.database.transaction() as tx:
        await events.move_on_time(tx)
        await events.move_on_time(tx)
    await let_hold_run_out(api, booking)  # the clock went on while the workers were away
    await run_kind(api, EXPIRE_BOOKING)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "bookings", booking) == "confirmed"
    assert (gateway.charges, gateway.refunds) == ([payment["transaction_id"]], {})
    assert len((await person.get("/api/certificates/")).data) == is_over
    await assert_money_balances(api.database.fetch)


async def test_money_of_an_expired_hold_books_again_after_the_end_too(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(person, event)
    payment = await expire_unpaid(api, person, booking)
    await move_event(api.database, event["id"], starts_in_hours=-3)
    await pays_after_all(api, payment)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "bookings", booking) == "confirmed"
    await assert_money_balances(api.database.fetch)


async def test_a_no_show_who_had_begun_to_pay_owes_it_still(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(person, event)
    assert (await organizer.post(f"/api/bookings/{booking['id']}/confirm/")).status == 200
    payment = await start_paying(person, booking)
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await organizer.post(f"/api/bookings/{booking['id']}/no_show/")).status == 200
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "bookings", booking) == "no_show"
    await assert_money_balances(api.database.fetch)


Cancel = Callable[[Person, Person, int, int], Awaitable[object]]


async def by_owner(_organizer: Person, person: Person, _event: int, booking: int) -> None:
    assert (await person.post(f"/api/bookings/{booking}/cancel/")).status == 200


async def by_organizer(organizer: Person, _person: Person, _event: int, booking: int) -> None:
    assert (await organizer.post(f"/api/bookings/{booking}/cancel/")).status == 200


async def with_event(organizer: Person, _person: Person, event: int, _booking: int) -> None:
    assert (await organizer.post(f"/api/events/{event}/cancel/")).status == 200


@pytest.mark.parametrize("cancel", [by_owner, by_organizer, with_event])
@pytest.mark.parametrize("first", ["void", "money"])
async def test_money_for_a_cancelled_booking_goes_back(
    api: Api, gateway: FakeGateway, cancel: Cancel, first: str
) -> None:
    """The charge took effect, its answer has not come: the booking is cancelled, then either job is first."""
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(person, event)
    payment = await start_paying(person, booking)
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await cancel(organizer, person, event["id"], booking["id"])
    if first == "money":
        await money_comes(api, payment["id"])
    await api.run_jobs()
    if first == "void":
        await money_comes(api, payment["id"])
        await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "refunded"
    assert list(gateway.refunds.values()) == [PRICE]
    assert gateway.charges == []
    assert (await titles(person)).count("Payment Refunded") == 1
    await assert_money_balances(api.database.fetch)


async def test_a_booking_cancelled_before_its_charge_is_never_charged(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    await person.post(f"/api/bookings/{booking['id']}/cancel/")
    await api.run_jobs()
    assert (gateway.charges, gateway.refunds) == ([], {})
    assert await status(person, "payments", payment) == "cancelled"
