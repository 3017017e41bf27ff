"""Pictures over HTTP: taken in as forms, served under new names, replaced and removed."""

import asyncio
import contextlib
import io
import ipaddress
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import FormData
from PIL import Image

from eventhub.gateways import images
from eventhub.web.http import uploads
from tests.api import PASSWORD, Answer, Api, Person, event_details
from tests.conftest import MakeApi


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), colour: str = "red") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, kind)
    return data.getvalue()


def form(file: bytes | None = None, field: str = "avatar", **texts: object) -> FormData:
    made = FormData(default_to_multipart=True)
    for name, text in texts.items():
        made.add_field(name, str(text))
    if file is not None:
        made.add_field(field, io.BytesIO(file), filename="../../x.php", content_type="text/html")
    return made


async def put_avatar(person: Person, data: bytes) -> str:
    changed = await person.patch("/api/users/me/", data=form(data))
    assert changed.status == 200, changed.data
    return str(changed.data["avatar"])


async def served(api: Api, url: str) -> tuple[int, bytes, Any]:
    path = urlsplit(url).path
    async with api.client.get(path) as response:
        return response.status, await response.read(), response.headers


def files(api: Api, folder: str) -> list[str]:
    """Return the names of the stored files."""
    found = Path(api.resources.settings.data_dir, "media", folder)
    return sorted(file.name for file in found.iterdir()) if found.is_dir() else []


@pytest.fixture
async def api(make_api: MakeApi, tmp_path: Path) -> Api:
    """The application with an empty storage."""
    return await make_api(data_dir=tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_an_avatar_is_re_encoded_and_served_for_good(api: Api, kind: str) -> None:
    person = await api.person()
    assert person.user["avatar"] is None
    url = await put_avatar(person, picture(kind))
    assert url.startswith(f"http://{api.client.host}:{api.client.port}/media/avatars/")
    status, body, headers = await served(api, url)
    assert (status, headers["Content-Type"]) == (200, "image/webp")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with Image.open(io.BytesIO(body)) as image:
        assert (image.format, image.size) == ("WEBP", (512, 512))


async def test_a_picture_may_be_had_as_mere_bytes(api: Api) -> None:
    """For generated clients; what is kept for good is the picture alone."""
    url = await put_avatar(await api.person(), picture("PNG"))
    _, body, _ = await served(api, url)
    for accept, kind, kept in (
        ("application/octet-stream", "application/octet-stream", "no-store"),
        ("image/*, application/octet-stream", "image/webp", "public, max-age=31536000, immutable"),
    ):
        async with api.client.get(urlsplit(url).path, headers={"Accept": accept}) as answer:
            assert (answer.status, answer.content_type, await answer.read()) == (200, kind, body)
            assert answer.headers["Cache-Control"] == kept


async def test_the_url_stands_wherever_the_user_does(api: Api) -> None:
    person = await api.person()
    url = await put_avatar(person, picture())
    assert (await person.get("/api/users/me/")).data["avatar"] == url
    assert (await api.anonymous.get(f"/api/users/{person.id}/")).data["avatar"] == url
    [listed] = (await api.anonymous.get("/api/users/")).data
    assert listed["avatar"] == url


async def test_urls_begin_where_the_settings_say(make_api: MakeApi) -> None:
    api = await make_api(base_url="https://events.example.com/")
    url = await put_avatar(await api.person(), picture())
    assert url.startswith("https://events.example.com/media/avatars/")
    assert (await served(api, url))[0] == 200


async def test_a_new_avatar_replaces_the_file_and_null_removes_it(api: Api) -> None:
    person = await api.person()
    first = await put_avatar(person, picture(colour="red"))
    second = await put_avatar(person, picture(colour="blue"))
    assert first != second
    assert (await served(api, first))[0] == 404
    assert len(files(api, "avatars")) == 1
    removed = await person.patch("/api/users/me/", {"avatar": None})
    assert removed.data["avatar"] is None
    assert files(api, "avatars") == []
    assert (await served(api, second))[0] == 404


async def test_other_json_for_a_picture_is_ignored(api: Api) -> None:
    person = await api.person()
    url = await put_avatar(person, picture())
    values: list[object] = [url, "x", 1, [], {"a": 1}, True]
    for value in values:
        kept = await person.put("/api/users/me/", {"avatar": value, "bio": "Hello"})
        assert (kept.status, kept.data["avatar"]) == (200, url)


async def test_an_empty_file_input_changes_nothing_and_an_empty_text_removes(api: Api) -> None:
    person = await api.person()
    url = await put_avatar(person, picture())
    empty = FormData(default_to_multipart=True)
    empty.add_field("avatar", b"", filename="", content_type="application/octet-stream")
    empty.add_field("bio", "Hello")
    kept = await person.patch("/api/users/me/", data=empty)
    assert (kept.status, kept.data["avatar"], kept.data["bio"]) == (200, url, "Hello")
    echoed = await person.patch("/api/users/me/", data=form(avatar=url))
    assert echoed.data["avatar"] == url
    removed = await person.patch("/api/users/me/", data=form(avatar=""))
    assert (removed.status, removed.data["avatar"]) == (200, None)


@pytest.mark.parametrize(
    "data",
    [
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture()[:60],
        picture("GIF"),
        b"GIF89a",
        b"",
    ],
)
async def test_what_is_no_picture_is_bad_input(api: Api, data: bytes) -> None:
    person = await api.person()
    refused = await person.patch("/api/users/me/", data=form(data))
    assert (refused.status, list(refused.data["errors"])) == (400, ["avatar"])
    assert files(api, "avatars") == []


async def test_a_refused_change_leaves_no_file(api: Api) -> None:
    person, other = await api.person(), await api.person()
    url = await put_avatar(person, picture())
    taken = form(picture(), email=other.user["email"], current_password=PASSWORD)
    assert (await person.patch("/api/users/me/", data=taken)).status == 409
    assert (await person.get("/api/users/me/")).data["avatar"] == url
    assert len(files(api, "avatars")) == 1
    wrong = await person.patch("/api/users/me/", data=form(picture(), website="nowhere"))
    assert (wrong.status, list(wrong.data["errors"])) == (400, ["website"])
    assert len(files(api, "avatars")) == 1


async def test_avatars_put_at_once_leave_one_file(api: Api) -> None:
    person = await api.person()
    await asyncio.gather(*(put_avatar(person, picture(colour=c)) for c in ("red", "green", "blue", "white")))
    url = (await person.get("/api/users/me/")).data["avatar"]
    assert files(api, "avatars") == [url.rpartition("/")[2]]
    assert (await served(api, url))[0] == 200


def event_form(**texts: object) -> FormData:
    return form(picture(size=(2000, 1000)), "cover_image", **{**event_details(), **texts})


async def test_an_event_is_made_from_a_form_with_a_cover(api: Api) -> None:
    organizer = await api.person("organizer")
    made = await organizer.post(
        "/api/events/",
        data=event_form(price="29.99", is_online="true", max_attendees="30", registration_deadline=""),
    )
    assert made.status == 201, made.data
    event = made.data
    assert (event["price"], event["is_online"], event["max_attendees"]) == ("29.99", True, 30)
    assert event["registration_deadline"] == event["start_date"]
    await organizer.post(f"/api/events/{event['id']}/publish/")
    [listed] = (await api.anonymous.get("/api/events/")).data
    organized = (await organizer.get(f"/api/users/{organizer.id}/events_organized/")).data
    assert listed["cover_image"] == organized[0]["cover_image"] == event["cover_image"]
    _, body, _ = await served(api, event["cover_image"])
    with Image.open(io.BytesIO(body)) as image:
        assert image.size == (1600, 800)


async def test_covers_are_replaced_removed_and_go_with_their_event(api: Api) -> None:
    organizer = await api.person("organizer")
    path = f"/api/events/{(await organizer.create_event())['id']}/"
    for _ in range(2):
        changed = await organizer.patch(path, data=form(picture(), "cover_image", title="New"))
        assert (changed.status, changed.data["title"]) == (200, "New")
        assert len(files(api, "covers")) == 1
    assert (await organizer.patch(path, {"cover_image": None})).data["cover_image"] is None
    assert files(api, "covers") == []
    assert (await organizer.put(path, data=event_form())).data["cover_image"] is not None
    assert (await organizer.delete(path)).status == 204
    assert files(api, "covers") == []


async def test_who_may_not_change_an_event_is_told_so_before_the_picture_is_looked_at(api: Api) -> None:
    organizer, stranger, attendee = [
        await api.person(kind) for kind in ("organizer", "organizer", "attendee")
    ]
    event, draft = await organizer.create_event(), await organizer.create_event(publish=False)
    bad = b"not a picture"
    for person, path, status in (
        (stranger, f"/api/events/{event['id']}/", 403),
        (stranger, f"/api/events/{draft['id']}/", 404),
        (organizer, "/api/events/999999/", 404),
    ):
        answer = await person.patch(path, data=form(bad, "cover_image"))
        assert answer.status == status
    refused = await attendee.post("/api/events/", data=form(bad, "cover_image", **event_details()))
    assert refused.status == 403


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"max_attendees": "many"}, "max_attendees"),
        ({"max_attendees": "1.5"}, "max_attendees"),
        ({"max_attendees": ""}, "max_attendees"),
        ({"max_attendees": "--1"}, "max_attendees"),
        ({"is_online": "perhaps"}, "is_online"),
        ({"price": "free"}, "price"),
        ({"start_date": "soon"}, "start_date"),
        ({"title": ""}, "title"),
        ({"title": "a\0b"}, "title"),
    ],
)
async def test_texts_of_a_form_are_checked_as_json_is(api: Api, texts: dict[str, object], field: str) -> None:
    organizer = await api.person("organizer")
    refused = await organizer.post("/api/events/", data=event_form(**texts))
    assert (refused.status, list(refused.data["errors"])) == (400, [field])


async def test_forms_are_large_where_they_hold_pictures_and_no_further(api: Api) -> None:
    person = await api.person()
    noise = picture() + b"\0" * (3 * 1024 * 1024)  # a picture with something behind it
    assert (await person.patch("/api/users/me/", data=form(noise))).status == 200
    huge = form(b"\0" * (10 * 1024 * 1024 + 1))
    assert (await person.patch("/api/users/me/", data=huge)).status == 413
    long = form()
    for _ in range(2):
        long.add_field("bio", "x" * 600_000)
    assert (await person.patch("/api/users/me/", data=long)).status == 413


async def raw(person: Person, body: bytes, content_type: str) -> Answer:
    return await person.patch("/api/users/me/", data=body, headers={"Content-Type": content_type})


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"nothing", "multipart/form-data"),
        (b"nothing", "multipart/form-data; boundary=x"),
        (b"--x\r\nnothing", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nno name\r\n--x--\r\n", "multipart/form-data; boundary=" + "x" * 100),
        (
            b'--x\r\nContent-Disposition: form-data; name="bio"\r\n\r\n\xff\xfe\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="bio"\r\n\r\ncut off',
            "multipart/form-data; boundary=x",
        ),
        (
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--y--\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n' * 300,
            "multipart/form-data; boundary=x",
        ),
    ],
)
async def test_a_broken_form_is_bad_input(api: Api, body: bytes, content_type: str) -> None:
    refused = await raw(await api.person(), body, content_type)
    assert refused.status == 400, refused.data


async def test_forms_are_taken_where_pictures_are_alone(api: Api) -> None:
    person = await api.person()
    assert (await person.post("/api/bookings/", data=form(event=1))).status == 415
    assert (await raw(person, b"bio=x", "application/x-www-form-urlencoded")).status == 415


@pytest.mark.parametrize(
    "name",
    [
        "avatars/none.webp",
        "avatars/",
        "avatars",
        "../secret_key",
        "..%2fsecret_key",
        "%2e%2e/%2e%2e/etc/passwd",
        "avatars/..%2f..%2fsecret.webp",
        "/etc/passwd",
        "certificates/CERT-1-2-ABC123.pdf",
        "avatars/x.webp%00",
        "secret.webp",
    ],
)
async def test_nothing_but_pictures_is_served(api: Api, tmp_path: Path, name: str) -> None:
    media = tmp_path / "media"
    (media / "certificates").mkdir(parents=True)
    (media / "certificates" / "CERT-1-2-ABC123.pdf").write_bytes(b"secret")
    (media / "secret.webp").write_bytes(b"secret")
    answer = await api.anonymous.get(f"/media/{name}")
    assert answer.status in {404, 308}
    if answer.status == 404:
        assert answer.data == {
            "detail": "Not found.",
            "error": "The requested resource was not found.",
            "code": "not_found",
        }


async def test_pictures_answer_head_and_no_other_method(api: Api) -> None:
    path = urlsplit(await put_avatar(await api.person(), picture())).path
    head = await api.anonymous.request("HEAD", path)
    assert (head.status, head.headers["Content-Type"]) == (200, "image/webp")
    assert (await api.anonymous.delete(path)).status == 405


def is_busy(answer: Answer) -> bool:
    if answer.status != 503:
        return False
    assert (answer.data["code"], answer.headers["Retry-After"]) == ("busy", "5")
    return True


async def test_of_one_user_a_few_uploads_wait_and_the_rest_are_told_to_come_again(api: Api) -> None:
    person, other = await api.person(), await api.person()
    asked = [person.patch("/api/users/me/", data=form(picture())) for _ in range(8)]
    answers = await asyncio.gather(*asked, other.patch("/api/users/me/", data=form(picture())))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [503] * 4
    assert answers[-1].status == 200
    assert all(is_busy(answer) for answer in answers if answer.status != 200)
    assert (await person.patch("/api/users/me/", data=form(picture()))).status == 200


@contextlib.asynccontextmanager
async def stalled(person: Person, size: int, address: str) -> AsyncIterator[None]:
    """Let the block run while an upload of so many bytes by `person` is under way, of which hardly any comes."""
    reader, writer = await asyncio.open_connection(person.api.client.host, person.api.client.port)
    head = (
        f"PATCH /api/users/me/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {person.token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {size}\r\n"
        f"X-Forwarded-For: {address}\r\n\r\n--x"
    )
    writer.write(head.encode())
    with pytest.raises(TimeoutError):  # no refusal
        await asyncio.wait_for(reader.read(1), 0.2)
    yield
    writer.close()
    await writer.wait_closed()


async def test_what_is_being_received_is_bounded_for_each_address_and_for_all(make_api: MakeApi) -> None:
    """By what the requests say of their length: none of it has been read."""
    api = await make_api(trusted_proxies=(ipaddress.ip_network("127.0.0.0/8"),))
    largest = 10 * 1024 * 1024
    person = await api.person()

    async def put(address: str, size: int = 0) -> Answer:
        return await person.patch(
            "/api/users/me/", data=form(picture() + bytes(size)), headers={"X-Forwarded-For": address}
        )

    async with contextlib.AsyncExitStack() as stack:
        for address in ("192.0.2.1", "192.0.2.2"):
            for _ in range(3):
                await stack.enter_async_context(stalled(await api.person(), largest, address))
            assert is_busy(await put(address, 3 * 1024 * 1024))
        assert (await put("192.0.2.1")).status == 200
        assert (await put("192.0.2.3", 3 * 1024 * 1024)).status == 200
        assert is_busy(await put("192.0.2.3", 5 * 1024 * 1024))
    async with asyncio.timeout(5):
        while is_busy(await put("192.0.2.1", 5 * 1024 * 1024)):
            await asyncio.sleep(0.05)


async def test_a_form_without_a_length_counts_as_a_large_one(api: Api) -> None:
    person = await api.person()

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(stalled(await api.person(), 10 * 1024 * 1024, ""))
        body = b'--x\r\nContent-Disposition: form-data; name="bio"\r\n\r\nHello\r\n--x--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert (await person.patch("/api/users/me/", data=body, headers=headers)).status == 200

        async def in_parts() -> AsyncIterator[bytes]:
            yield body

        assert is_busy(await person.patch("/api/users/me/", data=in_parts(), headers=headers))


async def test_many_small_uploads_of_one_address_leave_room_for_others(make_api: MakeApi) -> None:
    api = await make_api(trusted_proxies=(ipaddress.ip_network("127.0.0.0/8"),))
    person = await api.person()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(uploads.MAX_UPLOADS // 2):
            await stack.enter_async_context(stalled(await api.person(), 1000, "192.0.2.1"))
        headers = {"X-Forwarded-For": "192.0.2.1"}
        assert is_busy(await person.patch("/api/users/me/", data=form(picture()), headers=headers))
        headers = {"X-Forwarded-For": "192.0.2.2"}
        assert (await person.patch("/api/users/me/", data=form(picture()), headers=headers)).status == 200


async def test_a_picture_that_costs_too_much_is_bad_input_and_the_next_is_taken(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images._codec, "_limits", replace(images.LIMITS, cpu_seconds=0))
    person = await api.person()
    costly = b"\xff\xd8" + b"\xff" * 9_000_000
    refused = await person.patch("/api/users/me/", data=form(costly))
    assert (refused.status, refused.data["errors"]) == (400, {"avatar": [images._TOO_COSTLY]})
    assert (await person.patch("/api/users/me/", data=form(picture()))).status == 200
    assert len(files(api, "avatars")) == 1
