"""The figures of now, as one web process remembers them for a few seconds, however many admins look."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from eventhub.database import Queries
from eventhub.services.operations import stats

T = TypeVar("T")
Ask = Callable[[Queries], Awaitable[T]]

# How old a figure may be. What reads an hour of the log, or all payments, is asked for less often.
FRESH_SECONDS: dict[Ask[Any], float] = {
    stats.processes: 2,
    stats.backlogs: 2,
    stats.owed: 5,
    stats.sales: 10,
    stats.waiting_for_people: 10,
    stats.rates: 15,
    stats.money: 15,
    stats.store: 60,
}


@dataclass
class _Figure:
    value: Any = None
    asked_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Figures:
    """What was asked lately; who asks at the same time waits for the same answer."""

    def __init__(self) -> None:
        self._known = {ask: _Figure() for ask in FRESH_SECONDS}

    async def get(self, ask: Ask[T], queries: Queries) -> T:
        """Return what `ask` says, or said a few seconds ago."""
        known = self._known[ask]
        async with known.lock:
            if known.value is None or time.monotonic() - known.asked_at >= FRESH_SECONDS[ask]:
                known.value = await ask(queries)
                known.asked_at = time.monotonic()
            value: T = known.value
        return value

    def forget(self) -> None:
        """Have all of them asked anew: somebody has just changed what they say."""
        for figure in self._known.values():
            figure.value = None


FIGURES = web.AppKey("ops_figures", Figures)
