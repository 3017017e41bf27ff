"""Reads by key that are asked for at the same moment are one statement, and each asker gets what is theirs."""

import asyncio
import gc
from collections.abc import Mapping, Sequence

import asyncpg
import pytest

from eventhub import logs
from eventhub.database import Database, Queries
from eventhub.database.gathered import MOST_KEYS
from tests.waiting import until

SQUARES = "SELECT key, key * key AS square FROM unnest($1::int[]) key WHERE key < 1000"


class Reads:
    """What was asked for together, and as whom."""

    def __init__(self) -> None:
        self.keys: list[list[int]] = []
        self.request_ids: list[str] = []

    async def squares(self, queries: Queries, keys: Sequence[int]) -> Mapping[int, int]:
        self.keys.append(list(keys))
        self.request_ids.append(logs.request_id())
        return {row["key"]: row["square"] for row in await queries.fetch(SQUARES, keys)}

    async def sleeps(self, queries: Queries, keys: Sequence[int]) -> Mapping[int, int]:
        self.keys.append(list(keys))
        await queries.fetch("SELECT pg_sleep(0.2)")
        return {key: key for key in keys}

    async def fails(self, queries: Queries, keys: Sequence[int]) -> Mapping[int, int]:
        self.keys.append(list(keys))
        await queries.fetch("SELECT 1 / 0")
        return {}


@pytest.fixture
def reads() -> Reads:
    return Reads()


async def test_askers_of_one_moment_share_a_statement_and_each_gets_their_own(
    database: Database, reads: Reads
) -> None:
    read = reads.squares
    found = await asyncio.gather(*(database.gathered(read, key) for key in (7, 3, 2000, 7, 5)))
    assert found == [49, 9, None, 49, 25]
    assert reads.keys == [[7, 3, 2000, 5]]


async def test_askers_of_two_kinds_or_of_two_places_share_none(database: Database, reads: Reads) -> None:
    one, another = reads.squares, Reads()
    await asyncio.gather(
        database.gathered(one, 1), database.gathered(another.squares, 2), database.reserved.gathered(one, 3)
    )
    assert [*sorted(reads.keys), *another.keys] == [[1], [3], [2]]


async def test_a_later_asker_does_not_wait_for_those_before(database: Database, reads: Reads) -> None:
    sleeps, squares = reads.sleeps, reads.squares
    slow = asyncio.create_task(database.gathered(sleeps, 1))
    await until(lambda: reads.keys, "the first statement has left")
    assert await database.gathered(squares, 2) == 4
    assert await database.gathered(sleeps, 3) == 3
    assert await slow == 1
    assert reads.keys == [[1], [2], [3]]


async def test_a_statement_has_so_many_keys_at_most(database: Database, reads: Reads) -> None:
    read = reads.squares
    found = await asyncio.gather(*(database.gathered(read, key) for key in range(2 * MOST_KEYS + 1)))
    assert found == [key * key for key in range(2 * MOST_KEYS + 1)]
    assert [len(keys) for keys in reads.keys] == [MOST_KEYS, MOST_KEYS, 1]


async def test_an_error_reaches_all_askers_and_the_next_one_asks_anew(
    database: Database, reads: Reads
) -> None:
    fails = reads.fails
    errors = await asyncio.gather(
        *(database.gathered(fails, key) for key in range(3)), return_exceptions=True
    )
    assert [type(error) for error in errors] == [asyncpg.DivisionByZeroError] * 3
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.gathered(fails, 9)
    assert reads.keys == [[0, 1, 2], [9]]


@pytest.mark.parametrize("passes", [0, 1, 5])
async def test_an_asker_who_gives_up_disturbs_no_other(database: Database, reads: Reads, passes: int) -> None:
    sleeps = reads.sleeps
    asked = [asyncio.create_task(database.gathered(sleeps, key)) for key in (1, 1, 2)]
    for _ in range(passes):
        await asyncio.sleep(0)
    asked[0].cancel()
    assert list(await asyncio.gather(*asked[1:])) == [1, 2]
    assert asked[0].cancelled()
    assert len(reads.keys) == 1


async def test_what_nobody_waits_for_any_more_is_not_asked_for(database: Database, reads: Reads) -> None:
    squares = reads.squares
    asked = [asyncio.create_task(database.gathered(squares, key)) for key in (1, 2)]
    await asyncio.sleep(0)
    asked[0].cancel()
    assert await asked[1] == 4
    asked = [asyncio.create_task(database.gathered(squares, 3))]
    await asyncio.sleep(0)
    asked[0].cancel()
    await asyncio.sleep(0.05)
    assert reads.keys == [[2]]


async def test_an_error_that_nobody_waits_for_any_more_is_not_complained_of(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Queries, __: Sequence[int]) -> Mapping[int, int]:
        asyncio.get_running_loop().call_soon(asked.cancel)
        raise ValueError

    asked = asyncio.create_task(database.gathered(fail, 1))
    await asyncio.wait([asked])
    assert asked.cancelled()
    gc.collect()
    assert caplog.records == []


async def test_a_statement_for_several_is_nobodys_and_one_for_a_single_asker_is_theirs(
    database: Database, reads: Reads
) -> None:
    read = reads.squares

    async def ask(name: str, key: int) -> None:
        token = logs.begin(request_id=name)
        await database.gathered(read, key)
        assert logs.request_id() == name
        logs.end(token)

    await asyncio.gather(asyncio.create_task(ask("a", 1)), asyncio.create_task(ask("b", 2)))
    await asyncio.create_task(ask("c", 3))
    assert reads.request_ids == [logs.NO_REQUEST, "c"]


async def test_a_transaction_reads_by_itself_what_it_has_changed(database: Database, reads: Reads) -> None:
    async def temporary(queries: Queries, keys: Sequence[int]) -> Mapping[int, int]:
        reads.keys.append(list(keys))
        rows = await queries.fetch("SELECT a FROM mine WHERE a = ANY($1::int[])", keys)
        return {row["a"]: row["a"] for row in rows}

    async with database.transaction() as tx:
        await tx.execute("CREATE TEMPORARY TABLE mine ON COMMIT DROP AS SELECT 7 AS a")
        found = await asyncio.gather(*(tx.gathered(temporary, key) for key in (7, 8)))
        assert found == [7, None]
    assert reads.keys == [[7], [8]]
