"""Idempotency keys over HTTP: a request sent again has its effect once."""

import asyncio
from collections import Counter

from eventhub.services import idempotency
from tests.api import Api, Person, in_days


def key(text: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Idempotency-Key": text}}


async def _parties(api: Api, **changes: object) -> tuple[Person, Person, dict[str, object]]:
    organizer, person = await api.person("organizer"), await api.person()
    return organizer, person, await organizer.create_event(**changes)  # type: ignore[arg-type]


async def test_a_booking_sent_again_is_answered_as_the_first_time(api: Api) -> None:
    _, person, event = await _parties(api)
    first = await person.post("/api/bookings/", {"event": event["id"]}, **key("once"))
    again = await person.post("/api/bookings/", {"event": event["id"]}, **key("once"))
    assert (first.status, again.status) == (201, 201)
    assert first.data == again.data
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (first.headers["Cache-Control"], again.headers["Cache-Control"]) == ("no-store", "no-store")
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert await api.database.fetch_value("SELECT count(*) FROM bookings") == 1
    assert await api.run_jobs() >= 1


async def test_a_refusal_is_an_answer_too_and_undoes_what_came_before_it(api: Api) -> None:
    organizer, person, event = await _parties(api, max_attendees=1)
    await organizer.book(event)
    refused = await person.post("/api/bookings/", {"event": event["id"]}, **key("full"))
    assert (refused.status, refused.data["code"]) == (409, "sold_out")
    mine = (await organizer.get("/api/bookings/")).data[0]["id"]
    await organizer.post(f"/api/bookings/{mine}/cancel/")
    again = await person.post("/api/bookings/", {"event": event["id"]}, **key("full"))
    assert (again.status, again.data) == (409, refused.data)
    assert again.headers["Idempotency-Replayed"] == "true"
    twice = await organizer.post("/api/bookings/", {"event": event["id"]}, **key("fresh"))
    assert twice.status == 201
    already = await organizer.post("/api/bookings/", {"event": event["id"]}, **key("other"))
    assert already.data["code"] == "already_booked"
    assert await api.database.fetch_value("SELECT seats_held FROM events") == 1


async def test_a_key_with_another_request_is_refused(api: Api) -> None:
    _, person, event = await _parties(api)
    await person.post("/api/bookings/", {"event": event["id"]}, **key("k"))
    other_body = await person.post(
        "/api/bookings/", {"event": event["id"], "number_of_tickets": 2}, **key("k")
    )
    other_path = await person.post("/api/waitlist/", {"event": event["id"]}, **key("k"))
    for answer in (other_body, other_path):
        assert (answer.status, answer.data["code"]) == (422, "idempotency_key_reused")


async def test_a_key_is_its_users_own(api: Api) -> None:
    organizer, person, event = await _parties(api)
    mine = await person.post("/api/bookings/", {"event": event["id"]}, **key("shared"))
    theirs = await organizer.post("/api/bookings/", {"event": event["id"]}, **key("shared"))
    assert (mine.status, theirs.status) == (201, 201)
    assert mine.data["user"] != theirs.data["user"]


async def test_bad_keys_are_named(api: Api) -> None:
    _, person, event = await _parties(api)
    for bad in ("", "x" * 256, "with space", "ümlaut"):
        answer = await person.post("/api/bookings/", {"event": event["id"]}, **key(bad))
        assert (answer.status, list(answer.data["errors"])) == (400, ["Idempotency-Key"]), bad


async def test_a_replay_has_no_body_where_the_answer_had_none(api: Api) -> None:
    organizer, person, event = await _parties(api)
    await organizer.patch(f"/api/events/{event['id']}/", {"max_attendees": 1})
    await organizer.book(event)
    entry = await person.post("/api/waitlist/", {"event": event["id"]})
    for replayed in (False, True):
        left = await person.post(f"/api/waitlist/{entry.data['id']}/leave/", **key("leave"))
        assert (left.status, "Idempotency-Replayed" in left.headers) == (204, replayed)


async def test_of_concurrent_twins_one_has_the_effect(api: Api) -> None:
    _, person, event = await _parties(api, price="29.99")
    booking = await person.book(event)
    answers = await asyncio.gather(
        *(person.post("/api/payments/", {"booking": booking["id"]}, **key("pay")) for _ in range(10))
    )
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {201, 409}
    ids = {answer.data["id"] for answer in answers if answer.status == 201}
    assert len(ids) == 1
    for answer in answers:
        if answer.status == 409:
            assert answer.data["code"] == "idempotency_key_in_use"
            assert answer.headers["Retry-After"] == "1"
    assert await api.database.fetch_value("SELECT count(*) FROM payments") == 1


async def test_what_went_wrong_here_is_not_stored(api: Api) -> None:
    _, person, event = await _parties(api)
    await api.database.execute("ALTER TABLE bookings RENAME TO bookings_away")
    try:
        broken = await person.post("/api/bookings/", {"event": event["id"]}, **key("retry"))
        assert broken.status == 500
    finally:
        await api.database.execute("ALTER TABLE bookings_away RENAME TO bookings")
    assert (await person.post("/api/bookings/", {"event": event["id"]}, **key("retry"))).status == 201


async def test_a_key_is_free_again_after_a_day(api: Api) -> None:
    organizer, person, event = await _parties(api)
    first = await person.post("/api/bookings/", {"event": event["id"]}, **key("day"))
    await api.database.execute("UPDATE idempotent_answers SET created_at = now() - interval '25 hours'")
    other = await organizer.create_event(start_date=in_days(20), end_date=in_days(21))
    second = await person.post("/api/bookings/", {"event": other["id"]}, **key("day"))
    assert (second.status, second.data["id"] != first.data["id"]) == (201, True)
    third = await person.post("/api/bookings/", {"event": other["id"]}, **key("day"))
    assert (third.status, third.data, third.headers["Idempotency-Replayed"]) == (201, second.data, "true")


async def test_answers_are_purged_when_their_keys_are_free_again(api: Api) -> None:
    _, person, event = await _parties(api)
    for name in ("old", "older", "new"):
        await person.post("/api/bookings/", {"event": event["id"]}, **key(name))
    await api.database.execute(
        "UPDATE idempotent_answers SET created_at = now() - make_interval(hours => CASE key "
        "WHEN 'old' THEN 25 WHEN 'older' THEN 26 ELSE 23 END)"
    )
    left = "SELECT array_agg(key ORDER BY key) FROM idempotent_answers"
    assert await idempotency.purge(api.database, 1, kept_hours=24) == 1
    assert await api.database.fetch_value(left) == ["new", "old"]
    assert await idempotency.purge(api.database, kept_hours=24) == 1
    assert await api.database.fetch_value(left) == ["new"]
