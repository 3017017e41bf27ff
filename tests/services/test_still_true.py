"""Which news is mailed late: what the rows say when the mail leaves, each condition by itself."""

from datetime import timedelta
from typing import Any

import pytest

from eventhub.database import Database
from eventhub.services import notifications
from eventhub.services.access import Viewer
from tests.rows import (
    NOW,
    insert,
    insert_booking,
    insert_event,
    insert_notification,
    insert_payment,
    insert_users,
)

HOUR = timedelta(hours=1)
START = NOW + 5 * HOUR
KEYS = {"event_reminder": f"event_reminder:1:{START:%Y%m%dT%H%M%S}"}


async def is_mailed(
    database: Database,
    kind: str,
    *,
    booking: dict[str, Any] | None = None,
    event: dict[str, Any] | None = None,
    entry: str = "",
    key: str = "",
    user: str = "",
) -> bool:
    organizer, person = await insert_users(database, 2)
    times = {"start_date": START, "end_date": START + HOUR, "registration_deadline": START}
    event_id = await insert_event(database, organizer, **{**times, **(event or {})})
    booking_id = await insert_booking(database, event_id, person, **booking) if booking is not None else None
    if entry:
        values = {
            "event_id": event_id,
            "user_id": person,
            "status": entry,
            "line_number": 1,
            "joined_at": NOW,
        }
        await insert(database, "waitlist_entries", values)
    if user:
        await database.execute(user.replace("$1", str(person)))
    note = await insert_notification(
        database,
        person,
        key or KEYS.get(kind, f"{kind}:1"),
        notification_type=kind,
        event_id=event_id,
        booking_id=None if kind in {"event_updated", "event_cancelled"} else booking_id,
    )
    return await notifications.find_for_mail(database, note) is not None


PENDING, OUT = {"status": "pending"}, {"status": "pending", "expires_at": NOW - HOUR}
CONFIRMED, CANCELLED = {"status": "confirmed"}, {"status": "cancelled"}
OFF = {"status": "cancelled"}
EARLIER = {"start_date": START - HOUR, "registration_deadline": START - HOUR}
BEGUN = {"start_date": NOW - HOUR, "end_date": NOW + HOUR, "registration_deadline": NOW - HOUR}
OVER = {**BEGUN, "end_date": NOW - HOUR / 2}
SILENT = "UPDATE profiles SET notifications_enabled = false WHERE user_id = $1"
AWAY = "UPDATE users SET is_active = false WHERE id = $1"


@pytest.mark.parametrize(
    ("kind", "facts", "mailed"),
    [
        ("booking_confirmation", {"booking": CONFIRMED}, True),
        ("booking_confirmation", {"booking": CANCELLED}, False),
        ("booking_confirmation", {"booking": CONFIRMED, "event": OFF}, False),
        ("waitlist_available", {"booking": PENDING}, True),
        ("waitlist_available", {"booking": CONFIRMED}, True),
        ("waitlist_available", {"booking": {**CONFIRMED, "expires_at": NOW - HOUR}}, True),
        ("waitlist_available", {"booking": OUT}, False),
        ("waitlist_available", {"booking": CANCELLED}, False),
        ("waitlist_available", {"booking": PENDING, "event": OFF}, False),
        ("event_reminder", {"booking": CONFIRMED}, True),
        ("event_reminder", {"booking": PENDING}, False),
        ("event_reminder", {"booking": CONFIRMED, "event": OFF}, False),
        ("event_reminder", {"booking": CONFIRMED, "event": EARLIER}, False),
        (
            "event_reminder",
            {"booking": CONFIRMED, "event": BEGUN, "key": f"x:{NOW - HOUR:%Y%m%dT%H%M%S}"},
            False,
        ),
        ("event_updated", {"booking": CONFIRMED}, True),
        ("event_updated", {"booking": PENDING}, True),
        ("event_updated", {"booking": CANCELLED}, False),
        ("event_updated", {"booking": {"status": "no_show"}}, False),
        ("event_updated", {"entry": "waiting"}, True),
        ("event_updated", {"entry": "offered"}, True),
        ("event_updated", {"entry": "left"}, False),
        ("event_updated", {}, False),
        ("event_updated", {"booking": CONFIRMED, "event": OFF}, False),
        ("event_updated", {"booking": CONFIRMED, "event": BEGUN}, True),
        ("event_updated", {"booking": CONFIRMED, "event": OVER}, False),
        ("event_cancelled", {"event": OFF}, True),
        ("system_announcement", {}, True),
        ("system_announcement", {"user": SILENT}, False),
        ("system_announcement", {"user": AWAY}, False),
    ],
)
async def test_news_is_mailed_while_it_is_true_to_who_wants_it(
    database: Database, kind: str, facts: dict[str, Any], mailed: bool
) -> None:
    assert await is_mailed(database, kind, **facts) is mailed


@pytest.mark.parametrize(
    ("other", "mailed"),
    [
        ({"key": "booking_cancelled:1"}, False),
        ({"key": "event_cancelled:1", "notification_type": "event_cancelled"}, False),
        ({"key": "booking_cancelled:1", "created_at": NOW - HOUR}, True),
        ({"key": "hold_expired:1"}, True),
        ({"key": "booking_cancelled:1", "booking_id": None}, True),
    ],
)
async def test_a_refund_is_told_by_itself_unless_the_end_of_the_booking_tells_it(
    database: Database, other: dict[str, Any], mailed: bool
) -> None:
    organizer, person = await insert_users(database, 2)
    event = await insert_event(database, organizer)
    booking = await insert_booking(database, event, person, status="cancelled")
    facts = {"event_id": event, "booking_id": booking, "created_at": NOW}
    note = await insert_notification(database, person, "payment_refunded:1", **facts)
    values = {**facts, **other}
    await insert_notification(database, person, values.pop("key"), **values)
    assert (await notifications.find_for_mail(database, note) is not None) is mailed


async def test_a_mail_names_the_last_payment_that_counted(database: Database) -> None:
    organizer, person = await insert_users(database, 2)
    event = await insert_event(database, organizer)
    booking = await insert_booking(database, event, person, status="confirmed")
    await insert_payment(database, booking, person, status="refunded", refund_state="returned")
    last = await insert_payment(database, booking, person, status="completed")
    await insert_payment(database, booking, person, status="cancelled")
    note = await insert_notification(database, person, "x", event_id=event, booking_id=booking)
    found = await notifications.find_for_mail(database, note)
    assert found is not None
    assert found["payment_id"] == last


@pytest.mark.parametrize(
    ("booking", "kind", "tells"),
    [
        ({"status": "cancelled", "cancelled_at": NOW}, "system_announcement", True),
        ({"status": "cancelled", "cancelled_at": NOW - HOUR}, "system_announcement", False),
        ({"status": "cancelled", "cancelled_at": NOW - HOUR}, "event_cancelled", True),
        ({"status": "confirmed"}, "event_cancelled", False),
    ],
)
async def test_a_mail_that_tells_of_a_bookings_end_says_so(
    database: Database, booking: dict[str, Any], kind: str, tells: bool
) -> None:
    organizer, person = await insert_users(database, 2)
    event = await insert_event(database, organizer)
    booking_id = await insert_booking(database, event, person, **booking)
    note = await insert_notification(
        database, person, "x", notification_type=kind, event_id=event, booking_id=booking_id, created_at=NOW
    )
    found = await notifications.find_for_mail(database, note)
    assert found is not None
    assert bool(found["tells_of_end"]) is tells


async def test_what_is_read_twice_or_by_others_keeps_its_time(database: Database) -> None:
    one, other = await insert_users(database, 2)
    mine, theirs = [await insert_notification(database, user, "x") for user in (one, other)]
    read = await insert_notification(database, one, "y", is_read=True, read_at=NOW - HOUR)
    viewer = Viewer(one, "attendee")
    assert await notifications.count_unread(database, viewer) == 1
    async with database.transaction() as tx:
        assert await notifications.mark_all_as_read(tx, viewer) == 1
    rows = await database.fetch("SELECT id, is_read, read_at FROM notifications ORDER BY id")
    by_id = {row["id"]: row for row in rows}
    assert (by_id[mine]["is_read"], by_id[theirs]["is_read"]) == (True, False)
    assert by_id[read]["read_at"] == NOW - HOUR
