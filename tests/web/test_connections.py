"""Connections: how many there may be, who makes room for whom, and what slow ones may hold."""

import asyncio
import contextlib
import gc
import socket
import sys
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from ipaddress import ip_network

import pytest
from aiohttp import web

from eventhub.settings import Settings
from eventhub.web import docs
from eventhub.web.app import create_app
from eventhub.web.http import connection, listener, unsent
from eventhub.web.http.bounds import Bounds
from eventhub.web.http.connection import Connection, Runner
from eventhub.web.http.listener import Listener, listen
from tests.waiting import until
from tests.web.test_raw_requests import ASSET

# Where all of 127.0.0.0/8 is this machine's.
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs loopback addresses beside 127.0.0.1")


async def test_a_client_that_reads_nothing_is_dropped(
    settings: Settings, clients: "Clients", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "write_seconds", 0.3)
    await clients.serve(settings)
    idle = await clients.open(ASSET * 16)
    await until(lambda: not clients.connections, "the server drops the client")
    got = 0
    with contextlib.suppress(ConnectionError):
        while chunk := await asyncio.wait_for(idle.reader.read(2**20), 5):
            got += len(chunk)
    assert got < 16_000_000  # what the kernel held; the rest was thrown away


HALF = b"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234"
HEALTH = b"GET /healthz/ HTTP/1.1\r\nHost: a\r\n\r\n"


class Client:
    """A connection that is spoken to in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def status(self, seconds: float = 5) -> int:
        """Return the status of the answer that comes, 0 where the connection ends instead."""
        try:
            line = await asyncio.wait_for(self.reader.readline(), seconds)
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line else 0

    async def is_closed(self, seconds: float = 2) -> bool:
        """Return whether it ends, after whatever it had to say, before so long."""
        try:
            await asyncio.wait_for(self.reader.read(), seconds)
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


class Clients:
    """Opens connections to a server of its own, and closes them in the end."""

    def __init__(self) -> None:
        self.runner: Runner | None = None
        self.opened: list[Client] = []

    @property
    def connections(self) -> Collection[object]:
        """Those that the server has open."""
        assert self.runner is not None
        assert self.runner.server is not None
        return self.runner.server.connections

    async def serve(self, settings: Settings, *, by_listener: bool = False, **bounds: int) -> None:
        self.runner = Runner(create_app(settings, lambda _: None), **bounds)
        await self.runner.setup()
        [self.listening] = listen("127.0.0.1", 0)
        self.port = self.listening.getsockname()[1]
        site: web.BaseSite = web.SockSite(self.runner, self.listening)
        await (Listener(self.runner, [self.listening]) if by_listener else site).start()

    async def open(self, data: bytes = b"", *, address: str = "127.0.0.1") -> Client:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        plain.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self.port))
        client = Client(*await asyncio.open_connection(sock=plain, limit=1000))
        self.opened.append(client)
        client.send(data)
        await asyncio.sleep(0.05)  # so that it is the newest, and was heard
        return client

    async def close(self) -> None:
        for client in self.opened:
            client.writer.transport.abort()
        if self.runner is not None:
            await self.runner.cleanup()


@pytest.fixture
async def clients(empty_database: None) -> AsyncIterator[Clients]:
    made = Clients()
    yield made
    await made.close()


async def test_a_refusal_does_not_wait_for_the_rest_of_the_body(settings: Settings, clients: Clients) -> None:
    await clients.serve(settings)
    refused = await clients.open(b"POST /nowhere/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n")
    assert await refused.status() == 404
    assert await refused.is_closed(20), "a body has 60 s"


async def test_one_more_connection_takes_the_place_of_one_that_is_half_sent_or_else_idle(
    settings: Settings, clients: Clients
) -> None:
    """Where all are answered it is closed itself."""
    await clients.serve(settings, max_connections=4)
    answered = await clients.open(ASSET * 16)
    idle = await clients.open(HEALTH)
    half_sent = await clients.open(HALF)
    half_a_head = await clients.open(HEALTH[:-4])
    others = [await clients.open(HEALTH), await clients.open(HEALTH)]
    assert await half_sent.is_closed()
    assert await half_a_head.is_closed()
    assert await idle.status() == 200
    others.append(await clients.open(ASSET * 16))
    assert await idle.is_closed()
    for other in others[:2]:
        other.send(ASSET * 16)
    await asyncio.sleep(0.2)
    assert await (await clients.open(HEALTH)).status() == 0
    for busy in (answered, *others):
        assert await busy.status() == 200
    await until(lambda: len(clients.connections) == 4, "four connections are open")


async def test_a_connection_that_lingers_goes_first(
    settings: Settings, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS", 60.0)  # that it would not be gone by itself
    await clients.serve(settings, max_connections=2)
    idle = await clients.open(HEALTH)
    lingering = await clients.open(b"POST /nowhere/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n")
    await clients.open(HEALTH)
    assert await lingering.is_closed()
    # Nothing of it is left, either.
    await until(lambda: len(clients.connections) == 2, "two connections are open")
    assert not await idle.is_closed(0.2)


@linux
async def test_one_address_holds_so_many_connections_and_takes_no_place_of_others(
    settings: Settings, clients: Clients
) -> None:
    await clients.serve(settings, max_per_address=2)
    other = await clients.open(HALF, address="127.0.0.2")
    first, second = await clients.open(HALF), await clients.open(HALF)
    third = await clients.open(HEALTH)
    assert await third.status() == 200
    assert await first.is_closed()
    for open_still in (other, second):
        open_still.send(b"56789")
        assert await open_still.status() == 400


async def test_who_closes_after_making_room_leaves_the_count_of_its_address_as_it_is(
    settings: Settings, clients: Clients
) -> None:
    await clients.serve(settings, max_connections=2, max_per_address=1)
    await clients.open(address="127.0.0.2")
    silent = await clients.open()
    newest = await clients.open()  # takes the place of the silent one, which closes after that
    assert await silent.is_closed()
    newest.send(b"GET")
    await asyncio.sleep(0.1)
    another = await clients.open()
    assert await newest.is_closed()
    assert not await another.is_closed(0.2)


async def test_connections_of_trusted_proxies_are_not_counted_as_one_address(
    settings: Settings, clients: Clients
) -> None:
    """They are bounded with all others, and half-sent ones go first there too."""
    trusting = replace(settings, trusted_proxies=(ip_network("127.0.0.1"),))
    await clients.serve(trusting, max_per_address=2, max_connections=4)
    held = [await clients.open(HALF) for _ in range(4)]
    assert await (await clients.open(HEALTH)).status() == 200
    assert await held[0].is_closed()
    for open_still in held[1:]:
        open_still.send(b"56789")
        assert await open_still.status() == 400


@linux
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
async def test_a_whole_request_is_let_in_at_once_where_half_sent_ones_wait(
    settings: Settings, clients: Clients, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(
        listener, "LINGER_SECONDS", 60.0
    )  # that others are silent before what is half-sent enters
    await clients.serve(settings, by_listener=True, max_per_address=3)
    halves = [await clients.open(HALF) for _ in range(6)]
    assert len(clients.connections) == 3
    assert await (await clients.open(HEALTH, address=address)).status() == 200
    late = await clients.open(address=address)
    late.send(HEALTH)
    assert await late.status() == 200
    # The rest of a request that has waited for room counts as well.
    for half in halves[:3]:
        half.writer.close()
    halves[5].send(b"56789")
    assert await halves[5].status() == 400


async def test_what_sends_no_whole_request_waits_until_another_is_silent(
    settings: Settings, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "LINGER_SECONDS", 0.5)
    await clients.serve(settings, by_listener=True, max_per_address=1)
    first, second = await clients.open(HALF), await clients.open(HALF)
    assert not await first.is_closed(0.1)
    assert await first.is_closed()
    second.send(b"56789")
    assert await second.status() == 400


async def test_who_waits_for_room_in_vain_is_sent_away(
    settings: Settings, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "WAIT_SECONDS", 0.3)
    monkeypatch.setattr(listener, "MAX_WAITING", 3)
    await clients.serve(settings, by_listener=True, max_per_address=1)
    answered = await clients.open(ASSET * 16)
    waiting = [await clients.open(HEALTH) for _ in range(4)]
    assert await waiting[0].is_closed(0.2)  # there are too many
    assert all([await each.is_closed() for each in waiting[1:]])
    assert await answered.status() == 200


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", False),
        (b"", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\ncontent-length:3\r\nHost: a\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 0000000000003\r\n\r\nab", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 0000000000003\r\n\r\nabc", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\nabc", False),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\nabc", False),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
    ],
)
def test_a_whole_request_has_its_head_and_the_body_that_it_announces(data: bytes, expected: bool) -> None:
    assert listener.is_whole(data) is expected


async def test_what_has_been_received_is_bounded_and_half_sent_requests_go_first(
    settings: Settings, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bounds, "max_received_bytes", 250_000)
    await clients.serve(settings)
    head = b"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    idle = await clients.open(HEALTH)
    halves = [await clients.open(head + b" " * 90_000) for _ in range(3)]
    assert await halves[0].is_closed()
    for half in halves[1:]:
        half.send(b" " * 10_000)
        assert await half.status() == 400
    for _ in range(3):  # what has its answer counts no more
        assert await (await clients.open(head + b" " * 100_000)).status() == 400
    last = await clients.open(HALF)
    last.send(b"56789")
    assert await last.status() == 400
    assert await idle.status() == 200
    assert not await idle.is_closed(0.2)


@linux
async def test_answers_that_are_not_taken_are_bounded_and_the_slowest_readers_dropped(
    settings: Settings, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process holds so many bytes, of one address half of that; small answers always go."""
    monkeypatch.setattr(unsent, "LOOK_SECONDS", 0.1)
    await clients.serve(replace(settings, web_unsent_bytes=4_000_000), by_listener=True)
    first = await clients.open(ASSET)
    assert await first.status() == 200
    refused = await clients.open(ASSET)
    assert await refused.status() == 503
    assert b"Retry-After: 5\r\n" in await refused.reader.readuntil(b"\r\n\r\n")
    assert await (await clients.open(HEALTH)).status() == 200
    second = await clients.open(ASSET, address="127.0.0.2")
    assert await second.status() == 200
    assert await (await clients.open(ASSET, address="127.0.0.3")).status() == 503
    reading = asyncio.create_task(_read_steadily(second))

    async def is_answered() -> bool:
        return await (await clients.open(ASSET, address="127.0.0.3")).status() == 200

    await until(is_answered, "a third finds room", seconds=20)
    assert await first.is_closed()
    assert await reading > 1_000_000  # slowly, and faster than who takes nothing


@linux
async def test_two_addresses_that_hold_all_answers_make_room_for_a_third(
    settings: Settings, clients: Clients
) -> None:
    size = len(docs._read("swagger-ui-bundle.js"))
    await clients.serve(replace(settings, web_unsent_bytes=4 * size + 1000), by_listener=True)
    held = [await clients.open(ASSET, address=f"127.0.0.{2 + n % 2}") for n in range(4)]
    for each in held:
        assert await each.status() == 200
    third = await clients.open(ASSET, address="127.0.0.4")
    assert await third.status() == 200
    # Nobody holds more than it would with another.
    assert await (await clients.open(ASSET, address="127.0.0.4")).status() == 503
    assert sum([await each.is_closed(0.1) for each in held]) == 1


@linux
async def test_whoever_has_sent_most_makes_room_for_what_others_send(
    settings: Settings, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bounds, "max_received_bytes", 250_000)
    await clients.serve(settings, by_listener=True)
    head = b"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    slow = await clients.open(head + b" " * 60_000, address="127.0.0.2")
    await asyncio.sleep(0.1)
    many = [await clients.open(head + b" " * 90_000, address="127.0.0.3") for _ in range(4)]
    assert await many[0].is_closed()
    assert not await slow.is_closed(0.2)
    slow.send(b" " * 40_000)
    assert await slow.status() == 400


async def _read_steadily(client: Client) -> int:
    got = 0
    while got < 1_000_000 and (chunk := await client.reader.read(10_000)):
        got += len(chunk)
        await asyncio.sleep(0.02)
    return got


async def test_idle_connections_keep_neither_what_they_sent_nor_what_they_got(
    settings: Settings, clients: Clients
) -> None:
    others = _messages()  # of other tests in this process
    await clients.serve(settings)
    got = await clients.open(ASSET)
    assert len(await asyncio.wait_for(got.reader.readuntil(b"\r\n\r\n"), 5)) < 2000
    head = b"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    sent = await clients.open(head + b" " * 100_000)
    assert await sent.status() == 400
    size = len(docs._read("swagger-ui-bundle.js"))
    await asyncio.wait_for(got.reader.readexactly(size), 20)
    await asyncio.sleep(0.1)
    held = [each for each in _messages() if all(each is not other for other in others)]
    assert all(not each.body for each in held if isinstance(each, web.Response))
    assert all(not each._read_bytes for each in held if isinstance(each, web.Request))
    assert len(held) >= 4  # those of two connections that are open still


def _messages() -> list[web.Response | web.Request]:
    return [each for each in gc.get_objects() if isinstance(each, web.Response | web.Request)]


ASKED = b"HEAD /api/events/ HTTP/1.1\r\nHost: a\r\n\r\n"


async def test_who_has_connected_when_a_server_closes_gets_one_answer_more(
    settings: Settings, clients: Clients
) -> None:
    """A proxy that has sent a POST does not send it again to another server."""
    await clients.serve(settings, by_listener=True)
    kept, new = await clients.open(ASKED), await clients.open()
    assert b"Connection: close" not in await kept.reader.readuntil(b"\r\n\r\n")
    # The kernel has this one, and the server knows nothing of it yet.
    with socket.create_connection(("127.0.0.1", clients.port)) as unknown:
        unknown.sendall(ASKED)
        assert clients.runner is not None
        closing = asyncio.create_task(clients.runner.cleanup())
        await asyncio.sleep(0.1)
        for client in (kept, new):
            client.send(ASKED)
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert b"Connection: close" in head
            assert await client.is_closed()
        unknown.settimeout(5)
        assert unknown.recv(12) == b"HTTP/1.1 200"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", clients.port)
    await asyncio.wait_for(closing, 5)


async def test_a_server_that_closes_waits_for_no_silent_client(settings: Settings, clients: Clients) -> None:
    await clients.serve(settings, by_listener=True)
    silent = await clients.open()
    assert clients.runner is not None
    await asyncio.wait_for(clients.runner.cleanup(), connection.HEAR_OUT_SECONDS + 2)
    assert await silent.is_closed()
