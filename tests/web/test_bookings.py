"""Bookings over HTTP: seats, states, and whose they are."""

from typing import Any

import pytest

from eventhub.services import bookings
from tests.api import Answer, Api
from tests.conftest import MakeApi
from tests.rows import move_event, pass_deadline, run_out, seats, told
from tests.web.test_errors import check_error


async def test_a_free_booking_is_pending_then_confirmed_by_a_job(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    made = await person.post(
        "/api/bookings/",
        {"event": event["id"], "number_of_tickets": 1, "special_requirements": "Need vegetarian meals"},
    )
    assert made.status == 201
    assert made.data["status"] == "pending"
    assert await api.run_jobs() >= 1
    booking = await person.get(f"/api/bookings/{made.data['id']}/")
    assert booking.data["status"] == "confirmed"
    notes = await person.get("/api/notifications/")
    assert [note["notification_type"] for note in notes.data] == ["booking_confirmation"]
    assert await seats(api.database, event["id"]) == (1, 1, 0)


async def test_repeating_what_took_effect_is_no_error(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    made = (await person.post("/api/bookings/", {"event": event["id"]})).data
    path = f"/api/bookings/{made['id']}/"
    first = await person.post(f"{path}confirm/")
    again = await person.post(f"{path}confirm/")
    assert (first.status, again.status) == (200, 200)
    assert first.data == again.data
    await api.run_jobs()
    assert await told(api.database, person.id) == ["booking_confirmation"]
    first = await person.post(f"{path}cancel/")
    again = await person.post(f"{path}cancel/")
    assert (first.status, again.status) == (200, 200)
    assert first.data == again.data
    assert first.data["status"] == "cancelled"
    assert first.data["cancelled_at"]
    assert await seats(api.database, event["id"]) == (0, 0, 0)
    check_error(await person.post(f"{path}confirm/"), 409, "wrong_state")


async def test_one_active_booking_per_person_and_event(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(max_attendees=1)
    body = {"event": event["id"]}
    for _ in range(2):
        made = await person.post("/api/bookings/", body)
        assert made.status == 201
        check_error(await person.post("/api/bookings/", body), 409, "already_booked")
        await api.run_jobs()
        check_error(await person.post("/api/bookings/", body), 409, "already_booked")
        check_error(await person.post("/api/waitlist/", body), 409, "already_booked")
        await person.post(f"/api/bookings/{made.data['id']}/cancel/")
    statuses = [booking["status"] for booking in (await person.get("/api/bookings/")).data]
    assert statuses == ["cancelled", "cancelled"]


async def test_seats_are_never_oversold(api: Api) -> None:
    organizer, first, second = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event(max_attendees=3)
    body = {"event": event["id"], "number_of_tickets": 2}
    assert (await first.post("/api/bookings/", body)).status == 201
    answer = await second.post("/api/bookings/", body)
    check_error(answer, 409, "sold_out")
    assert "1 seats left" in answer.data["detail"]
    assert (await second.post("/api/bookings/", {"event": event["id"]})).status == 201
    assert await seats(api.database, event["id"]) == (3, 0, 0)
    detail = (await api.anonymous.get(f"/api/events/{event['id']}/")).data
    assert (detail["attendees_count"], detail["available_spots"]) == (0, 0)


async def test_the_price_is_fixed_when_booked(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(price="29.99")
    body = {"event": event["id"], "number_of_tickets": 3, "total_price": "0.00", "status": "confirmed"}
    made = await person.post("/api/bookings/", body)
    assert (made.data["total_price"], made.data["status"]) == ("89.97", "pending")
    await organizer.patch(f"/api/events/{event['id']}/", {"price": "99999999.99"})
    await api.run_jobs()
    booking = (await person.get(f"/api/bookings/{made.data['id']}/")).data
    assert (booking["total_price"], booking["status"]) == ("89.97", "pending")


async def test_registration_closes_with_the_deadline_and_the_state(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    late, started, cancelled = [await organizer.create_event() for _ in range(3)]
    await pass_deadline(api.database, late["id"])
    await api.database.execute("UPDATE events SET status = 'ongoing' WHERE id = $1", started["id"])
    await organizer.post(f"/api/events/{cancelled['id']}/cancel/")
    draft = await organizer.create_event(publish=False)
    for event in (late, started, cancelled):
        for where in ("bookings", "waitlist"):
            answer = await person.post(f"/api/{where}/", {"event": event["id"]})
            check_error(answer, 409, "registration_closed")
    check_error(await organizer.post("/api/bookings/", {"event": draft["id"]}), 409, "registration_closed")
    assert (await api.anonymous.get(f"/api/events/{late['id']}/")).data["is_registration_open"] is False


async def test_who_pays_does_not_confirm_but_the_organizer_may(api: Api) -> None:
    organizer, other, person, admin = (
        await api.person("organizer"),
        await api.person("organizer"),
        await api.person(),
        await api.person("admin"),
    )
    event = await organizer.create_event(price="1.00")
    made = (await person.post("/api/bookings/", {"event": event["id"]})).data
    path = f"/api/bookings/{made['id']}/confirm/"
    check_error(await person.post(path), 409, "payment_required")
    check_error(await other.post(path), 404, "not_found")
    confirmed = await organizer.post(path)
    assert (confirmed.status, confirmed.data["status"]) == (200, "confirmed")
    assert (await person.post(path)).status == 200
    assert await told(api.database, person.id) == ["booking_confirmation"]
    second = (await other.post("/api/bookings/", {"event": event["id"]})).data
    assert (await admin.post(f"/api/bookings/{second['id']}/confirm/")).status == 200


async def test_bookings_are_their_owners_and_the_organizers(api: Api) -> None:
    organizer, other, person, admin = (
        await api.person("organizer"),
        await api.person("organizer"),
        await api.person(),
        await api.person("admin"),
    )
    event = await organizer.create_event()
    booking = await person.book(event)
    path = f"/api/bookings/{booking['id']}/"
    for method, action in (
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "confirm/"),
        ("POST", "cancel/"),
        ("POST", "no_show/"),
        ("POST", "attended/"),
    ):
        check_error(await other.request(method, path + action, {}), 404, "not_found")
    for reader, found in ((person, [booking["id"]]), (organizer, []), (other, []), (admin, [])):
        assert [row["id"] for row in (await reader.get("/api/bookings/")).data] == found
    for reader, found in (
        (person, [booking["id"]]),
        (organizer, [booking["id"]]),
        (other, []),
        (admin, [booking["id"]]),
    ):
        answer = await reader.get(f"/api/bookings/?event={event['id']}&count=true")
        assert [row["id"] for row in answer.data] == found
        assert answer.headers["X-Total-Count"] == str(len(found))
    assert (await organizer.get(path)).status == 200
    check_error(await organizer.patch(path, {"special_requirements": "None"}), 403, "permission_denied")
    changed = await person.patch(
        path, {"special_requirements": "Ramp", "number_of_tickets": 9, "status": "pending"}
    )
    assert changed.data == {**booking, "special_requirements": "Ramp"}
    assert (await person.patch(path, {})).data == changed.data


async def test_owners_cancel_until_the_start_and_organizers_after_it_too(api: Api) -> None:
    organizer, first, second = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event()
    bookings_made = [await person.book(event) for person in (first, second)]
    await pass_deadline(api.database, event["id"])
    path = f"/api/bookings/{bookings_made[0]['id']}/cancel/"
    assert (await first.post(path)).data["status"] == "cancelled"
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await first.post(path)).status == 200
    path = f"/api/bookings/{bookings_made[1]['id']}/cancel/"
    check_error(await second.post(path), 409, "event_started")
    assert (await organizer.post(path)).data["status"] == "cancelled"
    for person in (first, second):
        assert await told(api.database, person.id) == ["booking_confirmation", "system_announcement"]
    assert await seats(api.database, event["id"]) == (0, 0, 0)


async def test_a_no_show_is_recorded_by_the_organizer_after_the_start(api: Api) -> None:
    organizer, person, pending = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event()
    booking = await person.book(event, tickets=2)
    waiting = (await pending.post("/api/bookings/", {"event": event["id"]})).data
    path = f"/api/bookings/{booking['id']}/"
    check_error(await person.post(f"{path}no_show/"), 403, "permission_denied")
    check_error(await organizer.post(f"{path}no_show/"), 409, "event_not_started")
    await move_event(api.database, event["id"], starts_in_hours=-1)
    check_error(await organizer.post(f"/api/bookings/{waiting['id']}/no_show/"), 409, "wrong_state")
    for _ in range(2):
        recorded = await organizer.post(f"{path}no_show/")
        assert (recorded.status, recorded.data["status"]) == (200, "no_show")
    for action in ("confirm", "cancel"):
        check_error(await organizer.post(f"{path}{action}/"), 409, "wrong_state")
    attendees = await api.anonymous.get(f"/api/events/{event['id']}/attendees/")
    assert attendees.data == []
    assert await seats(api.database, event["id"]) == (1, 0, 0)


async def test_holds_that_ran_out_are_cancelled_by_the_clock_and_told_once(api: Api) -> None:
    organizer, late, on_time = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event(price="5.00", max_attendees=3)
    overdue = (await late.post("/api/bookings/", {"event": event["id"], "number_of_tickets": 2})).data
    held = (await on_time.post("/api/bookings/", {"event": event["id"]})).data
    await run_out(api.database, overdue["id"])
    for found in (1, 0):  # once a job waits to look at it, there is nothing more to do
        async with api.database.transaction() as tx:
            assert await bookings.expire_overdue(tx) == found
    await api.run_jobs()
    async with api.database.transaction() as tx:
        assert await bookings.expire_overdue(tx) == 0
    ended = (await late.get(f"/api/bookings/{overdue['id']}/")).data
    assert ended["status"] == "cancelled"
    assert (await on_time.get(f"/api/bookings/{held['id']}/")).data["status"] == "pending"
    assert await told(api.database, late.id) == ["system_announcement"]
    assert await seats(api.database, event["id"]) == (1, 0, 0)
    assert (await late.post("/api/bookings/", {"event": event["id"]})).status == 201


async def test_a_free_booking_whose_job_is_late_is_confirmed_when_its_hold_runs_out(api: Api) -> None:
    """Redis may be away for longer than a hold: what costs nothing is not lost for it."""
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    booking = (await person.post("/api/bookings/", {"event": event["id"]})).data
    await run_out(api.database, booking["id"])
    async with api.database.transaction() as tx:  # before the job that confirms it
        await bookings.expire(tx, booking["id"])
    await api.run_jobs()
    assert (await person.get(f"/api/bookings/{booking['id']}/")).data["status"] == "confirmed"
    assert await told(api.database, person.id) == ["booking_confirmation"]
    assert await seats(api.database, event["id"]) == (1, 1, 0)


@pytest.mark.parametrize("first", ["clock", "job"])
async def test_a_free_booking_whose_job_is_late_is_confirmed_when_the_event_is_over(
    api: Api, first: str
) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    booking = (await person.post("/api/bookings/", {"event": event["id"]})).data
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await organizer.post(f"/api/events/{event['id']}/complete/")).status == 200
    if first == "clock":
        await run_out(api.database, booking["id"])
        async with api.database.transaction() as tx:
            await bookings.expire(tx, booking["id"])
    await api.run_jobs()
    assert (await person.get(f"/api/bookings/{booking['id']}/")).data["status"] == "confirmed"
    assert await seats(api.database, event["id"]) == (1, 1, 0)
    (certificate,) = (await person.get("/api/certificates/")).data
    assert certificate["pdf_file"]


async def test_a_no_show_is_undone_by_the_organizer(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(max_attendees=1)
    booking = await person.book(event)
    await api.run_jobs()
    path = f"/api/bookings/{booking['id']}/"
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await organizer.post(f"{path}no_show/")).status == 200
    assert (await organizer.post(f"/api/events/{event['id']}/complete/")).status == 200
    await api.run_jobs()
    assert (await person.get("/api/certificates/")).data == []
    check_error(await person.post(f"{path}attended/"), 403, "permission_denied")
    for _ in range(2):
        undone = await organizer.post(f"{path}attended/")
        assert (undone.status, undone.data["status"]) == (200, "confirmed")
        assert await seats(api.database, event["id"]) == (1, 1, 0)
    await api.run_jobs()
    assert len((await person.get("/api/certificates/")).data) == 1


async def test_nobody_was_there_or_was_not_where_the_event_is_cancelled(api: Api) -> None:
    organizer, person, other = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event()
    absent, present = [await someone.book(event) for someone in (person, other)]
    await api.run_jobs()
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await organizer.post(f"/api/bookings/{absent['id']}/no_show/")).status == 200
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    check_error(await organizer.post(f"/api/bookings/{absent['id']}/attended/"), 409, "event_not_open")
    check_error(await organizer.post(f"/api/bookings/{present['id']}/no_show/"), 409, "event_not_open")
    await api.run_jobs()
    assert await told(api.database, other.id) == ["booking_confirmation", "event_cancelled"]
    assert await seats(api.database, event["id"]) == (0, 0, 0)


async def test_who_was_there_after_all_has_their_seat_also_where_it_is_taken_when_the_event_is_over(
    api: Api,
) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(max_attendees=2)
    bookings_made = [await someone.book(event) for someone in (person, await api.person())]
    await api.run_jobs()
    await move_event(api.database, event["id"], starts_in_hours=-1)
    path = f"/api/bookings/{bookings_made[0]['id']}/"
    assert (await organizer.post(f"{path}no_show/")).status == 200
    assert (await organizer.patch(f"/api/events/{event['id']}/", {"max_attendees": 1})).status == 200
    assert (await organizer.post(f"/api/events/{event['id']}/complete/")).status == 200
    assert (await organizer.post(f"{path}attended/")).status == 200
    assert await seats(api.database, event["id"]) == (2, 2, 0)


async def test_a_no_show_whose_seat_is_gone_stays_one(api: Api) -> None:
    organizer, person, other = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event(max_attendees=2)
    bookings_made = [await someone.book(event) for someone in (person, other)]
    await api.run_jobs()
    await move_event(api.database, event["id"], starts_in_hours=-1)
    path = f"/api/bookings/{bookings_made[0]['id']}/"
    assert (await organizer.post(f"{path}no_show/")).status == 200
    assert (await organizer.patch(f"/api/events/{event['id']}/", {"max_attendees": 1})).status == 200
    check_error(await organizer.post(f"{path}attended/"), 409, "seats_taken")
    assert (await person.get(path)).data["status"] == "no_show"


async def test_a_confirmed_booking_never_expires(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(price="5.00")
    made = (await person.post("/api/bookings/", {"event": event["id"]})).data
    await run_out(api.database, made["id"])
    async with api.database.transaction() as tx:
        await bookings.expire_overdue(tx)
    await organizer.post(f"/api/bookings/{made['id']}/confirm/")
    await api.run_jobs()
    assert (await person.get(f"/api/bookings/{made['id']}/")).data["status"] == "confirmed"
    assert await seats(api.database, event["id"]) == (1, 1, 0)


@pytest.mark.parametrize("tickets", [0, 101, -1])
async def test_tickets_are_1_to_100(api: Api, tickets: int) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event(max_attendees=1000)
    answer = await organizer.post("/api/bookings/", {"event": event["id"], "number_of_tickets": tickets})
    check_error(answer, 400, "invalid", "number_of_tickets")
    made = await organizer.post("/api/bookings/", {"event": event["id"], "number_of_tickets": 100})
    assert made.status == 201


async def test_where_nothing_is_counted_an_account_holds_any_number_of_unpaid_tickets(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    for _ in range(2):
        event = await organizer.create_event(price="5.00", max_attendees=100)
        booking = {"event": event["id"], "number_of_tickets": 100}
        assert (await person.post("/api/bookings/", booking)).status == 201


async def test_an_account_holds_at_most_100_tickets_that_are_not_paid(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True)
    organizer, person, other = await api.person("organizer"), await api.person(), await api.person()
    one, two, three = [await organizer.create_event(price="5.00", max_attendees=100) for _ in range(3)]
    free, another = [await organizer.create_event(max_attendees=100) for _ in range(2)]
    full = await organizer.create_event(price="5.00", max_attendees=1)

    async def book(event: dict[str, Any], tickets: int) -> Answer:
        return await person.post("/api/bookings/", {"event": event["id"], "number_of_tickets": tickets})

    assert (await book(free, 100)).status == 201
    first = await book(one, 60)
    second = await book(two, 40)
    assert (first.status, second.status) == (201, 201)
    check_error(await book(three, 1), 409, "too_many_holds")
    assert (await book(another, 100)).status == 201
    check_error(await person.post("/api/waitlist/", {"event": three["id"]}), 409, "too_many_holds")
    check_error(await book(two, 1), 409, "already_booked")
    assert await seats(api.database, three["id"]) == (0, 0, 0)
    assert (await other.post("/api/bookings/", {"event": three["id"], "number_of_tickets": 60})).status == 201
    # An offer from the line is never refused, and counts.
    theirs = await other.post("/api/bookings/", {"event": full["id"]})
    assert (await person.post("/api/waitlist/", {"event": full["id"]})).status == 201
    assert (await other.post(f"/api/bookings/{theirs.data['id']}/cancel/")).status == 200
    await api.run_jobs()
    assert (await person.get(f"/api/bookings/?event={full['id']}")).data[0]["status"] == "pending"
    await organizer.post(f"/api/bookings/{second.data['id']}/confirm/")
    check_error(await book(three, 40), 409, "too_many_holds")
    assert (await book(three, 39)).status == 201
    fourth = await organizer.create_event(price="5.00", max_attendees=100)
    check_error(await book(fourth, 1), 409, "too_many_holds")
    assert (await person.post(f"/api/bookings/{first.data['id']}/cancel/")).status == 200
    assert (await book(fourth, 60)).status == 201
