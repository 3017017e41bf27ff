"""The jobs and facts of a transaction: written as rows before its last statements; jobs are sent after its commit.

See docs/architecture.md, "A job is a row first". What becomes of a row afterwards is in services/jobs.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from eventhub import logs
from eventhub.database.queries import Queries
from eventhub.models.facts import FactType, Via
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


@dataclass(frozen=True)
class Actor:
    """By which way a transaction came about, and the user whose request it is."""

    via: Via
    user_id: int | None = None


@dataclass(frozen=True)
class NewFact:
    type: FactType
    event_id: int | None
    organizer_id: int | None
    user_id: int | None
    via: Via
    data: dict[str, object]


@dataclass
class PendingRows:
    """What a transaction has promised and recorded so far: rows to be written, and messages for rows that exist."""

    facts: list[NewFact] = field(default_factory=list)
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

    def record(self, fact: NewFact) -> None:
        self.facts.append(fact)

    async def write(self, queries: Queries, actor: Actor) -> Sequence[SentJob]:
        """Insert the new rows in one statement; return what may be sent after the commit."""
        # Queued twins are locked one by one: in the same order everywhere, or two transactions wait for each other.
        jobs = sorted(self.new, key=lambda job: job.unique_key or "")
        facts, self.facts = self.facts, []
        if facts and not jobs:
            await queries.execute(_INSERT_FACTS, *_columns(facts, actor))
        if jobs:
            rows = await queries.fetch(
                _INSERT_BOTH if facts else _INSERT_JOBS,
                *(_columns(facts, actor) if facts else (logs.request_id(),)),
                [job.kind.name for job in jobs],
                [job.kind.version for job in jobs],
                [job.kind.queue.value for job in jobs],
                [orjson.dumps(job.payload).decode() for job in jobs],
                [job.unique_key for job in jobs],
                [job.run_at for job in jobs],
                [job.kind.max_attempts for job in jobs],
                tracing.traceparent(),
            )
            self.sent += [SentJob(row["id"], row["kind"], row["queue"]) for row in rows if row["due"]]
            self.new, self.keyed = [], {}
        return self.sent


def _columns(facts: Sequence[NewFact], actor: Actor) -> tuple[object, ...]:
    return (
        logs.request_id(),
        actor.user_id,
        [fact.type.value for fact in facts],
        [fact.event_id for fact in facts],
        [fact.organizer_id for fact in facts],
        [fact.user_id for fact in facts],
        [fact.via.value for fact in facts],
        [orjson.dumps(fact.data, default=str).decode() for fact in facts],
    )


# In the order in which they were recorded, which is that of their ids.
_INSERT_FACTS = """
INSERT INTO facts (type, event_id, organizer_id, user_id, actor_id, via, data, request_id, occurred_at)
SELECT f.type, f.event_id, coalesce(f.organizer_id, e.organizer_id), f.user_id, $2::bigint, f.via, f.data::jsonb, $1, now()
FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])
     WITH ORDINALITY AS f (type, event_id, organizer_id, user_id, via, data, place)
LEFT JOIN events e ON e.id = f.event_id ORDER BY f.place
"""
# DO UPDATE, not DO NOTHING: it locks the queued twin until this commit, so that no worker runs the twin before it
# can see this change (claims skip locked rows), and the message below finds it.
_INSERT_JOBS_FROM = """
INSERT INTO jobs (kind, version, queue, payload, unique_key, run_at, max_attempts, request_id, trace, created_at, sent_at)
SELECT kind, version, queue, payload::jsonb, unique_key, coalesce(run_at, now()), max_attempts, $1, ${trace}, now(),
       CASE WHEN run_at IS NULL OR run_at <= now() THEN now() END
FROM unnest(${0}::text[], ${1}::smallint[], ${2}::text[], ${3}::text[], ${4}::text[], ${5}::timestamptz[], ${6}::smallint[])
     AS job (kind, version, queue, payload, unique_key, run_at, max_attempts)
ON CONFLICT (unique_key) WHERE state = 'queued'
DO UPDATE SET run_at = least(jobs.run_at, excluded.run_at),
              sent_at = CASE WHEN least(jobs.run_at, excluded.run_at) <= now() THEN now() END
RETURNING id, kind, queue, run_at <= now() AS due
"""


def _insert_jobs(first: int) -> str:
    """Return the statement with the columns of the jobs from placeholder `first` on."""
    return _INSERT_JOBS_FROM.format(*range(first, first + 7), trace=first + 7)


_INSERT_JOBS = _insert_jobs(2)
_INSERT_BOTH = f"WITH recorded AS ({_INSERT_FACTS}) {_insert_jobs(9)}"
