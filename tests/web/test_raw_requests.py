"""Requests as bytes: what is no request, never ends, or is more than it says gets the error format or a closed connection."""

import asyncio
import gzip
import logging
import socket
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import uvloop
from aiohttp import web

from eventhub.settings import Settings
from eventhub.web.app import create_app
from eventhub.web.http import bodies
from eventhub.web.http.connection import Connection, Runner
from tests.api import Api


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


async def test_deep_json_is_refused_naming_the_body(api: Api) -> None:
    deep = b'{"username": ' + b"[" * 32 + b"]" * 32 + b"}"
    headers = {"Content-Type": "application/json"}
    answer = await api.anonymous.post("/api/auth/token/", data=deep, headers=headers)
    assert answer.status == 400
    assert answer.data["errors"] == {"body": ["Must not be nested deeper than 32."]}
    allowed = b'{"x": ' + b"[" * 31 + b"]" * 31 + b', "username": "a", "password": "b"}'
    assert (await api.anonymous.post("/api/auth/token/", data=allowed, headers=headers)).status == 401


async def test_no_answer_names_a_version_of_what_serves(api: Api, port: int) -> None:
    for path in ("/healthz/", "/nowhere/", "/api/docs/"):
        assert (await api.anonymous.get(path)).headers["Server"] == "Event Hub"
    _, _, head = await say(port, b"nonsense\r\n\r\n")
    assert "\r\nServer: Event Hub\r\n" in head
    assert "aiohttp" not in head
