"""Whether the database serves, and which processes have been heard of lately. Everything here is read, and cheap."""

from collections.abc import Collection, Mapping

import orjson

from eventhub.database import Queries
from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.services.heartbeat import SILENT_SECONDS


class NotServing(Exception):
    """Raised where a part does not do what it is for; the text says what it lacks."""


async def check_writable(queries: Queries) -> None:
    """Raise NotServing where the database takes no writes, of this session or of the next one."""
    row = await queries.fetch_one(_WRITABLE)
    assert row is not None  # noqa: S101 - asked of functions
    if row["is_standby"]:
        raise NotServing("the database is a standby, which takes no writes")
    if row["is_read_only"] or row["will_be_read_only"]:
        raise NotServing("the database is set to read only (default_transaction_read_only)")


# A setting of the database or of the role shows in new sessions alone, and those of the pool live for long.
_WRITABLE = """
SELECT pg_is_in_recovery() AS is_standby, current_setting('default_transaction_read_only')::boolean AS is_read_only,
       coalesce((SELECT split_part(said, '=', 2)::boolean
                 FROM pg_db_role_setting, unnest(setconfig) AS said
                 WHERE said LIKE 'default_transaction_read_only=%'
                   AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
                   AND setrole IN (0, session_user::regrole)
                 ORDER BY setrole = 0, setdatabase = 0 LIMIT 1), false) AS will_be_read_only
"""


async def live_processes(queries: Queries) -> Mapping[ProcessKind, Collection[str]]:
    """Return the kinds of processes that have been heard of in the last seconds, and the queues that they do."""
    rows = await queries.fetch(_LIVE, SILENT_SECONDS)
    found: dict[ProcessKind, set[str]] = {}
    for row in rows:
        found.setdefault(ProcessKind(row["kind"]), set()).update(orjson.loads(row["queues"]))
    return found


_LIVE = "SELECT kind, queues FROM processes WHERE seen_at > now() - make_interval(secs => $1)"


def check_workers(live: Mapping[ProcessKind, Collection[str]]) -> None:
    """Raise NotServing where a queue has no worker."""
    if missing := [queue for queue in Queue if queue not in live.get(ProcessKind.WORKER, ())]:
        raise NotServing(f"no worker was heard of for {', '.join(missing)}")


def check_clock(live: Mapping[ProcessKind, Collection[str]]) -> None:
    """Raise NotServing where no clock runs."""
    if ProcessKind.CLOCK not in live:
        raise NotServing("no clock was heard of")
