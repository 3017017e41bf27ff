"""What is wrong with the way to the database, found out before a process relies on it; see docs/operations.md."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import asyncpg

from eventhub.database import migrations
from eventhub.database.connection import (
    IDLE_IN_TRANSACTION_SECONDS,
    Connector,
    Timeouts,
)
from eventhub.database.errors import UnavailableErrors
from eventhub.database_url import Pooler
from eventhub.findings import Finding, Severity

OLDEST_VERSION = 15
EXAMINE_SECONDS = 10.0
CLOSE_SECONDS = 1.0
# How long another session may wait for a server of the pooler's, and how often two are compared.
PROBE_SECONDS = 2.0
PROBES = 4
# What a role must say where a pooler passes no limits on. The shorter ones of `web` are kept by its own side.
ROLE_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS:g}s",
}
_UTC = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "UCT", "Etc/UCT", "Zulu", "Etc/Zulu"}


async def examine(
    url: str,
    *,
    pooler: Pooler = Pooler.NONE,
    name: str = "eventhub",
    timeouts: Timeouts | None = None,
    connections: int = 0,
) -> list[Finding]:
    """Return what there is to say of the database at `url`, reached as a process with these `timeouts` would.

    `connections` is how many all processes may open together, where that is to be compared.
    """
    found: list[Finding] = []
    try:
        async with asyncio.timeout(EXAMINE_SECONDS):
            connector = Connector(url, pooler, name, timeouts, names_statements=False)
            began = time.monotonic()
            async with _closing(await connector.connect()) as connection:
                milliseconds = (time.monotonic() - began) * 1000
                found.append(
                    Finding(Severity.OK, f"{_described(connection)}, reached in {milliseconds:.0f} ms")
                )
                found += [finding async for finding in _front(connection, connector)]
                # Through the wrong pooler, what else is asked may be answered by anything.
                if all(finding.severity is not Severity.REFUSAL for finding in found):
                    found += [finding async for finding in _server(connection, connections)]
                    found.append(await _schema(connection))
    except (OSError, asyncpg.PostgresError, asyncpg.ClientConfigurationError, *UnavailableErrors) as error:
        found.append(_unreachable(error))
    return found


def _unreachable(error: Exception) -> Finding:
    if "statement pooling" in str(error):
        return Finding(
            Severity.REFUSAL,
            f"the pooler in front of the database has no transactions ({error}): set its pool_mode to transaction",
        )
    if "unsupported startup parameter" in str(error):
        return Finding(Severity.REFUSAL, f"a pooler is in front of the database ({error}): {_SET_POOLER}")
    if isinstance(error, asyncpg.ClientConfigurationError):
        return Finding(Severity.REFUSAL, f"the database's URL cannot be used: {error}")
    return Finding(Severity.AWAY, f"the database cannot be reached: {str(error) or type(error).__name__}")


_SET_POOLER = "set EVENTHUB_DATABASE_POOLER to session or transaction, as its pool_mode says"


@asynccontextmanager
async def _closing(connection: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    try:
        yield connection
    finally:
        with suppress(OSError, asyncpg.InterfaceError):
            await connection.close(timeout=CLOSE_SECONDS)


def _described(connection: asyncpg.Connection) -> str:
    address = connection._addr  # noqa: SLF001 - the one of several that was taken
    where = address if isinstance(address, str) else "{}:{}".format(*address)
    return f"PostgreSQL {connection.get_settings().server_version} at {where}"


async def _schema(connection: asyncpg.Connection) -> Finding:
    try:
        await migrations.check(connection.fetch)
    except migrations.SchemaBehind as error:
        return Finding(Severity.REFUSAL, error.detail)
    return Finding(Severity.OK, f"the schema is at {migrations.versions()[-1]}")


async def _server(connection: asyncpg.Connection, connections: int) -> AsyncIterator[Finding]:
    """Yield what is wrong with the server and the database in it."""
    row = await connection.fetchrow(_SERVER)
    if row["is_read_only"]:
        yield Finding(
            Severity.AWAY,
            "the database takes no writes: it is a standby, or its default_transaction_read_only is on",
        )
    if connections > row["for_us"]:
        yield Finding(
            Severity.WARNING,
            f"one process of each kind may open {connections} connections, and the server allows {row['for_us']} "
            "(max_connections, less those it reserves): raise it, lower EVENTHUB_DATABASE_POOL, or use a pooler",
        )
    if row["encoding"] != "UTF8":
        yield Finding(
            Severity.REFUSAL, f"the database is encoded in {row['encoding']}: make one with ENCODING 'UTF8'"
        )
    elif not await connection.fetchval("SELECT lower('ÄЖ') = 'äж'"):
        yield Finding(
            Severity.WARNING,
            "the database's locale knows no upper and lower case beyond ASCII, so searches miss words, and two "
            "spellings of a name count as two: make the database with LOCALE 'C.UTF-8' or another in UTF-8",
        )
    if connection.get_server_version().major < OLDEST_VERSION:
        yield Finding(Severity.WARNING, f"Event Hub is tried with PostgreSQL {OLDEST_VERSION} and later")
    elif await connection.fetchval(_COLLATION_MOVED):
        yield Finding(
            Severity.WARNING,
            "the system's collation has changed under the database's indexes: run REINDEX DATABASE, then ALTER "
            "DATABASE … REFRESH COLLATION VERSION",
        )


async def _front(connection: asyncpg.Connection, connector: Connector) -> AsyncIterator[Finding]:
    """Yield what is wrong with what stands between this process and the server."""
    async with connection.transaction():
        pass  # which is refused where single statements are pooled
    is_pooled = await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid()
    if connector.pooler is Pooler.NONE:
        ignored = await _ignored(connection, connector.server_settings)
        if is_pooled or ignored:
            dropped = f" and drops {', '.join(ignored)}" if ignored else ""
            mode = "transaction" if await _pools_transactions(connection, connector) else "session"
            yield Finding(
                Severity.REFUSAL,
                f"a pooler of {mode}s is in front of the database{dropped}: set EVENTHUB_DATABASE_POOLER={mode}",
            )
        return
    async for finding in _role(connection):
        yield finding
    if not is_pooled:
        yield Finding(Severity.OK, "no pooler seems to be there: EVENTHUB_DATABASE_POOLER=none costs less")
    elif connector.pooler is Pooler.SESSION and await _pools_transactions(connection, connector):
        yield Finding(
            Severity.REFUSAL,
            "the pooler in front of the database pools transactions, where names of prepared statements hit other "
            "SQL: set EVENTHUB_DATABASE_POOLER=transaction",
        )


async def _ignored(connection: asyncpg.Connection, sent: Mapping[str, str]) -> list[str]:
    """Return which of the settings that were sent at connect are not in force."""
    in_force = {
        row["name"].lower(): row["setting"]
        for row in await connection.fetch(
            "SELECT name, setting FROM pg_settings WHERE lower(name) = ANY($1)", list(sent)
        )
    }
    return [name for name, value in in_force.items() if value != sent[name]]


async def _role(connection: asyncpg.Connection) -> AsyncIterator[Finding]:
    """Yield what the role lacks of what a pooler does not pass on."""
    row = await connection.fetchrow(_ROLE)
    lacking = {name: value for name, value in ROLE_LIMITS.items() if row[name] == "0"}
    if row["timezone"] not in _UTC:
        lacking["timezone"] = "UTC"
    if lacking:
        statements = "; ".join(_alter(row["role"], name, value) for name, value in lacking.items())
        yield Finding(
            Severity.REFUSAL,
            f"through a pooler the role's own settings hold, and it lacks {', '.join(lacking)}: run {statements}; "
            "then RECONNECT in the pooler",
        )
    if row["jit"] == "on":
        yield Finding(
            Severity.WARNING,
            f"compiling costs more than the queries take: run {_alter(row['role'], 'jit', 'off')}",
        )


def _alter(role: str, name: str, value: str) -> str:
    return f"ALTER ROLE \"{role}\" SET {name} = '{value}'"


async def _pools_transactions(connection: asyncpg.Connection, connector: Connector) -> bool:
    """Return whether two sessions share servers: whether one is served by two, or both by the same.

    A pooler hands out last what came back last; where others are busy, each look is another chance to see it.
    """
    mine = set()
    try:
        async with asyncio.timeout(PROBE_SECONDS), _closing(await connector.connect()) as other:
            for _ in range(PROBES):
                mine.add(await connection.fetchval("SELECT pg_backend_pid()"))
                async with other.transaction():
                    theirs = await other.fetchval("SELECT pg_backend_pid()")
                    mine.add(await connection.fetchval("SELECT pg_backend_pid()"))
                if len(mine) > 1 or theirs in mine:
                    return True
    except (TimeoutError, asyncpg.PostgresConnectionError, asyncpg.TooManyConnectionsError):
        return False  # the first keeps its server, and there is none for another
    return False


_SERVER = """
SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS is_read_only,
       current_setting('server_encoding') AS encoding,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS for_us
"""
_COLLATION_MOVED = """
SELECT datcollversion <> pg_database_collation_actual_version(oid) FROM pg_database WHERE datname = current_database()
"""
_ROLE = """
SELECT current_user::text AS role, current_setting('statement_timeout') AS statement_timeout,
       current_setting('lock_timeout') AS lock_timeout,
       current_setting('idle_in_transaction_session_timeout') AS idle_in_transaction_session_timeout,
       current_setting('timezone') AS timezone, current_setting('jit') AS jit
"""
