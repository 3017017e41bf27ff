"""Money that comes when its booking is gone, and gateways that are slow, silent or away: in every order."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.models.jobs import EXPIRE_BOOKING, PROCESS_PAYMENT, VOID_PAYMENT, JobKind
from eventhub.services import events, jobs, payments
from eventhub.services.ports.payments import Charge, GatewayPayment, GatewayRefundState, GatewayState
from tests.api import Api, Person, in_days
from tests.money import (
    PRICE,
    TERMS,
    FakeGateway,
    assert_money_balances,
    end_hold,
    let_hold_run_out,
    make_jobs_due,
    organizer_and_payer,
    people,
    provider_reports,
    reserve,
    run_kind,
    start_paying,
    status,
    tick,
    titles,
)
from tests.rows import move_event


@pytest.fixture
def gateway(api: Api) -> FakeGateway:
    fake = FakeGateway()
    api.resources = replace(api.resources, gateways={"mock": fake, "offline": OfflineGateway()})
    return fake


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
    """The provider had promised that no money can come, and reports some; the job that looks runs, no other."""
    gateway = api.resources.gateways["mock"]
    assert isinstance(gateway, FakeGateway)
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await provider_reports(api, payment["transaction_id"])
    await run_kind(api, PROCESS_PAYMENT)


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


async def test_a_payment_pending_for_ever_holds_its_seats_for_a_bounded_time(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    times = await api.database.fetch_one(
        "SELECT extract(epoch FROM b.expires_at - b.registered_at)::int AS held, "
        "extract(epoch FROM p.wait_until - p.created_at)::int AS waits FROM bookings b, payments p"
    )
    assert dict(times or {}) == {"held": 1800, "waits": 3900}
    await end_hold(api, booking["id"])
    await tick(api)
    await api.run_jobs()
    assert gateway.calls == ["charge"], "it has its time"
    assert await status(person, "bookings", booking) == "pending"
    await let_hold_run_out(api, booking)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "cancelled"


async def test_payments_tried_again_and_again_hold_no_seat_longer(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    held_until = await api.database.fetch_value("SELECT expires_at FROM bookings")
    gateway.next_state = GatewayState.FAILED
    for _ in range(3):
        await start_paying(person, booking)
        await api.run_jobs()
    assert await api.database.fetch_value("SELECT expires_at FROM bookings") == held_until
    await end_hold(api, booking["id"])
    late = await person.post("/api/payments/", {"booking": booking["id"]})
    assert (late.status, late.data["code"]) == (409, "hold_expired")
    await tick(api)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"


async def test_a_payment_from_before_payments_had_a_time_is_voided_when_the_hold_ends(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    await start_paying(person, booking)
    await api.run_jobs()
    await api.database.execute("UPDATE payments SET wait_until = NULL")
    await end_hold(api, booking["id"])
    await tick(api)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"


async def test_money_keeps_no_seat_past_the_start(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    await person.verify()
    await start_paying(person, await reserve(person, event), method="bank_transfer")
    assert await api.database.fetch_value("SELECT wait_until < now() + interval '8 days' FROM payments")
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() + interval '1 hour', start_date = now() + interval '1 hour'"
    )
    (other,) = await people(api, 1)
    await other.verify()
    theirs = await start_paying(other, await reserve(other, event), method="bank_transfer")
    assert await api.database.fetch_value(
        "SELECT p.wait_until = e.start_date FROM payments p, events e WHERE p.id = $1", theirs["id"]
    )


async def _held_until(api: Api, payment: dict[str, Any], column: str) -> bool:
    """Whether a payment keeps its booking until just then."""
    return bool(
        await api.database.fetch_value(
            f"SELECT p.wait_until = {column} FROM payments p JOIN bookings b ON b.id = p.booking_id "
            "JOIN events e ON e.id = b.event_id WHERE p.id = $1",
            payment["id"],
        )
    )


async def test_a_transfer_keeps_no_seat_past_the_deadline_and_a_gateways_payment_does(
    api: Api, gateway: FakeGateway
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second, third = await people(api, 3)
    event = await organizer.create_event(price=PRICE, registration_deadline=in_days(9))
    for person in (first, second):
        await person.verify()
    early = await start_paying(first, await reserve(first, event), method="bank_transfer")
    assert await _held_until(api, early, "p.created_at + interval '7 days'")
    path = f"/api/events/{event['id']}/"
    assert (await organizer.patch(path, {"registration_deadline": in_days(0.01)})).status == 200
    assert await _held_until(api, early, "e.registration_deadline")
    late = await start_paying(second, await reserve(second, event), method="bank_transfer")
    assert await _held_until(api, late, "e.registration_deadline")
    charged = await start_paying(third, await reserve(third, event), method="mock")
    assert await _held_until(api, charged, "p.created_at + interval '3900 seconds'")


async def test_a_transfer_keeps_no_offer_and_a_gateways_payment_does(api: Api, gateway: FakeGateway) -> None:
    (organizer,) = await people(api, 1, "organizer")
    holder, *line = await people(api, 4)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    held = await reserve(holder, event)
    for person in line:
        await person.verify()
        assert (await person.post("/api/waitlist/", {"event": event["id"]})).status == 201
    assert (await holder.post(f"/api/bookings/{held['id']}/cancel/")).status == 200
    await api.run_jobs()
    (offer,) = (await line[0].get("/api/bookings/")).data
    transfer = await start_paying(line[0], offer, method="bank_transfer")
    api.resources = replace(api.resources, gateways={"mock": gateway, "offline": OfflineGateway()})
    await api.run_jobs()
    assert await _held_until(api, transfer, "b.expires_at")
    await let_hold_run_out(api, offer)
    await api.run_jobs()
    assert (await status(line[0], "bookings", offer), await status(line[0], "payments", transfer)) == (
        "cancelled",
        "cancelled",
    )
    (offer,) = (await line[1].get("/api/bookings/")).data
    gateway.next_state = GatewayState.PENDING
    await start_paying(line[1], offer, method="mock")
    await end_hold(api, offer["id"])
    await tick(api)
    await api.run_jobs()
    assert await status(line[1], "bookings", offer) == "pending"


async def test_a_transfer_for_a_seat_that_was_free_at_joining_keeps_it_as_at_the_door(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    (person,) = await people(api, 1)
    await person.verify()
    event = await organizer.create_event(price=PRICE, start_date=in_days(30), end_date=in_days(31))
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).data["status"] == "offered"
    (booking,) = (await person.get("/api/bookings/")).data
    transfer = await start_paying(person, booking, method="bank_transfer")
    assert await _held_until(api, transfer, "p.created_at + interval '7 days'")


async def test_a_nearer_deadline_ends_an_offer_that_a_transfer_was_begun_for(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    holder, person = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    held = await reserve(holder, event)
    await person.verify()
    await person.post("/api/waitlist/", {"event": event["id"]})
    await holder.post(f"/api/bookings/{held['id']}/cancel/")
    await api.run_jobs()
    (offer,) = (await person.get("/api/bookings/")).data
    transfer = await start_paying(person, offer, method="bank_transfer")
    changed = {"registration_deadline": in_days(0.01)}
    assert (await organizer.patch(f"/api/events/{event['id']}/", changed)).status == 200
    assert await _held_until(api, transfer, "b.expires_at")
    assert await _held_until(api, transfer, "e.registration_deadline")


async def test_an_event_that_is_off_or_over_takes_no_payment(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    off, over = await organizer.create_event(price=PRICE), await organizer.create_event(price=PRICE)
    bookings = [await reserve(person, event) for event in (off, over)]
    (late,) = await people(api, 1)
    confirmed = await reserve(late, over)
    await organizer.post(f"/api/bookings/{confirmed['id']}/confirm/")
    await organizer.post(f"/api/events/{off['id']}/cancel/")
    await move_event(api.database, over["id"], starts_in_hours=-1)
    await organizer.post(f"/api/events/{over['id']}/complete/")
    for booking in bookings:
        refused = await person.post("/api/payments/", {"booking": booking["id"]})
        assert (refused.status, refused.data["code"]) == (409, "event_not_open"), refused.data
    # Who was there by the organizer's word may still pay.
    await start_paying(late, confirmed)
    await api.run_jobs()
    assert len(gateway.charges) == 1
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


async def test_a_refund_is_tried_until_the_money_is_back(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    await api.run_jobs(may_fail=True)
    gateway.is_down = True
    assert (await person.post(f"/api/payments/{payment['id']}/refund/")).data["status"] == "refunded"
    await api.database.execute("UPDATE jobs SET attempts = 19")
    await api.run_jobs(may_fail=True)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "owed"
    gateway.is_down = False
    gateway.refund_state = GatewayRefundState.PENDING
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "owed"
    gateway.refund_state = GatewayRefundState.SUCCEEDED
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "returned"
    assert list(gateway.refunds) == [f"{payment['transaction_id']}-refund"]


async def test_a_refund_that_the_bank_sends_back_is_a_persons_task(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    await api.run_jobs(may_fail=True)
    gateway.refund_state = GatewayRefundState.FAILED
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs(may_fail=True)
    (job,) = await api.database.fetch("SELECT kind, state, error FROM jobs")
    assert (job["kind"], job["state"]) == ("refund_payment", "failed")
    assert "account closed" in job["error"]
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["refund_state"] == "owed"


async def test_a_refund_that_the_bank_sent_back_is_made_anew_when_a_person_retries(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    gateway.refund_state = GatewayRefundState.FAILED
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs(may_fail=True)
    gateway.refund_state, gateway.loses_answers = GatewayRefundState.SUCCEEDED, True
    async with api.database.transaction() as tx:
        await jobs.retry(tx, await tx.fetch_value("SELECT id FROM jobs WHERE state = 'failed'"))
    await api.run_jobs(may_fail=True)
    gateway.loses_answers = False
    await make_jobs_due(api)
    await api.run_jobs()
    key = payment["transaction_id"]
    assert gateway.asked_refunds == [f"{key}-refund", f"{key}-refund-2", f"{key}-refund-2"]
    assert list(gateway.refunds) == [f"{key}-refund-2"]
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["refund_state"] == "returned"
    await assert_money_balances(api.database.fetch)


async def test_a_refund_that_comes_back_after_it_had_arrived_is_owed_again(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    key = payment["transaction_id"]
    await provider_reports(api, key, GatewayRefundState.FAILED)  # nothing was refunded, so nothing came back
    assert await status(person, "payments", payment) == "completed"
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["refund_state"] == "returned"
    gateway.refund_state = GatewayRefundState.FAILED
    await provider_reports(api, key, GatewayRefundState.FAILED)
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["refund_state"] == "owed"
    await api.run_jobs(may_fail=True)
    (job,) = await api.database.fetch("SELECT kind, state, error FROM jobs")
    assert (job["kind"], job["state"]) == ("refund_payment", "failed")
    assert f"sent {key}-refund back" in job["error"]
    await assert_money_balances(api.database.fetch)


async def messages(person: Person, title: str) -> list[str]:
    notes = (await person.get("/api/notifications/")).data
    return [note["message"] for note in notes if note["title"] == title]


async def test_a_bank_transfer_is_returned_by_hand_and_its_organizer_is_told(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    await person.verify()
    payment = await start_paying(person, booking, method="bank_transfer")
    await api.run_jobs()
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    seen = (await person.get(f"/api/payments/{payment['id']}/")).data
    assert (list(seen)[-2], seen["refund_state"]) == ("refund_state", "by_hand")
    (asked,) = await messages(organizer, "Refund to Make by Hand")
    for fact in (f"USD {PRICE}", seen["user_name"], payment["transaction_id"]):
        assert fact in asked
    (told,) = await messages(person, "Payment Refunded")
    assert f"The event's organizer has been asked to return USD {PRICE} to you by hand." in told
    await assert_money_balances(api.database.fetch)


async def test_a_payer_whose_name_is_a_message_is_named_by_the_username(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    await api.database.execute(
        "UPDATE users SET first_name = 'confirm at https://evil.example/' WHERE id = $1", person.id
    )
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    await person.verify()
    payment = await start_paying(person, booking, method="bank_transfer")
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    (asked,) = await messages(organizer, "Refund to Make by Hand")
    username = await api.database.fetch_value("SELECT username FROM users WHERE id = $1", person.id)
    assert f"USD {PRICE} to {username} for" in asked


async def test_a_refund_of_nothing_promises_no_money(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event()))
    await api.run_jobs()
    await person.post(f"/api/payments/{payment['id']}/refund/")
    (told,) = await messages(person, "Payment Refunded")
    assert told.endswith("Nothing was to pay, so no money comes back.")


async def test_a_refund_made_at_the_provider_has_gone_back(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    gateway.next_state = GatewayState.REFUNDED
    await api.run_jobs()
    assert await status(person, "payments", payment) == "refunded"
    (told,) = await messages(person, "Payment Refunded")
    assert told.endswith(f"USD {PRICE} has gone back to you.")


@pytest.mark.parametrize("is_held", [True, False])
async def test_who_may_not_try_again_is_not_told_to(api: Api, gateway: FakeGateway, is_held: bool) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.FAILED
    await start_paying(person, booking)
    if not is_held:
        await end_hold(api, booking["id"])
    await api.run_jobs()
    (told,) = await messages(person, "Payment Failed")
    assert told.endswith("You can try again while your booking is held.") is is_held


async def test_money_refunded_at_the_provider_before_it_was_seen_buys_no_seat(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.REFUNDED
    payment = await start_paying(person, booking)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "refunded"
    assert await status(person, "bookings", booking) == "pending"
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "returned"
    assert gateway.refunds == {}
    await assert_money_balances(api.database.fetch)
    gateway.next_state = GatewayState.SUCCEEDED
    again = await start_paying(person, booking)
    await api.run_jobs()
    assert await status(person, "payments", again) == "completed"
    await assert_money_balances(api.database.fetch)
