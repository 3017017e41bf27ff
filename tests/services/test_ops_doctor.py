"""The doctor: each check finds the fault that it is for, row by row, and what can be repaired is right afterwards."""

from typing import Any

import pytest

from eventhub.database import Database, Transaction
from eventhub.services.operations import actions, at_gateway, checks, doctor, server
from eventhub.services.operations.actions import Actor
from eventhub.services.operations.checks import Check
from eventhub.services.operations.doctor import Result, Verdict
from eventhub.services.ports.payments import GatewayState
from eventhub.workers.clock import TASKS
from tests.api import Api
from tests.money import PRICE, FakeGateway, organizer_and_payer, people, reserve, start_paying
from tests.rows import insert_booking, insert_code, insert_items, insert_notification, insert_type
from tests.services.test_ops_stats import FAILED, QUEUED, insert_job, insert_process

ROOT = Actor("cli:root@machine")
ALL = (*checks.COUNTERS, *checks.BOOKS, *checks.FACTS, *checks.JOBS)
BY_NAME = {check.name: check for check in ALL}


@pytest.fixture
async def world(api: Api, gateway: FakeGateway) -> dict[str, Any]:
    """Return an event that is over, with certificates, a review, votes; one that is paid for, refunded, and full."""
    organizer, payer = await organizer_and_payer(api)
    other, third = await people(api, 2)
    past = await organizer.create_event()
    for person in (payer, other):
        await person.book(past)
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() - interval '3 hours', start_date = now() - interval '3 hours', "
        "end_date = now() + interval '1 hour' WHERE id = $1",
        past["id"],
    )
    assert (await organizer.post(f"/api/events/{past['id']}/complete/")).status == 200
    await api.run_jobs()
    review = await payer.post(
        "/api/reviews/", {"event": past["id"], "rating": 4, "title": "Good", "review": "It was good."}
    )
    assert review.status == 201, review.data
    await other.post(f"/api/reviews/{review.data['id']}/mark_helpful/")
    event = await organizer.create_event(price=PRICE, max_attendees=2)
    bookings = [await reserve(person, event) for person in (payer, other)]
    paid = [await start_paying(person, one) for person, one in zip((payer, other), bookings, strict=True)]
    await third.post("/api/waitlist/", {"event": event["id"]})
    await api.run_jobs()
    await other.post(f"/api/bookings/{bookings[1]['id']}/cancel/")
    await api.run_jobs()
    gala = await organizer.create_event()
    dinner = await insert_type(api.database, gala["id"], "Dinner", capacity=5, is_reserved=True, seats_held=2)
    code = await insert_code(api.database, gala["id"], "HALF", uses=1)
    booking = await insert_booking(
        api.database,
        gala["id"],
        payer.id,
        status="confirmed",
        number_of_tickets=3,
        total_price=15,
        is_itemized=True,
        promo_code_id=code,
        promo_uses=1,
    )
    await insert_items(api.database, booking, (dinner, 2), (None, 1))
    await api.database.execute(
        "UPDATE events SET seats_held = 6, seats_confirmed = 3 WHERE id = $1", gala["id"]
    )
    return {
        "gala": gala["id"],
        "dinner": dinner,
        "code": code,
        "past": past["id"],
        "event": event["id"],
        "payer": payer.id,
        "review": review.data["id"],
        "paid": paid,
    }


async def examine(database: Database, name: str) -> Result:
    return await doctor.examine(database, BY_NAME[name])


async def test_a_world_that_the_code_made_is_healthy(api: Api, world: dict[str, Any]) -> None:
    found = [await doctor.examine(api.database, check) for check in ALL]
    found.append(await doctor.examine_promises(api.database, TASKS, grace_seconds=0))
    found.append(await doctor.examine_failed_jobs(api.database))
    assert [result for result in found if result.verdict is not Verdict.OK] == []
    counts = {"bookings": 6, "payments": 2, "invoices": 3, "certificates": 2, "reviews": 1, "review_votes": 1}
    for table, number in counts.items():
        assert await api.database.fetch_value(f"SELECT count(*) FROM {table}") == number


COUNTER_FAULTS = [
    ("seats", "UPDATE events SET seats_held = 1 WHERE id = {event}", "event", "seats_held 1 → 2"),
    ("seats", "UPDATE events SET seats_confirmed = 0 WHERE id = {event}", "event", "seats_confirmed 0 → 1"),
    ("seats", "UPDATE events SET waiting_count = 3 WHERE id = {event}", "event", "waiting_count 3 → 0"),
    ("seats", "UPDATE events SET seats_held = 7 WHERE id = {gala}", "gala", "seats_held 7 → 6"),
    (
        "ticket types",
        "UPDATE ticket_types SET seats_held = 4 WHERE id = {dinner}",
        "dinner",
        "seats_held 4 → 2",
    ),
    ("promo codes", "UPDATE promo_codes SET uses = 3 WHERE id = {code}", "code", "uses 3 → 1"),
    ("reviews", "UPDATE events SET reviews_count = 9 WHERE id = {past}", "past", "reviews_count 9 → 1"),
    ("reviews", "UPDATE events SET rating_sum = 5 WHERE id = {past}", "past", "rating_sum 5 → 4"),
    ("votes", "UPDATE reviews SET helpful_count = 0 WHERE id = {review}", "review", "helpful_count 0 → 1"),
    (
        "votes",
        "UPDATE reviews SET unhelpful_count = 2 WHERE id = {review}",
        "review",
        "unhelpful_count 2 → 0",
    ),
    ("revenue", "UPDATE events SET revenue = 1 WHERE id = {event}", "event", "revenue 1.00 → 29.99"),
    (
        "spent",
        "UPDATE profiles SET total_spent = 0 WHERE user_id = {payer}",
        "payer",
        "total_spent 0.00 → 29.99",
    ),
    (
        "attended",
        "UPDATE profiles SET total_events_attended = 4 WHERE user_id = {payer}",
        "payer",
        "total_events_attended 4 → 1",
    ),
]


@pytest.mark.parametrize(("name", "fault", "whose", "said"), COUNTER_FAULTS)
async def test_a_wrong_counter_is_found_counted_again_and_written_down(
    api: Api, world: dict[str, Any], name: str, fault: str, whose: str, said: str
) -> None:
    check = BY_NAME[name]
    await api.database.execute(fault.format(**world))
    found = await examine(api.database, name)
    assert (found.verdict, [row["id"] for row in found.rows]) == (Verdict.WRONG, [world[whose]])
    others = [await doctor.examine(api.database, other) for other in ALL if other.name != name]
    assert {other.verdict for other in others} == {Verdict.OK}, "no other check says so"
    repaired = await doctor.repair_counters(api.database, ROOT, check)
    assert (repaired.verdict, repaired.repaired) == (Verdict.OK, (f"{check.subject} {world[whose]}: {said}",))
    assert await examine(api.database, name) == Result(name, Verdict.OK, check.claim)
    (act,) = await actions.list_actions(api.database)
    assert (act.actor, act.action, act.subject) == (ROOT.name, "repair", f"{check.subject} {world[whose]}")
    assert act.details["check"] == name


async def test_counters_that_are_right_are_not_written(api: Api, world: dict[str, Any]) -> None:
    for check in checks.COUNTERS:
        assert (await doctor.repair_counters(api.database, ROOT, check)).repaired == ()
    assert await actions.list_actions(api.database) == ()


async def test_what_cannot_be_counted_again_is_said_and_stays_wrong(api: Api, world: dict[str, Any]) -> None:
    """Two bookings hold seats of an event that has one: somebody has to raise the number, or to cancel one."""
    event = world["event"]
    await api.database.execute("UPDATE events SET seats_held = 1, max_attendees = 1 WHERE id = $1", event)
    repaired = await doctor.repair_counters(api.database, ROOT, BY_NAME["seats"])
    assert repaired.verdict is Verdict.WRONG
    assert repaired.repaired[0].startswith(f"event {event}: cannot be: ")
    assert "events_never_oversold" in repaired.repaired[0]
    assert await actions.list_actions(api.database) == ()


BOOK_FAULTS = [
    (
        "one booking",
        (
            "DROP INDEX bookings_one_active; UPDATE bookings SET user_id = {payer} WHERE event_id = {event}; "
            "UPDATE payments SET user_id = {payer}"
        ),
    ),
    ("lines", "UPDATE bookings SET number_of_tickets = 2 WHERE event_id = {gala}"),
    ("lines", "UPDATE bookings SET total_price = 2 WHERE event_id = {gala}"),
    ("lines", "UPDATE bookings SET discount = 2 WHERE event_id = {gala}"),
    ("lines", "UPDATE bookings SET promo_uses = 4 WHERE event_id = {gala}"),
    (
        "lines",
        "UPDATE bookings SET is_itemized = false, promo_code_id = NULL, promo_uses = 0 WHERE event_id = {gala}",
    ),
    ("lines", "UPDATE bookings SET is_itemized = true WHERE event_id = {event} AND user_id = {payer}"),
    ("lines of the event", "UPDATE ticket_types SET event_id = {event}"),
    ("lines of the event", "UPDATE promo_codes SET event_id = {event}"),
    (
        "one payment",
        (
            "DROP INDEX payments_one_active; INSERT INTO payments (booking_id, user_id, amount, currency, status, method,"
            " gateway, transaction_id, created_at, checked_at) SELECT booking_id, user_id, amount, currency, 'pending', method, gateway,"
            " 'EVH-TWICE', now(), now() FROM payments WHERE status = 'completed'"
        ),
    ),
    ("prices", "UPDATE bookings SET total_price = 7 WHERE event_id = {event} AND user_id = {payer}"),
    ("prices", "UPDATE bookings SET currency = 'EUR' WHERE event_id = {event} AND user_id = {payer}"),
    (
        "paid bookings",
        (
            "UPDATE bookings SET status = 'cancelled', cancel_reason = 'expired', cancelled_at = now() "
            "WHERE event_id = {event} AND user_id = {payer}"
        ),
    ),
    ("refund states", "UPDATE payments SET refund_state = 'owed' WHERE status = 'completed'"),
    ("refund states", "UPDATE payments SET refund_state = 'none' WHERE status = 'refunded'"),
    ("invoices", "DELETE FROM invoices WHERE invoice_number LIKE 'INV-%-000001'"),
    (
        "invoices",
        "UPDATE invoices SET amount = 1 WHERE payment_id IN (SELECT id FROM payments WHERE status = 'completed')",
    ),
    (
        "invoices",
        "UPDATE invoices SET currency = 'EUR' WHERE payment_id IN (SELECT id FROM payments WHERE status = 'completed')",
    ),
    ("credit notes", "DELETE FROM invoices WHERE kind = 'credit_note'"),
    ("credit notes", "UPDATE invoices SET amount = -1 WHERE kind = 'credit_note'"),
    (
        "invoice lines",
        """UPDATE invoices SET lines = '[{{"amount": "29.00"}}, {{"amount": "0.98"}}]' WHERE amount = 29.99""",
    ),
    ("invoice lines", "UPDATE invoices SET lines = '[]' WHERE kind = 'credit_note'"),
    (
        "numbers",
        "UPDATE invoices SET invoice_number = replace(invoice_number, '000002', '000003') WHERE kind = 'invoice'",
    ),
    ("numbers", "UPDATE invoice_counters SET last_number = last_number + 1 WHERE series LIKE 'CRN-%'"),
    (
        "offers",
        "UPDATE waitlist_entries SET booking_id = (SELECT id FROM bookings WHERE status = 'confirmed' LIMIT 1)",
    ),
    ("certificates", "UPDATE bookings SET status = 'no_show' WHERE event_id = {past} AND user_id = {payer}"),
    ("certificates", "UPDATE certificates SET event_id = {event} WHERE user_id = {payer}"),
    (
        "fact numbers",
        (
            "INSERT INTO facts (seq, type, via, occurred_at) VALUES (1, 'event.created', 'user', now()), "
            "(3, 'event.updated', 'user', now()); UPDATE fact_cursors SET seq = 3"
        ),
    ),
    (
        "fact numbers",
        (
            "INSERT INTO facts (seq, type, via, occurred_at) VALUES (1, 'event.created', 'user', now()); "
            "UPDATE fact_cursors SET seq = 2"
        ),
    ),
    (
        "facts without number",
        "INSERT INTO facts (type, via, occurred_at) VALUES ('event.created', 'user', now() - interval '6 minutes')",
    ),
    (
        "late jobs",
        (
            "INSERT INTO jobs (kind, version, queue, payload, max_attempts, created_at, run_at) "
            "VALUES ('send_token', 1, 'notifications', '{{}}', 8, now(), now() - interval '61 minutes')"
        ),
    ),
    (
        "dead jobs",
        (
            "INSERT INTO jobs (kind, version, queue, payload, max_attempts, created_at, run_at, state, lease_until, lease_token)"
            " VALUES ('send_token', 1, 'notifications', '{{}}', 8, now(), now(), 'running', now() - interval '11 minutes', gen_random_uuid())"
        ),
    ),
]


@pytest.mark.parametrize(("name", "fault"), BOOK_FAULTS)
async def test_each_check_of_the_books_finds_its_fault(
    api: Api, world: dict[str, Any], name: str, fault: str
) -> None:
    async with api.database._connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            # Not every fault is a move that the tests' own triggers allow.
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(fault.format(**world))
            rows = await connection.fetch(BY_NAME[name].wrong, 10)
        finally:
            await transaction.rollback()
    assert len(rows) in {1, 2}, rows


def test_each_check_has_a_fault() -> None:
    assert {check.name for check in ALL} == {fault[0] for fault in [*COUNTER_FAULTS, *BOOK_FAULTS]}


async def test_more_rows_than_are_shown_are_counted_as_more(database: Database) -> None:
    many = Check("many", "there is nothing", "SELECT id FROM generate_series(1, 1000) AS id LIMIT $1")
    found = await doctor.examine(database, many)
    assert (found.text, len(found.rows)) == ("not so in more than 100 rows: there is nothing", 100)


async def test_a_promise_that_has_no_job_is_found_and_gets_one(database: Database, api: Api) -> None:
    (payer,) = await people(api, 1)
    forgotten = await insert_notification(api.database, payer.id, "a", mail_owed=True)
    found = await doctor.examine_promises(api.database, TASKS, grace_seconds=0)
    assert found.verdict is Verdict.WRONG
    assert found.rows == ({"kind": "send_notification", "notification_id": forgotten},)
    said = await doctor.repair_promises(api.database, ROOT, TASKS)
    assert said == ("mail notifications: 1 got jobs",)
    assert (await doctor.examine_promises(api.database, TASKS, grace_seconds=0)).verdict is Verdict.OK
    assert await api.database.fetch_value("SELECT payload->>'notification_id' FROM jobs") == str(forgotten)
    (act,) = await actions.list_actions(api.database)
    assert (act.action, act.subject, act.details) == ("repair", "promises: mail notifications", {"found": 1})


async def test_what_a_clock_takes_up_meanwhile_is_no_fault(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    (payer,) = await people(api, 1)
    await insert_notification(api.database, payer.id, "a", mail_owed=True)
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await doctor.repair_promises(api.database, ROOT, TASKS)

    monkeypatch.setattr("eventhub.services.operations.doctor.asyncio.sleep", sleep)
    found = await doctor.examine_promises(api.database, TASKS, grace_seconds=20)
    assert (found.verdict, waited) == (Verdict.OK, [20])


async def test_failed_jobs_are_a_warning_that_counts_them(database: Database) -> None:
    await insert_job(database, FAILED)
    await insert_job(database, QUEUED)
    found = await doctor.examine_failed_jobs(database)
    assert (found.verdict, found.text) == (
        Verdict.WARNING,
        "1 job has failed for good: see `eventhub jobs`",
    )
    assert [(row["kind"], row["jobs"]) for row in found.rows] == [("refund_payment", 1)]


async def test_what_does_not_run_is_a_warning(database: Database) -> None:
    await insert_process(database, "web", seen_ago=0)
    await insert_process(database, "clock", seen_ago=60)
    await insert_process(
        database, "worker", seen_ago=0, queues='["bookings", "payments", "waitlist", "notifications"]'
    )
    found = await doctor.examine_processes(database)
    assert found.verdict is Verdict.WARNING
    assert found.text.startswith("no clock process, no worker for certificates: ")
    await insert_process(database, "clock", seen_ago=0)
    await insert_process(database, "worker", seen_ago=0, queues='["certificates"]')
    assert (await doctor.examine_processes(database)).verdict is Verdict.OK


async def test_the_server_is_new_enough_writes_and_folds_every_script(database: Database) -> None:
    assert {result.verdict for result in await server.examine_server(database)} == {Verdict.OK}
    assert (await server.examine_writing(database, ROOT)).verdict is Verdict.OK
    assert await actions.list_actions(database) == (), "what was written is taken back"


async def test_a_database_that_only_reads_is_wrong(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = actions.record

    async def record_on_a_standby(tx: Transaction, *what: Any) -> None:
        await tx.execute("SET LOCAL transaction_read_only = on")
        await record(tx, *what)

    monkeypatch.setattr(actions, "record", record_on_a_standby)
    found = await server.examine_writing(database, ROOT)
    assert (found.verdict, found.text) == (
        Verdict.WRONG,
        "no row can be written: cannot execute INSERT in a read-only transaction",
    )


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ("status = 'completed'", GatewayState.FAILED),
        ("status = 'pending'", GatewayState.SUCCEEDED),
        ("status = 'failed'", GatewayState.SUCCEEDED),
        ("status = 'refunded', refund_state = 'returned'", GatewayState.SUCCEEDED),
    ],
)
async def test_a_payment_that_stands_otherwise_at_its_gateway_is_found(
    api: Api, gateway: FakeGateway, change: str, there: GatewayState
) -> None:
    payment_id = await paid(api, gateway, change, there)
    found = await at_gateway.examine_gateways(api.database, {"mock": gateway})
    assert (found.verdict, [row["id"] for row in found.rows]) == (Verdict.WRONG, [payment_id])
    assert found.rows[0]["there"] == there


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ("status = 'completed'", GatewayState.SUCCEEDED),
        ("status = 'pending'", GatewayState.PENDING),
        ("status = 'failed'", GatewayState.CANCELLED),
        ("status = 'cancelled', void_since = now()", GatewayState.SUCCEEDED),
        ("status = 'refunded', refund_state = 'returned'", GatewayState.REFUNDED),
        ("status = 'refunded', refund_state = 'owed'", GatewayState.SUCCEEDED),
        ("status = 'refunded', refund_state = 'returned', dispute = 'lost'", GatewayState.SUCCEEDED),
        ("status = 'completed', amount = 0", GatewayState.FAILED),
        ("status = 'completed', created_at = now() - interval '4 days'", GatewayState.FAILED),
        ("status = 'completed', created_at = now()", GatewayState.FAILED),
    ],
)
async def test_a_payment_that_stands_so_at_its_gateway_is_right(
    api: Api, gateway: FakeGateway, change: str, there: GatewayState
) -> None:
    await paid(api, gateway, change, there)
    found = await at_gateway.examine_gateways(api.database, {"mock": gateway})
    assert (found.verdict, found.rows) == (Verdict.OK, ())


async def test_a_gateway_that_is_away_is_said(api: Api, gateway: FakeGateway) -> None:
    await paid(api, gateway, "status = 'completed'", GatewayState.SUCCEEDED)
    gateway.is_down = True
    found = await at_gateway.examine_gateways(api.database, {"mock": gateway})
    assert found.verdict is Verdict.WRONG
    assert found.rows[0]["there"] == "could not be asked: no answer"


async def paid(api: Api, gateway: FakeGateway, change: str, there: GatewayState) -> int:
    """Return the id of a payment of a while ago that is as `change` says, and so `there`."""
    organizer, payer = await organizer_and_payer(api)
    payment = await start_paying(payer, await reserve(payer, await organizer.create_event(price=PRICE)))
    key = payment["transaction_id"]
    gateway.states[key] = there
    async with api.database._connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            f"UPDATE payments SET created_at = now() - interval '1 hour', {change}"
            if "created_at" not in change
            else f"UPDATE payments SET {change}"
        )
    return int(payment["id"])
