"""Jobs as people look at them: those that failed or are tried again and again, any others, and one with all that is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from eventhub.database import Queries, Row
from eventhub.errors import NotFound
from eventhub.models.jobs import JobState

TRIED_OFTEN = 8
LISTED = 1000
LOG_LINES = 100


@dataclass(frozen=True)
class OpenJob:
    """A job that has not ended; `due_at` is when it is tried (again), or when its worker is taken for dead."""

    id: int
    kind: str
    queue: str
    state: str
    payload: Mapping[str, Any]
    attempts: int
    max_attempts: int
    due_at: datetime
    error: str
    request_id: str
    created_at: datetime


@dataclass(frozen=True)
class EndedJob:
    """A line of the log: a job that was done, refused by a rule, discarded or superseded."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    outcome: str
    attempts: int
    request_id: str
    created_at: datetime
    finished_at: datetime


@dataclass(frozen=True)
class Shown:
    """A job, open or ended (more than once where it was made again), and what its request caused besides."""

    job: OpenJob | None
    ended: tuple[EndedJob, ...]
    same_request: tuple[EndedJob, ...]


async def list_jobs(
    queries: Queries, kind: str | None = None, state: JobState | None = None, limit: int = LISTED
) -> tuple[OpenJob, ...]:
    """Return the jobs in a state, by default those that failed or have been tried often and go on, the oldest first."""
    rows = await queries.fetch(_LIST, kind, state and state.value, TRIED_OFTEN, limit)
    return tuple(_open(row) for row in rows)


_COLUMNS = """
id, kind, queue, state, payload, attempts, max_attempts, CASE state WHEN 'running' THEN lease_until ELSE run_at END AS due_at,
error, request_id, created_at
"""
_LIST = f"""
SELECT {_COLUMNS} FROM jobs
WHERE ($1::text IS NULL OR kind = $1)
  AND (state = $2 OR $2::text IS NULL AND (state = 'failed' OR state = 'queued' AND attempts >= $3))
ORDER BY id LIMIT $4
"""


async def show(queries: Queries, job_id: int) -> Shown:
    """Return all that is known of one job. Raises NotFound."""
    row = await queries.fetch_one(f"SELECT {_COLUMNS} FROM jobs WHERE id = $1", job_id)
    job = _open(row) if row is not None else None
    ended = [_ended(line) for line in await queries.fetch(_ENDED, job_id, LOG_LINES)]
    if job is None and not ended:
        raise NotFound
    request_id = job.request_id if job is not None else ended[-1].request_id
    others = await queries.fetch(_OF_REQUEST, request_id, job_id, LOG_LINES)
    return Shown(job, tuple(ended), tuple(_ended(line) for line in others))


_LOG = (
    "SELECT job_id AS id, kind, payload, outcome, attempts, request_id, created_at, finished_at FROM job_log"
)
_ENDED = f"{_LOG} WHERE job_id = $1 ORDER BY finished_at LIMIT $2"
_OF_REQUEST = f"""
{_LOG} WHERE request_id = $1 AND request_id <> '-' AND job_id <> $2 ORDER BY finished_at, id LIMIT $3
"""


def _open(row: Row) -> OpenJob:
    return OpenJob(**{**row, "payload": orjson.loads(row["payload"])})


def _ended(row: Row) -> EndedJob:
    return EndedJob(**{**row, "payload": orjson.loads(row["payload"])})
