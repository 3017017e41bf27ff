"""Who gets to the ops page, how a session ends, and which forms it takes."""

import re
import time
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from eventhub.models.jobs import DELETE_FILE
from eventhub.services import auth
from eventhub.services.tokens import OPS_SESSION_SECONDS, TokenSigner
from eventhub.web.call import SIGNER
from tests.api import PASSWORD, Api
from tests.conftest import SECRET, MakeApi
from tests.web.ops_desk import HERE, SIGN_IN, Desk, desk_of_admin, failed_job

PAGES = (
    "/ops/",
    "/ops/failed/",
    "/ops/waiting/",
    "/ops/acts/",
    "/ops/search/?q=1",
    "/ops/bookings/1/",
    "/ops/jobs/1/",
)
WRONG = "No active account found with the given credentials."


async def is_in(desk: Desk) -> bool:
    answer = await desk.get("/ops/")
    assert answer.status in {200, 303}
    return answer.status == 200


@pytest.mark.parametrize("path", PAGES)
async def test_strangers_are_led_to_the_sign_in_and_back_and_learn_nothing(api: Api, path: str) -> None:
    answer = await Desk(api).get(path)
    assert (answer.status, answer.text) == (303, "")
    there = answer.headers["Location"]
    assert there == SIGN_IN if path == "/ops/" else there.startswith(f"{SIGN_IN}?next=/ops/")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_admins_alone_can_sign_in_and_all_others_hear_the_same(api: Api) -> None:
    names = {kind: (await api.person(kind)).user["username"] for kind in ("attendee", "organizer", "admin")}
    said = set()
    for name, password in (
        ("nobody", PASSWORD),
        (names["attendee"], PASSWORD),
        (names["organizer"], PASSWORD),
        (names["admin"], "wrong-password-1"),
    ):
        desk = Desk(api)
        answer = await desk.sign_in(name, password)
        assert (answer.status, desk.cookies) == (401, {})
        assert WRONG in answer.text
        said.add(answer.text.replace(name, "NAME"))
        assert not await is_in(desk)
    assert len(said) == 1
    assert (
        await api.database.fetch_value(
            "SELECT count(*) FROM sign_ins WHERE expires_at < now() + interval '9 h'"
        )
        == 0
    )
    admin = Desk(api)
    assert (await admin.sign_in(names["admin"])).headers["Location"] == "/ops/"
    assert await is_in(admin)


async def test_a_session_is_one_of_the_persons_sign_ins_and_ends_as_they_do(api: Api) -> None:
    admin = await api.person("admin")
    desk = Desk(api)
    await desk.sign_in(admin.user["email"])
    listed = (await admin.get("/api/auth/sign_ins/")).data
    assert len(listed) == 2
    [own] = [row for row in listed if not row["is_current"]]
    assert own["network"] == "127.0.0.0/24"
    left = await api.database.fetch_value(
        "SELECT extract(epoch FROM expires_at - now())::float8 FROM sign_ins WHERE id = $1", own["id"]
    )
    assert left == pytest.approx(OPS_SESSION_SECONDS, abs=60)
    assert await is_in(desk)
    assert (await admin.delete(f"/api/auth/sign_ins/{own['id']}/")).status == 204
    assert not await is_in(desk)


@pytest.mark.parametrize("end", ["everywhere", "password", "deactivated", "demoted"])
async def test_a_session_ends_at_once(api: Api, end: str) -> None:
    admin, other = await api.person("admin"), await api.person("admin")
    desk, job_id = Desk(api), await failed_job(api, DELETE_FILE)
    await desk.sign_in(admin.user["username"])
    token = await desk.form_token()
    match end:
        case "everywhere":
            done = await admin.delete("/api/auth/sign_ins/")
        case "password":
            body = {"old_password": PASSWORD, "new_password": "another-good-password-2"}
            done = await admin.post("/api/auth/password/change/", body)
        case "deactivated":
            done = await other.patch(f"/api/users/{admin.id}/", {"is_active": False})
        case _:
            done = await other.patch(f"/api/users/{admin.id}/", {"user_type": "organizer"})
    assert done.status in {200, 204}, done.data
    assert not await is_in(desk)
    acted = await desk.send(f"/ops/jobs/{job_id}/retry/", token=token)
    assert acted.headers["Location"].startswith(SIGN_IN)
    assert await api.database.fetch_value("SELECT state FROM jobs WHERE id = $1", job_id) == "failed"


@pytest.mark.parametrize("lost", ["is_active = false", "user_type = 'organizer'"])
async def test_an_act_looks_again_at_who_acts_in_its_own_transaction(
    api: Api, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Between the look at the cookie and the act, the right may go."""
    desk, job_id = await desk_of_admin(api), await failed_job(api, DELETE_FILE)
    token = await desk.form_token()
    stale = await auth.find_ops_session(api.database, api.client.app[SIGNER], desk.cookies["eventhub-ops"])

    async def find(*_: object) -> auth.OpsSession:
        return stale

    await api.database.execute(f"UPDATE users SET {lost}")
    monkeypatch.setattr(auth, "find_ops_session", find)
    answer = await desk.send(f"/ops/jobs/{job_id}/retry/", token=token)
    assert answer.headers["Location"].startswith(SIGN_IN)
    assert await api.database.fetch_value("SELECT state FROM jobs WHERE id = $1", job_id) == "failed"


async def test_signing_out_ends_the_session_and_drops_its_cookie(api: Api) -> None:
    desk = await desk_of_admin(api)
    kept = dict(desk.cookies)
    assert (await desk.do("/ops/sign-out/")).headers["Location"] == SIGN_IN
    assert "Max-Age=0" in desk.set_cookie
    assert desk.cookies == {}
    assert not await is_in(Desk(api, kept))


async def test_failed_sign_ins_count_with_those_of_the_api(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="3/minute")
    name = f"counted{time.time_ns()}"
    for _ in range(2):
        assert (await Desk(api).sign_in(name)).status == 401
    body = {"username": name, "password": PASSWORD}
    assert (await api.anonymous.post("/api/auth/token/", body)).status == 401
    refused = await Desk(api).sign_in(name)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "Too many requests" in refused.text
    assert (await api.anonymous.post("/api/auth/token/", body)).status == 429


@pytest.mark.parametrize(
    ("name", "password"), [("a\0b", PASSWORD), ("x" * 300, PASSWORD), ("admin", "x" * 2000)]
)
async def test_what_is_no_name_or_password_is_told(api: Api, name: str, password: str) -> None:
    answer = await Desk(api).sign_in(name, password)
    assert answer.status == 400
    assert "Invalid input" in answer.text


async def test_over_https_the_cookie_is_bound_to_the_host(make_api: MakeApi) -> None:
    api = await make_api(trusted_proxies=(ip_network("127.0.0.1"),))
    admin = await api.person("admin")
    secure, plain = Desk(api), Desk(api)
    https = {"X-Forwarded-Proto": "https", "Host": "events.example.com"}
    await secure.sign_in(admin.user["username"], headers=HERE | https)
    name, *flags = secure.set_cookie.split("; ")
    assert name.startswith("__Host-eventhub-ops=ey")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Secure", f"Max-Age={OPS_SESSION_SECONDS}"} <= set(flags)
    assert not any(flag.startswith("Domain") for flag in flags)
    assert (await secure.get("/ops/", headers=https)).status == 200
    # A page without TLS could have planted the plain one.
    planted = Desk(api, {"eventhub-ops": secure.cookies["__Host-eventhub-ops"]})
    assert (await planted.get("/ops/", headers=https)).status == 303
    await plain.sign_in(admin.user["username"])
    assert plain.set_cookie.startswith("eventhub-ops=ey")
    assert "Secure" not in plain.set_cookie


async def test_no_password_is_taken_over_plain_http_from_afar(make_api: MakeApi) -> None:
    api = await make_api()
    admin = await api.person("admin")
    for host in (
        "events.example.com",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "[",
        "10.0.0.7:8000",
    ):
        refused = await Desk(api).sign_in(admin.user["username"], headers=HERE | {"Host": host})
        assert refused.status == 403, host
        assert "EVENTHUB_TRUSTED_PROXIES" in refused.text
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
        assert (await Desk(api).sign_in(admin.user["username"], headers=HERE | {"Host": host})).status == 303
    # The site is one of https, whatever the proxy in front forgets to say.
    site = await make_api(base_url="https://events.example.com/")
    desk = Desk(site)
    assert (
        await desk.sign_in(admin.user["username"], headers=HERE | {"Host": "events.example.com"})
    ).status == 303
    assert desk.set_cookie.startswith("__Host-")


async def test_a_cookie_is_no_token_and_a_token_no_cookie(api: Api) -> None:
    admin = await api.person("admin")
    desk = Desk(api)
    await desk.sign_in(admin.user["username"])
    [cookie] = desk.cookies.values()
    for headers in ({}, {"Authorization": f"Bearer {cookie}"}):
        assert (await desk.get("/api/users/me/", headers=headers)).status == 401
    assert (await api.anonymous.post("/api/auth/token/refresh/", {"refresh": cookie})).status == 401
    for token in (admin.token, admin.refresh):
        assert not await is_in(Desk(api, {"eventhub-ops": str(token)}))
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await Desk(api).get("/ops/", headers=bearer)).status == 303


async def test_forged_and_spent_cookies_open_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await desk_of_admin(api)
    [cookie] = desk.cookies.values()
    head, body, proof = cookie.split(".")
    others = TokenSigner(("another secret of more than 32 bytes",), 900, 900).sign("ops", 1, 1)
    for forged in ("", "x", f"{head}.{body}.", f"{head}.{body}.{proof[::-1]}", others):
        assert not await is_in(Desk(api, {"eventhub-ops": forged}))
    later = time.time() + OPS_SESSION_SECONDS + 60
    with monkeypatch.context() as patch:
        patch.setattr("jwt.api_jwt.datetime", _At(later))
        assert not await is_in(Desk(api, dict(desk.cookies)))
    assert await is_in(desk)
    await api.database.execute("UPDATE sign_ins SET expires_at = now()")
    assert not await is_in(desk)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "HOST"},
        {"Origin": "https://evil.example.com"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://HOST"},
    ],
)
async def test_forms_of_other_sites_are_refused(api: Api, headers: dict[str, str]) -> None:
    host = f"127.0.0.1:{api.client.port}"
    sent = {name: value.replace("HOST", host) for name, value in headers.items()}
    desk, job_id = await desk_of_admin(api), await failed_job(api, DELETE_FILE)
    token = await desk.form_token()
    path = f"/ops/jobs/{job_id}/retry/"
    refused = await desk.send(path, headers=sent, token=token)
    assert (refused.status, refused.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert (await Desk(api).sign_in("admin", headers=sent)).status == 403
    assert await api.database.fetch_value("SELECT state FROM jobs WHERE id = $1", job_id) == "failed"
    # A browser that says no more than where it is.
    assert (await desk.send(path, headers={"Origin": f"http://{host}"}, token=token)).status == 303


async def test_a_form_needs_the_token_of_its_own_session(api: Api) -> None:
    desk, other = await desk_of_admin(api), await desk_of_admin(api)
    job_id = await failed_job(api, DELETE_FILE)
    path = f"/ops/jobs/{job_id}/discard/"
    foreign = await other.form_token()
    assert foreign != await desk.form_token()
    assert (await desk.send(path)).status == 403
    for token in ("", "x", "é", foreign, "0" * 64):
        assert (await desk.send(path, token=token)).status == 403
        assert (await desk.send("/ops/sign-out/", token=token)).status == 403
    assert await api.database.fetch_value("SELECT count(*) FROM jobs WHERE id = $1", job_id) == 1
    assert (await desk.do(path)).status == 303


async def test_former_keys_open_the_page_for_as_long_as_they_are_kept(make_api: MakeApi) -> None:
    before = await make_api()
    desk = await desk_of_admin(before)
    token = await desk.form_token()
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(SECRET,))
    moved = Desk(after, dict(desk.cookies))
    assert (await moved.send("/ops/sign-out/", token=token)).status == 303
    gone = await make_api(secret_key="k" * 32)
    assert not await is_in(Desk(gone, dict(desk.cookies)))


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/ops/bookings/7/", "/ops/bookings/7/"),
        ("/ops/search/?q=EVH-1", "/ops/search/?q=EVH-1"),
        ("https://evil.example.com/", "/ops/"),
        ("//evil.example.com/ops/", "/ops/"),
        ("/ops/..\\evil", "/ops/"),
        ("/ops/\r\nX-Evil: 1", "/ops/"),
        (SIGN_IN, "/ops/"),
    ],
)
async def test_the_sign_in_leads_on_within_the_page_alone(api: Api, wanted: str, led_to: str) -> None:
    admin = await api.person("admin")
    desk = Desk(api)
    signed_in = await desk.send(SIGN_IN, username=admin.user["username"], password=PASSWORD, next=wanted)
    assert signed_in.headers["Location"] == led_to
    again = await desk.get(SIGN_IN, params={"next": wanted})
    assert (again.status, again.headers["Location"]) == (303, led_to)


async def test_other_bodies_and_methods_are_refused(api: Api) -> None:
    desk = await desk_of_admin(api)
    token = await desk.form_token()
    json = await desk.request("POST", "/ops/sign-out/", json={"token": token}, headers=HERE)
    assert json.status == 415
    fields = {"token": token, **{f"field{n}": "" for n in range(20)}}
    many = await desk.request("POST", "/ops/sign-out/", data=fields, headers=HERE)
    assert many.status == 400
    assert (await desk.get("/ops/sign-out/")).status == 405
    assert (await desk.request("POST", "/ops/", headers=HERE)).status == 405


async def test_no_page_answers_another_origin(make_api: MakeApi) -> None:
    api = await make_api(cors_origins=("*",))
    desk = await desk_of_admin(api)
    asked = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}
    for method, path in (("OPTIONS", "/ops/sign-out/"), ("GET", "/ops/"), ("GET", SIGN_IN), ("GET", "/ops")):
        answer = await desk.request(method, path, headers=asked)
        assert not [name for name in answer.headers if name.startswith("Access-Control-")], path
    assert "Access-Control-Allow-Origin" in (await desk.get("/api/events/", headers=asked)).headers


async def test_pages_have_strict_headers_and_are_not_in_the_description(api: Api) -> None:
    desk = await desk_of_admin(api)
    for answer in (
        await desk.get("/ops/"),
        await desk.get("/ops/jobs/99/"),
        await Desk(api).get(SIGN_IN),
        await Desk(api).get("/ops/"),
        await desk.sign_in("nobody"),
    ):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
    assert "/ops" not in (await api.anonymous.get("/api/schema/")).text


async def test_files_are_kept_for_good_under_the_mark_of_their_bytes(api: Api) -> None:
    page = (await Desk(api).get(SIGN_IN)).text
    found = re.findall(r'"(/ops/assets/[0-9a-f]{16}/[\w.]+)"', page)
    assert len(found) == 3
    for path in found:
        answer = await Desk(api).get(path)
        assert (answer.status, answer.headers["Cache-Control"]) == (
            200,
            "public, max-age=31536000, immutable",
        )
        stale = await Desk(api).get(re.sub(r"[0-9a-f]{16}", "0" * 16, path))
        assert (stale.status, stale.headers["Cache-Control"]) == (200, "no-store")
    assert (await Desk(api).get(f"/ops/assets/{'0' * 16}/page.html.j2")).status == 404
    assert (await Desk(api).get(f"/ops/assets/{'0' * 16}/..%2Frender.py")).status == 404


class _At:
    """The clock that reads tokens, as it will be."""

    def __init__(self, seconds: float) -> None:
        self._now = datetime.fromtimestamp(seconds, UTC)

    def now(self, tz: object = None) -> datetime:
        return self._now
