"""`make soak`: Event Hub under mixed traffic for minutes, with restarts and a killed worker in it; what has to hold.

10,000 users and 2,000 events on PostgreSQL with durable commits. People browse, search, book, pay, cancel, wait in line
and write reviews, while each kind of process is restarted as a deploy does it (a new one, then SIGTERM to the old one),
twice, and one worker is killed. Then: no request failed, no job is left, what was acknowledged is there, `eventhub
doctor` finds nothing wrong, and the memory of the processes that ran all the time stayed flat. Ends with exit code 1 if
one of these does not hold.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import asyncpg
import psutil

from bench.system import SECRET, free_port, pss_mb, token, wait_for
from bench.visits import ANSWER_SECONDS, Log, Site, keep_coming
from eventhub import embedded
from eventhub.database import migrate

USERS = 10_000
EVENTS = 2_000
ORGANIZERS = 100
SAMPLE_SECONDS = 5.0
DRAIN_SECONDS = 130.0
WARM_UP_SECONDS = 120.0
# What a process may have grown by, from the second quarter of its life to the last: caches fill, pools open.
GROWTH_ALLOWED_MB = 6.0

_SEED = (
    f"""
    INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website,
                       organization, is_verified, is_active, date_joined)
    SELECT 'user' || i, 'user' || i || '@example.com', '-', 'First' || i, 'Last' || i,
           CASE WHEN i <= {ORGANIZERS} THEN 'organizer' ELSE 'attendee' END, '', '', '', '', true, true, now()
    FROM generate_series(1, {USERS}) AS i
    """,
    """
    INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, notifications_enabled,
                          total_events_attended, total_spent)
    SELECT id, '', '', '', '', false, true, 0, 0 FROM users
    """,
    "INSERT INTO sign_ins (user_id, created_at, expires_at) SELECT id, now(), now() + interval '7 days' FROM users",
    f"""
    INSERT INTO events (title, description, category, organizer_id, location, is_online, online_url, status,
                        start_date, end_date, registration_deadline, max_attendees, price, tags, published_at,
                        created_at, updated_at)
    SELECT (ARRAY['Python','Garden','Finance','Music','Writing','Community','Market','Design'])[1 + i % 8]
               || ' evening ' || i,
           repeat('practical session community learn build explore guide team city market story method ', 6),
           (ARRAY['workshop','webinar','conference','masterclass','meetup','training'])[1 + i % 6],
           1 + i % {ORGANIZERS}, 'Hall ' || i % 97, false, '', 'published', start, start + interval '3 hours',
           start - interval '1 day', (ARRAY[20, 60, 200, 1000])[1 + i % 4],
           CASE WHEN i % 3 = 0 THEN 0 ELSE (i * 37 % 20000 + 100) / 100.0 END, 'evening', now(), now(), now()
    FROM (SELECT i, now() + interval '60 days' + i * interval '7 minutes' AS start
          FROM generate_series(1, {EVENTS}) AS i) AS numbered
    """,
)


@dataclass
class Part:
    """One process of Procfile with what it has started."""

    name: str
    process: subprocess.Popen[bytes]
    port: int | None
    since: float
    memory: list[tuple[float, float]] = field(default_factory=list)  # (moment, PSS in MB of the whole tree)


class Installation:
    """Event Hub as ops run it: two web processes, two workers and a clock, on servers that nobody restarts."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = environ
        self.parts: list[Part] = []
        self.gone: list[Part] = []
        self.ports: list[int] = []

    def start(self, name: str) -> Part:
        port = free_port() if name == "web" else None
        environ = {**self.environ, **({"PORT": str(port)} if port else {})}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "eventhub.cli", name],
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        part = Part(name, process, port, time.monotonic())
        self.parts.append(part)
        return part

    async def ready(self, part: Part) -> None:
        if part.port is not None:
            await asyncio.to_thread(wait_for, part.port)
            self.ports.append(part.port)

    async def replace(self, part: Part) -> float:
        """Start another, then end this one as a platform does; return how long that one took to go."""
        await self.ready(self.start(part.name))
        return await self.stop(part)

    async def stop(self, part: Part) -> float:
        if part.port in self.ports:
            self.ports.remove(part.port)
        began = time.monotonic()
        part.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(part.process.wait, 45)
        self._forget(part)
        return time.monotonic() - began

    def kill(self, part: Part) -> None:
        """Take the process and all that it started away at once, as the loss of a machine does."""
        with contextlib.suppress(psutil.NoSuchProcess):
            tree = psutil.Process(part.process.pid)
            for process in [*tree.children(recursive=True), tree]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        part.process.wait(timeout=10)
        self._forget(part)

    def _forget(self, part: Part) -> None:
        self.parts.remove(part)
        self.gone.append(part)

    def first(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)

    async def watch_memory(self) -> None:
        while True:
            for part in self.parts:
                part.memory.append((time.monotonic(), _tree_mb(part.process.pid)))
            await asyncio.sleep(SAMPLE_SECONDS)


def _tree_mb(pid: int) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return sum(pss_mb(each) for each in [process, *process.children(recursive=True)])
    return 0.0


async def soak(folder: Path, servers: embedded.Services, seconds: float, visits: float) -> list[str]:
    """Run it all, print what was seen, and return what did not hold."""
    await migrate(servers.database_url)
    connection = await asyncpg.connect(servers.database_url)
    for statement in _SEED:
        await connection.execute(statement)
    await connection.execute("VACUUM ANALYZE")
    here = Installation(folder, _environ(folder, servers))
    log = Log()
    try:
        for name in ("web", "web", "worker", "worker", "clock"):
            await here.ready(here.start(name))
        print(f"{seconds:.0f} s of {visits:g} visits a second ...", flush=True)
        over_at = time.monotonic() + seconds
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(
            timeout=timeout, connector=aiohttp.TCPConnector(limit=200)
        ) as session:
            site = Site(session, here.ports, log)
            watching = asyncio.create_task(here.watch_memory())
            tokens = [token(user) for user in range(1, USERS + 1)]
            people = asyncio.create_task(
                keep_coming(site, tokens, EVENTS, visits, lambda: time.monotonic() > over_at)
            )
            await _disturb(here, seconds)
            await people
        await _drained(connection)
        watching.cancel()
        return [
            *_report_requests(log),
            *await _report_rows(connection, log),
            *_report_memory(here, seconds),
            *_report_logs(folder),
            *_doctor(here.environ),
        ]
    finally:
        await connection.close()
        for part in list(here.parts):
            here.kill(part)


def _environ(folder: Path, servers: embedded.Services) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "EVENTHUB_SECRET_KEY": SECRET,
        "EVENTHUB_HOST": "127.0.0.1",
        "EVENTHUB_BASE_URL": "https://events.example.com",
        "WEB_CONCURRENCY": "2",
        "EVENTHUB_DATA_DIR": str(folder / "data"),
        "EVENTHUB_ACCESS_LOG": "false",
        "EVENTHUB_RATE_LIMIT": "off",
        "EVENTHUB_PAYMENT_GATEWAYS": "mock=mock",
        "EVENTHUB_PENDING_BOOKING_TTL": "60",  # so that what nobody pays expires within the run
        "EVENTHUB_WAITLIST_OFFER_TTL": "60",
        "EVENTHUB_CLOCK_INTERVAL": "2",
    }


async def _disturb(here: Installation, seconds: float) -> None:
    """Restart one of each kind at a third, and another of each at two thirds; kill a worker in between."""
    began = time.monotonic()

    async def until(share: float) -> None:
        await asyncio.sleep(max(0.0, began + share * seconds - time.monotonic()))
        print(f"{time.monotonic() - began:5.0f} s: ", end="", flush=True)

    for share in (0.33, 0.66):
        await until(share)
        for name in ("web", "worker", "clock"):
            print(
                f"{name} restarted (the old one went in {await here.replace(here.first(name)):.1f} s)",
                end="; ",
            )
        print(flush=True)
        if share < 0.5:
            await until(0.5)
            here.kill(here.first("worker"))
            await here.ready(here.start("worker"))
            print("worker killed, another started", flush=True)


async def _drained(connection: asyncpg.Connection) -> None:
    """Wait until no job is due and nothing is held past its time; offers go on from one to the next on a waitlist."""
    deadline = time.monotonic() + DRAIN_SECONDS
    waiting = """SELECT (SELECT count(*) FROM jobs WHERE state <> 'failed' AND run_at < now() + interval '30 seconds')
                      + (SELECT count(*) FROM payments WHERE status = 'pending')
                      + (SELECT count(*) FROM bookings WHERE status = 'pending' AND expires_at < now())"""
    while await connection.fetchval(waiting) and time.monotonic() < deadline:  # noqa: ASYNC110 - others work on it
        await asyncio.sleep(0.5)


def _report_requests(log: Log) -> list[str]:
    print(f"\n{'route':36} {'n':>7} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}  statuses")
    for route in sorted(log.seconds, key=lambda route: -len(log.seconds[route])):
        took = sorted(log.seconds[route])
        print(
            f"{route:36} {len(took):7} {_at(took, 0.5):8.1f} {_at(took, 0.99):8.1f} {took[-1] * 1000:8.1f}  "
            f"{dict(sorted(log.statuses[route].items()))}"
        )
    for what, times in log.broken.items():
        print(f"  without an answer: {what}: {times}")
    return [f"{log.failed} requests failed"] if log.failed else []


def _at(took: Sequence[float], share: float) -> float:
    return took[int((len(took) - 1) * share)] * 1000


async def _report_rows(connection: asyncpg.Connection, log: Log) -> list[str]:
    """Hold what was acknowledged against the rows."""
    counts = {
        "acknowledged bookings lost": "SELECT $1::int - count(*) FROM bookings WHERE id = ANY($2)",
        "acknowledged payments lost": "SELECT $1::int - count(*) FROM payments WHERE id = ANY($2)",
    }
    found = {}
    for (name, sql), ids in zip(counts.items(), (log.bookings, log.payments), strict=True):
        found[name] = await connection.fetchval(sql, len(ids), ids)
    for name, sql in {
        "payments left pending": "SELECT count(*) FROM payments WHERE status = 'pending'",
        "bookings held past their time": "SELECT count(*) FROM bookings WHERE status = 'pending' "
        "AND expires_at < now() - interval '10 seconds'",
        "payments with two invoices": "SELECT count(*) FROM (SELECT FROM invoices WHERE kind = 'invoice' "
        "GROUP BY payment_id HAVING count(*) > 1) AS twice",
        "events oversold": "SELECT count(*) FROM events WHERE seats_held > max_attendees",
        "jobs failed": "SELECT count(*) FROM jobs WHERE state = 'failed'",
        "jobs left": "SELECT count(*) FROM jobs WHERE state <> 'failed' AND run_at < now() - interval '10 seconds'",
        "mails owed": "SELECT (SELECT count(*) FROM notifications WHERE mail_owed) "
        "+ (SELECT count(*) FROM invoices WHERE mail_owed)",
    }.items():
        found[name] = await connection.fetchval(sql)
    done = await connection.fetchval("SELECT count(*) FROM job_log")
    print(f"\nacknowledged: {len(log.bookings)} bookings, {len(log.payments)} payments; {done} jobs done")
    print(", ".join(f"{name}: {number}" for name, number in found.items()))
    return [f"{name}: {number}" for name, number in found.items() if number]


def _report_memory(here: Installation, seconds: float) -> list[str]:
    """Compare the second quarter of each life with the last; short lives say nothing."""
    print(f"\n{'process':8} {'lived s':>8} {'PSS MB, second quarter':>24} {'last quarter':>13} {'most':>7}")
    grown = []
    for part in [*here.gone, *here.parts]:
        sizes = [size for _, size in part.memory if size]
        if len(sizes) < 8:
            continue
        quarter = len(sizes) // 4
        early, late = median(sizes[quarter : 2 * quarter]), median(sizes[-quarter:])
        lived = part.memory[-1][0] - part.since
        print(f"{part.name:8} {lived:8.0f} {early:24.1f} {late:13.1f} {max(sizes):7.1f}")
        if late - early > GROWTH_ALLOWED_MB and lived > max(WARM_UP_SECONDS, seconds / 4):
            grown.append(f"{part.name} grew from {early:.1f} to {late:.1f} MB")
    return grown


def _report_logs(folder: Path) -> list[str]:
    """Count the lines that tell of errors."""
    lines: dict[str, int] = defaultdict(int)
    for path in sorted(folder.glob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            for level in (" ERROR ", " CRITICAL "):
                if level in line:
                    lines[f"{path.stem}: {line[32:150]}"] += 1
    for line, times in sorted(lines.items(), key=lambda item: -item[1])[:10]:
        print(f"  {times} x {line}")
    return [f"{sum(lines.values())} error lines in the logs"] if lines else []


def _doctor(environ: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "eventhub.cli", "doctor"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"\neventhub doctor: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return [] if done.returncode == 0 else ["doctor found something wrong"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    seconds = float(os.environ.get("SOAK_SECONDS", "300"))
    parser.add_argument("--seconds", type=float, default=seconds, help="default: SOAK_SECONDS, or 300")
    parser.add_argument("--visits", type=float, default=12.0, help="that begin each second (default: 12)")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="eventhub-soak-"))
    try:
        with embedded.start(folder) as servers:
            wrong = asyncio.run(soak(folder, servers, args.seconds, args.visits))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("Everything held." if not wrong else "Did not hold: " + json.dumps(wrong, indent=2))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
