"""What becomes of the bookings of a cancelled event, all at once where nothing was paid."""

import contextlib
from collections.abc import Iterator
from typing import Any

from eventhub.database import Database, Transaction
from eventhub.models.jobs import CANCEL_EVENT_BOOKINGS, REFUND_PAYMENT, VOID_PAYMENT
from eventhub.services import events
from tests.rows import (
    NOW,
    insert,
    insert_code,
    insert_event,
    insert_items,
    insert_type,
    insert_users,
    seats,
    told,
)

PRICE = 10


async def _book(
    database: Database, event: int, user: int, status: str, paid: str | None = None, tickets: int = 1
) -> int:
    """Return the id of a new booking with this status, and with a payment of the status `paid`."""
    booking = await insert(
        database,
        "bookings",
        {
            "event_id": event,
            "user_id": user,
            "status": status,
            "number_of_tickets": tickets,
            "total_price": PRICE if paid else 0,
            "special_requirements": "",
            "registered_at": NOW,
            "expires_at": NOW,
            "cancel_reason": "by_owner" if status == "cancelled" else None,
        },
    )
    if paid:
        await insert(
            database,
            "payments",
            {
                "booking_id": booking,
                "user_id": user,
                "amount": PRICE,
                "currency": "USD",
                "status": paid,
                "method": "mock",
                "gateway": "mock",
                "transaction_id": f"EVH-{booking:012}",
                "created_at": NOW,
                "checked_at": NOW,
                "wait_until": NOW,
                "billing_address": "",
            },
        )
    if paid == "completed":
        await database.execute("UPDATE profiles SET total_spent = $2 WHERE user_id = $1", user, PRICE)
        await database.execute("UPDATE events SET revenue = revenue + $2 WHERE id = $1", event, PRICE)
    held, confirmed = (
        tickets if status in states else 0 for states in (("pending", "confirmed"), ("confirmed",))
    )
    await database.execute(
        "UPDATE events SET seats_held = seats_held + $2, seats_confirmed = seats_confirmed + $3 WHERE id = $1",
        event,
        held,
        confirmed,
    )
    return booking


@contextlib.contextmanager
def _statements(tx: Transaction) -> Iterator[list[str]]:
    """Yield what the transaction asks of the server."""
    connection: Any = tx.client._connection
    asked: list[str] = []
    with connection.query_logger(lambda record: asked.append(record.query)):
        yield asked


async def _cancel(database: Database, event: int) -> list[int]:
    """Cancel the event and do its jobs; return how many statements each chunk took."""
    await database.execute("UPDATE events SET status = 'cancelled' WHERE id = $1", event)
    counts: list[int] = []
    goes_on = True
    while goes_on:
        async with database.transaction() as tx:
            with _statements(tx) as statements:
                goes_on = await events.cancel_next(tx, event)
            counts.append(len(statements))
        assert len(counts) < 100, "it goes on for ever"
    return counts


async def test_everybody_is_told_once_and_all_money_goes_back(database: Database) -> None:
    organizer, *people = await insert_users(database, 9)
    event = await insert_event(database, organizer, price=PRICE)
    free, pending, offered, paid, late, paying, absent, gone = people
    await _book(database, event, free, "confirmed", tickets=3)
    await _book(database, event, pending, "pending", tickets=2)
    offer = await _book(database, event, offered, "pending")
    entry = await insert(
        database,
        "waitlist_entries",
        {
            "event_id": event,
            "user_id": offered,
            "booking_id": offer,
            "status": "offered",
            "line_number": 1,
            "joined_at": NOW,
        },
    )
    await _book(database, event, paid, "confirmed", "completed")
    await _book(database, event, late, "cancelled", "completed")  # after the deadline: nothing went back
    await _book(database, event, paying, "pending", "pending")
    await _book(database, event, absent, "no_show", "completed")
    await _book(database, event, gone, "cancelled")
    await _cancel(database, event)
    assert await seats(database, event) == (0, 0, 0)
    cancelled = "event_cancelled"
    refunded = "system_announcement"
    assert {person: await told(database, person) for person in people} == {
        free: [cancelled],
        pending: [cancelled],
        offered: [cancelled],
        paid: [refunded, cancelled],
        late: [refunded],
        paying: [cancelled],
        absent: [refunded],
        gone: [],
    }
    statuses = await database.fetch("SELECT status FROM payments ORDER BY user_id")
    assert [row["status"] for row in statuses] == ["refunded", "refunded", "pending", "refunded"]
    assert await database.fetch_value("SELECT revenue FROM events WHERE id = $1", event) == 0
    assert await database.fetch_value("SELECT sum(total_spent) FROM profiles") == 0
    assert await database.fetch_value("SELECT status FROM waitlist_entries WHERE id = $1", entry) == "closed"
    kinds = await database.fetch("SELECT kind, count(*) AS jobs FROM jobs GROUP BY kind")
    jobs = {row["kind"]: row["jobs"] for row in kinds}
    assert (jobs[REFUND_PAYMENT.name], jobs[VOID_PAYMENT.name]) == (3, 1)


async def test_bookings_without_money_take_as_many_statements_as_one_does(database: Database) -> None:
    organizer, *people = await insert_users(database, 151)
    counts = []
    for number in (1, 150):
        event = await insert_event(database, organizer, max_attendees=200)
        for person in people[:number]:
            await _book(database, event, person, "confirmed")
        counts.append(await _cancel(database, event))
        assert await seats(database, event) == (0, 0, 0)
    assert counts[0] == counts[1]
    assert max(counts[0]) < 10


async def test_bookings_with_lines_end_with_the_others_in_one_statement(database: Database) -> None:
    """Their types and codes have their seats and uses back; a type that is reserved goes on holding its own."""
    organizer, *people = await insert_users(database, 41)
    counts = []
    for with_lines in (0, 30):
        event = await insert_event(
            database, organizer, max_attendees=200, seats_held=20 - min(with_lines, 10)
        )
        dinner = await insert_type(database, event, "Dinner", capacity=20, is_reserved=True)
        student = await insert_type(database, event, "Student")
        code = await insert_code(database, event, "HALF")
        for number, person in enumerate(people):
            booking = await _book(database, event, person, "confirmed", tickets=2)
            if number < with_lines:
                await insert_items(database, booking, (dinner if number < 10 else student, 1), (None, 1))
                await database.execute(
                    "UPDATE bookings SET is_itemized = true, promo_code_id = $2, promo_uses = 1 WHERE id = $1",
                    booking,
                    code,
                )
        await database.execute(
            "UPDATE ticket_types SET seats_held = $2 WHERE id = $1", dinner, min(with_lines, 10)
        )
        await database.execute(
            "UPDATE ticket_types SET seats_held = $2 WHERE id = $1", student, max(with_lines - 10, 0)
        )
        await database.execute("UPDATE promo_codes SET uses = $2 WHERE id = $1", code, with_lines)
        assert await seats(database, event) == (20 + 80 - min(with_lines, 10), 80, 0)
        counts.append(await _cancel(database, event))
        assert await seats(database, event) == (20, 0, 0)
    assert counts[0] == counts[1]


async def test_refunds_end_a_chunk_in_time(database: Database) -> None:
    organizer, *people = await insert_users(database, 4)
    event = await insert_event(database, organizer, price=PRICE)
    for person in people:
        await _book(database, event, person, "confirmed", "completed")
    await database.execute(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(0.06); RETURN NEW; END $$"
    )
    await database.execute(
        "CREATE TRIGGER take_time BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION take_time()"
    )
    try:
        counts = await _cancel(database, event)
    finally:
        await database.execute("DROP FUNCTION take_time() CASCADE")
    assert len(counts) == len(people) + 1  # the last found nothing
    assert await seats(database, event) == (0, 0, 0)


async def test_a_job_of_an_event_that_goes_on_cancels_nothing(database: Database) -> None:
    organizer, person = await insert_users(database, 2)
    event = await insert_event(database, organizer)
    await _book(database, event, person, "confirmed")
    async with database.transaction() as tx:
        await events.cancel_bookings(tx, event)
    assert await seats(database, event) == (1, 1, 0)
    assert not await database.fetch("SELECT FROM jobs WHERE kind = $1", CANCEL_EVENT_BOOKINGS.name)
