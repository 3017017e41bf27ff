"""Nobody gets a seat that somebody else has, whoever asks at once."""

import asyncio
from collections import Counter

from tests.cluster import Cluster
from tests.races.books import all_jobs_done, assert_books_balance, at_once, book, codes, count, statuses, told


async def test_400_people_on_50_seats_get_exactly_50_tickets(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(400)]
    event = await running.event(organizer, max_attendees=50)
    async with running.http(400) as http:
        answers = await asyncio.gather(*(book(http, token, event) for token in people))
    assert statuses(answers) == {201: 50, 409: 350}
    assert codes(answers) == {"sold_out"}
    await all_jobs_done(running)
    seats = await running.sql("SELECT seats_held, seats_confirmed FROM events WHERE id = $1", event)
    assert tuple(seats[0]) == (50, 50)
    assert list((await told(running, event, "booking_confirmation")).values()) == [1] * 50
    await assert_books_balance(running)


async def test_orders_of_several_tickets_fill_an_event_to_the_last_seat_and_no_further(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(60)]
    event = await running.event(organizer, max_attendees=50)
    async with running.http() as http:
        orders = [book(http, token, event, 1 + number % 3) for number, token in enumerate(people)]
        answers = await at_once(running, event, orders)
    assert set(statuses(answers)) == {201, 409}
    assert codes(answers) == {"sold_out"}
    sold = sum(data["number_of_tickets"] for status, data in answers if status == 201)
    assert sold == 50
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_30_identical_bookings_of_one_user_make_one(running: Cluster) -> None:
    organizer, person = [*await running.people(1, "organizer"), *await running.people(1)]
    event = await running.event(organizer, max_attendees=50)
    async with running.http() as http:
        answers = await at_once(running, event, [book(http, person, event) for _ in range(30)])
    assert statuses(answers) == {201: 1, 409: 29}
    assert codes(answers) == {"already_booked"}
    assert await count(running, "events WHERE id = $1 AND seats_held = 1", event) == 1
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_one_user_books_again_and_again_while_cancelling_and_holds_at_most_one(
    running: Cluster,
) -> None:
    organizer, person = [*await running.people(1, "organizer"), *await running.people(1)]
    event = await running.event(organizer, max_attendees=50)

    async def book_and_cancel() -> Counter[int]:
        seen: Counter[int] = Counter()
        for _ in range(5):
            status, data = await book(http, person, event)
            seen[status] += 1
            if status == 201:
                seen[(await http.request("POST", f"/api/bookings/{data['id']}/cancel/", person))[0]] += 1
        return seen

    async with running.http() as http:
        seen = sum(await asyncio.gather(*(book_and_cancel() for _ in range(6))), Counter())
    assert set(seen) <= {200, 201, 409}
    assert seen[200] == seen[201] >= 1
    await all_jobs_done(running)
    await assert_books_balance(running)
    assert await count(running, "events WHERE id = $1 AND seats_held = 0", event) == 1
