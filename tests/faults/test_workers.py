"""Workers that are killed, stopped, many, or for some queues only: every job once."""

import asyncio
import os
import signal
import time

import pytest

from tests.cluster import Cluster
from tests.faults.bookings import (
    CONFIRMED,
    assert_confirmed_once,
    book_all,
    let_leases_run_out,
    slow_down_confirmations,
)
from tests.faults.conftest import still_there
from tests.waiting import until

STOP_SECONDS = 31  # what `eventhub worker` gives its processes, and a moment


async def booked(cluster: Cluster, number: int) -> None:
    """Let so many people book while no worker runs."""
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(number)]
    event = await cluster.event(organizer, max_attendees=number)
    load = await book_all(cluster, event, people, in_flight=50)
    assert load.statuses == {201: number}


async def at_least(cluster: Cluster, number: int) -> None:
    await cluster.eventually(f"SELECT ({CONFIRMED}) >= $1", True, number)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_worker_killed_amid_500_confirmations_confirms_each_once(cluster: Cluster) -> None:
    cluster.start("web", "clock")
    await booked(cluster, 500)
    await slow_down_confirmations(cluster, 0.01)
    cluster.start("worker")
    await at_least(cluster, 50)
    *_, worker = cluster.workers()
    os.kill(worker, signal.SIGKILL)
    await asyncio.sleep(0.5)
    [row] = await cluster.sql(
        f"SELECT ({CONFIRMED}) AS confirmed, (SELECT count(*) FROM jobs WHERE state = 'running') AS begun"
    )
    print(f"killed after {row['confirmed']} of 500, with {row['begun']} claimed")
    assert 50 <= row["confirmed"] < 500
    assert row["begun"] > 0
    began = time.monotonic()
    # The leases of what it had claimed run for a minute.
    await assert_confirmed_once(cluster, 500, seconds=150)
    print(f"all confirmed {time.monotonic() - began:.1f} s after the kill")
    await _nothing_left_but_what_failed(cluster)
    assert (await cluster.sql("SELECT count(*) FROM jobs"))[0][0] == 0


@pytest.mark.long
async def test_a_worker_that_is_stopped_amid_a_batch_finishes_what_runs(cluster: Cluster) -> None:
    cluster.start("web", "clock")
    await booked(cluster, 200)
    await slow_down_confirmations(cluster, 0.02)
    cluster.start("worker")
    await at_least(cluster, 10)
    pids = [process.pid for process in cluster.processes["worker"]] + cluster.workers()
    began = time.monotonic()
    assert cluster.stop("worker", STOP_SECONDS) == 0
    took = time.monotonic() - began
    [row] = await cluster.sql(
        f"SELECT ({CONFIRMED}) AS confirmed, (SELECT count(*) FROM jobs WHERE kind = 'confirm_booking') AS left, "
        "(SELECT count(*) FROM jobs WHERE state <> 'queued' OR attempts > 0) AS touched"
    )
    print(f"stopped in {took:.1f} s after {row['confirmed']} of 200")
    assert took < 10
    assert still_there(pids) == []
    assert row["confirmed"] + row["left"] == 200
    assert row["left"] > 0, "it was in the middle"
    assert row["touched"] == 0, "nothing is left half done, nothing waits for a lease"
    cluster.start("worker")
    await assert_confirmed_once(cluster, 200)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_several_workers_and_clocks_do_everything_once(cluster: Cluster) -> None:
    cluster.start("web")
    for _ in range(2):
        cluster.start("worker", arguments=["--processes", "2", "--threads", "2"])
        cluster.start("clock")
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(300)]
    free = await cluster.event(organizer, max_attendees=200)
    await book_all(cluster, free, people[:200])
    # And what time brings: unpaid holds run out, and each owner is told once.
    paid = await cluster.event(organizer, max_attendees=100, price="10.00")
    await book_all(cluster, paid, people[200:])
    await cluster.sql("UPDATE bookings SET expires_at = now() WHERE event_id = $1", paid)
    await cluster.eventually("SELECT count(*) FROM bookings WHERE status = 'cancelled'", 100, seconds=90)
    await cluster.eventually(CONFIRMED, 200)
    await cluster.eventually("SELECT count(*) FROM jobs", 0, seconds=60)
    rows = await cluster.sql(
        "SELECT split_part(key, ':', 1) AS cause, count(*) FROM notifications GROUP BY 1"
    )
    assert dict(map(tuple, rows)) == {"booking_confirmation": 200, "hold_expired": 100}
    assert tuple((await cluster.sql("SELECT sum(seats_held), sum(seats_confirmed) FROM events"))[0]) == (
        200,
        200,
    )


async def test_a_worker_does_the_queues_that_it_was_given_and_no_other(cluster: Cluster) -> None:
    cluster.start("web", "clock")
    cluster.start("worker", arguments=["--queues", "waitlist"])
    organizer, owner, waiting = [*await cluster.people(1, "organizer"), *await cluster.people(2)]
    event = await cluster.event(organizer, max_attendees=1)
    async with cluster.http() as http:
        status, booking = await http.request("POST", "/api/bookings/", owner, {"event": event})
        assert status == 201
        assert (await http.request("POST", "/api/waitlist/", waiting, {"event": event}))[0] == 201
        assert (await http.request("POST", f"/api/bookings/{booking['id']}/cancel/", owner))[0] == 200
    await cluster.eventually("SELECT count(*) FROM bookings WHERE status = 'pending'", 1)
    await asyncio.sleep(1)
    rows = await cluster.sql("SELECT queue, state, count(*) FROM jobs GROUP BY 1, 2")
    assert {(row["queue"], row["state"]) for row in rows} >= {("bookings", "queued")}
    assert {row["state"] for row in rows} == {"queued"}
    assert "waitlist" not in {row["queue"] for row in rows}
    cluster.start("worker", arguments=["--queues", "bookings"])
    await cluster.eventually(CONFIRMED, 1)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_job_that_kills_its_worker_harms_no_other_and_ends_as_failed(cluster: Cluster) -> None:
    cluster.start("web", "clock")
    await booked(cluster, 30)
    # Whoever confirms booking 7 dies of it. Time passes fast: leases are cut short, tries are few.
    await cluster.sql("UPDATE jobs SET max_attempts = 3")
    cluster.environ["PYTHONPATH"] = f"{_deadly(cluster)}:{cluster.environ['PYTHONPATH']}"
    cluster.start("worker")
    deadline = time.monotonic() + 90
    while not (failed := await cluster.sql("SELECT attempts, error FROM jobs WHERE state = 'failed'")):
        assert time.monotonic() < deadline, cluster.log("worker")
        await let_leases_run_out(cluster)
        await asyncio.sleep(0.5)
    assert [tuple(row) for row in failed] == [(3, "the worker died or hung during attempt 3")]
    await cluster.eventually(CONFIRMED, 29)
    await _nothing_left_but_what_failed(cluster)


async def _nothing_left_but_what_failed(cluster: Cluster) -> None:
    """Wait until the mails are out too, also those that died with a worker, whose leases are minutes."""
    deadline = time.monotonic() + 90
    while left := await cluster.sql(
        "SELECT kind, state, attempts, lease_until - now() AS lease FROM jobs WHERE state <> 'failed'"
    ):
        assert time.monotonic() < deadline, left
        await let_leases_run_out(cluster)
        await asyncio.sleep(1)


def _deadly(cluster: Cluster) -> str:
    """Return a folder whose sitecustomize ends a worker that confirms booking 7."""
    folder = cluster.folder / "deadly"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'eventhub.workers.master' in sys.orig_argv:\n"
        "    from eventhub.services import bookings\n"
        "    real = bookings.confirm_free\n"
        "    async def confirm_free(tx, booking_id):\n"
        "        if booking_id == 7:\n"
        "            os._exit(9)\n"
        "        await real(tx, booking_id)\n"
        "    bookings.confirm_free = confirm_free\n"
    )
    return str(folder)


@pytest.mark.long
@pytest.mark.parametrize("victim", ["worker", "dramatiq"])
async def test_no_process_outlives_the_one_that_started_it(cluster: Cluster, victim: str) -> None:
    cluster.start("web", "worker")
    await booked(cluster, 1)
    await cluster.eventually(CONFIRMED, 1)
    [main] = cluster.processes["worker"]
    master, *workers = cluster.workers()
    if victim == "worker":
        main.kill()
        main.wait()
        doomed = [master, *workers]
    else:
        os.kill(master, signal.SIGKILL)
        doomed = workers
    await until(lambda: not still_there(doomed), f"{doomed} are gone")


@pytest.mark.long
async def test_a_worker_whose_master_died_while_it_booted_ends(cluster: Cluster) -> None:
    cluster.start("worker")
    # The worker has only just been forked.
    await until(lambda: len(cluster.workers()) >= 2, "the master and a worker are there", 20)
    pids = cluster.workers()
    cluster.processes["worker"][0].kill()
    os.kill(pids[0], signal.SIGKILL)
    await until(lambda: not still_there(pids), f"{pids} are gone", 20)
