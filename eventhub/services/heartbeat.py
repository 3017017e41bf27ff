"""What shows that a process is there: its row in `processes`, which it keeps fresh every two seconds.

A process that has not been heard of for SILENT_SECONDS counts as dead, and what it was doing goes to others
(`jobs.end_leases_of_the_dead`). After an outage nobody has been heard of, and nobody is dead: a clock judges by these
rows only once it has been heard itself, without a gap, for as long as the others may need to come back.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
import uuid
from collections.abc import Sequence
from datetime import datetime

from eventhub.database import Database, Queries, UnavailableErrors
from eventhub.models.operations import ProcessKind
from eventhub.services.periodic import PeriodicTask

BEAT_SECONDS = 2.0
SILENT_SECONDS = 6.0
# Between two heartbeats of a clock that judges. What kept its own from the database for no longer than this kept others'
# for no more than another BEAT_SECONDS: less than SILENT_SECONDS in all.
GAP_SECONDS = 3.5
STEADY_SECONDS = 10.0
ROWS_KEPT_MINUTES = 60

log = logging.getLogger("eventhub.heartbeat")


class Heartbeat:
    """The row of this process in `processes`, from `start` to `stop`; `id` is its key."""

    def __init__(
        self, database: Database, kind: ProcessKind, *, version: str, queues: Sequence[str] = ()
    ) -> None:
        self.id = uuid.uuid4()
        # Whatever else goes on in this process: this waits for no connection of the pool.
        self._queries = database.reserved
        self._row = (kind.value, socket.gethostname()[:255], os.getpid(), version, json.dumps([*queues]))
        self._started_at: datetime | None = None
        self._steady_seconds = 0.0
        self._is_heard = True
        self._stopping = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None

    @property
    def is_steady(self) -> bool:
        """Whether this process has been heard without a gap for so long that all others that live have been, too.

        By the database's clock: this process may have been frozen, or its machine, and know nothing of it.
        """
        return self._steady_seconds >= STEADY_SECONDS

    async def start(self) -> None:
        """Go on saying that this process is there; the first time before this returns, or else nobody was reached."""
        await self._try()
        self._beating = asyncio.create_task(self._keep_beating(), name="heartbeat")

    async def stop(self) -> None:
        """Take the row away: this process has nothing in hand any more."""
        self._stopping.set()
        if self._beating is not None:
            await self._beating
        with contextlib.suppress(*UnavailableErrors):
            await self._queries.execute("DELETE FROM processes WHERE id = $1", self.id)

    async def beat(self) -> None:
        """Say that this process is there."""
        row = await self._queries.fetch_one(_BEAT, self.id, *self._row, self._started_at)
        assert row is not None  # noqa: S101 - it was just written
        self._started_at = row["started_at"]
        gap = row["gap_seconds"]
        self._steady_seconds = (
            self._steady_seconds + gap if gap is not None and 0 <= gap <= GAP_SECONDS else 0.0
        )

    async def _keep_beating(self) -> None:
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        while True:
            next_at = max(next_at + BEAT_SECONDS, loop.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_at):
                    await self._stopping.wait()
                    return
            await self._try()

    async def _try(self) -> None:
        try:
            await self.beat()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next one may do
            if self._is_heard:
                log.warning("the heartbeat does not reach the database, will go on trying: %r", error)
            self._is_heard = False
        else:
            if not self._is_heard:
                log.info("the heartbeat reaches the database again")
            self._is_heard = True


_BEAT = """
WITH before AS (SELECT seen_at FROM processes WHERE id = $1)
INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, coalesce($7, now()), now())
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
RETURNING started_at, extract(epoch FROM now() - (SELECT seen_at FROM before))::float8 AS gap_seconds
"""


async def purge(queries: Queries, limit: int = 500) -> int:
    """Forget up to `limit` processes that have not been heard of for an hour; return how many."""
    return await queries.execute(
        "DELETE FROM processes WHERE id IN (SELECT id FROM processes "
        "WHERE seen_at < now() - make_interval(mins => $1) LIMIT $2)",
        ROWS_KEPT_MINUTES,
        limit,
    )


PERIODIC = (PeriodicTask("purge processes", purge, at_once=500, is_seldom=True),)
