"""The times that there may be: in bodies, and what stays as it was."""

from datetime import UTC, datetime, timedelta

from tests.api import Api, event_details
from tests.rows import NOW, insert, insert_event


async def test_times_from_before_the_years_that_there_may_be_stay_where_they_are_put_back(api: Api) -> None:
    organizer = await api.person("organizer")
    long_ago = datetime(1999, 5, 1, tzinfo=UTC)
    event_id = await insert_event(
        api.database,
        organizer.id,
        status="draft",
        start_date=long_ago,
        registration_deadline=long_ago,
        end_date=long_ago + timedelta(days=900),
    )
    path = f"/api/events/{event_id}/"
    stored = (await organizer.get(path)).data
    assert (await organizer.put(path, {**stored, "title": "Long ago"})).status == 200
    assert (await organizer.patch(path, {"start_date": stored["start_date"]})).status == 200
    for name in ("start_date", "registration_deadline"):
        refused = await organizer.put(path, {**stored, name: "1999-04-30T00:00:00Z"})
        assert (refused.status, refused.data["errors"]) == (
            400,
            {name: ["Must be in the years 2000 to 2200 (UTC)."]},
        )
    times = {"start_time": long_ago, "end_time": long_ago + timedelta(hours=1)}
    session = {"event_id": event_id, "title": "Talk", "description": "", "room_or_link": "", **times}
    session_id = await insert(api.database, "sessions", {**session, "created_at": NOW, "updated_at": NOW})
    path = f"/api/sessions/{session_id}/"
    stored = (await organizer.get(path)).data
    assert (await organizer.put(path, {**stored, "title": "Keynote"})).status == 200
    refused = await organizer.patch(path, {"end_time": "1999-05-01T02:00:00Z"})
    assert list(refused.data["errors"]) == ["end_time"]


async def test_a_date_alone_is_told_that_it_lacks_the_time(api: Api) -> None:
    organizer = await api.person("organizer")
    answer = await organizer.post("/api/events/", event_details(end_date="2199-01-03"))
    assert answer.status == 400
    assert answer.data["errors"] == {
        "end_date": ["Must say the time of day too, such as 2026-12-27T14:00:00Z."]
    }
