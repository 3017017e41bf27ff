"""The primary killed under load, its synchronous standby promoted: nothing acknowledged is lost, nobody starts anything."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from eventhub.embedded import Services
from tests.cluster import Cluster
from tests.faults.databases import Machine, PortPostgres, Standby, running
from tests.money import PRICE, assert_money_balances
from tests.waiting import until

PEOPLE = 250
IN_FLIGHT = 20
KILLED_AFTER = 80  # payments
DETECTED_SECONDS = 2.0  # what it takes whoever promotes the standby to be sure
RECOVERED_WITHIN_SECONDS = 15.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(170)]


@dataclass
class Load:
    """People who book and pay through `url`, again where they are told 503; what they were answered, and when."""

    url: str
    event: int
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0
    bookings: set[int] = field(default_factory=set)
    payments: set[int] = field(default_factory=set)
    succeeded_at: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)

    async def run(self, people: list[str]) -> None:
        slots = asyncio.Semaphore(IN_FLIGHT)
        async with aiohttp.ClientSession() as session:

            async def in_turn(token: str) -> None:
                async with slots:
                    await self.book_and_pay(session, token)

            await asyncio.gather(*map(in_turn, people))

    async def book_and_pay(self, session: aiohttp.ClientSession, token: str) -> None:
        status, booking = await self.post(session, "/api/bookings/", token, {"event": self.event})
        if status == 409:  # the commit whose answer was lost
            assert booking["code"] == "already_booked", booking
            async with session.get(f"{self.url}/api/bookings/", headers=_signed(token)) as found:
                (booking,) = await found.json()
        self.bookings.add(booking["id"])
        status, payment = await self.post(session, "/api/payments/", token, {"booking": booking["id"]})
        if status == 201:
            self.payments.add(payment["id"])

    async def post(
        self, session: aiohttp.ClientSession, path: str, token: str, body: object
    ) -> tuple[int, Any]:
        """Return the first answer that is not a 503."""
        while True:
            async with session.post(self.url + path, json=body, headers=_signed(token)) as answer:
                self.statuses[answer.status] += 1
                data = await answer.json()
                if answer.status != 503:
                    assert answer.status in {201, 409}, (answer.status, data)
                    if answer.status == 201:
                        self.succeeded_at.append(time.monotonic())
                    return answer.status, data
                self.refused_at.append(time.monotonic())
                self.without_retry_after += "Retry-After" not in answer.headers
            await asyncio.sleep(0.2)


def _signed(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def primary(own_folder: Path) -> Iterator[PortPostgres]:
    server = PortPostgres(own_folder / "a")
    with running(server):
        yield server


@pytest.fixture
def cluster_of_two(servers: Services, primary: PortPostgres, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(replace(servers, database_url=primary.url), "failover", tmp_path) as cluster:
        yield cluster


async def test_a_promoted_standby_has_all_that_was_acknowledged(
    cluster_of_two: Cluster, primary: PortPostgres, own_folder: Path
) -> None:
    async with standby_of(primary, own_folder, cluster_of_two, primary.host) as standby:
        await _fail_over_under_load(cluster_of_two, primary.kill, standby)


async def test_so_has_that_of_a_primary_whose_machine_is_gone_without_a_word(
    cluster_of_two: Cluster, primary: PortPostgres, own_folder: Path
) -> None:
    with Machine(primary) as machine:

        def lose_it() -> None:
            machine.cut_off()
            primary.kill()

        async with standby_of(primary, own_folder, cluster_of_two, machine.host) as standby:
            await _fail_over_under_load(cluster_of_two, lose_it, standby)


@asynccontextmanager
async def standby_of(
    primary: PortPostgres, own_folder: Path, cluster: Cluster, primary_host: str
) -> AsyncIterator[Standby]:
    """Yield a synchronous standby; the cluster's processes run, and know both servers."""
    # Not in force before there is a standby to wait for, but copied to it.
    await primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    standby = Standby(own_folder / "b", primary)
    with running(standby):
        await primary.execute("SELECT pg_reload_conf()")
        await cluster.eventually("SELECT sync_state FROM pg_stat_replication", "sync")
        servers = f"{primary_host},{standby.host}"
        cluster.environ |= {
            "DATABASE_URL": f"postgres://eventhub@{servers}/failover?target_session_attrs=read-write",
            "EVENTHUB_MOCK_PAYMENT_LEDGER": "true",
        }
        cluster.start("web", "worker", "clock")
        yield standby


async def _fail_over_under_load(cluster: Cluster, lose_primary: Callable[[], None], standby: Standby) -> None:
    (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(PEOPLE)
    load = Load(cluster.url, await cluster.event(organizer, price=PRICE, max_attendees=PEOPLE))
    loading = asyncio.create_task(load.run(people))
    await until(lambda: len(load.payments) >= KILLED_AFTER, "the load is under way", 30)

    lose_primary()
    killed_at = time.monotonic()
    acknowledged = len(load.bookings), len(load.payments)
    await asyncio.sleep(DETECTED_SECONDS)
    await standby.promote()
    promoted = time.monotonic() - killed_at
    # Where the test itself looks; Event Hub's processes find it by themselves.
    cluster.environ["DATABASE_URL"] = f"postgres://eventhub@{standby.host}/failover"
    await loading
    assert load.refused_at, "it was away during the load"
    recovered = min(moment for moment in load.succeeded_at if moment > load.refused_at[0]) - killed_at

    # What the worker had claimed when the primary went waits for its lease, minutes: here, they are over.
    await cluster.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running'")
    await cluster.eventually("SELECT count(*) FROM payments WHERE status = 'completed'", PEOPLE)
    settled = time.monotonic() - killed_at
    await cluster.eventually(
        "SELECT count(*) FROM jobs WHERE kind LIKE '%payment%' OR kind LIKE '%booking%'", 0
    )
    lost = [await _lost(cluster, "bookings", load.bookings), await _lost(cluster, "payments", load.payments)]
    doubled = (await cluster.sql("SELECT count(*) - count(DISTINCT user_id) FROM bookings"))[0][0]
    doubled += (await cluster.sql("SELECT count(*) - count(DISTINCT booking_id) FROM payments"))[0][0]
    print(
        f"\nprimary killed after {acknowledged[0]} bookings and {acknowledged[1]} payments, standby promoted after "
        f"{promoted:.1f} s\nacknowledged  {len(load.bookings)} bookings, {len(load.payments)} payments\n"
        f"lost          {sum(lost)}\ndoubled       {doubled}\nanswers       {dict(load.statuses)}\n"
        f"first success {recovered:.1f} s after the kill; all settled {settled:.1f} s after it"
    )
    assert lost == [0, 0]
    assert doubled == 0
    assert load.statuses.keys() <= {201, 409, 503}
    assert load.without_retry_after == 0
    assert recovered < RECOVERED_WITHIN_SECONDS
    await assert_money_balances(cluster.sql, ledger=cluster.folder / "data" / "mock-payments.jsonl")
    assert "/ failed" not in cluster.log("web"), "an outage is one line a request"


async def _lost(cluster: Cluster, table: str, ids: set[int]) -> int:
    (row,) = await cluster.sql(f"SELECT count(*) FROM {table} WHERE id = ANY($1)", list(ids))
    return len(ids) - int(row[0])
