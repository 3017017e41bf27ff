"""The log of facts as people read it: whose they see, and what comes after a number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from eventhub.database import Queries, Row
from eventhub.errors import Gone, Invalid
from eventhub.models.facts import FactType
from eventhub.services import access
from eventhub.services.access import Right, Viewer

# With `types`, for one answer: what is looked for may be rare.
LOOKED_AT = 5000


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose facts: those that have `value` in `column`; without a column all that there are."""

    column: str = ""
    value: int = 0


COLUMNS = ("user_id", "event_id", "organizer_id")


@dataclass(frozen=True)
class Changes:
    """Facts in the order of their numbers: all that there are up to `reached`; `last` is the last number there is."""

    rows: Sequence[Mapping[str, Any]]
    reached: int
    last: int


class CursorExpired(Gone):
    """Raised when facts behind a number are not kept any more: who reads on from it would miss them."""

    code = "cursor_expired"


def scope_of(viewer: Viewer, *, event: int | None, is_organized: bool, is_all: bool) -> Scope:
    """Return whose facts are asked for: one's own unless something else is. Raises Invalid where two are."""
    asked = {"event": event is not None, "organized": is_organized, "all": is_all}
    names = [name for name, is_asked in asked.items() if is_asked]
    if len(names) > 1:
        raise Invalid({name: ["Give one of event, organized and all."] for name in names})
    if event is not None:
        return Scope("event_id", event)
    if is_organized:
        return Scope("organizer_id", viewer.id)
    return Scope() if is_all else Scope("user_id", viewer.id)


async def check_scope(queries: Queries, viewer: Viewer, scope: Scope) -> None:
    """Raise NotFound or Forbidden where the viewer may not read these facts."""
    event = await access.find_event(queries, scope.value) if scope.column == "event_id" else None
    check_rights(viewer, scope, event)


def check_rights(viewer: Viewer, scope: Scope, event: Row | None) -> None:
    """Raise the same, going by the row of the scope's event. Facts tell of people and of money."""
    match scope.column:
        case "event_id":
            for right in (Right.PEOPLE, Right.MONEY):
                access.check_may(
                    viewer, event, right, "Only those who manage an event can see what changes in it."
                )
        case "organizer_id":
            access.require(viewer.is_organizer, "Only organizers can see what changes in their events.")
        case "":
            access.require(viewer.is_admin, "Only admins can see all changes.")


async def read(
    queries: Queries, scope: Scope, *, after: int | None, limit: int, types: Sequence[FactType] | None = None
) -> Changes:
    """Return up to `limit` facts behind the number `after`; without one, from the oldest that is kept.

    All is one snapshot, so an empty answer has missed nothing up to what it `reached`. Raises CursorExpired, and Invalid
    for a number that was never given.
    """
    looked_at = limit if types is None else max(limit, LOOKED_AT)
    given = (scope.value,) if scope.column else ()
    found = await queries.fetch(_READ[scope.column], after or 0, looked_at, types, limit, *given)
    last, reached = found[0]["last"], found[0]["looked_to"]
    if after is not None and after > last:
        raise Invalid({"after": [f"Must be a number that was given out: at most {last}."]})
    if after is not None and not found[0]["is_kept"]:
        oldest = await queries.fetch_value(_OLDEST)
        raise CursorExpired(
            f"What happened after number {after} is not all kept any more: the oldest that is has number {oldest}. "
            "Read your data anew, then read on without `after`."
        )
    rows = [as_change(row) for row in found if row["seq"] is not None]
    if len(rows) == limit:
        reached = rows[-1]["seq"]
    return Changes(rows, last if reached is None else reached, last)


async def last_number(queries: Queries) -> int:
    """Return the last number that was given out."""
    number: int = await queries.fetch_value("SELECT seq FROM fact_cursors WHERE name = 'numbered'")
    return number


def as_change(row: Row) -> dict[str, Any]:
    """Return a fact as it is shown."""
    return {
        "seq": row["seq"],
        "id": f"fact_{row['id']}",
        "type": row["type"],
        "timestamp": row["occurred_at"],
        "event": row["event_id"],
        "actor": row["actor_id"],
        "data": orjson.loads(row["data"]),
    }


# Numbers have no gap, and the first go first: what comes after a number is whole where the next one is there.
def _read_sql(condition: str) -> str:
    return f"""
WITH looked AS MATERIALIZED (
    SELECT seq, id, type, occurred_at, event_id, actor_id, data FROM facts
    WHERE seq > $1 AND {condition} ORDER BY seq LIMIT $2
), found AS (
    SELECT * FROM looked WHERE $3::text[] IS NULL OR type = ANY($3) ORDER BY seq LIMIT $4
)
SELECT last.seq AS last, (SELECT CASE WHEN count(*) = $2 THEN max(seq) END FROM looked) AS looked_to,
       $1 = last.seq OR EXISTS (SELECT FROM facts WHERE seq = $1 + 1) AS is_kept, found.*
FROM (SELECT seq FROM fact_cursors WHERE name = 'numbered') AS last LEFT JOIN found ON true ORDER BY found.seq
"""


_READ = {column: _read_sql(f"{column} = $5" if column else "true") for column in ("", *COLUMNS)}
_OLDEST = """
SELECT coalesce((SELECT seq FROM facts WHERE seq IS NOT NULL ORDER BY seq LIMIT 1),
                (SELECT seq + 1 FROM fact_cursors WHERE name = 'numbered'))
"""


async def read_numbered(queries: Queries, *, after: int, limit: int) -> list[Row]:
    """Return up to `limit` of everybody's facts behind the number `after`, in their order, with all their columns."""
    return await queries.fetch("SELECT * FROM facts WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
