"""The open pool, and its transactions: what a transaction changes, and the jobs that it causes, stand or fall together.

A job is a row of the transaction that causes it; the message that wakes a worker leaves after the commit.
"""

import asyncio
import contextlib
import contextvars
import copy
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Sequence
from datetime import datetime
from typing import Any, Self

import tortoise
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient

from eventhub.database import migrations
from eventhub.database.connection import Connector, Timeouts, tortoise_config
from eventhub.database.connections import Connections
from eventhub.database.errors import UnavailableErrors, as_postgres_said_it
from eventhub.database.jobs import Actor, Deliver, Origin, PendingRows, SentJob
from eventhub.database.queries import (
    OF_ALL_CONNECTIONS,
    PooledQueries,
    PublicBounds,
    PublicReads,
    Queries,
    Row,
)
from eventhub.database.transactional import TransactionalClient
from eventhub.database.turnstile import Turnstile
from eventhub.database.watch import Watch, note_wait, sample
from eventhub.database_url import Pooler
from eventhub.models.facts import FactType, Via
from eventhub.models.jobs import JobKind

BY_JOB = Actor(Via.JOB)
Wake = Callable[[], None]


class Transaction(Queries):
    """One writing transaction; what it enqueues exists if and only if it commits."""

    def __init__(self, client: TransactionalClient, actor: Actor = BY_JOB) -> None:
        self.client = client
        self.actor = actor
        self.has_recorded = False
        self._pending = PendingRows()
        self._last: list[Callable[[], Awaitable[None]]] = []
        self._is_closed = False

    async def take(self) -> Any:
        return await self.client.take()

    def give_back(self, _connection: Any, _error: BaseException | None) -> None:
        self.client.give_back()

    async def fetch_alone(self, sql: str, *args: object) -> list[Row]:
        """Return the rows of a statement that is all that this transaction does, where nothing was done before it.

        Such a statement needs neither BEGIN nor COMMIT. Once it has returned rows that is committed, and nothing may follow
        but `send_again` for jobs that it wrote itself.
        """
        if self.client.has_begun or self._pending.facts or self._pending.new or self._last:
            return await self.fetch(sql, *args)
        rows = await self.look(sql, *args)
        self.client.is_over = bool(rows)
        return rows

    async def look(self, sql: str, *args: object) -> list[Row]:
        with self.client.alone():
            return await self.fetch(sql, *args)

    def at_the_end(self, statement: Callable[[], Awaitable[None]]) -> None:
        """Run `statement` just before the commit, after all else: what it locks (a counter) is held the shortest.

        The jobs are written before it, since a queued twin may have to be waited for: it cannot promise any.
        """
        self._require_open()
        self._last.append(statement)

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator["Savepoint"]:
        """Yield a point to which this transaction can be taken back without being given up."""
        await self.execute("SAVEPOINT here")
        yield Savepoint(self)

    @contextlib.contextmanager
    def caused_by(self, origin: Origin | None) -> Iterator[None]:
        """Let what the block enqueues and records say that it comes from `origin`, where one is given.

        For a transaction that does the work of several jobs.
        """
        before = self._pending.origin
        self._pending.origin = origin or before
        try:
            yield
        finally:
            self._pending.origin = before

    def enqueue(self, kind: JobKind, *, run_at: datetime | None = None, **payload: object) -> None:
        """Promise a job of `kind`, now or at `run_at`.

        Of queued jobs with the same unique key there is one; the earlier time wins.
        """
        self._require_open()
        self._pending.add(kind, payload, run_at)

    def record(
        self,
        fact: FactType,
        event_id: int | None,
        user_id: int | None = None,
        *,
        organizer_id: int | None = None,
        via: Via | None = None,
        **data: object,
    ) -> None:
        """Note that something has happened to an event's resource, which is `user_id`'s; its row is written with the jobs.

        `data` has ids under their resources' names (`booking=`), states, and amounts as Decimal; never what people wrote.
        Whose event it is follows when facts are numbered, unless it is given because the event is about to go; `via` is
        this transaction's, unless money moved elsewhere.
        """
        self._require_open()
        self.has_recorded = True
        self._pending.record(fact, event_id, organizer_id, user_id, via or self.actor.via, data)

    def send_again(self, job: SentJob) -> None:
        """Let a message for an existing job leave after the commit."""
        self._require(not self._is_closed)
        self._pending.sent.append(job)

    async def flush_jobs(self) -> Sequence[SentJob]:
        """Write the jobs that were promised so far, and what was recorded; return what may be sent after the commit."""
        return await self._pending.write(self, self.actor)

    async def run_last_statements(self) -> None:
        statements, self._last = self._last, []
        for statement in statements:
            await statement()

    async def finish(self) -> Sequence[SentJob]:
        """Write the promised jobs and run the last statements; return what may be sent after the commit."""
        sent = await self.flush_jobs()
        self.close()
        await self.run_last_statements()
        return sent

    def close(self) -> None:
        """Take no more jobs and last statements: they would be lost."""
        self._is_closed = True

    def _require_open(self) -> None:
        self._require(not self._is_closed and not self.client.is_over)

    def _require(self, is_open: bool) -> None:
        if not is_open:
            raise RuntimeError("the transaction is ending: its jobs are written, and another would be lost")


# What goes over the reserved connection is an index lookup; its process is to find out soon that nobody answers.
_RESERVED = Timeouts(statement_seconds=1, lock_seconds=1, turn_seconds=2)


class Reserved(PooledQueries):
    """Statements on a connection that this process has for nothing else."""

    line = "reserved"
    turn_seconds = _RESERVED.turn_seconds


class Savepoint:
    """A point in a transaction: what was promised before it stays when the rest is undone."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._promised = copy.deepcopy(tx._pending), list(tx._last)  # noqa: SLF001 - its own transaction's

    async def undo(self) -> None:
        """Take back all statements since, with the jobs that they enqueued."""
        await self._tx.execute("ROLLBACK TO SAVEPOINT here")
        self._tx._pending, self._tx._last = self._promised  # noqa: SLF001


_in_transaction: contextvars.ContextVar[bool] = contextvars.ContextVar("in_transaction", default=False)


class Database(PooledQueries):
    """An open pool. One per process and event loop. `public` is where to read what anybody can ask for.

    `reserved` is one connection beside it, for what must not wait behind anything; it is opened when it is first used.

    A third of the pool is never taken by transactions, so that reads wait behind no writer; and no more than a third by
    those that go to the same row.
    """

    line = "main"

    def __init__(
        self,
        connections: Connections,
        deliver: Deliver,
        public: PublicReads | None = None,
        *,
        wake: Wake | None = None,
        reserved: PooledQueries | None = None,
        pool_size: int = 10,
        turn_seconds: float | None = None,
        waits_for_trials: bool = True,
    ) -> None:
        super().__init__(connections)
        self._client = _own_client()
        self.deliver = deliver
        self.wake = wake
        self.public: PooledQueries = public or self
        self.reserved: PooledQueries = reserved or self
        self.turn_seconds = turn_seconds
        third = max(1, pool_size // 3)
        self._writers = asyncio.Semaphore(max(1, pool_size - third))
        self._rows = Turnstile(third, turn_seconds, waits_for_trials=waits_for_trials)

    def costly(self) -> contextlib.AbstractAsyncContextManager[Queries]:
        """Return a turn at `public`, whoever asks. Entering it raises Busy where too many do."""
        return super().costly() if self.public is self else self.public.costly()

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        deliver: Deliver,
        wake: Wake | None = None,
        pool_size: int = 10,
        name: str = "eventhub",
        timeouts: Timeouts | None = None,
        public: PublicBounds | None = None,
        waits_for_trials: bool = True,
        pooler: Pooler = Pooler.NONE,
        slow_seconds: float = 0.0,
    ) -> Self:
        """Return a pool on `url`; `deliver` gets the jobs of each commit and must not block. Raises SchemaBehind.

        `wake` is called, and must not block either, after each commit of facts, which are then to be numbered.

        `pooler` is what stands before the database, which then bounds what may be asked of a session. Without `timeouts`
        everything may take as long as it takes; without `public` reads are all alike; `waits_for_trials` as of Turnstile.
        Statements that take `slow_seconds` or more are logged, if that is not 0. Only what goes to `public` is planned anew for
        what it asks: the best way to a word depends on how rare it is.
        """
        watch = Watch(slow_seconds)

        def connections(size: int, timeouts: Timeouts | None, *, plans_once: bool) -> Connections:
            connector = Connector(url, pooler, name, timeouts, plans_once=plans_once)
            return Connections(watch.connecting(connector.connect), size)

        # Actors and request handlers run in tasks that do not inherit the context of this one.
        await Tortoise.init(
            config=tortoise_config(url, pool_size, name, timeouts, pooler), _enable_global_fallback=True
        )
        database = cls(
            connections(pool_size, timeouts, plans_once=True),
            deliver,
            PublicReads(connections(public.pool_size, public.timeouts, plans_once=False), public)
            if public is not None
            else None,
            wake=wake,
            reserved=Reserved(connections(1, _RESERVED, plans_once=True)),
            pool_size=pool_size,
            turn_seconds=timeouts.turn_seconds if timeouts else None,
            waits_for_trials=waits_for_trials,
        )
        try:
            # One that is away now is waited for, as it is later.
            with contextlib.suppress(*UnavailableErrors):
                await migrations.check(database.fetch)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        for each in {self, self.public, self.reserved}:
            await each.connections.close()
        await Tortoise.close_connections()

    def sample(self) -> None:
        """Say how many connections there are, for whoever reads metrics."""
        for each in (self, self.public, self.reserved):
            sample(str(each.line), each.connections)

    def give_back(self, connection: Any, error: BaseException | None) -> None:
        if isinstance(error, OF_ALL_CONNECTIONS):
            for each in (self.public, self.reserved):
                each.connections.expire()
        super().give_back(connection, error)

    def is_calm(self, row: Hashable) -> bool:
        """Whether nobody of this process is at the row, or waits for a turn there."""
        return self._rows.is_calm(row)

    @contextlib.asynccontextmanager
    async def transaction(self, row: Hashable = None, *, actor: Actor = BY_JOB) -> AsyncIterator[Transaction]:
        """Yield one writing transaction: commit at the end of the block, roll back when it raises.

        Opened by the entry point (request handler or job runner) and passed down, so it refuses to nest. `row` is what
        names the row that it locks first and that many may want (an event's id): raises RowBusy where somebody holds it.
        """
        if _in_transaction.get():
            raise RuntimeError("a transaction is open already: pass it down instead of opening another")
        token = _in_transaction.set(True)
        try:
            async with self._turn(row), self._transactional_client() as client:
                tx = Transaction(client, actor)
                try:
                    yield tx
                    sent = await tx.finish()
                finally:
                    tx.close()
        finally:
            _in_transaction.reset(token)
        if sent:
            self.deliver(sent)
        if tx.has_recorded and self.wake is not None:
            self.wake()

    @contextlib.asynccontextmanager
    async def _turn(self, row: Hashable) -> AsyncIterator[None]:
        """Let the block have one of the writers' connections; at `row` few have one at a time."""
        began_at = time.perf_counter()
        async with contextlib.nullcontext() if row is None else self._rows.turn(row):
            try:
                if self._writers.locked():
                    async with asyncio.timeout(self.turn_seconds):
                        await self._writers.acquire()
                else:
                    await self._writers.acquire()
            finally:
                note_wait("transactions", began_at)
            try:
                yield
            finally:
                self._writers.release()

    @contextlib.asynccontextmanager
    async def _transactional_client(self) -> AsyncIterator[TransactionalClient]:
        # Tortoise's own in_transaction() keeps the connection for ever when BEGIN fails or is cancelled: after a
        # restart of PostgreSQL the pool would be short of some, or empty.
        async with self._connection() as connection, as_postgres_said_it():
            client = TransactionalClient(self._client, connection)
            token = tortoise.connections.set("default", client)
            try:
                async with client.ending():
                    yield client
            finally:
                tortoise.connections.reset(token)


def _own_client() -> AsyncpgDBClient:
    """Return Tortoise's own client, which opens no connection and is where a transaction's begins."""
    client = tortoise.connections.get("default")
    assert isinstance(client, AsyncpgDBClient)  # noqa: S101 - postgres:// URLs only
    return client
