"""What a transaction records: written with its jobs, or not at all."""

from decimal import Decimal

import orjson

from eventhub.database import Actor, Database
from eventhub.models.facts import FactType, Via
from eventhub.models.jobs import CONFIRM_BOOKING
from tests.rows import insert_event, insert_users


async def _facts(database: Database) -> list[dict[str, object]]:
    rows = await database.fetch(
        "SELECT type, event_id, organizer_id, user_id, actor_id, via, data, seq FROM facts ORDER BY id"
    )
    return [{**row, "data": orjson.loads(row["data"])} for row in rows]


async def test_facts_are_written_in_their_order_with_the_jobs_and_without(database: Database) -> None:
    organizer, person = await insert_users(database, 2, "organizer")
    event = await insert_event(database, organizer)
    async with database.transaction(actor=Actor(Via.USER, person)) as tx:
        tx.record(FactType.BOOKING_CREATED, event, person, booking=7, total_price=Decimal("29.99"))
        tx.record(FactType.BOOKING_CANCELLED, event, person, booking=7)
        tx.enqueue(CONFIRM_BOOKING, booking_id=7)
    async with database.transaction() as tx:
        tx.record(
            FactType.PAYMENT_COMPLETED, event, person, via=Via.GATEWAY, organizer_id=organizer, payment=3
        )
    first, second, third = await _facts(database)
    assert first == {
        "type": "booking.created",
        "event_id": event,
        "organizer_id": None,
        "user_id": person,
        "actor_id": person,
        "via": "user",
        "data": {"booking": 7, "total_price": "29.99"},
        "seq": None,
    }
    assert (second["type"], second["via"]) == ("booking.cancelled", "user")
    assert (third["type"], third["via"], third["actor_id"]) == ("payment.completed", "gateway", None)
    assert third["organizer_id"] == organizer
    assert await database.fetch_value("SELECT count(*) FROM jobs") == 1


async def test_what_is_undone_is_not_recorded(database: Database) -> None:
    async with database.transaction() as tx:
        tx.record(FactType.EVENT_CREATED, None)
        async with tx.savepoint() as before:
            tx.record(FactType.EVENT_UPDATED, None)
            await before.undo()
    assert [fact["type"] for fact in await _facts(database)] == ["event.created"]
