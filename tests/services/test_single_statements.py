"""A transaction of one statement: no BEGIN, no COMMIT, and nothing that could be lost behind it."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from eventhub.database import Database, SentJob, Transaction
from eventhub.models.facts import FactType
from eventhub.models.jobs import CONFIRM_BOOKING, PROMOTE_WAITLIST
from eventhub.services import bookings
from eventhub.services.access import Viewer
from tests.rows import insert_event, insert_users

INSERT = """
INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website, organization,
                   is_verified, is_active, date_joined)
VALUES ($1, $1, '-', '', '', 'attendee', '', '', '', '', false, true, now()) RETURNING id
"""


async def book(tx: Transaction, event: int, buyer: int) -> dict[str, Any]:
    return await bookings.book(
        tx,
        Viewer(buyer, "attendee"),
        event=event,
        number_of_tickets=2,
        special_requirements="",
        ttl_seconds=900,
    )


async def users(database: Database) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM users"))


async def test_a_statement_alone_is_sent_without_begin_and_commit(
    database: Database, sent: list[str]
) -> None:
    async with database.transaction() as tx:
        assert await tx.fetch_alone(INSERT, "alone")
    await asyncio.sleep(0)  # asyncpg tells in the next pass
    assert sent == ["INSERT"]
    assert await users(database) == 1


async def test_a_transaction_without_a_statement_sends_nothing(database: Database, sent: list[str]) -> None:
    async with database.transaction():
        pass
    await asyncio.sleep(0)  # asyncpg tells in the next pass
    assert sent == []


async def test_nothing_follows_a_statement_that_is_committed(database: Database) -> None:
    with pytest.raises(RuntimeError, match="nothing can follow"):
        async with database.transaction() as tx:
            await tx.fetch_alone(INSERT, "alone")
            await tx.execute("DELETE FROM users")
    for promise in (_enqueue, _record, _at_the_end):
        with pytest.raises(RuntimeError, match="would be lost"):
            async with database.transaction() as tx:
                await tx.fetch_alone(INSERT, promise.__name__)
                promise(tx)
    assert await users(database) == 4


def _enqueue(tx: Transaction) -> None:
    tx.enqueue(PROMOTE_WAITLIST, event_id=1)


def _record(tx: Transaction) -> None:
    tx.record(FactType.EVENT_UPDATED, 1)


def _at_the_end(tx: Transaction) -> None:
    async def nothing() -> None: ...

    tx.at_the_end(nothing)


@pytest.mark.parametrize("promise", [_enqueue, _record, _at_the_end])
async def test_what_was_promised_before_stands_or_falls_with_the_statement(
    database: Database, promise: Any
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            promise(tx)
            assert await tx.fetch_alone(INSERT, "a")
            raise ZeroDivisionError
    assert await users(database) == 0


async def test_behind_another_statement_it_is_a_part_of_the_transaction(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.execute(INSERT, "first")
            assert await tx.fetch_alone(INSERT, "second")
            tx.enqueue(PROMOTE_WAITLIST, event_id=1)
            raise ZeroDivisionError
    assert await users(database) == 0


async def test_one_that_found_nothing_leaves_the_transaction_open(
    database: Database, sent: list[str]
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            assert await tx.fetch_alone("UPDATE users SET bio = '' WHERE id = 0 RETURNING id") == []
            await tx.execute(INSERT, "next")
            raise ZeroDivisionError
    assert await users(database) == 0
    await asyncio.sleep(0)  # asyncpg tells in the next pass
    assert sent[:4] == ["UPDATE", "BEGIN", "INSERT", "ROLLBACK"]


@pytest.mark.parametrize(("price", "jobs"), [("0.00", 1), ("20.00", 0)])
async def test_a_booking_is_one_statement_with_its_fact_and_its_job(
    database: Database, sent: list[str], price: str, jobs: int
) -> None:
    organizer, buyer = await insert_users(database, 2)
    event = await insert_event(database, organizer, price=Decimal(price))
    delivered: list[SentJob] = []
    database.deliver = delivered.extend
    await asyncio.sleep(0)
    sent.clear()
    async with database.transaction(event) as tx:
        booking = await book(tx, event, buyer)
        assert delivered == []
    await asyncio.sleep(0)  # asyncpg tells in the next pass
    assert sent == ["WITH"]
    assert "job_id" not in booking
    assert await database.fetch_value("SELECT count(*) FROM facts") == 1
    rows = await database.fetch("SELECT * FROM jobs")
    assert len(rows) == len(delivered) == jobs
    assert delivered == [SentJob(row["id"], "confirm_booking", "bookings") for row in rows]


async def test_the_job_that_a_booking_writes_is_the_one_that_is_enqueued_elsewhere(
    database: Database,
) -> None:
    organizer, buyer = await insert_users(database, 2)
    event = await insert_event(database, organizer, price=Decimal(0))
    async with database.transaction() as tx:
        booking = await book(tx, event, buyer)
    columns = (
        "kind, version, queue, payload, unique_key, state, attempts, max_attempts, request_id, trace, error, "
        "run_at <= now() AS is_due, sent_at IS NOT NULL AS is_sent"
    )
    written = await database.fetch(f"DELETE FROM jobs RETURNING {columns}")
    async with database.transaction() as tx:
        tx.enqueue(CONFIRM_BOOKING, booking_id=booking["id"])
    assert await database.fetch(f"SELECT {columns} FROM jobs") == written
