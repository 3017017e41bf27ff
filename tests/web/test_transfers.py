"""Bank transfers, from the wish to pay by one to its money, here or back: what people say, and what they are told."""

from typing import Any

import pytest

from eventhub.services import bookings, payments
from tests.api import Api, Person, in_days
from tests.conftest import MakeApi
from tests.money import (
    assert_money_balances,
    end_hold,
    let_hold_run_out,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
    status,
)
from tests.rows import move_event, pass_deadline
from tests.web.test_errors import check_error
from tests.web.test_payments import PRICE

ACCOUNT = "Event Hub Ltd\nIBAN XX00 1234"


async def begin(api: Api, **details: Any) -> tuple[Person, Person, dict[str, Any], dict[str, Any]]:
    """Return (organizer, payer, booking, payment) of a transfer under way."""
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    booking = await reserve(person, await organizer.create_event(price=PRICE, **details))
    payment = await start_paying(person, booking, method="bank_transfer")
    await api.run_jobs()
    return organizer, person, booking, payment


async def told(person: Person, title: str) -> list[str]:
    notes = (await person.get("/api/notifications/?page_size=200")).data
    return [note["message"] for note in notes if note["title"] == title]


async def tick(api: Api) -> None:
    async with api.database.transaction() as tx:
        await payments.check_pending(tx)
    await api.run_jobs()


async def test_payer_and_organizer_are_told_what_to_do(make_api: MakeApi) -> None:
    api = await make_api(bank_details=tuple(ACCOUNT.splitlines()))
    organizer, person, _, payment = await begin(api)
    assert payment["reference_number"] == payment["transaction_id"]
    (ask,) = await told(person, "Transfer to Make")
    for fact in (
        f"transfer USD {PRICE} for Test Workshop to:",
        ACCOUNT,
        payment["transaction_id"],
        "must arrive by",
    ):
        assert fact in ask
    (watch,) = await told(organizer, "Transfer Under Way")
    assert payment["transaction_id"] in watch
    assert f"complete payment {payment['id']}" in watch


async def test_without_an_account_the_organizer_is_to_be_asked(api: Api) -> None:
    _, person, _, _ = await begin(api)
    (ask,) = await told(person, "Transfer to Make")
    assert "to the account that the event's organizer names. Quote" in ask


async def test_a_transfer_that_arrived_is_completed_once(api: Api) -> None:
    organizer, person, booking, payment = await begin(api)
    for _ in range(2):
        done = await organizer.post(f"/api/payments/{payment['id']}/complete/")
        assert (done.status, done.data["status"]) == (200, "completed")
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "confirmed"
    assert len((await person.get("/api/invoices/")).data) == 1
    await assert_money_balances(api.database.fetch)


async def test_only_a_transfer_is_completed_or_returned_by_hand(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    for action in ("complete", "mark_returned"):
        path = f"/api/payments/{payment['id']}/{action}/"
        check_error(await organizer.post(path), 409, "wrong_state")
        check_error(await person.post(path), 403, "permission_denied")


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_transfer_that_comes_after_its_time_buys_the_seats_that_are_free(
    api: Api, is_over: bool
) -> None:
    organizer, person, booking, payment = await begin(api, max_attendees=1)
    await let_hold_run_out(api, booking)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "cancelled"
    assert await status(person, "bookings", booking) == "cancelled"
    (asked,) = await told(organizer, "Transfer No Longer Expected")
    assert f"complete payment {payment['id']}" in asked
    if is_over:
        await move_event(api.database, booking["event"], starts_in_hours=-3)
    done = await organizer.post(f"/api/payments/{payment['id']}/complete/")
    assert (done.status, done.data["status"]) == (200, "completed")
    assert await status(person, "bookings", booking) == "confirmed"
    await assert_money_balances(api.database.fetch)


@pytest.mark.parametrize("how", ["seats are gone", "cancelled by its owner", "event cancelled"])
async def test_a_transfer_that_buys_nothing_is_returned_by_hand(api: Api, how: str) -> None:
    organizer, person, booking, payment = await begin(api, max_attendees=1)
    if how == "seats are gone":
        await let_hold_run_out(api, booking)
        await api.run_jobs()
        other = await api.person()
        await reserve(other, {"id": booking["event"]})
    elif how == "cancelled by its owner":
        cancelled = (await person.post(f"/api/bookings/{booking['id']}/cancel/")).data
        assert (cancelled["refund_status"], "no longer expected" in cancelled["detail"]) == ("stopped", True)
    else:
        await organizer.post(f"/api/events/{booking['event']}/cancel/")
    await api.run_jobs()
    path = f"/api/payments/{payment['id']}/"
    for _ in range(2):
        late = await organizer.post(f"{path}complete/")
        assert (late.status, late.data["status"]) == (200, "refunded")
        await api.run_jobs()
    assert (await person.get(path)).data["refund_state"] == "by_hand"
    assert len(await told(organizer, "Refund to Make by Hand")) == 1
    check_error(await person.post(f"{path}mark_returned/"), 403, "permission_denied")
    for _ in range(2):
        back = await organizer.post(f"{path}mark_returned/")
        assert (back.status, back.data["refund_state"]) == (200, "returned")
    assert len(await told(person, "Refund Sent")) == 1
    await assert_money_balances(api.database.fetch)


async def test_a_refund_by_hand_ends_when_the_organizer_says_so(api: Api) -> None:
    organizer, person, booking, payment = await begin(api)
    path = f"/api/payments/{payment['id']}/"
    check_error(await organizer.post(f"{path}mark_returned/"), 409, "wrong_state")
    await organizer.post(f"{path}complete/")
    cancelled = (await person.post(f"/api/bookings/{booking['id']}/cancel/")).data
    assert cancelled["detail"] == f"The organizer has been asked to return USD {PRICE} by hand."
    await api.run_jobs()
    check_error(await organizer.post(f"{path}complete/"), 409, "wrong_state")
    assert (await organizer.post(f"{path}mark_returned/")).data["refund_state"] == "returned"


async def test_the_payer_cancels_a_transfer_and_pays_in_another_way(api: Api) -> None:
    organizer, person, booking, payment = await begin(api)
    check_error(await organizer.post(f"/api/payments/{payment['id']}/cancel/"), 403, "permission_denied")
    assert (await person.post(f"/api/payments/{payment['id']}/cancel/")).data["status"] == "cancelled"
    assert len(await told(organizer, "Transfer No Longer Expected")) == 1
    card = await start_paying(person, booking, method="mock")
    await api.run_jobs()
    assert await status(person, "payments", card) == "completed"
    # It was on its way all the same.
    late = await organizer.post(f"/api/payments/{payment['id']}/complete/")
    assert late.data["status"] == "refunded"
    await api.run_jobs()
    await assert_money_balances(api.database.fetch)


async def test_a_cancelled_event_expects_no_transfer_of_who_did_not_come(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    payment = await start_paying(person, booking, method="bank_transfer")
    await move_event(api.database, booking["event"], starts_in_hours=-1)
    assert (await organizer.post(f"/api/bookings/{booking['id']}/no_show/")).status == 200
    assert (await organizer.post(f"/api/events/{booking['event']}/cancel/")).status == 200
    await api.run_jobs()
    assert await status(person, "payments", payment) == "cancelled"


@pytest.mark.parametrize("is_no_show", [False, True])
async def test_a_transfer_for_a_confirmed_booking_that_never_comes_ends_in_its_time(
    api: Api, is_no_show: bool
) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    payment = await start_paying(person, booking, method="bank_transfer")
    if is_no_show:
        await move_event(api.database, booking["event"], starts_in_hours=-1)
        assert (await organizer.post(f"/api/bookings/{booking['id']}/no_show/")).status == 200
    await tick(api)
    assert await status(person, "payments", payment) == "pending"
    await api.database.execute("UPDATE payments SET wait_until = now()")
    await tick(api)
    assert await status(person, "payments", payment) == "cancelled"
    assert len(await told(person, "Please Do Not Transfer")) == 1
    # Its organizer's word counts, whenever the money comes.
    done = await organizer.post(f"/api/payments/{payment['id']}/complete/")
    assert done.data["status"] == "completed"
    await assert_money_balances(api.database.fetch)


@pytest.mark.parametrize("how", ["hold runs out", "event cancelled"])
async def test_who_is_about_to_transfer_is_told_to_stop(api: Api, how: str) -> None:
    organizer, person, booking, payment = await begin(api)
    if how == "hold runs out":
        await let_hold_run_out(api, booking)
    else:
        await organizer.post(f"/api/events/{booking['event']}/cancel/")
    await api.run_jobs()
    (stop,) = await told(person, "Please Do Not Transfer")
    assert payment["transaction_id"] in stop
    assert stop.endswith("Otherwise there is nothing left to pay.")


async def test_who_gives_a_payment_up_after_the_bookings_own_hold_has_a_while_for_another(api: Api) -> None:
    _, person, booking, payment = await begin(api)
    await end_hold(api, booking["id"])
    assert (await person.post(f"/api/payments/{payment['id']}/cancel/")).status == 200
    async with api.database.transaction() as tx:
        await bookings.expire_overdue(tx)
    await api.run_jobs()
    left = "SELECT extract(epoch FROM expires_at - now()) FROM bookings"
    assert 890 < await api.database.fetch_value(left) <= 900
    card = await start_paying(person, booking, method="mock")
    await api.run_jobs()
    assert await status(person, "payments", card) == "completed"
    assert await status(person, "bookings", booking) == "confirmed"


async def test_who_tried_a_card_long_ago_may_try_it_again_after_a_transfer(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    first = await start_paying(person, booking, method="mock")
    await person.post(f"/api/payments/{first['id']}/cancel/")
    await api.run_jobs()  # else the next one's job may meet this one's, and wait for it
    transfer = await start_paying(person, booking, method="bank_transfer")
    await api.run_jobs()
    await api.database.execute("UPDATE payments SET created_at = created_at - interval '3 days'")
    await end_hold(api, booking["id"])
    assert (await person.post(f"/api/payments/{transfer['id']}/cancel/")).status == 200
    card = await start_paying(person, booking, method="mock")
    held = "SELECT wait_until <= b.expires_at FROM payments p JOIN bookings b ON b.id = p.booking_id ORDER BY p.id DESC LIMIT 1"
    assert await api.database.fetch_value(held), "no longer than the while that is left"
    await api.run_jobs()
    assert await status(person, "payments", card) == "completed"


async def test_transfers_given_up_and_begun_again_hold_no_seat_longer(api: Api) -> None:
    _, person, booking, payment = await begin(
        api, registration_deadline=in_days(30), start_date=in_days(31), end_date=in_days(32)
    )
    await api.database.execute(
        "UPDATE payments SET created_at = now() - interval '6 days', wait_until = now() + interval '1 day'"
    )
    assert (await person.post(f"/api/payments/{payment['id']}/cancel/")).status == 200
    await start_paying(person, booking, method="bank_transfer")
    holds = "SELECT wait_until - now() < interval '1 day' FROM payments ORDER BY id DESC LIMIT 1"
    assert await api.database.fetch_value(holds)


async def test_no_transfer_is_begun_that_is_due_already(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    await pass_deadline(api.database, booking["event"])
    body = {"booking": booking["id"], "method": "bank_transfer"}
    check_error(await person.post("/api/payments/", body), 409, "hold_expired")
    assert (await person.post("/api/payments/", {"booking": booking["id"], "method": "mock"})).status == 201


async def test_a_deadline_that_comes_nearer_is_told_to_who_is_transferring(api: Api) -> None:
    organizer, person, booking, _ = await begin(api)
    sooner = in_days(1)
    path = f"/api/events/{booking['event']}/"
    assert (await organizer.patch(path, {"registration_deadline": sooner})).status == 200
    (message,) = await told(person, "Transfer Due Sooner")
    assert "so your transfer must arrive by" in message


async def test_what_a_gateway_could_not_return_is_marked_as_returned_as_well(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    await organizer.post(f"/api/payments/{payment['id']}/refund/")
    await api.database.execute("UPDATE payments SET refund_state = 'by_hand'")
    back = await organizer.post(f"/api/payments/{payment['id']}/mark_returned/")
    assert (back.status, back.data["refund_state"]) == (200, "returned")


async def test_a_nearer_deadline_leaves_what_is_due_before_it_and_what_is_no_transfer(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    early, card, confirmed, late = await people(api, 4)
    event = await organizer.create_event(price=PRICE)
    made = {}
    for person in (early, card, confirmed, late):
        await person.verify()
        booking = await reserve(person, event)
        method = "mock" if person is card else "bank_transfer"
        made[person.id] = await start_paying(person, booking, method=method)
        if person is confirmed:
            await api.database.execute(
                "UPDATE bookings SET status = 'confirmed' WHERE id = $1", booking["id"]
            )
            await api.database.execute("UPDATE events SET seats_confirmed = seats_confirmed + 1")
    until = "UPDATE payments SET wait_until = now() + $2 * interval '1 hour' WHERE id = $1"
    for person, hours in ((early, 1), (card, 48), (confirmed, 48)):
        await api.database.execute(until, made[person.id]["id"], hours)

    async def waits() -> dict[int, Any]:
        rows = await api.database.fetch("SELECT user_id, wait_until FROM payments")
        return {row["user_id"]: row["wait_until"] for row in rows}

    before = await waits()
    path = f"/api/events/{event['id']}/"
    assert (await organizer.patch(path, {"registration_deadline": in_days(1)})).status == 200
    after = await waits()
    assert {person for person in before if before[person] != after[person]} == {late.id}
    for person in (early, card, confirmed, late):
        assert len(await told(person, "Transfer Due Sooner")) == (person is late)


async def test_who_ends_a_transfer_by_themselves_is_not_told_to_stop(api: Api) -> None:
    organizer, person, booking, payment = await begin(api)
    assert (await person.post(f"/api/payments/{payment['id']}/cancel/")).status == 200
    await start_paying(person, booking, method="bank_transfer")
    await api.run_jobs()
    assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.run_jobs()
    assert await told(person, "Please Do Not Transfer") == []
    ends = [text.rpartition(": ")[2] for text in await told(organizer, "Transfer No Longer Expected")]
    assert sorted(ends) == [
        "it buys its seats where they are still free, or else you are asked to return it.",
        "you are then asked to return it.",
    ]


async def test_the_end_of_a_transfer_says_what_may_be_done_instead(api: Api) -> None:
    organizer, person, booking, _ = await begin(api)
    other, theirs = await api.person(), "UPDATE payments SET wait_until = now()"
    await other.verify()
    second = await reserve(other, {"id": booking["event"]})
    await organizer.post(f"/api/bookings/{second['id']}/confirm/")
    await start_paying(other, second, method="bank_transfer")
    await api.database.execute(theirs)
    await let_hold_run_out(api, booking)
    await tick(api)
    (expired,) = await told(person, "Please Do Not Transfer")
    (stays,) = await told(other, "Please Do Not Transfer")
    assert expired.endswith("Otherwise there is nothing left to pay.")
    assert stays.endswith("Otherwise you can pay in another way.")
    texts = await told(organizer, "Transfer No Longer Expected")
    assert all("it buys its seats where they are still free" in text for text in texts)


@pytest.mark.parametrize(("method", "wait"), [("bank_transfer", "7 days"), ("mock", "3900 seconds")])
async def test_the_third_payment_holds_no_seat_longer_than_the_first_might(
    api: Api, method: str, wait: str
) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    event = await organizer.create_event(price=PRICE, start_date=in_days(30), end_date=in_days(31))
    booking = await reserve(person, event)
    for age in (f"interval '{wait}' - interval '600 seconds'", "interval '60 seconds'"):
        payment = await start_paying(person, booking, method=method)
        await api.database.execute("DELETE FROM jobs")
        await api.database.execute(
            f"UPDATE payments SET status = 'cancelled', created_at = now() - ({age}) WHERE id = $1",
            payment["id"],
        )
    await api.database.execute("UPDATE bookings SET expires_at = now() + interval '1 minute'")
    await start_paying(person, booking, method=method)
    left = "SELECT extract(epoch FROM wait_until - now()) FROM payments ORDER BY id DESC LIMIT 1"
    assert 500 < await api.database.fetch_value(left) <= 600


@pytest.mark.parametrize(
    ("hold", "wait", "left"),
    [(-1, 100, 100), (-1, 5000, 900), (600, 5000, 900), (1200, 5000, 1200), (600, 300, 600)],
)
async def test_giving_a_payment_up_shortens_no_hold_and_lengthens_none_past_the_payments_time(
    api: Api, hold: int, wait: int, left: int
) -> None:
    _, person, _, payment = await begin(api)
    await api.database.execute("UPDATE bookings SET expires_at = now() + $1 * interval '1 second'", hold)
    await api.database.execute("UPDATE payments SET wait_until = now() + $1 * interval '1 second'", wait)
    assert (await person.post(f"/api/payments/{payment['id']}/cancel/")).status == 200
    seconds = await api.database.fetch_value(
        "SELECT extract(epoch FROM expires_at - now())::float8 FROM bookings"
    )
    assert left - 30 < seconds <= left


async def test_the_organizers_word_completes_a_transfer_and_no_card(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking, method="mock")
    assert (await organizer.post(f"/api/bookings/{booking['id']}/confirm/")).status == 200
    assert await status(person, "payments", payment) == "pending"
    assert (await person.get("/api/invoices/")).data == []


async def test_a_refund_of_nothing_is_returned_at_once_by_no_job(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event()))
    await api.run_jobs()
    refunded = await organizer.post(f"/api/payments/{payment['id']}/refund/")
    assert (refunded.data["status"], refunded.data["refund_state"]) == ("refunded", "returned")
    assert await api.database.fetch_value("SELECT count(*) FROM jobs WHERE kind = 'refund_payment'") == 0


async def test_a_person_who_pays_nothing_by_transfer_is_told_of_none(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    await start_paying(person, await reserve(person, await organizer.create_event()), method="bank_transfer")
    assert await told(person, "Transfer to Make") == []
    assert await told(organizer, "Transfer Under Way") == []
