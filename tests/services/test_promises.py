"""No promise hangs on one job: whatever becomes of the jobs, the clock finds from the rows what is still owed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio

from eventhub.models.events import Owed
from eventhub.models.jobs import (
    CONFIRM_BOOKING,
    ISSUE_CERTIFICATES,
    REFUND_PAYMENT,
    SEND_NOTIFICATION,
    VOID_PAYMENT,
    JobKind,
)
from eventhub.models.operations import ProcessKind
from eventhub.services import jobs, notifications, owed
from eventhub.services.heartbeat import Heartbeat
from eventhub.services.ports.mail import MailRefused, MailTemporarilyFailed
from eventhub.services.ports.payments import GatewayRefundState
from eventhub.workers.clock import schedule
from eventhub.workers.runner import run_jobs
from tests.api import Api, Person
from tests.clock import do_round
from tests.conftest import MakeApi
from tests.money import (
    PRICE,
    FakeGateway,
    assert_money_balances,
    people,
    reserve,
    run_kind,
    start_paying,
    status,
    titles,
)
from tests.rows import move_event, run_out, seats

# What becomes of every job: it used up its tries a while ago, or its row was lost.
FATES = {
    "failed": "UPDATE jobs SET state = 'failed', attempts = max_attempts, error = 'doomed', run_at = now() "
    "WHERE state = 'queued'",
    "gone": "DELETE FROM jobs",
}
MANY = 40


class Doomed:
    """Event Hub where each job of a request, or of another job, comes to nothing: those of the clock alone are done."""

    def __init__(self, api: Api, fate: str) -> None:
        self.api = api
        self.fate = FATES[fate]
        self.gateway = FakeGateway()
        api.resources = replace(api.resources, gateways={"mock": self.gateway})

    async def live(self) -> None:
        """Let the clock go round, and workers do what it asks for, until nothing is owed."""
        for _ in range(MANY):
            await self.api.database.execute(self.fate)
            if not await self._round():
                return
        raise AssertionError(await self.api.database.fetch("SELECT kind, state, error FROM jobs"))

    async def _round(self) -> int:
        client = redis.asyncio.Redis.from_url(self.api.resources.settings.redis_url)
        own = Heartbeat(self.api.database, ProcessKind.CLOCK, version="test")
        for item in schedule(self.api.resources.settings, self.api.database, client, own):
            await item.step(item.at_once)
        await client.aclose()
        due = await self.api.database.fetch(
            "SELECT kind, array_agg(id ORDER BY id) AS ids FROM jobs WHERE state = 'queued' AND run_at <= now() "
            "GROUP BY kind"
        )
        return sum([await run_jobs(self.api.resources, row["kind"], row["ids"]) for row in due])

    async def people(self, number: int, user_type: str = "attendee") -> list[Person]:
        made = await people(self.api, number, user_type)
        for person in made:
            await person.verify()
        return made


@pytest.fixture(params=list(FATES))
async def doomed(api: Api, request: pytest.FixtureRequest) -> Doomed:
    return Doomed(api, request.param)


async def assert_all_is_mailed(api: Api) -> None:
    """Each notification and each document has left as one mail, but news that others overtook; no job is left behind."""
    sent = [mail.message_id[1:].partition("@")[0] for mail in api.mailer.sent]
    assert len(sent) == len(set(sent))
    for row in await api.database.fetch("SELECT id, mail_owed FROM notifications"):
        is_news = await notifications.find_for_mail(api.database, row["id"]) is not None
        assert (f"notification-{row['id']}" in sent, row["mail_owed"]) in {(True, False), (is_news, False)}
    for row in await api.database.fetch("SELECT invoice_number, mail_owed FROM invoices"):
        assert (f"invoice-{row['invoice_number']}" in sent, row["mail_owed"]) == (True, False)
    # The line of an event that was cancelled has gone: nobody is owed what that job failed to do.
    left = "SELECT kind, state, error FROM jobs WHERE kind <> 'promote_waitlist'"
    assert await api.database.fetch(left) == []


async def test_a_free_booking_is_confirmed(doomed: Doomed) -> None:
    (organizer,), (person,) = await doomed.people(1, "organizer"), await doomed.people(1)
    booking = await reserve(person, await organizer.create_event())
    await doomed.live()
    assert await status(person, "bookings", booking) == "confirmed"
    assert await titles(person) == ["Booking Confirmation"]
    await assert_all_is_mailed(doomed.api)


async def test_a_payment_is_charged_once_and_confirms_its_booking(doomed: Doomed) -> None:
    (organizer,), (person,) = await doomed.people(1, "organizer"), await doomed.people(1)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    await doomed.live()
    assert await status(person, "payments", payment) == "completed"
    assert await status(person, "bookings", booking) == "confirmed"
    assert doomed.gateway.charges == [payment["transaction_id"]]
    assert await titles(person) == ["Booking Confirmation", "Payment Received"]
    await assert_money_balances(doomed.api.database.fetch)
    await assert_all_is_mailed(doomed.api)


async def test_a_hold_expires_and_the_line_gets_its_seat(doomed: Doomed) -> None:
    (organizer,), (holder, waiting) = await doomed.people(1, "organizer"), await doomed.people(2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    booking = await reserve(holder, event)
    entry = (await waiting.post("/api/waitlist/", {"event": event["id"]})).data
    await run_out(doomed.api.database, booking["id"])
    await doomed.live()
    assert await status(holder, "bookings", booking) == "cancelled"
    assert (await waiting.get(f"/api/waitlist/{entry['id']}/")).data["status"] == "offered"
    assert (await titles(holder), await titles(waiting)) == (["Booking Expired"], ["A Seat Is Yours"])
    await assert_all_is_mailed(doomed.api)


async def test_a_seat_that_costs_nothing_goes_to_the_line_and_is_confirmed(doomed: Doomed) -> None:
    (organizer,), (holder, waiting) = await doomed.people(1, "organizer"), await doomed.people(2)
    event = await organizer.create_event(max_attendees=1)
    booking = await reserve(holder, event)
    await waiting.post("/api/waitlist/", {"event": event["id"]})
    await doomed.live()
    assert (await holder.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await doomed.live()
    assert [found["status"] for found in (await waiting.get("/api/bookings/")).data] == ["confirmed"]
    assert "A Seat Is Yours" in await titles(waiting)
    await assert_all_is_mailed(doomed.api)


async def test_an_event_that_moved_is_told_and_reminded_of(doomed: Doomed) -> None:
    (organizer,), (person,) = await doomed.people(1, "organizer"), await doomed.people(1)
    event = await organizer.create_event()
    await reserve(person, event)
    await doomed.live()
    assert (await organizer.patch(f"/api/events/{event['id']}/", {"location": "Hall 2"})).status == 200
    await doomed.live()
    await move_event(doomed.api.database, event["id"], starts_in_hours=20)
    await doomed.live()
    assert await titles(person) == ["Booking Confirmation", "Event Reminder", "Event Updated"]
    await assert_all_is_mailed(doomed.api)


async def test_a_cancelled_event_ends_bookings_returns_money_and_closes_its_line(doomed: Doomed) -> None:
    (organizer,), (payer, holder, waiting) = await doomed.people(1, "organizer"), await doomed.people(3)
    event = await organizer.create_event(price=PRICE, max_attendees=2)
    paid, held = await reserve(payer, event), await reserve(holder, event)
    payment = await start_paying(payer, paid)
    await waiting.post("/api/waitlist/", {"event": event["id"]})
    await doomed.live()
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    await doomed.live()
    assert await status(payer, "bookings", paid) == await status(holder, "bookings", held) == "cancelled"
    seen = (await payer.get(f"/api/payments/{payment['id']}/")).data
    assert (seen["status"], seen["refund_state"]) == ("refunded", "returned")
    assert doomed.gateway.asked_refunds == [f"{payment['transaction_id']}-refund"]
    assert await seats(doomed.api.database, event["id"]) == (0, 0, 0)
    for person in (payer, holder, waiting):
        assert (await titles(person)).count("Event Cancelled") == 1
    await assert_money_balances(doomed.api.database.fetch)
    await assert_all_is_mailed(doomed.api)


async def complete_by_hand(organizer: Person, event: int) -> None:
    assert (await organizer.post(f"/api/events/{event}/complete/")).status == 200


async def let_it_end(organizer: Person, event: int) -> None:
    await move_event(organizer.api.database, event, starts_in_hours=-24)


@pytest.mark.parametrize("end", [complete_by_hand, let_it_end])
async def test_a_completed_event_gives_certificates_and_asks_how_it_was(
    doomed: Doomed, end: Callable[[Person, int], Awaitable[None]]
) -> None:
    (organizer,), attendees = await doomed.people(1, "organizer"), await doomed.people(3)
    event = await organizer.create_event()
    for person in attendees:
        await reserve(person, event)
    await doomed.live()
    await move_event(doomed.api.database, event["id"], starts_in_hours=-1)
    await end(organizer, event["id"])
    await doomed.live()
    for person in attendees:
        (certificate,) = (await person.get("/api/certificates/")).data
        assert (await person.get(f"/api/certificates/{certificate['id']}/download/")).status == 200
        assert await titles(person) == ["Booking Confirmation", "Certificate Issued", "How Was It?"]
    assert await doomed.api.database.fetch_value("SELECT owed FROM events WHERE id = $1", event["id"]) == []
    await assert_all_is_mailed(doomed.api)


# --- one promise at a time


async def refunded(api: Api) -> tuple[FakeGateway, dict[str, Any]]:
    """Return the gateway and a payment whose money is owed to its payer; the job that returns it waits."""
    gateway = FakeGateway()
    api.resources = replace(api.resources, gateways={"mock": gateway})
    (organizer,), (person,) = await people(api, 1, "organizer"), await people(api, 1)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    assert (await organizer.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    return gateway, payment


async def jobs_of(api: Api, kind: JobKind) -> list[str]:
    rows = await api.database.fetch("SELECT state FROM jobs WHERE kind = $1 ORDER BY id", kind.name)
    return [row["state"] for row in rows]


async def test_what_a_gateway_refuses_is_asked_for_again_in_an_hour_and_not_before(api: Api) -> None:
    gateway, _payment = await refunded(api)
    gateway.refund_state = GatewayRefundState.FAILED
    await api.run_jobs(may_fail=True)
    pause = await api.database.fetch_value("SELECT extract(epoch FROM run_at - now()) FROM jobs")
    assert 3590 < pause <= 3600
    for _ in range(3):
        assert await do_round(api.database) == 0
        await api.run_jobs(may_fail=True)
    assert len(gateway.asked_refunds) == 1
    assert await jobs_of(api, REFUND_PAYMENT) == ["failed"], "a person sees it"
    await api.database.execute("UPDATE jobs SET run_at = now()")
    assert await do_round(api.database) == 1
    await api.run_jobs(may_fail=True)
    assert len(gateway.asked_refunds) == 2
    assert await jobs_of(api, REFUND_PAYMENT) == ["failed"], "and does not see it pile up"
    gateway.refund_state = GatewayRefundState.SUCCEEDED
    await api.database.execute("UPDATE jobs SET run_at = now()")
    assert await do_round(api.database) == 1
    await api.run_jobs()
    assert await jobs_of(api, REFUND_PAYMENT) == []
    assert await do_round(api.database) == 0
    log = await api.database.fetch("SELECT outcome FROM job_log WHERE kind = 'refund_payment' ORDER BY id")
    assert [row["outcome"][:30] for row in log] == ["superseded: PermanentFailure: "] * 2 + ["done"]


async def test_a_refund_that_the_bank_sends_back_three_times_is_a_persons_task(api: Api) -> None:
    gateway, _payment = await refunded(api)
    gateway.refund_state = GatewayRefundState.FAILED
    for _ in range(4):
        await api.run_jobs(may_fail=True)
        await api.database.execute("UPDATE jobs SET run_at = now()")
        await do_round(api.database)
    await api.run_jobs()
    assert len(gateway.asked_refunds) == 3
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "by_hand"
    told = "SELECT count(*) FROM notifications WHERE title = 'Refund to Make by Hand'"
    assert await api.database.fetch_value(told) == 1


@pytest.mark.parametrize("state", ["queued", "running"])
async def test_a_promise_that_a_job_is_about_to_keep_is_left_to_it(api: Api, state: str) -> None:
    await refunded(api)
    if state == "running":
        ids = [
            row["id"] for row in await api.database.fetch("SELECT id FROM jobs WHERE kind = 'refund_payment'")
        ]
        assert len(await jobs.claim(api.database, REFUND_PAYMENT, ids)) == 1
    assert await do_round(api.database) == 0
    assert await jobs_of(api, REFUND_PAYMENT) == [state]


async def test_two_clocks_and_a_person_take_a_promise_up_once(api: Api) -> None:
    await refunded(api)
    await api.database.execute("UPDATE jobs SET state = 'failed'")

    async def retry() -> None:
        async with api.database.transaction() as tx:
            await jobs.retry_all(tx)

    await asyncio.gather(do_round(api.database), do_round(api.database), retry())
    assert await jobs_of(api, REFUND_PAYMENT) == ["queued"]


async def test_a_charge_to_be_voided_is_found_again(api: Api) -> None:
    gateway = FakeGateway()
    api.resources = replace(api.resources, gateways={"mock": gateway})
    (organizer,), (person,) = await people(api, 1, "organizer"), await people(api, 1)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.database.execute("DELETE FROM jobs")
    await api.database.execute(
        "UPDATE payments SET void_since = now(), checked_at = now() WHERE id = $1", payment["id"]
    )
    await do_round(api.database)
    assert await jobs_of(api, VOID_PAYMENT) == ["queued"]


async def test_a_mail_that_its_server_refuses_is_owed_no_longer_but_seen(api: Api) -> None:
    (organizer,), (person,) = await people(api, 1, "organizer"), await people(api, 1)
    booking = await reserve(person, await organizer.create_event())
    api.mailer.fail_next(MailRefused("550 no such user"))
    await api.run_jobs(may_fail=True)
    assert await status(person, "bookings", booking) == "confirmed"
    assert await jobs_of(api, SEND_NOTIFICATION) == ["failed"]
    await api.database.execute("UPDATE jobs SET run_at = now()")
    assert await do_round(api.database) == 0
    async with api.database.transaction() as tx:
        assert len(await jobs.retry_all(tx, SEND_NOTIFICATION.name)) == 1
    await api.run_jobs()
    assert len(api.mailer.sent) == 1, "a person may have it tried again"


async def test_a_mail_that_no_server_takes_for_days_is_owed_no_longer(api: Api) -> None:
    (organizer,), (person,) = await people(api, 1, "organizer"), await people(api, 1)
    await reserve(person, await organizer.create_event())
    api.mailer.fail_next(*[MailTemporarilyFailed("452 mailbox full")] * 2)
    await api.run_jobs(may_fail=True)
    assert await jobs_of(api, SEND_NOTIFICATION) == ["queued"]
    await api.database.execute("UPDATE jobs SET run_at = now(), created_at = now() - interval '121 hours'")
    await api.run_jobs(may_fail=True)
    assert await jobs_of(api, SEND_NOTIFICATION) == ["failed"]
    await api.database.execute("UPDATE jobs SET run_at = now()")
    assert await do_round(api.database) == 0


async def test_a_mail_over_its_budget_is_owed_no_longer(make_api: MakeApi) -> None:
    api = await make_api(mail_budget_unverified=0)
    (organizer,), (person,) = await people(api, 1, "organizer"), await people(api, 1)
    await person.book(await organizer.create_event())
    assert await titles(person) == ["Booking Confirmation"]
    assert api.mailer.sent == []
    assert await do_round(api.database) == 0


async def test_jobs_of_the_version_before_mail_what_has_no_promise(api: Api) -> None:
    (organizer,), (person,) = await people(api, 1, "organizer"), await people(api, 1)
    await reserve(person, await organizer.create_event())
    await run_kind(api, CONFIRM_BOOKING)
    await api.database.execute("UPDATE notifications SET mail_owed = false")
    await api.database.execute("UPDATE jobs SET version = 1, unique_key = NULL")
    await api.run_jobs()
    assert len(api.mailer.sent) == 1


async def test_money_that_comes_late_brings_its_certificate_also_to_the_last_of_many(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks have passed the booking by when it is confirmed; and once all have theirs, another is owed anew."""
    monkeypatch.setattr(owed, "CHUNK", 2)
    (organizer,), attendees = await people(api, 1, "organizer"), await people(api, 7)
    event = await organizer.create_event()
    held = [await reserve(person, event) for person in attendees]
    await api.run_jobs()
    late = [held[0]["id"], held[5]["id"]]
    await api.database.execute("ALTER TABLE bookings DISABLE TRIGGER USER")
    await api.database.execute("UPDATE bookings SET status = 'pending' WHERE id = ANY($1::bigint[])", late)
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await organizer.post(f"/api/events/{event['id']}/complete/")).status == 200
    for number, booking in enumerate(late):
        for _ in range(2 - 2 * number):
            await run_kind(api, ISSUE_CERTIFICATES)
        await api.database.execute("UPDATE bookings SET status = 'confirmed' WHERE id = $1", booking)
        if number:
            async with api.database.transaction() as tx:
                await owed.owe(tx, event["id"], Owed.CERTIFICATES)
        await api.run_jobs()
        assert await api.database.fetch_value("SELECT count(*) FROM certificates") == 6 + number
        assert await api.database.fetch_value("SELECT owed FROM events") == []
    await api.database.execute("ALTER TABLE bookings ENABLE TRIGGER USER")


async def test_a_refund_that_a_person_took_over_is_made_by_no_job(api: Api) -> None:
    gateway, payment = await refunded(api)
    await api.database.execute("UPDATE jobs SET state = 'failed'")
    async with api.database.transaction() as tx:
        assert len(await jobs.discard_all(tx, REFUND_PAYMENT.name)) == 1
    await do_round(api.database)
    await api.run_jobs()
    state = await api.database.fetch_value("SELECT refund_state FROM payments WHERE id = $1", payment["id"])
    assert (state, gateway.refunds) == ("by_hand", {})
