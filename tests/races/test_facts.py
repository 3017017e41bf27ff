"""Whoever follows the facts sees each once, in order, and misses none, however late each commit comes."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import orjson
import pytest

from eventhub.database import Database
from eventhub.models.facts import FactType
from eventhub.services import facts
from eventhub.settings import Settings

WRITERS, READERS, NUMBERERS = 16, 3, 3
ROUNDS = 40  # of each writer
ROLLED_BACK = 0.25
Seen = list[tuple[int, str, int]]  # (number, type, booking)


@pytest.fixture
async def wide(settings: Settings, empty_database: None) -> AsyncIterator[Database]:
    """A database with a connection for everybody."""
    opened = await Database.open(settings.database_url, deliver=lambda _: None, pool_size=40)
    yield opened
    await opened.close()


class _GivenUp(Exception):
    """Raised by a writer that rolls back."""


async def _write(database: Database, chance: random.Random, writer: int, done: list[int]) -> None:
    """Book and confirm, each in a transaction that commits after a while or never."""
    for number in range(ROUNDS):
        booking = writer * 1000 + number
        try:
            for fact in (FactType.BOOKING_CREATED, FactType.BOOKING_CONFIRMED):
                async with database.transaction() as tx:
                    tx.record(fact, None, writer, booking=booking)
                    await tx.flush_jobs()
                    await asyncio.sleep(chance.choice((0, 0.001, 0.005, 0.02)))
                    if chance.random() < ROLLED_BACK:
                        raise _GivenUp
                done.append(booking)
        except _GivenUp:
            continue


async def _number(database: Database, is_over: asyncio.Event) -> None:
    while not is_over.is_set():
        await facts.number_all(database)
        await asyncio.sleep(0.001)
    await facts.number_all(database)


async def _follow(database: Database, chance: random.Random, is_over: asyncio.Event) -> Seen:
    seen: Seen = []
    after = 0
    while True:
        was_over = is_over.is_set()
        rows = await facts.read_numbered(database, after=after, limit=chance.choice((1, 7, 100)))
        for row in rows:
            after = row["seq"]
            seen.append((after, row["type"], orjson.loads(row["data"])["booking"]))
        if was_over and not rows:
            return seen
        await asyncio.sleep(0)


async def test_each_fact_is_seen_once_in_order_and_none_is_missed(wide: Database) -> None:
    written, numbered = asyncio.Event(), asyncio.Event()
    done: list[int] = []
    numbering = [asyncio.create_task(_number(wide, written)) for _ in range(NUMBERERS)]
    reading = [asyncio.create_task(_follow(wide, random.Random(n), numbered)) for n in range(READERS)]
    await asyncio.gather(*(_write(wide, random.Random(100 + n), n, done) for n in range(WRITERS)))
    written.set()
    failures = [one for one in await asyncio.gather(*numbering, return_exceptions=True) if one is not None]
    await facts.number_all(wide)
    numbered.set()
    for seen in await asyncio.gather(*reading):
        missed = Counter(done) - Counter(booking for _, _, booking in seen)
        twice = Counter((kind, booking) for _, kind, booking in seen) - Counter(
            {(kind, booking): 1 for _, kind, booking in seen}
        )
        assert not missed, f"missed {missed.total()} facts"
        assert not twice, f"saw {twice.total()} facts twice"
        assert [seq for seq, _, _ in seen] == list(range(1, len(done) + 1))
        created = {booking: seq for seq, kind, booking in seen if kind == FactType.BOOKING_CREATED}
        assert all(
            created[booking] < seq for seq, kind, booking in seen if kind == FactType.BOOKING_CONFIRMED
        )
    assert not failures, f"numbering failed: {failures[:1]}"


async def test_who_follows_numbers_that_transactions_draw_misses_some(wide: Database) -> None:
    """This is why facts get their numbers afterwards: an id is drawn in the order of inserts, not of commits."""
    written = asyncio.Event()
    done: list[int] = []
    seen: set[int] = set()

    async def follow_ids() -> None:
        after = 0
        while True:
            was_over = written.is_set()
            rows = await wide.fetch("SELECT id, data FROM facts WHERE id > $1 ORDER BY id LIMIT 100", after)
            for row in rows:
                after = row["id"]
                seen.add(after)
            if was_over and not rows:
                return
            await asyncio.sleep(0)

    reading = asyncio.create_task(follow_ids())
    await asyncio.gather(*(_write(wide, random.Random(n), n, done) for n in range(WRITERS)))
    written.set()
    await reading
    assert len(seen) < len(done)
