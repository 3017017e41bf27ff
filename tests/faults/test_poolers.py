"""PgBouncer between Event Hub and PostgreSQL: both modes work, and what does not go together is refused at the start."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from eventhub.database import Database, Timeouts, connect, startup
from eventhub.database_url import Pooler
from eventhub.embedded import Services
from eventhub.findings import Severity
from tests.cluster import Cluster
from tests.faults.bookings import assert_confirmed_once, book_all
from tests.faults.databases import PortPostgres, pgbouncer, running
from tests.faults.programs import private_folder
from tests.waiting import until

PEOPLE = 100
NAME = "pooled"
LIMITS = Timeouts(statement_seconds=10, lock_seconds=2, turn_seconds=5)
# What docs/operations.md says of the role.
ROLE = (
    "ALTER ROLE eventhub SET statement_timeout = '30s'",
    "ALTER ROLE eventhub SET lock_timeout = '2s'",
    "ALTER ROLE eventhub SET idle_in_transaction_session_timeout = '30s'",
    "ALTER ROLE eventhub SET timezone = 'UTC'",
    "ALTER ROLE eventhub SET jit = 'off'",
)
SENT = "jit,timezone,statement_timeout,lock_timeout,idle_in_transaction_session_timeout"

pytestmark = [pytest.mark.long, pytest.mark.timeout(170)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PortPostgres]:
    with private_folder() as folder, running(server := PortPostgres(folder / "postgres")):
        yield server


@pytest.fixture
def direct(servers: Services, postgres: PortPostgres, tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(replace(servers, database_url=postgres.url), NAME, tmp_path) as cluster:
        yield cluster


@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_bookings_lead_to_their_mails_through_a_pooler(
    direct: Cluster, postgres: PortPostgres, mode: str
) -> None:
    await postgres.execute(*ROLE)
    (organizer,), people = await direct.people(1, "organizer"), await direct.people(PEOPLE)
    # Fewer servers than clients where they are shared, so that each transaction may get another.
    size = 8 if mode == "transaction" else 80
    with pgbouncer(postgres, NAME, mode=mode, default_pool_size=size) as url:
        direct.start("web", "worker", "clock", DATABASE_URL=url, EVENTHUB_DATABASE_POOLER=mode)
        event = await direct.event(organizer, max_attendees=PEOPLE)
        load = await book_all(direct, event, people)
        await assert_confirmed_once(direct, PEOPLE)
        mails = direct.folder / "data" / "mail"
        await until(lambda: len(list(mails.glob("*.eml"))) >= PEOPLE, "each has a mail", 40)
        async with direct.http() as http:
            searches = await asyncio.gather(
                *(http.request("GET", f"/api/events/?search=conf&page_size={n}") for n in range(1, 41))
            )
        for name in ("web", "worker", "clock"):
            direct.stop(name)
            assert "prepared statement" not in direct.log(name)
            assert " failed" not in direct.log(name)
    print(f"\n{mode} mode, {size} servers: bookings {load}, {PEOPLE} mails")
    assert load.statuses == Counter({201: PEOPLE})
    assert Counter(status for status, _ in searches) == {200: 40}


@contextmanager
def behind(postgres: PortPostgres, mode: str, ignored: str = "") -> Iterator[str]:
    settings = {"ignore_startup_parameters": ignored} if ignored else {}
    with pgbouncer(postgres, NAME, mode=mode, **settings) as url:
        yield url


@pytest.mark.parametrize(
    ("mode", "ignored", "found_out"),
    [
        ("session", "", {Pooler.NONE: "a pooler is in front", Pooler.SESSION: "", Pooler.TRANSACTION: ""}),
        ("session", SENT, {Pooler.NONE: "set EVENTHUB_DATABASE_POOLER=session"}),
        ("transaction", SENT, {Pooler.NONE: "set EVENTHUB_DATABASE_POOLER=transaction"}),
        ("transaction", "", {Pooler.SESSION: "EVENTHUB_DATABASE_POOLER=transaction", Pooler.TRANSACTION: ""}),
        ("statement", "", {Pooler.SESSION: "set its pool_mode to transaction"}),
    ],
)
async def test_a_start_finds_out_what_is_in_front(
    direct: Cluster, postgres: PortPostgres, mode: str, ignored: str, found_out: dict[Pooler, str]
) -> None:
    await postgres.execute(*ROLE)
    with behind(postgres, mode, ignored) as url:
        for pooler, told in found_out.items():
            found = await startup.examine(url, pooler=pooler, timeouts=LIMITS)
            refusals = [finding.text for finding in found if finding.severity is Severity.REFUSAL]
            print(f"\n{mode} mode, EVENTHUB_DATABASE_POOLER={pooler}: {refusals or 'starts'}")
            assert len(refusals) == (told != "")
            assert told in "".join(refusals)


async def test_busy_poolers_are_found_out_too(direct: Cluster, postgres: PortPostgres) -> None:
    await postgres.execute(*ROLE)
    with behind(postgres, "transaction") as url:
        others = [await connect(url, pooler=Pooler.TRANSACTION) for _ in range(12)]

        async def keep_busy(connection: object) -> None:
            while True:
                await connection.fetchval("SELECT pg_sleep(0.002)")  # type: ignore[attr-defined]

        tasks = [asyncio.create_task(keep_busy(other)) for other in others]
        try:
            for _ in range(20):
                found = await startup.examine(url, pooler=Pooler.SESSION)
                assert any("pools transactions" in finding.text for finding in found)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for other in others:
                other.terminate()


async def test_a_role_without_limits_is_refused_with_what_to_run(
    direct: Cluster, postgres: PortPostgres
) -> None:
    await postgres.execute("ALTER ROLE eventhub RESET ALL")
    with behind(postgres, "transaction") as url:
        direct.environ |= {"DATABASE_URL": url, "EVENTHUB_DATABASE_POOLER": "transaction"}
        for name in ("web", "worker", "clock"):
            code, said = start_in_vain(direct, name)
            assert code == 1
            assert said.count("\n") == 1
            assert "ALTER ROLE \"eventhub\" SET statement_timeout = '30s'" in said
        print(f"\n{said}")
        code, said = start_in_vain(direct, "migrate")
        assert (code, "DATABASE_DIRECT_URL" in said) == (1, True)
        direct.environ["DATABASE_DIRECT_URL"] = f"postgres://eventhub@{postgres.host}/{NAME}"
        code, said = start_in_vain(direct, "migrate")
        assert (code, said) == (0, "")


def start_in_vain(cluster: Cluster, name: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "eventhub.cli", name],
        env=cluster.environ,
        cwd=cluster.folder,
        timeout=30,
        check=False,
        capture_output=True,
        text=True,
    )
    return ended.returncode, ended.stderr


async def test_a_statement_that_this_side_gives_up_ends_on_the_server_too(
    direct: Cluster, postgres: PortPostgres
) -> None:
    # Half a second for an answer.
    impatient = Timeouts(statement_seconds=-1.5, lock_seconds=2, turn_seconds=5)
    with behind(postgres, "transaction") as url:
        database = await Database.open(
            url, deliver=lambda _: None, timeouts=impatient, pooler=Pooler.TRANSACTION
        )
        with pytest.raises(TimeoutError):
            await database.fetch("SELECT pg_sleep(20)")
        await direct.eventually(
            "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)' AND state = 'active'",
            0,
            seconds=2,
        )
        await database.close()
