"""The organizer changes the number of seats while people take them: never more held than there are."""

import asyncio

from tests.cluster import Cluster, Http
from tests.races.books import (
    Reply,
    all_jobs_done,
    assert_books_balance,
    at_once,
    book,
    booked,
    codes,
    joined,
    statuses,
)


async def _resize(http: Http, organizer: str, event: int, seats: int) -> Reply:
    return await http.request("PATCH", f"/api/events/{event}/", organizer, {"max_attendees": seats})


async def test_fewer_seats_while_people_book_are_refused_or_kept_to(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(40)]
    event = await running.event(organizer, max_attendees=60)
    async with running.http() as http:
        bookings = [book(http, token, event) for token in people]
        changes = [_resize(http, organizer, event, seats) for seats in range(50, 10, -4)]
        mixed = [
            request
            for number in range(10)
            for request in (*bookings[number * 4 : number * 4 + 4], changes[number])
        ]
        answers = await at_once(running, event, mixed)
    changed = answers[4::5]
    sold = [answer for number, answer in enumerate(answers) if number % 5 != 4]
    assert set(statuses(changed)) <= {200, 409}
    assert codes(changed) <= {"seats_taken"}
    assert set(statuses(sold)) <= {201, 409}
    assert codes(sold) <= {"sold_out"}
    (row,) = await running.sql("SELECT max_attendees, seats_held FROM events WHERE id = $1", event)
    assert row["seats_held"] == statuses(sold)[201] <= row["max_attendees"]
    assert row["max_attendees"] in {60, *(data["max_attendees"] for status, data in changed if status == 200)}
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_more_seats_while_people_wait_go_to_the_waitlist_and_not_to_new_bookings(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(25)]
    holders, line, door = people[:5], people[5:20], people[20:]
    event = await running.event(organizer, max_attendees=5)
    served = asyncio.Event()

    async def keep_asking(token: str) -> list[Reply]:
        replies = []
        while not served.is_set():
            replies.append(await book(http, token, event))
        return replies

    async with running.http() as http:
        await booked(http, holders, event)
        entries = await joined(http, line, event)
        at_the_door = [asyncio.create_task(keep_asking(token)) for token in door]
        changes = [_resize(http, organizer, event, seats) for seats in range(6, 11)]
        answers = await at_once(running, event, changes)
        await all_jobs_done(running)
        served.set()
        refused = [reply for replies in await asyncio.gather(*at_the_door) for reply in replies]
    assert set(statuses(answers)) <= {200, 409}
    assert set(statuses(refused)) == {409}
    assert codes(refused) == {"sold_out"}
    (row,) = await running.sql("SELECT max_attendees, seats_held FROM events WHERE id = $1", event)
    assert row["seats_held"] == row["max_attendees"] > 5
    out_of_line = await running.sql(
        "SELECT id FROM waitlist_entries WHERE event_id = $1 AND status <> 'waiting' ORDER BY id", event
    )
    assert [entry["id"] for entry in out_of_line] == entries[: row["max_attendees"] - 5]
    await assert_books_balance(running)
