"""What logs do not hold: secrets, addresses of mail, forged lines."""

import logging
import time

import pytest

from eventhub.services import notifications
from eventhub.web.http.redaction import masked
from tests.api import Api
from tests.conftest import MakeApi
from tests.web.test_hardening import ORIGIN


@pytest.mark.parametrize("letters", ["a", "%4", "@a", "%40"])
def test_a_long_path_is_masked_at_once(letters: str) -> None:
    path = "/" + letters * (8000 // len(letters))
    started = time.thread_time()
    masked(path)
    assert time.thread_time() - started < 0.2


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
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(notifications, "find_unsubscribed", fail)
    answer = await api.anonymous.post("/api/notifications/unsubscribe/1.very-secret/?jwt=very-secret")
    assert answer.status in {500, 503}
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("eventhub")]
    assert any("/api/notifications/unsubscribe/***/" in line for line in lines)
    assert not any("very-secret" in line for line in lines)
