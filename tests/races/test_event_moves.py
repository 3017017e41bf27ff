"""An event is published once, and one that is cancelled or deleted keeps no booking, whoever books at the moment."""

import asyncio
from collections import Counter

import pytest

from eventhub.models.jobs import CANCEL_EVENT_BOOKINGS, PROMOTE_WAITLIST
from tests.api import event_details, in_days
from tests.cluster import Cluster, Http
from tests.races.books import (
    Reply,
    act,
    all_jobs_done,
    assert_books_balance,
    at_once,
    book,
    booked,
    codes,
    count,
    enqueue,
    join,
    joined,
    statuses,
    told,
    user_id,
)


async def test_of_ten_who_publish_at_once_one_does(running: Cluster) -> None:
    (organizer,) = await running.people(1, "organizer")
    async with running.http() as http:
        _, draft = await http.request("POST", "/api/events/", organizer, event_details())
        answers = await at_once(
            running, draft["id"], [act(http, organizer, f"events/{draft['id']}/publish") for _ in range(10)]
        )
    assert statuses(answers) == {200: 1, 409: 9}
    assert codes(answers) == {"wrong_state"}


async def test_of_ten_who_cancel_an_event_at_once_one_does(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(5)]
    event = await running.event(organizer)
    async with running.http() as http:
        await booked(http, people, event)
        answers = await at_once(
            running, event, [act(http, organizer, f"events/{event}/cancel") for _ in range(10)]
        )
    assert statuses(answers) == {200: 1, 409: 9}
    await all_jobs_done(running)
    assert list((await told(running, event, "event_cancelled")).values()) == [1] * 5
    await assert_books_balance(running)


async def test_an_event_cancelled_while_people_book_and_join_keeps_nobody_and_tells_each_once(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(50)]
    early, late, joining = people[:10], people[10:40], people[40:]
    event = await running.event(organizer, max_attendees=60)
    async with running.http() as http:
        await booked(http, early, event)
        mixed = [book(http, token, event) for token in late] + [join(http, token, event) for token in joining]
        mixed = [*mixed[::2], act(http, organizer, f"events/{event}/cancel"), *mixed[1::2]]
        answers = await at_once(running, event, mixed)
    assert answers[20][0] == 200
    asked = [*late, *joining]
    asked = [*asked[::2], *asked[1::2]]
    replies = [*answers[:20], *answers[21:]]
    assert set(statuses(replies)) <= {201, 409}
    assert codes(replies) <= {"registration_closed"}
    taken = {token for token, (status, _) in zip(asked, replies, strict=True) if status == 201}
    await all_jobs_done(running)
    # The jobs that clear the event are over: who comes now would stay.
    new_here = await running.people(2)
    async with running.http() as http:
        too_late = [await book(http, new_here[0], event), await join(http, new_here[1], event)]
    assert statuses(too_late) == {409: 2}
    await all_jobs_done(running)
    await _assert_nobody_is_left(running, event)
    assert await told(running, event, "event_cancelled") == Counter(map(user_id, [*early, *taken]))
    await assert_books_balance(running)


async def test_nobody_joins_a_cancelled_event_while_its_seats_are_not_back_yet(running: Cluster) -> None:
    organizer, holder, *people = [*await running.people(1, "organizer"), *await running.people(6)]
    event = await running.event(organizer, max_attendees=1)
    async with running.http() as http:
        await booked(http, [holder], event)
        await all_jobs_done(running)
        with running.paused("worker"):
            assert (await act(http, organizer, f"events/{event}/cancel"))[0] == 200
            answers = await asyncio.gather(*(join(http, token, event) for token in people))
    assert statuses(answers) == {409: 5}
    assert codes(answers) == {"registration_closed"}
    await all_jobs_done(running)
    await _assert_nobody_is_left(running, event)
    await assert_books_balance(running)


async def _assert_nobody_is_left(cluster: Cluster, event: int) -> None:
    (row,) = await cluster.sql(
        "SELECT status, seats_held, seats_confirmed, waiting_count FROM events WHERE id = $1", event
    )
    assert tuple(row) == ("cancelled", 0, 0, 0)
    assert await count(cluster, "bookings WHERE event_id = $1 AND status <> 'cancelled'", event) == 0
    assert (
        await count(
            cluster, "waitlist_entries WHERE event_id = $1 AND status IN ('waiting', 'offered')", event
        )
        == 0
    )


@pytest.mark.parametrize("price", ["0.00", "25.00"])
async def test_an_event_cancelled_while_its_line_is_served_keeps_nobody_and_tells_each_once(
    running: Cluster, price: str
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(25)]
    holders, line = people[:10], people[10:]
    event = await running.event(organizer, max_attendees=10, price=price)
    async with running.http() as http:
        bookings = await booked(http, holders, event)
        await joined(http, line, event)
        await all_jobs_done(running)
        cancels = [
            act(http, token, f"bookings/{booking}/cancel")
            for token, booking in zip(holders[:6], bookings[:6], strict=True)
        ]
        answers = await at_once(
            running,
            event,
            [
                *cancels[:3],
                enqueue(running, PROMOTE_WAITLIST, 3, event_id=event),
                act(http, organizer, f"events/{event}/cancel"),
                *cancels[3:],
                enqueue(running, CANCEL_EVENT_BOOKINGS, 3, event_id=event),
            ],
            jobs=2,
        )
    assert statuses(answers) == {200: 7, 0: 2}
    await all_jobs_done(running)
    await _assert_nobody_is_left(running, event)
    times = await told(running, event, "event_cancelled")
    # Who cancelled before the event was is told nothing; the rest of the holders and the whole line are.
    certain = set(map(user_id, [*holders[6:], *line]))
    assert certain <= set(times) <= set(map(user_id, people))
    assert set(times.values()) == {1}
    await assert_books_balance(running)


async def _delete(http: Http, organizer: str, event: int) -> Reply:
    return await http.request("DELETE", f"/api/events/{event}/", organizer)


@pytest.mark.parametrize("place", [0, 3, 10], ids=["first", "between", "last"])
async def test_an_event_is_deleted_or_booked_never_both(running: Cluster, place: int) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(10)]
    event = await running.event(organizer)
    async with running.http() as http:
        asked = [book(http, token, event) for token in people]
        asked.insert(place, _delete(http, organizer, event))
        answers = await at_once(running, event, asked)
    deleted, _ = answers.pop(place)
    if deleted == 204:
        assert statuses(answers) == {400: 10}
    else:
        assert (deleted, statuses(answers)[400]) == (409, 0)
        assert set(statuses(answers)) == {201}
    assert await count(running, "events WHERE id = $1", event) == (deleted == 409)
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_an_event_deleted_while_people_join_and_sessions_are_added_is_gone_or_whole(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(5)]
    event = await running.event(organizer)
    session = {
        "event": event,
        "title": "Opening",
        "description": "",
        "start_time": in_days(10),
        "end_time": in_days(10.05),
        "room_or_link": "Hall 1",
    }
    async with running.http() as http:
        adds = [http.request("POST", "/api/sessions/", organizer, session) for _ in range(4)]
        joins = [join(http, token, event) for token in people]
        answers = await at_once(
            running, event, [*adds[:2], *joins[:2], _delete(http, organizer, event), *joins[2:], *adds[2:]]
        )
    deleted, _ = answers.pop(4)
    assert deleted in {204, 409}
    assert set(statuses(answers)) <= {201, 400}
    await all_jobs_done(running)
    rows = await count(running, "sessions WHERE event_id = $1", event)
    assert rows == (0 if deleted == 204 else 4)
    await assert_books_balance(running)


async def test_of_sessions_added_at_once_those_are_made_that_the_programme_has_room_for(
    running: Cluster,
) -> None:
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer)
    session = {
        "event": event,
        "title": "Opening",
        "description": "\U0001f600" * 20_000,  # 80,000 bytes, of 1 MiB
        "start_time": in_days(10),
        "end_time": in_days(10.05),
    }
    async with running.http() as http:
        adds = [http.request("POST", "/api/sessions/", organizer, session) for _ in range(20)]
        answers = await at_once(running, event, adds)
    assert statuses(answers) == {201: 13, 409: 7}
    assert codes(answers) == {"programme_too_large"}
    assert await count(running, "sessions WHERE event_id = $1", event) == 13


async def test_an_event_completed_and_cancelled_at_once_is_one_of_them(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(3)]
    event = await running.event(organizer)
    async with running.http() as http:
        await booked(http, people, event)
        await all_jobs_done(running)
        await running.sql(
            "UPDATE events SET registration_deadline = now() - interval '1 hour', "
            "start_date = now() - interval '1 hour' WHERE id = $1",
            event,
        )
        answers = await at_once(
            running,
            event,
            [
                act(http, organizer, f"events/{event}/{action}")
                for _ in range(5)
                for action in ("complete", "cancel")
            ],
        )
    completed, cancelled = statuses(answers[::2]), statuses(answers[1::2])
    # Completing again is no error, cancelling again is.
    assert (completed, cancelled) in [({200: 5}, {409: 5}), ({409: 5}, {200: 1, 409: 4})]
    await all_jobs_done(running)
    held = await count(running, "bookings WHERE event_id = $1 AND status = 'confirmed'", event)
    assert held == (3 if completed[200] else 0)
    await assert_books_balance(running)


async def test_events_cancelled_all_over_do_not_stand_in_each_others_way(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(10)]
    events = [await running.event(organizer, max_attendees=20) for _ in range(8)]
    async with running.http() as http:
        made = await asyncio.gather(
            *(book(http, token, event) for token in people for event in events),
            *(act(http, organizer, f"events/{event}/cancel") for event in events),
        )
    assert set(statuses(made)) <= {200, 201, 409}
    await all_jobs_done(running)
    for event in events:
        await _assert_nobody_is_left(running, event)
    await assert_books_balance(running)
