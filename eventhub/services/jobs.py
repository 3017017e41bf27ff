"""The life of a job row: claim, finish, fail, send again. See docs/architecture.md, "A job is a row first"."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from eventhub.database import Database, Queries, SentJob, Transaction
from eventhub.errors import NotFound
from eventhub.models.jobs import REFUND_PAYMENT, JobKind
from eventhub.services import promises
from eventhub.services.heartbeat import GAP_SECONDS, SILENT_SECONDS
from eventhub.services.periodic import PeriodicTask

RESEND_AFTER_SECONDS = 5.0
BATCH = 20
BACKOFF_CAP_SECONDS = (
    3600  # also how long a job has failed for good before the clock has another keep its promise
)
MAX_ATTEMPTS = 32_767  # what the column holds: hourly for years


class LeaseLost(Exception):
    """Raised when a job's lease ran out and somebody else took over: what this worker did is rolled back."""


@dataclass(frozen=True)
class ClaimedJob:
    """A job that this worker, and no other, may run until its lease ends."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    max_attempts: int
    request_id: str
    lease_token: uuid.UUID
    lease_seconds: float
    age_seconds: float = 0.0
    trace: str | None = None
    delay_seconds: float = 0.0  # that it was due for


async def claim(
    database: Database, kind: JobKind, ids: Sequence[int], process_id: uuid.UUID | None = None
) -> list[ClaimedJob]:
    """Return those of `ids` that are due, now leased to the caller; an attempt is counted before it begins.

    The rows bear `process_id` while its heartbeat is heard: should it fall silent, they are others' at once. Otherwise
    only the lease counts.

    A job of a newer version than `kind` knows is left for newer workers: a deploy is under way. One that was begun
    before is claimed alone: its message comes again when its worker dies, and it may be what killed the worker.
    """
    token = uuid.uuid4()
    rows = await database.fetch(
        _CLAIM, list(ids), kind.name, token, float(kind.lease_seconds), kind.version, process_id
    )
    return [
        ClaimedJob(
            id=row["id"],
            kind=kind.name,
            payload=orjson.loads(row["payload"]),
            attempts=row["attempts"],
            max_attempts=row["max_attempts"],
            request_id=row["request_id"],
            lease_token=token,
            lease_seconds=kind.lease_seconds,
            age_seconds=row["age_seconds"],
            trace=row["trace"],
            delay_seconds=row["delay_seconds"],
        )
        for row in rows
    ]


_IS_HEARD = f"seen_at > now() - interval '{SILENT_SECONDS} seconds'"
# A single statement is its own short transaction. An array that the planner does not see is planned for once.
_CLAIM = f"""
WITH due AS (
    SELECT id, extract(epoch FROM now() - CASE state WHEN 'running' THEN lease_until ELSE run_at END)::float8 AS delay_seconds
    FROM jobs
    WHERE id = ANY(ARRAY(SELECT unnest($1::bigint[]))) AND kind = $2 AND version <= $5 AND attempts < max_attempts
      AND (attempts = 0 OR cardinality($1::bigint[]) = 1)
      AND ((state = 'queued' AND run_at <= now()) OR (state = 'running' AND lease_until < now()))
    ORDER BY id
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_token = $3,
                lease_until = now() + make_interval(secs => $4),
                process_id = (SELECT id FROM processes WHERE id = $6 AND {_IS_HEARD})
FROM due WHERE jobs.id = due.id
RETURNING jobs.id, payload, attempts, max_attempts, request_id, trace,
          extract(epoch FROM now() - created_at)::float8 AS age_seconds, due.delay_seconds
"""


# A queued twin with the same unique key already stands for the work: this row gives its key up, it keeps its try.
_KEY_UNLESS_TWIN = """
    CASE WHEN EXISTS (SELECT FROM jobs twin WHERE twin.unique_key = jobs.unique_key AND twin.state = 'queued')
         THEN NULL ELSE unique_key END
"""


_NO_LEASE = "lease_token = NULL, lease_until = NULL, process_id = NULL"


async def renew(database: Database, kind: JobKind, jobs: Sequence[ClaimedJob]) -> None:
    """Let the leases of `jobs` run for the kind's full time again."""
    await database.execute(
        "UPDATE jobs SET lease_until = now() + make_interval(secs => $3) WHERE id = ANY($1::bigint[]) "
        "AND lease_token = $2",
        [job.id for job in jobs],
        jobs[0].lease_token,
        float(kind.lease_seconds),
    )


async def hold(queries: Queries, job: ClaimedJob, process_id: uuid.UUID | None) -> None:
    """Make sure that `job` is the caller's, and stays so for a while: something is about to leave. Raises LeaseLost.

    A process that was frozen may have lost it. One that may not be heard yet is heard by this.
    """
    if not await queries.execute(_HOLD, job.id, job.lease_token, float(job.lease_seconds), process_id):
        raise _lost(job)


_HOLD = f"""
WITH heard AS (
    UPDATE processes SET seen_at = now() WHERE id = $4 AND seen_at < now() - interval '{GAP_SECONDS} seconds'
)
UPDATE jobs SET lease_until = now() + make_interval(secs => $3) WHERE id = $1 AND lease_token = $2
"""


def _lost(job: ClaimedJob) -> LeaseLost:
    return LeaseLost(f"job {job.id} ({job.kind}) was taken over by another worker")


async def give_back(tx: Transaction, jobs: Sequence[ClaimedJob]) -> None:
    """Queue claimed `jobs` that were not begun, with their attempt uncounted, for another worker."""
    rows = await tx.fetch(_GIVE_BACK, [job.id for job in jobs], [job.lease_token for job in jobs])
    for row in rows:
        tx.send_again(SentJob(row["id"], row["kind"], row["queue"], alone=row["attempts"] > 0))


_GIVE_BACK = f"""
UPDATE jobs SET state = 'queued', attempts = attempts - 1, sent_at = now(), {_NO_LEASE},
                unique_key = {_KEY_UNLESS_TWIN}
FROM unnest($1::bigint[], $2::uuid[]) AS given (id, token)
WHERE jobs.id = given.id AND lease_token = given.token
RETURNING jobs.id, kind, queue, attempts
"""


async def finish(tx: Transaction, job: ClaimedJob, outcome: str = "done") -> None:
    """End `job` with the effects of `tx`: its row goes, one line in the log stays. Raises LeaseLost."""
    await finish_all(tx, [job], outcome)


async def finish_all(tx: Transaction, jobs: Iterable[ClaimedJob], outcome: str = "done") -> None:
    """End all of `jobs` with the effects of `tx`. Raises LeaseLost where one of them is somebody else's meanwhile."""
    left = {job.id: job for job in sorted(jobs, key=lambda job: job.id)}
    tokens = [job.lease_token for job in left.values()]
    for row in await tx.fetch(_FINISH, list(left), tokens, outcome[:300]):
        del left[row["job_id"]]
    for job in left.values():
        raise _lost(job)


_FINISH = """
WITH done AS (
    DELETE FROM jobs USING unnest((SELECT $1::bigint[]), $2::uuid[]) AS given (id, token)
    WHERE jobs.id = given.id AND lease_token = given.token RETURNING jobs.*
)
INSERT INTO job_log (job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at)
SELECT id, kind, payload, $3, attempts, request_id, created_at, now() FROM done
RETURNING job_id
"""


async def record_failure(tx: Transaction, job: ClaimedJob, error: str, *, is_final: bool = False) -> str:
    """Queue `job` for its next try, or keep it as failed after its last one or where trying again is of no use.

    Returns the new state. Raises LeaseLost.
    """
    is_final = is_final or job.attempts >= job.max_attempts
    delay = BACKOFF_CAP_SECONDS if is_final else _backoff(job)
    await _end_try(tx, job, error, delay, state="failed" if is_final else "queued")
    return "failed" if is_final else "queued"


async def put_off(tx: Transaction, job: ClaimedJob, error: str, cap_seconds: int) -> None:
    """Queue `job` for its next try: this one, of which others were in the way, is not counted. Raises LeaseLost."""
    await _end_try(tx, job, error, min(_backoff(job), cap_seconds), state="queued", more_attempts=1)


def _backoff(job: ClaimedJob) -> int:
    return int(min(2 ** min(job.attempts, 30), BACKOFF_CAP_SECONDS))


async def _end_try(
    tx: Transaction, job: ClaimedJob, error: str, delay: int, *, state: str, more_attempts: int = 0
) -> None:
    row = await tx.fetch_one(
        _END_TRY, job.id, job.lease_token, error[:4000], float(delay), state, more_attempts
    )
    if row is None:
        raise _lost(job)
    if state == "queued":
        tx.send_again(SentJob(job.id, job.kind, row["queue"], delay_seconds=delay, alone=True))


# The message that leaves now comes when the try is due: until a while after that the clock need not send another.
# `attempts` stays what was begun, which the back-off and what has to know of earlier tries go by.
_END_TRY = f"""
UPDATE jobs SET state = $5, max_attempts = least(max_attempts::int + $6, {MAX_ATTEMPTS}),
                run_at = now() + make_interval(secs => $4), sent_at = now() + make_interval(secs => $4), error = $3,
                {_NO_LEASE},
                unique_key = {_KEY_UNLESS_TWIN}
WHERE id = $1 AND lease_token = $2
RETURNING queue
"""


async def bury_the_dead(queries: Queries, limit: int = 500) -> int:
    """Keep as failed up to `limit` jobs whose worker died in their last attempt; return how many."""
    return await queries.execute(
        f"UPDATE jobs SET state = 'failed', {_NO_LEASE}, "
        "error = 'the worker died or hung during attempt ' || attempts, run_at = now() + make_interval(secs => $2) "
        "WHERE id IN (SELECT id FROM jobs WHERE state = 'running' AND lease_until < now() "
        "AND attempts >= max_attempts ORDER BY lease_until LIMIT $1 FOR UPDATE SKIP LOCKED)",
        limit,
        float(BACKOFF_CAP_SECONDS),
    )


async def end_leases_of_the_dead(queries: Queries, clock_id: uuid.UUID) -> int:
    """Let the jobs that silent processes were running be due again; return how many.

    The clock that asks has to be heard itself, at this moment. Jobs that bear no process have their leases alone.
    """
    return await queries.execute(_END_LEASES, clock_id)


# What these processes hold has to be the same twice: one that was frozen and goes on may have just renewed a lease
# (`hold`), and a row that is locked is being worked on. No process is left on the row: a worker of the version before,
# which takes it over, would write none of its own.
_END_LEASES = f"""
WITH silent AS MATERIALIZED (
    SELECT id, lease_until FROM jobs
    WHERE state = 'running' AND process_id IS NOT NULL AND lease_until > now()
      AND NOT EXISTS (SELECT FROM processes WHERE processes.id = jobs.process_id AND {_IS_HEARD})
      AND EXISTS (SELECT FROM processes WHERE id = $1 AND seen_at > now() - interval '{GAP_SECONDS} seconds')
), free AS (
    SELECT jobs.id FROM jobs JOIN silent ON silent.id = jobs.id AND silent.lease_until = jobs.lease_until
    FOR UPDATE OF jobs SKIP LOCKED
)
UPDATE jobs SET lease_until = now(), process_id = NULL FROM free WHERE jobs.id = free.id
"""


async def due_to_send(
    queries: Queries, waiting_messages: Mapping[str, int], limit: int = 10_000
) -> list[SentJob]:
    """Return due jobs whose message seems lost, marked as sent now.

    Those are rows sent (those of a later try: due) more than RESEND_AFTER_SECONDS ago (or never), of queues that hold fewer messages than
    due rows, so that a backlog breeds no duplicates. Of those that died with a worker twice, one in a queue at a
    time, the next when it has ended or its lease has: the one that kills its worker then has no company.
    `waiting_messages` is the length of each queue in Redis.
    """
    due = await queries.fetch(_COUNT_DUE)
    short = [row["queue"] for row in due if waiting_messages.get(row["queue"], 0) * BATCH < row["due"]]
    if not short:
        return []
    rows = await queries.fetch(_TAKE_TO_SEND, short, RESEND_AFTER_SECONDS, limit)
    # Jobs that were begun before travel alone, so that one that kills its worker takes no other with it.
    return [SentJob(row["id"], row["kind"], row["queue"], alone=row["attempts"] > 0) for row in rows]


_IS_DUE = """
    ((state = 'queued' AND run_at <= now()) OR (state = 'running' AND lease_until < now() AND attempts < max_attempts))
"""
_DIED_TWICE = "(state = 'running' AND attempts >= 2)"
_COUNT_DUE = f"SELECT queue, count(*)::int AS due FROM jobs WHERE {_IS_DUE} GROUP BY queue"
_TAKE_TO_SEND = f"""
WITH suspect AS (
    SELECT DISTINCT ON (queue) id FROM jobs
    WHERE {_IS_DUE} AND queue = ANY($1::text[]) AND {_DIED_TWICE} AND NOT EXISTS (
        SELECT FROM jobs other WHERE other.queue = jobs.queue AND other.state = 'running' AND other.attempts > 2
        AND other.lease_until >= now())
    ORDER BY queue, id
), lost AS (
    SELECT id FROM jobs
    WHERE {_IS_DUE} AND queue = ANY($1::text[])
      AND (sent_at IS NULL OR sent_at < now() - make_interval(secs => $2))
      AND (NOT {_DIED_TWICE} OR id IN (SELECT id FROM suspect))
    ORDER BY run_at LIMIT $3
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET sent_at = now() FROM lost WHERE jobs.id = lost.id
RETURNING jobs.id, kind, queue, attempts
"""


async def purge_log(queries: Queries, limit: int = 5000, *, kept_days: int) -> int:
    """Drop up to `limit` log lines older than `kept_days`; return how many."""
    return await queries.execute(
        "DELETE FROM job_log WHERE id IN (SELECT id FROM job_log WHERE finished_at < now() - make_interval(days => $1) "
        "ORDER BY finished_at LIMIT $2)",
        kept_days,
        limit,
    )


async def retry(tx: Transaction, job_id: int) -> None:
    """Queue a failed job again with all its attempts. Raises NotFound."""
    if not await _retry(tx, job_id=job_id):
        raise NotFound


async def retry_all(tx: Transaction, kind: str | None = None) -> list[int]:
    """Queue all failed jobs, or those of a kind, again with all their attempts; return their ids."""
    return await _retry(tx, kind=kind)


async def _retry(tx: Transaction, *, job_id: int | None = None, kind: str | None = None) -> list[int]:
    for found in await tx.fetch(f"SELECT DISTINCT kind FROM jobs WHERE {_THESE} ORDER BY kind", job_id, kind):
        await promises.hold_still(tx, found["kind"])
    rows = await tx.fetch(_RETRY, job_id, kind)
    for row in rows:
        tx.send_again(SentJob(row["id"], row["kind"], row["queue"]))
    return sorted(row["id"] for row in rows)


_THESE = "state = 'failed' AND ($1::bigint IS NULL OR id = $1) AND ($2::text IS NULL OR kind = $2)"
# Of several with one key the newest stands for the work.
_RETRY = f"""
UPDATE jobs SET state = 'queued', attempts = 0, run_at = now(), sent_at = now(),
                unique_key = CASE WHEN EXISTS (
                    SELECT FROM jobs twin WHERE twin.unique_key = jobs.unique_key
                    AND (twin.state = 'queued' OR twin.state = 'failed' AND twin.id > jobs.id))
                THEN NULL ELSE unique_key END
WHERE {_THESE}
RETURNING id, kind, queue
"""


async def discard(tx: Transaction, job_id: int) -> None:
    """Drop a failed job; its line in the log says so. Raises NotFound."""
    if not await tx.fetch(_DISCARD, job_id, None):
        raise NotFound


async def discard_all(tx: Transaction, kind: str | None = None) -> list[int]:
    """Drop all failed jobs, or those of a kind; return their ids."""
    return sorted(row["job_id"] for row in await tx.fetch(_DISCARD, None, kind))


# What rows go on promising the clock has done again. Money is not to go back twice: who drops its return has taken it on.
_DISCARD = f"""
WITH gone AS (DELETE FROM jobs WHERE {_THESE} RETURNING *), taken_on AS (
    UPDATE payments SET refund_state = 'by_hand' FROM gone
    WHERE gone.kind = '{REFUND_PAYMENT.name}' AND payments.id = (gone.payload->>'payment_id')::bigint
      AND payments.refund_state = 'owed'
)
INSERT INTO job_log (job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at)
SELECT id, kind, payload, left('discarded: ' || error, 300), attempts, request_id, created_at, now() FROM gone
RETURNING job_id
"""


PERIODIC = (PeriodicTask("bury the dead", bury_the_dead, at_once=500),)
