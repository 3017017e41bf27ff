"""Tokens and passwords over HTTP."""

import time
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from eventhub.services import auth, keys
from eventhub.services.keys import Purpose
from eventhub.services.tokens import LEEWAY_SECONDS
from eventhub.web.call import SIGN_INS
from tests.api import PASSWORD, Api, Person
from tests.conftest import SECRET, MakeApi
from tests.web.test_errors import check_error


def claims(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    return {"sub": "1", "sid": 1, "use": "access", "iat": now, "exp": now + 60, **changes}


ACCESS_KEY = keys.derive(SECRET, Purpose.ACCESS_TOKEN)
REFRESH_KEY = keys.derive(SECRET, Purpose.REFRESH_TOKEN)


def signed(key: str | bytes = ACCESS_KEY, algorithm: str = "HS256", **changes: object) -> str:
    return jwt.encode(claims(**changes), key, algorithm)


def without(name: str) -> str:
    return jwt.encode({key: value for key, value in claims().items() if key != name}, ACCESS_KEY, "HS256")


async def test_bad_tokens_are_refused_also_on_public_routes(api: Api) -> None:
    person = await api.person()
    good = str(person.token)
    assert (await Person(api, signed(sub=str(person.id), sid=1)).get("/api/users/me/")).status == 200
    head, payload, signature = good.split(".")
    other = signed(sub="2").split(".")[1]
    bad_headers = [
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer a.b.c",
        "Bearer \xe9",
        f"Basic {good}",
        "Basic YTpi",
        f"Token {good}",
        good,
        "",
        f"Bearer {good}x",
        f"Bearer {good} {good}",
        f"Bearer {head}.{payload}.",
        f"Bearer {head}.{other}.{signature}",
        f"Bearer {signed(key='another secret for tests, of more than 32 bytes')}",
        f"Bearer {signed(key='', algorithm='none')}",
        f"Bearer {signed(key=ACCESS_KEY * 2, algorithm='HS512')}",
        *(
            f"Bearer {signed(keys.derive(SECRET, purpose))}"
            for purpose in Purpose
            if purpose != Purpose.ACCESS_TOKEN
        ),
        f"Bearer {signed(exp=int(time.time()) - 11)}",
        f"Bearer {signed(iat=int(time.time()) + 3600)}",
        f"Bearer {signed(sid=999)}",
        f"Bearer {signed(sid=None)}",
        f"Bearer {signed(sid='x')}",
        f"Bearer {signed(sub='999')}",
        f"Bearer {signed(sub='x')}",
        f"Bearer {signed(sub=1)}",
        f"Bearer {signed(use='refresh')}",
        f"Bearer {signed(key=REFRESH_KEY, use='refresh')}",
        f"Bearer {signed(use=None)}",
        f"Bearer {without('exp')}",
        f"Bearer {without('sid')}",
        f"Bearer {without('sub')}",
        f"Bearer {without('use')}",
        f"Bearer {person.refresh}",
    ]
    await api.anonymous.get("/api/events/")
    for header in bad_headers:
        for path in ("/api/users/me/", "/api/events/"):
            answer = await api.anonymous.get(path, headers={"Authorization": header})
            check_error(answer, 401, answer.data["code"])
            assert answer.data["code"] in {"token_not_valid", "token_expired"}, header
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (
        await api.anonymous.get("/api/users/me/", headers={"Authorization": f"bearer {good}"})
    ).status == 200


async def test_clocks_may_differ_a_little(api: Api) -> None:
    """A token of a machine that is ahead or behind by seconds is good; one from minutes away is not."""
    person = await api.person()
    sid = jwt.decode(person.token or "", options={"verify_signature": False})["sid"]
    now = int(time.time())
    for issued_at, expires_at, status in (
        (now + 6, now + 66, 200),
        (now - 66, now - 6, 200),
        (now + 120, now + 180, 401),
        (now - 180, now - 15, 401),
    ):
        token = signed(sub=str(person.id), sid=sid, iat=issued_at, exp=expires_at)
        assert (await Person(api, token).get("/api/users/me/")).status == status, issued_at - now


async def test_a_token_that_is_remembered_expires_all_the_same(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await api.person()
    exp = int(time.time()) - LEEWAY_SECONDS + 5
    token = signed(**jwt.decode(person.token or "", options={"verify_signature": False}) | {"exp": exp})
    assert (await Person(api, token).get("/api/users/me/")).status == 200
    later = 5.0
    assert later < auth.REMEMBERED_SECONDS

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Later":
            return super().now(tz) + timedelta(seconds=later)

    clock = SimpleNamespace(time=lambda: time.time() + later, monotonic=lambda: time.monotonic() + later)
    monkeypatch.setattr(auth, "time", clock)
    monkeypatch.setattr(jwt.api_jwt, "datetime", Later)
    check_error(await Person(api, token).get("/api/users/me/"), 401, "token_expired")


async def test_an_expired_token_is_told_apart(api: Api) -> None:
    await api.person()
    answer = await Person(api, signed(exp=int(time.time()) - 11)).get("/api/users/me/")
    check_error(answer, 401, "token_expired")
    answer = await api.anonymous.post(
        "/api/auth/token/refresh/", {"refresh": signed(REFRESH_KEY, use="refresh", exp=1)}
    )
    check_error(answer, 401, "token_expired")


async def test_without_a_token_what_is_private_is_refused(api: Api) -> None:
    for method, path in (
        ("GET", "/api/users/me/"),
        ("PATCH", "/api/users/me/"),
        ("PUT", "/api/users/update_profile/"),
        ("PATCH", "/api/users/1/"),
        ("GET", "/api/users/1/events_organized/"),
        ("GET", "/api/users/1/reviews/"),
        ("POST", "/api/events/"),
        ("PUT", "/api/events/1/"),
        ("PATCH", "/api/events/1/"),
        ("DELETE", "/api/events/1/"),
        ("POST", "/api/events/1/publish/"),
        ("POST", "/api/events/1/cancel/"),
        ("POST", "/api/events/1/complete/"),
        ("POST", "/api/sessions/"),
        ("PUT", "/api/sessions/1/"),
        ("DELETE", "/api/sessions/1/"),
        ("GET", "/api/bookings/"),
        ("POST", "/api/bookings/"),
        ("GET", "/api/bookings/1/"),
        ("POST", "/api/bookings/1/confirm/"),
        ("POST", "/api/bookings/1/cancel/"),
        ("POST", "/api/bookings/1/no_show/"),
        ("POST", "/api/bookings/1/attended/"),
        ("GET", "/api/waitlist/"),
        ("POST", "/api/waitlist/"),
        ("POST", "/api/waitlist/1/leave/"),
        ("GET", "/api/notifications/"),
        ("GET", "/api/notifications/unread_count/"),
        ("POST", "/api/notifications/mark_all_as_read/"),
        ("POST", "/api/notifications/1/mark_as_read/"),
    ):
        answer = await api.anonymous.request(method, path)
        check_error(answer, 401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_refresh_token_is_no_access_token_and_the_reverse(api: Api) -> None:
    person = await api.person()
    check_error(await Person(api, person.refresh).get("/api/users/me/"), 401, "token_not_valid")
    for path in ("/api/auth/token/refresh/", "/api/auth/logout/"):
        for token in (
            str(person.token),
            "",
            "nonsense",
            signed(REFRESH_KEY, use="refresh", sid=999, sub=str(person.id)) + "x",
            signed(REFRESH_KEY, sub=str(person.id)),
            signed(ACCESS_KEY, use="refresh", sub=str(person.id)),
        ):
            check_error(await api.anonymous.post(path, {"refresh": token}), 401, "token_not_valid")


async def test_a_refreshed_token_works_until_the_log_out(api: Api) -> None:
    person = await api.person()
    fresh = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    assert (await Person(api, fresh.data["access"]).get("/api/users/me/")).data["id"] == person.id
    other = await api.sign_in(person.user["username"])
    for _ in range(2):
        assert (await api.anonymous.post("/api/auth/logout/", {"refresh": person.refresh})).status == 204
    refused = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    check_error(refused, 401, "token_not_valid")
    assert (await other.get("/api/users/me/")).status == 200
    again = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": other.refresh})
    assert again.status == 200


def forget_sign_ins(api: Api) -> None:
    """Let the process know as much of who is signed in as another one, or as itself some seconds later."""
    api.client.app[SIGN_INS]._known.clear()


async def test_after_a_log_out_other_processes_refuse_the_access_token(api: Api) -> None:
    person = await api.person()
    await api.anonymous.post("/api/auth/logout/", {"refresh": person.refresh})
    forget_sign_ins(api)
    check_error(await Person(api, person.token).get("/api/users/me/"), 401, "token_not_valid")
    assert auth.REMEMBERED_SECONDS <= 30


async def test_a_deactivated_user_is_out(api: Api) -> None:
    admin, person = await api.person("admin"), await api.person()
    answer = await admin.patch(f"/api/users/{person.id}/", {"is_active": False})
    assert answer.data["is_active"] is False
    refused = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    check_error(refused, 401, "token_not_valid")
    login = {"username": person.user["username"], "password": PASSWORD}
    check_error(await api.anonymous.post("/api/auth/token/", login), 401, "invalid_credentials")
    # Also while this process has a copy of the sign-in.
    check_error(await Person(api, person.token).get("/api/users/me/"), 401, "token_not_valid")
    forget_sign_ins(api)
    check_error(await Person(api, person.token).get("/api/users/me/"), 401, "token_not_valid")
    await admin.patch(f"/api/users/{person.id}/", {"is_active": True})
    refused = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    check_error(refused, 401, "token_not_valid")
    assert (await api.anonymous.post("/api/auth/token/", login)).status == 200


async def test_a_new_role_counts_at_the_next_look(api: Api) -> None:
    admin, person = await api.person("admin"), await api.person()
    await admin.patch(f"/api/users/{person.id}/", {"user_type": "organizer"})
    forget_sign_ins(api)
    assert (await Person(api, person.token).create_event())["organizer"] == person.id


async def test_login_takes_the_username_or_email_in_any_case(api: Api) -> None:
    await api.person(username="Ada.Lovelace", email="Ada@Example.com")
    for login in ("Ada.Lovelace", "ada.lovelace", "ADA.LOVELACE", "Ada@Example.com", "ada@example.com"):
        assert (await api.sign_in(login)).user["username"] == "Ada.Lovelace"
    for login, password in (
        ("ada.lovelace", "A-good-password-1"),
        ("ada.lovelace", PASSWORD + " "),
        ("ada", PASSWORD),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("ada.lovelace", ""),
        ("ada.lovelace' OR 1=1 --", PASSWORD),
    ):
        answer = await api.anonymous.post("/api/auth/token/", {"username": login, "password": password})
        check_error(answer, 401, "invalid_credentials")
        assert answer.data["detail"] == "No active account found with the given credentials."


async def test_tokens_live_as_long_as_the_settings_say(make_api: MakeApi) -> None:
    api = await make_api(access_ttl_seconds=100, refresh_ttl_seconds=1000)
    person = await api.person()
    for token, use, key, seconds in (
        (str(person.token), "access", ACCESS_KEY, 100),
        (person.refresh, "refresh", REFRESH_KEY, 1000),
    ):
        found = jwt.decode(token, key, algorithms=["HS256"])
        assert found["use"] == use
        assert found["exp"] - found["iat"] == seconds
        assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "HS256"}


async def test_what_the_secret_itself_signed_before_there_were_purposes_is_good_until_it_expires(
    api: Api,
) -> None:
    person = await api.person()
    whose = {
        "sub": str(person.id),
        "sid": jwt.decode(person.refresh, options={"verify_signature": False})["sid"],
    }
    path = "/api/auth/token/refresh/"
    assert (await Person(api, signed(SECRET, **whose)).get("/api/users/me/")).status == 200
    fresh = await api.anonymous.post(path, {"refresh": signed(SECRET, use="refresh", **whose)})
    assert fresh.status == 200
    for token in (person.token, person.refresh, fresh.data["access"]):
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(str(token), SECRET, algorithms=["HS256"])
    # What kept them apart before still does.
    check_error(
        await Person(api, signed(SECRET, use="refresh", **whose)).get("/api/users/me/"),
        401,
        "token_not_valid",
    )
    check_error(await api.anonymous.post(path, {"refresh": signed(SECRET, **whose)}), 401, "token_not_valid")
    expired = signed(SECRET, use="refresh", exp=int(time.time()) - 11, **whose)
    check_error(await api.anonymous.post(path, {"refresh": expired}), 401, "token_expired")
