"""The feed of changes as a stream: what comes, to whom, from where, and when it ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from eventhub.database import Database
from eventhub.models.facts import FactType
from eventhub.services import facts
from eventhub.services.access import Viewer
from eventhub.services.facts import Scope
from eventhub.web import change_streams
from eventhub.web.change_streams import CHANGE_STREAMS, ChangeStreams, Reader
from tests.api import Api, Person
from tests.conftest import MakeApi
from tests.waiting import until
from tests.web.test_changes import forget, record


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_streams, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(change_streams, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(change_streams, "PING_SECONDS", 0.2)


class Stream:
    """An open stream, read as it comes: `seqs` of its changes, `last_id`, and whether it `ended`."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.changes: list[dict[str, Any]] = []
        self.blocks: list[str] = []
        self.last_id = ""
        self.ended = False
        self._reading = asyncio.create_task(self._read())

    @property
    def seqs(self) -> list[int]:
        return [change["seq"] for change in self.changes]

    async def _read(self) -> None:
        with contextlib.suppress(aiohttp.ClientError):
            block = ""
            async for line in self.response.content:
                block += line.decode()
                if block.endswith("\n\n"):
                    self._take(block)
                    block = ""
        self.ended = True

    def _take(self, block: str) -> None:
        self.blocks.append(block)
        for line in block.splitlines():
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_id = value
            if name == "data":
                self.changes.append(orjson.loads(value))
                assert self.last_id == str(self.changes[-1]["seq"])

    async def close(self) -> None:
        self._reading.cancel()
        self.response.close()


@contextlib.asynccontextmanager
async def following(person: Person, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    response = await person.api.client.get(
        f"/api/changes/stream/{query}", headers={"Authorization": f"Bearer {person.token}", **headers}
    )
    assert response.status == 200, await response.text()
    stream = Stream(response)
    try:
        await until(lambda: stream.blocks, "the stream begins")
        yield stream
    finally:
        await stream.close()


def streams_of(api: Api) -> ChangeStreams:
    app = api.client.app
    assert app is not None
    found: ChangeStreams = app[CHANGE_STREAMS]
    return found


async def happen(api: Api, person: Person, fact: FactType = FactType.REVIEW_CREATED) -> None:
    await record(api, fact, None, person.id)


async def test_a_stream_brings_what_happens_from_now_on_in_the_form_of_the_list(api: Api) -> None:
    person = await api.person()
    await happen(api, person)
    async with following(person) as stream:
        assert stream.blocks == ["retry: 1000\nid: 1\n\n"]
        await happen(api, person)
        await until(lambda: stream.changes, "the change comes")
        assert stream.changes == (await person.get("/api/changes/?after=1")).data
        head = stream.response.headers
        assert head["Content-Type"] == "text/event-stream"
        assert head["Cache-Control"] == "no-store, no-transform"
        assert head["X-Accel-Buffering"] == "no"
        assert head["X-Content-Type-Options"] == "nosniff"
        assert head["X-Request-ID"]
        assert "Content-Encoding" not in head


async def test_everybody_gets_what_they_may_see_by_one_look_for_all(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyer, organizer, admin = [await api.person(kind) for kind in ("attendee", "organizer", "admin")]
    event = (await organizer.create_event())["id"]
    start = await facts.number_all(api.database) and await facts.last_number(api.database)
    looks = 0
    original = facts.read_numbered

    async def counted(*args: Any, **options: Any) -> Any:
        nonlocal looks
        looks += 1
        return await original(*args, **options)

    monkeypatch.setattr(facts, "read_numbered", counted)
    queries = {"own": "", "event": f"?event={event}", "organized": "?organized=true", "all": "?all=true"}
    readers = {"own": buyer, "event": organizer, "organized": organizer, "all": admin}
    async with contextlib.AsyncExitStack() as stack:
        open_streams = {
            name: await stack.enter_async_context(following(readers[name], query))
            for name, query in queries.items()
        }
        typed = await stack.enter_async_context(following(admin, "?all=true&types=booking.created"))
        more = [await stack.enter_async_context(following(buyer)) for _ in range(5)]
        await record(api, FactType.BOOKING_CREATED, event, buyer.id, booking=1)
        await record(api, FactType.EVENT_UPDATED, event, None)
        await record(api, FactType.REVIEW_CREATED, None, admin.id)
        first = int(start) + 1
        await until(lambda: len(open_streams["all"].changes) == 3, "everything has come")
        await until(lambda: typed.last_id == str(first + 2), "a ping says how far it is")
        assert open_streams["all"].seqs == [first, first + 1, first + 2]
        assert open_streams["own"].seqs == [first]
        assert open_streams["event"].seqs == open_streams["organized"].seqs == [first, first + 1]
        assert typed.seqs == [first]
        assert [stream.seqs for stream in more] == [[first]] * 5
        looks = 0
        await asyncio.sleep(0.5)
        assert 3 <= looks <= 11, "one look in LOOK_SECONDS, whoever follows"


async def test_who_comes_back_misses_nothing_and_gets_nothing_twice(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_streams, "PAGE_SIZE", 3)
    person, other = await api.person(), await api.person()
    async with following(other):  # so that others have come further
        for _ in range(10):
            await happen(api, person)
        async with following(person, "?after=2") as stream:
            await happen(api, person)
            await until(lambda: len(stream.changes) >= 9, "all have come")
        async with following(person, "?after=1", **{"Last-Event-ID": "8"}) as again:
            await until(lambda: len(again.changes) >= 3, "the rest has come")
            await happen(api, person)
            await until(lambda: len(again.changes) >= 4, "and what is new")
    assert stream.seqs == list(range(3, 12))
    assert again.seqs == [9, 10, 11, 12]


async def test_what_others_got_while_one_caught_up_is_caught_up_with(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last page of one's own and the common look, others come further: there is another page then."""
    person, admin = await api.person(), await api.person("admin")
    original, pages = facts.read, 0
    async with following(admin, "?all=true") as others:

        async def read(*args: Any, **options: Any) -> Any:
            nonlocal pages
            page = await original(*args, **options)
            if options["limit"] == change_streams.PAGE_SIZE and pages < 3:
                pages += 1
                await happen(api, person)
                await until(lambda: len(others.changes) == pages + 1, "others have it")
            return page

        await happen(api, person)
        monkeypatch.setattr(facts, "read", read)
        async with following(person, "?after=0") as stream:
            await until(lambda: len(stream.changes) == 4, "all have come", 3)
            await happen(api, person)
            await until(lambda: len(stream.changes) == 5, "and what is new", 3)
    assert stream.seqs == [1, 2, 3, 4, 5]


async def test_a_look_under_way_skips_nothing_of_who_begins_behind_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others have left meanwhile: now the common place is that of the one who has just caught up, further back."""
    person, admin = await api.person(), await api.person("admin")
    read, read_numbered = facts.read, facts.read_numbered
    has_read, may_join, has_looked, may_hand_on = [asyncio.Event() for _ in range(4)]

    async def slow_read(*args: Any, **options: Any) -> Any:
        page = await read(*args, **options)
        if options["limit"] == change_streams.PAGE_SIZE:
            has_read.set()
            await may_join.wait()
        return page

    async def slow_look(*args: Any, **options: Any) -> Any:
        rows = await read_numbered(*args, **options)
        if rows and len(others.changes) == 1:
            has_looked.set()
            await may_hand_on.wait()
        return rows

    async with following(admin, "?all=true") as others:
        monkeypatch.setattr(facts, "read", slow_read)
        monkeypatch.setattr(facts, "read_numbered", slow_look)
        async with following(person, "?after=0") as stream:
            await asyncio.wait_for(has_read.wait(), 3)
            await happen(api, person)
            await until(lambda: len(others.changes) == 1, "others have it")
            await happen(api, person)
            await asyncio.wait_for(has_looked.wait(), 3)
            await others.close()
            await until(lambda: not streams_of(api)._following, "others have left")
            may_join.set()
            await until(lambda: streams_of(api)._following, "the last one is alone")
            may_hand_on.set()
            await until(lambda: len(stream.changes) >= 2, "all have come", 3)
            assert stream.seqs == [1, 2]


async def test_a_number_that_is_none_or_is_gone_is_refused_before_the_stream_begins(api: Api) -> None:
    person = await api.person()
    for _ in range(3):
        await happen(api, person)
    for last, allowed in (
        ("x", "from 0 to"),
        ("-1", "from 0 to"),
        ("99", "at most 3"),
        ("9" * 30, "from 0 to"),
    ):
        answer = await person.get("/api/changes/stream/", headers={"Last-Event-ID": last})
        assert answer.status == 400
        assert allowed in str(answer.data["errors"])
    await forget(api, 2)
    answer = await person.get("/api/changes/stream/", headers={"Last-Event-ID": "1"})
    assert (answer.status, answer.data["code"]) == (410, "cursor_expired")


async def test_silence_is_broken_by_pings_that_say_how_far_all_is_known(api: Api) -> None:
    person, other = await api.person(), await api.person()
    async with following(person) as stream:
        await happen(api, other)
        await until(lambda: ": ping\nid: 1\n\n" in stream.blocks, "a ping comes")
        assert stream.changes == []


async def test_a_head_is_answered_and_opens_nothing(api: Api) -> None:
    person = await api.person()
    answer = await person.request("HEAD", "/api/changes/stream/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
    assert streams_of(api).number == 0


@pytest.mark.parametrize("how", ["logout", "deactivated"])
async def test_a_stream_ends_with_the_sign_in(api: Api, how: str) -> None:
    person, admin = await api.person(), await api.person("admin")
    async with following(person) as stream, following(admin, "?all=true") as other:
        if how == "logout":
            await person.post("/api/auth/logout/", {"refresh": person.refresh})
        else:
            await admin.patch(f"/api/users/{person.id}/", {"is_active": False})
        await until(lambda: stream.ended, "the stream ends")
        assert not other.ended


async def test_a_stream_ends_when_its_token_expires(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = await make_api(access_ttl_seconds=60)
    person = await api.person()
    async with following(person) as stream:
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 65)
        await asyncio.sleep(0.2)
        assert not stream.ended, "clocks may differ by ten seconds"
        monkeypatch.setattr(time, "time", lambda: now + 71)
        await until(lambda: stream.ended, "the stream ends")


async def test_a_stream_ends_with_the_right_to_see_it(api: Api) -> None:
    organizer, rival, admin, boss = [
        await api.person(kind) for kind in ("organizer", "organizer", "admin", "admin")
    ]
    event = (await organizer.create_event())["id"]
    async with (
        following(organizer, f"?event={event}") as of_event,
        following(organizer, "?organized=true") as organized,
        following(admin, "?all=true") as everything,
        following(organizer) as own,
    ):
        assert (await boss.post(f"/api/events/{event}/hand_over/", {"organizer": rival.id})).status == 200
        await until(lambda: of_event.ended, "the event is another's")
        assert not organized.ended
        await boss.patch(f"/api/users/{organizer.id}/", {"user_type": "attendee"})
        await boss.patch(f"/api/users/{admin.id}/", {"user_type": "attendee"})
        await until(lambda: organized.ended and everything.ended, "their readers may not see it any more")
        assert not own.ended


async def test_a_user_has_a_bounded_number_of_streams(api: Api) -> None:
    person, other = await api.person(), await api.person()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(change_streams.STREAMS_PER_USER):
            await stack.enter_async_context(following(person))
        refused = await person.get("/api/changes/stream/")
        assert (refused.status, refused.data["code"]) == (409, "too_many_streams")
        async with following(other):
            pass
    await until(lambda: streams_of(api).number == 0, "those who left are forgotten")
    async with following(person):
        pass


async def test_who_opens_streams_all_at_once_has_no_more_of_them(api: Api) -> None:
    person = await api.person()
    url, headers = "/api/changes/stream/", {"Authorization": f"Bearer {person.token}"}
    answers = await asyncio.gather(*(api.client.get(url, headers=headers) for _ in range(40)))
    try:
        assert sorted(answer.status for answer in answers) == [200] * 10 + [409] * 30
    finally:
        for answer in answers:
            answer.close()


async def test_a_stream_whose_client_is_gone_before_it_begins_keeps_no_place(api: Api) -> None:
    streams = streams_of(api)
    parts = streams.follow(Reader(Viewer(1), Scope(), None, 0, 0.0))
    assert streams.number == 1
    del parts
    assert streams.number == 0


async def test_a_process_has_a_bounded_number_of_streams(make_api: MakeApi) -> None:
    api = await make_api(web_connections=2)
    person, other = await api.person(), await api.person()
    async with following(person):
        refused = await other.get("/api/changes/stream/")
        assert (refused.status, refused.data["code"]) == (503, "too_many_streams")
        assert refused.headers["Retry-After"]


async def test_who_does_not_keep_up_is_let_go(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be sent is bounded; who comes back with the last number gets the rest."""
    monkeypatch.setattr(change_streams, "MAX_WAITING", 5)
    person = await api.person()
    async with following(person) as stream:
        async with api.database.transaction() as tx:
            for _ in range(20):
                tx.record(FactType.REVIEW_CREATED, None, person.id)
        await facts.number_all(api.database)
        await until(lambda: stream.ended, "the stream ends")
    async with following(person, **{"Last-Event-ID": stream.last_id}) as again:
        await until(lambda: len(stream.changes) + len(again.changes) == 20, "the rest comes")
    assert stream.seqs + again.seqs == list(range(1, 21))


async def test_a_database_that_is_away_for_a_while_ends_no_stream(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await api.person()
    await happen(api, person)
    original, away = Database.fetch, True

    async def fetch(self: Database, sql: str, *args: object) -> Any:
        if away:
            raise ConnectionError("away")
        return await original(self, sql, *args)

    async with following(person) as stream:
        await happen(api, person)
        await until(lambda: stream.seqs == [2], "the change comes")
        monkeypatch.setattr(Database, "fetch", fetch)
        await asyncio.sleep(0.3)
        away = False
        await happen(api, person)
        await until(lambda: stream.seqs == [2, 3], "what has come meanwhile follows")
        assert not stream.ended


async def test_streams_end_at_once_when_the_server_stops(api: Api) -> None:
    person = await api.person()
    async with following(person) as stream:
        await api.client.server.runner.shutdown()  # type: ignore[union-attr]
        await until(lambda: stream.ended, "the stream ends", 2)
