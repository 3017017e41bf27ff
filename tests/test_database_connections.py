"""Connections go from hand to hand: none is lost, and none serves before it is well."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from eventhub.database import Database, connections
from eventhub.database.connection import Connector
from eventhub.database.connections import Connections
from eventhub.errors import NotFound
from eventhub.settings import Settings
from tests.waiting import until


@pytest.fixture
async def two(settings: Settings) -> AsyncIterator[Connections]:
    opened = Connections(Connector(settings.database_url).connect, 2)
    yield opened
    await opened.close()


async def test_connections_are_opened_as_needed_and_the_last_one_used_is_used_next(two: Connections) -> None:
    assert two.open_count == 0
    first, second = await two.take(), await two.take()
    two.give_back(first)
    two.give_back(second, NotFound())
    assert (two.open_count, two.idle_count) == (2, 2)
    assert [two.take_idle(), await two.take(), two.take_idle()] == [second, first, None]
    two.give_back(first)
    two.give_back(second)


async def test_what_is_given_back_goes_to_who_has_waited_longest(two: Connections) -> None:
    first, second = await two.take(), await two.take()
    waiting = [asyncio.create_task(two.take()) for _ in range(3)]
    await asyncio.sleep(0)
    two.give_back(first)
    two.give_back(second)
    assert await waiting[0] is first
    assert await waiting[1] is second
    await first.close()
    two.give_back(first)  # its place is as good
    third = await waiting[2]
    assert await third.fetchval("SELECT 1") == 1
    two.give_back(second)
    two.give_back(third)
    assert (two.open_count, two.idle_count) == (2, 2)


@pytest.mark.parametrize("has_its_turn", [False, True])
async def test_who_gives_up_waiting_takes_no_connection_along(two: Connections, has_its_turn: bool) -> None:
    first, second = await two.take(), await two.take()
    waiting = asyncio.create_task(two.take())
    await asyncio.sleep(0)
    if has_its_turn:
        two.give_back(first)
        waiting.cancel()
    else:
        waiting.cancel()
        two.give_back(first)
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert two.take_idle() is first
    two.give_back(first)
    two.give_back(second)


async def test_a_server_that_does_not_answer_takes_no_place() -> None:
    async def refuse() -> Any:
        await asyncio.sleep(0)
        raise ConnectionRefusedError

    one = Connections(refuse, 1)
    tries = await asyncio.gather(one.take(), one.take(), one.take(), return_exceptions=True)
    assert [type(tried) for tried in tries] == [ConnectionRefusedError] * 3
    assert one.open_count == 0


async def test_a_statement_that_was_given_up_has_ended_before_its_connection_serves_again(
    two: Connections,
) -> None:
    connection = await two.take()
    await connection.execute("BEGIN")
    sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
    await asyncio.sleep(0.1)
    sleeping.cancel()
    await asyncio.wait([sleeping])
    two.give_back(connection, asyncio.CancelledError())
    assert two.take_idle() is None
    await until(lambda: two.idle_count == 1, "the connection is well")
    assert await two.take() is connection
    assert not connection.is_in_transaction()
    two.give_back(connection)


async def test_a_connection_that_does_not_get_well_serves_nobody(
    two: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> None:
        raise TimeoutError

    connection = await two.take()
    monkeypatch.setattr(connection, "execute", hang)
    two.give_back(connection, TimeoutError())
    await until(lambda: two.open_count == 0, "the connection is given up")
    assert connection.is_closed()


async def test_none_of_the_present_connections_serves_again_once_they_expire(two: Connections) -> None:
    used, idle = await two.take(), await two.take()
    two.give_back(idle)
    two.expire()
    assert await used.fetchval("SELECT 1") == 1
    two.give_back(used)
    assert idle.is_closed()
    assert used.is_closed()
    assert two.open_count == 0


async def test_what_nobody_has_needed_for_long_is_closed_but_for_two(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNUSED_SECONDS", 0.3)
    five = Connections(Connector(settings.database_url).connect, 5)
    taken = [await five.take() for _ in range(5)]
    for connection in taken:
        five.give_back(connection)
    await until(lambda: five.open_count == connections.KEPT, "the others are closed")
    assert [connection.is_closed() for connection in taken] == [True] * 3 + [False] * 2
    await five.close()


async def test_connections_that_expired_were_not_unused_since(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    five = Connections(Connector(settings.database_url).connect, 5)
    taken = [await five.take() for _ in range(5)]
    for connection in taken:
        five.give_back(connection)
    monkeypatch.setattr(connections, "UNUSED_SECONDS", 60.0)
    five._close_unused()
    five.expire()
    taken = [await five.take() for _ in range(5)]
    five.give_back(taken.pop())
    five._close_unused()
    for connection in taken:
        five.give_back(connection)
    assert (five.open_count, five.idle_count) == (5, 5)
    await five.close()


async def test_closing_waits_for_what_is_in_use(two: Connections) -> None:
    used, idle = await two.take(), await two.take()
    two.give_back(idle)
    closing = asyncio.create_task(two.close())
    await until(idle.is_closed, "what is idle is closed")
    assert await used.fetchval("SELECT 1") == 1
    with pytest.raises(ConnectionError):
        await two.take()
    two.give_back(used)
    await closing
    assert used.is_closed()


async def test_a_result_that_a_migration_has_changed_fails_one_transaction_at_most(
    database: Database,
) -> None:
    async def read() -> None:
        async with database.transaction() as tx:
            await tx.fetch("SELECT * FROM changing")
            await both.wait()

    await database.execute("CREATE TABLE changing (a int)")
    both = asyncio.Barrier(2)
    await asyncio.gather(read(), read())
    await database.execute("ALTER TABLE changing ADD b int")
    both = asyncio.Barrier(1)
    with pytest.raises(asyncpg.InvalidCachedStatementError):
        await read()
    both = asyncio.Barrier(2)
    await asyncio.gather(read(), read())
    await database.execute("DROP TABLE changing")
