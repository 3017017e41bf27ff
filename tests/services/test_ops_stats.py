"""What operators are shown of what runs, waits, was sold and is owed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from eventhub.database import Database
from eventhub.services.operations import stats
from tests.rows import NOW, insert_booking, insert_event, insert_notification, insert_payment, insert_users


async def insert_process(database: Database, kind: str, *, seen_ago: float, queues: str = "[]") -> None:
    await database.execute(
        "INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at) VALUES "
        "($1, $2, 'machine', 7, '1.0', $3::text::jsonb, now() - interval '1 hour', now() - make_interval(secs => $4))",
        uuid4(),
        kind,
        queues,
        seen_ago,
    )


async def insert_job(
    database: Database, values: str, *, kind: str = "refund_payment", payload: str = "{}"
) -> int:
    """Return the id of a new job whose state, run_at, lease_until, lease_token and attempts are `values`."""
    job_id: int = await database.fetch_value(
        "INSERT INTO jobs (kind, version, queue, payload, max_attempts, created_at, state, run_at, lease_until, lease_token, attempts)"
        f" VALUES ($1, 1, 'payments', $2::text::jsonb, 20, now(), {values}) RETURNING id",
        kind,
        payload,
    )
    return job_id


QUEUED = "'queued', now(), NULL, NULL, 0"
FAILED = "'failed', now(), NULL, NULL, 20"


async def test_a_process_lives_while_its_last_heartbeat_is_a_few_seconds_old(database: Database) -> None:
    await insert_process(database, "clock", seen_ago=5)
    await insert_process(database, "worker", seen_ago=7, queues='["payments", "bookings"]')
    await insert_process(database, "web", seen_ago=0)
    found = await stats.processes(database)
    assert [(one.kind, one.is_live) for one in found] == [("web", True), ("worker", False), ("clock", True)]
    assert found[1].queues == ("payments", "bookings")


async def test_jobs_count_by_what_becomes_of_them(database: Database) -> None:
    await insert_job(database, QUEUED.replace("now()", "now() - interval '90 seconds'"))
    await insert_job(database, QUEUED.replace("now()", "now() + interval '1 hour'"))
    await insert_job(database, f"'running', now(), now() + interval '1 minute', '{uuid4()}', 1")
    await insert_job(database, f"'running', now(), now() - interval '10 seconds', '{uuid4()}', 1")
    await insert_job(database, FAILED, kind="void_payment")
    found = await stats.backlogs(database)
    assert [(one.kind, one.waiting, one.due, one.running, one.failed) for one in found.kinds] == [
        ("refund_payment", 2, 2, 1, 0),
        ("void_payment", 0, 0, 0, 1),
    ]
    by_queue = {one.queue: one for one in found.queues}
    assert list(by_queue) == ["bookings", "payments", "waitlist", "notifications", "certificates"]
    payments = by_queue["payments"]
    assert (payments.kind, payments.waiting, payments.due, payments.running, payments.failed) == (
        None,
        2,
        2,
        1,
        1,
    )
    assert payments.oldest_due_seconds is not None
    assert 89 < payments.oldest_due_seconds < 120
    assert by_queue["bookings"].oldest_due_seconds is None


async def test_what_a_queue_did_is_counted_by_the_minute(database: Database) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    for kind, ago, seconds, outcome in (
        ("send_invoice", 0, 1, "done"),
        ("send_notification", 0, 2, "done"),
        ("send_notification", 0, 9, "refused: no"),
        ("send_notification", 1, 4, "done"),
        ("send_notification", 70, 4, "done"),
        ("process_payment", 0, 3, "done"),
        ("no_such_kind", 0, 3, "done"),
    ):
        end = minute - timedelta(minutes=ago)
        await database.execute(
            "INSERT INTO job_log (job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at) "
            "VALUES (1, $1, '{}', $2, 1, '-', $3, $4)",
            kind,
            outcome,
            end - timedelta(seconds=seconds),
            end,
        )
    rates = {rate.queue: rate.minutes for rate in await stats.rates(database)}
    assert rates["notifications"] == (
        stats.Minute(minute - timedelta(minutes=1), 1, 0, 4, 4),
        stats.Minute(minute, 3, 1, 2, 9),
    )
    assert [one.ended for one in rates["payments"]] == [1]
    assert rates["bookings"] == ()


async def test_seats_are_those_of_events_that_are_on(database: Database) -> None:
    organizer, payer = await insert_users(database, 2)
    on = {"max_attendees": 10, "seats_held": 5, "seats_confirmed": 3, "waiting_count": 2}
    event = await insert_event(database, organizer, **on)
    await insert_event(database, organizer, **on, status="ongoing")
    await insert_event(database, organizer, **on, status="completed")
    await insert_booking(database, event, payer)
    assert await stats.sales(database) == stats.Sales(
        events={"completed": 1, "ongoing": 1, "published": 1},
        seats=20,
        seats_taken=10,
        seats_held=4,
        bookings_pending=1,
        waiting=4,
    )


async def test_money_is_told_apart_by_state_and_currency(database: Database) -> None:
    organizer, payer = await insert_users(database, 2)
    for status, currency, amount in (
        ("completed", "EUR", 3),
        ("completed", "EUR", 4),
        ("completed", "USD", 5),
    ):
        event = await insert_event(database, organizer)
        booking = await insert_booking(database, event, payer)
        await insert_payment(database, booking, payer, status=status, currency=currency, amount=amount)
    assert await stats.money(database) == (
        stats.Money("completed", "EUR", 2, Decimal(7)),
        stats.Money("completed", "USD", 1, Decimal(5)),
    )


async def test_what_waits_for_a_person_is_listed_the_oldest_first(database: Database) -> None:
    organizer, payer = await insert_users(database, 2)

    async def payment(**changes: object) -> int:
        event = await insert_event(database, organizer, title="The Fair")
        booking = await insert_booking(database, event, payer)
        return await insert_payment(database, booking, payer, **changes)

    back = {"status": "refunded", "refund_state": "by_hand"}
    newer = await payment(**back, refunded_at=NOW)
    older = await payment(**back, refunded_at=NOW - timedelta(hours=1))
    failed = await payment(status="refunded", refund_state="owed", refunded_at=NOW)
    await payment(status="refunded", refund_state="owed", refunded_at=NOW)  # a job is about to return it
    job = await insert_job(database, FAILED, payload=f'{{"payment_id": {failed}}}')
    await database.execute("UPDATE jobs SET error = 'no such charge'")
    transfer = await payment(gateway="offline")
    disputed = await payment(status="completed", dispute="open")
    found = await stats.waiting_for_people(database)
    assert [one.payment_id for one in found.refunds_by_hand] == [older, newer]
    assert [(one.payment_id, one.job_id, one.error) for one in found.failed_refunds] == [
        (failed, job, "no such charge")
    ]
    assert [one.payment_id for one in found.transfers] == [transfer]
    assert [one.payment_id for one in found.disputes] == [disputed]
    assert found.counts == {"refunds_by_hand": 2, "failed_refunds": 1, "transfers": 1, "disputes": 1}
    assert found.failed_jobs == 1
    assert found.refunds_by_hand[0].event_title == "The Fair"


async def test_what_is_owed_is_counted(database: Database) -> None:
    organizer, payer = await insert_users(database, 2)
    booking = await insert_booking(database, await insert_event(database, organizer), payer)
    await insert_payment(database, booking, payer, void_since=NOW)
    await insert_notification(database, payer, "a", mail_owed=True)
    await insert_notification(database, payer, "b")
    await database.execute(
        "INSERT INTO webhook_events (gateway, event_id, received_at, payment_id, reference) "
        "VALUES ('mock', 'a', now(), 1, NULL), ('mock', 'b', now(), NULL, 'c'), ('mock', 'd', now(), NULL, NULL)"
    )
    assert await stats.owed(database) == stats.Owed(
        mails=1, invoices=0, payments_pending=1, payments_to_void=1, refunds=0, webhooks=2
    )


async def test_the_whole_has_all_of_it_and_knows_the_database(database: Database) -> None:
    found = await stats.overview(database)
    assert found.store.size_bytes > 1_000_000
    assert found.store.schema_version.endswith(".py")
    assert {rate.queue for rate in found.rates} == {backlog.queue for backlog in found.backlogs.queues}
