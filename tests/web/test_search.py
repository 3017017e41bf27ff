"""Search: every word begins a word, in any case and alphabet; nothing typed is an operator."""

import asyncio
import contextlib
import itertools
import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

import asyncpg
import pytest

from eventhub.database import Timeouts
from eventhub.services.listing import pages
from eventhub.settings import Settings
from eventhub.web import database_bounds
from tests.api import Api
from tests.rows import NOW, insert_event, insert_review, insert_users
from tests.web.test_errors import check_error
from tests.web.test_lists import walk

Form = Literal["NFC", "NFD"]

TITLES = {
    "node": "Node.js for beginners",
    "tags": "Web frameworks",
    "greek": "ΟΔΟΣ και Αθήνα",
    "small_greek": "\u039f δρόμος",
    "cyrillic": "Привет, МИР!",
    "german": "Große Übung in Köln",
    "turkish": "İstanbul Bulu\u015fmas\u0131",
    "quotes": "Rock'n'roll \"live\" & loud (50% off): C++ | C#",
    "french": "L'été à l'École",
    "japanese": "東京 パーティー",
    "under": "snake_case and kebab-case",
    "numbers": "Python 3.11 in 2026",
    "swiss": "Z\u00fcrich, Hauptstra\u00dfe",
    "polish": "\u0141\u00f3d\u017a smo\u0301rrebr\u00f8d",
    "developers": "\u6771\u4eac\u958b\u767a\u8005\u4f1a\u8b70",
    "mixed": "\u4eba\u6c17Rust\u52c9\u5f37\u4f1a",
    "kana": "\u30d7\u30ed\u30b0\u30e9\u30df\u30f3\u30b0\u5165\u9580",
    "korean": "\ud55c\uad6d\uac1c\ubc1c\uc790\ubaa8\uc784",
    "thai": "\u0e01\u0e32\u0e23\u0e1b\u0e23\u0e30\u0e0a\u0e38\u0e21\u0e27\u0e34\u0e0a\u0e32\u0e01\u0e32\u0e23",
    "chopped": "\u6771\u4eac\u958b \u4eac\u958b\u767a \u958b\u767a\u8005\u4f1a",
    "party": "\U0001f389Fiesta\u2764\ufe0f",
}
DETAILS = {
    "tags": {"tags": "python/django, http2"},
    "greek": {"description": "Ελληνικά μαθήματα"},
}

FINDS = {
    "js": "node",
    "node": "node",
    "NODE.JS": "node",
    "node js beg": "node",
    "ode": "",
    "node django": "",
    "django": "tags",
    "DJANGO python": "tags",
    "python/django": "tags",
    "python": "tags numbers",
    "http2": "tags",
    "οδος": "greek",
    "ΟΔΟΣ": "greek",
    "οδοσ": "greek",
    "αθήν": "greek",
    "ΕΛΛΗΝΙΚΆ": "greek",
    "ΔΡΌΜΟΣ": "small_greek",
    "δρόμος": "small_greek",
    "δρόμο": "small_greek",
    "мир": "cyrillic",
    "ПРИВ": "cyrillic",
    "übung": "german",
    "ÜBUNG köln": "german",
    "groß": "german",
    "İstanbul": "turkish",
    "istanbul": "turkish",
    "roll": "quotes",
    "rock'n'roll": "quotes",
    "'rock' & 'roll'": "quotes",
    "live": "quotes",
    "50%": "quotes",
    "école": "french",
    "l'été": "french",
    "東京": "japanese developers chopped",
    "case": "under",
    "snake_case": "under",
    "kebab-case": "under",
    "3.11": "numbers",
    "2026 3": "numbers",
    "python\ndjango": "tags",
    "node | django": "",
    "node & js": "node",
    "!node": "node",
    "no:*": "node",
    "(node": "node",
    "node)": "node",
    "node\\": "node",
    "node'": "node",
    'node"': "node",
    "node <-> js": "node",
    "node;--": "node",
    "$1 node": "",
    "zzz": "",
    "zurich": "swiss",
    "ZU\u0308RICH haupt": "swiss",
    "hauptstrasse": "swiss",
    "HAUPTSTRA\u1e9eE": "swiss",
    "strasse": "",
    "Z\u016brich": "swiss",
    "lodz smorrebrod": "polish",
    "\u0142odz": "polish",
    "ubung kolN": "german",
    "grosse": "german",
    "Bulu\u015fmas\u0131": "turkish",
    "bulusmasi": "turkish",
    "ecole ete": "french",
    "\u03b1\u03b8\u03b7\u03bd\u03b1": "greek",
    "\u4f1a\u8b70": "developers",
    "\u8b70": "developers",
    "\u958b\u767a \u6771\u4eac": "developers chopped",
    "\u6771\u4eac\u958b\u767a\u8005\u4f1a\u8b70": "developers",
    "\u6771\u4eac\u958b\u767a": "developers",
    "\u4eac\u958b\u767a\u8005": "developers",
    "\u8b70\u4f1a": "",
    "\u4eac\u6771": "",
    "rust": "mixed",
    "Rust\u52c9\u5f37": "mixed",
    "ust": "",
    "\u6c17rus": "mixed",
    "\uff72\uff9d\uff78\uff9e": "",
    "\uff90\uff9d\uff78\uff9e": "kana",
    "\u30df\u30f3\u30af": "",
    "\uac1c\ubc1c": "korean",
    "\uad6d": "korean",
    "\u1100\u116e\u11a8": "korean",
    "\u1100\u116e": "",
    "\u0e1b\u0e23\u0e30\u0e0a\u0e38\u0e21": "thai",
    "\u0e27\u0e34\u0e0a\u0e32": "thai",
    "\u0e23\u0e30\u0e23\u0e30": "",
    "fiesta": "party",
    "\U0001f389fiesta": "party",
}
EVERYTHING = (
    "",
    " ",
    "!",
    "&",
    "|",
    ":*",
    "'",
    "''",
    '"',
    "()",
    "\\",
    "\\'",
    "---",
    "_",
    "%",
    "…",
    "“”",
    "。",
)


async def test_every_word_begins_a_word_of_title_description_or_tags(api: Api) -> None:
    organizer = await api.person("organizer")
    made = {
        name: await insert_event(
            api.database, organizer.id, title=title, **{"description": "", **DETAILS.get(name, {})}
        )
        for name, title in TITLES.items()
    }
    paths = "/api/events/", f"/api/users/{organizer.id}/events_organized/"
    wrong = []
    for path in paths:
        for text, names in FINDS.items():
            answer = await organizer.get(f"{path}?search={quote(text)}&ordering=id&count=true")
            assert answer.status == 200, (text, answer.data)
            found = [event["id"] for event in answer.data]
            if found != [made[name] for name in names.split()] or answer.headers["X-Total-Count"] != str(
                len(found)
            ):
                wrong.append((text, [event["title"] for event in answer.data]))
        for text in EVERYTHING:
            answer = await organizer.get(f"{path}?search={quote(text)}")
            assert len(answer.data) == len(TITLES), text
    assert wrong == []


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
async def test_accents_are_found_however_they_are_encoded(api: Api, stored: Form, typed: Form) -> None:
    organizer, guest = await api.person("organizer"), await api.person()
    title = unicodedata.normalize(stored, "Zo\u00eb's evening")
    event = await organizer.create_event(title=title)
    assert event["title"] == "Zo\u00eb's evening"
    await guest.post("/api/reviews/", {"event": event["id"], "rating": 5, "title": "Fine", "review": "Fine"})
    for text in ("Zo\u00eb", "zo\u00eb eve", "ZO\u00cb"):
        word = quote(unicodedata.normalize(typed, text))
        for path in ("/api/events/", "/api/reviews/"):
            assert len((await api.anonymous.get(f"{path}?search={word}")).data) == 1


async def test_words_of_several_fields_are_one_text(api: Api) -> None:
    organizer = await api.person("organizer")
    event_id = await insert_event(
        api.database, organizer.id, title="Alpha", description="Beta", tags="gamma", location="Delta"
    )
    for text, is_found in (("alpha beta gamma", True), ("alpha delta", False), ("alphabeta", False)):
        answer = await api.anonymous.get(f"/api/events/?search={quote(text)}")
        assert [event["id"] for event in answer.data] == ([event_id] if is_found else [])


async def test_a_rare_word_is_found_behind_many_newer_events(api: Api) -> None:
    organizer = await api.person("organizer")
    rare = await insert_event(api.database, organizer.id, title="Zyzzyva talk")
    await api.database.execute(
        "INSERT INTO events (title, description, category, organizer_id, location, is_online, online_url, status, "
        "start_date, end_date, registration_deadline, max_attendees, price, tags, created_at, updated_at, "
        "published_at) "
        "SELECT 'Common talk', '', category, organizer_id, '', false, '', 'published', start_date + interval '1 day', "
        "end_date + interval '1 day', registration_deadline, 5, 0, '', now(), now(), now() FROM events, generate_series(1, 500)"
    )
    for query, expected in (("zyzzyva", 1), ("zyzzyva common", 0), ("talk", 50)):
        answer = await api.anonymous.get(f"/api/events/?search={quote(query)}")
        assert len(answer.data) == expected
    assert (await api.anonymous.get("/api/events/?search=zyz")).data[0]["id"] == rare
    seen = await _ids(api, "/api/events/?search=talk&page_size=200")
    assert len(seen) == len(set(seen)) == 501


async def test_reviews_are_searched_by_both_titles(api: Api) -> None:
    organizer = await api.person("organizer")
    first = await insert_event(api.database, organizer.id, title="Node.js ΟΔΟΣ")
    second = await insert_event(api.database, organizer.id, title="Gardening")
    one = await insert_review(api.database, first, organizer.id, title="Great", review="secret words")
    two = await insert_review(api.database, second, organizer.id, title="Node to self")
    for text, found in (
        ("js", [one]),
        ("NODE", [one, two]),
        ("node great", [one]),
        ("οδος", [one]),
        ("garden", [two]),
        ("secret", []),
        ("node | garden", [two]),
        ("'", [one, two]),
        ("", [one, two]),
    ):
        for path in ("/api/reviews/", f"/api/users/{organizer.id}/reviews/"):
            answer = await organizer.get(f"{path}?search={quote(text)}&ordering=id&count=true")
            assert [review["id"] for review in answer.data] == found, text
            assert answer.headers["X-Total-Count"] == str(len(found))


@pytest.mark.parametrize("looked_at_first", [1, 7])
async def test_a_search_of_reviews_pages_through_all_hits_in_every_ordering(
    api: Api, monkeypatch: pytest.MonkeyPatch, looked_at_first: int
) -> None:
    monkeypatch.setattr(pages, "LOOKED_AT_FIRST", looked_at_first)
    organizer = await api.person("organizer")
    events = [
        await insert_event(api.database, organizer.id, title=title)
        for title in ("Python evening", "Rust evening", "Garden")
    ]
    people = await insert_users(api.database, 12)
    for i, (event, person) in enumerate(itertools.product(events, people)):
        await insert_review(
            api.database,
            event,
            person,
            title=("Great", "Great garden", "Rusty, but python")[i * 7 % 3],
            rating=1 + i % 5,
            helpful_count=i % 4,
            created_at=NOW + timedelta(seconds=i // 2),
        )
    hidden = await insert_event(api.database, organizer.id, title="Python garden", status="draft")
    await insert_review(api.database, hidden, people[0], title="Great python")
    for ordering, which in itertools.product(
        ("-created_at", "rating", "-helpful_count,created_at"),
        ("", f"&rating=4&event={events[0]}"),
    ):
        path = f"/api/reviews/?ordering={ordering}{which}"
        everything = (await walk(api.anonymous, f"{path}&page_size=200"))[0]
        for text in ("python", "gard", "great evening", "python rust", "capybara"):
            expected = [review["id"] for review in everything if _has_words(review, text)]
            assert await _ids(api, f"{path}&page_size=4&search={quote(text)}") == expected, (path, text)
            answer = await api.anonymous.get(f"{path}&search={quote(text)}&count=true")
            assert answer.headers["X-Total-Count"] == str(len(expected)), (path, text)


async def test_the_longest_texts_are_taken_and_found_to_their_end(api: Api) -> None:
    organizer = await api.person("organizer")
    han = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(19_998))
    for last, text in (
        ("\u6700\u5f8c", f"{han}\u6700\u5f8c"),
        ("zyzzyva", "x" * 19_990 + " zyzzyva"),
        ("\u0e27\u0e34", "\u0e01" * 19_998 + "\u0e27\u0e34"),
        ("", "\u3316\u3315" * 10_000),
        ("", "\U0001f389" * 20_000),
    ):
        event = await organizer.create_event(description=text, tags=text[:500], title=text[:200])
        if last:
            answer = await api.anonymous.get(f"/api/events/?search={quote(last)}")
            assert [found["id"] for found in answer.data] == [event["id"]]


async def test_a_word_that_is_longer_than_a_lexeme_is_found_as_a_whole_and_paged_and_counted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    organizer = await api.person("organizer")
    reviewer = await api.person()
    true, false = "\u306f" * 5, "\u306f" * 4
    for title in (true, false) * 5:
        event = await insert_event(api.database, organizer.id, title=title)
        await insert_review(api.database, event, reviewer.id, title=false)
    for looked_at_first in (1, 400):
        monkeypatch.setattr(pages, "LOOKED_AT_FIRST", looked_at_first)
        for path in ("/api/events/", "/api/reviews/"):
            assert len(await _ids(api, f"{path}?search={quote(true)}&page_size=2")) == 5
            answer = await api.anonymous.get(f"{path}?search={quote(f'{true} {false}')}&count=true")
            assert (len(answer.data), answer.headers["X-Total-Count"]) == (5, "5")
            assert len(await _ids(api, f"{path}?search={quote(false)}&page_size=2")) == 10


async def test_a_search_of_more_than_12_words_is_refused_by_name(api: Api) -> None:
    for path in ("/api/events/", "/api/reviews/"):
        for count in ("", "&count=true"):
            assert (await api.anonymous.get(f"{path}?search={quote('a ' * 12)}{count}")).status == 200
            refused = await api.anonymous.get(f"{path}?search={quote('a ' * 13)}{count}")
            check_error(refused, 400, "invalid", "search")
            assert refused.data["errors"]["search"] == ["Must be at most 12 words."]


COSTLY = ("/api/reviews/?search=x", "/api/reviews/?count=true", "/api/users/{id}/reviews/?search=x")


@contextlib.asynccontextmanager
async def locked_reviews(url: str) -> AsyncIterator[None]:
    """While it lasts, whatever reads reviews takes for ever, as a costly read on a large table does."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE reviews IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def test_a_read_without_a_sign_in_and_every_search_end_in_time(
    make_api: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts = Timeouts(statement_seconds=0.5, lock_seconds=5, turn_seconds=5)
    monkeypatch.setattr(database_bounds, "PUBLIC", replace(database_bounds.PUBLIC, timeouts=timeouts))
    api: Api = await make_api()
    person = await api.person()
    async with locked_reviews(settings.database_url):
        for reader, path in ((api.anonymous, "/api/reviews/"), (person, COSTLY[2].format(id=person.id))):
            answer = await reader.get(path)
            check_error(answer, 503, "took_too_long")
            assert answer.headers["Retry-After"] == "5"
            assert "0.5 s" in answer.data["detail"]
        plain = asyncio.create_task(person.get("/api/reviews/"))
        await asyncio.sleep(0.7)
        assert not plain.done()
    assert (await plain).status == 200


async def test_a_flood_of_searches_and_counts_keeps_nobody_else_waiting(
    make_api: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_bounds, "PUBLIC", replace(database_bounds.PUBLIC, costly_in_line=8))
    api: Api = await make_api()
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    async with locked_reviews(settings.database_url):
        flood = [
            asyncio.create_task(reader.get(f"{path.format(id=person.id)}&x={n}"))
            for n in range(10)
            for path in COSTLY
            for reader in ((person,) if "users" in path else (api.anonymous, person))
        ]
        kept = database_bounds.PUBLIC.costly_at_once + database_bounds.PUBLIC.costly_in_line
        async with asyncio.timeout(database_bounds.PUBLIC.line_seconds - 0.5):
            while sum(task.done() for task in flood) < len(flood) - kept:
                await asyncio.sleep(0.01)
        refused = [task for task in flood if task.done()]
        assert len(refused) == len(flood) - kept
        for task in refused:
            check_error(task.result(), 503, "too_many_searches")
            assert task.result().headers["Retry-After"] == "5"
        for reader, path in (
            (api.anonymous, "/healthz/"),
            (api.anonymous, f"/api/events/{event['id']}/"),
            (api.anonymous, "/api/events/"),
            (person, "/api/users/me/"),
            (person, "/api/bookings/?count=true"),
        ):
            assert (await asyncio.wait_for(reader.get(path), 1)).status == 200
    codes = {answer.data["code"] for answer in await asyncio.gather(*flood) if answer.status == 503}
    assert codes <= {"took_too_long", "too_many_searches"}
    assert (await api.anonymous.get("/api/reviews/?search=x&count=true")).status == 200


async def test_many_searches_at_once_are_all_answered(api: Api) -> None:
    """Those that cost little are soon through, so a crowd is no flood."""
    organizer = await api.person("organizer")
    await organizer.create_event(title="Python evening")
    asked = [organizer.get(f"/api/events/?search=python&count=true&page_size={1 + n}") for n in range(100)]
    assert {(answer.status, len(answer.data)) for answer in await asyncio.gather(*asked)} == {(200, 1)}


async def _ids(api: Api, path: str) -> list[int]:
    return [row["id"] for page in await walk(api.anonymous, path) for row in page]


def _has_words(review: dict[str, Any], text: str) -> bool:
    words = re.split(r"\W+", f"{review['event_title']} {review['title']}".lower())
    return all(any(word.startswith(begin) for word in words) for begin in text.split())
