"""Counters in Redis and in memory at once: exact for crowds, and nobody's tries start anew when Redis is slow."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import redis.asyncio

from eventhub.web.rate_limits import counters
from eventhub.web.rate_limits.counters import Counter, Counters


@pytest.fixture
async def client(settings: Any) -> AsyncIterator[Any]:
    client = redis.asyncio.Redis.from_url(settings.redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


async def be_slow(client: Any) -> None:
    """Have Redis answer nobody for a moment."""
    await client.client_pause(SLOW_MILLISECONDS)


async def be_asked_again(client: Any, one: Counters) -> None:
    """Wait until Redis answers, and `one` would ask it."""
    await client.ping()
    await asyncio.sleep(one._open_until - time.monotonic())


@pytest.fixture
async def two(client: Any, settings: Any) -> AsyncIterator[tuple[Counters, Counters]]:
    """Two processes' counters, for what is one event loop here."""
    each = Counters(settings.redis_url), Counters(settings.redis_url)
    for one in each:
        await one.open()
    yield each
    for one in each:
        await one.close()


SLOW_MILLISECONDS = 800
NAME = Counter("LIMITS:test:name", 5, 60)
ADDRESS = Counter("LIMITS:test:address", 8, 60)


async def passed(one: Counters, times: int, of: Sequence[Counter] = (NAME,)) -> int:
    found = await asyncio.gather(*(one.take(of) for _ in range(times)))
    return sum(readings.has_room for readings in found)


async def test_a_crowd_takes_what_the_limit_says_and_not_one_more(two: tuple[Counters, Counters]) -> None:
    assert sum(await asyncio.gather(passed(two[0], 60), passed(two[1], 60))) == 5
    # One round trip takes many along: the other counters have their own limits.
    names = [Counter(f"LIMITS:test:{number}", 5, 60) for number in range(40)]
    assert [await passed(two[0], 60, [name]) for name in names] == [5] * 40


async def test_a_full_counter_leaves_the_others_as_they_are(two: tuple[Counters, Counters]) -> None:
    assert await passed(two[0], 9, [NAME, ADDRESS]) == 5
    assert await passed(two[1], 9, [ADDRESS]) == 3
    wide = Counter("LIMITS:test:wide", 2, 60, is_firm=False)
    assert await passed(two[0], 4, [wide]) == 4
    readings = await two[0].take([NAME, wide])
    assert [reading.count for reading in readings.each] == [5, 4]  # refused, so not counted


async def test_what_is_given_back_or_cleared_is_free_for_all(two: tuple[Counters, Counters]) -> None:
    assert await passed(two[0], 5) == 5
    await two[1].give_back([NAME])
    assert await passed(two[0], 2) == 1
    await two[1].clear([NAME])
    assert await passed(two[0], 6) == 5
    await two[0].clear([NAME])
    await two[0].give_back([NAME])
    assert await passed(two[1], 6) == 5


async def test_a_process_without_time_takes_no_redis_for_slow(
    two: tuple[Counters, Counters], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "WAIT_SECONDS", 1.0)  # in less a busy machine makes Redis slow indeed

    async def starve() -> None:
        for _ in range(8):
            time.sleep(2 * counters.WAIT_SECONDS / counters.PARTS)  # noqa: ASYNC251 - as hashing does on a busy machine
            await asyncio.sleep(0)

    before = time.monotonic()
    found = await asyncio.gather(passed(two[0], 20), passed(two[1], 20), starve(), starve())
    assert time.monotonic() - before > counters.WAIT_SECONDS
    assert found[0] + found[1] == 5


async def test_what_was_counted_stays_counted_while_redis_is_slow_and_after(
    client: Any, two: tuple[Counters, Counters], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "OPEN_SECONDS", 0.5)
    one, other = two
    assert await passed(one, 2) == 2
    await be_slow(client)
    assert await passed(one, 20) == 3, "memory knows of the two"
    await be_asked_again(client, one)
    assert await passed(one, 1) == 0
    assert await passed(other, 9) == 0, "Redis was told"


async def test_a_success_without_redis_is_told_as_well(
    client: Any, two: tuple[Counters, Counters], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "OPEN_SECONDS", 0.5)
    one, other = two
    assert await passed(one, 4) == 4
    await be_slow(client)
    await one.clear([NAME])
    assert await passed(one, 2) == 2
    await be_asked_again(client, one)
    assert await passed(one, 1) == 1
    # The pause may have held the question back that was given up: it counts then, never the other way round.
    assert 1 <= await passed(other, 9) <= 2


async def test_what_is_counted_here_reaches_redis_whole_though_more_comes_meanwhile(
    two: tuple[Counters, Counters],
) -> None:
    one, other = two
    wide = Counter("LIMITS:test:wide", 1000, 60)
    for _ in range(150):  # Redis hears of the first, and then of every fiftieth, in the background
        assert one.count([wide]).has_room
        await asyncio.sleep(0)
    assert (await one.take([wide])).each[0].count == 151
    assert (await other.take([wide])).each[0].count == 152


async def test_what_is_full_here_is_refused_here_and_not_counted(two: tuple[Counters, Counters]) -> None:
    one, other = two
    assert one.full([NAME]) == []
    assert [one.count([NAME]).has_room for _ in range(7)] == [True] * 5 + [False] * 2
    assert [reading.count for reading in one.full([NAME, ADDRESS])] == [5]
    assert (await one.take([NAME])).each[0].count == 5
    assert other.count([NAME]).has_room, "has not heard of it"
    while not (full := other.full([NAME])):
        await asyncio.sleep(0.01)
    assert full[0].count == 6
    assert not other.count([NAME]).has_room


async def test_a_full_memory_forgets_the_oldest_and_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "REMEMBERED", 2)
    alone = Counters("redis://127.0.0.1:1/0")
    one, two, three = (Counter(f"LIMITS:test:{number}", 2, 60) for number in range(3))
    assert alone.count([one, two]).has_room
    assert [reading.count for reading in alone.count([one, three]).each] == [2, 1]
    assert alone.full([one, two, three]) == []
    await alone.close()


async def test_windows_end_and_begin_with_the_first_that_counts(
    client: Any, two: tuple[Counters, Counters]
) -> None:
    short = Counter("LIMITS:test:short", 1, 1)
    assert await passed(two[0], 2, [short]) == 1
    assert 0 < await client.pttl("LIMITS:test:short") <= 1000
    await asyncio.sleep(1.1)
    assert await passed(two[1], 2, [short]) == 1


@pytest.mark.parametrize("kind", ["take", "give_back", "clear"])
async def test_without_redis_memory_answers(kind: str) -> None:
    alone = Counters("redis://127.0.0.1:1/0")
    await alone.open()
    assert await passed(alone, 9) == 5
    await getattr(alone, kind)([NAME])
    assert await passed(alone, 9) == {"take": 0, "give_back": 1, "clear": 5}[kind]
    await alone.close()
