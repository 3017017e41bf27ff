"""Whose turn it is with costly work, so that no client takes all of it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from eventhub.errors import Busy
from eventhub.web.http.proxies import PROXIES, bucket


class Turns:
    """One turn at a time for each key, in order; `waiting` more wait for theirs, each for so many seconds."""

    def __init__(self, *, waiting: int, seconds: float) -> None:
        self._waiting = waiting
        self._seconds = seconds
        self._locks: dict[object, asyncio.Lock] = {}
        self._there: dict[object, int] = {}

    @asynccontextmanager
    async def of(self, key: object) -> AsyncIterator[None]:
        """Let the block run when its turn has come. Raises Busy where too many wait, or for too long."""
        there = self._there.get(key, 0)
        if there > self._waiting:
            raise Busy
        self._there[key] = there + 1
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    await lock.acquire()
            except TimeoutError:
                raise Busy from None
            try:
                yield
            finally:
                lock.release()
        finally:
            self._there[key] -= 1
            if not self._there[key]:
                del self._there[key], self._locks[key]


class FairQueue:
    """One turn at a time for all. Next comes who, by each of the keys in their order, took the least time lately; among
    equals who brings least, and then who came first.

    So whoever comes with little waits for the one at work and no longer, however much others bring.
    """

    def __init__(self, *, seconds: float, remembered_seconds: float = 600.0) -> None:
        self._seconds = seconds
        self._remembered_seconds = remembered_seconds
        self._taken: defaultdict[object, float] = defaultdict(float)
        self._forgotten_at = time.monotonic()
        self._waiting: list[_Waiting] = []
        self._is_taken = False

    @asynccontextmanager
    async def turn(self, *keys: object, size: int = 0) -> AsyncIterator[None]:
        """Let the block run when its turn has come. Raises Busy where that takes too long."""
        await self._wait(keys, size)
        started_at = time.monotonic()
        try:
            yield
        finally:
            now = time.monotonic()
            if now - self._forgotten_at > self._remembered_seconds:
                self._taken.clear()
                self._forgotten_at = now
            for key in keys:
                self._taken[key] += now - started_at
            self._call_next()

    async def _wait(self, keys: tuple[object, ...], size: int) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(keys, size, called))
        try:
            async with asyncio.timeout(self._seconds):
                await called
        except BaseException as error:
            if not called.cancelled():  # called at the same moment
                self._call_next()
            if isinstance(error, TimeoutError):
                raise Busy from None
            raise

    def _call_next(self) -> None:
        self._waiting = [waiting for waiting in self._waiting if not waiting.called.done()]
        self._is_taken = bool(self._waiting)
        if self._waiting:
            following = min(self._waiting, key=self._rank)
            self._waiting.remove(following)
            following.called.set_result(None)

    def _rank(self, waiting: "_Waiting") -> list[float]:
        return [*(self._taken[key] for key in waiting.keys), waiting.size]


@dataclass(frozen=True, eq=False)
class _Waiting:
    keys: tuple[object, ...]
    size: int
    called: asyncio.Future[None]


# New passwords are judged one at a time for each address.
JUDGING = web.AppKey("judging", Turns)


def judging(request: web.Request) -> AbstractAsyncContextManager[None]:
    """Let the block have a new password judged when it is its address's turn."""
    return request.app[JUDGING].of(address_of(request))


def address_of(request: web.Request) -> str:
    """Return what one person can hold of addresses: the key for clients that are not signed in, or have many accounts."""
    return bucket(request.app[PROXIES].address(request))
