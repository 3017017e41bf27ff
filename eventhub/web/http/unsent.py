"""Answers that clients have not read yet: a bound on their bytes in a process, and half of it for one client.

An answer lies in memory until its last byte has gone. Where there are too many, those that are taken slowest are
dropped, then those of whoever holds more than the asker would; what finds no room then is refused. Small ones, as errors
are, always go.
"""

import asyncio
import fcntl
import math
import sys
import termios
from collections import Counter, deque
from dataclasses import dataclass, field

from aiohttp import web

from eventhub.web.http.connection import Connection
from eventhub.web.http.errors import error_response
from eventhub.web.http.proxies import PROXIES, bucket

SMALL_BYTES = 16 * 1024
SLOW_BYTES_PER_SECOND = 8 * 1024
LOOK_SECONDS = 2.0
LOOKS = 4  # over which speed is measured
RETRY_SECONDS = 5
_REFUSAL = "Too much waits to be read by others. Please try again in a moment."


@dataclass(eq=False, slots=True)
class _Answer:
    connection: Connection
    who: str
    size: int
    left: deque[int] = field(default_factory=lambda: deque(maxlen=LOOKS + 1))

    def look(self) -> None:
        transport = self.connection.transport
        left = 0 if transport is None else transport.get_write_buffer_size() + _in_kernel(transport)
        self.left.append(left)

    @property
    def speed(self) -> float:
        """How many bytes a second its client takes, over a while: kernels hand them on in bursts."""
        if len(self.left) <= LOOKS:
            return math.inf
        return (self.left[0] - self.left[-1]) / (LOOKS * LOOK_SECONDS)

    def drop(self) -> None:
        if self.connection.transport is not None:
            self.connection.transport.abort()  # close() would wait for the client


def _in_kernel(transport: asyncio.Transport) -> int:
    """Return how many bytes the kernel holds that the client has not got; 0 where it does not tell."""
    try:
        told = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, AttributeError):
        return 0
    return int.from_bytes(told, sys.byteorder)


class Unsent:
    """One per process."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._answers: dict[_Answer, None] = {}
        self.total = 0
        self._of: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def make_room(self, who: str, size: int) -> bool:
        """Return whether so many bytes more find room, which others make where need be."""
        return self._has_room(who, size) or self._drop_slow(who, size) or self._drop_of_largest(who, size)

    def hold(self, connection: Connection, who: str, size: int) -> None:
        """Count an answer until the connection has sent it."""
        answer = _Answer(connection, who, size)
        self._answers[answer] = None
        self.total += size
        self._of[who] += size
        connection.when_answered = lambda: self._let_go(answer)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        for answer in self._answers:
            answer.look()
        if self._answers:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _let_go(self, answer: _Answer) -> None:
        if answer in self._answers:
            del self._answers[answer]
            self.total -= answer.size
            self._of[answer.who] -= answer.size
            if not self._of[answer.who]:
                del self._of[answer.who]

    def _has_room(self, who: str, size: int) -> bool:
        """Return whether it fits. What fits nowhere goes alone."""
        return (not self.total or self.total + size <= self._max_bytes) and self._is_within_share(who, size)

    def _is_within_share(self, who: str, size: int) -> bool:
        own = self._of.get(who, 0)
        return not own or own + size <= self._max_bytes // 2

    def _drop_slow(self, who: str, size: int) -> bool:
        """Drop those that are taken slowest, until it fits; return whether it does."""
        slow = [(each.who != who, each.speed, each) for each in self._answers]
        slow = [found for found in slow if found[1] < SLOW_BYTES_PER_SECOND]
        for _, _, answer in sorted(slow, key=lambda found: found[:2]):
            self._let_go(answer)
            answer.drop()
            if self._has_room(who, size):
                return True
        return False

    def _drop_of_largest(self, who: str, size: int) -> bool:
        """Drop the slowest of whoever holds most, until it fits; return whether it does.

        Nobody makes room for who would hold as much then: each comes to an equal part, and one who takes it all cannot.
        """
        while self._of and self._is_within_share(who, size) and not self._has_room(who, size):
            largest, held = self._of.most_common(1)[0]
            if largest == who or held <= self._of.get(who, 0) + size:
                return False
            answer = min((each for each in self._answers if each.who == largest), key=lambda each: each.speed)
            self._let_go(answer)
            answer.drop()
        return self._has_room(who, size)


UNSENT = web.AppKey("unsent", Unsent)


def fitted(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Return the answer, or a refusal of a read whose answer finds no room. A write has taken effect, so its answer goes."""
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, bytes) and len(body) > SMALL_BYTES and isinstance(request.protocol, Connection):
        who = bucket(request.app[PROXIES].address(request))
        unsent = request.app[UNSENT]
        if request.method in {"GET", "HEAD"} and not unsent.make_room(who, len(body)):
            return error_response(503, _REFUSAL, headers={"Retry-After": str(RETRY_SECONDS)})
        unsent.hold(request.protocol, who, len(body))
    return response
