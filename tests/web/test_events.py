"""Events and their sessions over HTTP: who may do what, and in which state."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from eventhub.services import events, sessions
from tests.api import Answer, Api, Person, event_details, in_days
from tests.money import make_jobs_due
from tests.rows import insert_review, move_event, seats, told
from tests.web.test_errors import check_error


async def test_drafts_are_there_for_their_organizer_and_admins_alone(api: Api) -> None:
    organizer, other, attendee, admin = (
        await api.person("organizer"),
        await api.person("organizer"),
        await api.person(),
        await api.person("admin"),
    )
    draft = await organizer.create_event(publish=False)
    path = f"/api/events/{draft['id']}/"
    session = await organizer.post("/api/sessions/", session_details(draft["id"]))
    await insert_review(api.database, draft["id"], attendee.id)
    for reader in (api.anonymous, other, attendee):
        for public in (
            path,
            f"{path}attendees/",
            f"{path}statistics/",
            f"/api/sessions/{session.data['id']}/",
            "/api/reviews/1/",
        ):
            check_error(await reader.get(public), 404, "not_found")
        for query in ("events/", "events/?status=draft", "events/?search=test", "sessions/", "reviews/"):
            assert (await reader.get(f"/api/{query}")).data == []
        counted = await reader.get(f"/api/events/?organizer={organizer.id}&count=true")
        assert counted.headers["X-Total-Count"] == "0"
    for writer in (other, attendee):
        for method, action in (
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "publish/"),
            ("POST", "cancel/"),
            ("POST", "complete/"),
        ):
            check_error(await writer.request(method, path + action, {}), 404, "not_found")
        for where in ("bookings", "waitlist"):
            answer = await writer.post(f"/api/{where}/", {"event": draft["id"]})
            unknown = await writer.post(f"/api/{where}/", {"event": 999})
            check_error(answer, 400, "invalid", "event")
            assert answer.data == unknown.data
        answer = await writer.post("/api/sessions/", session_details(draft["id"]))
        check_error(answer, 400, "invalid", "event")
    for reader in (organizer, admin):
        assert (await reader.get(path)).data["status"] == "draft"
        assert [event["id"] for event in (await reader.get("/api/events/")).data] == [draft["id"]]
        assert len((await reader.get("/api/sessions/")).data) == 1
    assert (await admin.patch(path, {"title": "By an admin"})).data["title"] == "By an admin"
    assert (await admin.post(f"{path}publish/")).status == 200


def session_details(event_id: int, **changes: object) -> dict[str, object]:
    return {
        "event": event_id,
        "title": "Talk",
        "start_time": in_days(10),
        "end_time": in_days(10.1),
        **changes,
    }


async def test_only_organizers_create_and_only_their_own_change(api: Api) -> None:
    organizer, other, attendee = (
        await api.person("organizer"),
        await api.person("organizer"),
        await api.person(),
    )
    check_error(await attendee.post("/api/events/", event_details()), 403, "permission_denied")
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    session = (await organizer.post("/api/sessions/", session_details(event["id"]))).data
    own = await other.create_event()
    for writer in (other, attendee):
        for method, target, body in (
            ("PUT", path, event),
            ("PATCH", path, {}),
            ("DELETE", path, None),
            ("POST", f"{path}publish/", None),
            ("POST", f"{path}cancel/", None),
            ("POST", f"{path}complete/", None),
            ("POST", "/api/sessions/", session_details(event["id"])),
            ("PATCH", f"/api/sessions/{session['id']}/", {}),
            ("DELETE", f"/api/sessions/{session['id']}/", None),
        ):
            check_error(await writer.request(method, target, body), 403, "permission_denied")
    stolen = await organizer.patch(f"/api/sessions/{session['id']}/", {"event": own["id"]})
    check_error(stolen, 403, "permission_denied")
    assert (await api.anonymous.get(path)).data["title"] == event["title"]


async def test_the_link_is_for_the_organizer_and_confirmed_attendees(api: Api) -> None:
    organizer, attendee, other, admin = (
        await api.person("organizer"),
        await api.person(),
        await api.person("organizer"),
        await api.person("admin"),
    )
    url = "https://meet.example.com/secret"
    event = await organizer.create_event(online_url=url, is_online=True, price="10.00")
    path = f"/api/events/{event['id']}/"
    booking = (await attendee.post("/api/bookings/", {"event": event["id"]})).data

    async def seen_by(*readers: Person) -> list[str]:
        return [(await reader.get(path)).data["online_url"] for reader in readers]

    assert await seen_by(api.anonymous, other, attendee, organizer, admin) == ["", "", "", url, url]
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    assert await seen_by(api.anonymous, other, attendee) == ["", "", url]
    await attendee.post(f"/api/bookings/{booking['id']}/cancel/")
    assert await seen_by(attendee) == [""]


async def test_attendees_keep_their_requirements_and_prices_to_the_organizer(api: Api) -> None:
    organizer, attendee, pending = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event(price="10.00")
    booking = await attendee.post("/api/bookings/", {"event": event["id"], "special_requirements": "Ramp"})
    await pending.post("/api/bookings/", {"event": event["id"]})
    await organizer.post(f"/api/bookings/{booking.data['id']}/confirm/")
    path = f"/api/events/{event['id']}/attendees/"
    for reader in (api.anonymous, pending, attendee):
        (seen,) = (await reader.get(path)).data
        assert (seen["user"], seen["status"]) == (attendee.id, "confirmed")
        assert (seen["special_requirements"], seen["total_price"]) == (None, None)
    (seen,) = (await organizer.get(path)).data
    assert (seen["special_requirements"], seen["total_price"]) == ("Ramp", "10.00")
    check_error(await api.anonymous.get(f"{path}?ordering=total_price"), 400, "invalid", "ordering")
    counted = await api.anonymous.get(f"{path}?count=true")
    assert counted.headers["X-Total-Count"] == "1"


async def test_an_event_goes_its_way_and_never_back(api: Api) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event(publish=False)
    path = f"/api/events/{event['id']}/"
    check_error(await organizer.post(f"{path}complete/"), 409, "wrong_state")
    assert (await organizer.post(f"{path}publish/")).data["status"] == "published"
    check_error(await organizer.post(f"{path}publish/"), 409, "wrong_state")
    check_error(await organizer.post(f"{path}complete/"), 409, "event_not_started")
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await organizer.post(f"{path}complete/")).data["status"] == "completed"
    assert (await organizer.post(f"{path}complete/")).status == 200
    for action in ("publish", "cancel"):
        check_error(await organizer.post(f"{path}{action}/"), 409, "wrong_state")
    check_error(await organizer.patch(path, {"title": "New"}), 409, "wrong_state")


@pytest.mark.parametrize("publish", [True, False])
async def test_a_cancelled_event_stays_as_it_is(api: Api, publish: bool) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event(publish=publish)
    path = f"/api/events/{event['id']}/"
    cancelled = await organizer.post(f"{path}cancel/")
    assert (cancelled.data["status"], cancelled.data["is_registration_open"]) == ("cancelled", False)
    for action in ("cancel", "publish", "complete"):
        check_error(await organizer.post(f"{path}{action}/"), 409, "wrong_state")
    check_error(await organizer.patch(path, {"title": "New"}), 409, "wrong_state")
    check_error(await organizer.put(path, event), 409, "wrong_state")
    assert (await organizer.get(path)).data["status"] == "cancelled"
    # One that was never published stays its organizer's.
    assert (await api.anonymous.get(path)).status == (200 if publish else 404)
    listed = (await api.anonymous.get("/api/events/?status=cancelled")).data
    assert [item["id"] for item in listed] == ([event["id"]] if publish else [])


async def test_time_begins_and_ends_events(api: Api) -> None:
    organizer = await api.person("organizer")
    made = {
        hours: (await organizer.create_event(publish=publish))["id"]
        for hours, publish in ((1, True), (-1, True), (-3, True), (-4, False))
    }
    for hours, event_id in made.items():
        await move_event(api.database, event_id, starts_in_hours=hours)

    async def statuses() -> list[str]:
        return [
            (await organizer.get(f"/api/events/{event_id}/")).data["status"] for event_id in made.values()
        ]

    assert await statuses() == ["published", "published", "published", "draft"]
    for moved in (3, 0):
        async with api.database.transaction() as tx:
            assert await events.move_on_time(tx) == moved
    assert await statuses() == ["published", "ongoing", "completed", "draft"]
    ongoing = f"/api/events/{made[-1]}/"
    assert (await organizer.patch(ongoing, {"title": "Still to change"})).status == 200
    assert (await organizer.get(ongoing)).data["is_registration_open"] is False
    assert (await organizer.post(f"{ongoing}cancel/")).data["status"] == "cancelled"


async def test_an_event_is_deleted_unless_it_was_ever_booked(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    await organizer.post("/api/sessions/", session_details(event["id"]))
    # A line where nobody ever booked: a place in it is nothing that keeps an event.
    await api.database.execute("UPDATE events SET seats_held = max_attendees WHERE id = $1", event["id"])
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).data["position"] == 1
    await api.database.execute("UPDATE events SET seats_held = 0 WHERE id = $1", event["id"])
    answer = await organizer.delete(path)
    assert (answer.status, answer.text) == (204, "")
    check_error(await organizer.get(path), 404, "not_found")
    check_error(await organizer.delete(path), 404, "not_found")
    assert (await api.anonymous.get("/api/sessions/")).data == []
    await api.run_jobs()
    booked = await organizer.create_event()
    booking = await person.book(booked)
    await person.post(f"/api/bookings/{booking['id']}/cancel/")
    answer = await organizer.delete(f"/api/events/{booked['id']}/")
    check_error(answer, 409, "has_bookings")
    assert "cancel it instead" in answer.data["detail"]


async def test_dates_must_be_in_order(api: Api) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    for changes, field in (
        ({"end_date": event["start_date"]}, "end_date"),
        ({"end_date": in_days(9)}, "end_date"),
        ({"start_date": in_days(20)}, "end_date"),
        ({"registration_deadline": in_days(10.05)}, "registration_deadline"),
    ):
        check_error(await organizer.patch(path, changes), 400, "invalid", field)
        check_error(await organizer.post("/api/events/", event_details(**changes)), 400, "invalid", field)
    both = {"end_date": in_days(9), "registration_deadline": in_days(11)}
    check_error(await organizer.patch(path, both), 400, "invalid", *both)
    assert (await organizer.get(path)).data == event


async def test_a_deadline_that_was_not_given_moves_along_with_the_start(api: Api) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event()
    assert event["registration_deadline"] == event["start_date"]
    path = f"/api/events/{event['id']}/"
    moved = await organizer.patch(path, {"start_date": in_days(12), "end_date": in_days(13)})
    assert moved.data["registration_deadline"] == moved.data["start_date"]
    fixed = await organizer.patch(path, {"registration_deadline": in_days(5)})
    later = await organizer.patch(path, {"start_date": in_days(12.5)})
    assert later.data["registration_deadline"] == fixed.data["registration_deadline"]


async def test_capacity_never_falls_below_the_seats_held(api: Api) -> None:
    organizer, person, other = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event(max_attendees=10, price="5.00")
    path = f"/api/events/{event['id']}/"
    paid = await person.post("/api/bookings/", {"event": event["id"], "number_of_tickets": 3})
    await organizer.post(f"/api/bookings/{paid.data['id']}/confirm/")
    await other.post("/api/bookings/", {"event": event["id"], "number_of_tickets": 2})
    check_error(await organizer.patch(path, {"max_attendees": 4}), 409, "seats_taken")
    changed = (await organizer.patch(path, {"max_attendees": 5})).data
    assert (changed["attendees_count"], changed["available_spots"]) == (3, 0)
    statistics = (await api.anonymous.get(f"{path}statistics/")).data
    assert (statistics["total_attendees"], statistics["available_spots"]) == (3, 0)


async def test_statistics_average_the_ratings(api: Api) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event()
    await api.database.execute("UPDATE events SET reviews_count = 3, rating_sum = 13, revenue = 29.99")
    answer = await api.anonymous.get(f"/api/events/{event['id']}/statistics/")
    assert answer.data["average_rating"] == pytest.approx(13 / 3, abs=0.01)
    assert (answer.data["reviews_count"], answer.data["total_revenue"]) == (3, 29.99)


async def test_attendees_are_told_once_of_each_change_of_time_place_or_link(api: Api) -> None:
    organizer, attendee = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    await attendee.book(event)

    async def told_of(changes: Mapping[str, object]) -> int:
        before = (await told(api.database, attendee.id)).count("event_updated")
        assert (await organizer.patch(path, changes)).status == 200
        for _ in range(2):
            await make_jobs_due(api)
            await api.run_jobs()
        return (await told(api.database, attendee.id)).count("event_updated") - before

    cases: tuple[tuple[dict[str, object], int], ...] = (
        ({"location": "Elsewhere"}, 1),
        ({"location": "Elsewhere"}, 0),
        ({"start_date": in_days(10.02)}, 1),
        ({"end_date": in_days(11), "location": "Third"}, 1),
        ({"online_url": "https://example.com/new"}, 1),
        ({"title": "New", "description": "New", "tags": "new", "price": "1.00", "max_attendees": 60}, 0),
        ({"registration_deadline": in_days(3)}, 0),
        ({}, 0),
    )
    for changes, times in cases:
        assert await told_of(changes) == times, changes
    await organizer.put(path, (await organizer.get(path)).data)
    await make_jobs_due(api)
    await api.run_jobs()
    assert (await told(api.database, attendee.id)).count("event_updated") == 4
    assert await told(api.database, organizer.id) == []


async def test_an_event_that_has_begun_does_not_begin_again(api: Api) -> None:
    organizer, attendee = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    await attendee.book(event)
    await move_event(api.database, event["id"], starts_in_hours=-1)
    async with api.database.transaction() as tx:
        assert await events.move_on_time(tx) == 1
    later = {"start_date": in_days(2), "end_date": in_days(3), "registration_deadline": in_days(1)}
    check_error(await organizer.patch(path, later), 409, "event_started")
    # It may end later, and move elsewhere, and its people are told.
    assert (await organizer.patch(path, {"end_date": in_days(1), "location": "Next door"})).status == 200
    await make_jobs_due(api)
    await api.run_jobs()
    assert (await told(api.database, attendee.id)).count("event_updated") == 1
    assert (await organizer.get(path)).data["status"] == "ongoing"


async def test_a_cancelled_event_tells_everyone_once_and_gives_all_seats_back(api: Api) -> None:
    organizer, confirmed, pending, waiting, gone = [
        await api.person("organizer"),
        *[await api.person() for _ in range(4)],
    ]
    event = await organizer.create_event(max_attendees=3, price="5.00")
    body = {"event": event["id"]}
    first = await confirmed.post("/api/bookings/", {**body, "number_of_tickets": 2})
    await organizer.post(f"/api/bookings/{first.data['id']}/confirm/")
    left = await gone.post("/api/bookings/", body)
    await gone.post(f"/api/bookings/{left.data['id']}/cancel/")
    await pending.post("/api/bookings/", body)
    assert (await waiting.post("/api/waitlist/", body)).status == 201
    assert await seats(api.database, event["id"]) == (3, 2, 1)
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    await api.run_jobs()
    await api.run_jobs()
    assert await seats(api.database, event["id"]) == (0, 0, 0)
    for person, times in ((confirmed, 1), (pending, 1), (waiting, 1), (gone, 0)):
        assert (await told(api.database, person.id)).count("event_cancelled") == times
    for person in (confirmed, pending):
        (booking,) = (await person.get("/api/bookings/")).data
        assert booking["status"] == "cancelled"
        assert booking["cancelled_at"]
        again = await person.post(f"/api/bookings/{booking['id']}/cancel/")
        assert again.status == 200
    (listed,) = (await waiting.get("/api/waitlist/?status=closed")).data
    entry = (await waiting.get(f"/api/waitlist/{listed['id']}/")).data
    assert (entry["status"], entry["position"]) == ("closed", None)
    check_error(await waiting.post("/api/bookings/", body), 409, "registration_closed")
    check_error(await gone.post("/api/waitlist/", body), 409, "registration_closed")


async def test_cancelling_goes_on_in_chunks_until_nobody_is_left(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventhub.services.events.cancellation.CHUNK", 2)
    monkeypatch.setattr("eventhub.services.events.changes.CHUNK", 2)
    monkeypatch.setattr("eventhub.services.waitlist.closing.CLOSED_AT_ONCE", 1)
    organizer, people = await api.person("organizer"), [await api.person() for _ in range(5)]
    event = await organizer.create_event(max_attendees=3)
    for person in people[:3]:
        await person.book(event)
    for person in people[3:]:
        await person.post("/api/waitlist/", {"event": event["id"]})
    await organizer.patch(f"/api/events/{event['id']}/", {"location": "Moved"})
    await make_jobs_due(api)
    await api.run_jobs()
    for person in people:
        assert (await told(api.database, person.id)).count("event_updated") == 1
    await organizer.post(f"/api/events/{event['id']}/cancel/")
    await api.run_jobs()
    assert await seats(api.database, event["id"]) == (0, 0, 0)
    for person in people:
        assert (await told(api.database, person.id)).count("event_cancelled") == 1


async def test_sessions_are_checked_changed_and_removed(api: Api) -> None:
    organizer, speaker = await api.person("organizer"), await api.person()
    event, other = await organizer.create_event(), await organizer.create_event()
    made = await organizer.post("/api/sessions/", session_details(event["id"], speaker=speaker.id))
    path = f"/api/sessions/{made.data['id']}/"
    assert made.data["speaker_name"] == speaker.user["full_name"]
    for changes, field in (
        ({"end_time": made.data["start_time"]}, "end_time"),
        ({"start_time": in_days(11)}, "end_time"),
        ({"event": 999}, "event"),
        ({"speaker": 999}, "speaker"),
    ):
        check_error(await organizer.patch(path, changes), 400, "invalid", field)
        answer = await organizer.post("/api/sessions/", session_details(event["id"], **changes))
        check_error(answer, 400, "invalid", field)
    changed = await organizer.patch(path, {"speaker": None, "event": other["id"], "title": " New "})
    assert (changed.data["speaker"], changed.data["speaker_name"]) == (None, None)
    assert (changed.data["event"], changed.data["title"]) == (other["id"], "New")
    assert (await api.anonymous.get(f"/api/sessions/?event={event['id']}")).data == []
    assert (await organizer.delete(path)).status == 204
    check_error(await organizer.delete(path), 404, "not_found")


async def test_a_session_can_be_put_back_whose_speaker_was_deactivated(api: Api) -> None:
    admin, speaker = await api.person("admin"), await api.person()
    event = await admin.create_event()
    made = await admin.post("/api/sessions/", session_details(event["id"], speaker=speaker.id))
    await admin.patch(f"/api/users/{speaker.id}/", {"is_active": False})
    path = f"/api/sessions/{made.data['id']}/"
    assert (await admin.put(path, made.data)).status == 200
    answer = await admin.post("/api/sessions/", session_details(event["id"], speaker=speaker.id))
    check_error(answer, 400, "invalid", "speaker")


async def test_a_session_can_be_put_back_as_a_list_gives_it(api: Api) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event()
    made = await organizer.post("/api/sessions/", session_details(event["id"]))
    path = f"/api/sessions/{made.data['id']}/"
    listed = (await api.anonymous.get("/api/sessions/")).data[0]
    within = (await organizer.get(f"/api/events/{event['id']}/")).data["sessions"][0]
    for item in (listed, within):
        assert "event" not in item
        answer = await organizer.put(path, item)
        assert (answer.status, answer.data) == (200, made.data)
    changed = await organizer.put(path, {**listed, "title": "Another"})
    assert (changed.data["title"], changed.data["event"]) == ("Another", event["id"])
    incomplete = {**listed, "start_time": None}
    check_error(await organizer.put(path, incomplete), 400, "invalid", "start_time")


async def test_a_link_to_a_session_is_for_who_takes_part(api: Api) -> None:
    organizer, rival, admin = (
        await api.person("organizer"),
        await api.person("organizer"),
        await api.person("admin"),
    )
    speaker, other_speaker, attendee, pending, cancelled, elsewhere = [await api.person() for _ in range(6)]
    event = await organizer.create_event(price="5.00")
    another = await rival.create_event()
    await elsewhere.book(another)
    for person in (attendee, pending, cancelled):
        booking = await person.book(event)
        if person is not pending:
            await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
        if person is cancelled:
            await person.post(f"/api/bookings/{booking['id']}/cancel/")
    rooms = {"https://meet.example/1": speaker, "Hall 1": None, "Online: meet.example/2": other_speaker}
    ids = []
    for room, who in rooms.items():
        details = session_details(event["id"], room_or_link=room, speaker=who.id if who else None)
        made = await organizer.post("/api/sessions/", details)
        assert made.data["room_or_link"] == room
        ids.append(made.data["id"])
    first, hall, second = rooms
    for reader, seen in (
        (api.anonymous, ["", hall, ""]),
        (rival, ["", hall, ""]),
        (pending, ["", hall, ""]),
        (cancelled, ["", hall, ""]),
        (elsewhere, ["", hall, ""]),
        (speaker, [first, hall, ""]),
        (other_speaker, ["", hall, second]),
        (attendee, list(rooms)),
        (organizer, list(rooms)),
        (admin, list(rooms)),
        (api.anonymous, ["", hall, ""]),
    ):
        detail = await reader.get(f"/api/events/{event['id']}/")
        listed = await reader.get(f"/api/sessions/?event={event['id']}&count=true")
        alone = [(await reader.get(f"/api/sessions/{session_id}/")).data for session_id in ids]
        for sessions_read in (detail.data["sessions"], listed.data, alone):
            assert [session["room_or_link"] for session in sessions_read] == seen
    for query in ("search=meet", "room_or_link=Hall 1"):  # nothing of the kind is looked at
        assert len((await api.anonymous.get(f"/api/sessions/?event={event['id']}&{query}")).data) == 3
    refused = await api.anonymous.get("/api/sessions/?ordering=room_or_link")
    check_error(refused, 400, "invalid", "ordering")


async def test_a_programme_has_a_bounded_number_of_bytes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_PROGRAMME_BYTES", 100)
    organizer = await api.person("organizer")
    full, other = await organizer.create_event(), await organizer.create_event()

    async def add(event: dict[str, Any], text: str, room: str = "") -> Answer:
        body = session_details(event["id"], title="é", description=text, room_or_link=room)
        return await organizer.post("/api/sessions/", body)

    first = await add(full, "x" * 40, "r" * 8)  # with the title 50 bytes
    check_error(await add(full, "\U0001f600" * 12, "r"), 409, "programme_too_large")
    second = await add(full, "\U0001f600" * 12)
    assert second.status == 201
    one, two = (f"/api/sessions/{made.data['id']}/" for made in (first, second))
    for path, grown in (
        (one, {"room_or_link": "r" * 9}),
        (two, {"title": "longer"}),
        (one, {"description": "é" * 21}),
    ):
        check_error(await organizer.patch(path, grown), 409, "programme_too_large")
    moved = await add(other, "")
    check_error(
        await organizer.patch(f"/api/sessions/{moved.data['id']}/", {"event": full["id"]}),
        409,
        "programme_too_large",
    )
    assert (await organizer.patch(two, {"description": "", "event": other["id"]})).status == 200
    assert (await organizer.patch(one, {"description": "x" * 90})).status == 200
    # A programme that was larger before there was a bound stays as it is, and may become shorter.
    monkeypatch.setattr(sessions, "MAX_PROGRAMME_BYTES", 10)
    whole = (await organizer.get(one)).data
    assert (await organizer.put(one, whole)).data == whole
    assert (await organizer.patch(one, {"description": "x" * 80, "title": "é" * 5})).status == 200
    check_error(await organizer.patch(one, {"title": "é" * 6}), 409, "programme_too_large")


async def test_an_event_has_a_bounded_number_of_sessions(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    organizer = await api.person("organizer")
    full, other = await organizer.create_event(), await organizer.create_event()
    paths = []
    for event in (full, full, other):
        made = await organizer.post("/api/sessions/", session_details(event["id"]))
        paths.append(f"/api/sessions/{made.data['id']}/")
    answer = await organizer.post("/api/sessions/", session_details(full["id"]))
    check_error(answer, 409, "too_many_sessions")
    check_error(await organizer.patch(paths[2], {"event": full["id"]}), 409, "too_many_sessions")
    assert (await organizer.put(paths[0], session_details(full["id"], title="New"))).status == 200
    await organizer.delete(paths[0])
    assert (await organizer.patch(paths[2], {"event": full["id"]})).data["event"] == full["id"]
    body = session_details((await organizer.create_event())["id"])
    answers = await asyncio.gather(*(organizer.post("/api/sessions/", body) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [201] * 2 + [409] * 4
