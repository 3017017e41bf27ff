"""An event's ticket types are made, changed and deleted at once: one name each, fifty at most, no seat set aside twice."""

from collections.abc import Awaitable
from typing import Any

from tests.cluster import Cluster, Http
from tests.races.books import (
    Reply,
    all_jobs_done,
    assert_books_balance,
    at_once,
    book,
    codes,
    count,
    statuses,
)


async def _make(http: Http, organizer: str, event: int, name: str, **details: object) -> Reply:
    return await http.request(
        "POST", f"/api/events/{event}/ticket_types/", organizer, {"name": name, **details}
    )


async def _made(http: Http, organizer: str, event: int, name: str, **details: object) -> int:
    status, data = await _make(http, organizer, event, name, **details)
    assert status == 201, data
    return int(data["id"])


async def _seats(running: Cluster, event: int) -> dict[str, Any]:
    (row,) = await running.sql(
        "SELECT max_attendees, seats_held, (SELECT coalesce(sum(capacity), 0) FROM ticket_types "
        "WHERE event_id = $1 AND is_reserved) AS reserved FROM events WHERE id = $1",
        event,
    )
    return dict(row)


async def test_20_types_of_one_name_at_once_are_one(running: Cluster) -> None:
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer)
    async with running.http() as http:
        names = ["Student", "STUDENT", " student "]
        answers = await at_once(
            running, event, [_make(http, organizer, event, names[n % 3]) for n in range(20)]
        )
    assert statuses(answers) == {201: 1, 409: 19}
    assert codes(answers) == {"name_taken"}
    assert await count(running, "ticket_types WHERE event_id = $1", event) == 1


async def test_of_20_at_once_those_beyond_the_50th_are_refused(running: Cluster) -> None:
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer)
    await running.sql(
        "INSERT INTO ticket_types (event_id, name, price, created_at, updated_at) "
        "SELECT $1, 'Type ' || n, 0, now(), now() FROM generate_series(1, 47) n",
        event,
    )
    async with running.http() as http:
        answers = await at_once(
            running, event, [_make(http, organizer, event, f"New {n}") for n in range(20)]
        )
    assert statuses(answers) == {201: 3, 409: 17}
    assert codes(answers) == {"too_many_ticket_types"}
    assert await count(running, "ticket_types WHERE event_id = $1", event) == 50


async def test_the_last_seats_are_booked_or_set_aside(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(24)]
    event = await running.event(organizer, max_attendees=20)
    async with running.http() as http:
        requests = [
            request
            for n in range(6)
            for request in (
                *(book(http, token, event) for token in people[n * 4 : n * 4 + 4]),
                _make(http, organizer, event, f"Type {n}", is_reserved=True, capacity=4),
            )
        ]
        answers = await at_once(running, event, requests)
    assert set(statuses(answers)) == {201, 409}
    assert codes(answers) == {"sold_out"}
    seats = await _seats(running, event)
    sold = sum(status == 201 for n, (status, _) in enumerate(answers) if n % 5 != 4)
    assert seats["seats_held"] == sold + seats["reserved"] <= 20
    assert seats["reserved"] >= 4
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_capacities_that_change_at_once_leave_no_seat_behind(running: Cluster) -> None:
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer, max_attendees=1_000)
    async with running.http() as http:
        kind = await _made(http, organizer, event, "Student", is_reserved=True, capacity=10)
        changes = [
            http.request("PATCH", f"/api/ticket_types/{kind}/", organizer, {"capacity": capacity})
            for capacity in (20, 3, 50, 30, 8, 40, 1, 25, 60, 12, 33, 5)
        ]
        answers = await at_once(running, event, changes)
    assert statuses(answers) == {200: 12}
    seats = await _seats(running, event)
    assert seats["seats_held"] == seats["reserved"]
    await assert_books_balance(running)


async def test_a_type_that_is_deleted_and_changed_at_once_gives_its_seats_back_once(running: Cluster) -> None:
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer, max_attendees=60)
    async with running.http() as http:
        await _made(http, organizer, event, "Dinner", is_reserved=True, capacity=20)
        kind = await _made(http, organizer, event, "Student", is_reserved=True, capacity=10)
        path = f"/api/ticket_types/{kind}/"
        requests = [
            request
            for n in range(8)
            for request in (
                http.request("PATCH", path, organizer, {"capacity": 11 + n}),
                http.request("DELETE", path, organizer),
            )
        ]
        answers = await at_once(running, event, requests)
    assert set(statuses(answers)) <= {200, 204, 404}
    assert statuses(answers)[204] == 1
    assert (await _seats(running, event))["seats_held"] == 20
    await assert_books_balance(running)


async def test_a_capacity_that_sinks_while_people_book_is_kept_to_or_refused(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(32)]
    event = await running.event(organizer, max_attendees=60)
    async with running.http() as http:
        kinds = [
            await _made(http, organizer, event, "Student", capacity=30),
            await _made(http, organizer, event, "Dinner", capacity=30, is_reserved=True),
        ]

        def buy(token: str, number: int) -> Awaitable[Reply]:
            items = [{"ticket_type": kinds[number % 2], "quantity": 1}]
            return http.request("POST", "/api/bookings/", token, {"event": event, "items": items})

        requests = [
            request
            for n in range(8)
            for request in (
                *(buy(token, number) for number, token in enumerate(people[n * 4 : n * 4 + 4])),
                *(
                    http.request("PATCH", f"/api/ticket_types/{kind}/", organizer, {"capacity": 29 - n * 3})
                    for kind in kinds
                ),
            )
        ]
        answers = await at_once(running, event, requests)
    sold = [answer for number, answer in enumerate(answers) if number % 6 < 4]
    changed = [answer for number, answer in enumerate(answers) if number % 6 >= 4]
    assert set(statuses(sold)) <= {201, 409}
    assert codes(sold) <= {"sold_out"}
    assert set(statuses(changed)) <= {200, 409}
    assert codes(changed) <= {"seats_taken"}
    rows = await running.sql("SELECT capacity, seats_held FROM ticket_types WHERE event_id = $1", event)
    assert sum(row["seats_held"] for row in rows) == statuses(sold)[201]
    assert all(row["seats_held"] <= row["capacity"] for row in rows)
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_of_50_seats_with_10_set_aside_the_door_sells_40_and_the_type_10(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(80)]
    event = await running.event(organizer, max_attendees=50)
    async with running.http(80) as http:
        kind = await _made(http, organizer, event, "Dinner", is_reserved=True, capacity=10)
        body = {"event": event, "items": [{"ticket_type": kind, "quantity": 1}]}
        at_the_door = [book(http, token, event) for token in people[:60]]
        of_the_type = [http.request("POST", "/api/bookings/", token, body) for token in people[60:]]
        mixed = [request for n in range(20) for request in (*at_the_door[n * 3 : n * 3 + 3], of_the_type[n])]
        answers = await at_once(running, event, mixed)
    assert statuses(answers[3::4]) == {201: 10, 409: 10}
    assert statuses(answer for n, answer in enumerate(answers) if n % 4 != 3) == {201: 40, 409: 20}
    assert codes(answers) == {"sold_out"}
    assert (await _seats(running, event))["seats_held"] == 50
    await all_jobs_done(running)
    await assert_books_balance(running)
