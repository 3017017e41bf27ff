"""A process says that it is there, whatever else goes on in it; only a clock that was heard all along may judge others."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eventhub.database import Database
from eventhub.models.operations import ProcessKind
from eventhub.services import heartbeat
from eventhub.services.heartbeat import GAP_SECONDS, STEADY_SECONDS, Heartbeat
from eventhub.settings import Settings
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)


@asynccontextmanager
async def beating(database: Database, *queues: str) -> AsyncIterator[Heartbeat]:
    own = Heartbeat(database, ProcessKind.WORKER, version="1.2.3", queues=queues)
    await own.start()
    try:
        yield own
    finally:
        await own.stop()


async def seen_at(database: Database) -> Any:
    return await database.fetch_value("SELECT seen_at FROM processes")


async def heard_again(database: Database) -> None:
    """Wait for the next heartbeat but one: the next may have been under way already."""
    for _ in range(2):
        before = await seen_at(database)

        async def is_later(before: Any = before) -> bool:
            now = await seen_at(database)
            return now is not None and now != before

        await until(is_later, "the process is heard")


async def test_a_process_has_a_row_from_its_start_to_its_end(database: Database) -> None:
    async with beating(database, "payments", "bookings") as own:
        await heard_again(database)
        [row] = await database.fetch("SELECT * FROM processes")
        assert (row["id"], row["kind"], row["pid"], row["version"]) == (
            own.id,
            "worker",
            os.getpid(),
            "1.2.3",
        )
        assert row["queues"] == '["payments", "bookings"]'
        assert row["started_at"] < row["seen_at"]
    assert await database.fetch("SELECT FROM processes") == []


async def test_it_is_heard_while_all_connections_of_its_pool_are_busy(settings: Settings) -> None:
    database = await Database.open(settings.database_url, deliver=lambda _: None, pool_size=2)
    looking = await Database.open(settings.database_url, deliver=lambda _: None, pool_size=1)
    try:
        async with beating(database):
            await heard_again(looking)
            busy = [asyncio.create_task(database.execute("SELECT pg_sleep(1)")) for _ in range(8)]
            await asyncio.sleep(0.1)
            for _ in range(5):
                await heard_again(looking)
            assert not any(task.done() for task in busy)
            await asyncio.gather(*busy)
    finally:
        await looking.close()
        await database.close()


async def test_it_is_heard_again_after_its_connection_was_lost(database: Database) -> None:
    async with beating(database):
        await heard_again(database)
        ended = await database.fetch_value(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND query LIKE '%INSERT INTO processes%' AND datname = current_database()"
        )
        assert ended
        await heard_again(database)


async def test_an_outage_is_one_line_and_its_end_another(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tries = 0
    real = Heartbeat.beat

    async def fail(own: Heartbeat) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise ConnectionError("away")
        await real(own)

    monkeypatch.setattr(Heartbeat, "beat", fail)
    async with beating(database):
        await until(lambda: tries > 4, "it goes on trying")
    lines = [record.getMessage() for record in caplog.records if record.name == "eventhub.heartbeat"]
    assert lines == [
        "the heartbeat does not reach the database, will go on trying: ConnectionError('away')",
        "the heartbeat reaches the database again",
    ]


async def pass_time(database: Database, seconds: float) -> None:
    await database.execute("UPDATE processes SET seen_at = seen_at - make_interval(secs => $1)", seconds)


async def test_a_clock_is_steady_once_it_was_heard_for_long_without_a_gap(database: Database) -> None:
    own = Heartbeat(database, ProcessKind.CLOCK, version="test")
    steps = 5
    for gap in (GAP_SECONDS + 0.5, -1.0):  # it was cut off; another server has another time
        await own.beat()
        for _ in range(steps):
            assert not own.is_steady
            await pass_time(database, STEADY_SECONDS / steps)
            await own.beat()
        assert own.is_steady
        await pass_time(database, gap)
        await own.beat()
        assert not own.is_steady


async def test_what_was_not_heard_for_an_hour_is_forgotten(database: Database) -> None:
    old, new = [Heartbeat(database, ProcessKind.WEB, version="test") for _ in range(2)]
    await old.beat()
    await pass_time(database, 3601)
    await new.beat()
    await pass_time(database, 3500)
    assert await heartbeat.purge(database) == 1
    assert [row["id"] for row in await database.fetch("SELECT id FROM processes")] == [new.id]
    await old.beat()
    assert len(await database.fetch("SELECT FROM processes")) == 2, "it lives after all"
