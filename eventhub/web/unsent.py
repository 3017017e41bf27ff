"""The answers that clients have yet to take: a process holds so many bytes of them, and of one client's half of that.

An answer lies in memory until its last byte has gone. Where there are too many, those that are taken slowest are
dropped, and what finds no room then is refused. Small ones, as errors are, always go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from eventhub.web.connection import Connection
from eventhub.web.errors import error_response
from eventhub.web.proxies import PROXIES, bucket

SMALL_BYTES = 16 * 1024
SLOW_BYTES_PER_SECOND = 8 * 1024
LOOK_SECONDS = 2.0
RETRY_SECONDS = 5
_REFUSAL = "Too much waits to be read by others. Please try again in a moment."


@dataclass(eq=False, slots=True)
class _Answer:
    connection: Connection
    who: str
    size: int
    left: int | None = None
    speed: float | None = None  # bytes a second, once it was looked at twice

    def look(self) -> None:
        transport = self.connection.transport
        left = transport.get_write_buffer_size() if transport is not None else 0
        if self.left is not None:
            self.speed = (self.left - left) / LOOK_SECONDS
        self.left = left

    @property
    def is_slow(self) -> bool:
        return self.speed is not None and self.speed < SLOW_BYTES_PER_SECOND


class Unsent:
    """One per process."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._answers: dict[_Answer, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def make_room(self, who: str, size: int) -> bool:
        """Return whether so many bytes more find room, which slow clients make where need be."""
        return self._has_room(who, size) or self._drop_slow(who, size)

    def hold(self, connection: Connection, who: str, size: int) -> None:
        """Count an answer until the connection has sent it."""
        answer = _Answer(connection, who, size)
        self._answers[answer] = None
        connection.when_answered = lambda: self._answers.pop(answer, None)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _has_room(self, who: str, size: int) -> bool:
        """Return whether it fits. What fits nowhere goes alone."""
        total = sum(answer.size for answer in self._answers)
        own = sum(answer.size for answer in self._answers if answer.who == who)
        return (not total or total + size <= self._max_bytes) and (
            not own or own + size <= self._max_bytes // 2
        )

    def _drop_slow(self, who: str, size: int) -> bool:
        """Drop those that are taken slowest, until it fits; return whether it does."""
        slow = [answer for answer in self._answers if answer.is_slow]
        for answer in sorted(slow, key=lambda each: (each.who != who, each.speed)):
            del self._answers[answer]
            if answer.connection.transport is not None:
                answer.connection.transport.abort()  # close() would wait for the client
            if self._has_room(who, size):
                return True
        return False

    def _look(self) -> None:
        self._timer = None
        for answer in self._answers:
            answer.look()
        if self._answers:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)


UNSENT = web.AppKey("unsent", Unsent)


@web.middleware
async def answer_what_fits(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse a read whose answer finds no room. A write has taken effect, so its answer goes."""
    response = await handler(request)
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, bytes) and len(body) > SMALL_BYTES and isinstance(request.protocol, Connection):
        who = bucket(request.app[PROXIES].address(request))
        unsent = request.app[UNSENT]
        if request.method in {"GET", "HEAD"} and not unsent.make_room(who, len(body)):
            return error_response(503, _REFUSAL, headers={"Retry-After": str(RETRY_SECONDS)})
        unsent.hold(request.protocol, who, len(body))
    return response
