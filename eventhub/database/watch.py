"""What is seen of each statement and each wait, and a line in the log for a statement that took long."""

import logging
import time
from typing import Any

import asyncpg

from eventhub import metrics
from eventhub.database.connections import Connect, Connections

SHOWN = 500  # characters of a statement
NO_WAIT_SECONDS = 0.001

log = logging.getLogger("eventhub.database")


class Watch:
    """Times all statements of the connections that it is attached to, also those that Tortoise makes."""

    def __init__(self, slow_seconds: float) -> None:
        self._slow_seconds = slow_seconds
        self._observe = metrics.STATEMENTS.of().observe

    def connecting(self, connect: Connect) -> Connect:
        """Return `connect` with what it returns watched."""

        async def connect_and_watch() -> asyncpg.Connection:
            connection = await connect()
            connection.add_query_logger(self._note)
            return connection

        return connect_and_watch

    def _note(self, ran: Any) -> None:
        self._observe(ran.elapsed)
        if 0 < self._slow_seconds <= ran.elapsed:
            # Never its parameters: they are people's data.
            text = " ".join(ran.query.split())
            log.warning(
                "slow statement: %.3f s: %s", ran.elapsed, text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
            )


def note_wait(line: str | None, since: float) -> None:
    """Count a wait in a line, unless there was none worth the name. `since` is of `time.perf_counter`."""
    waited = time.perf_counter() - since
    if waited >= NO_WAIT_SECONDS and line is not None:
        metrics.WAITS.observe(waited, line)


def sample(name: str, connections: Connections) -> None:
    """Say how many connections there are."""
    idle = connections.idle_count
    metrics.POOL_CONNECTIONS.set(connections.open_count - idle, name, "used")
    metrics.POOL_CONNECTIONS.set(idle, name, "idle")
    metrics.POOL_SIZE.set(connections.size, name)
