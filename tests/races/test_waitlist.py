"""People on the waitlist are served first come, first served, and before new bookings, whatever happens at the moment."""

import asyncio

import pytest

from eventhub.models.jobs import CLOSE_WAITLIST, PROMOTE_WAITLIST
from tests.cluster import Cluster
from tests.races.books import (
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


async def _line(cluster: Cluster, event: int) -> list[str]:
    """Return how the entries of the event stand, in the order of the line."""
    rows = await cluster.sql(
        "SELECT status FROM waitlist_entries WHERE event_id = $1 ORDER BY line_number", event
    )
    return [row["status"] for row in rows]


async def test_60_people_who_join_at_once_stand_at_positions_1_to_60(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(63)]
    event = await running.event(organizer, max_attendees=3)
    async with running.http() as http:
        await booked(http, people[:3], event)
        answers = await at_once(running, event, [join(http, token, event) for token in people[3:]])
        assert statuses(answers) == {201: 60}
        status, line = await http.request("GET", f"/api/waitlist/?event={event}&page_size=100", organizer)
    assert (status, [entry["position"] for entry in line]) == (200, list(range(1, 61)))
    numbers = await running.sql(
        "SELECT line_number FROM waitlist_entries WHERE event_id = $1 ORDER BY line_number", event
    )
    assert [row["line_number"] for row in numbers] == list(range(1, 61))
    assert await count(running, "events WHERE id = $1 AND waiting_count = 60", event) == 1
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_20_identical_joins_of_one_user_make_one_entry(running: Cluster) -> None:
    organizer, holder, person = [*await running.people(1, "organizer"), *await running.people(2)]
    event = await running.event(organizer, max_attendees=1)
    async with running.http() as http:
        await booked(http, [holder], event)
        answers = await at_once(running, event, [join(http, person, event) for _ in range(20)])
    assert statuses(answers) == {201: 1, 409: 19}
    assert codes(answers) == {"already_waiting"}
    assert await count(running, "events WHERE id = $1 AND waiting_count = 1", event) == 1
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_who_joins_and_books_at_once_gets_one_seat(running: Cluster) -> None:
    """Some come into the line, and book when seats are added that the line has not got yet."""
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(10)]
    event = await running.event(organizer, max_attendees=5)
    async with running.http() as http:
        more = http.request("PATCH", f"/api/events/{event}/", organizer, {"max_attendees": 50})
        joins, books = ([way(http, token, event) for token in people] for way in (join, book))
        answers = await at_once(running, event, [*joins, more, *books])
    assert set(statuses(answers)) <= {200, 201, 409}
    await all_jobs_done(running)
    assert set(await _line(running, event)) <= {"accepted"}
    seats = await running.sql(
        "SELECT user_id, sum(number_of_tickets) AS seats FROM bookings "
        "WHERE event_id = $1 AND status = 'confirmed' GROUP BY user_id",
        event,
    )
    assert [row["seats"] for row in seats] == [1] * 10
    await assert_books_balance(running)


async def test_seats_that_come_free_go_to_the_waitlist_in_order_while_others_try_to_book(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(60)]
    holders, line, door = people[:10], people[10:30], people[30:]
    event = await running.event(organizer, max_attendees=10)
    async with running.http() as http:
        bookings = await booked(http, holders, event)
        await joined(http, line, event)
        cancels = [
            act(http, token, f"bookings/{booking}/cancel")
            for token, booking in zip(holders[:8], bookings[:8], strict=True)
        ]
        at_the_door = [book(http, token, event) for token in door]
        mixed = [request for n in range(8) for request in (cancels[n], *at_the_door[n::8])]
        await at_once(running, event, mixed)
        # Now some who just got a seat cancel, and the others try again before the waitlist can be served.
        await all_jobs_done(running)
        promoted = await running.sql(
            "SELECT line_number, booking_id FROM waitlist_entries WHERE event_id = $1 AND booking_id IS NOT NULL "
            "ORDER BY line_number LIMIT 6",
            event,
        )
        again = [
            act(http, line[row["line_number"] - 1], f"bookings/{row['booking_id']}/cancel")
            for row in promoted
        ]
        with running.paused("worker"):
            cancelled = await asyncio.gather(*again, *(book(http, token, event) for token in door[:15]))
            refused = await asyncio.gather(*(book(http, token, event) for token in door[15:]))
    gone = len(promoted)
    assert statuses(cancelled) == {200: gone, 409: 15}
    assert statuses(refused) == {409: 15}
    await all_jobs_done(running)
    served = 8 + gone
    stand = await _line(running, event)
    assert set(stand[:served]) <= {"accepted", "left"}
    assert stand[served:] == ["waiting"] * (20 - served)
    assert await _seats(running, event) == (10, 10)
    assert list((await told(running, event, "waitlist_available")).values()) == [1] * served
    assert await _bookings_of(running, event, door) == 0
    await assert_books_balance(running)


async def _seats(cluster: Cluster, event: int) -> tuple[int, ...]:
    (row,) = await cluster.sql("SELECT seats_held, seats_confirmed FROM events WHERE id = $1", event)
    return tuple(row)


async def _bookings_of(cluster: Cluster, event: int, tokens: list[str]) -> int:
    return await count(
        cluster,
        "bookings WHERE event_id = $1 AND user_id = ANY($2::bigint[])",
        event,
        [user_id(t) for t in tokens],
    )


async def test_ten_promotions_at_once_serve_each_in_line_once(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(35)]
    event = await running.event(organizer, max_attendees=5)
    async with running.http() as http:
        await booked(http, people[:5], event)
        await joined(http, people[5:], event)
    await all_jobs_done(running)
    await running.sql("UPDATE events SET max_attendees = 15 WHERE id = $1", event)
    await at_once(running, event, [enqueue(running, PROMOTE_WAITLIST, 10, event_id=event)], jobs=4)
    await all_jobs_done(running)
    assert await _line(running, event) == ["accepted"] * 10 + ["waiting"] * 20
    assert await _seats(running, event) == (15, 15)
    assert list((await told(running, event, "waitlist_available")).values()) == [1] * 10
    await assert_books_balance(running)


@pytest.mark.parametrize("price", ["0.00", "25.00"])
async def test_who_leaves_while_a_seat_comes_free_holds_none_and_the_next_gets_it(
    running: Cluster, price: str
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(13)]
    holders, line = people[:3], people[3:]
    event = await running.event(organizer, max_attendees=3, price=price)
    async with running.http() as http:
        bookings = await booked(http, holders, event)
        entries = await joined(http, line, event)
        cancels = [
            act(http, token, f"bookings/{booking}/cancel")
            for token, booking in zip(holders, bookings, strict=True)
        ]
        leaves = [
            act(http, token, f"waitlist/{entry}/leave")
            for token, entry in zip(line[:5], entries[:5], strict=True)
        ]
        answers = await at_once(running, event, [*cancels, *leaves])
    left = answers[3:]
    assert statuses(answers[:3]) == {200: 3}
    assert set(statuses(left)) <= ({204, 409} if price == "0.00" else {204})
    await all_jobs_done(running)
    stand = await _line(running, event)
    assert [status == "left" for status in stand[:5]] == [status == 204 for status, _ in left]
    gone = [token for token, (status, _) in zip(line[:5], left, strict=True) if status == 204]
    assert await _active_of(running, event, gone) == 0
    # The three seats stand with the first three who did not leave.
    stayed = [status for status in stand if status != "left"]
    assert stayed[:3] == ["accepted" if price == "0.00" else "offered"] * 3
    assert set(stayed[3:]) == {"waiting"}
    assert (await _seats(running, event))[0] == 3
    await assert_books_balance(running)


async def _active_of(cluster: Cluster, event: int, tokens: list[str]) -> int:
    return await count(
        cluster,
        "bookings WHERE event_id = $1 AND user_id = ANY($2::bigint[]) AND status <> 'cancelled'",
        event,
        [user_id(token) for token in tokens],
    )


async def test_one_who_leaves_ten_times_leaves_once(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(3)]
    event = await running.event(organizer, max_attendees=1)
    async with running.http() as http:
        await booked(http, people[:1], event)
        entry, _ = await joined(http, people[1:], event)
        answers = await at_once(
            running, event, [act(http, people[1], f"waitlist/{entry}/leave") for _ in range(10)]
        )
    assert statuses(answers) == {204: 10}
    assert await count(running, "events WHERE id = $1 AND waiting_count = 1", event) == 1
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_a_line_whose_deadline_passes_is_closed_and_told_once_though_seats_come_free(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(20)]
    holders, line = people[:5], people[5:]
    event = await running.event(organizer, max_attendees=5)
    async with running.http() as http:
        bookings = await booked(http, holders, event)
        await joined(http, line, event)
        await all_jobs_done(running)
        await running.sql("UPDATE events SET registration_deadline = now() WHERE id = $1", event)
        cancels = [
            act(http, token, f"bookings/{booking}/cancel")
            for token, booking in zip(holders, bookings, strict=True)
        ]
        more = [enqueue(running, kind, 5, event_id=event) for kind in (CLOSE_WAITLIST, PROMOTE_WAITLIST)]
        answers = await at_once(running, event, [*cancels, *more], jobs=4)
    assert statuses(answers[:5]) == {200: 5}
    await all_jobs_done(running)
    assert await _line(running, event) == ["closed"] * 15
    assert await _seats(running, event) == (0, 0)
    assert (
        list((await told(running, event, "system_announcement")).values()) == [1] * 20
    )  # who cancels is told so
    await assert_books_balance(running)
