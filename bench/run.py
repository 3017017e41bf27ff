"""`make bench`: how fast the hot paths are on this machine, and what a request costs the server and the database.

Starts PostgreSQL (durable commits), Valkey, two web processes, a worker and a clock of its own in a temporary folder,
fills in 10,000 events, 100,000 bookings, 50,000 reviews and a line of 20,000, and prints a line for each scenario: requests per second, latency, and
CPU milliseconds per request of web and of PostgreSQL. CPU per request is what to compare on a noisy machine, and only
within one run.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import jwt
import orjson
import psutil

from bench.seed import CONTENDERS, EVENT_WITH_A_LINE, EVENTS, PASSWORD, USERS, seed
from eventhub import embedded
from eventhub.database import migrate
from eventhub.services import passwords
from eventhub.services.keys import Purpose, derive

SECRET = "a secret for measuring only, of more than 32 bytes"
CONNECTIONS = 32


@dataclass(frozen=True)
class Scenario:
    """What is asked, again and again."""

    name: str
    text: str
    request: Callable[[random.Random, int], bytes]


class Bench:
    """The running system and what is known of it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.web: psutil.Process | None = None
        self.worker: psutil.Process | None = None
        self.postgres: list[psutil.Process] = []

    def raw(self, method: str, path: str, user: int | None = None, body: object = None) -> bytes:
        data = orjson.dumps(body) if body is not None else b""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(data)}"]
        if user is not None:
            lines.append(f"Authorization: Bearer {token(user)}")
        if body is not None:
            lines.append("Content-Type: application/json")
        return "\r\n".join([*lines, "", ""]).encode() + data

    def scenarios(self) -> list[Scenario]:
        raw = self.raw
        return [
            Scenario("list", "20 events", lambda _r, _n: raw("GET", "/api/events/?page_size=20")),
            Scenario(
                "list+",
                "the same, signed in",
                lambda r, _n: raw("GET", "/api/events/?page_size=20", _user(r)),
            ),
            Scenario(
                "filter",
                "filter, search, order",
                lambda _r, _n: raw(
                    "GET", "/api/events/?category=workshop&status=published&search=python&page_size=20", 1
                ),
            ),
            Scenario(
                "rare", "search a rare word", lambda _r, _n: raw("GET", "/api/events/?search=quokka", 1)
            ),
            Scenario("detail", "an event", lambda r, _n: raw("GET", f"/api/events/{_event(r)}/", 1)),
            Scenario(
                "sessions",
                "an event with 20 sessions",
                lambda r, _n: raw("GET", f"/api/events/{100 * r.randint(1, 99)}/", 1),
            ),
            Scenario(
                "stats", "statistics", lambda r, _n: raw("GET", f"/api/events/{_event(r)}/statistics/", 1)
            ),
            Scenario(
                "mine", "my bookings", lambda r, _n: raw("GET", "/api/bookings/?page_size=20", _user(r))
            ),
            Scenario(
                "told",
                "my notifications",
                lambda r, _n: raw("GET", "/api/notifications/?page_size=20", _user(r)),
            ),
            Scenario(
                "reviews",
                "reviews, best first",
                lambda _r, _n: raw("GET", "/api/reviews/?ordering=-rating", 1),
            ),
            *(
                Scenario(
                    f"reviews{sign}",
                    f"search {kind} word in them",
                    lambda _r, _n, word=word: raw("GET", f"/api/reviews/?search={word}", 1),
                )
                for sign, kind, word in (
                    ("+", "a frequent", "great"),
                    ("~", "a middling", "venue"),
                    ("-", "a rare", "capybara"),
                )
            ),
            Scenario("line", "a page of 20,000 in line", lambda r, _n: raw("GET", _page_of_line(r), 1)),
            Scenario("book", "book a seat", self._book),
            Scenario(
                "login",
                "sign in",
                lambda r, _n: raw(
                    "POST", "/api/auth/token/", None, {"username": f"user{_user(r)}", "password": PASSWORD}
                ),
            ),
        ]

    def _book(self, _random: random.Random, number: int) -> bytes:
        # Distinct pairs of a user and a roomy event; neighbours hit different events.
        event, lap = 2 + 5 * (number % (EVENTS // 5)), number // (EVENTS // 5)
        return self.raw("POST", "/api/bookings/", 1 + (number + lap) % USERS, {"event": event})

    def cpu_ms(self) -> tuple[float, float, float]:
        """Return the CPU time used so far by web, worker and PostgreSQL, dead children included."""
        assert self.web is not None
        assert self.worker is not None
        return (
            _tree_ms(self.web),
            _tree_ms(self.worker),
            sum(_tree_ms(process) for process in self.postgres),
        )


def _user(r: random.Random) -> int:
    return r.randint(1, USERS)


def _event(r: random.Random) -> int:
    return 1 + 5 * r.randrange(EVENTS // 5)


def _page_of_line(r: random.Random) -> str:
    ordering = r.choice(["position", "-position", "joined_at", "-joined_at"])
    return f"/api/waitlist/?event={EVENT_WITH_A_LINE}&ordering={ordering}"


def token(user: int) -> str:
    claims = {
        "sub": str(user),
        "sid": user,
        "use": "access",
        "iat": int(time.time()),
        "exp": int(time.time()) + 86_400,
    }
    return jwt.encode(claims, derive(SECRET, Purpose.ACCESS_TOKEN), "HS256")


def _tree_ms(process: psutil.Process) -> float:
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total * 1000


@contextlib.contextmanager
def running() -> Iterator[Bench]:
    """Start everything in a temporary folder and stop it again."""
    folder = Path(tempfile.mkdtemp(prefix="eventhub-bench-"))
    try:
        with embedded.start(folder) as services, _stopped_at_the_end() as processes:
            asyncio.run(migrate(services.database_url))
            print("seeding ...", flush=True)
            asyncio.run(seed(services.database_url, asyncio.run(passwords.hash_password(PASSWORD))))
            bench = Bench(folder, _free_port())
            environ = {
                **os.environ,
                "DATABASE_URL": services.database_url,
                "REDIS_URL": services.redis_url,
                "EVENTHUB_SECRET_KEY": SECRET,
                "EVENTHUB_HOST": "127.0.0.1",
                "PORT": str(bench.port),
                "WEB_CONCURRENCY": "2",
                "EVENTHUB_DATA_DIR": str(folder),
                "EVENTHUB_ACCESS_LOG": "false",
                "EVENTHUB_LOG_LEVEL": "WARNING",
                "EVENTHUB_RATE_LIMIT": "off",
                "EVENTHUB_PAYMENT_GATEWAYS": "mock=mock",
            }
            for part in ("web", "worker", "clock"):
                command = [sys.executable, "-m", "eventhub.cli", part]
                processes.append(subprocess.Popen(command, env=environ, start_new_session=True))
            _wait_for(bench.port)
            bench.web, bench.worker = psutil.Process(processes[0].pid), psutil.Process(processes[1].pid)
            bench.postgres = [p for p in psutil.process_iter() if _is_postmaster_in(p, folder)]
            yield bench
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _stopped_at_the_end() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(timeout=40)


def _is_postmaster_in(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        parent = process.parent()
        is_main = parent is None or parent.name() != "postgres"
        return process.name() == "postgres" and is_main and Path(process.cwd()).is_relative_to(folder)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the web processes do not answer")


async def ask(
    port: int, requests: Iterator[bytes], stop_at: float, took: list[float], statuses: Counter[int]
) -> None:
    """Send one request after the other on one connection, each answer awaited."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        if time.perf_counter() > stop_at:
            break
        started_at = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        await reader.readexactly(length)
        took.append(time.perf_counter() - started_at)
        statuses[int(head[9:12])] += 1
    writer.close()


async def measure(bench: Bench, scenario: Scenario, seconds: float, first: int) -> int:
    """Print one line; return how many requests were sent."""
    numbers = iter(range(first, 10**9))
    chance = random.Random(1)
    requests = (scenario.request(chance, next(numbers)) for _ in iter(int, 1))
    connections = 8 if scenario.name == "login" else CONNECTIONS
    took: list[float] = []
    statuses: Counter[int] = Counter()
    before, started_at = bench.cpu_ms(), time.perf_counter()
    await asyncio.gather(
        *(ask(bench.port, requests, started_at + seconds, took, statuses) for _ in range(connections))
    )
    wall, after = time.perf_counter() - started_at, bench.cpu_ms()
    count = len(took)
    took.sort()
    web, worker, database = ((after[i] - before[i]) / count for i in range(3))
    print(
        f"{scenario.name:9} {scenario.text:28} {count / wall:8.0f} {took[count // 2] * 1000:8.1f} "
        f"{took[int(count * 0.99)] * 1000:8.1f} {web:8.3f} {worker:8.3f} {database:8.3f}  {dict(statuses)}",
        flush=True,
    )
    return count


async def rush(bench: Bench) -> None:
    """400 people at once on an event of 50 seats."""
    organizer, event = (
        1,
        {
            "title": "Rush",
            "description": "",
            "category": "meetup",
            "start_date": "2099-01-01T00:00:00Z",
            "end_date": "2099-01-02T00:00:00Z",
            "max_attendees": 50,
        },
    )
    statuses: Counter[int] = Counter()
    await ask(bench.port, iter([bench.raw("POST", "/api/events/", organizer, event)]), 1e18, [], statuses)
    made = EVENTS + 1
    await ask(
        bench.port, iter([bench.raw("POST", f"/api/events/{made}/publish/", organizer)]), 1e18, [], statuses
    )
    rush_statuses: Counter[int] = Counter()
    started_at = time.perf_counter()
    people = range(USERS + 1, USERS + CONTENDERS + 1)
    await asyncio.gather(
        *(
            ask(
                bench.port,
                iter([bench.raw("POST", "/api/bookings/", user, {"event": made})]),
                1e18,
                [],
                rush_statuses,
            )
            for user in people
        )
    )
    print(
        f"rush      400 people on 50 seats: {time.perf_counter() - started_at:.2f} s, {dict(rush_statuses)}"
    )


async def payments(bench: Bench, database_url: str, count: int = 500) -> None:
    """A burst of payments, from the first request to the last invoice."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, "
        "registered_at, expires_at) SELECT 3 + 5 * n, $1, 'pending', 1, 10, '', now(), now() + interval '1 hour' "
        "FROM generate_series(1, $2) AS n",
        USERS,
        count,
    )
    await connection.execute(
        "UPDATE events SET seats_held = seats_held + 1, status = 'published' WHERE id IN "
        "(SELECT 3 + 5 * n FROM generate_series(1, $1) AS n)",
        count,
    )
    ids = await connection.fetch("SELECT id FROM bookings WHERE user_id = $1 AND status = 'pending'", USERS)
    requests = iter([bench.raw("POST", "/api/payments/", USERS, {"booking": row["id"]}) for row in ids])
    statuses: Counter[int] = Counter()
    before = bench.cpu_ms()
    started_at = time.perf_counter()
    await asyncio.gather(*(ask(bench.port, requests, 1e18, [], statuses) for _ in range(8)))
    while (  # noqa: ASYNC110 - another process writes the invoices
        await connection.fetchval("SELECT count(*) FROM invoices") < count
        and time.perf_counter() < started_at + 60
    ):
        await asyncio.sleep(0.02)
    wall = time.perf_counter() - started_at
    delay = await connection.fetchval(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM processed_at - created_at)) FROM payments"
    )
    after = bench.cpu_ms()
    web, worker, database = ((after[i] - before[i]) / count for i in range(3))
    print(
        f"payments  {count} to their invoices: {count / wall:.0f}/s, p50 {delay * 1000:.0f} ms, {dict(statuses)}; "
        f"CPU ms each: web {web:.2f}, worker {worker:.2f}, database {database:.2f}"
    )
    await connection.close()


async def mails(bench: Bench, database_url: str, count: int = 2000) -> None:
    """A burst of notifications that are owed by mail: composed, and handed over as files."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE profiles SET notifications_enabled = true")
    await connection.execute("UPDATE users SET is_verified = true")
    while await connection.fetchval("SELECT count(*) FROM jobs WHERE run_at < now()"):  # noqa: ASYNC110 - others do them
        await asyncio.sleep(0.2)
    logged = await connection.fetchval("SELECT coalesce(max(id), 0) FROM job_log")
    before = bench.cpu_ms()
    await connection.execute(
        "INSERT INTO notifications (user_id, notification_type, title, message, key, is_read, created_at, mail_owed) "
        "SELECT 1 + n % $1, 'system_announcement', 'News ' || n, 'What is new', 'mail:' || n, false, now(), true "
        "FROM generate_series(1, $2) AS n",
        USERS + CONTENDERS,
        count,
    )
    ended = "SELECT count(*) FROM job_log WHERE id > $1 AND kind = 'send_notification'"
    while await connection.fetchval(ended, logged) < count:  # noqa: ASYNC110 - the worker sends them
        await asyncio.sleep(0.1)
    after = bench.cpu_ms()
    seconds = await connection.fetchval(
        "SELECT extract(epoch FROM max(finished_at) - min(finished_at)) FROM job_log "
        "WHERE id > $1 AND kind = 'send_notification'",
        logged,
    )
    _, worker, database = ((after[i] - before[i]) / count for i in range(3))
    print(
        f"mails     {count} composed and handed over: {count / float(seconds):.0f}/s; "
        f"CPU ms each: worker {worker:.2f}, database {database:.2f}"
    )
    await connection.close()


async def sizes(database_url: str) -> None:
    """What a row takes on disk, with its part of the indexes."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("VACUUM ANALYZE")
    rows = await connection.fetch(
        "SELECT relname, n_live_tup AS n, pg_total_relation_size(relid) / greatest(n_live_tup, 1) AS bytes "
        "FROM pg_stat_user_tables WHERE n_live_tup >= 400 ORDER BY relname"
    )
    print("bytes     " + ", ".join(f"{row['relname']} {row['bytes']}" for row in rows))
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each scenario (default: 4)")
    parser.add_argument("--only", help="scenarios, separated by commas")
    args = parser.parse_args()
    with running() as bench:
        print(f"{'':38} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'web ms':>8} {'worker':>8} {'db ms':>8}")
        sent = 0
        for scenario in bench.scenarios():
            if args.only and scenario.name not in args.only.split(","):
                continue
            sent += asyncio.run(measure(bench, scenario, args.seconds, sent))
        asyncio.run(rush(bench))
        with embedded.start(bench.folder) as services:
            asyncio.run(payments(bench, services.database_url))
            asyncio.run(mails(bench, services.database_url))
            asyncio.run(sizes(services.database_url))


if __name__ == "__main__":
    main()
