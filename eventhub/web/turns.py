"""Whose turn it is: costly work for one at a time of each person or address, so that nobody fills a line for all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiohttp import web

from eventhub.errors import Busy
from eventhub.web.proxies import PROXIES, bucket


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


# New passwords are judged one at a time for each address.
JUDGING = web.AppKey("judging", Turns)


def judging(request: web.Request) -> AbstractAsyncContextManager[None]:
    """Let the block have a new password judged when it is its address's turn."""
    return request.app[JUDGING].of(address_of(request))


def address_of(request: web.Request) -> str:
    """Return what one person can hold of addresses: the key for who is not signed in, or has many accounts."""
    return bucket(request.app[PROXIES].address(request))
