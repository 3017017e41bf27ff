"""Lists over HTTP: pages by keyset, orderings, filters, totals, and what is refused."""

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import pytest

from eventhub.errors import Invalid
from eventhub.services.listing import Listing, parse_request
from eventhub.web import call
from eventhub.web.routes import ROUTES
from tests.api import Api, Person
from tests.rows import NOW, insert, insert_event, insert_notification, insert_review, insert_users
from tests.web.listed import World, insert_users_from
from tests.web.test_errors import check_error

COUNT = 5


@pytest.fixture
async def world(api: Api) -> World:
    made = World(api, await api.person("admin"))
    await made.more(COUNT)
    return made


LISTS = [route for route in ROUTES if route.listing is not None]


def paths(world: World) -> list[tuple[str, Listing]]:
    """Return the path of each list, and of those that differ by `?event=`."""
    found: list[tuple[str, Listing]] = []
    for route in LISTS:
        assert route.listing is not None
        number = world.event_id if route.path.startswith("/api/events") else world.admin.id
        path = route.path.replace("{id}", str(number))
        found.append((path, route.listing))
        if route.path in {"/api/bookings/", "/api/waitlist/"}:
            found.append((f"{path}?event={world.event_id}", route.listing))
        if route.path in {"/api/events/", "/api/users/{id}/events_organized/"}:
            found.append((f"{path}?search=findable", route.listing))
    return found


async def walk(reader: Person, path: str) -> list[list[dict[str, Any]]]:
    """Return all pages from `path` on, following the Link headers as printed."""
    pages = []
    following: str | None = path
    while following is not None:
        answer = await reader.get(following)
        assert answer.status == 200, (following, answer.data)
        pages.append(answer.data)
        following = next_path(answer.headers.get("Link"))
        assert len(pages) < 50
    return pages


def next_path(link: str | None) -> str | None:
    if link is None:
        return None
    assert link.startswith("<http://127.0.0.1:")
    assert link.endswith('>; rel="next"')
    url = urlsplit(link[1:].partition(">")[0])
    return f"{url.path}?{url.query}"


def orderings(listing: Listing) -> list[str]:
    """Return the default and every field up and down, and pairs that go the same and opposite ways."""
    names = list(listing.orderings)
    single = [f"{sign}{name}" for name in names for sign in ("", "-")]
    pairs = [f"{first},{sign}{names[0]}" for first in (names[-2], f"-{names[-2]}") for sign in ("", "-")]
    return ["", *single, *pairs]


async def test_pages_hold_each_row_once_in_every_ordering(world: World) -> None:
    for path, listing in paths(world):
        everything = await world.admin.get(path)
        ids = sorted(row["id"] for row in everything.data)
        assert len(ids) >= COUNT, path
        for ordering in orderings(listing):
            sign = "&" if "?" in path else "?"
            query = f"{path}{sign}page_size=2" + (f"&ordering={ordering}" if ordering else "")
            pages = await walk(world.admin, query)
            assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1), query
            assert sorted(row["id"] for page in pages for row in page) == ids, query
            whole = await world.admin.get(query.replace("page_size=2", "page_size=200"))
            assert [row for page in pages for row in page] == whole.data, query
            assert "Link" not in whole.headers


async def test_rows_inserted_meanwhile_repeat_and_lose_none(world: World) -> None:
    for path, listing in paths(world):
        if "waitlist" in path:
            continue  # below: positions move
        sign = "&" if "?" in path else "?"
        for ordering in (listing.default_ordering, "id", "-id"):
            before = {row["id"] for row in (await world.admin.get(path)).data}
            first = await world.admin.get(f"{path}{sign}page_size=2&ordering={ordering}")
            await world.more()
            following = next_path(first.headers.get("Link"))
            assert following is not None
            rest = await walk(world.admin, following)
            seen = [row["id"] for page in [first.data, *rest] for row in page]
            assert len(seen) == len(set(seen)), path
            assert before <= set(seen), path


async def test_a_line_that_moves_up_between_pages_loses_nobody(world: World) -> None:
    path = f"/api/waitlist/?event={world.event_id}"
    waiting = [row["id"] for row in (await world.admin.get(path)).data]
    first = await world.admin.get(f"{path}&page_size=2")
    assert [row["id"] for row in first.data] == waiting[:2]
    await world.api.database.execute(
        "UPDATE waitlist_entries SET status = 'left' WHERE id = ANY($1::bigint[])", waiting[:2]
    )
    following = next_path(first.headers.get("Link"))
    assert following is not None
    seen = [row["id"] for page in await walk(world.admin, following) for row in page]
    assert set(waiting[2:]) <= set(seen)


async def test_page_size_is_1_to_200(world: World) -> None:
    await insert_users_from(world, 210)
    for given, rows in (("1", 1), ("200", 200), ("50", 50)):
        assert len((await world.admin.get(f"/api/users/?page_size={given}")).data) == rows
    assert len((await world.admin.get("/api/users/")).data) == 50
    for path, _ in paths(world):
        sign = "&" if "?" in path else "?"
        for bad in ("0", "201", "-1", "1.5", "x", "", "٣", "1e2", "9" * 30, "%00", "1%20"):
            answer = await world.admin.get(f"{path}{sign}page_size={bad}")
            check_error(answer, 400, "invalid", "page_size")
            assert "200" in answer.data["errors"]["page_size"][0]


async def test_totals_are_counted_where_asked_for(world: World) -> None:
    for path, _ in paths(world):
        sign = "&" if "?" in path else "?"
        total = str(len((await world.admin.get(path)).data))
        for query in ("count=true", "count=True&page_size=2", "count=true&page_size=2&ordering=-id"):
            answer = await world.admin.get(f"{path}{sign}{query}")
            assert answer.headers["X-Total-Count"] == total, path
        following = next_path(answer.headers.get("Link"))
        assert following is not None
        assert (await world.admin.get(following)).headers["X-Total-Count"] == total
        for query in ("", f"{sign}count=false"):
            assert "X-Total-Count" not in (await world.admin.get(path + query)).headers
        check_error(await world.admin.get(f"{path}{sign}count=yes"), 400, "invalid", "count")


async def test_a_bad_ordering_is_told_the_fields(world: World) -> None:
    for path, listing in paths(world):
        sign = "&" if "?" in path else "?"
        for bad in (
            "nonsense",
            "-",
            "",
            "--id",
            "id,nonsense",
            "id;drop table users",
            "password_hash",
            "%00",
            "é",
        ):
            answer = await world.admin.get(f"{path}{sign}ordering={quote(bad, safe='%')}")
            check_error(answer, 400, "invalid", "ordering")
            assert all(name in answer.data["errors"]["ordering"][0] for name in listing.orderings)


DOCUMENTED = {
    "/api/users/": "-date_joined username",
    "/api/events/": "-start_date created_at price",
    "/api/sessions/": "start_time",
    "/api/bookings/": "-registered_at",
    "/api/waitlist/": "position",
    "/api/notifications/": "-created_at",
    "/api/reviews/": "-created_at",
}


async def test_documented_orderings_work_and_the_first_is_the_default(world: World) -> None:
    for path, documented in DOCUMENTED.items():
        default, *_ = documented.split()
        ordered = [await world.admin.get(f"{path}?ordering={ordering}") for ordering in documented.split()]
        assert all(answer.status == 200 for answer in ordered)
        assert ordered[0].data == (await world.admin.get(path)).data
        flipped = default.removeprefix("-") if default.startswith("-") else f"-{default}"
        back = (await world.admin.get(f"{path}?ordering={flipped}")).data
        assert [row["id"] for row in back] == [row["id"] for row in ordered[0].data][::-1]


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(parts))).rstrip(b"=").decode()


FORGED: list[object] = [
    *(
        "x",
        "",
        "1",
        "-1",
        "١٢",
        "1_0",
        " 1",
        "99999999999999999999",
        "NaN",
        "Infinity",
        "1e9",
        "1e-9",
        "1e999999",
    ),
    *(
        "2026-01-01",
        "2026-W01-1",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01T00:00:00+15:59:59",
        "infinity",
        "now",
    ),
    *("9999-12-31T23:59:59-23:00", "a\0b", "'; DROP TABLE users --", 1, None, True, 1.5, [], {}, "x" * 500),
    *("9" * 5000, "2147483648", str(2**63 - 1), str(2**63), "-0", "99999999999999999999.9999999999"),
]


def is_taken(listing: Listing, ordering: str, cursor: str) -> bool:
    try:
        parse_request(listing, {"ordering": ordering, "cursor": cursor})
    except Invalid as refused:
        return "cursor" not in refused.errors
    return True


async def test_forged_cursors_are_bad_input_or_harmless(world: World) -> None:
    tried = 0
    for path, listing in {id(listing): (path, listing) for path, listing in paths(world)}.values():
        sign = "&" if "?" in path else "?"
        for ordering, value in ((name, value) for name in listing.orderings for value in FORGED):
            for cursor in (forged(ordering, value, "1"), forged(ordering, "1", value)):
                if not is_taken(listing, ordering, cursor):
                    continue
                answer = await world.admin.get(f"{path}{sign}ordering={ordering}&cursor={cursor}")
                assert answer.status == 200, (ordering, value)
                tried += 1
    assert tried > 50


async def test_a_cursor_that_is_none_is_named(world: World) -> None:
    for path, _ in paths(world):
        sign = "&" if "?" in path else "?"
        for text in (
            "",
            "é",
            "%00",
            "!!!",
            "e30",
            "W10",
            "bnVsbA",
            "MQ",
            "InRleHQi",
            forged("id"),
            "x" * 3000,
        ):
            answer = await world.admin.get(f"{path}{sign}cursor={quote(text, safe='%')}")
            check_error(answer, 400, "invalid", "cursor")


async def test_a_cursor_is_only_good_for_its_ordering(world: World) -> None:
    first = await world.admin.get("/api/events/?page_size=2&ordering=price")
    following = next_path(first.headers.get("Link"))
    assert following is not None
    answer = await world.admin.get(following.replace("ordering=price", "ordering=-price"))
    check_error(answer, 400, "invalid", "cursor")
    assert (await world.admin.get(following.replace("page_size=2", "page_size=3"))).status == 200


BAD_FILTERS = {
    "/api/events/": {
        "category": ["party", "", "Workshop"],
        "status": ["open", ""],
        "is_online": ["yes", "1", ""],
        "organizer": ["x", "0", "-1", "", "9" * 5000, "1.0"],
        "start_after": ["x", "", "2026-13-01", "tomorrow"],
        "start_before": ["0000-01-01T00:00:00Z"],
        "price_min": ["x", "", "NaN", "1e400", "1_0", "\uff11"],
        "price_max": ["Infinity", "--1"],
        "search": ["x" * 201, "a\0b"],
    },
    "/api/users/": {"username": ["x" * 201, "a\0b"], "email": ["a\0b"]},
    "/api/sessions/": {"event": ["x", "0"], "speaker": ["x", str(2**63)]},
    "/api/bookings/": {"event": ["x", "0", "9" * 5000], "status": ["open"]},
    "/api/waitlist/": {"event": ["x"], "status": ["open"]},
    "/api/notifications/": {"notification_type": ["sms"], "is_read": ["no"], "event": ["x"]},
    "/api/reviews/": {"event": ["x"], "rating": ["0", "6", "x", "4.5"], "search": ["x" * 201]},
}


async def test_bad_filters_are_named(world: World) -> None:
    for path, filters in BAD_FILTERS.items():
        for name, values in filters.items():
            for value in values:
                answer = await world.admin.get(f"{path}?{name}={quote(value)}")
                check_error(answer, 400, "invalid", name)
    several = await world.admin.get("/api/events/?category=x&page_size=0&ordering=x&cursor=x&nonsense=1")
    check_error(several, 400, "invalid", "category", "page_size", "ordering", "cursor")
    assert "masterclass" in several.data["errors"]["category"][0]


async def test_events_are_filtered(api: Api) -> None:
    organizer, other = await api.person("organizer"), await api.person("organizer")
    day = timedelta(days=1)

    async def event(owner: Person, days: int, **changes: object) -> int:
        start = NOW + days * day
        times = {"start_date": start, "end_date": start + day, "registration_deadline": start}
        return await insert_event(api.database, owner.id, **times, **changes)

    first = await event(organizer, 1, price=5, category="webinar", is_online=True)
    second = await event(organizer, 2, price=10, status="cancelled")
    third = await event(other, 3, price="10.50")
    at = quote((NOW + 2 * day).isoformat())
    shifted = quote((NOW + 2 * day + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00")
    for query, found in (
        ("", [first, second, third]),
        ("category=webinar", [first]),
        ("status=cancelled", [second]),
        ("status=draft", []),
        ("is_online=true", [first]),
        ("is_online=False", [second, third]),
        (f"organizer={other.id}", [third]),
        (f"start_after={at}", [second, third]),
        (f"start_before={at}", [first, second]),
        (f"start_after={at}&start_before={at}", [second]),
        (f"start_after={shifted}", [second, third]),
        (f"start_after={shifted.replace('%2B', '+')}", [second, third]),
        ("start_after=0001-01-01", [first, second, third]),
        ("start_after=0001-01-01T00:00:00%2B14:00", [first, second, third]),
        ("start_after=9999-12-31T23:59:59.9999999Z", []),
        ("start_after=9999-12-31T23:59:59-14:00", []),
        ("start_before=0001-01-01T00:00:00z", []),
        ("start_before=9999-12-31t23:59:59.999999z", [first, second, third]),
        ("price_min=10", [second, third]),
        ("price_max=10.00", [first, second]),
        ("price_min=5.01&price_max=10.49", [second]),
        ("category=webinar&status=cancelled", []),
        ("nonsense=1", [first, second, third]),
    ):
        answer = await api.anonymous.get(f"/api/events/?ordering=id&{query}")
        assert [row["id"] for row in answer.data] == found, query


async def test_other_lists_are_filtered(world: World) -> None:
    admin = world.admin
    await insert_notification(
        world.api.database,
        admin.id,
        "of an event",
        event_id=world.event_id,
        is_read=True,
        notification_type="event_updated",
    )
    await world.api.database.execute("UPDATE sessions SET speaker_id = $1 WHERE id = 1", admin.id)

    async def ids(path: str) -> list[int]:
        return [row["id"] for row in (await admin.get(path)).data]

    assert await ids(f"/api/notifications/?event={world.event_id}") == [COUNT + 1]
    assert await ids("/api/notifications/?is_read=true") == [COUNT + 1]
    assert await ids("/api/notifications/?notification_type=event_updated&is_read=false") == []
    assert await ids(f"/api/sessions/?speaker={admin.id}") == [1]
    assert len(await ids(f"/api/sessions/?event={world.event_id}")) == COUNT
    assert await ids("/api/sessions/?event=999") == []
    reviews = (await admin.get("/api/reviews/?rating=1")).data
    assert reviews
    assert {review["rating"] for review in reviews} == {1}
    assert len(await ids(f"/api/reviews/?event={world.event_id}")) == COUNT + 1
    statuses = {booking["status"] for booking in (await admin.get("/api/bookings/?status=pending")).data}
    assert statuses == {"pending"}


async def test_links_lead_to_the_base_url_and_keep_the_query(make_api: Any) -> None:
    api = await make_api(base_url="https://events.example.com/")
    organizer = await api.person("organizer")
    for _ in range(3):
        await insert_event(api.database, organizer.id, title="Café")
    query = "page_size=1&search=caf%C3%A9&ordering=-price,id"
    seen = []
    for _ in range(3):
        answer = await api.anonymous.get(f"/api/events/?{query}")
        seen += [row["id"] for row in answer.data]
        link = answer.headers.get("Link", "")
        if link:
            assert link.startswith("<https://events.example.com/api/events/?page_size=1&search=caf%C3%A9&")
            query = link.partition("?")[2].partition(">")[0]
    assert sorted(seen) == [1, 2, 3]


async def test_a_parameter_that_is_given_twice_is_refused_by_name(api: Api) -> None:
    for name, value in (
        ("status", "published"),
        ("ordering", "title"),
        ("page_size", "5"),
        ("search", "x"),
        ("count", "true"),
        ("price_min", "1"),
    ):
        answer = await api.anonymous.get(f"/api/events/?{name}={value}&x=1&{name}=bogus")
        assert (answer.status, answer.data["errors"]) == (400, {name: ["Must be given once."]})
    assert (await api.anonymous.get("/api/events/?nonsense=1&nonsense=2")).status == 200


LONG = "\U0001f600" * 20_000  # 80,000 bytes


async def _long_rows(world: World, count: int) -> dict[str, int]:
    """Make rows whose long texts are 80,000 bytes each; return how many the admin finds in each list."""
    api, admin = world.api, world.admin
    (event_id,) = [await insert_event(api.database, admin.id)]
    times = {"created_at": NOW, "updated_at": NOW}
    for number, user_id in enumerate(await insert_users_from(world, count)):
        await insert_review(
            api.database, event_id, user_id, review=LONG, created_at=NOW + timedelta(seconds=number // 3)
        )
        await insert(
            api.database,
            "bookings",
            {
                "event_id": event_id,
                "user_id": user_id,
                "status": "confirmed",
                "number_of_tickets": 1,
                "total_price": 0,
                "special_requirements": LONG,
                "registered_at": NOW + timedelta(seconds=number // 3),
                "expires_at": NOW,
            },
        )
        session = {
            "start_time": NOW + timedelta(hours=number // 3),
            "end_time": NOW + timedelta(hours=number),
        }
        session["end_time"] += timedelta(hours=1)
        texts = {"title": "Talk", "description": LONG, "room_or_link": ""}
        await insert(api.database, "sessions", {"event_id": event_id, **texts, **session, **times})
    return {
        f"/api/reviews/?event={event_id}&ordering=-created_at": count,
        f"/api/reviews/?event={event_id}&ordering=rating,-helpful_count&search=test": count,
        f"/api/sessions/?event={event_id}": count,
        f"/api/bookings/?event={event_id}&ordering=status": count,
        f"/api/events/{event_id}/attendees/?ordering=registered_at": count,
    }


async def test_a_page_ends_once_it_has_2_mib_and_the_next_goes_on_behind_it(world: World) -> None:
    count = 60
    for path, number in (await _long_rows(world, count)).items():
        pages: list[int] = []
        ids: list[int] = []
        link: str | None = f"{path}&page_size=200&count=true"
        while link is not None:
            answer = await world.admin.get(link)
            assert answer.status == 200, answer.data
            assert answer.headers["X-Total-Count"] == str(number)
            pages.append(len(answer.text.encode()))
            ids += [row["id"] for row in answer.data]
            link = next_path(answer.headers.get("Link"))
        whole = [row["id"] for page in await walk(world.admin, f"{path}&page_size=7") for row in page]
        assert ids == whole, path
        assert len(set(ids)) == number
        assert max(pages) <= 2 * 1024 * 1024
        # A row more would not have fitted.
        assert all(2 * 1024 * 1024 - size < 81_000 for size in pages[:-1]), pages
        assert len(pages) == 3
    mine = await world.api.anonymous.get(f"{path}&page_size=200")
    assert (len(mine.data), {row["special_requirements"] for row in mine.data}) == (count, {None})


async def test_a_page_has_a_row_however_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "MAX_PAGE_BYTES", 10)
    path = "/api/events/?ordering=title,-start_date"
    pages = await walk(world.admin, f"{path}&page_size=3")
    assert [len(page) for page in pages] == [1] * COUNT
    monkeypatch.undo()
    assert [page[0] for page in pages] == (await world.admin.get(path)).data


TITLES = ["Zulu", "apple", "\u00c4pfel", "Apple", "zebra", "\u0141\u00f3d\u017a", "Loud", "apple"]
BY_TITLE = ["\u00c4pfel", "apple", "Apple", "apple", "\u0141\u00f3d\u017a", "Loud", "zebra", "Zulu"]


async def test_titles_and_usernames_are_ordered_without_regard_to_case_and_accents(api: Api) -> None:
    organizer = await api.person("organizer")
    for title in TITLES:
        await insert_event(api.database, organizer.id, title=title)
    # Equal but for case they stand in the order of their ids, on pages of any size, also beside another order.
    for query in ("ordering=title", "ordering=title,-start_date", "ordering=title&search=ap&page_size=3"):
        pages = await walk(
            api.anonymous, f"/api/events/?{query}{'' if 'page_size' in query else '&page_size=1'}"
        )
        found = [event["title"] for page in pages for event in page]
        assert found == (BY_TITLE[:4] if "search" in query else BY_TITLE)
    back = (await api.anonymous.get("/api/events/?ordering=-title")).data
    assert [event["title"] for event in back] == BY_TITLE[::-1]
    users = await insert_users(api.database, 4)
    for user_id, name in zip(users, ("Zoe", "anna", "\u00c4nne", "Berta"), strict=True):
        await api.database.execute("UPDATE users SET username = $2 WHERE id = $1", user_id, name)
    pages = await walk(api.anonymous, "/api/users/?ordering=username&page_size=1")
    names = [
        user["username"] for page in pages for user in page if user["username"] != organizer.user["username"]
    ]
    assert names == ["anna", "\u00c4nne", "Berta", "Zoe"]


async def test_a_cursor_from_before_titles_were_folded_goes_on_where_its_title_stands(api: Api) -> None:
    organizer = await api.person("organizer")
    ids = {title: await insert_event(api.database, organizer.id, title=title) for title in TITLES[:3]}
    cursor = forged("title", "\u00c4pfel", str(ids["\u00c4pfel"]))
    answer = await api.anonymous.get(f"/api/events/?ordering=title&cursor={cursor}")
    assert [event["title"] for event in answer.data] == ["apple", "Zulu"]
