"""Drafts made of an event, on other days."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from eventhub.database import Queries
from eventhub.models.events import Event, Session
from eventhub.models.ticket_types import TicketType
from eventhub.services.events import copies
from tests.api import Api, Person, in_days
from tests.money import organizer_and_payer, people
from tests.rows import insert_event, insert_type
from tests.web.test_errors import check_error

BERLIN = ZoneInfo("Europe/Berlin")


def at(zone: ZoneInfo, *moment: int, fold: int = 0) -> datetime:
    return datetime(*moment, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[misc, arg-type]


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def there(value: str, zone: ZoneInfo = BERLIN) -> str:
    return datetime.fromisoformat(value).astimezone(zone).strftime("%d.%m. %H:%M")


@pytest.fixture
async def organizer(api: Api) -> Person:
    (person,) = await people(api, 1, "organizer")
    return person


async def insert_in_berlin(
    organizer: Person, start: datetime, end: datetime, zone: str = "Europe/Berlin", **changes: Any
) -> int:
    times = {"start_date": start, "end_date": end, "registration_deadline": start, **changes}
    return await insert_event(organizer.api.database, organizer.id, timezone=zone, **times)


async def copy(who: Person, event_id: int, *starts: datetime, **more: Any) -> list[dict[str, Any]]:
    made = await who.post(
        f"/api/events/{event_id}/copy/", {"starts": [text(start) for start in starts], **more}
    )
    assert made.status == 201, made.data
    copied: list[dict[str, Any]] = made.data
    return copied


async def test_a_copy_is_a_draft_with_all_that_its_organizer_entered(api: Api) -> None:
    organizer, payer = await organizer_and_payer(api)
    event = await organizer.create_event(
        price="12.50",
        tags="a, b",
        online_url="https://meet.example.com/x",
        is_online=True,
        description="Long",
    )
    base = f"/api/events/{event['id']}/"
    await organizer.patch(
        f"{base}settings/",
        {
            "timezone": "Asia/Tokyo",
            "standard_ticket": "Entry",
            "is_standard_on_sale": True,
            "organizer_news": "each",
        },
    )
    await payer.book(event)
    await organizer.post(
        "/api/sessions/",
        {
            "event": event["id"],
            "title": "Talk",
            "description": "Of it",
            "start_time": in_days(10.01),
            "end_time": in_days(10.02),
            "speaker": payer.id,
            "room_or_link": "Room 1",
        },
    )
    source = (await organizer.get(base)).data
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)
    (made,) = await copy(organizer, event["id"], start)
    assert list(made) == list(source)
    moved = {"start_date", "end_date", "registration_deadline", "created_at", "updated_at"}
    own = {"id": made["id"], "status": "draft", "attendees_count": 0, "available_spots": 50}
    same = {name: value for name, value in source.items() if name not in {*moved, "sessions"}}
    assert {name: made[name] for name in same} == {**same, **own, "is_registration_open": False}
    (session,) = made["sessions"]
    for name in ("title", "description", "speaker", "speaker_name", "room_or_link"):
        assert session[name] == source["sessions"][0][name]
    assert (made["created_at"], session["created_at"]) == (made["updated_at"], made["created_at"])
    assert made["registration_deadline"] == made["start_date"] == text(start)
    settings = (await organizer.get(f"/api/events/{made['id']}/settings/")).data
    assert settings == (await organizer.get(f"{base}settings/")).data
    assert (await organizer.get(f"/api/events/{made['id']}/")).data == made
    published = await organizer.post(f"/api/events/{made['id']}/publish/")
    assert published.data["is_registration_open"]


async def test_each_copy_is_recorded_with_what_it_is_of(api: Api, organizer: Person) -> None:
    event = await organizer.create_event()
    made = await copy(organizer, event["id"], *[datetime(2027, 5, day, tzinfo=UTC) for day in (1, 2)])
    facts = await api.database.fetch(
        "SELECT event_id, actor_id, data FROM facts WHERE type = 'event.created' AND event_id > $1 ORDER BY id",
        event["id"],
    )
    assert [tuple(row.values()) for row in facts] == [
        (one["id"], organizer.id, f'{{"copy_of": {event["id"]}}}') for one in made
    ]


async def test_no_column_is_forgotten() -> None:
    """A new column is copied, or begins anew: whoever adds one decides."""
    anew = {
        Event: "id search title_search published_at cover_image seats_confirmed waiting_count last_line_number reviews_count "
        "rating_sum revenue reminded_for revision told owed terms_changed_at is_selling",
        Session: "id",
        TicketType: "id seats_held",
    }
    for model, names in anew.items():
        table = model._meta.db_table
        inserted = copies._WRITE.partition(f"INSERT INTO {table} (")[2].partition(")")[0]
        columns = {name.strip() for name in inserted.split(",")}
        known = columns | set(names.split())
        assert {model._meta.fields_db_projection[name] for name in model._meta.db_fields} <= known, table


async def test_at_ten_stays_at_ten_over_the_change_of_clocks(organizer: Person) -> None:
    start = at(BERLIN, 2027, 3, 24, 10, 0)
    event = await insert_in_berlin(organizer, start, start + timedelta(days=2, hours=8))
    api = organizer.api
    await organizer.post(
        "/api/sessions/",
        {
            "event": event,
            "title": "Evening before",
            "start_time": text(at(BERLIN, 2027, 3, 23, 19, 0)),
            "end_time": text(at(BERLIN, 2027, 3, 23, 21, 0)),
        },
    )
    await insert_type(
        api.database,
        event,
        "Early",
        sales_start=at(BERLIN, 2027, 1, 1, 9),
        sales_end=at(BERLIN, 2027, 3, 1, 0),
    )
    made = await copy(
        organizer,
        event,
        at(BERLIN, 2027, 3, 27, 10),
        at(BERLIN, 2027, 3, 29, 10),
        at(BERLIN, 2027, 11, 1, 10),
    )
    assert [(there(one["start_date"]), there(one["end_date"])) for one in made] == [
        ("27.03. 10:00", "29.03. 18:00"),
        ("29.03. 10:00", "31.03. 18:00"),
        ("01.11. 10:00", "03.11. 18:00"),
    ]
    assert made[1]["start_date"] == "2027-03-29T08:00:00Z"
    assert [there(one["sessions"][0]["start_time"]) for one in made] == [
        "26.03. 19:00",
        "28.03. 19:00",
        "31.10. 19:00",
    ]
    assert all(one["registration_deadline"] == one["start_date"] for one in made)
    types = await api.database.fetch("SELECT sales_start, sales_end FROM ticket_types ORDER BY event_id")
    windows = [(there(row["sales_start"].isoformat()), there(row["sales_end"].isoformat())) for row in types]
    assert windows[1:] == [
        ("04.01. 09:00", "04.03. 00:00"),
        ("06.01. 09:00", "06.03. 00:00"),
        ("11.08. 09:00", "09.10. 00:00"),
    ]


@pytest.mark.parametrize(
    ("zone", "source", "target", "moved"),
    [
        # 02:30 to 03:15 on a day that has no 02:30: it begins at 03:30 and lasts as long.
        (
            "Europe/Berlin",
            ((2027, 3, 20, 2, 30), (2027, 3, 20, 3, 15)),
            (2027, 3, 28, 3, 30),
            ("03:30", "04:15"),
        ),
        # Lord Howe's clocks change by half an hour.
        (
            "Australia/Lord_Howe",
            ((2027, 9, 26, 1, 0), (2027, 9, 26, 2, 15)),
            (2027, 10, 3, 1, 0),
            ("01:00", "02:45"),
        ),
        # A day in New York begins at 04:00 or 05:00 UTC.
        (
            "America/New_York",
            ((2027, 3, 7, 20, 0), (2027, 3, 8, 0, 30)),
            (2027, 3, 14, 20, 0),
            ("20:00", "00:30"),
        ),
        # The end is at a time that comes twice: the first of them.
        (
            "Europe/Berlin",
            ((2027, 10, 24, 1, 0), (2027, 10, 24, 2, 30)),
            (2027, 10, 31, 1, 0),
            ("01:00", "02:30"),
        ),
    ],
)
async def test_days_on_which_clocks_change(
    organizer: Person, zone: str, source: Any, target: Any, moved: tuple[str, str]
) -> None:
    place = ZoneInfo(zone)
    event = await insert_in_berlin(organizer, at(place, *source[0]), at(place, *source[1]), zone)
    (made,) = await copy(organizer, event, at(place, *target))
    assert tuple(there(made[name], place)[-5:] for name in ("start_date", "end_date")) == moved
    assert made["start_date"] < made["end_date"]


async def test_a_start_in_the_hour_that_comes_again_takes_the_rest_there(organizer: Person) -> None:
    start = at(BERLIN, 2027, 10, 24, 2, 30)
    event = await insert_in_berlin(
        organizer, start, start + timedelta(minutes=20), registration_deadline=start - timedelta(minutes=15)
    )
    first, again = (at(BERLIN, 2027, 10, 31, 2, 30, fold=fold) for fold in (0, 1))
    for start, made in zip((first, again), await copy(organizer, event, first, again), strict=True):
        assert made["end_date"] == text(start + timedelta(minutes=20))
        assert made["registration_deadline"] == text(start - timedelta(minutes=15))


async def test_a_deadline_that_would_fall_behind_the_start_is_the_start(organizer: Person) -> None:
    start = at(BERLIN, 2027, 3, 20, 3, 15)
    event = await insert_in_berlin(
        organizer, start, start + timedelta(hours=2), registration_deadline=start - timedelta(minutes=30)
    )
    (made,) = await copy(organizer, event, at(BERLIN, 2027, 3, 28, 3, 15))
    assert made["registration_deadline"] == made["start_date"]


async def test_ticket_types_come_along_and_reserved_ones_take_their_seats_again(organizer: Person) -> None:
    api = organizer.api
    event = await insert_event(api.database, organizer.id, seats_held=17, max_attendees=20)
    await insert_type(api.database, event, "Dinner", capacity=10, is_reserved=True, seats_held=3, position=2)
    await insert_type(api.database, event, "Crew", capacity=5, is_reserved=True, is_hidden=True)
    await insert_type(api.database, event, "Student", capacity=30, seats_held=2, is_active=False, price=7)
    made = await copy(organizer, event, *[datetime(2027, 5, day, tzinfo=UTC) for day in (3, 2, 3)])
    assert [one["available_spots"] for one in made] == [5, 5, 5]
    assert [one["start_date"][:10] for one in made] == ["2027-05-03", "2027-05-02", "2027-05-03"], "as asked"
    for one in made:
        rows = await api.database.fetch(
            "SELECT name, capacity, is_reserved, is_hidden, is_active, position, seats_held, price::int AS price "
            "FROM ticket_types WHERE event_id = $1 ORDER BY id",
            one["id"],
        )
        assert [tuple(row.values()) for row in rows] == [
            ("Dinner", 10, True, False, True, 2, 0, 5),
            ("Crew", 5, True, True, True, 0, 0, 5),
            ("Student", 30, False, False, False, 0, 0, 7),
        ]


async def test_copies_made_while_ticket_types_change_count_what_they_have(organizer: Person) -> None:
    database = organizer.api.database
    event = await organizer.create_event()
    base = f"/api/events/{event['id']}/"

    async def change_types() -> None:
        for number in range(8):
            details = {"name": f"Type {number}", "capacity": 1 + number, "is_reserved": True}
            made = await organizer.post(f"{base}ticket_types/", details)
            path = f"/api/ticket_types/{made.data['id']}/"
            assert (await organizer.patch(path, {"capacity": 10})).status in {200, 409}
            assert (await organizer.delete(path)).status == 204

    async def make_copies() -> None:
        for _ in range(15):
            await copy(organizer, event["id"], *[datetime(2027, 5, 1, tzinfo=UTC)] * 3)

    await asyncio.gather(change_types(), *[make_copies() for _ in range(4)])
    wrong = await database.fetch(
        "SELECT e.id, e.seats_held, sum(t.capacity) AS reserved FROM events e LEFT JOIN ticket_types t ON t.event_id = e.id "
        "GROUP BY e.id HAVING e.seats_held <> coalesce(sum(t.capacity), 0)"
    )
    assert [tuple(row.values()) for row in wrong] == []
    assert await database.fetch_value("SELECT count(DISTINCT event_id) FROM ticket_types") > 3


async def test_what_is_deleted_while_it_is_copied_is_not_there(organizer: Person) -> None:
    for _ in range(5):
        event = await organizer.create_event(publish=False)
        path = f"/api/events/{event['id']}/"
        body = {"starts": ["2027-05-01T10:00:00Z"] * 3}
        deleted, *made = await asyncio.gather(
            organizer.delete(path), *[organizer.post(f"{path}copy/", body) for _ in range(4)]
        )
        assert deleted.status == 204
        assert {answer.status for answer in made} <= {201, 404}


async def test_an_admin_copies_for_the_organizer_and_others_do_not(api: Api, organizer: Person) -> None:
    admin, rival, person = [await api.person(kind) for kind in ("admin", "organizer", "attendee")]
    event = await organizer.create_event()
    (made,) = await copy(admin, event["id"], datetime(2027, 5, 1, tzinfo=UTC), title="  Again ")
    assert (made["organizer"], made["title"], made["status"]) == (organizer.id, "Again", "draft")
    body = {"starts": ["2027-05-01T10:00:00Z"]}
    for who in (rival, person):
        check_error(await who.post(f"/api/events/{event['id']}/copy/", body), 403, "permission_denied")
        check_error(await who.post(f"/api/events/{made['id']}/copy/", body), 404, "not_found")
    check_error(await organizer.post("/api/events/999999/copy/", body), 404, "not_found")


@pytest.mark.parametrize("status", ["draft", "ongoing", "completed", "cancelled"])
async def test_an_event_is_copied_in_any_state_and_into_the_past(organizer: Person, status: str) -> None:
    event = await insert_event(organizer.api.database, organizer.id, status=status)
    (made,) = await copy(organizer, event, datetime(2020, 5, 1, tzinfo=UTC))
    assert (made["status"], made["start_date"]) == ("draft", "2020-05-01T00:00:00Z")


async def test_who_was_deactivated_speaks_no_more(api: Api, organizer: Person) -> None:
    (speaker,) = await people(api, 1)
    event = await organizer.create_event()
    talk = {"event": event["id"], "title": "Talk", "start_time": in_days(1), "end_time": in_days(2)}
    await organizer.post("/api/sessions/", {**talk, "speaker": speaker.id})
    await api.database.execute("UPDATE users SET is_active = false WHERE id = $1", speaker.id)
    (made,) = await copy(organizer, event["id"], datetime(2027, 5, 1, tzinfo=UTC))
    assert made["sessions"][0]["speaker"] is None


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        ([], "Length must be between 1 and 50."),
        (["2027-05-01T10:00:00Z"] * 51, "Length must be between 1 and 50."),
        (
            ["2027-05-01T10:00:00Z", "2027-05-01"],
            "Item 2: Must say the time of day too, such as 2026-12-27T14:00:00Z.",
        ),
        (["1999-12-31T10:00:00Z"], "Item 1: All times of a copy must be in the years 2000 to 2200 (UTC)."),
        (
            ["2027-05-01T10:00:00Z", "2200-12-31T23:30:00Z"],
            "Item 2: All times of a copy must be in the years 2000 to 2200 (UTC).",
        ),
        (["9999-12-31T23:59:59Z"], "Item 1: All times of a copy must be in the years 2000 to 2200 (UTC)."),
        (["0001-01-01T00:00:00Z"], "Item 1: All times of a copy must be in the years 2000 to 2200 (UTC)."),
    ],
)
async def test_starts_that_no_event_has_make_nothing(organizer: Person, starts: list[str], said: str) -> None:
    event = await insert_event(organizer.api.database, organizer.id, timezone="Pacific/Kiritimati")
    refused = await organizer.post(f"/api/events/{event}/copy/", {"starts": starts})
    check_error(refused, 400, "invalid", "starts")
    assert refused.data["errors"] == {"starts": [said]}
    assert await organizer.api.database.fetch_value("SELECT count(*) FROM events") == 1


async def test_of_a_very_large_event_fewer_copies_are_made_at_once(organizer: Person) -> None:
    database = organizer.api.database
    event = await insert_event(database, organizer.id)
    await database.execute(
        "INSERT INTO sessions (event_id, title, description, start_time, end_time, room_or_link, created_at, updated_at) "
        "SELECT $1, 'Talk', repeat('x', 2000), now(), now() + interval '1 hour', '', now(), now() "
        "FROM generate_series(1, 500)",
        event,
    )
    path = f"/api/events/{event}/copy/"
    refused = await organizer.post(path, {"starts": ["2027-05-01T10:00:00Z"] * 7})
    assert refused.data["errors"] == {
        "starts": ["Of an event as large as this, make at most 6 copies at once."]
    }
    made = await organizer.post(path, {"starts": ["2027-05-01T10:00:00Z"] * 6})
    assert (made.status, [len(one["sessions"]) for one in made.data]) == (201, [500] * 6)


async def test_fifty_copies_are_as_many_statements_as_one(
    organizer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = organizer.api
    event = await organizer.create_event()
    for number in range(3):
        talk = {"event": event["id"], "title": "T", "start_time": in_days(1), "end_time": in_days(2)}
        await organizer.post("/api/sessions/", talk)
        await insert_type(api.database, event["id"], f"Type {number}")
    start = datetime(2027, 5, 1, tzinfo=UTC)
    statements, connect = [0], Queries._connection

    def count(queries: Queries) -> Any:
        statements[-1] += 1
        return connect(queries)

    monkeypatch.setattr(Queries, "_connection", count)
    for number in (1, 50):
        statements.append(0)
        await copy(organizer, event["id"], *[start + timedelta(days=day) for day in range(number)])
    assert 0 < statements[1] == statements[2] < 8
    assert await api.database.fetch_value("SELECT count(*) FROM sessions") == 3 * 52
    assert await api.database.fetch_value("SELECT count(*) FROM ticket_types") == 3 * 52
