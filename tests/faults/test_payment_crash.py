"""Workers killed in the middle of hundreds of charges: each payment is settled once, and charged once."""

import asyncio
import os
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from eventhub.gateways.payments.mock import EntryKind
from tests.cluster import Cluster
from tests.fakes.ledger import read_ledger
from tests.money import PRICE, assert_money_balances
from tests.waiting import until

PAYMENTS = 500

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


async def test_killed_workers_lose_no_payment_and_charge_nobody_twice(cluster: Cluster) -> None:
    cluster.environ |= {
        "EVENTHUB_MOCK_PAYMENT_LEDGER": "true",
        "EVENTHUB_MOCK_PAYMENT_DELAY": "0.05",
        "EVENTHUB_PAYMENT_WAIT": "86400",
    }
    ledger = cluster.folder / "data" / "mock-payments.jsonl"
    cluster.start("web", "worker", "clock")
    (organizer,), payers = await cluster.people(1, "organizer"), await cluster.people(PAYMENTS)
    event = await cluster.event(organizer, price=PRICE, max_attendees=PAYMENTS)
    async with cluster.http(30) as http:

        async def book_and_pay(token: str) -> None:
            code, booking = await http.request("POST", "/api/bookings/", token, {"event": event})
            assert code == 201, booking
            code, payment = await http.request("POST", "/api/payments/", token, {"booking": booking["id"]})
            assert code == 201, payment

        paying = asyncio.gather(*map(book_and_pay, payers))
        for goal in (PAYMENTS // 5, PAYMENTS // 2):
            await until(partial(_has_entries, ledger, goal), f"{goal} entries are in the ledger", 120)
            _kill_workers(cluster)
            # A killed worker's leases run out by themselves after minutes; here, at once.
            await asyncio.sleep(0.5)
            running = await cluster.sql("SELECT count(*) FROM jobs WHERE state = 'running'")
            print(f"killed with {running[0][0]} jobs running")
            await cluster.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running'")
            cluster.start("worker")
        await paying
    await cluster.eventually("SELECT count(*) FROM jobs", 0, seconds=240)

    await assert_money_balances(cluster.sql, ledger=ledger)
    statuses = await cluster.sql("SELECT status, count(*) FROM payments GROUP BY 1")
    assert [tuple(row) for row in statuses] == [("completed", PAYMENTS)]
    entries = read_ledger(ledger)
    charged = [entry.key for entry in entries if entry.kind is EntryKind.CHARGE]
    assert len(charged) == len(set(charged)) == PAYMENTS
    print(f"{len(entries) - len(charged)} repeated charges, which took nothing")
    assert (await cluster.sql("SELECT count(*) FROM invoices"))[0][0] == PAYMENTS
    for kind in ("payment_received", "booking_confirmation"):
        told = await cluster.sql(
            "SELECT count(*), count(DISTINCT user_id) FROM notifications WHERE notification_type = $1", kind
        )
        assert tuple(told[0]) == (PAYMENTS, PAYMENTS)


def _has_entries(ledger: Path, number: int) -> bool:
    return len(read_ledger(ledger)) >= number


def _kill_workers(cluster: Cluster) -> None:
    """SIGKILL every process of the worker, its master last, so that nothing ends in order."""
    for process in cluster.processes.pop("worker"):
        for pid in [*_below(process.pid), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(timeout=10)


def _below(pid: int) -> list[int]:
    import psutil  # noqa: PLC0415 - comes with the embedded PostgreSQL

    return [child.pid for child in psutil.Process(pid).children(recursive=True)]
