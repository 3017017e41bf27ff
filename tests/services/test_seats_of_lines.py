"""Seats of bookings with lines: event, ticket types and promo code move together, or not at all."""

import pytest

from eventhub.database import Database, Row
from eventhub.services import seats
from tests.rows import (
    NOW,
    insert,
    insert_booking,
    insert_code,
    insert_event,
    insert_items,
    insert_type,
    insert_users,
)
from tests.rows import seats as counted

TICKETS = 6  # of the booking: 1 standard, 2 of a type, 3 of a reserved one; 4 of them with the code


class World:
    """An event of 20 seats, of which 5 are set aside; what it, its types and its code count is set by each test."""

    def __init__(
        self, database: Database, event: int, booking: int, types: dict[str, int], code: int
    ) -> None:
        self.database, self.event, self.booking = database, event, booking
        self.types, self.code = types, code

    async def row(self) -> Row:
        row = await self.database.fetch_one("SELECT * FROM bookings WHERE id = $1", self.booking)
        assert row is not None
        return row

    async def counters(self) -> tuple[int, int, int, int, int]:
        """Return what event, type, reserved type and code count: seats held, confirmed ones, and uses."""
        row = await self.database.fetch_one("SELECT seats_held, seats_confirmed FROM events")
        held = {
            row["name"]: row["seats_held"] for row in await self.database.fetch("SELECT * FROM ticket_types")
        }
        uses = await self.database.fetch_value("SELECT uses FROM promo_codes")
        assert row is not None
        return row["seats_held"], row["seats_confirmed"], held["Student"], held["Dinner"], uses


@pytest.fixture
async def world(database: Database) -> World:
    organizer, owner = await insert_users(database, 2, "organizer")
    event = await insert_event(database, organizer, max_attendees=20, seats_held=5)
    types = {
        "Student": await insert_type(database, event, "Student", capacity=10),
        "Dinner": await insert_type(database, event, "Dinner", capacity=5, is_reserved=True),
    }
    code = await insert_code(database, event, "HALF", max_uses=10)
    booking = await insert_booking(
        database,
        event,
        owner,
        status="cancelled",
        number_of_tickets=TICKETS,
        total_price=30,
        is_itemized=True,
        promo_code_id=code,
        promo_uses=4,
    )
    await insert_items(database, booking, (None, 1), (types["Student"], 2), (types["Dinner"], 3))
    return World(database, event, booking, types, code)


async def take_again(world: World) -> bool:
    async with world.database.transaction() as tx:
        taken = await seats.take_again(tx, world.event, await world.row())
        if taken:
            await tx.execute("UPDATE bookings SET status = 'pending' WHERE id = $1", world.booking)
    return taken


async def end(world: World, status: str, *, keeps_uses: bool = False) -> None:
    async with world.database.transaction() as tx:
        await seats.give_back(tx, world.event, [await world.row()], keeps_uses=keeps_uses)
    await world.database.execute("UPDATE bookings SET status = $2 WHERE id = $1", world.booking, status)


async def test_late_money_takes_all_lines_and_uses_and_giving_back_is_the_reverse(world: World) -> None:
    assert await take_again(world)
    assert await world.counters() == (5 + 3, 0, 2, 3, 4)
    assert await counted(world.database, world.event) == (8, 0, 0)
    await end(world, "cancelled")
    assert await world.counters() == (5, 0, 0, 0, 0)


async def test_a_no_show_gives_seats_back_and_keeps_the_uses_and_may_have_been_there(world: World) -> None:
    assert await take_again(world)
    await world.database.execute("UPDATE bookings SET status = 'confirmed'")
    await world.database.execute("UPDATE events SET seats_confirmed = 6")
    await end(world, "no_show", keeps_uses=True)
    assert await world.counters() == (5, 0, 0, 0, 4)
    await counted(world.database, world.event)
    async with world.database.transaction() as tx:
        assert await seats.take_back(tx, world.event, await world.row())
    assert await world.counters() == (8, 6, 2, 3, 4)


@pytest.mark.parametrize(
    ("fault", "is_taken"),
    [
        ("UPDATE events SET seats_held = 17", True),
        ("UPDATE events SET seats_held = 18", False),
        ("UPDATE events SET seats_held = 17, waiting_count = 1", False),
        ("UPDATE ticket_types SET seats_held = 8 WHERE name = 'Student'", True),
        ("UPDATE ticket_types SET seats_held = 9 WHERE name = 'Student'", False),
        ("UPDATE ticket_types SET seats_held = 9, capacity = NULL WHERE name = 'Student'", True),
        ("UPDATE ticket_types SET seats_held = 2 WHERE name = 'Dinner'", True),
        ("UPDATE ticket_types SET seats_held = 3 WHERE name = 'Dinner'", False),
        ("UPDATE promo_codes SET uses = 6", True),
        ("UPDATE promo_codes SET uses = 7", False),
        ("UPDATE promo_codes SET uses = 700, max_uses = NULL", True),
        ("UPDATE promo_codes SET is_active = false, valid_until = now() - interval '1 hour'", True),
        ("UPDATE ticket_types SET is_active = false, sales_end = now() - interval '1 hour'", True),
    ],
)
async def test_late_money_takes_nothing_where_any_of_it_is_gone(
    world: World, fault: str, is_taken: bool
) -> None:
    await world.database.execute(fault)
    before = await world.counters()
    assert await take_again(world) is is_taken
    difference = (3, 0, 2, 3, 4) if is_taken else (0, 0, 0, 0, 0)
    assert await world.counters() == tuple(a + b for a, b in zip(before, difference, strict=True))


async def test_lines_of_reserved_types_alone_need_no_seat_of_the_event(world: World) -> None:
    await world.database.execute(
        "DELETE FROM booking_items WHERE ticket_type_id <> $1", world.types["Dinner"]
    )
    await world.database.execute("DELETE FROM booking_items WHERE ticket_type_id IS NULL")
    await world.database.execute(
        "UPDATE bookings SET number_of_tickets = 3, promo_code_id = NULL, promo_uses = 0"
    )
    await world.database.execute("UPDATE events SET seats_held = 20, waiting_count = 4")
    assert await take_again(world)
    assert await world.counters() == (20, 0, 0, 3, 0)


async def test_late_money_of_somebody_in_line_does_not_wait_for_them(world: World) -> None:
    owner = (await world.row())["user_id"]
    await world.database.execute("UPDATE events SET seats_held = 17, waiting_count = 1, last_line_number = 1")
    entry = {"event_id": world.event, "user_id": owner, "status": "waiting"}
    await insert(world.database, "waitlist_entries", {**entry, "line_number": 1, "joined_at": NOW})
    assert await take_again(world)
    row = await world.database.fetch_one("SELECT status, booking_id FROM waitlist_entries")
    assert row is not None
    assert tuple(row.values()) == ("accepted", world.booking)


@pytest.mark.parametrize(
    ("status", "fault", "is_taken", "capacities"),
    [
        ("ongoing", "SELECT", True, (20, 10, 5)),
        ("ongoing", "UPDATE events SET seats_held = 18", False, (20, 10, 5)),
        ("ongoing", "UPDATE ticket_types SET seats_held = 3 WHERE is_reserved", False, (20, 10, 5)),
        ("completed", "UPDATE events SET seats_held = 18", True, (21, 10, 5)),
        ("completed", "UPDATE ticket_types SET seats_held = 9 WHERE NOT is_reserved", True, (20, 11, 5)),
        ("completed", "UPDATE ticket_types SET seats_held = 3 WHERE is_reserved", True, (20, 10, 6)),
    ],
)
async def test_who_was_there_after_all_has_their_lines_again(
    world: World, status: str, fault: str, is_taken: bool, capacities: tuple[int, int, int]
) -> None:
    """Once an event is over its numbers grow where they have to: what a reserved type then holds more, its event does."""
    await world.database.execute("UPDATE bookings SET status = 'pending'")
    await world.database.execute("UPDATE bookings SET status = 'confirmed'")
    await world.database.execute("UPDATE bookings SET status = 'no_show'")
    for state in ("ongoing", "completed")[: 1 + (status == "completed")]:
        await world.database.execute("UPDATE events SET status = $1", state)
    await world.database.execute(fault)
    before = await world.counters()
    async with world.database.transaction() as tx:
        assert await seats.take_back(tx, world.event, await world.row()) is is_taken
    rows = await world.database.fetch("SELECT capacity FROM ticket_types ORDER BY id")
    most = await world.database.fetch_value("SELECT max_attendees FROM events")
    assert (most, *(row["capacity"] for row in rows)) == capacities
    grown = capacities[2] - 5
    difference = (3 + grown, 6, 2, 3, 0) if is_taken else (0, 0, 0, 0, 0)
    assert await world.counters() == tuple(a + b for a, b in zip(before, difference, strict=True))


async def test_seats_set_aside_are_taken_and_given_back(world: World) -> None:
    await world.database.execute("UPDATE events SET seats_held = 12, waiting_count = 3")
    async with world.database.transaction() as tx:
        assert not await seats.reserve(tx, world.event, 6)
        assert await seats.reserve(tx, world.event, 5)
        await seats.unreserve(tx, world.event, 2)
    assert (await world.counters())[0] == 15
    jobs = await world.database.fetch("SELECT kind FROM jobs")
    assert [job["kind"] for job in jobs] == ["promote_waitlist"]


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE ticket_types SET seats_held = 11 WHERE name = 'Student'",
        "UPDATE ticket_types SET seats_held = -1 WHERE name = 'Student'",
        "UPDATE promo_codes SET uses = 11",
        "UPDATE promo_codes SET uses = -1",
    ],
)
async def test_a_constraint_stands_behind_each_counter(world: World, fault: str) -> None:
    with pytest.raises(Exception, match=r"ticket_types_never_oversold|promo_codes_never_overused"):
        await world.database.execute(fault)
