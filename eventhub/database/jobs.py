"""The jobs of a transaction: written as rows before its last statements, sent as messages after its commit.

See docs/architecture.md, "A job is a row first". What becomes of a row afterwards is in services/jobs.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from eventhub import logs
from eventhub.database.queries import Queries
from eventhub.models.jobs import JobKind
from eventhub.telemetry import tracing


@dataclass(frozen=True)
class SentJob:
    """A committed job whose message may leave now.

    `delay_seconds` is for a try that comes later; one that travels `alone` shares its message with no other job.
    """

    id: int
    kind: str
    queue: str
    delay_seconds: float = 0.0
    alone: bool = False


Deliver = Callable[[Sequence[SentJob]], None]


@dataclass
class _NewJob:
    kind: JobKind
    payload: dict[str, object]
    unique_key: str | None
    run_at: datetime | None


@dataclass
class PendingJobs:
    """What a transaction has promised so far: `new` rows to be written, and messages for rows that exist."""

    new: list[_NewJob] = field(default_factory=list)
    keyed: dict[str, _NewJob] = field(default_factory=dict)
    sent: list[SentJob] = field(default_factory=list)

    def add(self, kind: JobKind, payload: dict[str, object], run_at: datetime | None) -> None:
        unique_key = kind.key_of(payload)
        job = _NewJob(kind, payload, unique_key, run_at)
        twin = self.keyed.get(unique_key) if unique_key is not None else None
        if twin is not None:
            # No time is now.
            twin.run_at = min(twin.run_at, run_at) if twin.run_at and run_at else None
            return
        if unique_key is not None:
            self.keyed[unique_key] = job
        self.new.append(job)

    async def write(self, queries: Queries) -> Sequence[SentJob]:
        """Insert the new rows in one statement; return what may be sent after the commit."""
        # Queued twins are locked one by one: in the same order everywhere, or two transactions wait for each other.
        jobs = sorted(self.new, key=lambda job: job.unique_key or "")
        if jobs:
            rows = await queries.fetch(
                _INSERT_JOBS,
                [job.kind.name for job in jobs],
                [job.kind.version for job in jobs],
                [job.kind.queue.value for job in jobs],
                [orjson.dumps(job.payload).decode() for job in jobs],
                [job.unique_key for job in jobs],
                [job.run_at for job in jobs],
                [job.kind.max_attempts for job in jobs],
                logs.request_id(),
                tracing.traceparent(),
            )
            self.sent += [SentJob(row["id"], row["kind"], row["queue"]) for row in rows if row["due"]]
            self.new, self.keyed = [], {}
        return self.sent


# DO UPDATE, not DO NOTHING: it locks the queued twin until this commit, so that no worker runs the twin before it
# can see this change (claims skip locked rows), and the message below finds it.
_INSERT_JOBS = """
INSERT INTO jobs (kind, version, queue, payload, unique_key, run_at, max_attempts, request_id, trace, created_at, sent_at)
SELECT kind, version, queue, payload::jsonb, unique_key, coalesce(run_at, now()), max_attempts, $8, $9, now(),
       CASE WHEN run_at IS NULL OR run_at <= now() THEN now() END
FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::smallint[])
     AS job (kind, version, queue, payload, unique_key, run_at, max_attempts)
ON CONFLICT (unique_key) WHERE state = 'queued'
DO UPDATE SET run_at = least(jobs.run_at, excluded.run_at),
              sent_at = CASE WHEN least(jobs.run_at, excluded.run_at) <= now() THEN now() END
RETURNING id, kind, queue, run_at <= now() AS due
"""
