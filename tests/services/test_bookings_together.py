"""Bookings of the same moment are made by one statement; who finds an event sold out is refused by a read."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from eventhub.database import Actor, Database, Timeouts
from eventhub.database.turnstile import RowBusy
from eventhub.errors import Conflict
from eventhub.models.facts import Via
from eventhub.services import bookings
from eventhub.services.access import Viewer
from eventhub.services.bookings import Doors, doors, together
from eventhub.services.bookings.together import Ask, book_calmly
from eventhub.settings import Settings
from tests.rows import insert_event, insert_users


def ask(event: int, user: int, **changes: Any) -> Ask:
    asked: dict[str, Any] = {
        "tickets": 1,
        "requirements": "",
        "ttl_seconds": 900.0,
        "expected_total": None,
        "max_unpaid": 100,
        "via": Via.USER,
        "actor": user,
        "request_id": f"request-{user}",
        "trace": None,
        **changes,
    }
    return Ask(event, user, **asked)


async def calmly(database: Database, asks: Sequence[Ask]) -> list[dict[str, Any] | None]:
    return await asyncio.gather(*(book_calmly(database, each) for each in asks))


async def taken(database: Database) -> list[tuple[int, int]]:
    """Return the seats that are held, and those of bookings, by event."""
    rows = await database.fetch(
        "SELECT e.seats_held, coalesce(sum(b.number_of_tickets), 0)::int AS booked "
        "FROM events e LEFT JOIN bookings b ON b.event_id = e.id GROUP BY e.id ORDER BY e.id"
    )
    return [(row["seats_held"], row["booked"]) for row in rows]


@pytest.fixture
async def people(database: Database) -> list[int]:
    return await insert_users(database, 12)


async def test_what_is_asked_for_at_one_moment_is_one_statement_and_each_gets_their_own(
    database: Database, people: list[int], sent: list[str]
) -> None:
    organizer, *buyers = people
    events = [await insert_event(database, organizer, price=Decimal(n % 2), title=f"E{n}") for n in range(11)]
    await asyncio.sleep(0)
    sent.clear()
    asks = [
        ask(event, buyer, tickets=1 + buyer % 3, requirements=f"for {buyer}")
        for event, buyer in zip(events, buyers, strict=True)
    ]
    made = await calmly(database, asks)
    await asyncio.sleep(0)
    assert sent == ["WITH"]
    for each, booking in zip(asks, made, strict=True):
        assert booking is not None
        assert (booking["event"], booking["user"]) == (each.event, each.user)
        assert (booking["number_of_tickets"], booking["special_requirements"]) == (
            each.tickets,
            f"for {each.user}",
        )
    assert await taken(database) == [(each.tickets, each.tickets) for each in asks]
    facts = await database.fetch("SELECT * FROM facts ORDER BY event_id")
    assert [(fact["event_id"], fact["user_id"], fact["actor_id"], fact["request_id"]) for fact in facts] == [
        (each.event, each.user, each.user, f"request-{each.user}") for each in asks
    ]
    jobs = await database.fetch("SELECT * FROM jobs ORDER BY id")
    free = [booking["id"] for booking in made if booking is not None and booking["total_price"] == "0.00"]
    assert sorted(job["unique_key"] for job in jobs) == sorted(f"confirm_booking:{id_}" for id_ in free)
    assert len(free) == 6


async def test_a_row_that_somebody_holds_keeps_nobody_else_waiting(
    database: Database, people: list[int]
) -> None:
    organizer, one, two = people[:3]
    held, free = [await insert_event(database, organizer) for _ in range(2)]
    async with database.transaction() as tx:
        await tx.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", held)
        async with asyncio.timeout(2):
            made = await calmly(database, [ask(held, one), ask(free, two)])
    assert [booking is not None for booking in made] == [False, True]
    assert await taken(database) == [(0, 0), (1, 1)]


async def test_who_has_booked_already_spoils_nothing_for_others(
    database: Database, people: list[int], sent: list[str]
) -> None:
    organizer, one, two = people[:3]
    booked, other = [await insert_event(database, organizer) for _ in range(2)]
    await calmly(database, [ask(booked, one)])
    await asyncio.sleep(0)
    sent.clear()
    made = await calmly(database, [ask(booked, one), ask(other, two)])
    await asyncio.sleep(0)
    assert [booking is not None for booking in made] == [False, True]
    assert sent == ["WITH"]
    assert await taken(database) == [(1, 1), (1, 1)]


async def test_of_two_for_one_event_the_first_goes_and_the_other_is_left(
    database: Database, people: list[int]
) -> None:
    organizer, one, two = people[:3]
    event = await insert_event(database, organizer)
    made = await calmly(database, [ask(event, one), ask(event, two)])
    assert [booking is not None for booking in made] == [True, False]
    assert await taken(database) == [(1, 1)]


async def test_one_person_gets_one_of_a_moment_so_that_what_they_hold_stays_bounded(
    database: Database, people: list[int]
) -> None:
    organizer, one, two = people[:3]
    events = [await insert_event(database, organizer, price=Decimal(1), max_attendees=100) for _ in range(4)]
    asks = [*(ask(event, one, tickets=100) for event in events[:3]), ask(events[3], two)]
    made = await calmly(database, asks)
    assert [booking is not None for booking in made] == [True, False, False, True]
    assert await taken(database) == [(100, 100), (0, 0), (0, 0), (1, 1)]


async def test_where_a_constraint_refuses_one_nothing_has_happened_to_any(
    database: Database, people: list[int]
) -> None:
    organizer, one, two = people[:3]
    first, second = [await insert_event(database, organizer) for _ in range(2)]
    async with database.transaction() as tx:
        # As nothing does: beside the lock of the event.
        await tx.execute(
            "INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, "
            "registered_at, expires_at) VALUES ($1, $2, 'pending', 1, 0, '', now(), now())",
            first,
            one,
        )
        tx.has_recorded = True
        await tx.execute(
            "INSERT INTO facts (type, event_id, user_id, via, data, occurred_at) SELECT 'booking.created', event_id, "
            "user_id, 'user', jsonb_build_object('booking', id), now() FROM bookings"
        )
        asking = asyncio.create_task(calmly(database, [ask(first, one), ask(second, two)]))
        await asyncio.sleep(0.2)
    assert await asking == [None, None]
    assert await taken(database) == [(0, 1), (0, 0)]


async def test_a_wait_in_vain_for_one_refuses_none_of_the_others(
    database: Database, people: list[int], settings: Settings
) -> None:
    organizer, one, two = people[:3]
    first, second = [await insert_event(database, organizer) for _ in range(2)]
    timeouts = Timeouts(statement_seconds=5, lock_seconds=0.2, turn_seconds=5)
    hasty = await Database.open(settings.database_url, deliver=lambda _: None, timeouts=timeouts)
    try:
        async with database.transaction() as tx:
            # As nothing does: an account's row is changed without its key.
            await tx.execute("SELECT FROM users WHERE id = $1 FOR UPDATE", one)
            assert await calmly(hasty, [ask(first, one), ask(second, two)]) == [None, None]
    finally:
        await hasty.close()
    assert await taken(database) == [(0, 0), (0, 0)]


async def test_no_two_statements_wait_for_each_other(database: Database, people: list[int]) -> None:
    organizer, *buyers = people
    events = [await insert_event(database, organizer, max_attendees=1000) for _ in range(11)]
    for lap in range(3):
        turned = [buyers[3 * lap + number :] + buyers[: 3 * lap + number] for number in range(3)]
        orders = [list(zip(events, each, strict=True)) for each in turned]
        orders[1].reverse()
        made = await asyncio.gather(
            *(together_in(database, [ask(event, buyer) for event, buyer in order]) for order in orders)
        )
        assert sum(made) >= len(events)
    assert all(held == booked for held, booked in await taken(database))


async def together_in(database: Database, asks: Sequence[Ask]) -> int:
    async with database.transaction() as tx:
        return len(await together.take(tx, asks, waits=False))


@pytest.mark.parametrize(
    ("change", "event_change"),
    [
        ({"tickets": 51}, {}),
        ({"expected_total": Decimal(3)}, {"price": Decimal(2)}),
        ({"max_unpaid": 1, "tickets": 2}, {"price": Decimal(2)}),
        ({}, {"status": "draft"}),
        ({}, {"is_selling": False}),
        ({}, {"is_standard_on_sale": False}),
        ({}, {"waiting_count": 50}),
    ],
)
async def test_what_cannot_be_had_is_left_and_the_rest_is_made(
    database: Database, people: list[int], change: dict[str, Any], event_change: dict[str, Any]
) -> None:
    organizer, one, two = people[:3]
    refusing, other = (
        await insert_event(database, organizer, **event_change),
        await insert_event(database, organizer),
    )
    made = await calmly(database, [ask(refusing, one, **change), ask(other, two)])
    assert [booking is not None for booking in made] == [False, True]
    assert await taken(database) == [(0, 0), (1, 1)]


async def book(database: Database, at: Doors, event: int, user: int) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "event": event,
        "number_of_tickets": 1,
        "special_requirements": "",
        "ttl_seconds": 900,
        "items": None,
        "promo_code": None,
        "expected_total": None,
        "gateways": (),
        "max_unpaid": None,
    }
    viewer = Viewer(user, "attendee")
    made = await bookings.book_at_once(database, viewer, Actor(Via.USER, user), at, **asked)
    if made is None:
        async with database.transaction(event, actor=Actor(Via.USER, user)) as tx:
            made = await bookings.book(tx, viewer, at, **asked)
    return made


async def test_a_sold_out_event_refuses_by_a_read_that_all_who_ask_share(
    database: Database, people: list[int], sent: list[str]
) -> None:
    organizer, *buyers = people
    event = await insert_event(database, organizer, max_attendees=1)
    at = Doors()
    await book(database, at, event, buyers[0])
    with pytest.raises(Conflict, match="has 0 seats left"):
        await book(database, at, event, buyers[1])
    await asyncio.sleep(0)
    sent.clear()
    async with database.transaction() as tx:
        await tx.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", event)
        async with asyncio.timeout(2):
            refusals = await asyncio.gather(
                *(book(database, at, event, buyer) for buyer in buyers), return_exceptions=True
            )
    await asyncio.sleep(0)
    assert sent == ["BEGIN", "SELECT", "WITH", "COMMIT"]
    # One's own booking comes first.
    assert [refusal.code for refusal in refusals if isinstance(refusal, Conflict)] == [
        "already_booked",
        *["sold_out"] * 10,
    ]


async def test_a_seat_that_comes_free_is_sold_to_the_next(database: Database, people: list[int]) -> None:
    organizer, *buyers = people
    event = await insert_event(database, organizer, max_attendees=1)
    at = Doors()
    await book(database, at, event, buyers[0])
    for _ in range(2):
        with pytest.raises(Conflict):
            await book(database, at, event, buyers[1])
    await database.execute("UPDATE events SET max_attendees = 2")
    assert (await book(database, at, event, buyers[1]))["user"] == buyers[1]
    assert not at.was_full(event)


async def test_what_is_remembered_of_events_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Doors()
    monkeypatch.setattr(doors, "MAX_REMEMBERED", 3)
    for event in (1, 2, 3, 1, 4):
        at.saw(event, is_full=True)
    assert [at.was_full(event) for event in (1, 2, 3, 4)] == [True, False, True, True]
    monkeypatch.setattr(doors, "REMEMBERED_SECONDS", 0.0)
    assert not at.was_full(4)


async def test_a_few_at_a_time_are_worked_on_for_each_event() -> None:
    at = Doors(0.05)
    working: list[int] = []

    async def work(event: int) -> None:
        async with at.turn(event):
            working.append(event)
            await asyncio.sleep(0.3)

    results = asyncio.gather(*(work(1) for _ in range(20)), work(2), return_exceptions=True)
    await asyncio.sleep(0.01)
    assert working == [1] * doors.AT_ONCE + [2]
    assert sum(isinstance(result, RowBusy) for result in await results) == 20 - doors.AT_ONCE
