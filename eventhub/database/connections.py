"""The connections of a process, each of which serves one statement or one transaction at a time."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context

import asyncpg

from eventhub.errors import EventHubError

KEPT = 2  # stay open, however little there is to do
UNUSED_SECONDS = 300.0
SETTLE_SECONDS = 5.0
CLOSE_SECONDS = 10.0
# After which a connection is as well as before, whatever went on.
_REFUSALS = (EventHubError, asyncpg.IntegrityConstraintViolationError)

log = logging.getLogger("eventhub.database")
Connect = Callable[[], Awaitable[asyncpg.Connection]]


class Connections:
    """Up to `size` connections, opened as they are needed; the one that was used last is used next.

    asyncpg's own pool starts a task and two timers for each statement, which cost more than most statements do.
    """

    def __init__(self, connect: Connect, size: int) -> None:
        self.size = size
        self._connect = connect
        self._good: set[asyncpg.Connection] = set()  # that serve again once they are given back
        self._idle: list[asyncpg.Connection] = []
        self._places = size  # for further connections
        self._waiting: deque[asyncio.Future[asyncpg.Connection | None]] = deque()
        self._settling: set[asyncio.Task[None]] = set()
        self._unused = 0  # idle all the time since the last look
        self._next_look: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def open_count(self) -> int:
        return self.size - self._places

    @property
    def idle_count(self) -> int:
        return len(self._idle)

    def take_idle(self) -> asyncpg.Connection | None:
        """Return a connection that is there at once, if there is one; nobody waits while there is."""
        while self._idle:
            connection = self._idle.pop()
            self._unused = min(self._unused, len(self._idle))
            if not connection.is_closed():
                return connection
            self._drop(connection)
        return None

    async def take(self) -> asyncpg.Connection:
        """Return a connection when it is there: opened anew, or given back. Raises what `connect` does."""
        if self._is_closed:
            raise ConnectionError("The connections to the database are closed.")
        return await self._claim() or await self._open()

    async def _claim(self) -> asyncpg.Connection | None:
        """Return a connection when it is there, or None for the place of one that is not open yet."""
        connection = self.take_idle()
        if connection is not None:
            return connection
        if self._places:
            self._places -= 1
            return None
        turn: asyncio.Future[asyncpg.Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._pass_on(turn.result())
            raise

    async def _open(self) -> asyncpg.Connection:
        try:
            connection = await self._connect()
        except BaseException:
            self._pass_on(None)
            raise
        self._good.add(connection)
        if self._next_look is None:
            self._look_later()
        return connection

    def give_back(self, connection: asyncpg.Connection, error: BaseException | None = None) -> None:
        """Let a connection serve others; where its last use ended with an error, once it is seen to be well."""
        if connection not in self._good or connection.is_closed():
            self._drop(connection)
        elif error is None or isinstance(error, _REFUSALS):
            self._pass_on(connection)
        else:
            # In nobody's context: it is no part of the request whose statement failed.
            settling = asyncio.get_running_loop().create_task(self._settle(connection), context=Context())
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)

    async def _settle(self, connection: asyncpg.Connection) -> None:
        """Wait until a statement that was given up has ended, and end what is left of its transaction."""
        is_well = False
        try:
            with contextlib.suppress(asyncpg.InFailedSQLTransactionError):  # is an answer as well
                await connection.execute("SELECT 1", timeout=SETTLE_SECONDS)
            await connection.reset(timeout=SETTLE_SECONDS)
            is_well = True
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as reason:
            log.info("A connection to the database is given up: %s", reason)
        finally:
            if not is_well:
                connection.terminate()
            self.give_back(connection)

    def _pass_on(self, connection: asyncpg.Connection | None) -> None:
        """Hand a connection, or the place of one that is gone, to whoever has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._places += 1
        else:
            self._idle.append(connection)

    def _drop(self, connection: asyncpg.Connection) -> None:
        self._good.discard(connection)
        connection.terminate()
        self._pass_on(None)

    def expire(self) -> None:
        """Let none of the present connections serve again."""
        self._good.clear()
        self._unused = 0
        while self._idle:
            self._drop(self._idle.pop())

    def _look_later(self) -> None:
        self._unused = len(self._idle)
        self._next_look = asyncio.get_running_loop().call_later(UNUSED_SECONDS, self._close_unused)

    def _close_unused(self) -> None:
        """Close what nobody has needed since the last look, but for the few that are kept."""
        spare = min(self._unused, self.open_count - KEPT)
        for connection in [self._idle.pop(0) for _ in range(spare)]:
            self._drop(connection)
        self._look_later()

    async def close(self) -> None:
        """Close all: those in use once they are given back, or when that takes too long."""
        self._is_closed = True
        if self._next_look is not None:
            self._next_look.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                for _ in range(self.size):
                    if (connection := await self._claim()) is not None:
                        await connection.close()
        for connection in self._good:
            connection.terminate()
