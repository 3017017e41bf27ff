"""What the clock looks for: rows that one condition alone keeps out, beside those that are found, the oldest first."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from eventhub.database import Database, Transaction
from eventhub.services import (
    auth,
    bookings,
    events,
    idempotency,
    jobs,
    notifications,
    payments,
    recipients,
    waitlist,
)
from eventhub.services.events import selling
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

Step = Callable[[Transaction, int], Awaitable[int]]


async def look(database: Database, step: Step, limit: int = 100) -> int:
    async with database.transaction() as tx:
        return await step(tx, limit)


async def found(database: Database, name: str) -> list[tuple[str, int]]:
    """Return kind and id of what jobs are to see to, in the order in which they were asked for."""
    rows = await database.fetch(
        "SELECT kind, (payload->>$1)::bigint AS id FROM jobs WHERE payload ? $1 ORDER BY jobs.id", name
    )
    return [(row["kind"], row["id"]) for row in rows]


@pytest.fixture
async def organizer(database: Database) -> int:
    (user_id,) = await insert_users_named(database, "organizer")
    return user_id


async def test_waitlists_that_could_move(database: Database, organizer: int) -> None:
    ready = {"waiting_count": 2, "max_attendees": 5, "seats_held": 4, "is_selling": True}
    late = await insert_event(database, organizer, **ready, registration_deadline=NOW + 9 * HOUR)
    soon = await insert_event(database, organizer, **ready, registration_deadline=NOW + 8 * HOUR)
    for change in (
        {"waiting_count": 0},
        {"seats_held": 5},
        {"is_selling": False},
        {"status": "draft"},
        {"status": "ongoing"},
        {"registration_deadline": NOW - HOUR},
    ):
        await insert_event(database, organizer, **{**ready, **change})
    assert await look(database, waitlist.promote_stalled, 1) == 1
    assert await look(database, waitlist.promote_stalled) == 1
    assert await found(database, "event_id") == [("promote_waitlist", soon), ("promote_waitlist", late)]


async def test_waitlists_that_take_nobody_any_more(database: Database, organizer: int) -> None:
    over = {"waiting_count": 1, "registration_deadline": NOW - HOUR}
    ended = await insert_event(database, organizer, **over)
    first = await insert_event(database, organizer, **{**over, "registration_deadline": NOW - 2 * HOUR})
    off = await insert_event(database, organizer, waiting_count=1, status="cancelled")
    await insert_event(database, organizer, waiting_count=1)
    await insert_event(database, organizer, **{**over, "waiting_count": 0})
    assert await look(database, waitlist.close_after_deadline, 1) == 1
    assert await look(database, waitlist.close_after_deadline) == 2
    assert await found(database, "event_id") == [("close_waitlist", event) for event in (first, ended, off)]


async def test_holds_that_have_run_out_and_free_bookings(database: Database, organizer: int) -> None:
    event = await insert_event(database, organizer)
    off = await insert_event(database, organizer, status="cancelled")
    people = await insert_users(database, 11)
    out = {"expires_at": NOW - HOUR}
    late = await insert_booking(database, event, people[0], **out)
    later = await insert_booking(database, event, people[1], expires_at=NOW - 2 * HOUR)
    kept, ended, failed = [await insert_booking(database, event, person, **out) for person in people[2:5]]
    await insert_payment(database, kept, people[2])
    await insert_payment(database, ended, people[3], wait_until=NOW - HOUR)
    await insert_payment(database, failed, people[4], status="failed")
    await insert_booking(database, event, people[5], **out, status="confirmed")
    await insert_booking(database, event, people[6])
    free = await insert_booking(database, event, people[7], total_price=0)
    free_and_late = await insert_booking(database, event, people[10], total_price=0, **out)
    await insert_booking(database, event, people[8], total_price=0, status="confirmed")
    await insert_booking(database, off, people[7], total_price=0)
    late_and_free = await insert_booking(database, off, people[9], total_price=0, **out)
    assert await look(database, bookings.expire_overdue, 1) == 2
    assert await look(database, bookings.expire_overdue) == 5
    jobs_of = await found(database, "booking_id")
    assert next(job for job in jobs_of if job[0] == "expire_booking") == ("expire_booking", later)
    assert sorted(jobs_of) == [
        ("confirm_booking", free),
        *sorted(
            ("expire_booking", booking)
            for booking in (later, late, ended, failed, late_and_free, free_and_late)
        ),
    ]


async def test_payments_that_owe_something(database: Database, organizer: int) -> None:
    event = await insert_event(database, organizer)
    people = iter(await insert_users(database, 13))

    async def payment(booking_status: str = "pending", **changes: object) -> int:
        person = next(people)
        booking = await insert_booking(database, event, person, status=booking_status)
        return await insert_payment(database, booking, person, **changes)

    long_ago = NOW - timedelta(minutes=11)
    never_asked = await payment(checked_at=NOW - 2 * HOUR)
    asked_long_ago = await payment(checked_at=long_ago)
    await payment(checked_at=datetime.now(UTC) - timedelta(minutes=8))
    await payment(checked_at=long_ago, gateway="offline")
    new_transfer = await payment(checked_at=NOW - 2 * HOUR, gateway="offline")
    await payment(checked_at=long_ago, status="failed")
    owed = await payment("cancelled", status="refunded", refund_state="owed")
    await payment("cancelled", status="refunded", refund_state="owed", dispute="open")
    await payment("cancelled", status="refunded", refund_state="by_hand")
    to_void = await payment("cancelled", status="cancelled", void_since=NOW - HOUR)
    overdue = await payment("confirmed", wait_until=NOW - HOUR)
    await payment(wait_until=NOW - HOUR)
    await payment("confirmed")
    expected = [
        *(("process_payment", each) for each in sorted((never_asked, asked_long_ago, new_transfer))),
        ("refund_payment", owed),
        *(("void_payment", each) for each in (to_void, overdue)),
    ]
    assert await look(database, payments.check_pending) == len(expected)
    assert sorted(await found(database, "payment_id")) == expected
    await database.execute("DELETE FROM jobs WHERE kind = 'process_payment'")
    assert await look(database, payments.check_pending) == 0, "who was asked is asked again in its time"


async def test_of_payments_the_one_that_was_asked_longest_ago_comes_first(
    database: Database, organizer: int
) -> None:
    event = await insert_event(database, organizer)
    asked = {}
    for person, minutes in zip(await insert_users(database, 3), (20, 40, 30), strict=True):
        booking = await insert_booking(database, event, person)
        at = NOW - timedelta(minutes=minutes)
        asked[minutes] = await insert_payment(database, booking, person, checked_at=at)
    for _ in range(3):
        assert await look(database, payments.check_pending, 1) == 1
    assert [payment for _, payment in await found(database, "payment_id")] == [
        asked[minutes] for minutes in (40, 30, 20)
    ]


async def test_disputes_that_nobody_has_looked_at_for_a_day(database: Database, organizer: int) -> None:
    event = await insert_event(database, organizer)
    ids = []
    for person, dispute, hours in zip(
        await insert_users(database, 4), ("open", "open", "open", "lost"), (25, 26, 23, 25), strict=True
    ):
        booking = await insert_booking(database, event, person, status="confirmed")
        at = NOW - hours * HOUR
        values = {"status": "completed", "dispute": dispute, "checked_at": at, "created_at": at - HOUR}
        ids.append(await insert_payment(database, booking, person, **values))
    assert await look(database, payments.follow_disputes, 1) == 1
    assert await look(database, payments.follow_disputes) == 1
    assert await found(database, "payment_id") == [("follow_money", ids[1]), ("follow_money", ids[0])]


async def statuses(database: Database) -> list[str]:
    return [row["status"] for row in await database.fetch("SELECT status FROM events ORDER BY id")]


async def test_events_that_begin_and_end(database: Database, organizer: int) -> None:
    def lasting(begin: int, end: int) -> dict[str, object]:
        return {
            "start_date": NOW + begin * HOUR,
            "end_date": NOW + end * HOUR,
            "registration_deadline": NOW + begin * HOUR,
        }

    for changes in (
        lasting(-1, 1),
        lasting(-2, 1),
        lasting(1, 2),
        {**lasting(-1, 1), "status": "draft"},
        {**lasting(-1, 1), "status": "cancelled"},
        {**lasting(-9, -1), "status": "ongoing"},
        {**lasting(-9, -2), "status": "ongoing"},
        {**lasting(-9, 1), "status": "ongoing"},
    ):
        await insert_event(database, organizer, **changes)
    rest = ["published", "draft", "cancelled"]
    assert await look(database, events.move_on_time, 1) == 2
    assert await statuses(database) == ["published", "ongoing", *rest, "ongoing", "completed", "ongoing"]
    assert await look(database, events.move_on_time) == 2
    assert await statuses(database) == ["ongoing", "ongoing", *rest, "completed", "completed", "ongoing"]
    assert await look(database, events.move_on_time) == 0
    owed = await database.fetch("SELECT id, owed FROM events WHERE owed <> '{}' ORDER BY id")
    assert [(row["id"], sorted(row["owed"])) for row in owed] == [
        (event, ["certificates", "survey"]) for event in (6, 7)
    ]


async def test_events_that_start_within_a_day(database: Database, organizer: int) -> None:
    def starting(hours: float) -> dict[str, object]:
        start = NOW + hours * HOUR
        return {"start_date": start, "end_date": start + HOUR, "registration_deadline": start}

    tomorrow = await insert_event(database, organizer, **starting(23.5))
    moved = await insert_event(database, organizer, **starting(20), reminded_for=NOW + 19 * HOUR)
    await insert_event(database, organizer, **starting(24.5))
    await insert_event(database, organizer, **starting(-0.1))
    await insert_event(database, organizer, **starting(20), status="draft")
    await insert_event(database, organizer, **starting(20), reminded_for=NOW + 20 * HOUR)
    assert await look(database, events.remind_due, 1) == 1
    assert await look(database, events.remind_due) == 1
    assert await look(database, events.remind_due) == 0
    assert await found(database, "event_id") == [("remind_attendees", moved), ("remind_attendees", tomorrow)]


async def test_events_that_do_not_follow_their_organizer(database: Database, organizer: int) -> None:
    away, back = await insert_users_named(database, "away", "back")
    await database.execute("UPDATE users SET is_active = false WHERE id = $1", away)
    stops = await insert_event(database, away, is_selling=True)
    await insert_event(database, away, is_selling=True, status="draft")
    goes_on = await insert_event(database, back, is_selling=False, waiting_count=1)
    quiet = await insert_event(database, back, is_selling=False)
    await insert_event(database, organizer, is_selling=True)
    assert await look(database, selling.follow_organizers) == 3
    on_sale = await database.fetch("SELECT id FROM events WHERE is_selling ORDER BY id")
    assert {row["id"] for row in on_sale} >= {goes_on, quiet}
    assert stops not in {row["id"] for row in on_sale}
    assert await found(database, "event_id") == [("promote_waitlist", goes_on)]


async def insert_users_named(database: Database, *names: str) -> list[int]:
    ids = []
    for name in names:
        values = {
            **dict.fromkeys(("username", "first_name", "last_name"), name),
            **dict.fromkeys(("bio", "phone", "website", "organization"), ""),
            "email": f"{name}@example.com",
            "password_hash": "-",
            "user_type": "organizer",
            "is_verified": True,
            "is_active": True,
            "date_joined": NOW,
        }
        ids.append(await insert(database, "users", values))
    return ids


async def test_mails_that_are_owed(database: Database, organizer: int) -> None:
    first, second = [await insert_notification(database, organizer, key, mail_owed=True) for key in "ab"]
    await insert_notification(database, organizer, "c", mail_owed=False)
    assert await look(database, notifications.mail_stalled, 1) == 1
    assert await look(database, notifications.mail_stalled) == 1
    assert await found(database, "notification_id") == [
        ("send_notification", first),
        ("send_notification", second),
    ]


PURGES: dict[str, tuple[Any, str, int, dict[str, Any]]] = {
    "mailed_notices": (recipients.purge, "sent_at", 24, {"address": "a@example.com", "key": "notice:{}"}),
    "webhook_events": (
        payments.purge_webhook_events,
        "received_at",
        30 * 24,
        {"gateway": "mock", "event_id": "evt_{}"},
    ),
    "job_log": (
        partial(jobs.purge_log, kept_days=14),
        "finished_at",
        14 * 24,
        {"job_id": 1, "kind": "work", "payload": "{{}}", "outcome": "done {}", "attempts": 1}
        | {"request_id": "", "created_at": NOW},
    ),
    "sign_ins": (
        auth.purge_spent,
        "expires_at",
        24,
        {"user_id": 1, "created_at": NOW, "network": "", "user_agent": "{}"},
    ),
    "idempotent_answers": (
        partial(idempotency.purge, kept_hours=24),
        "created_at",
        24,
        {"user_id": 1, "key": "{}", "fingerprint": b"", "status": 200, "body": b""},
    ),
}


@pytest.mark.parametrize("table", PURGES)
async def test_what_is_purged_is_old_enough_and_the_oldest_goes_first(
    database: Database, organizer: int, table: str
) -> None:
    purge, column, hours, values = PURGES[table]
    names = {}
    for age in (1, -1, 3, 2):
        row = {name: value.format(age) if isinstance(value, str) else value for name, value in values.items()}
        row_id = await insert(database, table, {**row, column: NOW - hours * HOUR - age * HOUR / 2})
        names[row_id] = age
    for left in ([1, -1, 2], [1, -1], [-1]):
        assert await purge(database, 1) == 1
        rows = await database.fetch(f"SELECT id FROM {table} ORDER BY id")
        assert [names[row["id"]] for row in rows] == left
    assert await purge(database, 1) == 0


async def test_notifications_are_purged_in_the_order_in_which_they_were_written(
    database: Database, organizer: int
) -> None:
    """Read or not; a mail that is still owed keeps its own. Looks at no more than it may drop, and those."""
    old = {"created_at": NOW - 30 * 24 * HOUR - HOUR, "is_read": True}
    owed = await insert_notification(database, organizer, "owed", **old, mail_owed=True)
    first = await insert_notification(database, organizer, "first", **old)
    second = await insert_notification(database, organizer, "second", **{**old, "is_read": False})
    new = await insert_notification(database, organizer, "new", created_at=NOW - 30 * 24 * HOUR + HOUR)

    async def left() -> list[int]:
        return [row["id"] for row in await database.fetch("SELECT id FROM notifications ORDER BY id")]

    assert await left() == [owed, first, second, new]
    assert await notifications.purge(database, 1, kept_days=30) == 1
    assert await left() == [owed, second, new]
    assert await notifications.purge(database, 5, kept_days=30) == 1
    assert await left() == [owed, new]
    assert await notifications.purge(database, 5, kept_days=30) == 0
