"""Which migrations this code needs, and whether a database has them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from eventhub.errors import EventHubError

_BUNDLED = Path(__file__).with_name("migrations")
# A wheel brings them inside of the package; in a clone they are beside it.
MIGRATIONS = _BUNDLED if _BUNDLED.is_dir() else Path(__file__).parent.parent / "migrations"
REACH_SECONDS = 5.0


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
        raise EventHubError(f"There are no migrations in {MIGRATIONS}: install Event Hub anew.")
    return tuple(sorted(found, key=lambda name: int(name.partition("_")[0])))


async def check(fetch: Callable[[str], Awaitable[Sequence[Mapping[str, Any]]]]) -> None:
    """Raise SchemaBehind where the database that `fetch` reads lacks a migration; more than are known will do."""
    try:
        applied = {row["version"] for row in await fetch("SELECT version FROM aerich WHERE app = 'models'")}
    except asyncpg.UndefinedTableError:
        applied = set()
    if missing := [version for version in versions() if version not in applied]:
        raise SchemaBehind(missing)


async def check_at(url: str) -> None:
    """Do `check` on a connection of its own, which is closed when this returns."""
    connection = await asyncpg.connect(url, timeout=REACH_SECONDS)
    try:
        await check(connection.fetch)
    finally:
        await connection.close(timeout=REACH_SECONDS)
