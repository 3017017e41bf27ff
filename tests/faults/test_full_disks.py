"""Disks that run full: 503s and jobs that wait, nothing acknowledged is lost, and all goes on by itself once there is room."""

import asyncio
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from eventhub.embedded import Services
from tests.cluster import Cluster
from tests.faults.bookings import CONFIRMED, assert_confirmed_once
from tests.faults.databases import PortPostgres, running
from tests.waiting import until
from tests.web.test_uploads import picture

PEOPLE = 150
BOOKED_BEFORE = 30
REFUSED = 20

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(170),
    pytest.mark.skipif(os.geteuid() != 0, reason="a small file system can be made by root alone"),
]


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Make `folder` a file system of so many bytes."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)]
    if subprocess.run(command, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk; return the file that takes it."""
    filler = disk / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while True:
            file.write(bytes(2**16))
            file.flush()
    return filler


@pytest.fixture
def postgres(own_folder: Path) -> Iterator[PortPostgres]:
    with small_disk(own_folder / "disk", "200m") as disk:
        # Small files, so that there is room for the log to need another.
        server = PortPostgres(disk / "postgres", settings={"max_wal_size": "48MB", "min_wal_size": "32MB"})
        with running(server):
            yield server


@pytest.fixture
def cluster_on_it(servers: Services, postgres: PortPostgres, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(replace(servers, database_url=postgres.url), "full", tmp_path) as cluster:
        yield cluster


async def test_a_database_without_room_costs_503s_and_nothing_that_was_acknowledged(
    cluster_on_it: Cluster, postgres: PortPostgres
) -> None:
    cluster = cluster_on_it
    cluster.start("web", "worker", "clock")
    (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(PEOPLE)
    event = await cluster.event(organizer, max_attendees=PEOPLE)
    statuses: Counter[int] = Counter()
    acknowledged: set[int] = set()
    without_retry_after = 0

    async with aiohttp.ClientSession() as session:

        async def book(token: str) -> None:
            nonlocal without_retry_after
            while True:
                async with session.post(
                    f"{cluster.url}/api/bookings/",
                    json={"event": event},
                    headers={"Authorization": f"Bearer {token}"},
                ) as answer:
                    statuses[answer.status] += 1
                    data = await answer.json()
                    without_retry_after += answer.status == 503 and "Retry-After" not in answer.headers
                if answer.status == 201:
                    acknowledged.add(data["id"])
                if answer.status != 503:
                    assert answer.status == 201 or data["code"] == "already_booked", (answer.status, data)
                    return
                await asyncio.sleep(0.2)

        slots = asyncio.Semaphore(10)

        async def book_in_turn(token: str) -> None:
            async with slots:
                await book(token)

        booking = asyncio.gather(*map(book_in_turn, people))
        await until(lambda: len(acknowledged) >= BOOKED_BEFORE, "the load is under way", 30)
        filler = await asyncio.to_thread(fill, postgres.home.parent)
        full_at = time.monotonic()
        await until(lambda: statuses[503] >= REFUSED, "tables do not grow any more", 30)
        before_the_crash = len(acknowledged), statuses[503]
        # Another file of the write-ahead log has no room either, which is the end of the server.
        with suppress(asyncpg.PostgresError, OSError):
            await postgres.execute(*["SELECT pg_switch_wal()", "CHECKPOINT"] * 5)
        await until(lambda: not postgres.is_ready(), "the server gives up", 30)
        await until(lambda: statuses[503] >= before_the_crash[1] + REFUSED, "requests meet no server", 30)
        filler.unlink()
        room_at = time.monotonic()
        # What systemd does of a server that has ended; one that recovers by itself is left alone.
        await asyncio.to_thread(postgres.start)
        await booking
        recovered = time.monotonic() - room_at

    await cluster.sql("UPDATE jobs SET lease_until = now() WHERE state = 'running'")
    await assert_confirmed_once(cluster, PEOPLE)
    there = await cluster.sql("SELECT count(*) FROM bookings WHERE id = ANY($1)", list(acknowledged))
    print(
        f"\nfull after {BOOKED_BEFORE} bookings: {before_the_crash[1]} times 503 while tables could not grow, then the server "
        f"itself gave up\nacknowledged  {len(acknowledged)}, lost {len(acknowledged) - there[0][0]}\n"
        f"answers       {dict(statuses)}\nfull for {room_at - full_at:.1f} s; all booked {recovered:.1f} s after "
        "there was room, all confirmed once"
    )
    assert there[0][0] == len(acknowledged)
    assert statuses.keys() <= {201, 409, 503}
    assert without_retry_after == 0
    assert "/ failed" not in cluster.log("web"), "a full disk is one line a request"
    assert "DiskFullError" in cluster.log("web")


async def test_a_data_directory_without_room_costs_uploads_a_503_and_mails_a_while(
    cluster: Cluster, own_folder: Path
) -> None:
    with small_disk(own_folder / "disk", "4m") as disk:
        cluster.start("web", "worker", "clock", EVENTHUB_DATA_DIR=str(disk / "data"))
        (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(20)
        event = await cluster.event(organizer, max_attendees=20)
        filler = await asyncio.to_thread(fill, disk)
        async with cluster.http() as http:
            refused = await _upload(cluster, http.session, people[0])
            answers = await asyncio.gather(
                *(http.request("POST", "/api/bookings/", token, {"event": event}) for token in people)
            )
            await cluster.eventually(CONFIRMED, 20)
            await cluster.eventually(
                "SELECT count(*) FROM jobs WHERE kind = 'send_notification' AND attempts > 0", 20
            )
            filler.unlink()
            room_at = time.monotonic()
            taken = await _upload(cluster, http.session, people[0])
            mails = disk / "data" / "mail"
            await until(lambda: len(list(mails.glob("*.eml"))) == 20, "each has its mail", 60)
        waited = time.monotonic() - room_at
        print(
            f"\nupload {refused}, then {taken}; {len(answers)} booked meanwhile, mails {waited:.1f} s after there was room"
        )
        assert refused == (503, True)
        assert taken == (200, False)
        assert Counter(status for status, _ in answers) == {201: 20}
        await cluster.eventually("SELECT count(*) FROM jobs WHERE state = 'failed'", 0)
        cluster.kill("web")
        cluster.kill("worker")
        cluster.kill("clock")


async def _upload(cluster: Cluster, session: aiohttp.ClientSession, token: str) -> tuple[int, bool]:
    """Return the status, and whether it says when to come again."""
    form = aiohttp.FormData()
    form.add_field("avatar", picture(), filename="me.png", content_type="image/png")
    async with session.patch(
        f"{cluster.url}/api/users/me/", data=form, headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        return answer.status, "Retry-After" in answer.headers
