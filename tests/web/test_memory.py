"""What a web process remembers is bounded, and goes once it is of no use."""

import time

import pytest

from eventhub.services import auth
from eventhub.settings import Settings
from eventhub.web.call import CACHE, SIGN_INS
from eventhub.web.http import cache
from eventhub.web.rate_limits.counters import Counter, Counters
from tests.api import Api
from tests.rows import insert_event


async def test_copies_go_when_they_are_too_old_to_be_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    event_id = await insert_event(api.database, (await api.person("organizer")).id)
    copies = api.client.app[CACHE]
    for _ in range(2):
        await api.anonymous.get(f"/api/events/{event_id}/")
    copies.drop_spent()
    assert (len(copies._copies), copies._bytes > cache.COPY_BYTES) == (1, True)
    in_a_second = time.monotonic() + cache.MAX_AGE_SECONDS
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: in_a_second)
        copies.drop_spent()
    assert (len(copies._copies), copies._bytes) == (0, 0)


async def test_sign_ins_go_when_they_are_to_be_asked_for_anew(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = api.client.app[SIGN_INS]
    people = [await api.person() for _ in range(3)]
    known.drop_spent()
    assert set(known._known) == {person.token for person in people}
    later = time.monotonic() + auth.REMEMBERED_SECONDS
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: later)
        known.drop_spent()
    assert len(known._known) == 0


async def test_counters_go_with_their_window(settings: Settings) -> None:
    counters = Counters(settings.redis_url)
    counters.count([Counter("LIMITS:day", 100, 86_400)])
    counters.count([Counter("LIMITS:second", 100, 0)])
    counters.drop_spent()
    assert list(counters._known) == ["LIMITS:day"]
    assert counters.count([Counter("LIMITS:day", 100, 86_400)]).each[0].count == 2
    await counters.close()


async def test_what_is_asked_for_once_is_not_kept_and_what_is_asked_for_is_remembered_for_a_while(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = api.client.app[CACHE]
    monkeypatch.setattr(cache, "MAX_ASKED", 3)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for x in ("a", "b", "c", "d", "d"):
        await api.anonymous.get(f"/api/events/?page_size=1&x={x}")
    assert len(copies._copies) == 0  # "d" was one too many to be remembered
    now += 1.2  # in the second after it
    for x in ("a", "e"):
        await api.anonymous.get(f"/api/events/?page_size=1&x={x}")
    assert [key[2][-1] for key in copies._copies] == ["a"]
    now += 2.5
    for x in ("b", "e"):
        await api.anonymous.get(f"/api/events/?page_size=1&x={x}")
    assert not any(key[2][-1] in {"b", "e"} for key in copies._copies)
