"""Counters are counted again while somebody changes what they count."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

import pytest

from eventhub.database import Database, Transaction
from eventhub.models.facts import FactType
from eventhub.services.operations import checks, doctor
from eventhub.services.operations.actions import Actor
from tests.rows import insert_booking, insert_code, insert_event, insert_payment, insert_type, insert_users
from tests.waiting import until

CHECKS = {check.name: check for check in checks.COUNTERS}

_WAITING = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"


@pytest.mark.parametrize(
    "name", ["seats", "ticket types", "promo codes", "reviews", "votes", "revenue", "spent", "attended"]
)
async def test_a_recount_waits_for_who_changes_what_is_counted(database: Database, name: str) -> None:
    """The counter was wrong before; the change is there with it, and both are right afterwards."""
    organizer, user = await insert_users(database, 2)
    event = await insert_event(
        database, organizer, status="completed", seats_held=7, reviews_count=7, revenue=7, max_attendees=50
    )
    booking = await insert_booking(database, event, user, status="confirmed", total_price=5)
    await database.execute("UPDATE events SET seats_confirmed = 1 WHERE id = $1", event)
    await insert_payment(database, booking, user, processed_at=None)
    await database.execute(
        "UPDATE profiles SET total_spent = 7, total_events_attended = 7 WHERE user_id = $1", user
    )
    review = await database.fetch_value(
        "INSERT INTO reviews (event_id, user_id, rating, title, review, attended, helpful_count, created_at, updated_at) "
        "VALUES ($1, $2, 4, '', '', true, 7, now(), now()) RETURNING id",
        event,
        user,
    )
    await insert_type(database, event, "Student", seats_held=7)
    await insert_code(database, event, "HALF", uses=7)
    async with database.transaction() as tx:
        await _CHANGES[name](tx, event, user, review)
        repairing = asyncio.create_task(
            doctor.repair_counters(database, Actor("root"), CHECKS[name]), context=contextvars.Context()
        )
        await until(lambda: database.fetch_value(_WAITING), "the recount waits for the row")
    result = await repairing
    assert (result.verdict, len(result.repaired)) == (doctor.Verdict.OK, 1)


async def _book(tx: Transaction, event: int, user: int, _review: int) -> None:
    await tx.execute("UPDATE events SET seats_held = seats_held + 1 WHERE id = $1", event)
    booking = await tx.fetch_value(
        "INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, "
        "registered_at, expires_at, is_itemized, promo_code_id, promo_uses) "
        "SELECT $1, organizer_id, 'pending', 1, 0, '', now(), now(), true, c.id, 1 "
        "FROM events e JOIN promo_codes c ON c.event_id = e.id WHERE e.id = $1 RETURNING id",
        event,
    )
    tx.record(FactType.BOOKING_CREATED, event, user, booking=booking)
    await tx.execute(
        "INSERT INTO booking_items (booking_id, ticket_type_id, position, name, quantity, unit_price, total, attendees) "
        "SELECT $2, id, 0, name, 1, 0, 0, '[]' FROM ticket_types WHERE event_id = $1",
        event,
        booking,
    )
    await tx.execute("UPDATE ticket_types SET seats_held = seats_held + 1 WHERE event_id = $1", event)
    await tx.execute("UPDATE promo_codes SET uses = uses + 1 WHERE event_id = $1", event)


async def _review(tx: Transaction, event: int, _user: int, _review: int) -> None:
    await tx.execute(
        "UPDATE events SET reviews_count = reviews_count + 1, rating_sum = rating_sum + 3 WHERE id = $1",
        event,
    )
    await tx.execute(
        "INSERT INTO reviews (event_id, user_id, rating, title, review, attended, created_at, updated_at) "
        "SELECT $1, organizer_id, 3, '', '', false, now(), now() FROM events WHERE id = $1",
        event,
    )


async def _vote(tx: Transaction, _event: int, user: int, review: int) -> None:
    await tx.execute("UPDATE reviews SET helpful_count = helpful_count + 1 WHERE id = $1", review)
    await tx.execute(
        "INSERT INTO review_votes (review_id, user_id, is_helpful) VALUES ($1, $2, true)", review, user
    )


async def _pay(tx: Transaction, event: int, user: int, _review: int) -> None:
    await tx.execute("UPDATE events SET revenue = revenue + 5 WHERE id = $1", event)
    await tx.execute("UPDATE profiles SET total_spent = total_spent + 5 WHERE user_id = $1", user)
    payment = await tx.fetch_value(
        "UPDATE payments SET status = 'completed', processed_at = now() RETURNING id"
    )
    tx.record(FactType.PAYMENT_COMPLETED, event, user, payment=payment)


async def _certify(tx: Transaction, event: int, user: int, _review: int) -> None:
    await tx.execute(
        "UPDATE profiles SET total_events_attended = total_events_attended + 1 WHERE user_id = $1", user
    )
    await tx.execute(
        "INSERT INTO certificates (event_id, user_id, certificate_number, hours_completed, skill_tags, issued_date) "
        "VALUES ($1, $2, 'CERT', 2, '', now())",
        event,
        user,
    )


_CHANGES: dict[str, Callable[[Transaction, int, int, int], Awaitable[None]]] = {
    "seats": _book,
    "ticket types": _book,
    "promo codes": _book,
    "reviews": _review,
    "votes": _vote,
    "revenue": _pay,
    "spent": _pay,
    "attended": _certify,
}
