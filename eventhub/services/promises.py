"""What rows promise, and the jobs that keep it: found again from the rows alone, whatever became of a job.

A state that promises something (money owed, a certificate without its file) lets a job do it in the same transaction.
Its kind is unique: one queued job is enough. The clock looks which promises no job is about to keep:
because it failed for good, or because its row is gone. docs/architecture.md, "Promises", lists them all.
"""

from dataclasses import dataclass

from eventhub.database import Queries, Row, Transaction
from eventhub.models.jobs import JobKind

_LOCK = 0x50524F4D  # "PROM": the first of two keys; nobody else locks with it on this database


@dataclass(frozen=True)
class Promise:
    """What is owed while `owed` selects a row of it, and the kind of job that sees to it.

    The columns of that statement are the payload of the job.
    """

    kind: JobKind
    owed: str


async def take_up(tx: Transaction, promise: Promise, limit: int) -> list[Row]:
    """Let jobs keep up to `limit` promises that no job is about to keep; return their payloads.

    A job that failed for good has its pause first (`run_at`), and is then replaced: its line in the log says so.
    """
    if not await tx.fetch_value(
        "SELECT pg_try_advisory_xact_lock($1, hashtext($2))", _LOCK, promise.kind.name
    ):
        return []  # another clock is looking, or a person has them tried again
    rows = await tx.fetch(_of(promise, _TAKE_UP), limit)
    for row in rows:
        tx.enqueue(promise.kind, **row)
    return rows


async def find_forgotten(queries: Queries, promise: Promise, limit: int) -> list[Row]:
    """Return up to `limit` promises that no job is about to keep, and leave them so: the payloads that jobs would have."""
    return await queries.fetch(_of(promise, _FIND), limit)


def _of(promise: Promise, sql: str) -> str:
    columns = promise.kind.payload
    return sql.format(columns=", ".join(columns), key=promise.kind.key_sql(*columns), owed=promise.owed)


async def hold_still(tx: Transaction, kind: str) -> None:
    """Let no clock take up what jobs of this kind promise until the commit."""
    await tx.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, kind)


# One snapshot tells what is owed and what jobs there are; the lock keeps another look from making the same ones. OFFSET
# and NOT IN leave the planner no choice but a look at an index, or into a hash table, for each row: a hundred thousand
# mails may be owed before it has heard of the first.
_FORGOTTEN = """
WITH busy AS MATERIALIZED (
    SELECT unique_key FROM jobs WHERE state = 'running' AND unique_key IS NOT NULL
    UNION ALL
    SELECT unique_key FROM jobs WHERE state = 'failed' AND unique_key IS NOT NULL AND attempts > 0 AND run_at > now()
), forgotten AS MATERIALIZED (
    SELECT * FROM (SELECT owed.*, {key} AS unique_key FROM ({owed}) AS owed) AS owed
    WHERE unique_key NOT IN (SELECT unique_key FROM busy)
      AND NOT EXISTS (SELECT FROM jobs WHERE jobs.unique_key = owed.unique_key AND state = 'queued' OFFSET 0)
    LIMIT $1
)
"""
_FIND = f"{_FORGOTTEN} SELECT {{columns}} FROM forgotten"
_TAKE_UP = f"""
{_FORGOTTEN}, superseded AS (
    DELETE FROM jobs USING forgotten WHERE jobs.unique_key = forgotten.unique_key AND jobs.state = 'failed'
    RETURNING jobs.*
), logged AS (
    INSERT INTO job_log (job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at)
    SELECT id, kind, payload, left('superseded: ' || error, 300), attempts, request_id, created_at, now()
    FROM superseded
)
SELECT {{columns}} FROM forgotten
"""
