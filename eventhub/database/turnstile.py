"""The queue before a row that many want at once: a few wait at the row, with a connection each; the others wait without.

So a row that somebody holds, or that everybody wants, takes a part of a process's connections; the rest is for others.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field

import asyncpg

from eventhub.errors import Busy, EventHubError


class RowBusy(Busy, TimeoutError):
    """Raised when somebody holds a row for long, or too many want it; no statement has been sent.

    This is a time-out too, like that of waiting for the row's lock itself: a job is tried again after either.
    """


@dataclass(eq=False)
class _Line:
    at_row: int = 0
    is_stuck: bool = False  # who came back last from the row has waited there in vain
    waiting: deque[asyncio.Future[bool]] = field(default_factory=deque)


class Turnstile:
    """Lets `at_once` work at each row and others wait for up to `wait_seconds`, first come, first served.

    Where one has waited at the row in vain, so would the others: they are sent away, and one at a time tries from then
    on until one gets through. Meanwhile newcomers wait for what comes of that only where it `waits_for_trials`.
    """

    def __init__(self, at_once: int, wait_seconds: float | None, *, waits_for_trials: bool = True) -> None:
        self._at_once = at_once
        self._wait_seconds = wait_seconds
        self._waits_for_trials = waits_for_trials
        self._lines: dict[Hashable, _Line] = {}

    def is_calm(self, row: Hashable) -> bool:
        """Whether nobody is at the row, or waits for it."""
        return row not in self._lines

    @contextlib.asynccontextmanager
    async def turn(self, row: Hashable) -> AsyncIterator[None]:
        """Let the block run when it may go to the row. Raises RowBusy."""
        line = self._lines.setdefault(row, _Line())
        await self._enter(row, line)
        try:
            yield
        except asyncpg.LockNotAvailableError:
            line.is_stuck = True
            _send_away(line)
            raise
        except EventHubError:  # a rule's answer, which takes the row as well
            line.is_stuck = False
            raise
        else:
            line.is_stuck = False
        finally:
            self._leave(row, line)

    async def _enter(self, row: Hashable, line: _Line) -> None:
        if self._has_room(line):
            line.at_row += 1
            return
        if line.is_stuck and not self._waits_for_trials:
            raise _busy()
        called: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        line.waiting.append(called)
        try:
            async with asyncio.timeout(self._wait_seconds):
                is_its_turn = await called
        except BaseException as error:
            if called.done() and not called.cancelled() and called.result():  # called at the same moment
                self._leave(row, line)
            with contextlib.suppress(ValueError):
                line.waiting.remove(called)
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise
        if not is_its_turn:
            raise _busy()

    def _has_room(self, line: _Line) -> bool:
        return line.at_row < (1 if line.is_stuck else self._at_once)

    def _leave(self, row: Hashable, line: _Line) -> None:
        line.at_row -= 1
        while line.waiting and self._has_room(line):
            called = line.waiting.popleft()
            if not called.done():
                line.at_row += 1
                called.set_result(True)
        if not line.at_row and not line.waiting:
            self._lines.pop(row, None)


def _send_away(line: _Line) -> None:
    while line.waiting:
        called = line.waiting.popleft()
        if not called.done():
            called.set_result(False)


def _busy() -> RowBusy:
    return RowBusy("Others are changing the same thing at the moment.")
