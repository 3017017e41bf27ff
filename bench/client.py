"""The side that asks: a compact HTTP client on a process of its own, so that what it costs is known and is nobody else's.

It sends requests that are bytes already, and takes answers that say their Content-Length.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, TypeVar

import uvloop

HOST = "127.0.0.1"
_LENGTH = b"Content-Length: "
_LOST = "The server closed a connection in the middle of a run."
T = TypeVar("T")


@dataclass
class Answers:
    """What came back: seconds of each answer, statuses, when the last 201 came, and the client's own CPU."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wall: float = 0.0
    cpu: float = 0.0
    last_created_at: float = 0.0

    @property
    def failed(self) -> int:
        """How many answers say that the server is at fault; those that never came raise."""
        return sum(number for status, number in self.statuses.items() if status >= 500)


class _Connection(asyncio.Protocol):
    """One connection with one request at a time on it."""

    transport: Any  # uvloop's is no asyncio.Transport

    def __init__(self, answered: "Answered", lost: Callable[[], None]) -> None:
        self.answered = answered
        self.lost: Callable[[], None] | None = lost
        self.sent_at = 0.0
        self._got = b""
        self._end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        if not self._end:
            head = self._got.find(b"\r\n\r\n")
            if head < 0:
                return
            at = self._got.index(_LENGTH, 0, head) + len(_LENGTH)
            self._end = head + 4 + int(self._got[at : self._got.index(b"\r", at)])
        if len(self._got) >= self._end:
            status = int(self._got[9:12])
            self._got, self._end = b"", 0
            self.answered(self, status)

    def close(self) -> None:
        self.lost = None
        self.transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if self.lost is not None:
            self.lost()


Answered = Callable[[_Connection, int], None]


async def _connect(answered: Answered, port: int, lost: Callable[[], None]) -> _Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: _Connection(answered, lost), HOST, port
    )
    return connection


async def ask_in_turn(
    port: int, requests: Iterator[bytes], connections: int, stop_at: float = float("inf")
) -> Answers:
    """Send a request on each connection as soon as the one before it is answered, until they or the time have ended."""
    answers = Answers()
    open_now: set[_Connection] = set()
    done = asyncio.get_running_loop().create_future()

    def lost() -> None:
        if not done.done():
            done.set_exception(ConnectionError(_LOST))

    def go_on(connection: _Connection) -> None:
        request = next(requests, None) if time.perf_counter() < stop_at else None
        if request is not None:
            connection.send(request)
            return
        open_now.discard(connection)
        connection.close()
        if not open_now and not done.done():
            done.set_result(None)

    def answered(connection: _Connection, status: int) -> None:
        now = time.perf_counter()
        answers.seconds.append(now - connection.sent_at)
        answers.statuses[status] += 1
        if status == 201:
            answers.last_created_at = now - began_at
        go_on(connection)

    began_at = time.perf_counter()
    open_now.update(await asyncio.gather(*(_connect(answered, port, lost) for _ in range(connections))))
    for connection in list(open_now):
        go_on(connection)
    await done
    answers.wall = time.perf_counter() - began_at
    return answers


async def ask_at_rate(
    port: int, requests: Iterator[bytes], per_second: float, is_over: Callable[[], bool] = lambda: False
) -> Answers:
    """Send each request when it is due, whether or not those before are answered; seconds count from when it was due."""
    answers, idle, busy = Answers(), list[_Connection](), set[_Connection]()
    lost = 0

    def note_lost() -> None:
        nonlocal lost
        lost += 1

    def answered(connection: _Connection, status: int) -> None:
        answers.seconds.append(time.perf_counter() - connection.sent_at)
        answers.statuses[status] += 1
        busy.discard(connection)
        idle.append(connection)

    began_at = time.perf_counter()
    for number in itertools.count():
        due_at = began_at + number / per_second
        await asyncio.sleep(max(0.0, due_at - time.perf_counter()))
        request = None if is_over() else next(requests, None)
        if request is None:
            break
        connection = idle.pop() if idle else await _connect(answered, port, note_lost)
        busy.add(connection)
        connection.send(request)
        connection.sent_at = due_at
    async with asyncio.timeout(60):
        while busy and not lost:  # noqa: ASYNC110 - the last few answers, of whichever connections
            await asyncio.sleep(0.005)
    if lost:
        raise ConnectionError(_LOST)
    for connection in idle:
        connection.close()
    answers.wall = time.perf_counter() - began_at
    return answers


async def _load(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, again: bool
) -> Answers:
    each = itertools.cycle(requests) if again else iter(requests)
    return await ask_in_turn(port, each, connections, time.perf_counter() + seconds)


async def _sale(
    port: int, buyers: Sequence[bytes], at_once: int, readers: Sequence[bytes], per_second: float, rest: float
) -> tuple[Answers, Answers, Answers]:
    each = itertools.cycle(readers)
    is_over_at = time.perf_counter() + rest
    before = await ask_at_rate(port, each, per_second, lambda: time.perf_counter() >= is_over_at)
    sale = asyncio.create_task(ask_in_turn(port, iter(buyers), at_once))
    during = await ask_at_rate(port, each, per_second, sale.done)
    return await sale, before, during


def _run(asked: Callable[..., Coroutine[None, None, T]], *args: object) -> tuple[T, float]:
    """Return what `asked` gives, and the CPU seconds that this process took for it."""
    began = time.process_time()
    return uvloop.run(asked(*args)), time.process_time() - began


class Client:
    """The client's process, which stays for the whole run."""

    def __init__(self) -> None:
        self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def load(
        self,
        port: int,
        requests: Sequence[bytes],
        connections: int,
        seconds: float = 3600,
        *,
        again: bool = False,
    ) -> Answers:
        """Ask on so many connections at once until the requests or the seconds have ended, `again` from the start."""
        answers, cpu = self._process.submit(_run, _load, port, requests, connections, seconds, again).result()
        answers.cpu = cpu
        return answers

    def steady(self, port: int, requests: Sequence[bytes], per_second: float) -> Answers:
        answers, cpu = self._process.submit(
            _run, ask_at_rate, port, iter(list(requests)), per_second
        ).result()
        answers.cpu = cpu
        return answers

    def sale(
        self,
        port: int,
        buyers: Sequence[bytes],
        at_once: int,
        readers: Sequence[bytes],
        per_second: float,
        rest: float = 1.0,
    ) -> tuple[Answers, Answers, Answers]:
        """Let people buy while others read; return what the buyers got, and the readers before the sale and during it."""
        found, _cpu = self._process.submit(
            _run, _sale, port, buyers, at_once, readers, per_second, rest
        ).result()
        return found

    def close(self) -> None:
        self._process.shutdown()
