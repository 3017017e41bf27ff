"""Copies of public answers for readers who are not signed in, at most a second old."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from eventhub import metrics
from eventhub.web.http.proxies import PROXIES

MAX_AGE_SECONDS = 1.0
MAX_BYTES = 16 * 1024 * 1024
COPY_BYTES = 1024  # what a copy takes beside its body and its path
MAX_BODY_BYTES = 256 * 1024

STARTED_AT = web.RequestKey("cache_started_at", float)


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """An answer and when it stops being good."""

    expires_at: float
    body: bytes
    headers: Mapping[str, str]


class AnonymousCache:
    """One per process, bounded in bytes; the oldest copies go first."""

    def __init__(self) -> None:
        self._bytes = 0
        self._copies: OrderedDict[tuple[str, str, str], CacheEntry] = OrderedDict()

    def get(self, request: web.Request) -> CacheEntry | None:
        now = time.monotonic()
        copy = self._copies.get(_key(request))
        if copy is not None and copy.expires_at > now:
            metrics.CACHE.inc("hit")
            return copy
        metrics.CACHE.inc("miss")
        # The age counts from before the database was asked, not from when it answered.
        request[STARTED_AT] = now
        return None

    def put(self, request: web.Request, body: bytes, headers: Mapping[str, str]) -> None:
        if len(body) > MAX_BODY_BYTES:
            return
        key = _key(request)
        if key in self._copies:
            self._bytes -= _size(key, self._copies.pop(key))
        copy = self._copies[key] = CacheEntry(request[STARTED_AT] + MAX_AGE_SECONDS, body, headers)
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


def _size(key: tuple[str, str, str], copy: CacheEntry) -> int:
    return len(copy.body) + len(key[2]) + COPY_BYTES


def _key(request: web.Request) -> tuple[str, str, str]:
    # Links in the answer hold the scheme and the host that were asked.
    return request.app[PROXIES].scheme(request), request.headers.get("Host", ""), request.raw_path
