"""What strange clients get: the error format, a closed connection, or nothing they could use."""

import asyncio
import contextlib
import gzip
import logging
import socket
import time
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import uvloop
from aiohttp import web

from eventhub.services import accounts, notifications, passwords
from eventhub.settings import Settings
from eventhub.web import bodies
from eventhub.web.app import create_app
from eventhub.web.connection import Connection, Runner
from eventhub.web.masking import masked
from tests.api import Api
from tests.conftest import MakeApi
from tests.web.test_errors import check_error

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
    ],
    ids=["no HTTP", "bad header", "long line", "long header", "many headers"],
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
            assert time.monotonic() - began < 0.5
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


async def test_a_client_that_reads_nothing_is_dropped(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "write_seconds", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
    writer.write(ASSET * 16)
    await asyncio.sleep(1)
    got = 0
    with contextlib.suppress(ConnectionError):
        while chunk := await asyncio.wait_for(reader.read(2**20), 5):
            got += len(chunk)
    assert got < 16_000_000  # what the kernel held; the rest was thrown away
    writer.close()


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


async def test_a_process_holds_so_many_connections(settings: Settings, empty_database: None) -> None:
    """One more takes the place of the oldest that is idle; where all are at work it is closed itself."""
    runner = Runner(create_app(settings, lambda _: None), max_connections=3)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    held = []
    for count in range(1, 6):
        held.append(await asyncio.open_connection("127.0.0.1", runner.addresses[0][1]))
        await _until(lambda: len(runner.server.connections) == min(count, 3))  # type: ignore[union-attr]  # noqa: B023
    assert [reader.at_eof() for reader, _ in held] == [True, True, False, False, False]
    for _, writer in held[2:]:
        writer.write(b"POST /api/auth/token/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    await asyncio.sleep(0.2)
    refused, refused_writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    assert await asyncio.wait_for(refused.read(), 2) == b""
    for reader, writer in held[2:]:
        writer.write(b"123456789")
        assert (await asyncio.wait_for(reader.readline(), 2)).split()[1] == b"400"
    for _, writer in [*held, (refused, refused_writer)]:
        writer.close()
    await runner.cleanup()


async def _until(is_so: Callable[[], bool], seconds: float = 2) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_deep_json_is_refused_naming_the_body(api: Api) -> None:
    deep = b'{"username": ' + b"[" * 32 + b"]" * 32 + b"}"
    headers = {"Content-Type": "application/json"}
    answer = await api.anonymous.post("/api/auth/token/", data=deep, headers=headers)
    assert answer.status == 400
    assert answer.data["errors"] == {"body": ["Must not be nested deeper than 32."]}
    allowed = b'{"x": ' + b"[" * 31 + b"]" * 31 + b', "username": "a", "password": "b"}'
    assert (await api.anonymous.post("/api/auth/token/", data=allowed, headers=headers)).status == 401


async def test_every_answer_has_the_security_headers(api: Api) -> None:
    for path in ("/api/events/", "/nowhere/", "/api/users/me/"):
        headers = (await api.anonymous.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Strict-Transport-Security" not in headers


async def test_https_alone_is_asked_for_only_where_it_is_used(make_api: MakeApi) -> None:
    from ipaddress import ip_network  # noqa: PLC0415 - for this alone

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
    assert masked("/api/events/?search=token&page_size=5") == "/api/events/?search=token&page_size=5"
    assert masked("/x/?Reset_Token=a&password=b&c=d") == "/x/?Reset_Token=***&password=***&c=d"


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
    body = {"token": accounts._token(old.secret_key, token)}
    link = notifications.unsubscribe_url(old, person.id).removeprefix(old.links_base)
    gone = await make_api(secret_key="k" * 32)
    assert (await gone.anonymous.post("/api/auth/email/verify/", body)).status == 400
    assert (await gone.anonymous.post(link)).status == 404
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(old.secret_key,))
    assert (await after.anonymous.post("/api/auth/email/verify/", body)).status == 200
    assert (await after.anonymous.post(link)).status == 200
