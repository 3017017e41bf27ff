"""Migrations: which ones this code needs, whether a database has them, and bringing it up to date."""

import contextlib
import importlib.util
import textwrap
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
from tortoise import Tortoise

from eventhub.database.connection import connect, tortoise_config
from eventhub.database.errors import as_postgres_said_it, reaching_the_server
from eventhub.database_url import Pooler
from eventhub.errors import EventHubError

_BUNDLED = Path(__file__).parent.parent / "migrations"
# A wheel brings them inside of the package; in a clone they are beside it.
MIGRATIONS = _BUNDLED if _BUNDLED.is_dir() else Path(__file__).parent.parent.parent / "migrations"
NAME = "eventhub migrate"
MIGRATION_TRIES = 10  # where it stands in the way of requests that read the tables in another order
MIGRATION_LOCK = 0x45564855  # "EVHU": any number that nobody else locks on this database


class SchemaBehind(EventHubError):
    """Raised when the database lacks migrations that this code needs."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"The database lacks {', '.join(missing)}: run `eventhub migrate`, then start again."
        )


def versions() -> tuple[str, ...]:
    """Return the names of all migrations, oldest first. Raises EventHubError where there are none."""
    found = [path.name for path in (MIGRATIONS / "models").glob("[0-9]*_*.py")]
    if not found:
        raise EventHubError(f"There are no migrations in {MIGRATIONS}: reinstall Event Hub.")
    return tuple(sorted(found, key=number))


def number(version: str) -> int:
    """Return the number of a migration, by its name; 0 for none."""
    return int(version.partition("_")[0] or 0)


async def check(fetch: Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]) -> None:
    """Raise SchemaBehind where the database that `fetch` reads lacks a migration; more than are known will do."""
    applied = await _applied(fetch)
    if missing := [version for version in versions() if version not in applied]:
        raise SchemaBehind(missing)


async def _applied(fetch: Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]) -> list[str]:
    try:
        rows = await fetch("SELECT version FROM aerich WHERE app = 'models' ORDER BY id")
    except asyncpg.UndefinedTableError:
        return []
    return [row["version"] for row in rows]


async def find_applied(url: str, *, pooler: Pooler = Pooler.NONE) -> list[str]:
    """Return the names of the migrations that a database has, in the order in which it got them."""
    with reaching_the_server():
        connection = await connect(url, pooler=pooler, name=NAME)
    try:
        return await _applied(connection.fetch)
    finally:
        await connection.close(timeout=5)


async def sql_of(version: str) -> str:
    """Return the statements of a migration, which `migrate` runs in one transaction."""
    spec = importlib.util.spec_from_file_location(f"migration_{version}", MIGRATIONS / "models" / version)
    assert spec is not None  # noqa: S101 - a file of Python
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # None of them asks the database what to do.
    sql: str = await module.upgrade(None)
    return textwrap.dedent(f"        {sql.strip()}\n").strip() + "\n"


def aerich_config(url: str, *, pooler: Pooler = Pooler.NONE) -> dict[str, Any]:
    """Return Tortoise's configuration with aerich's own model, for who migrates the database at `url`."""
    config = tortoise_config(url, name=NAME, pooler=pooler)
    config["apps"]["models"]["models"].append("aerich.models")
    return config


async def migrate(url: str, *, pooler: Pooler = Pooler.NONE) -> list[str]:
    """Bring the schema up to date and return the versions applied. Safe when several processes do it at once.

    Raises EventHubError where transactions are pooled: a lock that holds others off needs a session.
    """
    if pooler is Pooler.TRANSACTION:
        raise EventHubError(
            "Migrations need a session of their own, which a pooler of transactions does not give: set "
            "DATABASE_DIRECT_URL to the database itself."
        )
    from aerich import Command  # noqa: PLC0415 - with its own command line, which nobody else needs

    versions()  # without any, nothing to do would pass for up to date
    with reaching_the_server():
        lock = await connect(url, pooler=pooler, name=NAME)
    try:
        await lock.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        config = aerich_config(url, pooler=pooler)
        await Tortoise.init(config=config)
        async with Command(config, location=str(MIGRATIONS)) as command:
            for _ in range(MIGRATION_TRIES - 1):
                with contextlib.suppress(asyncpg.DeadlockDetectedError):
                    async with as_postgres_said_it():
                        return await command.upgrade(run_in_transaction=True)
            return await command.upgrade(run_in_transaction=True)
    finally:
        await lock.close()
