"""Tickets of types, and uses of promo codes: nobody gets what somebody else has, and what is given back is whole."""

import asyncio

import pytest

from eventhub.models.jobs import EXPIRE_BOOKING
from tests.cluster import Cluster
from tests.races.books import (
    Reply,
    act,
    all_jobs_done,
    assert_books_balance,
    at_once,
    book,
    book_items,
    codes,
    count,
    enqueue,
    join,
    statuses,
)


async def _type(running: Cluster, event: int, name: str, **details: object) -> int:
    """Return the id of a new ticket type; a reserved one has set its seats aside."""
    values = {"price": 0, "capacity": None, "is_reserved": False, **details}
    (row,) = await running.sql(
        "INSERT INTO ticket_types (event_id, name, price, capacity, is_reserved, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, now(), now()) RETURNING id",
        event,
        name,
        values["price"],
        values["capacity"],
        values["is_reserved"],
    )
    if values["is_reserved"]:
        await running.sql(
            "UPDATE events SET seats_held = seats_held + $2 WHERE id = $1", event, values["capacity"]
        )
    return int(row["id"])


async def _code(running: Cluster, event: int, code: str, max_uses: int) -> int:
    (row,) = await running.sql(
        "INSERT INTO promo_codes (event_id, code, kind, value, max_uses, created_at, updated_at) "
        "VALUES ($1, $2, 'percent', 50, $3, now(), now()) RETURNING id",
        event,
        code,
        max_uses,
    )
    return int(row["id"])


async def _sold(running: Cluster, event: int) -> list[int]:
    """Return how many tickets each type of an event has sold, and the event counts as held."""
    types = await running.sql("SELECT seats_held FROM ticket_types WHERE event_id = $1 ORDER BY id", event)
    (held,) = await running.sql("SELECT seats_held FROM events WHERE id = $1", event)
    return [*(row["seats_held"] for row in types), held["seats_held"]]


async def test_400_people_on_50_seats_of_three_types_get_exactly_50_and_no_type_sells_too_many(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(400)]
    event = await running.event(organizer, max_attendees=50)
    types = [await _type(running, event, f"Type {capacity}", capacity=capacity) for capacity in (20, 30, 50)]
    async with running.http(400) as http:
        answers = await asyncio.gather(
            *(book_items(http, token, event, (types[n % 3], 1)) for n, token in enumerate(people))
        )
    assert statuses(answers) == {201: 50, 409: 350}
    assert codes(answers) == {"sold_out"}
    await all_jobs_done(running)
    *sold, held = await _sold(running, event)
    assert (sum(sold), held) == (50, 50)
    assert all(number <= capacity for number, capacity in zip(sold, (20, 30, 50), strict=True))
    await assert_books_balance(running)


async def test_orders_of_several_lines_fill_types_and_event_to_the_last_and_no_further(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(60)]
    event = await running.event(organizer, max_attendees=50)
    small = await _type(running, event, "Small", capacity=20)
    async with running.http() as http:
        orders = [book_items(http, token, event, (small, 1), (None, 1)) for token in people]
        answers = await at_once(running, event, orders)
    assert statuses(answers) == {201: 20, 409: 40}
    assert codes(answers) == {"sold_out"}
    await all_jobs_done(running)
    assert await _sold(running, event) == [20, 40]
    await assert_books_balance(running)


async def test_reserved_seats_are_sold_from_their_type_and_all_others_to_everybody(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(80)]
    event = await running.event(organizer, max_attendees=50)
    dinner = await _type(running, event, "Dinner", capacity=10, is_reserved=True)
    async with running.http() as http:
        answers = await at_once(
            running,
            event,
            [
                book(http, token, event) if number < 60 else book_items(http, token, event, (dinner, 1))
                for number, token in enumerate(people)
            ],
        )
    assert statuses(answers[:60]) == {201: 40, 409: 20}
    assert statuses(answers[60:]) == {201: 10, 409: 10}
    assert codes(answers) == {"sold_out"}
    await all_jobs_done(running)
    assert await _sold(running, event) == [10, 50]
    await assert_books_balance(running)


async def test_100_people_at_once_use_a_code_as_often_as_it_may_be_and_a_cancel_frees_a_use(
    running: Cluster,
) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(100)]
    event = await running.event(organizer, max_attendees=500, price="10.00")
    code = await _code(running, event, "TWENTY", 20)
    async with running.http() as http:
        answers = await at_once(
            running,
            event,
            [book_items(http, token, event, (None, 1), promo_code="twenty") for token in people],
        )
        assert statuses(answers) == {201: 20, 409: 80}
        assert codes(answers) == {"promo_code_used_up"}
        assert {data["total_price"] for status, data in answers if status == 201} == {"5.00"}
        first, late = (
            next(number for number, (got, _) in enumerate(answers) if got == status) for status in (201, 409)
        )
        assert (await act(http, people[first], f"bookings/{answers[first][1]['id']}/cancel"))[0] == 200
        assert await count(running, "promo_codes WHERE id = $1 AND uses = 19", code) == 1
        assert (await book_items(http, people[late], event, (None, 1), promo_code="TWENTY"))[0] == 201
    await all_jobs_done(running)
    await assert_books_balance(running)


@pytest.mark.parametrize(
    ("change", "total"),
    [
        ("UPDATE ticket_types SET price = 9 WHERE event_id = {event}", "4.50"),
        ("UPDATE promo_codes SET value = 20 WHERE event_id = {event}", "4.00"),
        ("UPDATE events SET price = 1 WHERE id = {event}", "3.00"),
    ],
    ids=["type", "code", "event"],
)
async def test_a_price_that_changes_while_people_book_is_what_they_pay(
    running: Cluster, change: str, total: str
) -> None:
    """All have read the old price before it changed; who expected it is refused, and nobody gets it."""
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(10)]
    event = await running.event(organizer, max_attendees=50)
    student = await _type(running, event, "Student", price=5)
    await _code(running, event, "HALF", 100)
    async with running.http() as http:
        lines = ((student, 1), (None, 1))
        orders = [
            book_items(http, token, event, *lines, promo_code="HALF", expected_total=expected)
            for token, expected in zip(people, [None, "2.50"] * 5, strict=True)
        ]
        answers = await at_once(running, event, orders, meanwhile=change.format(event=event))
    assert statuses(answers[::2]) == {201: 5}
    assert {data["total_price"] for _, data in answers[::2]} == {total}
    assert statuses(answers[1::2]) == {409: 5}
    assert codes(answers) == {"price_changed"}
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_what_is_closed_while_people_book_sells_nothing(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(20)]
    events = [await running.event(organizer, max_attendees=50) for _ in range(4)]
    types = [await _type(running, event, "Student") for event in events]
    for event in events:
        await _code(running, event, "HALF", 100)
    changes = [
        (f"UPDATE events SET is_selling = false WHERE id = {events[0]}", "registration_closed"),
        (f"UPDATE events SET is_standard_on_sale = false WHERE id = {events[1]}", "not_on_sale"),
        (f"UPDATE ticket_types SET is_active = false WHERE event_id = {events[2]}", "not_on_sale"),
        (f"UPDATE promo_codes SET is_active = false WHERE event_id = {events[3]}", "promo_code_not_valid"),
    ]
    async with running.http() as http:
        for event, student, (meanwhile, code) in zip(events, types, changes, strict=True):
            orders = [
                book_items(http, token, event, (student, 1), (None, 1), promo_code="HALF")
                for token in people[:10]
            ]
            answers = await at_once(running, event, orders, meanwhile=meanwhile)
            assert (statuses(answers), codes(answers)) == ({409: 10}, {code})
    assert (
        await count(
            running, "booking_items i JOIN bookings b ON b.id = booking_id WHERE event_id = ANY($1)", events
        )
        == 0
    )
    await assert_books_balance(running)


async def test_fewer_tickets_of_a_type_while_people_book_are_refused_or_kept_to(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(40)]
    event = await running.event(organizer, max_attendees=200)
    student = await _type(running, event, "Student", capacity=60)

    async def resize(capacity: int) -> Reply:
        return await http.request("PATCH", f"/api/ticket_types/{student}/", organizer, {"capacity": capacity})

    async with running.http() as http:
        orders = [book_items(http, token, event, (student, 1)) for token in people]
        mixed = [
            request
            for number in range(10)
            for request in (*orders[number * 4 : number * 4 + 4], resize(50 - number * 4))
        ]
        answers = await at_once(running, event, mixed)
    changed, sold = answers[4::5], [answer for number, answer in enumerate(answers) if number % 5 != 4]
    assert set(statuses(changed)) <= {200, 409}
    assert set(statuses(sold)) <= {201, 409}
    assert codes(answers) <= {"seats_taken", "sold_out"}
    await all_jobs_done(running)
    assert await _sold(running, event) == [statuses(sold)[201]] * 2
    await assert_books_balance(running)


async def test_who_joins_and_books_items_at_once_holds_one_place(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(10)]
    event = await running.event(organizer, max_attendees=60)
    dinner = await _type(running, event, "Dinner", capacity=30, is_reserved=True)
    async with running.http() as http:
        assert (await book(http, organizer, event, 30))[0] == 201  # so that whoever joins has to wait
        requests = [
            request
            for token in people
            for request in (join(http, token, event), book_items(http, token, event, (dinner, 1)))
        ]
        answers = await at_once(running, event, requests)
    assert set(statuses(answers)) == {201, 409}
    assert codes(answers) <= {"already_waiting", "already_booked"}
    assert statuses(answers)[201] == 10
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_whatever_ends_a_booking_with_items_gives_all_of_it_back_once(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(3)]
    event = await running.event(organizer, max_attendees=50, price="10.00")
    student = await _type(running, event, "Student", capacity=20, price=5)
    dinner = await _type(running, event, "Dinner", capacity=10, is_reserved=True, price=5)
    code = await _code(running, event, "HALF", 30)
    lines = ((student, 2), (dinner, 3), (None, 1))
    async with running.http() as http:
        made = [await book_items(http, token, event, *lines, promo_code="HALF") for token in people]
        assert statuses(made) == {201: 3}
        assert await _sold(running, event) == [6, 9, 10 + 9]
        expiring, paying, cancelling = (data["id"] for _, data in made)
        paid = await http.request("POST", "/api/payments/", people[1], {"booking": paying})
        assert paid[0] == 201
        await all_jobs_done(running)
        await running.sql("UPDATE bookings SET expires_at = now() WHERE id = $1", expiring)
        answers = await at_once(
            running,
            event,
            [
                *(enqueue(running, EXPIRE_BOOKING, booking_id=expiring) for _ in range(3)),
                *(act(http, people[1], f"payments/{paid[1]['id']}/refund") for _ in range(5)),
                *(act(http, organizer, f"bookings/{paying}/cancel") for _ in range(5)),
                *(act(http, people[2], f"bookings/{cancelling}/cancel") for _ in range(10)),
            ],
        )
    assert set(statuses(answers)) == {0, 200}
    await all_jobs_done(running)
    assert await _sold(running, event) == [0, 0, 10]
    assert await count(running, "promo_codes WHERE id = $1 AND uses = 0", code) == 1
    assert await count(running, "bookings WHERE event_id = $1 AND status <> 'cancelled'", event) == 0
    await assert_books_balance(running)


async def test_a_cancelled_event_holds_what_its_reserved_types_do(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(40)]
    event = await running.event(organizer, max_attendees=200)
    student = await _type(running, event, "Student", capacity=100)
    dinner = await _type(running, event, "Dinner", capacity=100, is_reserved=True)
    async with running.http() as http:
        orders = [
            book_items(http, token, event, (student, 1), (dinner, 2))
            if number % 2
            else book(http, token, event)
            for number, token in enumerate(people)
        ]
        answers = await at_once(running, event, [*orders, act(http, organizer, f"events/{event}/cancel")])
    assert answers[-1][0] == 200
    assert codes(answers) <= {"registration_closed"}
    await all_jobs_done(running)
    assert await _sold(running, event) == [0, 0, 100]
    await assert_books_balance(running)
