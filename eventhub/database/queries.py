"""Reading: SQL on the connections of a process, and bounds for reads that anybody can ask for."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from eventhub.database.connection import Timeouts
from eventhub.database.connections import Connections
from eventhub.database.errors import CLOSED, reaching_the_server
from eventhub.database.gathered import Gathered, K, ReadMany, V
from eventhub.database.watch import note_wait
from eventhub.errors import Busy

Row = Mapping[str, Any]
CANCEL_SECONDS = 0.5
# The others go to the same server, which takes no writes, or know statements from before the same migration.
OF_ALL_CONNECTIONS = (asyncpg.ReadOnlySQLTransactionError, asyncpg.InvalidCachedStatementError)


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


class Queries(ABC):
    """SQL; parameters are $1, $2, … and never part of the text."""

    # What is raised for a statement that the server ended, if something else than its own error.
    gave_up: Callable[[Exception], Exception] | None = None

    async def gathered(self, read: ReadMany[K, V], key: K) -> V | None:
        """Return what `read` finds for the key, of which it may find several at once: see PooledQueries."""
        return (await read(self, [key])).get(key)

    def costly(self) -> contextlib.AbstractAsyncContextManager["Queries"]:
        """Return the turn of a read that may cost much: the block gets where to read it."""
        return contextlib.nullcontext(self)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        async with self._connection() as connection:
            rows: list[Row] = await connection.fetch(sql, *args)
            return rows

    async def look(self, sql: str, *args: object) -> list[Row]:
        """Return the rows of a statement that only reads: a transaction need not have begun for it."""
        return await self.fetch(sql, *args)

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

    def _connection(self) -> "_Lease":
        """Return a block's connection."""
        return _Lease(self)

    @abstractmethod
    async def take(self) -> Any:
        """Return a connection, which has to be given back."""

    @abstractmethod
    def give_back(self, connection: Any, error: BaseException | None) -> None:
        """Let the connection go; `error` is what its use ended with."""

    async def explain(self, connection: Any, error: BaseException) -> None:
        """Raise what `error` means, where that is something else, and end a statement that is waited for no longer."""
        if isinstance(error, TimeoutError):
            # A server that is there is told to give up the statement too; for one that may be frozen, asyncpg would
            # wait for ever.
            with contextlib.suppress(asyncpg.InterfaceError, OSError):
                await connection.close(timeout=CANCEL_SECONDS)
        elif isinstance(error, asyncpg.QueryCanceledError) and self.gave_up is not None:
            raise self.gave_up(error) from error
        elif isinstance(error, asyncpg.InterfaceError) and CLOSED.search(str(error)):
            raise ConnectionError(str(error)) from error


class _Lease:
    """A block's connection. Each statement is such a block, and a generator's would cost a third of the statement."""

    __slots__ = ("_connection", "_queries")

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def __aenter__(self) -> Any:
        self._connection = await self._queries.take()
        return self._connection

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if error is not None:
                await self._queries.explain(self._connection, error)
        finally:
            self._queries.give_back(self._connection, error)


class PooledQueries(Queries):
    """SQL each of whose statements takes one of these connections."""

    turn_seconds: float | None = None
    line: str | None = None  # in which it waits for a connection

    def __init__(self, connections: Connections) -> None:
        self.connections = connections
        self._gathered = Gathered(self)

    async def gathered(self, read: ReadMany[K, V], key: K) -> V | None:
        """Return what `read` finds for the key, in one statement with what others ask for at this moment.

        Askers of one key share what is found. `read` hides its keys in a SELECT, as in `= ANY((SELECT $1::bigint[])::bigint[])`:
        where the planner sees how many there are, it plans each statement anew.
        """
        return await self._gathered.ask(read, key)

    async def take(self) -> Any:
        connection = self.connections.take_idle()
        if connection is not None:
            return connection
        began_at = time.perf_counter()
        try:
            with reaching_the_server():
                async with asyncio.timeout(self.turn_seconds):
                    return await self.connections.take()
        finally:
            note_wait(self.line, began_at)

    def give_back(self, connection: Any, error: BaseException | None) -> None:
        if isinstance(error, OF_ALL_CONNECTIONS):
            self.connections.expire()
        self.connections.give_back(connection, error)


class PublicReads(PooledQueries):
    """Reads that anybody can ask for, on connections of their own: what they cost, others do not wait for.

    Raises Busy where a statement takes too long.
    """

    line = "public"

    def __init__(self, connections: Connections, bounds: PublicBounds) -> None:
        super().__init__(connections)
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
