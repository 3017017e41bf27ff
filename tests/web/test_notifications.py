"""What a user was told, over HTTP."""

from tests.api import Api
from tests.rows import insert_notification
from tests.web.test_errors import check_error


async def test_notifications_are_their_owners_alone(api: Api) -> None:
    owner, other, admin = await api.person(), await api.person(), await api.person("admin")
    note = await insert_notification(api.database, owner.id, "a")
    path = f"/api/notifications/{note}/"
    for reader in (other, admin):
        assert (await reader.get("/api/notifications/")).data == []
        assert (await reader.get("/api/notifications/unread_count/")).data == {"unread_count": 0}
        check_error(await reader.get(path), 404, "not_found")
        check_error(await reader.post(f"{path}mark_as_read/"), 404, "not_found")
        assert (await reader.post("/api/notifications/mark_all_as_read/")).data == {"marked": 0}
    found = (await owner.get(path)).data
    assert (found["is_read"], found["user"], found["event"], found["event_title"]) == (
        False,
        owner.id,
        None,
        None,
    )


async def test_marking_twice_keeps_the_time_of_the_first_reading(api: Api) -> None:
    person = await api.person()
    notes = [await insert_notification(api.database, person.id, f"key:{number}") for number in range(3)]
    path = f"/api/notifications/{notes[0]}/mark_as_read/"
    first, again = await person.post(path), await person.post(path)
    assert (first.status, again.status) == (200, 200)
    assert first.data == again.data
    assert first.data["is_read"] is True
    assert (await person.get("/api/notifications/unread_count/")).data == {"unread_count": 2}
    for marked in (2, 0):
        assert (await person.post("/api/notifications/mark_all_as_read/")).data == {"marked": marked}
    assert (await person.get(f"/api/notifications/{notes[0]}/")).data == first.data
    assert (await person.get("/api/notifications/?is_read=false")).data == []


async def test_a_notification_outlives_its_event(api: Api) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event()
    note = await insert_notification(api.database, organizer.id, "a", event_id=event["id"])
    path = f"/api/notifications/{note}/"
    assert (await organizer.get(path)).data["event_title"] == event["title"]
    assert (await organizer.delete(f"/api/events/{event['id']}/")).status == 204
    found = (await organizer.get(path)).data
    assert (found["event"], found["event_title"]) == (None, None)
