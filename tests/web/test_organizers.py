"""Organizers who are demoted, deactivated or followed by another: what becomes of their events, and who manages them."""

import asyncio
from typing import Any

import asyncpg
import pytest

from eventhub.models.jobs import FOLLOW_ORGANIZER
from eventhub.services import waitlist
from eventhub.services.events import selling
from eventhub.web.call import SIGN_INS
from tests.api import Api, Person
from tests.clock import do_round
from tests.money import (
    assert_money_balances,
    end_hold,
    make_jobs_due,
    organizer_and_payer,
    people,
    reserve,
    run_kind,
    start_paying,
    status,
    titles,
)
from tests.rows import insert_event, move_event, pass_deadline, seats
from tests.web.test_errors import check_error

PRICE = "29.99"


async def administer(api: Api, admin: Person, person: Person, **changes: object) -> None:
    answer = await admin.patch(f"/api/users/{person.id}/", changes)
    assert answer.status == 200, answer.data
    # What this process remembers of them is forgotten within 15 s.
    api.client.app[SIGN_INS]._known.clear()


async def is_open(reader: Person, event: dict[str, Any]) -> bool:
    return bool((await reader.get(f"/api/events/{event['id']}/")).data["is_registration_open"])


# --- demoted --------------------------------------------------------------------------------------------------------


async def test_who_is_no_organizer_any_more_manages_and_reads_nothing_of_their_events(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    organizer, person = await organizer_and_payer(api)
    waiting, other = await people(api, 2)
    link = "https://meet.example.com/secret"
    event = await organizer.create_event(price=PRICE, max_attendees=1, online_url=link, is_online=True)
    draft = await organizer.create_event(publish=False)
    session = (
        await organizer.post(
            "/api/sessions/",
            {
                "event": event["id"],
                "title": "Talk",
                "start_time": event["start_date"],
                "end_time": event["end_date"],
                "room_or_link": link,
            },
        )
    ).data
    booking = await reserve(person, event)
    payment = await start_paying(person, booking)
    await api.run_jobs()
    entry = (await waiting.post("/api/waitlist/", {"event": event["id"]})).data
    (invoice,) = (await person.get("/api/invoices/")).data
    of_event = [
        f"/api/{kind}/?event={event['id']}" for kind in ("bookings", "payments", "invoices", "waitlist")
    ]
    by_id = [
        f"/api/bookings/{booking['id']}/",
        f"/api/payments/{payment['id']}/",
        f"/api/payments/{payment['id']}/receipt/",
        f"/api/invoices/{invoice['id']}/",
        f"/api/waitlist/{entry['id']}/",
        f"/api/events/{draft['id']}/",
    ]
    path, attendees = f"/api/events/{event['id']}/", f"/api/events/{event['id']}/attendees/"
    for read in of_event:
        assert (await organizer.get(read)).data
    for read in by_id:
        assert (await organizer.get(read)).status == 200
    assert (await organizer.get(attendees)).data[0]["total_price"] == PRICE

    await administer(api, admin, organizer, user_type="attendee")
    for read in of_event:
        assert (await organizer.get(read)).data == [], read
    for read in by_id:
        check_error(await organizer.get(read), 404, "not_found")
    assert (await organizer.get(attendees)).data[0]["total_price"] is None
    assert (await organizer.get(path)).data["online_url"] == ""
    assert (await organizer.get(f"/api/sessions/{session['id']}/")).data["room_or_link"] == ""
    drafts = (await organizer.get(f"/api/users/{organizer.id}/events_organized/")).data
    assert [listed["id"] for listed in drafts] == [event["id"]]
    for method, what, body in (
        ("PATCH", path, {"title": "Mine"}),
        ("PUT", path, event),
        ("DELETE", path, None),
        ("POST", f"{path}cancel/", None),
        ("POST", f"{path}complete/", None),
        ("PATCH", f"/api/sessions/{session['id']}/", {"title": "Mine"}),
        ("DELETE", f"/api/sessions/{session['id']}/", None),
    ):
        check_error(await organizer.request(method, what, body), 403, "permission_denied")
    for method, what in (
        ("POST", f"/api/events/{draft['id']}/publish/"),
        ("POST", f"/api/bookings/{booking['id']}/confirm/"),
        ("POST", f"/api/bookings/{booking['id']}/cancel/"),
        ("POST", f"/api/bookings/{booking['id']}/no_show/"),
        ("POST", f"/api/payments/{payment['id']}/refund/"),
        ("POST", f"/api/invoices/{invoice['id']}/mark_as_sent/"),
    ):
        check_error(await organizer.request(method, what), 404, "not_found")
    # Their event goes on selling, and admins manage it.
    assert (await admin.patch(path, {"max_attendees": 5})).status == 200
    await api.run_jobs()
    assert await status(other, "bookings", await reserve(other, event)) == "pending"
    assert (await admin.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    # It is theirs still, so they do not review it.
    review = {"event": event["id"], "rating": 5, "title": "T", "review": "R"}
    check_error(await organizer.post("/api/reviews/", review), 403, "permission_denied")


async def test_an_organizer_who_is_one_again_manages_their_events_again(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    (organizer,) = await people(api, 1, "organizer")
    draft = await organizer.create_event(publish=False)
    await administer(api, admin, organizer, user_type="attendee")
    await administer(api, admin, organizer, user_type="organizer")
    assert (await organizer.post(f"/api/events/{draft['id']}/publish/")).status == 200


# --- deactivated ----------------------------------------------------------------------------------------------------


async def test_the_events_of_a_deactivated_organizer_sell_nothing_until_they_are_active_again(
    api: Api,
) -> None:
    (admin,) = await people(api, 1, "admin")
    (organizer,) = await people(api, 1, "organizer")
    holder, waiting, late = await people(api, 3)
    event = await organizer.create_event(max_attendees=1)
    draft = await organizer.create_event(publish=False)
    booking = await holder.book(event)
    entry = (await waiting.post("/api/waitlist/", {"event": event["id"]})).data
    await administer(api, admin, organizer, is_active=False)
    assert (await admin.post(f"/api/events/{draft['id']}/publish/")).status == 200
    for each in (event, draft):
        assert not await is_open(admin, each)
        for kind in ("bookings", "waitlist"):
            answer = await late.post(f"/api/{kind}/", {"event": each["id"]})
            check_error(answer, 409, "registration_closed")
    # A seat comes free: the line waits, and nobody is promoted or sent away.
    assert (await holder.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.run_jobs()
    async with api.database.transaction() as tx:
        assert await waitlist.promote_stalled(tx) == 0
    assert (await waiting.get(f"/api/waitlist/{entry['id']}/")).data["position"] == 1
    assert await do_round(api.database) == 0
    await administer(api, admin, organizer, is_active=True)
    await api.run_jobs()
    assert (await waiting.get(f"/api/waitlist/{entry['id']}/")).data["status"] == "accepted"
    assert await is_open(admin, draft)
    assert await seats(api.database, event["id"]) == (1, 1, 0)


async def test_what_was_under_way_when_an_organizer_is_deactivated_is_completed(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    (organizer,) = await people(api, 1, "organizer")
    paying, late = await people(api, 2)
    event = await organizer.create_event(price=PRICE)
    bookings = [await reserve(person, event) for person in (paying, late)]
    payments = [await start_paying(p, b) for p, b in zip((paying, late), bookings, strict=True)]
    await administer(api, admin, organizer, is_active=False)
    # The second one's money comes when its hold is over.
    await end_hold(api, bookings[1]["id"])
    await api.run_jobs()
    for person, payment, booking in zip((paying, late), payments, bookings, strict=True):
        assert await status(person, "payments", payment) == "completed"
        assert await status(person, "bookings", booking) == "confirmed"
    await assert_money_balances(api.database.fetch)


async def test_the_line_of_an_event_that_does_not_sell_closes_at_its_deadline(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    (organizer,) = await people(api, 1, "organizer")
    holder, waiting = await people(api, 2)
    event = await organizer.create_event(max_attendees=1)
    await holder.book(event)
    await waiting.post("/api/waitlist/", {"event": event["id"]})
    await administer(api, admin, organizer, is_active=False)
    await pass_deadline(api.database, event["id"])
    async with api.database.transaction() as tx:
        assert await waitlist.close_after_deadline(tx) == 1
    await api.run_jobs()
    assert await titles(waiting) == ["Waitlist Closed"]


async def test_a_busy_event_holds_up_no_deactivation_and_stops_selling_a_moment_later(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    (organizer,) = await people(api, 1, "organizer")
    busy, idle = await organizer.create_event(), await organizer.create_event()
    connection = await asyncpg.connect(api.resources.settings.database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", busy["id"])
            await asyncio.wait_for(administer(api, admin, organizer, is_active=False), 3)
            assert [await is_open(admin, event) for event in (busy, idle)] == [True, False]
            await make_jobs_due(api)
            await run_kind(api, FOLLOW_ORGANIZER)
            assert await is_open(admin, busy)
    finally:
        await connection.close()
    await make_jobs_due(api)
    await api.run_jobs()
    assert not await is_open(admin, busy)


async def test_an_organizer_of_many_events_is_followed_in_chunks(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selling, "CHUNK", 2)
    (admin,) = await people(api, 1, "admin")
    (organizer,) = await people(api, 1, "organizer")
    for _ in range(5):
        await insert_event(api.database, organizer.id)
    count = "SELECT count(*) FROM events WHERE is_selling"
    await administer(api, admin, organizer, is_active=False)
    assert await api.database.fetch_value(count) == 3
    for left in (1, 0):
        await make_jobs_due(api)
        await run_kind(api, FOLLOW_ORGANIZER)
        assert await api.database.fetch_value(count) == left
    assert await api.database.fetch_value("SELECT count(*) FROM jobs WHERE kind = 'follow_organizer'") == 0


@pytest.mark.parametrize("is_active", [False, True])
async def test_the_clock_finds_events_that_do_not_follow_their_organizer(api: Api, is_active: bool) -> None:
    """Whatever changed the account, and whatever became of the job."""
    (organizer,) = await people(api, 1, "organizer")
    published, draft = await organizer.create_event(), await organizer.create_event(publish=False)
    over = await organizer.create_event()
    await move_event(api.database, over["id"], starts_in_hours=-1)
    assert await do_round(api.database) == 1
    flags = "SELECT array_agg(is_selling ORDER BY id) FROM events"
    await api.database.execute("UPDATE users SET is_active = $2 WHERE id = $1", organizer.id, is_active)
    await api.database.execute("UPDATE events SET is_selling = $1", not is_active)
    if is_active:
        assert await do_round(api.database) == 3
        assert await api.database.fetch_value(flags) == [True, True, True]
    else:
        # A draft, and what has begun, sell nothing anyway.
        assert await do_round(api.database) == 1
        assert await api.database.fetch_value(flags) == [False, True, True]
    assert await do_round(api.database) == 0
    assert published["id"] < draft["id"] < over["id"]


# --- handed over ------------------------------------------------------------------------------------------------------


async def test_an_admin_hands_an_event_over_to_another_organizer(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    organizer, heir = await people(api, 2, "organizer")
    holder, waiting = await people(api, 2)
    event = await organizer.create_event(max_attendees=1)
    path = f"/api/events/{event['id']}/"
    booking = await holder.book(event)
    entry = (await waiting.post("/api/waitlist/", {"event": event["id"]})).data
    await administer(api, admin, organizer, is_active=False)
    await holder.post(f"/api/bookings/{booking['id']}/cancel/")
    await api.run_jobs()
    for _ in range(2):
        answer = await admin.post(f"{path}hand_over/", {"organizer": heir.id})
        assert (answer.status, answer.data["organizer"]) == (200, heir.id)
    assert list(answer.data) == list(event)
    await api.run_jobs()
    # It sells again, and its line goes on.
    assert (await waiting.get(f"/api/waitlist/{entry['id']}/")).data["status"] == "accepted"
    assert (await heir.get(f"/api/bookings/{booking['id']}/")).status == 200
    assert (await heir.patch(path, {"title": "Mine now"})).status == 200
    assert await titles(heir) == ["Event Handed Over"]
    told = await api.database.fetch(
        "SELECT user_id, message FROM notifications WHERE title = 'Event Handed Over' ORDER BY user_id"
    )
    news = f"{event['title']} has been given another organizer."
    assert [(row["user_id"], row["message"]) for row in told] == [
        (organizer.id, f"{news} You no longer manage it."),
        (heir.id, f"{news} You are its organizer now."),
    ]
    # The one before is active again, and manages it no more.
    await administer(api, admin, organizer, is_active=True)
    assert await do_round(api.database) == 0
    back = await admin.post(f"{path}hand_over/", {"organizer": organizer.id})
    assert back.data["organizer"] == organizer.id
    assert (await titles(heir)).count("Event Handed Over") == 2


async def test_an_event_is_handed_over_to_active_organizers_and_admins_alone(api: Api) -> None:
    admin, other_admin = await people(api, 2, "admin")
    organizer, gone = await people(api, 2, "organizer")
    (attendee,) = await people(api, 1)
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/hand_over/"
    await administer(api, admin, gone, is_active=False)
    for body in ({}, {"organizer": None}, {"organizer": "x"}, {"organizer": 999_999}):
        check_error(await admin.post(path, body), 400, "invalid", "organizer")
    for person in (gone, attendee):
        check_error(await admin.post(path, {"organizer": person.id}), 400, "invalid", "organizer")
    check_error(
        await admin.post("/api/events/999999/hand_over/", {"organizer": organizer.id}), 404, "not_found"
    )
    assert (await admin.post(path, {"organizer": other_admin.id})).data["organizer"] == other_admin.id
    # PUT and PATCH do not do it.
    ignored = await admin.patch(f"/api/events/{event['id']}/", {"organizer": organizer.id})
    assert (ignored.status, ignored.data["organizer"]) == (200, other_admin.id)


@pytest.mark.parametrize("change", [{"user_type": "attendee"}, {"is_active": False}])
async def test_money_to_be_returned_by_hand_is_told_to_who_manages_the_event_then(
    api: Api, change: dict[str, object]
) -> None:
    (admin,) = await people(api, 1, "admin")
    organizer, person = await organizer_and_payer(api)
    (successor,) = await people(api, 1, "organizer")
    await person.verify()
    event = await organizer.create_event(price=PRICE)
    booking = await reserve(person, event)
    payment = await start_paying(person, booking, method="bank_transfer")
    assert (await organizer.post(f"/api/payments/{payment['id']}/complete/")).status == 200
    await api.run_jobs()
    await administer(api, admin, organizer, **change)
    assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.run_jobs()
    told = await api.database.fetch(
        "SELECT user_id FROM notifications WHERE title = 'Refund to Make by Hand'"
    )
    assert [row["user_id"] for row in told] == [admin.id]
    path = f"/api/events/{event['id']}/hand_over/"
    assert (await admin.post(path, {"organizer": successor.id})).status == 200
    (message,) = [note["message"] for note in (await successor.get("/api/notifications/")).data]
    assert message.endswith("You are its organizer now. It has 1 refund to make by hand: see its payments.")
    assert (await successor.post(f"/api/payments/{payment['id']}/mark_returned/")).status == 200


async def test_who_is_given_an_event_keeps_their_booking_and_reviews_it_no_more(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    organizer, heir = await people(api, 2, "organizer")
    event = await organizer.create_event()
    booking = await heir.book(event)
    review = {"event": event["id"], "rating": 2, "title": "Poor", "review": "Too loud"}
    written = (await heir.post("/api/reviews/", review)).data
    assert (await admin.post(f"/api/events/{event['id']}/hand_over/", {"organizer": heir.id})).status == 200
    assert await status(heir, "bookings", booking) == "confirmed"
    # What they wrote as a guest stays theirs.
    assert (await heir.delete(f"/api/reviews/{written['id']}/")).status == 204
    check_error(await heir.post("/api/reviews/", review), 403, "permission_denied")


# --- people who have left ---------------------------------------------------------------------------------------------


async def test_a_deactivated_attendee_is_a_former_user_but_for_the_organizer(api: Api) -> None:
    (admin,) = await people(api, 1, "admin")
    organizer, rival = await people(api, 2, "organizer")
    gone, stays = await api.person(first_name="Ada", last_name="Gone"), await api.person()
    event = await organizer.create_event()
    for person in (gone, stays):
        await person.book(event)
    path = f"/api/events/{event['id']}/attendees/?ordering=registered_at"

    async def names(reader: Person) -> list[str]:
        return [attendee["user_name"] for attendee in (await reader.get(path)).data]

    other = stays.user["full_name"]
    assert await names(api.anonymous) == ["Ada Gone", other]
    await administer(api, admin, gone, is_active=False)
    for reader in (stays, rival):
        assert await names(reader) == ["Former user", other]
    for reader in (organizer, admin):
        assert await names(reader) == ["Ada Gone", other]
