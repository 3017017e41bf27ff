"""Payments that are settled in one transaction: what becomes of one is nothing to the others."""

import asyncio
import contextvars
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from eventhub import logs
from eventhub.models.jobs import PROCESS_PAYMENT, SEND_INVOICE, SEND_NOTIFICATION
from eventhub.services import invoices, jobs, locking, payments
from eventhub.services.ports.payments import GatewayRefused
from eventhub.workers.runner import run_jobs
from tests.api import Api, Person
from tests.money import (
    FakeGateway,
    assert_money_balances,
    make_jobs_due,
    people,
    reserve,
    run_kind,
    start_paying,
    status,
)
from tests.waiting import until

NUMBER = 6
Paying = list[tuple[Person, dict[str, Any]]]


async def _paying(api: Api, *, events: int = NUMBER) -> Paying:
    """Return people, each with a payment that no job has settled yet, for so many events in turn."""
    organizer, *payers = await people(api, NUMBER + 1)
    await api.database.execute("UPDATE users SET user_type = 'organizer' WHERE id = $1", organizer.id)
    made = [await organizer.create_event(price="10.00") for _ in range(events)]
    paying = []
    for number, payer in enumerate(payers):
        booking = await reserve(payer, made[number % events])
        paying.append((payer, await start_paying(payer, booking)))
    return paying


async def _states(paying: Paying) -> list[str]:
    return [await status(payer, "payments", payment) for payer, payment in paying]


async def _invoice_numbers(api: Api) -> list[int]:
    rows = await api.database.fetch("SELECT right(invoice_number, 6)::int AS number FROM invoices ORDER BY 1")
    return [row["number"] for row in rows]


@pytest.mark.parametrize("events", [NUMBER, 1])
async def test_payments_of_one_moment_are_one_transaction(api: Api, events: int) -> None:
    paying = await _paying(api, events=events)
    await run_kind(api, PROCESS_PAYMENT)
    assert set(await _states(paying)) == {"completed"}
    written = await api.database.fetch("SELECT DISTINCT xmin::text FROM invoices")
    assert len(written) <= 2, "a first one may have gone ahead"
    assert await _invoice_numbers(api) == list(range(1, NUMBER + 1))
    await api.run_jobs()
    await assert_money_balances(api.database.fetch)


async def test_what_follows_bears_the_request_of_its_own_payment(api: Api) -> None:
    paying = await _paying(api)
    for _, payment in paying:
        await api.database.execute(
            "UPDATE jobs SET request_id = 'request-' || $1::text WHERE unique_key = $2",
            str(payment["id"]),
            PROCESS_PAYMENT.key(payment["id"]),
        )
    await api.database.execute("DELETE FROM facts")
    token = logs.begin(request_id="another")
    await run_kind(api, PROCESS_PAYMENT)
    logs.end(token)
    mails = await api.database.fetch(
        "SELECT request_id, payload->>'payment_id' AS payment FROM jobs WHERE kind = $1", SEND_INVOICE.name
    )
    news = await api.database.fetch(
        "SELECT j.request_id, p.id::text AS payment FROM jobs j "
        "JOIN notifications n ON n.id = (j.payload->>'notification_id')::bigint "
        "JOIN payments p ON p.booking_id = n.booking_id WHERE j.kind = $1",
        SEND_NOTIFICATION.name,
    )
    facts = await api.database.fetch(
        "SELECT f.request_id, p.id::text AS payment FROM facts f "
        "JOIN payments p ON p.booking_id = (f.data->>'booking')::bigint"
    )
    assert (len(mails), len(news), len(facts)) == (NUMBER, 2 * NUMBER, 3 * NUMBER)
    for row in (*mails, *news, *facts):
        assert row["request_id"] == f"request-{row['payment']}"


async def test_a_payment_that_is_refused_or_cannot_be_settled_leaves_the_others_whole(
    api: Api, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying = await _paying(api)
    (_, declined), (_, broken), *_ = paying
    charge = gateway.charge

    async def decline_one(asked: Any) -> Any:
        if asked.number == declined["id"]:
            raise GatewayRefused("Declined.")
        return await charge(asked)

    monkeypatch.setattr(gateway, "charge", decline_one)
    await api.database.execute(
        "CREATE FUNCTION break_one() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'this one cannot be completed'; END $$"
    )
    await api.database.execute(
        "CREATE TRIGGER break_one BEFORE UPDATE OF status ON payments FOR EACH ROW "
        f"WHEN (NEW.id = {broken['id']} AND NEW.status = 'completed') EXECUTE FUNCTION break_one()"
    )
    try:
        await run_kind(api, PROCESS_PAYMENT)
        assert await _states(paying) == ["failed", "pending", *["completed"] * (NUMBER - 2)]
        await assert_money_balances(api.database.fetch)
    finally:
        await api.database.execute("DROP FUNCTION break_one CASCADE")
    await make_jobs_due(api)
    await run_kind(api, PROCESS_PAYMENT)
    assert await _states(paying) == ["failed", *["completed"] * (NUMBER - 1)]
    assert await _invoice_numbers(api) == list(range(1, NUMBER)), "no number was lost to what was rolled back"
    assert len(gateway.charges) == len(set(gateway.charges)) == NUMBER - 1


async def test_a_job_that_is_another_workers_meanwhile_takes_no_other_along(
    api: Api, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying = await _paying(api)
    (_, lost), *others = paying
    charge = gateway.charge

    async def lose_one(asked: Any) -> Any:
        if asked.number == lost["id"]:
            await api.database.execute(
                "UPDATE jobs SET lease_token = gen_random_uuid() WHERE unique_key = $1",
                PROCESS_PAYMENT.key(lost["id"]),
            )
        return await charge(asked)

    monkeypatch.setattr(gateway, "charge", lose_one)
    await run_kind(api, PROCESS_PAYMENT)
    assert set(await _states(others)) == {"completed"}
    assert await _states([paying[0]]) == ["pending"], "its new worker settles it"
    left = await api.database.fetch("SELECT unique_key FROM jobs WHERE kind = $1", PROCESS_PAYMENT.name)
    assert [row["unique_key"] for row in left] == [PROCESS_PAYMENT.key(lost["id"])]


async def test_an_event_that_somebody_holds_keeps_only_its_own_payments_waiting(api: Api) -> None:
    paying = await _paying(api)
    rows = await api.database.fetch("SELECT id FROM jobs WHERE kind = $1", PROCESS_PAYMENT.name)
    event_id = await api.database.fetch_value(
        "SELECT event_id FROM bookings WHERE id = $1", paying[0][1]["booking"]
    )
    completed = "SELECT count(*) FROM payments WHERE status = 'completed'"

    async def others_are_settled() -> bool:
        return bool(await api.database.fetch_value(completed) == NUMBER - 1)

    async with api.database.transaction() as tx:
        await locking.lock_event(tx, event_id)
        running = asyncio.create_task(_run(api, [row["id"] for row in rows]))
        await until(others_are_settled, "the payments for other events are settled", 1.5)
        assert not running.done()
    await running
    assert set(await _states(paying)) == {"completed"}


async def _run(api: Api, ids: Sequence[int]) -> None:
    # In a context of its own, as in a worker: there is a transaction open here.
    jobs = run_jobs(api.resources, PROCESS_PAYMENT.name, ids)
    await asyncio.create_task(jobs, context=contextvars.Context())


async def test_jobs_that_ended_together_are_logged_each(api: Api) -> None:
    paying = await _paying(api)
    await run_kind(api, PROCESS_PAYMENT)
    rows = await api.database.fetch(
        "SELECT (payload->>'payment_id')::bigint AS id, outcome FROM job_log WHERE kind = $1",
        PROCESS_PAYMENT.name,
    )
    assert sorted(tuple(row) for row in rows) == sorted((payment["id"], "done") for _, payment in paying)
    with pytest.raises(jobs.LeaseLost):
        async with api.database.transaction() as tx:
            await jobs.finish_all(tx, [_gone(1), _gone(2)])


def _gone(job_id: int) -> jobs.ClaimedJob:
    return jobs.ClaimedJob(job_id, PROCESS_PAYMENT.name, {}, 1, 20, "-", uuid.uuid4(), 120)


async def test_news_of_money_that_goes_back_bear_the_request_of_their_payment(api: Api) -> None:
    paying = await _paying(api)
    await api.database.execute(
        "UPDATE bookings SET status = 'cancelled', cancel_reason = 'by_owner', cancelled_at = now()"
    )
    await api.database.execute("UPDATE events SET seats_held = 0")
    await api.database.execute(
        "UPDATE jobs SET request_id = 'request-' || (payload->>'payment_id') WHERE kind = $1",
        PROCESS_PAYMENT.name,
    )
    await api.database.execute("DELETE FROM facts")
    terms = invoices.Terms(())
    async with api.database.transaction() as tx:
        arrived = {
            payment["id"]: payments.Arrived("at-the-gateway", (f"request-{payment['id']}", None))
            for _, payment in paying
        }
        await payments.settle_paid(tx, arrived, terms, waits=True)
    news = await api.database.fetch(
        "SELECT j.request_id, p.id FROM jobs j JOIN notifications n ON n.id = (j.payload->>'notification_id')::bigint "
        "JOIN payments p ON n.key = 'payment_refunded:' || p.id WHERE j.kind = $1",
        SEND_NOTIFICATION.name,
    )
    assert sorted(row["request_id"] for row in news) == sorted(f"request-{row['id']}" for row in news)
    assert len(news) == NUMBER
