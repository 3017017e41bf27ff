"""What people do by hand to jobs and rows: each act leaves a row that says who did what, in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from eventhub import logs
from eventhub.database import Queries, Row, Transaction
from eventhub.errors import Conflict, NotFound
from eventhub.models.jobs import KINDS, Queue
from eventhub.services import jobs

MONEY_KINDS = frozenset(kind.name for kind in KINDS.values() if kind.queue is Queue.PAYMENTS)
NAMED_JOBS = 1000  # that an act on many says by their ids


class MovesMoney(Conflict):
    """Raised where a job must not be discarded, because it moves money or learns what became of it."""

    code = "moves_money"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"A job {kind} sees to money, and its payment would still say that it is owed: repair the cause and retry "
            "it. If a refund has gone back in another way, `eventhub jobs discard` makes it a refund by hand."
        )


@dataclass(frozen=True)
class Actor:
    """Who acts: an account (`user_id`), or somebody at the command line, named `cli:user@host`."""

    name: str
    user_id: int | None = None


@dataclass(frozen=True)
class Action:
    """One act: `subject` is what it was done to, as in `job 4711`."""

    id: int
    actor: str
    user_id: int | None
    action: str
    subject: str
    details: Mapping[str, Any]
    request_id: str
    acted_at: datetime


async def retry(tx: Transaction, actor: Actor, job_id: int) -> None:
    """Queue a failed job again with all its attempts. Raises NotFound."""
    kind, ids = _about(await _failed(tx, job_id))
    await jobs.retry(tx, job_id)
    await record(tx, actor, "retry", f"job {job_id}", {"kind": kind, **ids})


async def retry_all(tx: Transaction, actor: Actor, kind: str | None = None) -> int:
    """Queue all failed jobs, or those of a kind, again with all their attempts; return how many."""
    return await _record_many(tx, actor, "retry", kind, await jobs.retry_all(tx, kind))


async def discard(tx: Transaction, actor: Actor, job_id: int, *, with_money: bool = False) -> None:
    """Drop a failed job. Raises NotFound, and MovesMoney unless it may be one of those that see to money (`with_money`)."""
    kind, ids = _about(await _failed(tx, job_id))
    if kind in MONEY_KINDS and not with_money:
        raise MovesMoney(kind)
    await jobs.discard(tx, job_id)
    await record(tx, actor, "discard", f"job {job_id}", {"kind": kind, **ids})


async def discard_all(tx: Transaction, actor: Actor, kind: str | None = None) -> int:
    """Drop all failed jobs, or those of a kind, also those that see to money; return how many."""
    return await _record_many(tx, actor, "discard", kind, await jobs.discard_all(tx, kind))


async def _failed(tx: Transaction, job_id: int) -> Row:
    # Not locked: `jobs.retry` takes what the clock looks for first, and the row after it.
    row = await tx.fetch_one("SELECT kind, payload FROM jobs WHERE id = $1 AND state = 'failed'", job_id)
    if row is None:
        raise NotFound
    return row


def _about(job: Row) -> tuple[str, dict[str, Any]]:
    """Return a job's kind and the ids in its payload: addresses may stand there too, and an act is kept for ever."""
    payload: dict[str, Any] = orjson.loads(job["payload"])
    return job["kind"], {name: value for name, value in payload.items() if name.endswith("_id")}


async def _record_many(
    tx: Transaction, actor: Actor, action: str, kind: str | None, ids: Sequence[int]
) -> int:
    if ids:
        what = f"all {kind} jobs" if kind is not None else "all jobs"
        await record(tx, actor, action, what, {"count": len(ids), "jobs": list(ids[:NAMED_JOBS])})
    return len(ids)


async def record(
    tx: Transaction, actor: Actor, action: str, subject: str, details: Mapping[str, object]
) -> None:
    """Write down that `actor` did `action` to `subject`, if the transaction commits."""
    await tx.execute(
        "INSERT INTO admin_actions (user_id, actor, action, subject, details, request_id, acted_at) "
        "VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, now())",
        actor.user_id,
        actor.name[:300],
        action,
        subject[:200],
        orjson.dumps(details, default=str).decode(),
        logs.request_id(),
    )


async def list_actions(
    queries: Queries, limit: int = 100, *, before: int | None = None, subjects: Sequence[str] | None = None
) -> tuple[Action, ...]:
    """Return the newest acts first, before the act with this id, or those done to `subjects` alone."""
    rows = await queries.fetch(_LIST, limit, before, None if subjects is None else list(subjects))
    return tuple(Action(**{**row, "details": orjson.loads(row["details"])}) for row in rows)


_LIST = """
SELECT id, actor, user_id, action, subject, details, request_id, acted_at FROM admin_actions
WHERE ($2::bigint IS NULL OR id < $2) AND ($3::text[] IS NULL OR subject = ANY($3))
ORDER BY id DESC LIMIT $1
"""
