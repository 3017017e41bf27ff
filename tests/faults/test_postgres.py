"""PostgreSQL killed and started again under load: errors that say so, and everything recovers by itself."""

import asyncio
import time
from collections import Counter

import asyncpg
import pytest

from eventhub.web.database_bounds import TIMEOUTS
from tests.cluster import Cluster, Http
from tests.faults.bookings import assert_confirmed_once
from tests.faults.conftest import Breakable
from tests.waiting import until

PEOPLE = 300


@pytest.mark.long
async def test_postgres_killed_under_load_costs_503s_and_nothing_else(
    postgres_cluster: Cluster, own_postgres: Breakable
) -> None:
    cluster = postgres_cluster
    cluster.start("web", "worker", "clock")
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(PEOPLE)]
    event = await cluster.event(organizer, max_attendees=PEOPLE)
    statuses: Counter[int] = Counter()
    under_load = asyncio.Event()
    away_from: float | None = None

    async with cluster.http(30) as http:

        async def break_it() -> None:
            nonlocal away_from
            await under_load.wait()
            own_postgres.kill_main_process()
            away_from = time.monotonic()
            await until(lambda: statuses[503] >= 30, "all who ask are refused")
            await asyncio.to_thread(own_postgres.start)

        async def book(token: str) -> None:
            """Ask until there is an answer other than 503, as a client does that honours Retry-After."""
            deadline = time.monotonic() + 60
            while True:
                status, data = await http.request("POST", "/api/bookings/", token, {"event": event})
                statuses[status] += 1
                if statuses[201] == 60:
                    under_load.set()
                if status != 503:
                    assert status == 201 or data["code"] == "already_booked", (status, data)
                    return
                assert set(data) == {"detail", "error", "code"}
                assert data["code"] == "unavailable"
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)

        slots = asyncio.Semaphore(30)

        async def book_in_turn(token: str) -> None:
            async with slots:
                await book(token)

        breaking = asyncio.create_task(break_it())
        await asyncio.gather(*(book_in_turn(token) for token in people))
        await breaking
        print(f"answers: {dict(statuses)}")
        assert statuses[503] > 0, "it was away during the load"
        assert statuses.keys() <= {201, 503, 409}
        # A commit whose answer was lost, and the repeated request: at most as many as were under way.
        assert statuses[201] + statuses[409] == PEOPLE
        await _answers_again(http, people[0])

    assert away_from is not None
    # What the worker had claimed when its database went waits for its lease, a minute.
    await assert_confirmed_once(cluster, PEOPLE, seconds=100)
    print(f"all confirmed {time.monotonic() - away_from:.1f} s after the kill")
    assert "/api/bookings/ failed" not in cluster.log("web"), "an outage is one line a request"


async def _answers_again(http: Http, token: str) -> None:
    answers = await asyncio.gather(*(http.request("GET", "/api/bookings/", token) for _ in range(60)))
    assert Counter(status for status, _ in answers) == {200: 60}


@pytest.mark.long
async def test_processes_start_while_postgres_is_away_and_work_once_it_is_back(
    postgres_cluster: Cluster, own_postgres: Breakable
) -> None:
    cluster = postgres_cluster
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(20)]
    own_postgres.kill()
    cluster.start("web", "worker", "clock")
    async with cluster.http() as http:
        status, data = await http.request("GET", "/api/events/")
        assert (status, data["code"]) == (503, "unavailable")
        await asyncio.sleep(3)
        own_postgres.start()
        event = await cluster.event(organizer, max_attendees=20)
        answers = await asyncio.gather(
            *(http.request("POST", "/api/bookings/", token, {"event": event}) for token in people)
        )
    assert Counter(status for status, _ in answers) == {201: 20}
    await assert_confirmed_once(cluster, 20)


@pytest.mark.long
async def test_a_frozen_postgres_costs_503s_within_seconds_and_jobs_a_retry(
    postgres_cluster: Cluster, own_postgres: Breakable
) -> None:
    cluster = postgres_cluster
    cluster.start("web", "worker", "clock", WEB_CONCURRENCY="1")
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(40)]
    event = await cluster.event(organizer, max_attendees=40)
    async with cluster.http() as http:
        own_postgres.freeze()
        try:
            began = time.monotonic()
            # More than the pool has connections, so that some wait for a turn, and twice, for those that were hung up.
            for _ in range(2):
                answers = await asyncio.gather(
                    *(http.request("POST", "/api/bookings/", token, {"event": event}) for token in people)
                )
                # Who is first at the event's row finds that out; of those that wait behind, some are sent away before.
                assert {(status, data["code"]) for status, data in answers} <= {
                    (503, "unavailable"),
                    (503, "busy"),
                }
            took = time.monotonic() - began
        finally:
            own_postgres.thaw()
        assert took < 2 * (TIMEOUTS.command_seconds + TIMEOUTS.turn_seconds + 1)
        print(f"80 refusals in {took:.1f} s")
        await _answers_again(http, people[0])
        for token in people:
            status, data = await http.request("POST", "/api/bookings/", token, {"event": event})
            assert status == 201 or data["code"] == "already_booked", (status, data)
    await assert_confirmed_once(cluster, 40, seconds=100)


@pytest.mark.long
async def test_one_stuck_transaction_costs_503s_on_its_rows_alone(cluster: Cluster) -> None:
    cluster.start("web", WEB_CONCURRENCY="1")
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(4)]
    stuck, free = await cluster.event(organizer), await cluster.event(organizer)
    other = await asyncpg.connect(cluster.environ["DATABASE_URL"])
    async with cluster.http() as http, other.transaction():
        await other.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", stuck)
        began = time.monotonic()
        answers = await asyncio.gather(
            *(http.request("POST", "/api/bookings/", token, {"event": stuck}) for token in people),
            *(http.request("POST", "/api/bookings/", token, {"event": free}) for token in people),
        )
        # Who waits behind a waiter gets a lock of that one's first, so it may take as long as the statement may.
        assert time.monotonic() - began < TIMEOUTS.command_seconds + 1
    await other.close()
    assert [status for status, _ in answers] == [503] * 4 + [201] * 4
