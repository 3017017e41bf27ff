"""Readers who ask at the same moment share a statement, and each reads what is theirs to read."""

import asyncio
from collections import Counter

import pytest

from eventhub.database import PooledQueries, Row
from eventhub.database.gathered import Gathered
from eventhub.services import auth
from eventhub.services.events import reads
from eventhub.services.tokens import TokenSigner
from eventhub.web.call import SIGN_INS
from tests.api import Answer, Api, Person


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each statement has run; what is asked for within a moment counts as asked for at once."""
    counts: Counter[str] = Counter()
    fetch, leave = PooledQueries.fetch, Gathered._leave

    async def count(queries: PooledQueries, sql: str, *args: object) -> list[Row]:
        counts[sql] += 1
        return await fetch(queries, sql, *args)

    monkeypatch.setattr(PooledQueries, "fetch", count)
    monkeypatch.setattr(
        Gathered, "_leave", lambda *all: asyncio.get_running_loop().call_later(0.3, leave, *all)
    )
    return counts


async def _ask(asked: list[tuple[Person, str]]) -> list[Answer]:
    return list(await asyncio.gather(*(reader.get(path) for reader, path in asked)))


async def test_each_reader_gets_their_own_event_with_their_own_rights(
    api: Api, statements: Counter[str]
) -> None:
    organizer, attendee, other = await api.person("organizer"), await api.person(), await api.person()
    admin = await api.person("admin")
    url, room = "https://meet.example.com/secret", "https://meet.example.com/room"
    public = [await organizer.create_event(online_url=url, title=f"Event {n}") for n in range(3)]
    draft = await organizer.create_event(publish=False, online_url=url)
    start = {"start_time": public[0]["start_date"], "end_time": public[0]["end_date"]}
    session = {"event": public[0]["id"], "title": "Talk", "description": "", **start}
    made = await organizer.post("/api/sessions/", {**session, "speaker": other.id, "room_or_link": room})
    assert made.status == 201, made.data
    booking = (await attendee.post("/api/bookings/", {"event": public[0]["id"]})).data
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    statements.clear()

    readers = [api.anonymous, organizer, attendee, other, admin]
    asked = [(reader, event) for event in (*public, draft) for reader in readers]
    answers = await _ask([(reader, f"/api/events/{event['id']}/") for reader, event in asked])
    sees_links = {(event["id"], reader) for event in (*public, draft) for reader in (organizer, admin)} | {
        (public[0]["id"], attendee)
    }
    for (reader, event), answer in zip(asked, answers, strict=True):
        if event is draft and reader not in (organizer, admin):
            assert answer.status == 404
            continue
        assert (answer.status, answer.data["id"], answer.data["title"]) == (200, event["id"], event["title"])
        is_told = (event["id"], reader) in sees_links
        assert answer.data["online_url"] == (url if is_told else "")
        assert [each["room_or_link"] for each in answer.data["sessions"]] == (
            [room if is_told or reader is other else ""] if event is public[0] else []
        )
    assert statements[reads._DETAILS] == statements[reads._PUBLIC_DETAILS] == 1


async def test_statistics_are_read_together_and_a_draft_s_by_those_alone_who_see_it(
    api: Api, statements: Counter[str]
) -> None:
    organizer, other = await api.person("organizer"), await api.person("organizer")
    public = [await organizer.create_event(max_attendees=n) for n in (10, 20)]
    draft = await organizer.create_event(publish=False, max_attendees=30)
    statements.clear()
    asked = [(reader, event) for event in (*public, draft) for reader in (api.anonymous, organizer, other)]
    answers = await _ask([(reader, f"/api/events/{event['id']}/statistics/") for reader, event in asked])
    seats = [answer.data["available_spots"] if answer.status == 200 else answer.status for answer in answers]
    assert seats == [10, 10, 10, 20, 20, 20, 404, 30, 404]
    assert "asked" not in answers[0].data
    assert statements[reads._STATISTICS_OF] == statements[reads._PUBLIC_STATISTICS] == 1


async def test_sign_ins_are_looked_up_together_and_each_is_its_own_users(
    api: Api, statements: Counter[str]
) -> None:
    settings = api.resources.settings
    signer = TokenSigner(settings.secret_keys, settings.access_ttl_seconds, settings.refresh_ttl_seconds)
    first, second, ended = [await api.person() for _ in range(3)]
    assert (await ended.post("/api/auth/logout/", {"refresh": ended.refresh})).status < 300
    assert first.token is not None
    of_first = signer.read(first.token, "access").sign_in_id
    forged = Person(api, signer.sign("access", second.id, of_first))
    api.client.app[SIGN_INS]._known.clear()
    statements.clear()
    answers = await _ask([(reader, "/api/users/me/") for reader in (first, second, ended, forged, first)])
    assert [answer.status for answer in answers] == [200, 200, 401, 401, 200]
    assert [answer.data["id"] for answer in answers if answer.status == 200] == [
        first.id,
        second.id,
        first.id,
    ]
    assert statements[auth._ARE_OPEN] == 1
