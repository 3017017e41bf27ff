"""Money that goes back: by a gateway, from a bank, or by hand."""

import pytest

from eventhub.services import jobs
from eventhub.services.ports.payments import GatewayRefundState, GatewayState
from tests.api import Api, Person
from tests.money import (
    PRICE,
    FakeGateway,
    assert_money_balances,
    end_hold,
    make_jobs_due,
    organizer_and_payer,
    provider_reports,
    reserve,
    start_paying,
    status,
)


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
