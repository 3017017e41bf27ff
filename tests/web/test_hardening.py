"""What strange clients get: the error format, a closed connection, or nothing they could use."""

import asyncio
import contextlib
import gc
import gzip
import logging
import socket
import sys
import time
import zlib
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import orjson
import pytest
import uvloop
from aiohttp import web

from eventhub.database import Database
from eventhub.services import accounts, notifications, passwords
from eventhub.services.keys import Purpose, signing_key
from eventhub.settings import Settings
from eventhub.web import docs, ops
from eventhub.web.app import create_app
from eventhub.web.call import CACHE
from eventhub.web.http import bodies, connection, listener, unsent
from eventhub.web.http.connection import Connection, Runner, Server
from eventhub.web.http.listener import Listener, listen
from eventhub.web.http.redaction import masked
from tests.api import Api
from tests.conftest import MakeApi
from tests.waiting import until
from tests.web.test_errors import check_error

# Where all of 127.0.0.0/8 is this machine's.
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs loopback addresses beside 127.0.0.1")

ORIGIN = "https://events.example.com"


@pytest.fixture
async def port(settings: Settings, empty_database: None) -> AsyncIterator[int]:
    """The port of the application behind the server's own kind of connection."""
    runner = Runner(create_app(settings, lambda _: None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def say(port: int, data: bytes, seconds: float = 5) -> tuple[int, dict[str, Any], str]:
    """Return (status, JSON body, head) of what the server answers to these bytes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), seconds)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), orjson.loads(body), head.decode()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n"
        + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 8000) for n in range(9))
        + b"\r\n",
    ],
    ids=["no HTTP", "bad header", "long line", "long header", "many headers", "long headers"],
)
async def test_what_is_no_request_is_answered_in_the_error_format(port: int, request_bytes: bytes) -> None:
    status, body, head = await say(port, request_bytes)
    assert status == 400
    assert set(body) == {"detail", "error", "code"}
    assert body["code"] == "bad_request"
    assert "X-Request-ID" in head
    assert "nosniff" in head


async def test_headers_that_do_not_end_close_the_connection(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "header_seconds", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz/ HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"200"
    await asyncio.sleep(0.4)  # an idle connection stays
    writer.write(b"GET /healthz/ HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    rest = await asyncio.wait_for(reader.read(), 5)
    assert b"HTTP/1.1" not in rest
    writer.close()


@pytest.mark.parametrize("path", ["/api/auth/token/", "/api/payments/webhook/mock/"])
async def test_bodies_that_do_not_end_are_refused(
    port: int, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readline(), 5)
    assert answer.split()[1] == b"408"
    writer.close()


async def test_an_expectation_that_is_not_met_is_answered_in_the_error_format(port: int) -> None:
    status, body, head = await say(port, b"GET /healthz/ HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n")
    assert (status, body["code"]) == (417, "expectation_failed")
    assert "X-Request-ID" in head


async def test_a_client_that_goes_away_amid_its_body_is_no_error(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{")
    await asyncio.sleep(0.1)
    writer.close()
    await asyncio.sleep(0.1)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_compressed_body_is_refused_and_never_unpacked(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A megabyte that would unpack to a gigabyte, to a route that reads it and to a path that nobody has."""
    bomb = _bomb()
    for path, status in (("/api/auth/token/", 415), ("/api/payments/webhook/mock/", 415), ("/nowhere/", 404)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        writer.write(head.encode() + bomb)
        assert int((await asyncio.wait_for(reader.readline(), 5)).split()[1]) == status
        for _ in range(10):  # the server stays awake while the rest of the body arrives
            began = time.monotonic()
            beside, other = await asyncio.open_connection("127.0.0.1", port)
            other.write(b"GET /healthz/ HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await beside.readline()).split()[1] == b"200"
            assert time.monotonic() - began < 1
            other.close()
        writer.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def _bomb() -> bytes:
    """Return a gzip stream of a gigabyte of spaces, put together from one block of it."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + block * 1024


@pytest.mark.parametrize("encoding", ["gzip", "br", "Deflate", "identity, gzip", "nonsense"])
async def test_encoded_bodies_are_refused_in_the_error_format(port: int, encoding: str) -> None:
    head = (
        f"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nContent-Encoding: {encoding}\r\nConnection: close\r\n"
    )
    status, body, answered = await say(port, f"{head}Content-Length: 2\r\n\r\n{{}}".encode())
    assert (status, body["code"]) == (415, "unsupported_media_type")
    assert body["detail"] == "Send the body as it is, without a Content-Encoding."
    assert "Accept-Encoding: identity" in answered


async def test_identity_is_no_encoding(api: Api) -> None:
    answer = await api.anonymous.post(
        "/api/auth/token/",
        data=b"{}",
        headers={"Content-Encoding": "identity"},
        skip_auto_headers=["Content-Type"],
    )
    assert answer.status == 400
    assert set(answer.data["errors"]) == {"username", "password"}


async def test_a_body_shorter_than_it_said_is_no_error(port: int, caplog: pytest.LogCaptureFixture) -> None:
    head = b"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    status, _, _ = await say(port, head)
    assert status == 400
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_headers_that_begin_with_the_connection_have_the_same_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the server's own loop, where bytes that are there already come before anybody waits for them."""
    monkeypatch.setattr(Connection, "header_seconds", 0.2)

    async def ask() -> bytes:
        runner = Runner(create_app(settings, lambda _: None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with socket.create_connection(runner.addresses[0]) as plain:  # the loop stands still meanwhile
            plain.sendall(b"GET /healthz/ HTTP/1.1\r\nHost: a\r\nX-Slow: ")
            plain.setblocking(False)
            try:
                return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(plain, 1000), 2)
            finally:
                await runner.cleanup()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        assert loop.run(ask()) == b""


ASSET = b"GET /api/docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n"


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


async def test_a_client_that_reads_slowly_gets_it_all(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "write_seconds", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
    writer.write(ASSET * 7 + ASSET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    got, began = 0, time.monotonic()
    while chunk := await reader.read(2**18):
        got += len(chunk)
        await asyncio.sleep(0.02)
    assert got > 8_000_000
    assert time.monotonic() - began > 0.6
    writer.close()


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
    monkeypatch.setattr(Server, "max_received_bytes", 250_000)
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
    monkeypatch.setattr(Server, "max_received_bytes", 250_000)
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


@pytest.mark.parametrize("letters", ["a", "%4", "@a", "%40"])
def test_a_long_path_is_masked_at_once(letters: str) -> None:
    path = "/" + letters * (8000 // len(letters))
    started = time.thread_time()
    masked(path)
    assert time.thread_time() - started < 0.2


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


async def test_deep_json_is_refused_naming_the_body(api: Api) -> None:
    deep = b'{"username": ' + b"[" * 32 + b"]" * 32 + b"}"
    headers = {"Content-Type": "application/json"}
    answer = await api.anonymous.post("/api/auth/token/", data=deep, headers=headers)
    assert answer.status == 400
    assert answer.data["errors"] == {"body": ["Must not be nested deeper than 32."]}
    allowed = b'{"x": ' + b"[" * 31 + b"]" * 31 + b', "username": "a", "password": "b"}'
    assert (await api.anonymous.post("/api/auth/token/", data=allowed, headers=headers)).status == 401


async def test_health_asks_the_database_once_a_second_for_all(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def fetch_value(database: Database, *arguments: Any) -> Any:
        asked.append(arguments)
        await asyncio.sleep(0.1)
        return await real(database, *arguments)

    real = Database.fetch_value
    monkeypatch.setattr(Database, "fetch_value", fetch_value)
    answers = await asyncio.gather(*(api.anonymous.get(f"/healthz/?{n}") for n in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert (await api.anonymous.get("/healthz/")).status == 200
    assert len(asked) == 1
    assert api.client.app[CACHE]._bytes == 0  # so many copies would push out those of others
    monkeypatch.setattr(ops, "LOOK_SECONDS", 0.0)
    assert (await api.anonymous.get("/healthz/")).status == 200
    assert len(asked) == 2


async def test_health_tells_all_that_the_database_is_away_and_then_that_it_is_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionRefusedError("away")

    monkeypatch.setattr(ops, "LOOK_SECONDS", 60.0)
    with monkeypatch.context() as patch:
        patch.setattr(Database, "fetch_value", fail)
        assert (await api.anonymous.get("/healthz/")).status == 503
    assert (await api.anonymous.get("/healthz/")).status == 503
    monkeypatch.setattr(ops, "LOOK_SECONDS", 0.0)
    assert (await api.anonymous.get("/healthz/")).status == 200


async def test_every_answer_has_the_security_headers(api: Api) -> None:
    for method, path, status in (
        ("GET", "/api/events/", 200),
        ("GET", "/api/events", 308),
        ("GET", "/api/events/?page_size=0", 400),
        ("GET", "/api/users/me/", 401),
        ("GET", "/nowhere/", 404),
        ("PUT", "/api/events/", 405),
        ("POST", "/api/auth/token/", 415),
        ("GET", "/api/schema/", 200),
        ("GET", "/healthz/", 200),
    ):
        answer = await api.anonymous.request(method, path, **({"data": b"x"} if status == 415 else {}))
        headers = answer.headers
        assert answer.status == status, path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Strict-Transport-Security" not in headers


async def test_https_alone_is_asked_for_only_where_it_is_used(make_api: MakeApi) -> None:
    api = await make_api(hsts_seconds=3600, trusted_proxies=(ip_network("127.0.0.1"),))
    plain = await api.anonymous.get("/api/events/")
    secure = await api.anonymous.get("/api/events/", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in plain.headers
    assert secure.headers["Strict-Transport-Security"] == "max-age=3600"


@pytest.mark.parametrize("contact", ["mailto:security@example.com", "https://example.com/security?a=b"])
async def test_finders_of_holes_are_told_where_to_report_them(make_api: MakeApi, contact: str) -> None:
    api = await make_api(security_contact=contact)
    told = await api.anonymous.get("/.well-known/security.txt")
    assert (told.status, told.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    fields = dict(line.split(": ", 1) for line in told.text.splitlines())
    assert list(fields) == ["Contact", "Expires"]
    assert fields["Contact"] == contact
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=365)


async def test_without_a_contact_there_is_no_security_txt(api: Api) -> None:
    check_error(await api.anonymous.get("/.well-known/security.txt"), 404, "not_found")


async def test_named_origins_may_use_the_api_and_no_other(make_api: MakeApi) -> None:
    api = await make_api(cors_origins=(ORIGIN,))
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = await api.anonymous.request("OPTIONS", "/api/bookings/", headers=asked)
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    for header in ("X-Request-ID", "X-Content-Type-Options", "Content-Security-Policy"):
        assert header in preflight.headers
    for path in ("/api/events/", "/api/users/me/"):
        answer = await api.anonymous.get(path, headers={"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "X-Total-Count" in answer.headers["Access-Control-Expose-Headers"]
        other = await api.anonymous.get(path, headers={"Origin": "https://evil.example.com"})
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Origin" in other.headers["Vary"]
    closed = await make_api()
    assert (
        "Access-Control-Allow-Origin"
        not in (await closed.anonymous.get("/api/events/", headers=asked)).headers
    )


async def test_logs_hold_no_secrets_and_no_forged_lines(
    make_api: MakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    api = await make_api(access_log=True, cors_origins=(ORIGIN,))
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer very-secret-1"}
    await api.anonymous.get("/api/events/?access_token=very-secret-2&q=1%0Aforged", headers=headers)
    await api.anonymous.get("/api/notifications/unsubscribe/1.very-secret-3/")
    await api.anonymous.post("/api/auth/token/", {"username": "a", "password": "very-secret-4"})
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    await api.anonymous.request("OPTIONS", "/api/bookings/?jwt=very-secret-5", headers=preflight)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("eventhub")]
    assert any("access_token=***" in line for line in lines)
    assert any(line.startswith("OPTIONS /api/bookings/?jwt=*** 204 ") for line in lines)
    assert not any("very-secret" in line or "\nforged" in line for line in lines)


def test_masked_keeps_what_is_no_secret() -> None:
    for path in (
        "/api/events/?search=token&page_size=5",
        "/api/users/?username=ada&count=true",
        "/x/?",
        "/x/?a&b=",
        "/x/",
    ):
        assert masked(path) == path
    assert masked("/x/?Reset_Token=a&password=b&c=d") == "/x/?Reset_Token=***&password=***&c=d"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/users/?email=ada&page_size=5", "/api/users/?email=***&page_size=5"),
        ("/api/users/?%65mail=ada", "/api/users/?%65mail=***"),
        ("/x/?access=eyJ", "/x/?access=***"),
        ("/x/?phone=123", "/x/?phone=***"),
        ("/api/users/?search=ada%40example.com&a=b", "/api/users/?search=***&a=b"),
        ("/api/users/?username=ada@example.com", "/api/users/?username=***"),
        ("/x/?ada@example.com", "/x/?***"),
        ("/api/users/ada@example.com/", "/api/users/***/"),
    ],
)
def test_masked_hides_addresses_of_mail_wherever_they_stand(path: str, expected: str) -> None:
    assert masked(path) == expected


@pytest.mark.parametrize(
    "name", ["token", "refresh", "jwt", "key", "apikey", "api_key", "code", "signature", "X-Amz-Signature"]
)
def test_masked_hides_what_names_itself_a_secret(name: str) -> None:
    assert masked(f"/x/?a=b&{name}=secret&c=d") == f"/x/?a=b&{name}=***&c=d"


@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), ConnectionRefusedError("away")], ids=["bug", "outage"]
)
async def test_error_lines_hold_no_secrets(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(notifications, "find_unsubscriber", fail)
    answer = await api.anonymous.post("/api/notifications/unsubscribe/1.very-secret/?jwt=very-secret")
    assert answer.status in {500, 503}
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("eventhub")]
    assert any("/api/notifications/unsubscribe/***/" in line for line in lines)
    assert not any("very-secret" in line for line in lines)


@pytest.mark.parametrize("host", ['evil"><script>', "a b", "evil.example.com/path", "user@evil.example.com"])
async def test_links_never_hold_an_odd_host(api: Api, host: str) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    page = await api.anonymous.get("/api/events/?page_size=1", headers={"Host": host})
    if page.status == 200:
        assert page.headers["Link"].startswith("</api/events/?page_size=1&cursor=")
    else:
        assert page.status == 400


async def _head(api: Api, asked: bytes) -> str:
    """Return the head of the answer to these bytes."""
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    writer.write(asked)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    return head.decode("latin-1")


async def test_links_hold_what_was_asked_as_a_url_may(api: Api) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    query = b'page_size=1&x=>;rel="next",<http://evil/>&y=%3E+%zz|^`{}\\&ordering=title'
    head = await _head(api, b"GET /api/events/?" + query + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    [link] = [line for line in head.split("\r\n") if line.startswith("Link: ")]
    assert link.isascii()
    assert link.startswith(
        "Link: <http://a/api/events/?page_size=1&x=%3E;rel=%22next%22,%3Chttp://evil/%3E&y=%3E+%"
    )
    assert link.count("<") == link.count(">") == 1
    assert link.endswith('>; rel="next"')
    following = link.removeprefix("Link: <http://a").removesuffix('>; rel="next"')
    assert (await api.anonymous.get(following)).status == 200
    moved = await _head(api, b'GET /api/events?x=<"> HTTP/1.1\r\nHost: a\r\n\r\n')
    assert "\r\nLocation: /api/events/?x=%3C%22%3E\r\n" in moved


async def test_a_target_that_names_another_host_is_refused_and_never_a_link(api: Api) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    for target in (
        b"http://evil.example.com",
        b"http://a@evil.example.com",
        b"http://evil.example.com#a",
        b"http://a:81",
    ):
        asked = b"GET " + target + b"/api/events/?page_size=1 HTTP/1.1\r\nHost: a\r\n\r\n"
        head = await _head(api, asked)
        assert head.split()[1] == "400", target
        assert "evil" not in head
    same = await _head(api, b"GET http://A:8000/api/events/?page_size=1 HTTP/1.1\r\nHost: a:8000\r\n\r\n")
    assert "\r\nLink: <http://a:8000/api/events/?page_size=1&cursor=" in same


async def test_links_are_relative_where_no_host_was_said(api: Api) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    asked = b"GET /api/events/?page_size=1 HTTP/1.0\r\n\r\n"
    reader, writer = await asyncio.open_connection(api.client.host, api.client.port)
    writer.write(asked)
    head = (await asyncio.wait_for(reader.read(), 5)).decode().partition("\r\n\r\n")[0]
    assert "\r\nLink: </api/events/?page_size=1&cursor=" in head
    writer.close()


async def test_no_answer_names_a_version_of_what_serves(api: Api, port: int) -> None:
    for path in ("/healthz/", "/nowhere/", "/api/docs/"):
        assert (await api.anonymous.get(path)).headers["Server"] == "Event Hub"
    _, _, head = await say(port, b"nonsense\r\n\r\n")
    assert "\r\nServer: Event Hub\r\n" in head
    assert "aiohttp" not in head


async def test_former_keys_verify_and_do_not_sign(make_api: MakeApi) -> None:
    before = await make_api()
    person = await before.person()
    old_key = before.resources.settings.secret_key
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(old_key,))
    assert (await after.anonymous.get("/api/users/me/", headers=_bearer(person.token))).status == 200
    renewed = await after.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    assert (
        await after.anonymous.get("/api/users/me/", headers=_bearer(renewed.data["access"]))
    ).status == 200
    assert (
        await before.anonymous.get("/api/users/me/", headers=_bearer(renewed.data["access"]))
    ).status == 401
    gone = await make_api(secret_key="k" * 32)
    assert (await gone.anonymous.get("/api/users/me/", headers=_bearer(person.token))).status == 401


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_login_with_an_unknown_name_verifies_a_hash_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = []

    async def verify(stored_hash: str | None, password: str) -> bool:
        verified.append(stored_hash)
        return await real(stored_hash, password)

    real = passwords.verify
    monkeypatch.setattr(passwords, "verify", verify)
    answer = await api.anonymous.post("/api/auth/token/", {"username": "nobody", "password": "wrong"})
    assert (answer.status, verified) == (401, [None])


async def test_mailed_tokens_and_unsubscribe_links_outlive_their_key(make_api: MakeApi) -> None:
    before = await make_api()
    person = await before.person()
    old = before.resources.settings
    token = await before.database.fetch_one("SELECT * FROM mailed_tokens WHERE user_id = $1", person.id)
    assert token is not None
    body = {"token": accounts._token(signing_key(old, Purpose.MAILED_TOKEN), token)}
    link = notifications.unsubscribe_url(old, person.id).removeprefix(old.links_base)
    gone = await make_api(secret_key="k" * 32)
    assert (await gone.anonymous.post("/api/auth/email/verify/", body)).status == 400
    assert (await gone.anonymous.post(link)).status == 404
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(old.secret_key,))
    assert (await after.anonymous.post("/api/auth/email/verify/", body)).status == 200
    assert (await after.anonymous.post(link)).status == 200


async def test_each_kind_of_proof_has_a_key_of_its_own_and_the_secret_only_what_it_signed_before(
    api: Api,
) -> None:
    person = await api.person()
    settings = api.resources.settings
    row = await api.database.fetch_one("SELECT * FROM mailed_tokens WHERE user_id = $1", person.id)
    assert row is not None
    verify, secret = "/api/auth/email/verify/", settings.secret_key.encode()

    def link(key: bytes) -> str:
        return f"/api/notifications/unsubscribe/{person.id}.{notifications._proof(key, person.id)}/"

    for purpose in Purpose:
        key = signing_key(settings, purpose)
        if purpose != Purpose.MAILED_TOKEN:
            forged = {"token": accounts._token(key, row)}
            assert (await api.anonymous.post(verify, forged)).status == 400, purpose
        if purpose != Purpose.UNSUBSCRIBE_LINK:
            assert (await api.anonymous.get(link(key))).status == 404, purpose
    assert (await api.anonymous.get(link(secret))).status == 200
    assert notifications.unsubscribe_url(settings, person.id).endswith(
        link(signing_key(settings, Purpose.UNSUBSCRIBE_LINK))
    )
    assert (await api.anonymous.post(verify, {"token": accounts._token(secret, row)})).status == 200
