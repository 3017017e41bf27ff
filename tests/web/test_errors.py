"""Every error has the one format; paths, methods, ids and request ids."""

import asyncio
import io
import re
from urllib.parse import quote

import orjson
import pytest

from eventhub.services import events
from tests.api import Answer, Api, event_details

SENTENCES = {
    400: "The request data is invalid.",
    401: "Authentication is missing or invalid.",
    403: "You do not have permission to do this.",
    404: "The requested resource was not found.",
    405: "This method is not allowed here.",
    409: "The request conflicts with the current state.",
    413: "The request is too large.",
    415: "This content type is not supported.",
    500: "Something went wrong on our side.",
    503: "The service is not available at the moment.",
}


def check_error(answer: Answer, status: int, code: str, *fields: str) -> None:
    """Assert the exact format, and for bad input the `fields` that are named."""
    assert answer.status == status, answer.data
    keys = ["detail", "error", "code", *(["errors"] if fields else [])]
    assert list(answer.data) == keys
    assert answer.data["error"] == SENTENCES[status]
    assert answer.data["code"] == code
    assert answer.data["detail"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"]
    if fields:
        assert set(answer.data["errors"]) == set(fields)
        assert all(answer.data["errors"][name] for name in fields)


async def test_every_class_of_error_has_the_format(api: Api) -> None:
    organizer, person, nobody = await api.person("organizer"), await api.person(), api.anonymous
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    check_error(await nobody.get("/api/events/?page_size=0"), 400, "invalid", "page_size")
    check_error(await nobody.get("/api/users/me/"), 401, "not_authenticated")
    check_error(await person.patch(path, {}), 403, "permission_denied")
    check_error(await nobody.get("/api/nothing/"), 404, "not_found")
    check_error(await nobody.get("/api/events/77/"), 404, "not_found")
    check_error(await organizer.post(f"{path}publish/"), 409, "wrong_state")
    check_error(
        await organizer.post("/api/events/", data=io.BytesIO(b"x" * (1024 * 1024 + 1)), headers=JSON),
        413,
        "too_large",
    )
    check_error(
        await organizer.post("/api/events/", data=b"<a/>", headers={"Content-Type": "text/xml"}),
        415,
        "unsupported_media_type",
    )


JSON = {"Content-Type": "application/json"}


async def test_a_wrong_method_is_told_the_right_ones(api: Api) -> None:
    person = await api.person()
    for method, path, allowed in (
        ("DELETE", "/api/events/", {"GET", "HEAD", "POST"}),
        ("GET", "/api/events/1/publish/", {"POST"}),
        ("PUT", "/api/bookings/1/", {"GET", "HEAD", "PATCH"}),
        ("DELETE", "/api/users/me/", {"GET", "HEAD", "PATCH", "PUT"}),
        ("POST", "/api/notifications/unread_count/", {"GET", "HEAD"}),
    ):
        answer = await person.request(method, path)
        check_error(answer, 405, "method_not_allowed")
        assert set(re.split(r",\s*", answer.headers["Allow"])) == allowed
        assert answer.headers["Allow"] in answer.data["detail"]


async def test_a_failure_tells_its_request_id_and_nothing_else(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret detail: SELECT * FROM users in /srv/app.py")

    monkeypatch.setattr(events, "list_events", fail)
    answer = await api.anonymous.get("/api/events/", headers={"X-Request-ID": "trace-me-1"})
    check_error(answer, 500, "server_error")
    assert answer.data["detail"] == "The error was recorded as trace-me-1."
    assert answer.headers["X-Request-ID"] == "trace-me-1"
    assert not re.search(r"secret|SELECT|Traceback|\.py", answer.text)
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("given", ["abc-1", "a.b:c_d-e", "x" * 64])
async def test_a_sane_request_id_is_kept(api: Api, given: str) -> None:
    for path in ("/api/events/", "/api/nothing/", "/api/events"):
        answer = await api.anonymous.get(path, headers={"X-Request-ID": given})
        assert answer.headers["X-Request-ID"] == given


async def test_other_request_ids_are_replaced(api: Api) -> None:
    seen = set()
    for given in ("", " ", "x" * 65, "a b", "a/b", "é", "a;b", '"', "<script>"):
        answer = await api.anonymous.get("/api/events/", headers={"X-Request-ID": given})
        assert re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", answer.headers["X-Request-ID"])
        assert answer.headers["X-Request-ID"] != given
        seen.add(answer.headers["X-Request-ID"])
    assert len(seen) == 9


async def test_a_missing_slash_is_added_and_all_else_kept(api: Api) -> None:
    for method, path, location in (
        ("GET", "/api/events", "/api/events/"),
        ("GET", "/api/events?search=a%20b&page_size=2", "/api/events/?search=a%20b&page_size=2"),
        ("POST", "/api/auth/token", "/api/auth/token/"),
        ("POST", "/api/events/1/publish?x=1", "/api/events/1/publish/?x=1"),
        ("DELETE", "/api/events/1", "/api/events/1/"),
        ("GET", "/api/users/me", "/api/users/me/"),
        ("OPTIONS", "/api/events", "/api/events/"),
    ):
        answer = await api.anonymous.request(method, path)
        assert answer.status == 308
        assert answer.headers["Location"] == location
        assert answer.headers["X-Request-ID"]
    check_error(await api.anonymous.get("/api/nothing"), 404, "not_found")
    status, head, _ = await send(
        api, b"GET //example.com/api/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert status == 404, head


BAD_IDS = "0 -1 abc 9223372036854775808 99999999999999999999 1.5 1e3 +1 ٣ \uff11 ² %00 %20 null 0x1".split()


async def test_an_id_that_is_none_is_not_found(api: Api) -> None:
    admin = await api.person("admin")
    for bad in BAD_IDS:
        part = bad if bad.startswith("%") else quote(bad)
        for method, path in (
            ("GET", f"/api/events/{part}/"),
            ("GET", f"/api/events/{part}/attendees/"),
            ("POST", f"/api/events/{part}/publish/"),
            ("DELETE", f"/api/events/{part}/"),
            ("GET", f"/api/users/{part}/"),
            ("GET", f"/api/users/{part}/events_organized/"),
            ("GET", f"/api/users/{part}/reviews/"),
            ("GET", f"/api/sessions/{part}/"),
            ("GET", f"/api/bookings/{part}/"),
            ("POST", f"/api/bookings/{part}/cancel/"),
            ("POST", f"/api/waitlist/{part}/leave/"),
            ("GET", f"/api/notifications/{part}/"),
            ("POST", f"/api/notifications/{part}/mark_as_read/"),
            ("GET", f"/api/reviews/{part}/"),
        ):
            check_error(await admin.request(method, path), 404, "not_found")
    check_error(await admin.get(f"/api/events/{2**63 - 1}/"), 404, "not_found")
    check_error(await admin.get(f"/api/events/{'1' * 5000}/"), 404, "not_found")


async def test_broken_json_is_bad_input(api: Api) -> None:
    person = await api.person("organizer")
    deep = b"[" * 2000 + b"]" * 2000
    for body in (
        b"{",
        b"{'event': 1}",
        b'{"event": NaN}',
        b'{"event": Infinity}',
        b'{"event": -Infinity}',
        b'{"event": 1e999}',
        b'{"event": 01}',
        b'{"event": 1,}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"nonsense",
        b"event=1",
        b" ",
        deep,
        b'{"a": ' + deep + b"}",
    ):
        for path in ("/api/bookings/", "/api/events/", "/api/auth/token/"):
            answer = await person.post(path, data=body, headers=JSON)
            check_error(answer, 400, "bad_json", "body")


async def test_a_body_that_is_no_object_is_bad_input(api: Api) -> None:
    person = await api.person()
    for body in (b"[]", b"null", b"1", b'"text"', b"true", b'[{"event": 1}]'):
        answer = await person.post("/api/bookings/", data=body, headers=JSON)
        check_error(answer, 400, "invalid", "body")


async def test_an_empty_body_lacks_the_required_fields(api: Api) -> None:
    person = await api.person("organizer")
    check_error(await person.post("/api/waitlist/"), 400, "invalid", "event")
    check_error(await person.post("/api/auth/token/"), 400, "invalid", "username", "password")
    needed = "title description category start_date end_date max_attendees".split()
    check_error(await person.post("/api/events/"), 400, "invalid", *needed)
    assert (await person.patch("/api/users/me/")).status == 200


async def test_the_largest_body_is_a_mebibyte(api: Api) -> None:
    person = await api.person("organizer")
    for size, status in ((1024 * 1024, 400), (1024 * 1024 + 1, 413), (3 * 1024 * 1024, 413)):
        body = b'{"title": "' + b"x" * (size - 13) + b'"}'
        assert len(body) == size
        answer = await person.post("/api/events/", data=io.BytesIO(body), headers=JSON)
        assert answer.status == status


async def test_only_json_is_taken(api: Api) -> None:
    person = await api.person()
    body = orjson.dumps({"bio": "New"})
    for content_type, status in (
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("APPLICATION/JSON", 200),
        ("text/plain", 415),
        ("text/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/octet-stream", 415),
        ("nonsense", 415),
    ):
        answer = await person.patch("/api/users/me/", data=body, headers={"Content-Type": content_type})
        assert answer.status == status, content_type
    no_type = await person.patch("/api/users/me/", data=body, skip_auto_headers=["Content-Type"])
    assert no_type.status == 200


async def test_actions_need_no_body_and_no_content_type(api: Api) -> None:
    person = await api.person()
    for headers in ({}, JSON, {"Content-Type": "text/plain"}):
        answer = await person.post("/api/notifications/mark_all_as_read/", data=b"junk", headers=headers)
        assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/api/events/\xff/",
        b"/api/events/?search=\xff",
        b"/api/events/?page_size=1&x=\xff",
        b"/api/events/?ordering=\xff",
        b"/api/users/?username=\xed\xa0\x80",
        b"/api/\xff",
    ],
)
async def test_bytes_that_are_no_utf8_in_a_path_are_no_failure(api: Api, path: bytes) -> None:
    organizer = await api.person("organizer")
    await organizer.create_event()
    await organizer.create_event()
    status, _, _ = await send(api, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert status in {200, 400, 404}


async def test_a_nul_in_a_path_is_not_found(api: Api) -> None:
    person = await api.person()
    for path in (
        "/api/certificates/verify/%00/",
        "/api/certificates/verify/CERT%00/",
        "/media/avatars/%00",
        "/api/notifications/unsubscribe/%00/",
    ):
        for who in (person, api.anonymous):
            for method in ("GET", "HEAD", "POST"):
                assert (await who.request(method, path)).status in {404, 405}, (method, path)
    check_error(await person.get("/api/certificates/verify/%00/"), 404, "not_found")


async def test_what_is_no_http_is_refused_without_a_trace(api: Api) -> None:
    for raw in (
        b"NONSENSE\r\n\r\n",
        b"GET /api/events/ HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"GET /api/events/?search=" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        status, head, body = await send(api, raw)
        assert status == 400, head
        assert not re.search(rb"Traceback|\.py|<html", body)


async def send(api: Api, raw: bytes) -> tuple[int, str, bytes]:
    """Return (status, head, body) of what the server answers to these bytes."""
    server = api.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(raw)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, head.decode("latin-1"), body


@pytest.mark.parametrize(
    "sqlstate", ["40P01", "40001", "55P03"]
)  # a deadlock, a conflict, a lock waited for in vain
async def test_others_in_the_way_are_a_503_worth_another_try(api: Api, sqlstate: str) -> None:
    """Also where the ORM has wrapped what PostgreSQL said."""
    organizer = await api.person("organizer")
    await api.database.execute(
        "CREATE FUNCTION stand_in_the_way() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$"
    )
    await api.database.execute(
        "CREATE TRIGGER in_the_way BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION stand_in_the_way()"
    )
    try:
        answer = await organizer.post("/api/events/", event_details())
    finally:
        await api.database.execute("DROP FUNCTION stand_in_the_way() CASCADE")
    check_error(answer, 503, "busy")
    assert answer.headers["Retry-After"] == "5"
