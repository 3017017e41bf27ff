"""The way to PostgreSQL: reads on `Database`, writes in `Database.transaction()`, jobs through `tx.enqueue()`.

A job is a row of the transaction that causes it; the message that wakes a worker leaves after the commit.
"""

import asyncio
import contextlib
import contextvars
import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import asyncpg
import orjson
from aerich import Command
from tortoise import Tortoise, connections
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError

from eventhub import logs, migration
from eventhub.errors import Busy
from eventhub.migration import MIGRATIONS
from eventhub.models.jobs import JobKind
from eventhub.turnstile import Turnstile

ANSWER_SECONDS = 2.0
IDLE_IN_TRANSACTION_SECONDS = 30.0  # between two statements nothing is waited for, so it is stuck
MIGRATION_TRIES = 10  # where it stands in the way of requests that read the tables in another order
MIGRATION_LOCK = 0x45564855  # "EVHU": any number that nobody else locks on this database

Row = Mapping[str, Any]


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


@dataclass(frozen=True)
class Patience:
    """How long this process waits for the database: for a statement, for a lock in it, for a connection of the pool.

    What runs into a limit raises one of `UnavailableErrors`, and its transaction is rolled back.
    """

    statement_seconds: float
    lock_seconds: float
    turn_seconds: float

    @property
    def command_seconds(self) -> float:
        """How long this side waits for an answer; the server is to give up first, and to say why."""
        return self.statement_seconds + ANSWER_SECONDS

    @property
    def server_settings(self) -> dict[str, str]:
        """What the server is told at connect: nothing has to SET it."""
        return {
            "statement_timeout": _milliseconds(self.statement_seconds),
            "lock_timeout": _milliseconds(self.lock_seconds),
            "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_SECONDS),
        }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


@dataclass(frozen=True)
class PublicBounds:
    """What reads may cost that anybody can ask for: connections of their own, and how long a statement may take.

    Of those that may cost much (a search, a count) few run at once; a few more wait, and not for long.
    """

    pool_size: int
    patience: Patience
    costly_at_once: int
    costly_in_line: int
    line_seconds: float


Deliver = Callable[[Sequence[SentJob]], None]


class Queries:
    """SQL on one of Tortoise's connections; parameters are $1, $2, … and never part of the text."""

    turn_seconds: float | None = None
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
        with _reaching_the_server():
            async with asyncio.timeout(self.turn_seconds):
                connection = await acquiring.__aenter__()
        try:
            yield connection
        except TimeoutError:
            # The server may be frozen: asyncpg would wait for what it has to say of the cancelled statement.
            with contextlib.suppress(asyncpg.InterfaceError):
                connection.terminate()
            raise
        except asyncpg.QueryCanceledError as error:
            if self.gave_up is None:
                raise
            raise self.gave_up(error) from error
        except asyncpg.InterfaceError as error:
            if _CLOSED.search(str(error)):
                raise ConnectionError(str(error)) from error
            raise
        finally:
            await acquiring.__aexit__(None, None, None)


class PublicReads(Queries):
    """Reads that anybody can ask for, on connections of their own: what they cost, others do not wait for.

    Raises Busy where a statement takes too long.
    """

    def __init__(self, client: AsyncpgDBClient, bounds: PublicBounds) -> None:
        super().__init__(client)
        self.turn_seconds = bounds.patience.turn_seconds
        self._bounds = bounds
        self.gave_up = self._took_too_long
        self._turns = asyncio.Semaphore(bounds.costly_at_once)
        self._in_line = 0

    @contextlib.asynccontextmanager
    async def costly(self) -> AsyncIterator[Queries]:
        """Yield where to read what may cost much, once it is its turn. Raises Busy where the line is long."""
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
        seconds = self._bounds.patience.statement_seconds
        return Busy(
            f"This was not found within {seconds:g} s. Ask for less: fewer or longer words, filters, no count.",
            code="took_too_long",
        )


def _too_many() -> Busy:
    return Busy("Too many searches and counts are under way at the moment.", code="too_many_searches")


# Of asyncpg's InterfaceErrors those that tell of a connection or pool that is gone; others are mistakes of this code.
_CLOSED = re.compile(r"(?:connection|pool) is clos|released back to the pool")


@contextlib.contextmanager
def _reaching_the_server() -> Iterator[None]:
    """In this block an OSError (a socket that is not there, a name that does not resolve) is a ConnectionError."""
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise ConnectionError(str(error)) from error


@dataclass
class _NewJob:
    kind: JobKind
    payload: dict[str, object]
    unique_key: str | None
    run_at: datetime | None


@dataclass
class _Pending:
    jobs: list[_NewJob] = field(default_factory=list)
    keyed: dict[str, _NewJob] = field(default_factory=dict)
    sent: list[SentJob] = field(default_factory=list)


class Transaction(Queries):
    """One writing transaction; what it enqueues exists if and only if it commits."""

    def __init__(self, client: AsyncpgDBClient) -> None:
        super().__init__(client)
        self._pending = _Pending()
        self._last: list[Callable[[], Awaitable[None]]] = []

    def at_the_end(self, statement: Callable[[], Awaitable[None]]) -> None:
        """Run `statement` just before the commit, after all else: what it locks (a counter) is held the shortest."""
        self._last.append(statement)

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator["Savepoint"]:
        """Yield a point to which this transaction can be taken back without being given up."""
        await self.execute("SAVEPOINT here")
        yield Savepoint(self)

    async def run_last_statements(self) -> None:
        statements, self._last = self._last, []
        for statement in statements:
            await statement()

    def enqueue(
        self,
        kind: JobKind,
        *,
        unique_key: str | None = None,
        run_at: datetime | None = None,
        **payload: object,
    ) -> None:
        """Promise a job of `kind`, now or at `run_at`.

        Of queued jobs with the same `unique_key` there is one; the earlier time wins.
        """
        job = _NewJob(kind, payload, unique_key, run_at)
        twin = self._pending.keyed.get(unique_key) if unique_key is not None else None
        if twin is not None:
            # No time is now.
            twin.run_at = min(twin.run_at, run_at) if twin.run_at and run_at else None
            return
        if unique_key is not None:
            self._pending.keyed[unique_key] = job
        self._pending.jobs.append(job)

    def send_again(self, job: SentJob) -> None:
        """Let a message for an existing job leave after the commit."""
        self._pending.sent.append(job)

    async def flush_jobs(self) -> Sequence[SentJob]:
        """Write the promised jobs, as the transaction's last statement; return what may be sent after the commit."""
        # Queued twins are locked one by one: in the same order everywhere, or two transactions wait for each other.
        jobs = sorted(self._pending.jobs, key=lambda job: job.unique_key or "")
        if jobs:
            rows = await self.fetch(
                _INSERT_JOBS,
                [job.kind.name for job in jobs],
                [job.kind.version for job in jobs],
                [job.kind.queue.value for job in jobs],
                [orjson.dumps(job.payload).decode() for job in jobs],
                [job.unique_key for job in jobs],
                [job.run_at for job in jobs],
                [job.kind.max_attempts for job in jobs],
                logs.request_id.get(),
            )
            self._pending.sent += [
                SentJob(row["id"], row["kind"], row["queue"]) for row in rows if row["due"]
            ]
            self._pending.jobs, self._pending.keyed = [], {}
        return self._pending.sent


class Savepoint:
    """A point in a transaction: what was promised before it stays when the rest is undone."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._promised = copy.deepcopy(tx._pending), list(tx._last)  # noqa: SLF001 - its own transaction's

    async def undo(self) -> None:
        """Take back all statements since, with the jobs that they enqueued."""
        await self._tx.execute("ROLLBACK TO SAVEPOINT here")
        self._tx._pending, self._tx._last = self._promised  # noqa: SLF001


# DO UPDATE, not DO NOTHING: it locks the queued twin until this commit, so that no worker runs the twin before it
# can see this change (claims skip locked rows), and the message below finds it.
_INSERT_JOBS = """
INSERT INTO jobs (kind, version, queue, payload, unique_key, run_at, max_attempts, request_id, created_at, sent_at)
SELECT kind, version, queue, payload::jsonb, unique_key, coalesce(run_at, now()), max_attempts, $8, now(),
       CASE WHEN run_at IS NULL OR run_at <= now() THEN now() END
FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::smallint[])
     AS job (kind, version, queue, payload, unique_key, run_at, max_attempts)
ON CONFLICT (unique_key) WHERE state = 'queued'
DO UPDATE SET run_at = least(jobs.run_at, excluded.run_at),
              sent_at = CASE WHEN least(jobs.run_at, excluded.run_at) <= now() THEN now() END
RETURNING id, kind, queue, run_at <= now() AS due
"""

_in_transaction: contextvars.ContextVar[bool] = contextvars.ContextVar("in_transaction", default=False)


class Database(Queries):
    """An open pool. One per process and event loop. `public` is where to read what anybody can ask for.

    A third of the pool is never taken by transactions, so that reads wait behind no writer; and no more than a third by
    those that go to the same row.
    """

    def __init__(
        self,
        client: AsyncpgDBClient,
        deliver: Deliver,
        public: PublicReads | None = None,
        *,
        pool_size: int = 10,
        turn_seconds: float | None = None,
        waits_for_trials: bool = True,
    ) -> None:
        super().__init__(client)
        self.deliver = deliver
        self.public: Queries = public or self
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
        pool_size: int = 10,
        name: str = "eventhub",
        patience: Patience | None = None,
        public: PublicBounds | None = None,
        waits_for_trials: bool = True,
    ) -> Self:
        """Return a pool on `url`; `deliver` gets the jobs of each commit and must not block. Raises SchemaBehind.

        Without `patience` everything may take as long as it takes; without `public` reads are all alike;
        `waits_for_trials` as of Turnstile.
        """
        config = tortoise_config(url, pool_size, name, patience)
        if public is not None:
            another = tortoise_config(url, public.pool_size, name, public.patience)
            config["connections"]["public"] = another["connections"]["default"]
        # Actors and request handlers run in tasks that do not inherit the context of this one.
        await Tortoise.init(config=config, _enable_global_fallback=True)
        database = cls(
            _client("default"),
            deliver,
            PublicReads(_client("public"), public) if public is not None else None,
            pool_size=pool_size,
            turn_seconds=patience.turn_seconds if patience else None,
            waits_for_trials=waits_for_trials,
        )
        try:
            # One that is away now is waited for, as it is later.
            with contextlib.suppress(*UnavailableErrors):
                await migration.check(database.fetch)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        # Its own pools first: a second Database in this process has taken the first one's place in Tortoise.
        await self.client.close()
        await self.public.client.close()
        await Tortoise.close_connections()

    @contextlib.asynccontextmanager
    async def transaction(self, row: Hashable = None) -> AsyncIterator[Transaction]:
        """Yield one writing transaction: commit at the end of the block, roll back when it raises.

        Opened by the entry point (request handler or job runner) and passed down, so it refuses to nest. `row` is what
        names the row that it locks first and that many may want (an event's id): raises RowBusy where somebody holds it.
        """
        if _in_transaction.get():
            raise RuntimeError("a transaction is open already: pass it down instead of opening another")
        token = _in_transaction.set(True)
        try:
            async with self._turn(row), _as_postgres_said_it(), self._transactional_client() as client:
                tx = Transaction(client)
                yield tx
                sent = await tx.flush_jobs()
                await tx.run_last_statements()
        finally:
            _in_transaction.reset(token)
        if sent:
            self.deliver(sent)

    @contextlib.asynccontextmanager
    async def _turn(self, row: Hashable) -> AsyncIterator[None]:
        """Let the block have one of the writers' connections; at `row` few have one at a time."""
        async with contextlib.nullcontext() if row is None else self._rows.turn(row):
            async with asyncio.timeout(self.turn_seconds):
                await self._writers.acquire()
            try:
                yield
            finally:
                self._writers.release()

    @contextlib.asynccontextmanager
    async def _transactional_client(self) -> AsyncIterator[TransactionWrapper]:
        # Tortoise's own in_transaction() keeps the connection for ever when BEGIN fails or is cancelled: after a
        # restart of PostgreSQL the pool would be short of some, or empty.
        async with self._connection() as connection, connection.transaction():
            client = TransactionWrapper(self.client)
            client._connection = connection  # noqa: SLF001 - as TransactionContextPooled does
            token = connections.set("default", client)
            try:
                yield client
            finally:
                connections.reset(token)


@contextlib.asynccontextmanager
async def _as_postgres_said_it() -> AsyncIterator[None]:
    """In this block what Tortoise wraps of ContentionErrors and UnavailableErrors is raised as it was."""
    try:
        yield
    except OperationalError as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, (*ContentionErrors, *UnavailableErrors)):
            raise cause from error
        raise


def _client(name: str) -> AsyncpgDBClient:
    client = connections.get(name)
    assert isinstance(client, AsyncpgDBClient)  # noqa: S101 - postgres:// URLs only
    return client


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    def get_reset_query(self) -> str:
        """Spare a round trip at every release: nothing here SETs anything outside a transaction."""
        return ""


def tortoise_config(
    url: str, pool_size: int = 10, name: str = "eventhub", patience: Patience | None = None
) -> dict[str, Any]:
    """Return Tortoise's (and aerich's) configuration for the database at `url`."""
    connection = expand_db_url(url)
    # libpq's name, which managed servers give in their URLs; a pool knows it by asyncpg's.
    if (mode := connection["credentials"].pop("sslmode", None)) is not None:
        connection["credentials"]["ssl"] = mode
    connection["credentials"] |= {
        "minsize": min(2, pool_size),
        "maxsize": pool_size,
        "connection_class": _Connection,
        "max_cached_statement_lifetime": 0,
        "timeout": 5,
        "command_timeout": patience.command_seconds if patience else None,
        "server_settings": {
            "application_name": name,
            "jit": "off",
            "timezone": "UTC",
            **(patience.server_settings if patience else {}),
        },
    }
    return {
        "connections": {"default": connection},
        "apps": {"models": {"models": ["eventhub.models", "aerich.models"], "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


async def migrate(url: str) -> list[str]:
    """Bring the schema up to date and return the versions applied. Safe when several processes do it at once."""
    migration.versions()  # without any, nothing to do would pass for up to date
    with _reaching_the_server():
        lock = await asyncpg.connect(url)
    try:
        await lock.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        config = tortoise_config(url)
        await Tortoise.init(config=config)
        async with Command(config, location=str(MIGRATIONS)) as command:
            for _ in range(MIGRATION_TRIES - 1):
                with contextlib.suppress(asyncpg.DeadlockDetectedError):
                    async with _as_postgres_said_it():
                        return await command.upgrade(run_in_transaction=True)
            return await command.upgrade(run_in_transaction=True)
    finally:
        await lock.close()


def violated_constraint(error: BaseException) -> str | None:
    """Return the name of the constraint or unique index that `error` reports, if it is such an error."""
    if isinstance(error, IntegrityError) and error.args:
        error = error.args[0]
    name: str | None = getattr(error, "constraint_name", None)
    return name


IntegrityErrors = (IntegrityError, asyncpg.IntegrityConstraintViolationError)
# Others were in the way: tried again, the same may do.
ContentionErrors = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
UnavailableErrors = (
    ConnectionError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # a connection whose last word has been read, but not yet its end
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    DBConnectionError,
    asyncpg.TooManyConnectionsError,
    # Patience that came to its end; the first is also said of a statement that an administrator cancelled.
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
