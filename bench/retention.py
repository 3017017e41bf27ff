"""What ten million rows of job_log and of notifications cost to write, to keep and to purge: `python -m bench.retention`.

On a scratch PostgreSQL of its own, whose folder it removes. ROWS and FOLDER are in the environment; ten million rows
take 12 GB and about half an hour.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import TypeVar

from eventhub import embedded
from eventhub.database import Database, migrate
from eventhub.models.jobs import CONFIRM_BOOKING
from eventhub.services import jobs, notifications
from eventhub.workers.clock import PURGED_AT_ONCE

ROWS = int(os.environ.get("ROWS", "10_000_000"))
CHUNK = 100_000
USERS = 10_000
T = TypeVar("T")
KEPT_DAYS, SPAN_DAYS = 30, 60  # half of the rows are older than they are kept
ENDS_PER_SECOND = 50


@dataclass(frozen=True)
class Table:
    """A table that grows with every job, and what purges it; the rows of `insert` are numbered from $1 to $2."""

    name: str
    insert: str
    purge: Callable[[Database, int], Awaitable[int]]


TABLES = [
    Table(
        "job_log",
        "INSERT INTO job_log (job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at) "
        "SELECT n, kind, jsonb_build_object(subject, n / 3), 'done', 1, '06c3dd32-' || to_hex(n / 3) || '-1', at, at "
        "FROM (SELECT n, now() - interval '60 days' * (1 - n::float8 / $3) AS at, "
        "(ARRAY['confirm_booking', 'process_payment', 'send_notification'])[1 + n % 3] AS kind, "
        "(ARRAY['booking_id', 'payment_id', 'notification_id'])[1 + n % 3] AS subject "
        "FROM generate_series($1::bigint, $2::bigint) AS n) AS numbered",
        partial(jobs.purge_log, kept_days=KEPT_DAYS),
    ),
    Table(
        "notifications",
        "INSERT INTO notifications (user_id, notification_type, title, message, key, is_read, created_at) "
        f"SELECT 1 + n % {USERS}, 'booking_confirmation', 'Booking Confirmation', repeat('Your seat is yours. ', 6), "
        "'booking_confirmation:' || n, n % 3 > 0, now() - interval '60 days' * (1 - n::float8 / $3) "
        "FROM generate_series($1::bigint, $2::bigint) AS n",
        partial(notifications.purge, kept_days=KEPT_DAYS),
    ),
]
_USERS = f"""
INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website, organization,
                   is_verified, is_active, date_joined)
SELECT 'u' || n, 'u' || n || '@example.com', '-', 'User', n::text, 'attendee', '', '', '', '', true, true, now()
FROM generate_series(1, {USERS}) AS n
"""
_SIZE = """
SELECT pg_size_pretty(pg_table_size($1::regclass)) || ' + indexes ' || pg_size_pretty(pg_indexes_size($1::regclass))
"""
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made_by
FROM pg_index WHERE indrelid = $1::regclass AND NOT indisprimary
"""


async def write(database: Database, table: Table, first: int, last: int) -> float:
    """Write the rows from `first` to `last`; return how many a second."""
    began = time.perf_counter()
    for start in range(first, last + 1, CHUNK):
        await database.execute(table.insert, start, min(start + CHUNK - 1, last), ROWS)
    return (last - first + 1) / (time.perf_counter() - began)


async def write_without_indexes(database: Database, table: Table) -> float:
    """Write a tenth of the rows with the primary key alone, and drop them again."""
    indexes = await database.fetch(_INDEXES, table.name)
    for index in indexes:
        await database.execute(f"DROP INDEX {index['name']}")
    rate = await write(database, table, 1, ROWS // 10)
    await database.execute(f"TRUNCATE {table.name}")
    for index in indexes:
        await database.execute(index["made_by"])
    return rate


async def end_jobs(database: Database, stop: asyncio.Event) -> list[float]:
    """End jobs at a steady rate until `stop` is set; return how many ms each end took."""
    took = []
    while not stop.is_set():
        async with database.transaction() as tx:
            for number in range(ENDS_PER_SECOND):
                tx.enqueue(CONFIRM_BOOKING, booking_id=number)
        ids = [row["id"] for row in await database.fetch("SELECT id FROM jobs WHERE state = 'queued'")]
        for job in await jobs.claim(database, CONFIRM_BOOKING, ids):
            began = time.perf_counter()
            async with database.transaction() as tx:
                await jobs.finish(tx, job)
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(max(0, 1 / ENDS_PER_SECOND - took[-1] / 1000))
    return took


async def purge_all(database: Database, table: Table) -> tuple[int, float]:
    """Do as the clock does until nothing is old; return how many rows that was, and how many a second."""
    began, done = time.perf_counter(), 0
    while True:
        async with database.transaction() as tx:
            chunk = await table.purge(tx, PURGED_AT_ONCE)  # type: ignore[arg-type]
        done += chunk
        if chunk < PURGED_AT_ONCE:
            return done, done / (time.perf_counter() - began)


def told(took: list[float]) -> str:
    cuts = quantiles(took, n=100)
    return f"job ends p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms"


async def with_job_ends(database: Database, work: Awaitable[T]) -> tuple[T, str]:
    """Return what `work` gives, and how long ends of jobs took meanwhile."""
    stop = asyncio.Event()
    ending = asyncio.create_task(end_jobs(database, stop))
    result = await work
    stop.set()
    return result, told(await ending)


async def measure(database: Database, table: Table) -> None:
    async def say(what: str) -> None:
        size = await database.fetch_value(_SIZE, table.name)
        print(f"{table.name}: {what}; {size}", flush=True)

    await say(f"written without indexes {await write_without_indexes(database, table):,.0f} rows/s")
    await say(f"written with all indexes {await write(database, table, 1, ROWS):,.0f} rows/s")
    await database.execute(f"VACUUM ANALYZE {table.name}")
    _, ends = await with_job_ends(database, asyncio.sleep(20))
    await say(f"at rest: {ends}")
    (gone, rate), ends = await with_job_ends(database, purge_all(database, table))
    await say(f"purged {gone:,} at {rate:,.0f} rows/s; meanwhile {ends}")
    began = time.perf_counter()
    await database.execute(f"VACUUM ANALYZE {table.name}")
    await say(f"vacuumed in {time.perf_counter() - began:.0f} s")
    again = await write(database, table, ROWS + 1, ROWS + gone)
    await say(f"as many written again at {again:,.0f} rows/s, into what came free")


async def run(url: str) -> None:
    await migrate(url)
    database = await Database.open(url, deliver=lambda _: None)
    try:
        await database.execute(_USERS)
        for table in TABLES:
            await measure(database, table)
    finally:
        await database.close()


def main() -> None:
    # Short: sockets lie in it.
    folder = Path(tempfile.mkdtemp(prefix="retention-", dir=os.environ.get("FOLDER")))
    folder.chmod(0o755)
    try:
        with embedded.start(folder) as servers:
            asyncio.run(run(servers.database_url))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
