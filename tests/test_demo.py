"""The demo: its counters are right, every list shows something, and it is put in once."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from eventhub import demo
from eventhub.models.events import Category, EventStatus
from eventhub.settings import Settings
from eventhub.web.routes import ROUTES
from eventhub.workers.clock import TASKS
from tests.api import Api
from tests.conftest import MakeApi
from tests.rows import HELD, WRONG_COUNTERS

LOGINS = {name: password for name, password, _ in demo.logins()}


@pytest.fixture
async def demo_api(settings: Settings, make_api: MakeApi) -> Api:
    assert await demo.fill(settings)
    return await make_api()


@pytest.fixture
async def sql(settings: Settings, empty_database: None) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


def test_the_documented_user_is_among_the_logins() -> None:
    assert ("admin", "admin123", "admin") in demo.logins()


async def test_counters_equal_the_rows(settings: Settings, sql: Any) -> None:
    await demo.fill(settings)
    assert await sql.fetch(WRONG_COUNTERS) == []
    wrong = await sql.fetch(
        f"""
        SELECT title FROM events e WHERE
          (seats_held, seats_confirmed, waiting_count, reviews_count, rating_sum, revenue) IS DISTINCT FROM (
            {HELD},
            (SELECT coalesce(sum(number_of_tickets), 0) FROM bookings WHERE event_id = e.id AND status = 'confirmed'),
            (SELECT count(*) FROM waitlist_entries WHERE event_id = e.id AND status = 'waiting'),
            (SELECT count(*) FROM reviews WHERE event_id = e.id),
            (SELECT coalesce(sum(rating), 0) FROM reviews WHERE event_id = e.id),
            (SELECT coalesce(sum(amount), 0) FROM payments p JOIN bookings b ON b.id = p.booking_id
             WHERE b.event_id = e.id AND p.status = 'completed'))
        """
    )
    assert wrong == []
    wrong = await sql.fetch(
        """
        SELECT id FROM reviews r WHERE (helpful_count, unhelpful_count) IS DISTINCT FROM (
            (SELECT count(*) FROM review_votes WHERE review_id = r.id AND is_helpful),
            (SELECT count(*) FROM review_votes WHERE review_id = r.id AND NOT is_helpful))
        """
    )
    assert wrong == []
    wrong = await sql.fetch(
        """
        SELECT user_id FROM profiles p WHERE (total_spent, total_events_attended) IS DISTINCT FROM (
            (SELECT coalesce(sum(amount), 0) FROM payments WHERE user_id = p.user_id AND status = 'completed'),
            (SELECT count(*) FROM certificates WHERE user_id = p.user_id))
        """
    )
    assert wrong == []


async def test_times_are_in_order(settings: Settings, sql: Any) -> None:
    await demo.fill(settings)
    checks = {
        "bookings after their event was made, and not in the future": """
            SELECT b.id FROM bookings b JOIN events e ON e.id = b.event_id
            WHERE b.registered_at > now() OR b.registered_at < e.created_at
               OR (b.status <> 'pending' AND b.registered_at > e.registration_deadline)""",
        "confirmed and cancelled after booking": """
            SELECT id FROM bookings WHERE confirmed_at < registered_at OR cancelled_at < registered_at""",
        "events made before they start, by people who had joined": """
            SELECT e.id FROM events e JOIN users u ON u.id = e.organizer_id
            WHERE e.created_at >= e.start_date OR e.created_at < u.date_joined OR e.updated_at < e.created_at
               OR e.updated_at > now()""",
        "reviews after the event": """
            SELECT r.id FROM reviews r JOIN events e ON e.id = r.event_id
            WHERE r.created_at < e.end_date OR r.created_at > now()""",
        "the line in the order of its numbers": """
            SELECT w.id FROM waitlist_entries w JOIN waitlist_entries ahead
              ON ahead.event_id = w.event_id AND ahead.line_number < w.line_number
            WHERE ahead.joined_at > w.joined_at OR w.joined_at > now()""",
        "states that the clock would leave alone": """
            SELECT id FROM events WHERE (status = 'published' AND start_date <= now())
               OR (status = 'ongoing' AND (end_date <= now() OR start_date > now()))
               OR (status = 'completed' AND end_date > now())""",
        "payments between booking and invoice": """
            SELECT p.id FROM payments p JOIN bookings b ON b.id = p.booking_id JOIN invoices i ON i.payment_id = p.id
            WHERE p.created_at < b.registered_at OR p.processed_at < p.created_at OR i.issued_at < p.processed_at
               OR p.processed_at > now() OR p.refunded_at < p.processed_at""",
        "notifications not in the future": "SELECT id FROM notifications WHERE created_at > now()",
    }
    assert {name: rows for name, query in checks.items() if (rows := await sql.fetch(query))} == {}


async def test_every_kind_of_event_is_there(demo_api: Api) -> None:
    admin = await demo_api.sign_in("admin", LOGINS["admin"])
    shown = (await admin.get("/api/events/")).data
    assert {event["status"] for event in shown} == set(EventStatus)
    assert {event["category"] for event in shown} == set(Category)
    assert {event["is_online"] for event in shown} == {True, False}
    assert {event["price"] == "0.00" for event in shown} == {True, False}
    left = [(await admin.get(f"/api/events/{event['id']}/statistics/")).data for event in shown]
    assert any(counts["available_spots"] == 0 and counts["waitlist_count"] > 0 for counts in left)
    assert any(counts["available_spots"] == 1 for counts in left)


async def test_every_public_list_shows_something(demo_api: Api) -> None:
    lists = [route.path for route in ROUTES if route.is_public and route.listing is not None]
    assert "/api/events/{id}/attendees/" in lists
    for path in (
        *(path.replace("{id}", "1") for path in lists),
        "/api/events/?search=python",
        "/api/events/?search=databases&status=completed",
    ):
        assert (await demo_api.anonymous.get(path)).data, path


async def test_documented_users_see_something_in_each_of_their_lists(demo_api: Api) -> None:
    for name in ("admin", "arthur"):
        person = await demo_api.sign_in(name, LOGINS[name])
        for path in (
            "/api/bookings/",
            "/api/waitlist/",
            "/api/payments/",
            "/api/invoices/",
            "/api/certificates/",
            "/api/notifications/?is_read=true",
            "/api/notifications/?is_read=false",
            f"/api/users/{person.id}/reviews/",
        ):
            assert (await person.get(path)).data, (name, path)
    for name in ("admin", "olivia"):
        person = await demo_api.sign_in(name, LOGINS[name])
        assert (await person.get(f"/api/users/{person.id}/events_organized/")).data, name


async def test_a_conference_sells_what_organizers_sell(demo_api: Api) -> None:
    admin, arthur = [await demo_api.sign_in(name, LOGINS[name]) for name in ("admin", "arthur")]
    (event,) = (await admin.get("/api/events/?search=open%20source%20conference")).data
    path = f"/api/events/{event['id']}/"
    shown = (await arthur.get(f"{path}ticket_types/")).data
    assert [(each["name"], each["status"], each["available"]) for each in shown] == [
        ("Early bird", "sold_out", 0),
        ("Student", "on_sale", 58),
    ]
    dinner = (await admin.get(f"{path}ticket_types/")).data[2]
    assert (dinner["name"], dinner["is_hidden"], dinner["is_reserved"]) == ("Speakers' dinner", True, True)
    assert (dinner["capacity"], dinner["available"], dinner["seats_held"]) == (10, 9, 1)
    codes = (await admin.get(f"{path}promo_codes/?ordering=id")).data
    assert [(each["code"], each["uses"]) for each in codes] == [("RIVER20", 3), ("PRESS", 1)]

    (booking,) = (await arthur.get(f"/api/bookings/?event={event['id']}")).data
    booking = (await arthur.get(f"/api/bookings/{booking['id']}/")).data
    assert (booking["status"], booking["promo_code"], booking["total_price"]) == (
        "confirmed",
        "RIVER20",
        "295.40",
    )
    (invoice,) = (await arthur.get(f"/api/invoices/?event={event['id']}")).data
    lines = (await arthur.get(f"/api/invoices/{invoice['id']}/")).data["lines"]
    assert [(line["description"], line["discount"], line["amount"]) for line in lines] == [
        ("Early bird", "0.00", "149.00"),
        ("Student", "19.60", "78.40"),
        ("Speakers' dinner", "17.00", "68.00"),
    ]


async def test_the_booking_that_the_documents_show_costs_what_they_say(demo_api: Api) -> None:
    guide = (Path(__file__).parent.parent / "docs" / "selling.md").read_text()
    booking = json.loads(guide.partition("```json")[2].partition("```")[0])
    quoted = await demo_api.anonymous.post(f"/api/events/{booking['event']}/quote/", booking)
    assert (quoted.status, quoted.data["total_price"]) == (200, booking["expected_total"])
    assert quoted.data["discount"] != "0.00"


async def test_events_are_where_they_are(demo_api: Api) -> None:
    admin = await demo_api.sign_in("admin", LOGINS["admin"])
    events = [
        (await admin.get(f"/api/events/{each['id']}/")).data
        for each in (await admin.get("/api/events/")).data
    ]
    assert {event["timezone"] for event in events} == {"UTC", "Europe/Lisbon", "Europe/Berlin"}


async def test_bookings_of_the_attendee_are_pending_confirmed_and_cancelled(demo_api: Api) -> None:
    arthur = await demo_api.sign_in("arthur", LOGINS["arthur"])
    bookings = (await arthur.get("/api/bookings/")).data
    assert {booking["status"] for booking in bookings} == {"pending", "confirmed", "cancelled"}


async def test_jobs_left_for_workers_run_and_change_no_counter(demo_api: Api) -> None:
    before = await demo_api.database.fetch("SELECT id, seats_held, seats_confirmed FROM events ORDER BY id")
    await demo_api.run_jobs()
    after = await demo_api.database.fetch("SELECT id, seats_held, seats_confirmed FROM events ORDER BY id")
    assert before == after


async def test_the_clock_finds_nothing_owed_but_what_time_brings(demo_api: Api) -> None:
    """Nobody is mailed about what the demo says is long past, and no gateway is asked."""
    await demo_api.run_jobs()
    for task in TASKS:
        if task.name != "remind":  # what time brings
            async with demo_api.database.transaction() as tx:
                assert await task.step(tx, task.at_once) == 0, task.name
    assert await demo_api.database.fetch("SELECT id FROM events WHERE owed <> '{}'") == []


async def test_second_fill_changes_nothing(settings: Settings, sql: Any) -> None:
    assert await demo.fill(settings)
    before = await _everything(sql)
    assert not await demo.fill(settings)
    assert await _everything(sql) == before


async def test_database_with_one_user_is_left_alone(settings: Settings, make_api: MakeApi, sql: Any) -> None:
    api = await make_api()
    await api.person()
    await api.client.close()
    assert not await demo.fill(settings)
    assert await sql.fetchval("SELECT count(*) FROM users") == 1


@pytest.mark.long
async def test_of_two_fills_at_once_one_is_kept(settings: Settings, sql: Any) -> None:
    environ = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "EVENTHUB_SECRET_KEY": settings.secret_key,
    }

    def fill() -> str:
        return subprocess.run(
            [sys.executable, "-m", "eventhub.cli", "demo"],
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    told = await asyncio.gather(asyncio.to_thread(fill), asyncio.to_thread(fill))
    assert sorted(told) == ["Demo data is in.\n", "The database is not empty: nothing was changed.\n"]
    assert await sql.fetchval("SELECT count(*) FROM users WHERE username = 'admin'") == 1


async def test_weak_password_is_warned_of(
    settings: Settings, sql: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await demo.fill(settings)
    assert "user admin has a weak password" in caplog.text


async def test_fill_is_quick(settings: Settings, sql: Any) -> None:
    # The processor's time: other programs of this machine do not count.
    started_at = time.process_time()
    await demo.fill(settings)
    assert time.process_time() - started_at < 2


async def test_logins_count_as_documented_until_a_password_changes(settings: Settings, sql: Any) -> None:
    assert not await demo.has_documented_logins(settings)
    await demo.fill(settings)
    assert await demo.has_documented_logins(settings)
    await sql.execute("UPDATE users SET password_hash = '-' WHERE username = 'olivia'")
    assert not await demo.has_documented_logins(settings)


async def _everything(sql: Any) -> dict[str, str]:
    """Return a digest of each table's rows."""
    tables = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        name: await sql.fetchval(
            f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{name}\" t"
        )
        for (name,) in tables
    }
