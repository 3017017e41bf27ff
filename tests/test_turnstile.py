"""At one row few work at a time; where somebody holds it, those who want it are told so, and others notice nothing."""

import asyncio

import asyncpg
import pytest

from eventhub.database.turnstile import RowBusy, Turnstile
from eventhub.errors import Conflict


class Rows:
    """Rows behind a turnstile: who comes stays at one until a test lets them through, or their wait run out."""

    def __init__(self, at_once: int, wait_seconds: float = 10, *, waits_for_trials: bool = True) -> None:
        self.turnstile = Turnstile(at_once, wait_seconds, waits_for_trials=waits_for_trials)
        self.there: dict[str, asyncio.Future[None]] = {}

    @property
    def at_row(self) -> list[str]:
        return list(self.there)

    async def come(self, *names: str, row: str = "row") -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._work(name, row)) for name in names]
        await _settle()
        return tasks

    async def _work(self, name: str, row: str) -> None:
        async with self.turnstile.turn(row):
            self.there[name] = asyncio.get_running_loop().create_future()
            try:
                await self.there[name]
            finally:
                del self.there[name]

    async def let_through(self, *names: str) -> None:
        for name in names:
            self.there[name].set_result(None)
            await _settle()

    async def time_out(self, *names: str) -> None:
        for name in names:
            self.there[name].set_exception(asyncpg.LockNotAvailableError())
            await _settle()


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _results(tasks: list[asyncio.Task[None]]) -> list[type[BaseException] | None]:
    return [type(error) if (error := task.exception()) else None for task in tasks]


async def test_few_work_at_a_row_and_the_others_come_in_order() -> None:
    rows = Rows(2)
    tasks = await rows.come("a", "b", "c", "d")
    assert rows.at_row == ["a", "b"]
    await rows.let_through("b")
    assert rows.at_row == ["a", "c"]
    await rows.let_through("a", "c", "d")
    assert _results(tasks) == [None] * 4
    assert not rows.turnstile._lines


async def test_each_row_has_a_line_of_its_own() -> None:
    rows = Rows(1)
    for row in ("one", "other"):
        await rows.come(f"first of {row}", f"second of {row}", row=row)
    assert rows.at_row == ["first of one", "first of other"]


async def test_nobody_waits_for_longer_than_the_line_allows() -> None:
    rows = Rows(1, 0.05)
    first, late = await rows.come("first", "late")
    await asyncio.wait([late])
    assert _results([late]) == [RowBusy]
    await rows.let_through("first")
    await rows.come("next")
    assert (first.done(), rows.at_row) == (True, ["next"])


async def test_where_one_has_waited_in_vain_all_in_line_are_sent_away() -> None:
    rows = Rows(2)
    tasks = await rows.come("a", "b", "c", "d")
    await rows.time_out("a")
    assert _results([tasks[0], *tasks[2:]]) == [asyncpg.LockNotAvailableError, RowBusy, RowBusy]
    assert rows.at_row == ["b"]


async def test_a_row_that_is_held_is_tried_by_one_at_a_time_until_one_gets_through() -> None:
    rows = Rows(2)
    await rows.come("a", "b")
    await rows.time_out("a")
    await rows.come("c", "d", "e")
    assert rows.at_row == ["b"]
    await rows.let_through("b")
    assert rows.at_row == ["c", "d"]


async def test_who_may_not_wait_for_a_trial_is_sent_away_at_once() -> None:
    rows = Rows(2, waits_for_trials=False)
    await rows.come("a", "b")
    await rows.time_out("a")
    (newcomer,) = await rows.come("c")
    assert _results([newcomer]) == [RowBusy]
    await rows.let_through("b")
    await rows.come("d", "e", "f")
    assert rows.at_row == ["d", "e"]


async def test_a_refusal_says_nothing_of_the_row() -> None:
    rows = Rows(1)
    first, *_ = await rows.come("a", "b", "c")
    rows.there["a"].set_exception(ValueError())
    await _settle()
    assert (_results([first]), rows.at_row) == ([ValueError], ["b"])


@pytest.mark.parametrize("is_called", [False, True])
async def test_who_goes_away_holds_nobody_up(is_called: bool) -> None:
    rows = Rows(1)
    _, gone, _ = await rows.come("first", "gone", "last")
    if is_called:  # and cancelled at the same moment
        rows.there["first"].set_result(None)
        while rows.there:
            await asyncio.sleep(0)
        gone.cancel()
        await _settle()
    else:
        gone.cancel()
        await rows.let_through("first")
    assert (gone.cancelled(), rows.at_row) == (True, ["last"])
    await rows.let_through("last")
    assert not rows.turnstile._lines


async def test_a_rules_answer_shows_that_the_row_is_free_again() -> None:
    rows = Rows(2)
    await rows.come("a", "b")
    await rows.time_out("a")
    await rows.come("c", "d")
    assert rows.at_row == ["b"], "one tries"
    rows.there["b"].set_exception(Conflict("sold out", code="sold_out"))
    await _settle()
    assert rows.at_row == ["c", "d"]
