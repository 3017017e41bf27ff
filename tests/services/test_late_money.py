"""Money that comes when its booking is gone, and gateways that are slow, silent or away: in every order."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from eventhub.services import payments
from eventhub.services.payment_gateway import GatewayPayment, GatewayState, RefundState
from tests.api import Api, Person
from tests.money import (
    PRICE,
    FakeGateway,
    assert_money_balances,
    let_hold_run_out,
    make_jobs_due,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
    status,
    tick,
    titles,
)


@pytest.fixture
def gateway(api: Api) -> FakeGateway:
    fake = FakeGateway()
    api.resources = replace(api.resources, gateways={"mock": fake})
    return fake


async def money_comes(api: Api, payment_id: int) -> None:
    async with api.database.transaction() as tx:
        await payments.settle(tx, payment_id, GatewayPayment(GatewayState.SUCCEEDED, "p_1"), None)


async def expire_with_payment_pending(api: Api, booking: int) -> None:
    """Bring about what no order of jobs does: the booking let go while its payment is pending still."""
    await api.database.execute(
        "UPDATE bookings SET status = 'cancelled', cancelled_at = now(), cancel_reason = 'expired' WHERE id = $1",
        booking,
    )
    await api.database.execute("UPDATE events SET seats_held = seats_held - 1")


async def test_money_for_an_expired_hold_books_again_while_seats_are_free(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE, max_attendees=1))
    payment = await start_paying(person, booking)
    await expire_with_payment_pending(api, booking["id"])
    await money_comes(api, payment["id"])
    assert await status(person, "bookings", booking) == "confirmed"
    assert await status(person, "payments", payment) == "completed"
    assert (await person.get(f"/api/bookings/{booking['id']}/")).data["cancelled_at"] is None
    await assert_money_balances(api.database.fetch)


async def test_money_for_an_expired_hold_goes_back_when_the_seats_are_gone(
    api: Api, gateway: FakeGateway
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    person, other = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(person, event)
    payment = await start_paying(person, booking)
    await expire_with_payment_pending(api, booking["id"])
    await reserve(other, event)
    gateway.states[payment["transaction_id"]] = GatewayState.SUCCEEDED
    await money_comes(api, payment["id"])
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "refunded"
    assert list(gateway.refunds.values()) == [PRICE]
    assert await titles(person) == ["Payment Refunded"]
    assert (await person.get("/api/invoices/")).data == []
    await assert_money_balances(api.database.fetch)


async def test_money_for_an_expired_hold_goes_back_when_its_payer_has_booked_again(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(person, event)
    payment = await start_paying(person, booking)
    await expire_with_payment_pending(api, booking["id"])
    again = await reserve(person, event)
    await money_comes(api, payment["id"])
    assert await status(person, "payments", payment) == "refunded"
    assert await status(person, "bookings", again) == "pending"
    await assert_money_balances(api.database.fetch)


async def test_money_for_an_expired_hold_does_not_pass_those_in_line(api: Api, gateway: FakeGateway) -> None:
    (organizer,) = await people(api, 1, "organizer")
    person, waiting = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(person, event)
    payment = await start_paying(person, booking)
    assert (await waiting.post("/api/waitlist/", {"event": event["id"]})).status == 201
    await expire_with_payment_pending(api, booking["id"])
    await money_comes(api, payment["id"])
    assert await status(person, "payments", payment) == "refunded"


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
    await start_paying(person, booking)
    await api.run_jobs()
    held = await api.database.fetch_value("SELECT extract(epoch FROM expires_at - now())::int FROM bookings")
    assert 3890 < held <= 3900
    await let_hold_run_out(api, booking)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"


async def test_money_keeps_no_seat_past_the_start(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(person, event)
    await start_paying(person, booking, method="bank_transfer")
    assert await api.database.fetch_value("SELECT expires_at < now() + interval '8 days' FROM bookings")
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() + interval '1 hour', start_date = now() + interval '1 hour'"
    )
    (other,) = await people(api, 1)
    theirs = await reserve(other, event)
    await start_paying(other, theirs, method="bank_transfer")
    assert await api.database.fetch_value(
        "SELECT b.expires_at = e.start_date FROM bookings b JOIN events e ON e.id = b.event_id WHERE b.id = $1",
        theirs["id"],
    )


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
        await api.run_jobs(may_fail=True)
    jobs = await api.database.fetch("SELECT kind, attempts, run_at > now() AS waits FROM jobs")
    assert [dict(job) for job in jobs] == [{"kind": "void_payment", "attempts": 1, "waits": True}]


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


async def test_bank_transfers_are_not_looked_up_by_the_clock(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
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
    gateway.refund_state = RefundState.PENDING
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "owed"
    gateway.refund_state = RefundState.SUCCEEDED
    await make_jobs_due(api)
    await api.run_jobs(may_fail=True)
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "returned"
    assert list(gateway.refunds) == [f"{payment['transaction_id']}-refund"]


async def test_a_refund_that_the_bank_sends_back_is_a_persons_task(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    await api.run_jobs(may_fail=True)
    gateway.refund_state = RefundState.FAILED
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs(may_fail=True)
    (job,) = await api.database.fetch("SELECT kind, state, error FROM jobs")
    assert (job["kind"], job["state"]) == ("refund_payment", "failed")
    assert "account closed" in job["error"]
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "owed"


async def test_a_bank_transfer_is_returned_by_hand(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking, method="bank_transfer")
    await api.run_jobs()
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    await person.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "by_hand"
    await assert_money_balances(api.database.fetch)


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
