"""Rows put straight into the database, for tests that need many, or a past that no request can make."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from eventhub.database import Database

NOW = datetime.now(UTC).replace(microsecond=0)


async def insert_users(database: Database, count: int, user_type: str = "attendee") -> list[int]:
    """Return the ids of so many new users, who cannot sign in."""
    rows = await database.fetch(
        "INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website, "
        "organization, is_verified, is_active, date_joined) "
        "SELECT 'row' || n, 'row' || n || '@example.com', '-', 'Row', n::text, $2, '', '+1', '', '', false, true, "
        "$3::timestamptz + n / 2 * interval '1 second' FROM generate_series(1, $1::int) n RETURNING id",
        count,
        user_type,
        NOW - timedelta(days=2),
    )
    ids = [row["id"] for row in rows]
    await database.execute(
        "INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, "
        "notifications_enabled, total_events_attended, total_spent) "
        "SELECT id, '', '', '', '', false, true, 0, 0 FROM unnest($1::bigint[]) id",
        ids,
    )
    return ids


async def insert_event(database: Database, organizer_id: int, **changes: object) -> int:
    """Return the id of a new published event in ten days."""
    start = NOW + timedelta(days=10)
    values: dict[str, Any] = {
        "title": "Test Workshop",
        "description": "A test workshop",
        "category": "workshop",
        "organizer_id": organizer_id,
        "location": "Test Location",
        "is_online": False,
        "online_url": "",
        "status": "published",
        "start_date": start,
        "end_date": start + timedelta(hours=2),
        "registration_deadline": start,
        "max_attendees": 50,
        "price": 0,
        "tags": "",
        "created_at": NOW,
        "updated_at": NOW,
        "published_at": None if changes.get("status") == "draft" else NOW,
        **changes,
    }
    return await insert(database, "events", values)


async def insert(database: Database, table: str, values: dict[str, Any]) -> int:
    """Return the id of a new row with these values."""
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    row_id: int = await database.fetch_value(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places}) RETURNING id", *values.values()
    )
    return row_id


async def insert_review(database: Database, event_id: int, user_id: int, **changes: object) -> int:
    """Return the id of a new review with five helpful votes."""
    values = {
        "event_id": event_id,
        "user_id": user_id,
        "rating": 5,
        "title": "Excellent workshop!",
        "review": "Very informative and well organized",
        "attended": True,
        "helpful_count": 5,
        "unhelpful_count": 0,
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return await insert(database, "reviews", values)


async def insert_booking(database: Database, event: int, user: int, **changes: object) -> int:
    """Return the id of a new pending booking that costs 5.00 and is held for an hour; no seat is counted."""
    values = {
        "event_id": event,
        "user_id": user,
        "status": "pending",
        "number_of_tickets": 1,
        "total_price": 5,
        "currency": "USD",
        "special_requirements": "",
        "registered_at": NOW - timedelta(hours=1),
        "expires_at": NOW + timedelta(hours=1),
        **changes,
    }
    return await insert(database, "bookings", values)


async def insert_type(database: Database, event: int, name: str, **changes: object) -> int:
    """Return the id of a new ticket type that costs 5.00; a reserved one has set no seats aside yet."""
    values = {
        "event_id": event,
        "name": name,
        "price": 5,
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return await insert(database, "ticket_types", values)


async def insert_code(database: Database, event: int, code: str, **changes: object) -> int:
    """Return the id of a new promo code that halves the price of every ticket on sale."""
    values = {
        "event_id": event,
        "code": code,
        "kind": "percent",
        "value": 50,
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    if values["kind"] in {"free", "unlock"}:
        values["value"] = None
    return await insert(database, "promo_codes", values)


async def insert_items(database: Database, booking: int, *lines: tuple[int | None, int]) -> None:
    """Give a booking lines of (ticket type, quantity), at 5.00 a ticket."""
    for position, (ticket_type, quantity) in enumerate(lines):
        values: dict[str, Any] = {
            "booking_id": booking,
            "ticket_type_id": ticket_type,
            "position": position,
            "name": "Ticket",
            "quantity": quantity,
            "unit_price": 5,
            "total": 5 * quantity,
            "attendees": "[]",
        }
        await insert(database, "booking_items", values)


async def insert_payment(database: Database, booking: int, user: int, **changes: object) -> int:
    """Return the id of a new pending payment that its gateway was asked about just now."""
    made = NOW - 2 * timedelta(hours=1)
    values: dict[str, Any] = {
        "booking_id": booking,
        "user_id": user,
        "amount": 5,
        "currency": "USD",
        "status": "pending",
        "method": "mock",
        "gateway": "mock",
        "transaction_id": f"EVH-{next(_payments)}",
        "created_at": made,
        "checked_at": datetime.now(UTC),  # NOW may be minutes ago, after which it is asked about again
        "wait_until": NOW + timedelta(hours=1),
        "billing_address": "",
        "reference_number": "",
        **changes,
    }
    return await insert(database, "payments", values)


_payments = count(1)


async def insert_notification(database: Database, user_id: int, key: str, **changes: object) -> int:
    """Return the id of a new unread notification."""
    values = {
        "user_id": user_id,
        "notification_type": "system_announcement",
        "title": "Hello",
        "message": "A message",
        "key": key,
        "is_read": False,
        "created_at": NOW,
        **changes,
    }
    return await insert(database, "notifications", values)


async def move_event(database: Database, event_id: int, *, starts_in_hours: float) -> None:
    """Let the event start so many hours from now (two hours long, booked until it starts), as time would."""
    await database.execute(
        "UPDATE events SET start_date = now() + make_interval(secs => $2), "
        "end_date = now() + make_interval(secs => $2 + 7200), "
        "registration_deadline = now() + make_interval(secs => $2) WHERE id = $1",
        event_id,
        starts_in_hours * 3600.0,
    )


async def pass_deadline(database: Database, event_id: int) -> None:
    """Let the event's registration deadline have passed a second ago."""
    await database.execute(
        "UPDATE events SET registration_deadline = now() - interval '1 second' WHERE id = $1", event_id
    )


async def run_out(database: Database, booking_id: int) -> None:
    """Let the time run out for which a pending booking holds its seats."""
    await database.execute(
        "UPDATE bookings SET expires_at = now() - interval '1 second' WHERE id = $1", booking_id
    )


# What bookings and reserved ticket types hold of the seats of `events e`.
HELD = """
(SELECT coalesce(sum(number_of_tickets), 0) FROM bookings b WHERE b.event_id = e.id AND b.status IN ('pending', 'confirmed'))
+ (SELECT coalesce(sum(capacity), 0) FROM ticket_types t WHERE t.event_id = e.id AND t.is_reserved)
- (SELECT coalesce(sum(i.quantity), 0) FROM booking_items i JOIN bookings b ON b.id = i.booking_id
   JOIN ticket_types t ON t.id = i.ticket_type_id
   WHERE b.event_id = e.id AND b.status IN ('pending', 'confirmed') AND t.is_reserved)
"""
# What is wrong with the counters of types and codes.
WRONG_COUNTERS = """
SELECT 'ticket type' AS what, id, seats_held AS counted FROM ticket_types t
WHERE seats_held <> (SELECT coalesce(sum(i.quantity), 0) FROM booking_items i JOIN bookings b ON b.id = i.booking_id
                     WHERE i.ticket_type_id = t.id AND b.status IN ('pending', 'confirmed'))
   OR seats_held > capacity
UNION ALL
SELECT 'promo code', id, uses FROM promo_codes c
WHERE uses <> (SELECT coalesce(sum(promo_uses), 0) FROM bookings WHERE promo_code_id = c.id AND status <> 'cancelled')
   OR uses > max_uses
"""


async def seats(database: Database, event_id: int) -> tuple[int, int, int]:
    """Return (held, confirmed, waiting) of an event, after checking the counters against the rows."""
    wrong = await database.fetch(WRONG_COUNTERS)
    assert not wrong, [dict(row) for row in wrong]
    row = await database.fetch_one(
        "SELECT e.seats_held, e.seats_confirmed, e.waiting_count, "
        f"{HELD} AS held, "
        "(SELECT coalesce(sum(number_of_tickets), 0) FROM bookings b "
        " WHERE b.event_id = e.id AND b.status = 'confirmed') AS confirmed, "
        "(SELECT count(*) FROM waitlist_entries w WHERE w.event_id = e.id AND w.status = 'waiting') AS waiting "
        "FROM events e WHERE e.id = $1",
        event_id,
    )
    assert row is not None
    counters = (row["seats_held"], row["seats_confirmed"], row["waiting_count"])
    assert counters == (row["held"], row["confirmed"], row["waiting"])
    return counters


async def told(database: Database, user_id: int) -> list[str]:
    """Return the types of what a user was told, oldest first."""
    rows = await database.fetch(
        "SELECT notification_type FROM notifications WHERE user_id = $1 ORDER BY id", user_id
    )
    return [row["notification_type"] for row in rows]
