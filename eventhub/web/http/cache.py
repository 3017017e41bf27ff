"""Copies of public answers for readers who are not signed in, at most a second old.

Only of what is asked for again within a second or two: to keep one costs a good part of what to read it does, and most of
a large programme is asked for by nobody else.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

from eventhub import metrics
from eventhub.web.http.proxies import Proxies

MAX_AGE_SECONDS = 1.0
MAX_BYTES = 16 * 1024 * 1024
COPY_BYTES = 1024  # what a copy takes beside its body and its path
MAX_BODY_BYTES = 256 * 1024
MAX_ASKED = 20_000  # of what was asked for in a second

Key = tuple[str, str, str]


class Miss(NamedTuple):
    """What had no copy, when it was looked for, and whether it had been shortly before."""

    key: Key
    at: float
    is_asked_again: bool


MISS = web.RequestKey("cache_miss", Miss)


class CacheEntry(NamedTuple):
    """An answer and when it stops being good."""

    expires_at: float
    body: bytes
    headers: Mapping[str, str]


class AnonymousCache:
    """One per process, bounded in bytes; the oldest copies go first."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies
        self._bytes = 0
        self._copies: OrderedDict[Key, CacheEntry] = OrderedDict()
        # What was asked for in vain in this second, and in the one before it.
        self._asked: set[int] = set()
        self._asked_before: set[int] = set()
        self._turns_at = 0.0

    def get(self, request: web.Request) -> CacheEntry | None:
        now = time.monotonic()
        # Links in the answer hold the scheme and the host that were asked.
        key = self._proxies.scheme(request), request.headers.get("Host", ""), request.raw_path
        copy = self._copies.get(key)
        if copy is not None and copy.expires_at > now:
            metrics.CACHE.inc("hit")
            return copy
        metrics.CACHE.inc("miss")
        # The age counts from before the database was asked, not from when it answered.
        request[MISS] = Miss(key, now, self._is_asked_again(key, now))
        return None

    def _is_asked_again(self, key: Key, now: float) -> bool:
        # A number takes the same for every key; where two have the same, a copy is kept too soon.
        number = hash(key)
        if now >= self._turns_at:
            self._asked_before = self._asked if now < self._turns_at + MAX_AGE_SECONDS else set()
            self._asked = set()
            self._turns_at = now + MAX_AGE_SECONDS
        if number in self._asked or number in self._asked_before:
            return True
        if len(self._asked) < MAX_ASKED:
            self._asked.add(number)
        return False

    def put(self, request: web.Request, body: bytes, headers: Mapping[str, str]) -> None:
        key, looked_at, is_asked_again = request[MISS]
        if not is_asked_again or len(body) > MAX_BODY_BYTES:
            return
        if (last := self._copies.pop(key, None)) is not None:
            self._bytes -= _size(key, last)
        copy = self._copies[key] = CacheEntry(looked_at + MAX_AGE_SECONDS, body, headers)
        self._bytes += _size(key, copy)
        self.drop_spent()

    def drop_spent(self) -> None:
        """Drop copies from the front: those that stopped being good, and the oldest while there are too many bytes."""
        now = time.monotonic()
        while self._copies:
            key, oldest = next(iter(self._copies.items()))
            if oldest.expires_at > now and self._bytes <= MAX_BYTES:
                return
            del self._copies[key]
            self._bytes -= _size(key, oldest)


def _size(key: Key, copy: CacheEntry) -> int:
    return len(copy.body) + len(key[2]) + COPY_BYTES
