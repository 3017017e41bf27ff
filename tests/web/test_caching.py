"""ETags, 304s, HEAD, and who may be answered from a copy."""

import asyncio
import time

import asyncpg
import pytest

from eventhub.settings import Settings
from eventhub.web.http import cache
from tests.api import Api
from tests.rows import insert_event
from tests.web.test_lists import LISTS


@pytest.fixture(autouse=True)
def _all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep also what nobody has asked for before: so each first answer here is a copy for the next."""
    monkeypatch.setattr(cache.AnonymousCache, "_is_asked_again", lambda *_: True)


PUBLIC = [route for route in LISTS if route.is_public]


async def title(api: Api, event_id: int, text: str) -> None:
    await api.database.execute("UPDATE events SET title = $2 WHERE id = $1", event_id, text)


async def test_a_known_etag_is_answered_without_a_body(api: Api) -> None:
    person = await api.person("organizer")
    event_id = await insert_event(api.database, person.id)
    paths = [
        "/api/events/",
        f"/api/events/{event_id}/",
        f"/api/events/{event_id}/statistics/",
        "/api/users/",
        f"/api/users/{person.id}/",
    ]
    for path in [*paths, "/api/sessions/", "/api/reviews/", f"/api/events/{event_id}/attendees/"]:
        for reader, control in ((api.anonymous, "public, max-age=0"), (person, "private, no-cache")):
            full = await reader.get(path)
            tag = full.headers["ETag"]
            assert tag.startswith('"')
            assert full.headers["Vary"] == "Authorization"
            assert full.headers["Cache-Control"] == control
            for known in (tag, f"W/{tag}", f'"other", {tag}', f'W/"x",W/{tag}', "*", f" {tag} "):
                answer = await reader.get(path, headers={"If-None-Match": known})
                assert (answer.status, answer.text) == (304, "")
                assert (answer.headers["ETag"], answer.headers["Vary"]) == (tag, "Authorization")
                assert answer.headers["Cache-Control"] == control
            for known in ("", '"other"', tag.strip('"'), 'W/"x"'):
                answer = await reader.get(path, headers={"If-None-Match": known})
                assert (answer.status, answer.data) == (200, full.data)


async def test_the_etag_is_of_the_bytes(api: Api) -> None:
    person = await api.person("organizer")
    event_id = await insert_event(api.database, person.id)
    path = f"/api/events/{event_id}/"
    before = (await person.get(path)).headers["ETag"]
    assert (await person.get(path)).headers["ETag"] == before
    await title(api, event_id, "New")
    after = await person.get(path, headers={"If-None-Match": before})
    assert after.status == 200
    assert after.headers["ETag"] != before


async def test_head_is_get_without_the_body(api: Api) -> None:
    person = await api.person("organizer")
    event_id = await insert_event(api.database, person.id)
    await insert_event(api.database, person.id)
    for reader in (api.anonymous, person):
        for path in ("/api/events/?page_size=1&count=true", f"/api/events/{event_id}/", "/api/users/"):
            for first, second in (("GET", "HEAD"), ("HEAD", "GET")):
                one, two = await reader.request(first, path), await reader.request(second, path)
                assert (one.status, two.status) == (200, 200)
                assert "" in {one.text, two.text}
                for name in ("ETag", "Content-Length", "Content-Type", "Link", "X-Total-Count", "Vary"):
                    assert one.headers.get(name) == two.headers.get(name)
    assert (await person.request("HEAD", "/api/bookings/")).status == 200
    assert (await api.anonymous.request("HEAD", "/api/bookings/")).status == 401
    assert (await api.anonymous.request("HEAD", "/api/events/999/")).status == 404


async def test_anonymous_readers_get_copies_at_most_a_second_old(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await api.person("organizer")
    event_id = await insert_event(api.database, person.id, title="Old")
    path = f"/api/events/{event_id}/"
    assert (await api.anonymous.get(path)).data["title"] == "Old"
    await title(api, event_id, "New")
    assert (await person.get(path)).data["title"] == "New", "who signed in sees the last commit"
    assert cache.MAX_AGE_SECONDS <= 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + cache.MAX_AGE_SECONDS)
    assert (await api.anonymous.get(path)).data["title"] == "New"


async def test_what_the_signed_in_see_is_never_copied_to_others(api: Api) -> None:
    person = await api.person("organizer")
    event_id = await insert_event(api.database, person.id, online_url="https://example.com/secret")
    draft = await insert_event(api.database, person.id, status="draft")
    for path in (f"/api/events/{event_id}/", "/api/events/", "/api/users/", f"/api/users/{person.id}/"):
        own = await person.get(path)
        public = await api.anonymous.get(path)
        again = await person.get(path)
        assert own.data == again.data
        assert own.data != public.data
        assert "secret" not in public.text
        assert person.user["email"] not in public.text
    assert (await person.get(f"/api/events/{draft}/")).status == 200
    assert (await api.anonymous.get(f"/api/events/{draft}/")).status == 404


async def test_copies_are_by_query_and_host(api: Api) -> None:
    person = await api.person("organizer")
    for _ in range(2):
        await insert_event(api.database, person.id)
    lengths = [len((await api.anonymous.get(f"/api/events/?page_size={size}")).data) for size in (1, 2, 1)]
    assert lengths == [1, 2, 1]
    for host in ("a.example", "b.example"):
        answer = await api.anonymous.get("/api/events/?page_size=1", headers={"Host": host})
        assert f"//{host}/" in answer.headers["Link"]


async def test_errors_and_private_answers_are_not_stored(api: Api) -> None:
    person = await api.person("organizer")
    assert (await api.anonymous.get("/api/events/1/")).status == 404
    event_id = await insert_event(api.database, person.id)
    assert (await api.anonymous.get(f"/api/events/{event_id}/")).status == 200
    private = await person.get("/api/users/me/")
    assert private.headers["Cache-Control"] == "no-store"
    assert "ETag" not in private.headers


async def test_the_copies_are_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = api.client.app[cache_key()]
    await twice(api, "0")
    limit = 3 * copies._bytes
    monkeypatch.setattr(cache, "MAX_BYTES", limit)
    monkeypatch.setattr(cache, "MAX_AGE_SECONDS", 60)
    for number in range(1, 10):
        await twice(api, str(number))
        assert len(copies._copies) <= 3
        assert copies._bytes <= limit
    assert [key[2][-1] for key in copies._copies] == ["7", "8", "9"]
    await twice(api, "9")
    assert len(copies._copies) == 3
    monkeypatch.setattr(cache, "MAX_BODY_BYTES", 1)
    await twice(api, "large")
    assert not any("large" in key[2] for key in copies._copies)


async def test_the_age_of_a_copy_counts_from_before_the_database_was_asked(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_AGE_SECONDS", 0.6)
    person = await api.person("organizer")
    event_id = await insert_event(api.database, person.id, title="Old")
    path = f"/api/events/{event_id}/"
    other = await asyncpg.connect(settings.database_url)
    async with other.transaction():
        await other.execute("LOCK TABLE events")
        reading = asyncio.create_task(api.anonymous.get(path))
        await asyncio.sleep(0.4)
    assert (await reading).data["title"] == "Old"
    await other.close()
    await title(api, event_id, "New")
    await asyncio.sleep(0.25)
    assert (await api.anonymous.get(path)).data["title"] == "New"


async def test_copies_that_stopped_being_good_make_room(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_AGE_SECONDS", 0.2)
    copies = api.client.app[cache_key()]
    for number in range(3):
        await twice(api, str(number))
    await asyncio.sleep(0.3)
    await twice(api, "new")
    assert [key[2][-3:] for key in copies._copies] == ["new"]
    assert copies._bytes == sum(cache._size(*item) for item in copies._copies.items())


async def twice(api: Api, x: str) -> None:
    for _ in range(2):
        await api.anonymous.get(f"/api/events/?page_size=1&x={x}")


def cache_key() -> object:
    from eventhub.web.call import CACHE  # noqa: PLC0415 - named here alone

    return CACHE
