"""One booking's story, and how operators find it."""

from datetime import timedelta

import pytest

from eventhub.errors import NotFound
from eventhub.services.operations import actions, search, story
from eventhub.services.operations.story import Story
from tests.api import Api
from tests.money import (
    PRICE,
    FakeGateway,
    let_hold_run_out,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
)
from tests.rows import NOW, insert


async def tell(api: Api, booking_id: int) -> Story:
    return await story.tell(api.database, booking_id)


def whats(told: Story, *about: str) -> list[str]:
    return [entry.what for entry in told.entries if not about or entry.about in about]


async def test_a_paid_and_refunded_booking_is_told_in_order_with_each_request(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, payer = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(payer, event)
    paid = await payer.post(
        "/api/payments/", {"booking": booking["id"]}, headers={"X-Request-ID": "the-payment"}
    )
    await api.run_jobs()
    await payer.post(f"/api/bookings/{booking['id']}/cancel/", headers={"X-Request-ID": "the-end"})
    await api.run_jobs()
    told = await tell(api, booking["id"])
    moments = [entry.moment for entry in told.entries]
    assert moments == sorted(moments)
    assert whats(told, "booking", "payment", "invoice") == [
        "booking created",
        "payment created",
        "booking confirmed",
        "payment completed",
        "invoice issued",
        "booking cancelled",
        "payment refunded",
        "credit note issued",
        "payment returned",
    ]
    by_what = {entry.what: entry for entry in told.entries}
    requests = {what: by_what[what].request_id for what in whats(told, "booking", "payment", "invoice")}
    assert set(list(requests.values())[1:5]) == {"the-payment"}
    assert set(list(requests.values())[5:]) == {"the-end"}
    assert by_what["booking cancelled"].details == {
        "number_of_tickets": 1,
        "reason": "by_owner",
        "via": "user",
        "actor": payer.id,
    }
    assert by_what["payment created"].details["transaction_id"] == paid.data["transaction_id"]
    assert by_what["payment refunded"].details["refund_state"] == "returned"
    assert by_what["credit note issued"].details["number"].startswith("CRN-")
    ended = [entry.details["outcome"] for entry in told.entries if entry.what == "job send_invoice ended"]
    assert ended == ["done", "done"]
    news = [entry.details["title"] for entry in told.entries if entry.about == "notification"]
    assert news == ["Booking Confirmation", "Payment Received", "Payment Refunded", "Booking Cancelled"]
    assert (told.booking.status, told.booking.cancel_reason) == ("cancelled", "by_owner")


async def test_a_hold_that_ran_out_and_a_payment_that_failed_are_told(api: Api, gateway: FakeGateway) -> None:
    organizer, payer = await organizer_and_payer(api)
    booking = await reserve(payer, await organizer.create_event(price=PRICE))
    held = await tell(api, booking["id"])
    assert whats(held) == ["booking created", "booking held until then"]
    payment = await start_paying(payer, booking)
    await api.database.execute(
        "UPDATE payments SET status = 'failed', failure = 'declined', processed_at = now(), void_since = now() "
        "WHERE id = $1",
        payment["id"],
    )
    await let_hold_run_out(api, booking)
    await api.run_jobs()
    told = await tell(api, booking["id"])
    assert "payment failed" in whats(told)
    assert {entry.what: entry.details for entry in told.entries}["payment failed"] == {"failure": "declined"}
    assert {entry.what: entry.details for entry in told.entries}["booking expired"]["reason"] == "expired"


async def test_a_job_that_failed_and_who_had_it_tried_again_are_told(api: Api, gateway: FakeGateway) -> None:
    organizer, payer = await organizer_and_payer(api)
    booking = await reserve(payer, await organizer.create_event(price=PRICE))
    await start_paying(payer, booking)
    await api.database.execute("UPDATE jobs SET state = 'failed', error = 'no key', attempts = 20")
    (job_id,) = [row["id"] for row in await api.database.fetch("SELECT id FROM jobs")]
    (failed,) = [entry for entry in (await tell(api, booking["id"])).entries if entry.about == "job"]
    assert failed.what == "job process_payment failed"
    assert (failed.details["error"], failed.details["attempts"]) == ("no key", "20 of 20")
    async with api.database.transaction() as tx:
        await actions.retry(tx, actions.Actor("root"), job_id)
    told = await tell(api, booking["id"])
    assert "job process_payment queued" in whats(told)
    (act,) = [entry for entry in told.entries if entry.about == "admin_action"]
    assert (act.what, act.details) == ("by hand: retry", {"actor": "root", "subject": f"job {job_id}"})


async def test_waitlist_and_certificate_belong_to_the_story(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second = await people(api, 2)
    event = await organizer.create_event(max_attendees=1)
    booking = await first.book(event)
    assert (await second.post("/api/waitlist/", {"event": event["id"]})).status == 201
    await first.post(f"/api/bookings/{booking['id']}/cancel/")
    await api.run_jobs()
    (mine,) = (await second.get("/api/bookings/")).data
    await api.database.execute(
        "UPDATE events SET registration_deadline = now(), start_date = now() WHERE id = $1", event["id"]
    )
    await organizer.post(f"/api/events/{event['id']}/complete/")
    await api.run_jobs()
    told = whats(await tell(api, mine["id"]), "waitlist_entry", "certificate")
    assert told == [
        "waitlist joined",
        "waitlist offered",
        "waitlist accepted",
        "certificate issued",
    ]


async def test_money_that_bought_no_seat_was_never_completed(api: Api) -> None:
    organizer, payer = await organizer_and_payer(api)
    booking = await reserve(payer, await organizer.create_event(price=PRICE))
    payment = await start_paying(payer, booking)
    await api.database.execute(
        "UPDATE payments SET status = 'refunded', processed_at = now(), refunded_at = now(), refund_state = 'by_hand', "
        "dispute = 'open' WHERE id = $1",
        payment["id"],
    )
    assert sorted(whats(await tell(api, booking["id"]), "payment")) == [
        "payment created",
        "payment refunded",
        "payment's dispute last looked at",
    ]


async def test_a_booking_that_is_not_there_has_no_story(api: Api) -> None:
    with pytest.raises(NotFound):
        await tell(api, 4711)


@pytest.fixture
async def sold(api: Api) -> dict[str, str]:
    """Return what an operator may have in hand of the one booking that is paid for, beside one of somebody else."""
    (organizer,) = await people(api, 1, "organizer")
    payer = await api.person()
    (other,) = await people(api, 1)
    event = await organizer.create_event(price=PRICE)
    await reserve(other, event)
    booking = await reserve(payer, event)
    payment = await payer.post(
        "/api/payments/", {"booking": booking["id"]}, headers={"X-Request-ID": "abc-1"}
    )
    job_id = await api.database.fetch_value("SELECT id FROM jobs WHERE kind = 'process_payment'")
    await api.run_jobs()
    number = await api.database.fetch_value("SELECT invoice_number FROM invoices")
    return {
        "booking": str(booking["id"]),
        "email": payer.user["email"].upper(),
        "username": f" {payer.user['username']} ",
        "transaction": payment.data["transaction_id"].lower(),
        "invoice": number,
        "request": "abc-1",
        "job": str(job_id),
    }


@pytest.mark.parametrize("by", ["booking", "email", "username", "transaction", "invoice", "request"])
async def test_each_thing_in_hand_leads_to_booking_and_payment(
    api: Api, sold: dict[str, str], by: str
) -> None:
    found = await search.find(api.database, sold[by])
    assert int(sold["booking"]) in {booking.id for booking in found.bookings}
    assert [payment.transaction_id for payment in found.payments] == [sold["transaction"].upper()]
    assert len(found.users) == (by in {"email", "username"})


async def test_a_request_leads_to_its_jobs_and_a_job_to_itself(api: Api, sold: dict[str, str]) -> None:
    of_request = await search.find(api.database, "abc-1")
    assert {"process_payment", "send_invoice", "send_notification"} == {job.kind for job in of_request.jobs}
    (job,) = [
        job for job in (await search.find(api.database, sold["job"])).jobs if job.kind == "process_payment"
    ]
    assert (job.state, job.request_id) == ("done", "abc-1")


@pytest.mark.parametrize(
    "text", ["", "-", "0", "%", "nobody@example.com", "9" * 30, "²", "EVH-", "1; DROP TABLE jobs"]
)
async def test_what_is_in_no_row_finds_nothing(api: Api, sold: dict[str, str], text: str) -> None:
    assert await search.find(api.database, text) == search.Found()


async def test_a_search_finds_a_bounded_number_and_the_newest(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    payer = await api.person()
    event = await organizer.create_event()
    made = [
        await insert(
            api.database,
            "bookings",
            {
                "event_id": event["id"],
                "user_id": payer.id,
                "status": "cancelled",
                "number_of_tickets": 1,
                "total_price": 0,
                "special_requirements": "",
                "registered_at": NOW + timedelta(seconds=number),
                "expires_at": NOW,
            },
        )
        for number in range(search.FOUND + 1)
    ]
    found = await search.find(api.database, payer.user["email"])
    assert [booking.id for booking in found.bookings] == made[:0:-1]


async def test_what_the_rows_say_no_more_is_told_from_the_facts_and_without_facts_the_rows_are(
    api: Api,
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    (person,) = await people(api, 1)
    event = await organizer.create_event()
    booking = await person.book(event)
    await api.database.execute("UPDATE events SET registration_deadline = now(), start_date = now()")
    for action in ("no_show", "attended"):
        await organizer.post(f"/api/bookings/{booking['id']}/{action}/", headers={"X-Request-ID": action})
    told = (await tell(api, booking["id"])).entries
    assert [(entry.what, entry.request_id) for entry in told if entry.about == "booking"][2:] == [
        ("booking no-show", "no_show"),
        ("booking attended", "attended"),
    ]
    await api.database.execute("DELETE FROM facts")
    assert whats(await tell(api, booking["id"]), "booking") == ["booking created", "booking confirmed"]
