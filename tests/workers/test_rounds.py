"""What several jobs want is done in rounds: one at a time in a lane, and nobody's failure is another's."""

import asyncio
from collections.abc import Callable, Collection, Sequence

import pytest

from eventhub import logs
from eventhub.workers import rounds
from eventhub.workers.rounds import AT_MOST, Rounds
from tests.waiting import until


class _Doing:
    """Notes what is done in each round, which lasts until `may_end`; fails with `bad` in it, and leaves `left` undone."""

    def __init__(self) -> None:
        self.rounds: list[list[str]] = []
        self.may_end = asyncio.Event()

    async def do(self, lane: str | None, wanted: Sequence[str]) -> Collection[str]:
        self.rounds.append([*wanted])
        if lane != "free":
            await self.may_end.wait()
        if "bad" in wanted:
            raise RuntimeError("bad")
        return [each for each in wanted if each != "left"]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)


async def _join(
    doing: _Doing, joined: Rounds, *wanted: str, lane: str | None = None
) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.create_task(joined.join(doing.do, each, lane)) for each in wanted]
    await asyncio.sleep(0)
    return tasks


def _has_begun(doing: _Doing, number: int) -> Callable[[], bool]:
    return lambda: len(doing.rounds) == number


async def test_who_comes_while_a_round_is_under_way_makes_up_the_next() -> None:
    doing, joined = _Doing(), Rounds()
    first = await _join(doing, joined, "a")
    await until(_has_begun(doing, 1), "the first round has begun")
    later = await _join(doing, joined, *"bcd")
    doing.may_end.set()
    assert await asyncio.gather(*first, *later) == [True] * 4
    assert doing.rounds == [["a"], ["b", "c", "d"]]


async def test_a_round_has_no_more_than_may_lock_rows_together() -> None:
    doing, joined = _Doing(), Rounds()
    doing.may_end.set()
    await asyncio.gather(*await _join(doing, joined, *map(str, range(AT_MOST + 1))))
    assert [len(each) for each in doing.rounds] == [AT_MOST, 1]


async def test_all_of_a_round_that_fails_are_left_to_do_it_by_themselves_and_the_next_goes_on() -> None:
    doing, joined = _Doing(), Rounds()
    doing.may_end.set()
    failing = await _join(doing, joined, "a", "bad", "c")
    assert await asyncio.gather(*failing) == [False] * 3
    assert await joined.join(doing.do, "d")


async def test_what_a_round_leaves_undone_its_job_hears_of() -> None:
    doing, joined = _Doing(), Rounds()
    doing.may_end.set()
    assert await asyncio.gather(*await _join(doing, joined, "a", "left")) == [True, False]


async def test_a_lane_that_waits_keeps_no_other_waiting() -> None:
    doing, joined = _Doing(), Rounds()
    stuck = await _join(doing, joined, "a", lane="held")
    assert await joined.join(doing.do, "b", "free")
    doing.may_end.set()
    assert await asyncio.gather(*stuck) == [True]


async def test_who_is_cancelled_disturbs_nobody_and_is_not_begun_any_more() -> None:
    doing, joined = _Doing(), Rounds()
    [first] = await _join(doing, joined, "a")
    await until(_has_begun(doing, 1), "the first round has begun")
    gone, staying = await _join(doing, joined, "b", "c")
    first.cancel()
    gone.cancel()
    await asyncio.sleep(0)
    doing.may_end.set()
    assert await staying
    assert doing.rounds == [["a"], ["c"]]


async def test_a_lone_one_is_done_as_itself_and_several_are_done_as_nobody() -> None:
    said: list[tuple[int, str]] = []

    async def do(_lane: object, wanted: Sequence[str]) -> Collection[str]:
        said.append((len(wanted), logs.request_id()))
        return wanted

    async def join(rounds: Rounds, name: str) -> bool:
        logs.begin(request_id=name)
        return await rounds.join(do, name)

    rounds = Rounds()
    assert await asyncio.gather(
        *(asyncio.create_task(join(rounds, name)) for name in ("one", "two", "three"))
    )
    assert said == [(3, "-")]
    await asyncio.sleep(0.05)
    assert await asyncio.create_task(join(rounds, "alone"))
    assert said[1:] == [(1, "alone")]
