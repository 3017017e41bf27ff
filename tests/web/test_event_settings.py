"""What an organizer sets for an event beside its details, and what a time zone changes: what is printed, and no time."""

from typing import Any

import orjson
import pytest

from tests.api import Api, Person, event_details
from tests.conftest import MakeApi
from tests.money import people
from tests.rows import insert_event
from tests.web.test_errors import check_error

DEFAULTS = {
    "timezone": "UTC",
    "standard_ticket": "Standard",
    "is_standard_on_sale": True,
    "organizer_news": "daily",
}


def path(event: dict[str, Any]) -> str:
    return f"/api/events/{event['id']}/settings/"


@pytest.fixture
async def organizer(api: Api) -> Person:
    (person,) = await people(api, 1, "organizer")
    return person


async def test_settings_are_read_and_changed_one_by_one(organizer: Person) -> None:
    event = await organizer.create_event()
    assert (await organizer.get(path(event))).data == DEFAULTS
    changes = {
        "timezone": "Europe/Berlin",
        "standard_ticket": " Entry ",
        "is_standard_on_sale": False,
        "organizer_news": "none",
    }
    expected = dict(DEFAULTS)
    for name, value in changes.items():
        changed = await organizer.patch(path(event), {name: value})
        expected[name] = value.strip() if isinstance(value, str) else value
        assert (changed.status, list(changed.data), changed.data) == (200, list(DEFAULTS), expected)
    assert (await organizer.patch(path(event), {})).data == expected
    assert (await organizer.get(path(event))).data == expected


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("AUSTRALIA/LORD_HOWE", "Australia/Lord_Howe"),
        ("utc", "UTC"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("Asia/Calcutta", "Asia/Calcutta"),
    ],
)
async def test_a_time_zone_is_kept_as_it_is_spelled(organizer: Person, sent: str, kept: str) -> None:
    event = await organizer.create_event()
    assert (await organizer.patch(path(event), {"timezone": sent})).data["timezone"] == kept


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Berlin",
        "CEST",
        "UTC+2",
        "+02:00",
        "../UTC",
        "/etc/localtime",
        "posix/UTC",
        "localtime",
        "Factory",
        "Europe/Berlin ",
    ],
)
async def test_what_is_no_time_zone_is_refused(organizer: Person, zone: str) -> None:
    event = await organizer.create_event()
    refused = await organizer.patch(path(event), {"timezone": zone})
    check_error(refused, 400, "invalid", "timezone")
    assert refused.data["errors"] == {
        "timezone": ["Must be an IANA time zone, such as Europe/Berlin or UTC."]
    }


async def test_an_event_shows_its_time_zone_after_the_documented_keys(organizer: Person) -> None:
    made = await organizer.create_event(publish=False)
    base = f"/api/events/{made['id']}/"
    assert list(made)[-2:] == ["currency", "timezone"]
    assert made["timezone"] == "UTC"
    await organizer.patch(path(made), {"timezone": "Asia/Tokyo"})
    for answer in (
        await organizer.get(base),
        await organizer.patch(base, {"tags": "x"}),
        await organizer.put(base, {**event_details(), "timezone": "Europe/Paris"}),
        await organizer.post(f"{base}publish/"),
        await organizer.api.anonymous.get(base),
        await organizer.post(f"{base}cancel/"),
    ):
        assert (list(answer.data)[-1], answer.data["timezone"]) == ("timezone", "Asia/Tokyo")
    (listed,) = (await organizer.get("/api/events/")).data
    assert "timezone" not in listed


async def test_another_time_zone_moves_nothing_and_tells_nobody(api: Api, organizer: Person) -> None:
    (person,) = await people(api, 1)
    event = await organizer.create_event()
    await person.book(event)
    before = await api.database.fetch_one("SELECT start_date, end_date, revision, told FROM events")
    told = await api.database.fetch_value("SELECT count(*) FROM notifications")
    assert (await organizer.patch(path(event), {"timezone": "Asia/Tokyo"})).status == 200
    await api.run_jobs()
    after = (await organizer.get(f"/api/events/{event['id']}/")).data
    assert (after["start_date"], after["end_date"]) == (event["start_date"], event["end_date"])
    assert await api.database.fetch_one("SELECT start_date, end_date, revision, told FROM events") == before
    assert await api.database.fetch_value("SELECT count(*) FROM notifications") == told
    assert await api.database.fetch_value("SELECT count(*) FROM jobs") == 0


async def test_what_really_changes_is_recorded_by_name(api: Api, organizer: Person) -> None:
    event = await organizer.create_event(publish=False)
    await organizer.patch(path(event), {"timezone": "utc", "organizer_news": "each"})
    await organizer.patch(path(event), {"organizer_news": "each"})
    facts = await api.database.fetch("SELECT event_id, data FROM facts WHERE type = 'event.updated'")
    assert [(row["event_id"], orjson.loads(row["data"])) for row in facts] == [
        (event["id"], {"changed": ["organizer_news"]})
    ]


@pytest.mark.parametrize("status", ["completed", "cancelled"])
async def test_the_settings_of_what_is_over_stay_as_they_are(
    api: Api, organizer: Person, status: str
) -> None:
    event = {"id": await insert_event(api.database, organizer.id, status=status)}
    check_error(await organizer.patch(path(event), {"timezone": "Asia/Tokyo"}), 409, "wrong_state")
    assert (await organizer.get(path(event))).data == DEFAULTS


async def test_a_new_event_gets_the_time_zone_of_the_day_and_keeps_it(make_api: MakeApi) -> None:
    berlin = await make_api(time_zone="Europe/Berlin")
    (organizer,) = await people(berlin, 1, "organizer")
    first = await organizer.create_event()
    elsewhere = await make_api(time_zone="Pacific/Auckland")
    organizer.api = elsewhere
    second = await organizer.create_event(timezone="Europe/Paris")
    assert [event["timezone"] for event in (first, second)] == ["Europe/Berlin", "Pacific/Auckland"]
    assert (await organizer.get(f"/api/events/{first['id']}/")).data["timezone"] == "Europe/Berlin"
