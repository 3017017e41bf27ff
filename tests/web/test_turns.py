"""Who comes next where work is costly."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from eventhub.errors import Busy
from eventhub.web.http.turns import FairQueue, Turns


async def hold(line: FairQueue, keys: Sequence[object], seconds: float, order: list[object]) -> None:
    async with line.turn(*keys):
        order.append(keys[-1])
        await asyncio.sleep(seconds)


async def test_next_comes_who_took_the_least_and_then_who_came_first() -> None:
    line, order = FairQueue(seconds=10), list[object]()
    for _ in range(2):
        await hold(line, ["attacker's address", "attacker"], 0.05, order)
    order.clear()
    others = [
        ("attacker's address", "attacker"),
        ("attacker's address", "neighbour"),
        ("elsewhere", "one"),
        ("elsewhere", "two"),
    ]
    first = asyncio.create_task(hold(line, ["attacker's address", "attacker"], 0.05, order))
    await asyncio.sleep(0)
    await asyncio.gather(first, *(hold(line, keys, 0, order) for keys in others))
    assert order == ["attacker", "one", "two", "neighbour", "attacker"]


async def test_of_strangers_who_brings_least_comes_first() -> None:
    line, order = FairQueue(seconds=10), list[int]()

    async def bring(size: int) -> None:
        async with line.turn("address", size, size=size):
            order.append(size)
            await asyncio.sleep(0)

    await asyncio.gather(*(bring(size) for size in (7, 9, 3, 5)))
    assert order == [7, 3, 5, 9]


async def test_one_has_a_turn_at_a_time() -> None:
    line, there, most = FairQueue(seconds=10), 0, 0

    async def work(number: int) -> None:
        nonlocal there, most
        async with line.turn(number % 3):
            there += 1
            most = max(most, there)
            await asyncio.sleep(0.001)
            there -= 1

    await asyncio.gather(*(work(number) for number in range(30)))
    assert most == 1


async def test_what_was_taken_is_forgotten_in_time() -> None:
    line, order = FairQueue(seconds=10, remembered_seconds=0.1), list[object]()
    await hold(line, ["one"], 0.02, order)
    await asyncio.sleep(0.1)
    await hold(line, ["other"], 0.001, order)
    await hold(line, ["other"], 0.001, order)
    order.clear()
    first = asyncio.create_task(hold(line, ["third"], 0.01, order))
    await asyncio.sleep(0)
    await asyncio.gather(first, hold(line, ["other"], 0, order), hold(line, ["one"], 0, order))
    assert order == ["third", "one", "other"]


async def test_who_waits_too_long_or_goes_away_holds_nobody_up() -> None:
    line, order = FairQueue(seconds=0.1), list[object]()
    first = asyncio.create_task(hold(line, ["first"], 0.3, order))
    await asyncio.sleep(0)
    gone = asyncio.create_task(hold(line, ["gone"], 0, order))
    with pytest.raises(Busy):
        await hold(line, ["late"], 0, order)
    gone.cancel()
    with suppress(asyncio.CancelledError, Busy):
        await gone
    await first
    await hold(line, ["next"], 0, order)
    assert order == ["first", "next"]


async def test_who_is_called_and_cancelled_at_once_passes_the_turn_on() -> None:
    line, order = FairQueue(seconds=10), list[object]()
    async with line.turn("first"):
        called = asyncio.create_task(hold(line, ["called"], 0, order))
        following = asyncio.create_task(hold(line, ["following"], 0, order))
        await asyncio.sleep(0)
    called.cancel()
    with pytest.raises(asyncio.CancelledError):
        await called
    await asyncio.wait_for(following, 5)
    assert order == ["following"]


async def test_of_one_key_few_wait_and_of_others_nothing_is_known() -> None:
    turns, order = Turns(waiting=1, seconds=0.2), list[object]()

    async def take(key: str, seconds: float) -> None:
        async with turns.of(key):
            order.append(key)
            await asyncio.sleep(seconds)

    first = asyncio.create_task(take("one", 0.5))
    await asyncio.sleep(0)
    late = asyncio.create_task(take("one", 0))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await take("one", 0)
    await take("other", 0)
    with pytest.raises(Busy):
        await late
    await first
    assert order == ["one", "other"]
    assert not turns._locks
    assert not turns._there
