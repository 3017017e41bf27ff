"""Headers, health, CORS, and what strangers may learn of a person."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from eventhub.services import passwords
from tests.api import Api
from tests.conftest import MakeApi
from tests.web.test_errors import check_error

ORIGIN = "https://events.example.com"


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
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 404),
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
    assert "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]
    for header in ("X-Request-ID", "X-Content-Type-Options", "Content-Security-Policy"):
        assert header in preflight.headers
    for path in ("/api/events/", "/api/users/me/"):
        answer = await api.anonymous.get(path, headers={"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        for header in ("X-Total-Count", "X-Last-Seq"):
            assert header in answer.headers["Access-Control-Expose-Headers"]
        other = await api.anonymous.get(path, headers={"Origin": "https://evil.example.com"})
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Origin" in other.headers["Vary"]
    closed = await make_api()
    assert (
        "Access-Control-Allow-Origin"
        not in (await closed.anonymous.get("/api/events/", headers=asked)).headers
    )


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
