"""The way to PostgreSQL stays open, whatever happens to single connections."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from asyncpg import connect_utils
from asyncpg.transaction import Transaction

from eventhub.database import (
    Database,
    PublicBounds,
    Queries,
    Timeouts,
    UnavailableErrors,
)
from eventhub.errors import Busy
from eventhub.models.users import User
from eventhub.settings import Settings
from tests.rows import insert_event, insert_users
from tests.waiting import until

POOL_SIZE = 10
WRITERS = 7  # connections of it that transactions may have at once


async def test_a_failing_begin_gives_its_connection_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Transaction) -> None:
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "start", fail)
        for _ in range(POOL_SIZE + 1):
            with pytest.raises(asyncpg.ConnectionDoesNotExistError):
                async with database.transaction() as tx:
                    await tx.execute("SELECT 1")
    await _use_the_whole_pool(database)


async def test_a_cancelled_transaction_gives_its_connection_back(database: Database) -> None:
    async def work() -> None:
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_sleep(5)")

    for delay in (0, 0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05):
        task = asyncio.create_task(work())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.wait([task])
    await _use_the_whole_pool(database)


async def _use_the_whole_pool(database: Database) -> None:
    all_open = asyncio.Barrier(POOL_SIZE)

    async def write() -> None:
        async with database.transaction() as tx:
            await tx.execute("SELECT 1")
            await all_open.wait()

    async def read() -> None:
        async with database._connection() as connection:
            await connection.execute("SELECT 1")
            await all_open.wait()

    everything = [write() for _ in range(WRITERS)] + [read() for _ in range(POOL_SIZE - WRITERS)]
    await asyncio.wait_for(asyncio.gather(*everything), 10)


async def test_reads_wait_behind_no_writer(database: Database) -> None:
    writers = [asyncio.create_task(_hold(database)) for _ in range(2 * POOL_SIZE)]
    await asyncio.sleep(0.1)
    assert await asyncio.wait_for(database.fetch_value("SELECT 1"), 5) == 1
    await _end(writers)
    await _use_the_whole_pool(database)


async def test_those_that_want_one_row_leave_connections_to_writers_of_others(database: Database) -> None:
    hot = [asyncio.create_task(_hold(database, row=7)) for _ in range(2 * POOL_SIZE)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5), database.transaction(8) as tx:
        assert await tx.fetch_value("SELECT 1") == 1
    await _end(hot)
    await _use_the_whole_pool(database)


async def _hold(database: Database, row: int | None = None) -> None:
    async with database.transaction(row):
        await asyncio.sleep(60)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_what_the_orm_wraps_of_a_deadlock_or_a_lock_is_raised_as_it_was(database: Database) -> None:
    for code, kind in (
        ("40P01", asyncpg.DeadlockDetectedError),
        ("40001", asyncpg.SerializationError),
        ("55P03", asyncpg.LockNotAvailableError),
        ("57014", asyncpg.QueryCanceledError),
    ):
        with pytest.raises(kind):
            async with database.transaction():
                await User.raw(f"DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$")


async def test_connections_that_the_server_ended_are_replaced(database: Database, settings: Settings) -> None:
    await _use_the_whole_pool(database)
    other = await asyncpg.connect(settings.database_url)
    ended = await other.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    assert ended == POOL_SIZE
    await asyncio.sleep(0.1)
    await _use_the_whole_pool(database)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://nobody@/nothing?host=/nonexistent&port=5432",
        "postgres://nobody@127.0.0.1:1/nothing",
        "postgres://nobody@name.invalid/nothing",
    ],
)
async def test_a_server_that_cannot_be_reached_is_unavailable_and_nothing_else(url: str) -> None:
    database = await Database.open(url, deliver=lambda _: None)
    try:
        with pytest.raises(UnavailableErrors):
            await database.fetch_value("SELECT 1")
        with pytest.raises(UnavailableErrors):
            async with database.transaction():
                pass
    finally:
        await database.close()


async def test_a_database_that_does_not_exist_is_unavailable(settings: Settings) -> None:
    name = settings.database_url.split("?")[0].rpartition("/")[2]
    database = await Database.open(
        settings.database_url.replace(f"/{name}?", "/missing?"), deliver=lambda _: None
    )
    try:
        with pytest.raises(UnavailableErrors):
            await database.fetch_value("SELECT 1")
    finally:
        await database.close()


@pytest.fixture
async def impatient(settings: Settings) -> AsyncIterator[Database]:
    """A pool of two connections that waits for nothing for long."""
    timeouts = Timeouts(statement_seconds=0.5, lock_seconds=0.2, turn_seconds=0.3)
    opened = await Database.open(
        settings.database_url, deliver=lambda _: None, pool_size=2, timeouts=timeouts
    )
    yield opened
    await opened.close()


async def test_a_statement_that_takes_too_long_is_given_up(impatient: Database) -> None:
    with pytest.raises(asyncpg.QueryCanceledError) as gave_up:
        await impatient.execute("SELECT pg_sleep(5)")
    assert isinstance(gave_up.value, UnavailableErrors)
    assert await impatient.fetch_value("SELECT 1") == 1


async def test_a_lock_that_somebody_holds_is_not_waited_for_forever(
    impatient: Database, settings: Settings
) -> None:
    other = await asyncpg.connect(settings.database_url)
    await other.execute("SELECT pg_advisory_lock(7)")
    with pytest.raises(asyncpg.LockNotAvailableError) as gave_up:
        async with impatient.transaction() as tx:
            await tx.execute("SELECT pg_advisory_xact_lock(7)")
    await other.close()
    assert isinstance(gave_up.value, UnavailableErrors)


async def test_a_turn_at_the_pool_is_not_waited_for_forever(impatient: Database) -> None:
    async with impatient._connection(), impatient._connection():
        with pytest.raises(TimeoutError):
            await impatient.fetch_value("SELECT 1")
    assert await impatient.fetch_value("SELECT 1") == 1


async def test_a_server_that_says_nothing_is_given_up_with_the_connection(
    impatient: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        # As if the server were frozen: it neither answers nor hears of the cancellation.
        patch.setattr(connect_utils, "_cancel", lambda **_: asyncio.sleep(60))
        for _ in range(2):
            with pytest.raises(UnavailableErrors):
                async with asyncio.timeout(6), impatient.transaction() as tx:
                    await tx.execute("SET LOCAL statement_timeout = 0")
                    await tx.execute("SELECT pg_sleep(8)")
    assert await impatient.fetch_value("SELECT 1") == 1


@asynccontextmanager
async def _bounded(settings: Settings, timeouts: Timeouts, *, line_seconds: float) -> AsyncIterator[Database]:
    """A database where what anybody can read may cost little: two costly reads at once, two more in line."""
    bounds = PublicBounds(
        pool_size=4, timeouts=timeouts, costly_at_once=2, costly_in_line=2, line_seconds=line_seconds
    )
    opened = await Database.open(settings.database_url, deliver=lambda _: None, public=bounds)
    yield opened
    await opened.close()


@pytest.fixture
async def bounded(settings: Settings) -> AsyncIterator[Database]:
    """Such a database where neither a costly read nor its turn may take long."""
    timeouts = Timeouts(statement_seconds=0.5, lock_seconds=5, turn_seconds=5)
    async with _bounded(settings, timeouts, line_seconds=0.3) as opened:
        yield opened


async def _sleep_costly(queries: Queries, seconds: float) -> None:
    async with queries.costly() as reads:
        await reads.fetch_value("SELECT pg_sleep($1)", seconds)


async def test_public_reads_end_early_and_say_so_while_others_take_their_time(bounded: Database) -> None:
    with pytest.raises(Busy) as gave_up:
        await bounded.public.fetch_value("SELECT pg_sleep(5)")
    assert (gave_up.value.code, "0.5 s" in gave_up.value.detail) == ("took_too_long", True)
    assert await bounded.public.fetch_value("SELECT 1") == 1
    await bounded.fetch_value("SELECT pg_sleep(0.6)")


async def test_costly_reads_are_public_ones_whoever_asks(bounded: Database) -> None:
    for queries in (bounded, bounded.public):
        with pytest.raises(Busy, match=r"0\.5 s"):
            await _sleep_costly(queries, 5)


async def test_few_costly_reads_run_a_few_wait_and_others_wait_for_none(settings: Settings) -> None:
    holder = await asyncpg.connect(settings.database_url)
    await holder.execute("SELECT pg_advisory_lock(9)")

    async def read(queries: Queries) -> None:
        async with queries.costly() as reads:
            await reads.fetch_value("SELECT pg_advisory_lock_shared(9), pg_advisory_unlock_shared(9)")

    patient = Timeouts(statement_seconds=20, lock_seconds=20, turn_seconds=20)
    async with _bounded(settings, patient, line_seconds=20) as bounded:
        asked = [asyncio.create_task(read(bounded)) for _ in range(3)]
        asked += [asyncio.create_task(read(bounded.public)) for _ in range(3)]
        await until(lambda: sum(task.done() for task in asked) == 2, "two find no place in the line")
        assert [task.done() for task in asked] == [False] * 4 + [True] * 2
        for queries in (bounded, bounded.public):
            assert await asyncio.wait_for(queries.fetch_value("SELECT 1"), 10) == 1
        await holder.close()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert answers[:4] == [None] * 4
        assert [getattr(answer, "code", None) for answer in answers[4:]] == ["too_many_searches"] * 2
        await _sleep_costly(bounded, 0)


async def test_a_turn_of_a_costly_read_is_not_waited_for_for_long(bounded: Database) -> None:
    asked = [asyncio.create_task(_sleep_costly(bounded, 0.45)) for _ in range(3)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers[:2] == [None] * 2
    assert isinstance(answers[2], Busy)
    await asyncio.gather(*(_sleep_costly(bounded, 0) for _ in range(4)))


async def test_mistakes_of_this_code_do_not_pass_for_an_outage(database: Database) -> None:
    with pytest.raises(asyncpg.DataError) as mistake:
        await database.fetch_value("SELECT $1::int", "seven")
    assert not isinstance(mistake.value, UnavailableErrors)


async def test_the_databases_of_tests_refuse_moves_that_no_table_allows(database: Database) -> None:
    (organizer,) = await insert_users(database, 1, "organizer")
    event = await insert_event(database, organizer, status="cancelled")
    with pytest.raises(asyncpg.RaiseError, match="events does not move from cancelled to published"):
        await database.execute("UPDATE events SET status = 'published' WHERE id = $1", event)


async def test_a_url_may_ask_for_encryption_as_managed_servers_write_it(settings: Settings) -> None:
    separator = "&" if "?" in settings.database_url else "?"
    url = f"{settings.database_url}{separator}sslmode=prefer"
    opened = await Database.open(url, deliver=lambda _: None)
    try:
        assert await opened.fetch_value("SELECT 1") == 1
    finally:
        await opened.close()


async def test_a_server_that_takes_no_writes_any_more_is_left_by_all_connections(settings: Settings) -> None:
    """Also by those that only read: they would go on reading what a demoted server has."""
    bounds = PublicBounds(2, Timeouts(5, 5, 5), costly_at_once=1, costly_in_line=1, line_seconds=1)
    database = await Database.open(settings.database_url, deliver=lambda _: None, public=bounds)
    pid = "SELECT pg_backend_pid()"
    pools = (database, database.public, database.reserved)
    before = [await pool.fetch_value(pid) for pool in pools]
    assert [await pool.fetch_value(pid) for pool in pools] == before
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.transaction() as tx:
            await tx.execute("SET TRANSACTION READ ONLY")
            await tx.execute("DELETE FROM users")
    after = [await pool.fetch_value(pid) for pool in pools]
    assert not set(before) & set(after)
    await database.close()
