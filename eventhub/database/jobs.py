"""The jobs and facts of a transaction: written as rows before its last statements; jobs are sent after its commit.

See docs/architecture.md, "A job is a row first". What becomes of a row afterwards is in services/jobs.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

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
Origin = tuple[
    str, str | None
]  # what rows say of where they come from: the request's id, and its place in a trace


@dataclass
class NewJob:
    """A row of `jobs` to be written, by the names of its columns."""

    kind: str
    version: int
    queue: str
    payload: dict[str, object]
    unique_key: str | None
    run_at: datetime | None
    max_attempts: int
    request_id: str
    trace: str | None


@dataclass(frozen=True)
class Actor:
    """By which way a transaction came about, and the user whose request it is."""

    via: Via
    user_id: int | None = None


@dataclass(frozen=True)
class NewFact:
    """A row of `facts` to be written, likewise."""

    type: FactType
    event_id: int | None
    organizer_id: int | None
    user_id: int | None
    via: Via
    data: dict[str, object]
    request_id: str


@dataclass
class PendingRows:
    """What a transaction has promised and recorded so far: rows to be written, and messages for rows that exist.

    Their origin is that of the running request or job, unless `origin` says another.
    """

    facts: list[NewFact] = field(default_factory=list)
    new: list[NewJob] = field(default_factory=list)
    keyed: dict[str, NewJob] = field(default_factory=dict)
    sent: list[SentJob] = field(default_factory=list)
    origin: Origin | None = None

    def add(self, kind: JobKind, payload: dict[str, object], run_at: datetime | None) -> None:
        unique_key = kind.key_of(payload)
        job = NewJob(
            kind.name,
            kind.version,
            kind.queue.value,
            payload,
            unique_key,
            run_at,
            kind.max_attempts,
            *(self.origin or origin()),
        )
        twin = self.keyed.get(unique_key) if unique_key is not None else None
        if twin is not None:
            # No time is now.
            twin.run_at = min(twin.run_at, run_at) if twin.run_at and run_at else None
            return
        if unique_key is not None:
            self.keyed[unique_key] = job
        self.new.append(job)

    def record(
        self,
        fact: FactType,
        event_id: int | None,
        organizer_id: int | None,
        user_id: int | None,
        via: Via,
        data: dict[str, object],
    ) -> None:
        request_id, _ = self.origin or origin()
        self.facts.append(NewFact(fact, event_id, organizer_id, user_id, via, data, request_id))

    async def write(self, queries: Queries, actor: Actor) -> Sequence[SentJob]:
        """Insert the new rows in one statement; return what may be sent after the commit."""
        # Queued twins are locked one by one: in the same order everywhere, or two transactions wait for each other.
        jobs = sorted(self.new, key=lambda job: job.unique_key or "")
        facts, self.facts = self.facts, []
        if facts and not jobs:
            await queries.execute(_INSERT_FACTS, _json(facts), actor.user_id)
        if jobs:
            more = (_json(facts), actor.user_id) if facts else ()
            rows = await queries.fetch(_INSERT_BOTH if facts else _INSERT_JOBS, _json(jobs), *more)
            self.sent += [SentJob(row["id"], row["kind"], row["queue"]) for row in rows if row["due"]]
            self.new, self.keyed = [], {}
        return self.sent


def origin() -> Origin:
    """Return the origin of what the running request or job writes."""
    return logs.request_id(), tracing.traceparent()


def inserting(kind: JobKind, *, request_id: str, trace: str, **payload: str) -> str:
    """Return the beginning of a statement, up to its FROM, that promises a new job of `kind` for each row there.

    For one that has to be a single statement; all others use `Transaction.enqueue`. The values are SQL, those of `origin`
    among them; no queued job has the same key yet.
    """
    return f"""
    INSERT INTO jobs (kind, version, queue, payload, unique_key, run_at, max_attempts, request_id, trace, created_at,
                      sent_at)
    SELECT '{kind.name}', {kind.version}, '{kind.queue}',
           jsonb_build_object({", ".join(f"'{name}', {value}" for name, value in payload.items())}),
           {kind.key_sql(*payload.values())}, now(), {kind.max_attempts}, {request_id}, {trace}, now(), now()
    """


def _json(rows: Sequence[NewJob] | Sequence[NewFact]) -> str:
    """Return the rows as one parameter: half the work, on both sides, of an array for each column."""
    return orjson.dumps(rows, default=_amount).decode()


def _amount(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} is nothing that a row can hold")


# In the order in which they were recorded, which is that of their ids. Whose event it is follows when they are numbered
# (services/facts.py): to look it up here would cost a request more than all the rest of this.
_INSERT_FACTS_FROM = """
INSERT INTO facts (type, event_id, organizer_id, user_id, actor_id, via, data, request_id, occurred_at)
SELECT type, event_id, organizer_id, user_id, {actor}::bigint, via, data, request_id, now()
FROM jsonb_to_recordset({rows}::text::jsonb)
     AS fact (type text, event_id bigint, organizer_id bigint, user_id bigint, via text, data jsonb, request_id text)
"""
_INSERT_FACTS = _INSERT_FACTS_FROM.format(rows="$1", actor="$2")
# DO UPDATE, not DO NOTHING: it locks the queued twin until this commit, so that no worker runs the twin before it
# can see this change (claims skip locked rows), and the message below finds it.
_INSERT_JOBS = """
INSERT INTO jobs (kind, version, queue, payload, unique_key, run_at, max_attempts, request_id, trace, created_at, sent_at)
SELECT kind, version, queue, payload, unique_key, coalesce(run_at, now()), max_attempts, request_id, trace, now(),
       CASE WHEN run_at IS NULL OR run_at <= now() THEN now() END
FROM jsonb_to_recordset($1::text::jsonb)
     AS job (kind text, version smallint, queue text, payload jsonb, unique_key text, run_at timestamptz,
             max_attempts smallint, request_id text, trace text)
ON CONFLICT (unique_key) WHERE state = 'queued'
DO UPDATE SET run_at = least(jobs.run_at, excluded.run_at),
              sent_at = CASE WHEN least(jobs.run_at, excluded.run_at) <= now() THEN now() END
RETURNING id, kind, queue, run_at <= now() AS due
"""
_INSERT_BOTH = f"WITH recorded AS ({_INSERT_FACTS_FROM.format(rows='$2', actor='$3')}) {_INSERT_JOBS}"
