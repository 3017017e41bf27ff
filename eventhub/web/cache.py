"""Copies of public answers for readers who are not signed in, at most a second old."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from eventhub.web.proxies import PROXIES

MAX_AGE_SECONDS = 1.0
MAX_COPIES = 2000
MAX_BODY_BYTES = 256 * 1024

STARTED_AT = web.RequestKey("cache_started_at", float)


@dataclass(frozen=True, slots=True)
class Copy:
    """An answer and when it stops being good."""

    expires_at: float
    body: bytes
    headers: Mapping[str, str]


class AnonymousCache:
    """One per process, bounded in number and size; the oldest copies go first."""

    def __init__(self) -> None:
        self._copies: OrderedDict[tuple[str, str, str], Copy] = OrderedDict()

    def get(self, request: web.Request) -> Copy | None:
        now = time.monotonic()
        copy = self._copies.get(_key(request))
        if copy is not None and copy.expires_at > now:
            return copy
        # The age counts from before the database was asked, not from when it answered.
        request[STARTED_AT] = now
        return None

    def put(self, request: web.Request, body: bytes, headers: Mapping[str, str]) -> None:
        if len(body) > MAX_BODY_BYTES:
            return
        key = _key(request)
        self._copies[key] = Copy(request[STARTED_AT] + MAX_AGE_SECONDS, body, headers)
        self._copies.move_to_end(key)
        if len(self._copies) > MAX_COPIES:
            self._copies.popitem(last=False)


def _key(request: web.Request) -> tuple[str, str, str]:
    # Links in the answer hold the scheme and the host that were asked.
    return request.app[PROXIES].scheme(request), request.host, request.raw_path
