"""Changes of an event are told once, a while after the first, with what is new to those who are told."""

from dataclasses import replace
from typing import Any

import pytest

from eventhub.models.jobs import NOTIFY_EVENT_UPDATED
from eventhub.services import events
from tests.api import Api, Person, in_days
from tests.money import make_jobs_due, organizer_and_payer, people, reserve, run_kind
from tests.rows import insert_users, told

UPDATED = "event_updated"
# Versions 1 and 2 carried the change, and how far they were.
OF_BEFORE = replace(NOTIFY_EVENT_UPDATED, optional=("after_booking", "version", "changed"), is_unique=False)


async def change(organizer: Person, event: dict[str, Any], **changes: object) -> None:
    answer = await organizer.patch(f"/api/events/{event['id']}/", changes)
    assert answer.status == 200, answer.data


async def let_pause_end(api: Api) -> None:
    await make_jobs_due(api)
    await api.run_jobs()


async def news(api: Api, person: Person) -> list[str]:
    """Return what a person was told of changes, oldest first, without the event's title."""
    rows = await api.database.fetch(
        "SELECT message FROM notifications WHERE user_id = $1 AND notification_type = 'event_updated' ORDER BY id",
        person.id,
    )
    return [row["message"].partition(" has changed: ")[2] for row in rows]


async def waits(api: Api) -> float:
    """Return in how many seconds the one job comes that tells of changes."""
    (row,) = await api.database.fetch(
        "SELECT extract(epoch FROM run_at - now())::float AS seconds FROM jobs WHERE kind = $1 AND state = 'queued'",
        NOTIFY_EVENT_UPDATED.name,
    )
    return float(row["seconds"])


async def is_all_told(api: Api) -> bool:
    return bool(await api.database.fetch_value("SELECT bool_and(told IS NULL) FROM events"))


async def test_many_changes_are_told_once_with_the_last_state(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    for number in range(5):
        await change(organizer, event, location=f"Hall {number}")
    await change(organizer, event, title="Another title", online_url="https://meet.example.com/x")
    assert 55 < await waits(api) <= 60
    await api.run_jobs()
    assert await news(api, person) == []
    await let_pause_end(api)
    assert await news(api, person) == ["the place is now Hall 4, there is a new link to join it."]
    assert await is_all_told(api)
    await let_pause_end(api)
    assert len(await news(api, person)) == 1


async def test_the_pause_counts_from_the_first_change(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await change(organizer, event, location="Hall 1")
    await api.database.execute(
        "UPDATE jobs SET run_at = run_at - interval '50 seconds' WHERE state = 'queued'"
    )
    await change(organizer, event, location="Hall 2")
    assert 5 < await waits(api) <= 10


async def test_a_change_that_is_taken_back_tells_nothing(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await change(organizer, event, location="Hall 1", start_date=in_days(9))
    await change(organizer, event, location=event["location"], start_date=event["start_date"])
    await let_pause_end(api)
    assert await news(api, person) == []
    assert await is_all_told(api)


async def test_what_is_told_is_new_since_the_last_telling(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await change(organizer, event, location="Hall 1", online_url="https://meet.example.com/x")
    await let_pause_end(api)
    await change(organizer, event, location="Hall 2")
    await let_pause_end(api)
    await change(organizer, event, location="Hall 1")
    await let_pause_end(api)
    assert await news(api, person) == [
        "the place is now Hall 1, there is a new link to join it.",
        "the place is now Hall 2.",
        "the place is now Hall 1.",
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"location": ""}, {"is_online": True}, "the place is now online."),
        ({"location": "Hall 7"}, {"is_online": True}, "the place is now Hall 7 and online."),
        ({"location": "Hall 7", "is_online": True}, {"is_online": False}, "the place is now Hall 7."),
        ({"location": "", "is_online": True}, {"is_online": False}, "the place is now to be announced."),
    ],
)
async def test_whether_it_is_online_is_a_place(
    api: Api, before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(**before)
    await person.book(event)
    await change(organizer, event, **after)
    await let_pause_end(api)
    assert await news(api, person) == [said]


async def test_attendees_and_those_in_line_are_told_once_each(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    confirmed, pending, waiting, offered, gone, left = await people(api, 6)
    event = await organizer.create_event(max_attendees=3, price="5.00")
    body = {"event": event["id"]}
    booking = await reserve(confirmed, event)
    assert (await organizer.post(f"/api/bookings/{booking['id']}/confirm/")).status == 200
    await reserve(pending, event)
    cancelled = await reserve(gone, event)
    for person in (offered, left, waiting):
        assert (await person.post("/api/waitlist/", body)).status == 201
    assert (await gone.post(f"/api/bookings/{cancelled['id']}/cancel/")).status == 200
    (entry,) = (await left.get("/api/waitlist/")).data
    assert (await left.post(f"/api/waitlist/{entry['id']}/leave/")).status == 204
    await api.run_jobs()
    await change(organizer, event, location="Hall 1")
    await let_pause_end(api)
    for person, times in ((confirmed, 1), (pending, 1), (offered, 1), (waiting, 1), (gone, 0), (left, 0)):
        assert len(await news(api, person)) == times
    bookings = await api.database.fetch(
        "SELECT user_id FROM notifications WHERE notification_type = $1 AND booking_id IS NOT NULL", UPDATED
    )
    assert {row["user_id"] for row in bookings} == {confirmed.id, pending.id, offered.id}


async def crowd(api: Api, event: dict[str, Any], size: int) -> list[int]:
    """Return the ids of so many people, every other with a confirmed booking, the rest in line."""
    ids = await insert_users(api.database, size)
    await api.database.execute(
        "INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, "
        "registered_at, expires_at, confirmed_at) "
        "SELECT $1, id, 'confirmed', 1, 0, '', now(), now(), now() FROM unnest($2::bigint[]) id",
        event["id"],
        ids[::2],
    )
    await api.database.execute(
        "INSERT INTO waitlist_entries (event_id, user_id, status, line_number, joined_at) "
        "SELECT $1, id, 'waiting', n, now() FROM unnest($2::bigint[]) WITH ORDINALITY AS line (id, n)",
        event["id"],
        ids[1::2],
    )
    await api.database.execute("UPDATE profiles SET notifications_enabled = false")
    return ids


async def all_news(api: Api, ids: list[int]) -> list[tuple[str, ...]]:
    """Return the different lists of messages that these people got."""
    rows = await api.database.fetch(
        "SELECT array_agg(message ORDER BY id) AS messages FROM notifications WHERE user_id = ANY($1::bigint[]) "
        "AND notification_type = 'event_updated' GROUP BY user_id",
        ids,
    )
    assert len(rows) == len(ids)
    return sorted({tuple(row["messages"]) for row in rows})


async def test_all_chunks_tell_the_same_and_what_changes_meanwhile_is_told_next(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventhub.services.events.changes.CHUNK", 3)
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event()
    ids = await crowd(api, event, 9)
    await change(organizer, event, location="Hall 1")
    for number in (2, 3):
        await make_jobs_due(api)
        await run_kind(api, NOTIFY_EVENT_UPDATED)
        await change(organizer, event, location=f"Hall {number}", title=f"Title {number}")
    await api.run_jobs()
    first = "Test Workshop has changed: the place is now Hall 1."
    assert await all_news(api, ids) == [(first,)]
    assert 50 < await waits(api) <= 60
    await let_pause_end(api)
    assert await all_news(api, ids) == [(first, "Title 3 has changed: the place is now Hall 3.")]
    assert await is_all_told(api)


async def test_what_changes_meanwhile_and_back_is_told_no_more(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventhub.services.events.changes.CHUNK", 3)
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event()
    ids = await crowd(api, event, 5)
    await change(organizer, event, location="Hall 1")
    await make_jobs_due(api)
    await run_kind(api, NOTIFY_EVENT_UPDATED)
    await change(organizer, event, location=event["location"])
    await change(organizer, event, location="Hall 1")
    await let_pause_end(api)
    await let_pause_end(api)
    assert await all_news(api, ids) == [("Test Workshop has changed: the place is now Hall 1.",)]
    assert await is_all_told(api)


async def test_a_cancelled_event_tells_of_its_cancellation_alone(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await change(organizer, event, location="Hall 1")
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    await let_pause_end(api)
    assert await told(api.database, person.id) == ["booking_confirmation", "event_cancelled"]
    assert await is_all_told(api)


@pytest.mark.parametrize("chunks_done", [0, 1])
async def test_the_clock_tells_what_a_job_that_failed_for_good_did_not(
    api: Api, monkeypatch: pytest.MonkeyPatch, chunks_done: int
) -> None:
    monkeypatch.setattr("eventhub.services.events.changes.CHUNK", 3)
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event()
    ids = await crowd(api, event, 8)
    await change(organizer, event, location="Hall 1")

    async def clock() -> int:
        async with api.database.transaction() as tx:
            return await events.tell_stalled(tx)

    assert await clock() == 0, "its job is queued"
    for _ in range(chunks_done):
        await make_jobs_due(api)
        await run_kind(api, NOTIFY_EVENT_UPDATED)
    for state, lost in (("running", 0), ("failed", 1)):
        await api.database.execute(
            "UPDATE jobs SET state = $2::text, lease_token = CASE WHEN $2::text = 'running' THEN gen_random_uuid() END, "
            "lease_until = CASE WHEN $2::text = 'running' THEN now() + interval '1 hour' END WHERE kind = $1",
            NOTIFY_EVENT_UPDATED.name,
            state,
        )
        assert await clock() == lost
    assert await clock() == 0, "there is one again"
    await api.run_jobs()
    assert await all_news(api, ids) == [("Test Workshop has changed: the place is now Hall 1.",)]
    assert await is_all_told(api)


@pytest.mark.parametrize("changed", [None, ["location"]])
async def test_a_job_of_a_version_before_goes_on_where_it_was(
    api: Api, monkeypatch: pytest.MonkeyPatch, changed: list[str] | None
) -> None:
    monkeypatch.setattr("eventhub.services.events.changes.CHUNK", 3)
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event(location="Hall 1")
    ids = await crowd(api, event, 8)
    # Its first chunk told one of them.
    await api.database.execute(
        "INSERT INTO notifications (user_id, event_id, notification_type, title, message, key, is_read, created_at) "
        "VALUES ($1, $2, 'event_updated', 'T', 'told', $3, false, now())",
        ids[0],
        event["id"],
        f"event_updated:{event['id']}:77",
    )
    payload: dict[str, Any] = {"event_id": event["id"], "after_booking": 1, "version": 77}
    if changed:
        payload["changed"] = changed
    async with api.database.transaction() as tx:
        tx.enqueue(OF_BEFORE, **payload)
    await api.run_jobs()
    (message, *more), others = (list(messages) for messages in reversed(await all_news(api, ids)))
    assert (message, more) == ("told", [])
    assert others[0].endswith("the place is now Hall 1." if changed else "the link to join it is gone.")
    assert len(others) == 1
    assert await is_all_told(api)


async def test_a_job_of_a_version_before_tells_along_with_what_waits(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(location="Hall 1")
    await person.book(event)
    async with api.database.transaction() as tx:
        tx.enqueue(OF_BEFORE, event_id=event["id"], after_booking=0, version=None, changed=["location"])
    await change(organizer, event, online_url="https://meet.example.com/x")
    await let_pause_end(api)
    assert await news(api, person) == ["the place is now Hall 1, there is a new link to join it."]
    assert await is_all_told(api)
