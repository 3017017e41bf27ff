"""Takes connections from the kernel and admits them by turns, so that a flood from one address keeps nobody else waiting.

The kernel hands them out in the order in which they came, a flood's before everybody else's. So all are fetched at
once, which costs a hundredth of a request, and let in one address after the other. Where an address has as many as it
may, a request that has arrived whole takes the place of one that has not. What sends no whole request waits here, as a
mere socket, until there is room: opening such connections by the thousands gains nothing and costs next to nothing.
"""

import asyncio
import logging
import re
import socket
from itertools import takewhile
from typing import Any, cast

from aiohttp import web

from eventhub.web.http.connection import HEADER_SECONDS, LINGER_SECONDS, Runner, Server

BACKLOG = 2048
MAX_WAITING = 1000  # of all addresses; then the oldest of the address that has most of them goes
FETCHED_AT_ONCE = 256
LET_IN_AT_ONCE = 2  # before the requests that are under way go on: each is up to a millisecond's work
LOOKED_AT_AT_ONCE = 64
LOOK_SECONDS = 0.02  # after which room is looked for again, for one of each address
WAIT_SECONDS = HEADER_SECONDS
PEEKED_BYTES = 8192
KERNEL_BYTES = 128 * 1024  # of an answer that it takes before they can be sent

log = logging.getLogger("eventhub.web")

_LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*([^\r\n]*)")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding:")


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a listening socket for each address of the host; other processes may listen there as well."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [_listen(family, address) for family, _, _, _, address in dict.fromkeys(found)]


def _listen(family: int, address: Any) -> socket.socket:
    listening = socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=True)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        # What clients have yet to take would otherwise lie in the kernel, megabytes of each, where nobody counts it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_BYTES)
    return listening


def is_whole(data: bytes) -> bool:
    """Return whether these are the bytes of a whole request, as far as can be told without taking them apart."""
    head, end, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length is not None:
        digits = length[1].strip().lstrip(b"0") or b"0"
        return bool(end) and digits.isdigit() and len(digits) <= 9 and len(body) >= int(digits)
    return bool(end) and not _CHUNKED.search(head)


class Listener(web.BaseSite):
    """A site of aiohttp's, on sockets that listen."""

    def __init__(self, runner: Runner, sockets: list[socket.socket]) -> None:
        super().__init__(runner)
        self._loop = asyncio.get_running_loop()
        self._protocol_factory = cast("Server", runner.server)
        self._bounds = self._protocol_factory.bounds
        self._sockets = sockets
        self._fetched = _Queue()
        self._waiting = _Queue()  # for room
        self._turn: asyncio.Handle | None = None
        self._look: asyncio.Handle | None = None
        self._entering: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        return ", ".join("{}:{}".format(*each.getsockname()) for each in self._sockets)

    async def start(self) -> None:
        await super().start()
        for each in self._sockets:
            each.setblocking(False)
            self._loop.add_reader(each, self._fetch, each)

    async def stop(self) -> None:
        """Listen no more; who has connected by then is heard out."""
        for each in self._sockets:
            self._loop.remove_reader(each)
            self._fetch(each)
            each.close()
        while self._fetched:
            self._take_turn()
        for handle in (self._turn, self._look):
            if handle is not None:
                handle.cancel()
        while self._drop():
            pass
        await asyncio.gather(*self._entering)
        await self._protocol_factory.hear_out()
        await super().stop()

    # --- from the kernel ----------------------------------------------------------------------------------------

    def _fetch(self, listening: socket.socket) -> None:
        for _ in range(FETCHED_AT_ONCE):
            try:
                connection, peer = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                break
            except OSError as error:  # no more files
                log.warning("no connection can be taken in: %s", error.strerror)
                if not self._drop():
                    self._loop.remove_reader(listening)
                    self._loop.call_later(LOOK_SECONDS, self._fetch_again, listening)
                break
            self._fetched.add(self._bounds.who(peer[0]), connection, self._loop.time())
            if len(self._fetched) + len(self._waiting) > MAX_WAITING:
                self._drop()
        if self._turn is None:
            self._take_turn()

    def _fetch_again(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            self._loop.add_reader(listening, self._fetch, listening)

    def _drop(self) -> bool:
        """Close the oldest of the address that has most of them; return whether there was one."""
        queue = max(self._waiting, self._fetched, key=len)
        if queue:
            self._close(*queue.oldest_of_most())
        return bool(queue)

    def _close(self, address: str, connection: socket.socket) -> None:
        self._fetched.discard(address, connection)
        self._waiting.discard(address, connection)
        self._loop.remove_reader(connection)
        connection.close()

    # --- to the server ------------------------------------------------------------------------------------------

    def _take_turn(self) -> None:
        """Let the next few in, the newest of each address, and go on when what is under way had its turn."""
        self._turn = None
        entered = looked_at = 0
        while self._fetched and entered < LET_IN_AT_ONCE and looked_at < LOOKED_AT_AT_ONCE:
            address, connection = self._fetched.pop_newest()
            looked_at += 1
            # Where others of its address wait for room, it comes after them, unless it asks already.
            if self._may_enter(address, connection, is_first=address not in self._waiting):
                self._let_in(connection)
                entered += 1
            else:
                self._waiting.add(address, connection, self._loop.time())
                self._loop.add_reader(connection, self._look_at, address, connection)
                self._look_for_room_later()
        if self._fetched:
            self._turn = self._loop.call_soon(self._take_turn)

    def _may_enter(self, address: str, connection: socket.socket, *, is_first: bool) -> bool:
        """Return whether there is room: in the place of any that is silent for what asks already."""
        if is_first and self._bounds.has_room(address, LINGER_SECONDS):
            return True
        return is_whole(_peek(connection)) and self._bounds.has_room(address, 0)

    def _look_at(self, address: str, connection: socket.socket) -> None:
        """Let in what has become a whole request. What has not is looked at no more; where there is room, it enters."""
        self._loop.remove_reader(connection)
        if not _peek(connection):  # its client has gone
            self._close(address, connection)
        elif self._may_enter(address, connection, is_first=False):
            self._waiting.discard(address, connection)
            self._let_in(connection)

    def _look_for_room_later(self) -> None:
        if self._look is None:
            self._look = self._loop.call_later(LOOK_SECONDS, self._look_for_room)

    def _look_for_room(self) -> None:
        """Let one of each address in for which there is room, and send away who has waited for too long."""
        self._look = None
        for address, connection in self._waiting.older_than(self._loop.time() - WAIT_SECONDS):
            self._close(address, connection)
        entered = 0
        for address, connection in self._waiting.newest_of_each():
            if entered == LET_IN_AT_ONCE:  # the room that they take is not counted yet
                break
            if self._may_enter(address, connection, is_first=True):
                self._waiting.discard(address, connection)
                self._loop.remove_reader(connection)
                self._let_in(connection)
                entered += 1
        if self._waiting:
            self._look_for_room_later()

    def _let_in(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        entering = self._loop.create_task(self._enter(connection))
        self._entering.add(entering)
        entering.add_done_callback(self._entering.discard)

    async def _enter(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol_factory, connection)
        except OSError:  # its client has gone
            connection.close()


def _peek(connection: socket.socket) -> bytes:
    """Return what has arrived; empty where nothing has, or ever will."""
    try:
        return connection.recv(PEEKED_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""


class _Queue:
    """Sockets by their clients' addresses; the address whose turn is next comes first."""

    def __init__(self) -> None:
        self._of: dict[str, dict[socket.socket, float]] = {}
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def __contains__(self, address: str) -> bool:
        return address in self._of

    def add(self, address: str, connection: socket.socket, now: float) -> None:
        self._of.setdefault(address, {})[connection] = now
        self._number += 1

    def discard(self, address: str, connection: socket.socket) -> None:
        those = self._of.get(address, {})
        if connection in those:
            del those[connection]
            self._number -= 1
            if not those:
                del self._of[address]

    def pop_newest(self) -> tuple[str, socket.socket]:
        """Return the newest of the address whose turn it is, which is then the last to have one."""
        address, those = next(iter(self._of.items()))
        connection, _ = those.popitem()
        self._number -= 1
        del self._of[address]
        if those:
            self._of[address] = those
        return address, connection

    def newest_of_each(self) -> list[tuple[str, socket.socket]]:
        return [(address, next(reversed(those))) for address, those in self._of.items()]

    def oldest_of_most(self) -> tuple[str, socket.socket]:
        """Return the oldest of the address that has most."""
        address, those = max(self._of.items(), key=lambda item: len(item[1]))
        return address, next(iter(those))

    def older_than(self, time: float) -> list[tuple[str, socket.socket]]:
        return [
            (address, connection)
            for address, those in self._of.items()
            for connection, since in takewhile(lambda item: item[1] < time, those.items())
        ]
