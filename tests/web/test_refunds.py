"""Who gets money back, until when, and what the answers say of it."""

from typing import Any

import pytest

from tests.api import Api, Person
from tests.web.test_payments import PRICE, paid


async def close_registration(api: Api, event: dict[str, Any]) -> None:
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() - interval '1 minute' WHERE id = $1", event["id"]
    )


async def start(api: Api, event: dict[str, Any]) -> None:
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() - interval '2 hours', start_date = now() - interval '1 hour', "
        "end_date = now() + interval '1 hour' WHERE id = $1",
        event["id"],
    )


async def test_a_cancelled_booking_says_that_its_money_goes_back(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    _, booking, _ = await paid(organizer, person)
    cancelled = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert list(cancelled.data)[-4:] == ["cancelled_at", "currency", "refund_status", "detail"]
    assert cancelled.data["refund_status"] == "refunded"
    again = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert (again.status, again.data) == (200, cancelled.data)


async def test_the_owners_late_cancellation_frees_the_seat_and_says_that_nothing_is_refunded(
    api: Api,
) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event, booking, payment = await paid(organizer, person)
    await close_registration(api, event)
    cancelled = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert (cancelled.status, cancelled.data["status"]) == (200, "cancelled")
    assert cancelled.data["refund_status"] == "not_refunded"
    assert f"USD {PRICE} is not refunded" in cancelled.data["detail"]
    await api.run_jobs()
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["status"] == "completed"
    statistics = (await organizer.get(f"/api/events/{event['id']}/statistics/")).data
    assert (statistics["total_revenue"], statistics["available_spots"]) == (29.99, 50)
    refunded = await organizer.post(f"/api/payments/{payment['id']}/refund/")
    assert (refunded.status, refunded.data["status"]) == (200, "refunded")
    again = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert again.data["refund_status"] == "refunded"


async def test_the_organizers_late_cancellation_refunds(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event, booking, payment = await paid(organizer, person)
    await start(api, event)
    assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).data["code"] == "event_started"
    cancelled = await organizer.post(f"/api/bookings/{booking['id']}/cancel/")
    assert (cancelled.status, cancelled.data["refund_status"]) == (200, "refunded")
    assert (await person.get(f"/api/payments/{payment['id']}/")).data["status"] == "refunded"


async def test_a_cancelled_booking_without_money_says_so(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    booking = await person.book(await organizer.create_event(price=PRICE))
    cancelled = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert cancelled.data["refund_status"] == "nothing_paid"


async def test_cancelling_while_the_payment_is_under_way_says_that_it_is_stopped(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    booking = await person.book(await organizer.create_event(price=PRICE))
    made = await person.post("/api/payments/", {"booking": booking["id"]})
    cancelled = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert cancelled.data["refund_status"] == "stopped"
    await api.run_jobs()
    assert (await person.get(f"/api/payments/{made.data['id']}/")).data["status"] == "cancelled"
    again = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert again.data["refund_status"] == "nothing_paid"


async def test_the_payer_gets_a_refund_until_the_registration_deadline(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event, booking, payment = await paid(organizer, person)
    await close_registration(api, event)
    late = await person.post(f"/api/payments/{payment['id']}/refund/")
    assert (late.status, late.data["code"]) == (409, "registration_closed")
    assert (await person.get(f"/api/bookings/{booking['id']}/")).data["status"] == "confirmed"


@pytest.mark.parametrize("who", ["organizer", "admin"])
async def test_organizers_and_admins_refund_at_any_time(api: Api, who: str) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event, booking, payment = await paid(organizer, person)
    await start(api, event)
    asker = organizer if who == "organizer" else await api.person("admin")
    refunded = await asker.post(f"/api/payments/{payment['id']}/refund/")
    assert (refunded.status, refunded.data["status"]) == (200, "refunded")
    assert (await person.get(f"/api/bookings/{booking['id']}/")).data["status"] == "cancelled"


async def test_a_no_show_may_be_refunded_by_the_organizer_and_stays_one(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event, booking, payment = await paid(organizer, person)
    await start(api, event)
    assert (await organizer.post(f"/api/bookings/{booking['id']}/no_show/")).status == 200
    assert (await organizer.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    assert (await person.get(f"/api/bookings/{booking['id']}/")).data["status"] == "no_show"


@pytest.mark.parametrize("path", ["", "refund/", "receipt/"])
@pytest.mark.parametrize("who", ["stranger", "other organizer"])
async def test_a_payment_does_not_exist_for_others(api: Api, who: str, path: str) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    _, _, payment = await paid(organizer, person)
    other: Person = await api.person("attendee" if who == "stranger" else "organizer")
    ask = other.post if path == "refund/" else other.get
    answer = await ask(f"/api/payments/{payment['id']}/{path}")
    assert (answer.status, answer.data["detail"]) == (404, "Not found.")
    assert (await api.anonymous.get(f"/api/payments/{payment['id']}/")).status == 401


async def test_a_cancelled_event_refunds_no_shows_and_those_who_cancelled_late_as_well(api: Api) -> None:
    organizer, away, late = await api.person("organizer"), await api.person(), await api.person()
    event, missed, first = await paid(organizer, away)
    booking = await late.book(event)
    second = (await late.post("/api/payments/", {"booking": booking["id"]})).data
    await api.run_jobs()
    await close_registration(api, event)
    assert (await late.post(f"/api/bookings/{booking['id']}/cancel/")).data["refund_status"] == "not_refunded"
    await start(api, event)
    assert (await organizer.post(f"/api/bookings/{missed['id']}/no_show/")).status == 200
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    await api.run_jobs()
    for person, payment in ((away, first), (late, second)):
        assert (await person.get(f"/api/payments/{payment['id']}/")).data["status"] == "refunded"
    assert (await organizer.get(f"/api/events/{event['id']}/statistics/")).data["total_revenue"] == 0.0
    # Their bookings had ended before, so they hear of the money alone.
    told = {note["title"] for note in (await late.get("/api/notifications/")).data}
    assert ("Payment Refunded" in told, "Event Cancelled" in told) == (True, False)
