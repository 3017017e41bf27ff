"""Facts get numbers after their commit, without gaps and in order; the oldest go when they are old."""

from decimal import Decimal

import pytest

from eventhub.database import Database, Transaction
from eventhub.models.facts import FactType
from eventhub.services import bookings, facts
from eventhub.services.access import Viewer
from eventhub.services.facts import numbering
from eventhub.services.facts.numbering import NUMBERING_LOCK
from tests.rows import insert_event, insert_users


async def record(database: Database, number: int, event: int | None = None) -> None:
    async with database.transaction() as tx:
        for n in range(number):
            tx.record(FactType.BOOKING_CREATED, event, booking=n)


async def numbers(database: Database) -> list[tuple[int, int | None]]:
    rows = await database.fetch("SELECT id, seq FROM facts ORDER BY id")
    return [(row["id"], row["seq"]) for row in rows]


async def cursor(database: Database) -> int:
    return await facts.last_number(database)


async def test_numbers_follow_the_ids_without_a_gap_batch_by_batch(database: Database) -> None:
    await record(database, 5)
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            tx.record(FactType.EVENT_CREATED, None)
            await tx.flush_jobs()
            raise ZeroDivisionError  # its id is gone for good
    await record(database, 2)
    async with database.transaction() as tx:
        assert await facts.number(tx, 3) == 3
    assert await cursor(database) == 3
    async with database.transaction() as tx:
        assert await facts.number(tx, 100) == 4
        assert await facts.number(tx, 100) == 0
    assert [seq for _, seq in await numbers(database)] == [1, 2, 3, 4, 5, 6, 7]
    assert await cursor(database) == 7
    assert await facts.number_all(database) == 0


async def test_what_becomes_visible_late_gets_a_later_number(database: Database) -> None:
    async with database._connection() as late:
        transaction = late.transaction()
        await transaction.start()
        await late.execute(
            "INSERT INTO facts (type, via, occurred_at) VALUES ('event.created', 'user', now())"
        )
        await record(database, 1)
        assert await facts.number_all(database) == 1
        await transaction.commit()
    assert await facts.number_all(database) == 1
    assert await numbers(database) == [(1, 2), (2, 1)]


async def test_whose_event_it_was_is_filled_in(database: Database) -> None:
    one, other = await insert_users(database, 2, "organizer")
    event, gone, moved = [await insert_event(database, one) for _ in range(3)]
    for each in (event, gone, moved):
        await record(database, 1, each)
    await record(database, 1, None)
    async with database.transaction() as tx:
        await facts.keep_organizer(tx, gone, one)
        await tx.execute("DELETE FROM events WHERE id = $1", gone)
    async with database.transaction() as tx:
        await facts.keep_organizer(tx, moved, one)
        await tx.execute("UPDATE events SET organizer_id = $2 WHERE id = $1", moved, other)
    await record(database, 1, moved)
    await facts.number_all(database)
    rows = await facts.read_numbered(database, after=0, limit=10)
    assert [(row["event_id"], row["organizer_id"]) for row in rows] == [
        (event, one),
        (gone, one),
        (moved, one),
        (None, None),
        (moved, other),
    ]


async def test_who_is_refused_may_leave_it_to_whoever_numbers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They look again once others may, and so find what was committed before those were refused."""
    await record(database, 1)
    batches: list[int | None] = []

    async def number_meanwhile(tx: Transaction) -> int | None:
        numbered = await facts.number(tx)
        if not batches:
            await database.execute(
                "INSERT INTO facts (type, via, occurred_at) VALUES ('event.created', 'user', now())"
            )
            assert not await database.fetch_value("SELECT pg_try_advisory_xact_lock($1)", NUMBERING_LOCK)
        batches.append(numbered)
        return numbered

    monkeypatch.setattr(numbering, "number", number_meanwhile)
    assert await facts.number_all(database) == 2
    assert batches == [1, 1]


async def test_while_somebody_numbers_nobody_else_does(database: Database) -> None:
    await record(database, 1)
    async with database._connection() as holder, holder.transaction():
        await holder.execute("SELECT pg_advisory_xact_lock($1)", NUMBERING_LOCK)
        assert await facts.number_all(database) == 0
        async with database.transaction() as tx:
            assert await facts.number(tx) is None
    assert await facts.number_all(database) == 1


async def test_facts_wake_whoever_numbers_them_after_their_commit(database: Database) -> None:
    woken: list[int] = []
    database.wake = lambda: woken.append(1)
    async with database.transaction() as tx:
        tx.record(FactType.EVENT_CREATED, None)
        assert woken == []
    assert woken == [1]
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            tx.record(FactType.EVENT_CREATED, None)
            raise ZeroDivisionError
    async with database.transaction() as tx:
        await tx.execute("SELECT 1")
    assert woken == [1]


@pytest.mark.parametrize("price", ["0.00", "20.00"])
async def test_a_plain_booking_wakes_them_too(database: Database, price: str) -> None:
    """It writes its fact itself."""
    organizer, buyer = await insert_users(database, 2)
    event = await insert_event(database, organizer, price=Decimal(price))
    woken: list[int] = []
    database.wake = lambda: woken.append(1)
    async with database.transaction() as tx:
        await bookings.book(
            tx,
            Viewer(buyer, "attendee"),
            event=event,
            number_of_tickets=1,
            special_requirements="",
            ttl_seconds=900,
        )
        assert woken == []
    assert woken == [1]
    assert await facts.number_all(database) == 1


async def test_how_many_wait_and_for_how_long_is_known(database: Database) -> None:
    assert await facts.unnumbered(database) == (0, 0.0)
    await record(database, 2)
    await database.execute("UPDATE facts SET occurred_at = now() - interval '1 minute' WHERE id = 1")
    number, seconds = await facts.unnumbered(database)
    assert number == 2
    assert 60 <= seconds < 120


async def _age(database: Database, days: str) -> None:
    """Let facts be so many days old, in the order of their numbers."""
    await database.execute(
        "UPDATE facts SET occurred_at = now() - make_interval(days => ($1::int[])[seq]) "
        "WHERE seq IS NOT NULL",
        list(map(int, days.split())),
    )


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        ("9 9 9 1 1", [4, 5]),
        (
            "9 1 9 1 1",
            [2, 3, 4, 5],
        ),  # the second began long before it was numbered: nothing behind it goes before it
        ("1 1 1 1 1", [1, 2, 3, 4, 5]),
        ("9 9 9 9 9", []),
    ],
)
async def test_the_first_facts_go_as_far_as_they_are_old(
    database: Database, days: str, kept: list[int]
) -> None:
    await record(database, 5)
    await facts.number_all(database)
    await record(database, 1)  # what has no number stays, however old
    await _age(database, days)
    await database.execute("UPDATE facts SET occurred_at = now() - interval '9 days' WHERE seq IS NULL")
    purged = 0
    async with database.transaction() as tx:
        while dropped := await facts.purge(tx, 2, kept_days=5):
            assert dropped <= 2
            purged += dropped
    assert purged == 5 - len(kept)
    rows = await facts.read_numbered(database, after=0, limit=10)
    assert [row["seq"] for row in rows] == kept
    assert await facts.number_all(database) == 1
    assert await cursor(database) == 6
