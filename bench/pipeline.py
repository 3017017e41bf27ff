"""From a payment to its invoice, and from a notification to its mail: in a burst and at a steady rate."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import asyncpg
import psutil

from bench.figures import percentile
from bench.seed import CONTENDERS
from bench.system import System, request, tree_ms

BURST, STEADY, PER_SECOND = 500, 100, 10.0
MAILS = 2_000
LIMIT_SECONDS = 60.0
_BOOK = """
INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, registered_at,
                      expires_at)
SELECT id, 1 + (id / 5 + $1) % $2, 'pending', 1, 10, '', now(), now() + interval '1 hour'
FROM events WHERE id % 5 = 3 ORDER BY id LIMIT $3 RETURNING id, event_id, user_id
"""
_TAKE = "UPDATE events SET seats_held = seats_held + 1, status = 'published' WHERE id = ANY($1::bigint[])"
_INVOICED = """
SELECT p.created_at, i.issued_at FROM invoices i JOIN payments p ON p.id = i.payment_id
WHERE p.booking_id = ANY($1::bigint[])
"""
_NEWS = """
INSERT INTO notifications (user_id, notification_type, title, message, key, is_read, created_at, mail_owed)
SELECT 1 + n % $1, 'system_announcement', 'News ' || n, 'What is new', 'mail:' || n, false, now(), true
FROM generate_series(1, $2) AS n
"""
_SENT = "FROM job_log WHERE id > $1 AND kind = 'send_notification'"


@dataclass(frozen=True)
class Flow:
    """How things went through. Latencies and CPU are in milliseconds for each; `unfinished` never came out."""

    number: int
    per_second: float
    p50: float
    p99: float
    web: float
    worker: float
    database: float
    unfinished: int

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


class Pipeline:
    """Payments, each of another booking, on a system whose worker and clock run."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._laps = itertools.count()

    def burst(self) -> Flow:
        """Let 500 payments come at once."""
        return asyncio.run(self._pay(BURST, None))

    def steady(self) -> Flow:
        """Let payments come one after the other, ten a second."""
        return asyncio.run(self._pay(STEADY, PER_SECOND))

    def mails(self) -> Flow:
        """Let 2,000 people be told by mail, which is composed and handed over as a file."""
        return asyncio.run(self._tell())

    async def _pay(self, number: int, per_second: float | None) -> Flow:
        system = self.system
        connection = await asyncpg.connect(system.hub.database_url)
        rows = await connection.fetch(_BOOK, next(self._laps), system.size.users, number)
        await connection.execute(_TAKE, [row["event_id"] for row in rows])
        requests = [request("POST", "/api/payments/", row["user_id"], {"booking": row["id"]}) for row in rows]
        system.settle()
        before, began_at = self._cpu_ms(), time.monotonic()
        if per_second is None:
            await asyncio.to_thread(system.client.load, system.hub.port, requests, 32)
        else:
            await asyncio.to_thread(system.client.steady, system.hub.port, requests, per_second)
        bookings = [row["id"] for row in rows]
        while len(paid := await connection.fetch(_INVOICED, bookings)) < number and _in_time(began_at):  # noqa: ASYNC110 - others do them
            await asyncio.sleep(0.02)
        system.settle()  # what follows from the invoices, as mail does, counts as well
        cpu = self._cpu_ms()
        await connection.close()
        seconds = [(row["issued_at"] - row["created_at"]).total_seconds() for row in paid]
        wall = max(row["issued_at"] for row in paid) - min(row["created_at"] for row in paid)
        return _flow(number, seconds, wall.total_seconds(), before, cpu)

    async def _tell(self) -> Flow:
        people = self.system.size.users + CONTENDERS
        connection = await asyncpg.connect(self.system.hub.database_url)
        await connection.execute(
            "UPDATE profiles SET notifications_enabled = true WHERE user_id <= $1", people
        )
        await connection.execute("UPDATE users SET is_verified = true WHERE id <= $1", people)
        self.system.settle()
        logged = await connection.fetchval("SELECT coalesce(max(id), 0) FROM job_log")
        before, began_at = self._cpu_ms(), time.monotonic()
        await connection.execute(_NEWS, people, MAILS)
        while await connection.fetchval(f"SELECT count(*) {_SENT}", logged) < MAILS and _in_time(began_at):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        cpu = self._cpu_ms()
        rows = await connection.fetch(f"SELECT finished_at {_SENT} ORDER BY finished_at", logged)
        await connection.close()
        # From the first on: the clock looks for what is owed every few seconds.
        first = rows[0]["finished_at"]
        seconds = [(row["finished_at"] - first).total_seconds() for row in rows]
        return _flow(MAILS, seconds, seconds[-1], before, cpu)

    def _cpu_ms(self) -> Sequence[float]:
        web, worker = (psutil.Process(self.system.parts[part].pid) for part in ("web", "worker"))
        return [tree_ms(process) for process in (web, worker, self.system.postgres)]


def _in_time(began_at: float) -> bool:
    return time.monotonic() < began_at + LIMIT_SECONDS


def _flow(
    number: int, seconds: Sequence[float], wall: float, before: Sequence[float], after: Sequence[float]
) -> Flow:
    web, worker, database = ((end - begin) / number for begin, end in zip(before, after, strict=True))
    return Flow(
        number=number,
        per_second=len(seconds) / wall,
        p50=percentile(seconds, 0.5) * 1000,
        p99=percentile(seconds, 0.99) * 1000,
        web=web,
        worker=worker,
        database=database,
        unfinished=number - len(seconds),
    )


async def row_bytes(database_url: str) -> dict[str, int]:
    """Return what a row of each large table takes on disk, with its part of the indexes."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("VACUUM ANALYZE")
    rows = await connection.fetch(
        "SELECT relname, (pg_total_relation_size(relid) / greatest(n_live_tup, 1))::bigint AS bytes "
        "FROM pg_stat_user_tables WHERE n_live_tup >= 400 ORDER BY relname"
    )
    await connection.close()
    return {row["relname"]: row["bytes"] for row in rows}
