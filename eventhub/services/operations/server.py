"""What the database server says of itself, as far as Event Hub relies on it."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from eventhub.database import Database, Queries, UnavailableErrors
from eventhub.services.operations import actions
from eventhub.services.operations.actions import Actor
from eventhub.services.operations.doctor import Result, Verdict

OLDEST_VERSION = 140_000
FOLDS = {"É": "é", "Ж": "ж"}


async def examine_server(queries: Queries) -> list[Result]:
    """Return whether version, encoding and collation are such as the rules rely on."""
    row = await queries.fetch_one(_FACTS, *FOLDS)
    assert row is not None  # noqa: S101 - asked of functions
    is_new = row["number"] >= OLDEST_VERSION
    version = Result(
        "version",
        Verdict.OK if is_new else Verdict.WARNING,
        f"PostgreSQL {row['version']}{'' if is_new else ', which is older than any that Event Hub is tested with'}",
    )
    is_utf8, folds = row["encoding"] == "UTF8", [row["first"], row["second"]] == list(FOLDS.values())
    what = f"{row['encoding']}, {row['collation']}"
    texts = Result("texts", Verdict.OK, f"{what}: letters of every script are kept and folded")
    if not is_utf8 or not folds:
        text = (
            f"{what}: needs UTF8, and a collation (such as C.UTF-8) that knows the small form of É and Ж: "
            "else addresses and names that differ only in case are taken for different ones"
        )
        texts = Result("texts", Verdict.WRONG, text)
    return [version, texts]


# The locale's column is called otherwise in each version.
_FACTS = """
SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
       pg_encoding_to_char(encoding) AS encoding,
       coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale', datctype) AS collation,
       lower($1) AS first, lower($2) AS second
FROM pg_database d WHERE datname = current_database()
"""


class _TakenBack(Exception):
    """Raised to roll back what was written to see whether it can be."""


async def examine_writing(database: Database, actor: Actor) -> Result:
    """Return whether a row can be written: one is, and taken back."""
    try:
        async with database.transaction() as tx:
            await actions.record(tx, actor, "look", "whether a row can be written", {})
            raise _TakenBack
    except _TakenBack:
        return Result("writing", Verdict.OK, "a row can be written")
    except (*UnavailableErrors, asyncpg.PostgresError) as error:
        return Result("writing", Verdict.WRONG, f"no row can be written: {error}")


class Place(NamedTuple):
    """Where the server keeps its data, where it tells that (superusers alone may ask), and whether that is this machine."""

    folder: str | None
    is_here: bool
    size_bytes: int
    now: datetime


async def find_place(queries: Queries) -> Place:
    """Return where the data is, how large, and what time it is there."""
    row = await queries.fetch_one(_PLACE)
    assert row is not None  # noqa: S101 - asked of functions
    return Place(**row)


# Over a socket, or from an address to the same one: the server is on this machine.
_PLACE = """
SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'MEMBER') THEN current_setting('data_directory') END AS folder,
       inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr() AS is_here,
       pg_database_size(current_database()) AS size_bytes, clock_timestamp() AS now
"""
