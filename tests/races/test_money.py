"""Money raced over HTTP through real processes: whatever comes first, the books balance.

The mock's delay lies between its charge and its answer: a job that is in it has charged without knowing it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, Http
from tests.money import PRICE, assert_money_balances
from tests.races.books import all_jobs_done, user_id

REPETITIONS = 30

pytestmark = pytest.mark.long


@pytest.fixture
def paying(cluster: Cluster) -> Cluster:
    """A cluster whose mock provider answers 20 ms after it has charged, and writes down what it did."""
    cluster.environ |= {
        "EVENTHUB_MOCK_PAYMENT_LEDGER": "true",
        "EVENTHUB_MOCK_PAYMENT_DELAY": "0.02",
        "EVENTHUB_PENDING_BOOKING_TTL": "600",
    }
    cluster.start("web", "worker", "clock", WEB_CONCURRENCY="2")
    return cluster


def ledger(cluster: Cluster) -> Path:
    return cluster.folder / "data" / "mock-payments.jsonl"


async def reserve(http: Http, token: str, event: int) -> int:
    code, booking = await http.request("POST", "/api/bookings/", token, {"event": event})
    assert code == 201, booking
    return int(booking["id"])


async def pay(http: Http, token: str, booking: int, method: str = "mock") -> tuple[int, Any]:
    return await http.request("POST", "/api/payments/", token, {"booking": booking, "method": method})


async def settled(cluster: Cluster) -> None:
    """Wait until no job is left, then check the books and the provider's ledger."""
    await cluster.eventually("SELECT count(*) FROM jobs", 0, seconds=60)
    await assert_money_balances(cluster.sql, ledger=ledger(cluster))


async def after(seconds: float, call: Awaitable[tuple[int, Any]]) -> tuple[int, Any]:
    await asyncio.sleep(seconds)
    return await call


async def at_random(*calls: Awaitable[tuple[int, Any]]) -> Sequence[tuple[int, Any]]:
    """Make the calls at once or up to 60 ms apart, in any order."""
    return await asyncio.gather(
        *(after(random.choice((0.0, random.random() * 0.06)), call) for call in calls)
    )


async def paid_bookings(cluster: Cluster, http: Http, number: int) -> list[tuple[str, str, int, int, int]]:
    """Return (organizer, payer, event, booking, payment) of so many completed payments, each with its own event."""
    made = []
    (organizer,) = await cluster.people(1, "organizer")
    for payer in await cluster.people(number):
        event = await cluster.event(organizer, price=PRICE)
        booking = await reserve(http, payer, event)
        code, payment = await pay(http, payer, booking)
        assert code == 201
        made.append((organizer, payer, event, booking, int(payment["id"])))
    await cluster.eventually("SELECT count(*) FROM payments WHERE status = 'pending'", 0)
    return made


async def test_of_twenty_payments_for_a_booking_at_once_one_is_made(paying: Cluster) -> None:
    (organizer,), (payer,) = await paying.people(1, "organizer"), await paying.people(1)
    async with paying.http(20) as http:
        for _ in range(5):
            booking = await reserve(http, payer, await paying.event(organizer, price=PRICE))
            answers = await asyncio.gather(*(pay(http, payer, booking) for _ in range(20)))
            assert Counter(code for code, _ in answers) == {201: 1, 409: 19}
            assert {data["code"] for code, data in answers if code == 409} == {"payment_exists"}
    await settled(paying)
    assert (await paying.sql("SELECT count(*) FROM payments WHERE status = 'completed'"))[0][0] == 5


async def test_payments_settled_at_once_are_numbered_without_gaps_at_the_first_try(
    paying: Cluster,
) -> None:
    paying.start("worker")  # a second one: what one process settles at once is one transaction
    (organizer,), payers = await paying.people(1, "organizer"), await paying.people(REPETITIONS * 2)
    async with paying.http(20) as http:
        # Each of an event of its own: those of one event wait for each other before they come to the counter.
        bookings = [
            await reserve(http, payer, await paying.event(organizer, price=PRICE)) for payer in payers
        ]
        paid = await asyncio.gather(*map(pay, [http] * len(payers), payers, bookings))
        assert {code for code, _ in paid} == {201}
        await all_jobs_done(paying)
        refunds = (f"/api/payments/{payment['id']}/refund/" for _, payment in paid)
        refunded = await asyncio.gather(*map(http.request, ["POST"] * len(payers), refunds, payers))
        assert {code for code, _ in refunded} == {200}
    await all_jobs_done(paying)
    await settled(paying)


async def test_paying_against_cancelling_keeps_both_money_and_seat_or_neither(paying: Cluster) -> None:
    (organizer,) = await paying.people(1, "organizer")
    async with paying.http(20) as http:
        for payer in await paying.people(REPETITIONS):
            booking = await reserve(http, payer, await paying.event(organizer, price=PRICE))
            cancel = http.request("POST", f"/api/bookings/{booking}/cancel/", payer)
            paid, cancelled = await at_random(pay(http, payer, booking), cancel)
            assert cancelled[0] == 200
            assert paid[0] in {201, 409}
    await settled(paying)
    rows = await paying.sql("SELECT DISTINCT status FROM bookings")
    assert [row["status"] for row in rows] == ["cancelled"]
    left = await paying.sql("SELECT count(*) FROM payments WHERE status NOT IN ('cancelled', 'refunded')")
    assert left[0][0] == 0


async def test_paying_against_the_end_of_the_hold_ends_in_a_paid_seat_or_an_expired_one(
    paying: Cluster,
) -> None:
    (organizer,) = await paying.people(1, "organizer")
    payers = await paying.people(REPETITIONS)
    async with paying.http(20) as http:
        for payer in payers:
            booking = await reserve(http, payer, await paying.event(organizer, price=PRICE))

            async def expire(booking: int = booking) -> tuple[int, Any]:
                await paying.sql("UPDATE bookings SET expires_at = now() WHERE id = $1", booking)
                return 0, None

            paid, _ = await at_random(pay(http, payer, booking), expire())
            assert paid[0] in {201, 409}
    await paying.eventually("SELECT count(*) FROM bookings WHERE status = 'pending'", 0)
    await settled(paying)
    pairs = await paying.sql(
        "SELECT DISTINCT b.status AS booking, p.status AS payment FROM bookings b "
        "LEFT JOIN payments p ON p.booking_id = b.id ORDER BY 1, 2"
    )
    allowed = {
        ("confirmed", "completed"),
        ("cancelled", "cancelled"),
        ("cancelled", "refunded"),
        ("cancelled", None),
    }
    assert {tuple(pair) for pair in pairs} <= allowed


Act = Callable[[Http, tuple[str, str, int, int, int]], Awaitable[tuple[int, Any]]]


def refund_by_payer(http: Http, paid: tuple[str, str, int, int, int]) -> Awaitable[tuple[int, Any]]:
    return http.request("POST", f"/api/payments/{paid[4]}/refund/", paid[1])


def refund_by_organizer(http: Http, paid: tuple[str, str, int, int, int]) -> Awaitable[tuple[int, Any]]:
    return http.request("POST", f"/api/payments/{paid[4]}/refund/", paid[0])


def cancel_booking(http: Http, paid: tuple[str, str, int, int, int]) -> Awaitable[tuple[int, Any]]:
    return http.request("POST", f"/api/bookings/{paid[3]}/cancel/", paid[1])


def cancel_event(http: Http, paid: tuple[str, str, int, int, int]) -> Awaitable[tuple[int, Any]]:
    return http.request("POST", f"/api/events/{paid[2]}/cancel/", paid[0])


async def test_refunds_and_cancellations_at_once_give_the_money_back_once(paying: Cluster) -> None:
    contests: list[tuple[Act, ...]] = [
        (refund_by_payer, refund_by_organizer),
        (refund_by_payer,) * 4,
        (refund_by_payer, cancel_booking),
        (refund_by_organizer, cancel_event),
        (cancel_booking, cancel_event),
        (refund_by_payer, refund_by_organizer, cancel_booking, cancel_event),
    ]
    async with paying.http(20) as http:
        for paid, acts in zip(
            await paid_bookings(paying, http, len(contests) * 6), contests * 6, strict=True
        ):
            answers = await at_random(*(act(http, paid) for act in acts))
            assert {code for code, _ in answers} == {200}, answers
    await settled(paying)
    counts = await paying.sql("SELECT status, refund_state, count(*) FROM payments GROUP BY 1, 2")
    assert [tuple(row) for row in counts] == [("refunded", "returned", len(contests) * 6)]
    notes = await paying.sql("SELECT count(*) FROM notifications WHERE title = 'Payment Refunded'")
    assert notes[0][0] == len(contests) * 6


async def test_paying_against_the_cancellation_of_the_event_gives_all_money_back(paying: Cluster) -> None:
    (organizer,) = await paying.people(1, "organizer")
    async with paying.http(40) as http:
        for _ in range(6):
            event = await paying.event(organizer, price=PRICE)
            payers = await paying.people(5)
            bookings = [await reserve(http, payer, event) for payer in payers]
            cancel = http.request("POST", f"/api/events/{event}/cancel/", organizer)
            answers = await at_random(
                cancel, *(pay(http, payer, booking) for payer, booking in zip(payers, bookings, strict=True))
            )
            assert {code for code, _ in answers} <= {200, 201, 409}
    await settled(paying)
    rows = await paying.sql(
        "SELECT count(*) FILTER (WHERE status NOT IN ('cancelled', 'refunded')) FROM payments"
    )
    assert rows[0][0] == 0
    assert (await paying.sql("SELECT sum(revenue)::int FROM events"))[0][0] == 0


async def test_paying_against_the_organizers_confirmation_charges_once_and_keeps_the_seat(
    paying: Cluster,
) -> None:
    (organizer,) = await paying.people(1, "organizer")
    async with paying.http(20) as http:
        for payer in await paying.people(REPETITIONS // 2):
            booking = await reserve(http, payer, await paying.event(organizer, price=PRICE))
            confirm = http.request("POST", f"/api/bookings/{booking}/confirm/", organizer)
            paid, confirmed = await at_random(pay(http, payer, booking), confirm)
            assert (paid[0], confirmed[0]) == (201, 200)
    await settled(paying)
    assert (await paying.sql("SELECT DISTINCT status FROM payments"))[0][0] == "completed"


async def test_a_transfer_against_the_organizers_confirmation_is_completed_by_it_or_by_the_next(
    paying: Cluster,
) -> None:
    (organizer,) = await paying.people(1, "organizer")
    async with paying.http(20) as http:
        for payer in await paying.people(REPETITIONS):
            booking = await reserve(http, payer, await paying.event(organizer, price=PRICE))

            async def confirm(booking: int = booking) -> tuple[int, Any]:
                return await http.request("POST", f"/api/bookings/{booking}/confirm/", organizer)

            await paying.sql("UPDATE users SET is_verified = true WHERE id = $1", user_id(payer))
            paid, confirmed = await at_random(pay(http, payer, booking, "bank_transfer"), confirm())
            assert (paid[0], confirmed[0]) == (201, 200)
            assert (await confirm())[0] == 200
    await settled(paying)
    states = await paying.sql("SELECT status, count(*) FROM payments GROUP BY 1")
    assert [tuple(row) for row in states] == [("completed", REPETITIONS)]


async def test_a_transfer_recorded_by_many_at_once_is_completed_with_one_invoice(paying: Cluster) -> None:
    (organizer,) = await paying.people(1, "organizer")
    async with paying.http(20) as http:
        for payer in await paying.people(10):
            booking = await reserve(http, payer, await paying.event(organizer, price=PRICE))
            await paying.sql("UPDATE users SET is_verified = true WHERE id = $1", user_id(payer))
            _, transfer = await pay(http, payer, booking, "bank_transfer")
            path = f"/api/payments/{transfer['id']}/complete/"
            answers = await asyncio.gather(*(http.request("POST", path, organizer) for _ in range(8)))
            assert {code for code, _ in answers} == {200}, answers
            assert {data["status"] for _, data in answers} == {"completed"}
    await settled(paying)
    assert (await paying.sql("SELECT count(*) FROM invoices"))[0][0] == 10


async def test_switching_the_method_while_the_first_is_charged_charges_one_of_both(paying: Cluster) -> None:
    """The mock charges 20 ms before it answers: the payer cancels before, during and after, and pays again at once."""
    (organizer,) = await paying.people(1, "organizer")
    async with paying.http(20) as http:
        for payer in await paying.people(REPETITIONS * 2):
            booking = await reserve(http, payer, await paying.event(organizer, price=PRICE))
            _, first = await pay(http, payer, booking)
            await asyncio.sleep(random.random() * 0.06)
            code, _ = await http.request("POST", f"/api/payments/{first['id']}/cancel/", payer)
            again, _ = await pay(http, payer, booking, "credit_card")
            assert (code, again) in {(200, 201), (409, 409), (200, 409)}
    await settled(paying)
    counts = await paying.sql("SELECT status, count(*) FROM payments GROUP BY 1")
    states = {row["status"]: row["count"] for row in counts}
    assert states.pop("completed") == REPETITIONS * 2
    assert states.keys() <= {"cancelled"}, "nobody paid twice"
