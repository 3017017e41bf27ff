"""Reading: SQL on one of Tortoise's connections, and bounds for reads that anybody can ask for."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient

from eventhub.database.connection import Timeouts
from eventhub.database.errors import CLOSED, reaching_the_server
from eventhub.database.watch import note_wait
from eventhub.errors import Busy

Row = Mapping[str, Any]
CANCEL_SECONDS = 0.5


@dataclass(frozen=True)
class PublicBounds:
    """What reads may cost that anybody can ask for: connections of their own, and how long a statement may take.

    Of those that may cost much (a search, a count) few run at once; a few more wait, and not for long.
    """

    pool_size: int
    timeouts: Timeouts
    costly_at_once: int
    costly_in_line: int
    line_seconds: float


class Queries:
    """SQL on one of Tortoise's connections; parameters are $1, $2, … and never part of the text."""

    turn_seconds: float | None = None
    line: str | None = None  # in which it waits for a connection
    # What is raised for a statement that the server ended, if something else than its own error.
    gave_up: Callable[[Exception], Exception] | None = None

    def __init__(self, client: AsyncpgDBClient) -> None:
        self.client = client

    def costly(self) -> contextlib.AbstractAsyncContextManager["Queries"]:
        """Return the turn of a read that may cost much: the block gets where to read it."""
        return contextlib.nullcontext(self)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        async with self._connection() as connection:
            rows: list[Row] = await connection.fetch(sql, *args)
            return rows

    async def fetch_one(self, sql: str, *args: object) -> Row | None:
        async with self._connection() as connection:
            row: Row | None = await connection.fetchrow(sql, *args)
            return row

    async def fetch_value(self, sql: str, *args: object) -> Any:
        async with self._connection() as connection:
            return await connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Return how many rows the statement changed."""
        async with self._connection() as connection:
            tag: str = await connection.execute(sql, *args)
            return int(tag.rpartition(" ")[2]) if tag[-1:].isdigit() else 0

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        acquiring = self.client.acquire_connection()
        began_at = time.perf_counter()
        try:
            with reaching_the_server():
                async with asyncio.timeout(self.turn_seconds):
                    connection = await acquiring.__aenter__()
        finally:
            note_wait(self.line, began_at)
        try:
            yield connection
        except TimeoutError:
            # A server that is there is told to give up the statement too; for one that may be frozen, asyncpg would
            # wait for ever.
            with contextlib.suppress(asyncpg.InterfaceError, OSError):
                await connection.close(timeout=CANCEL_SECONDS)
            raise
        except asyncpg.ReadOnlySQLTransactionError:
            # So are all the others to that server: whoever comes next finds the one that takes writes.
            await self.client._expire_connections()  # noqa: SLF001 - Tortoise has no other name for it
            raise
        except asyncpg.QueryCanceledError as error:
            if self.gave_up is None:
                raise
            raise self.gave_up(error) from error
        except asyncpg.InterfaceError as error:
            if CLOSED.search(str(error)):
                raise ConnectionError(str(error)) from error
            raise
        finally:
            await acquiring.__aexit__(None, None, None)


class PublicReads(Queries):
    """Reads that anybody can ask for, on connections of their own: what they cost, others do not wait for.

    Raises Busy where a statement takes too long.
    """

    line = "public"

    def __init__(self, client: AsyncpgDBClient, bounds: PublicBounds) -> None:
        super().__init__(client)
        self.turn_seconds = bounds.timeouts.turn_seconds
        self._bounds = bounds
        self.gave_up = self._took_too_long
        self._turns = asyncio.Semaphore(bounds.costly_at_once)
        self._in_line = 0

    @contextlib.asynccontextmanager
    async def costly(self) -> AsyncIterator[Queries]:
        """Yield where to read what may cost much, once it is its turn. Raises Busy if too many wait."""
        if self._turns.locked():
            await self._wait_in_line()
        else:
            await self._turns.acquire()
        try:
            yield self
        finally:
            self._turns.release()

    async def _wait_in_line(self) -> None:
        if self._in_line >= self._bounds.costly_in_line:
            raise _too_many()
        self._in_line += 1
        try:
            async with asyncio.timeout(self._bounds.line_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise _too_many() from None
        finally:
            self._in_line -= 1

    def _took_too_long(self, _error: Exception) -> Busy:
        seconds = self._bounds.timeouts.statement_seconds
        return Busy(
            f"This was not found within {seconds:g} s. Ask for less: fewer or longer words, filters, no count.",
            code="took_too_long",
        )


def _too_many() -> Busy:
    return Busy("Too many searches and counts are running at the moment.", code="too_many_searches")
