"""What strange clients get: the error format, a closed connection, or nothing they could use."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from eventhub.services import accounts, notifications, passwords
from eventhub.settings import Settings
from eventhub.web import bodies
from eventhub.web.app import create_app
from eventhub.web.connection import Connection, Runner
from eventhub.web.middlewares import masked
from tests.api import Api
from tests.conftest import MakeApi

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


async def test_a_body_that_cannot_be_decoded_is_no_error(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """One that is read is refused; one that is not (the path is unknown) changes nothing of the answer."""
    head = "POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{{}}"
    for path, expected in (("/api/auth/token/", 400), ("/nowhere/", 404)):
        status, body, _ = await say(port, head.format(path).encode())
        assert (status, "errors" in body) == (expected, expected == 400)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


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


async def test_named_origins_may_use_the_api_and_no_other(make_api: MakeApi) -> None:
    api = await make_api(cors_origins=(ORIGIN,))
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = await api.anonymous.request("OPTIONS", "/api/bookings/", headers=asked)
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
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
    api = await make_api(access_log=True)
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer very-secret-1"}
    await api.anonymous.get("/api/events/?access_token=very-secret-2&q=1%0Aforged", headers=headers)
    await api.anonymous.get("/api/notifications/unsubscribe/1.very-secret-3/")
    await api.anonymous.post("/api/auth/token/", {"username": "a", "password": "very-secret-4"})
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("eventhub")]
    assert any("access_token=***" in line for line in lines)
    assert not any("very-secret" in line or "\nforged" in line for line in lines)


def test_masked_keeps_what_is_no_secret() -> None:
    assert masked("/api/events/?search=token&page_size=5") == "/api/events/?search=token&page_size=5"
    assert masked("/x/?Reset_Token=a&password=b&c=d") == "/x/?Reset_Token=***&password=***&c=d"


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
