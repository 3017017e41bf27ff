"""Every example of the API document, as printed: bodies are taken as they stand, answers have the printed shape."""

from eventhub.services import passwords, users
from tests.api import Api, Person
from tests.rows import insert_event, insert_notification, insert_review
from tests.web import document
from tests.web.document import check_like, check_list_like


async def admin_of_the_document(api: Api) -> Person:
    """Return user 1 of the examples, signed in as they print it."""
    password_hash = await passwords.hash_password("admin123")
    async with api.database.transaction() as tx:
        user_id = await users.create_admin(tx, "admin", "admin@example.com", password_hash)
    await api.database.execute(
        "UPDATE users SET first_name = 'Admin', last_name = 'User' WHERE id = $1", user_id
    )
    return await api.sign_in("admin", "admin123")


async def john_of_the_document(api: Api) -> Person:
    """Return user 2 of the examples, registered and signed in as they print it."""
    made = await api.anonymous.post("/api/users/", document.REGISTRATION)
    assert made.status == 201
    return await api.sign_in("newuser", "secure_password")


async def test_tokens_are_as_printed(api: Api) -> None:
    await admin_of_the_document(api)
    tokens = await api.anonymous.post("/api/auth/token/", {"username": "admin", "password": "admin123"})
    assert tokens.status == 200
    check_like(document.TOKENS, tokens.data, exactly=True)
    assert all(token.startswith("eyJ0eXAiOiJKV1QiLCJhbGc") for token in tokens.data.values())
    fresh = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": tokens.data["refresh"]})
    assert fresh.status == 200
    assert list(fresh.data) == ["access"]


async def test_users_are_as_printed(api: Api) -> None:
    admin = await admin_of_the_document(api)
    listed = await admin.get("/api/users/")
    assert listed.data == [document.USER_LIST_ITEM]
    check_list_like(document.USER_LIST_ITEM, listed.data)
    me = await admin.get("/api/users/me/")
    check_like(document.ME, me.data)
    assert {key: me.data[key] for key in document.ME} == {**document.ME, "profile": me.data["profile"]}
    made = await api.anonymous.post("/api/users/", document.REGISTRATION)
    assert made.status == 201
    check_like(document.ME, made.data)
    assert {key: made.data[key] for key in document.REGISTERED} == document.REGISTERED
    assert list(made.data)[:7] == list(document.REGISTERED)
    assert "password" not in made.text


async def test_account_and_profile_changes_are_taken_as_printed(api: Api) -> None:
    john = await john_of_the_document(api)
    for change in (john.put, john.patch):
        account = await change("/api/users/me/", document.ACCOUNT_CHANGES)
        assert account.status == 200
        check_like(document.ME, account.data)
        assert {key: account.data[key] for key in document.ACCOUNT_CHANGES} == document.ACCOUNT_CHANGES
        profile = await change("/api/users/update_profile/", document.PROFILE_CHANGES)
        assert profile.status == 200
        assert {key: profile.data[key] for key in document.PROFILE_CHANGES} == document.PROFILE_CHANGES
    assert (await john.get("/api/users/me/")).data["profile"] == profile.data


async def test_lists_of_a_user_are_as_printed(api: Api) -> None:
    admin, john = await admin_of_the_document(api), await john_of_the_document(api)
    event_id = await insert_event(api.database, admin.id)
    await insert_review(api.database, event_id, john.id)
    organized = await john.get(f"/api/users/{admin.id}/events_organized/")
    check_list_like(document.EVENT_LIST_ITEM, organized.data, exactly=True)
    check_list_like(document.REVIEW, (await admin.get(f"/api/users/{john.id}/reviews/")).data)


async def test_events_are_created_and_shown_as_printed(api: Api) -> None:
    admin = await admin_of_the_document(api)
    for body in (document.NEW_EVENT, document.CURL_EVENT, _without_deadline()):
        made = await admin.post("/api/events/", body)
        assert made.status == 201, made.data
        check_like(document.EVENT, made.data)
        assert {key: made.data[key] for key in body} == body
        assert made.data["status"] == "draft"
        published = await admin.post(f"/api/events/{made.data['id']}/publish/")
        assert published.status == 200
        check_like(document.EVENT, published.data)
    assert made.data["registration_deadline"] == made.data["start_date"]
    listed = await api.anonymous.get("/api/events/")
    check_list_like(document.EVENT_LIST_ITEM, listed.data, exactly=True)
    detail = await api.anonymous.get("/api/events/1/")
    check_like(document.EVENT, detail.data)
    cancelled = await admin.post("/api/events/1/cancel/")
    assert cancelled.status == 200
    check_like(document.EVENT, cancelled.data)
    statistics = await api.anonymous.get("/api/events/2/statistics/")
    check_like(document.STATISTICS, statistics.data)
    assert statistics.data == {**document.STATISTICS, "available_spots": 30}


def _without_deadline() -> dict[str, object]:
    return {key: value for key, value in document.CURL_EVENT.items() if key != "registration_deadline"}


async def test_what_was_got_can_be_put_back(api: Api) -> None:
    admin = await admin_of_the_document(api)
    event_id = (await admin.post("/api/events/", document.NEW_EVENT)).data["id"]
    session_id = (await admin.post("/api/sessions/", document.NEW_SESSION)).data["id"]
    paths = f"/api/events/{event_id}/", f"/api/sessions/{session_id}/", "/api/users/me/"
    for path in (*paths, "/api/users/update_profile/"):
        got = (await admin.get(path)).data
        put = await admin.put(path, got)
        assert put.status == 200, put.data
        assert {**put.data, "updated_at": ""} == {**got, "updated_at": ""}


async def test_sessions_are_as_printed_also_outside_their_events_times(api: Api) -> None:
    admin = await admin_of_the_document(api)
    await admin.create_event()
    made = await admin.post("/api/sessions/", document.NEW_SESSION)
    assert made.status == 201
    check_like(document.SESSION, made.data)
    assert {key: made.data[key] for key in document.NEW_SESSION} == document.NEW_SESSION
    assert made.data["speaker_name"] == "Admin User"
    check_list_like(document.SESSION, (await api.anonymous.get("/api/sessions/")).data)
    event = await api.anonymous.get("/api/events/1/")
    check_list_like(document.SESSION, event.data["sessions"])


async def test_bookings_are_as_printed(api: Api) -> None:
    admin, john = await admin_of_the_document(api), await john_of_the_document(api)
    await admin.create_event()
    made = await john.post("/api/bookings/", document.NEW_BOOKING)
    assert made.status == 201
    times = {"registered_at": made.data["registered_at"]}
    check_like(document.BOOKED, made.data)
    assert made.data == {**document.BOOKED, **times, "currency": "USD"}
    confirmed = await john.post("/api/bookings/1/confirm/")
    assert confirmed.status == 200
    check_like(document.BOOKING, confirmed.data)
    assert confirmed.data["status"] == "confirmed"
    check_list_like(document.BOOKING, (await john.get("/api/bookings/")).data)
    attendees = await admin.get("/api/events/1/attendees/")
    check_list_like(document.BOOKING, attendees.data)
    cancelled = await john.post("/api/bookings/1/cancel/")
    assert cancelled.status == 200
    check_like({**document.BOOKING, "cancelled_at": "2025-12-20T12:00:00Z"}, cancelled.data)


async def test_waitlist_entries_are_as_agreed(api: Api) -> None:
    admin, john = await admin_of_the_document(api), await john_of_the_document(api)
    event = await admin.create_event(max_attendees=1)
    await admin.book(event)
    made = await john.post("/api/waitlist/", document.NEW_ENTRY)
    assert made.status == 201
    check_like(document.ENTRY, made.data)
    check_list_like(document.ENTRY, (await john.get("/api/waitlist/?ordering=position")).data)
    left = await john.post(f"/api/waitlist/{made.data['id']}/leave/")
    assert left.status == 204
    assert not left.text


async def test_notifications_are_as_printed(api: Api) -> None:
    admin, john = await admin_of_the_document(api), await john_of_the_document(api)
    await john.book(await admin.create_event())
    listed = await john.get("/api/notifications/")
    check_list_like(document.NOTIFICATION, listed.data)
    note = listed.data[0]
    assert note["title"] == "Booking Confirmation"
    for number in range(4):
        await insert_notification(api.database, john.id, f"key:{number}")
    assert (await john.get("/api/notifications/unread_count/")).data == document.UNREAD_COUNT
    read = await john.post(f"/api/notifications/{note['id']}/mark_as_read/")
    assert read.status == 200
    check_like({**document.NOTIFICATION, "read_at": "2025-12-20T12:00:00Z"}, read.data)
    assert (await john.post("/api/notifications/mark_all_as_read/")).data == {"marked": 4}


async def test_reviews_are_as_printed(api: Api) -> None:
    admin, john = await admin_of_the_document(api), await john_of_the_document(api)
    event_id = await insert_event(api.database, admin.id)
    await insert_review(api.database, event_id, john.id)
    listed = await api.anonymous.get("/api/reviews/")
    check_list_like(document.REVIEW, listed.data)
    assert listed.data[0]["helpful_percentage"] == 100.0


async def test_not_found_is_as_printed(api: Api) -> None:
    for path in ("/api/events/1/", "/api/nothing/", "/nothing", "/api/events/abc/"):
        answer = await api.anonymous.get(path)
        assert answer.status == 404
        assert answer.data == {**document.NOT_FOUND, "code": "not_found"}
