"""Waitlist entries as the people who wait and the organizers see them."""

from dataclasses import replace
from typing import Any

from eventhub.database import Queries
from eventhub.errors import NotFound
from eventhub.models.waitlist import WaitlistStatus
from eventhub.services.access import Viewer, manages_sql
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    choice,
    fetch_page,
    identifier,
)

# 1 is next; NULL for an entry that no longer waits.
_POSITION = """
CASE WHEN w.status = 'waiting' THEN (
    SELECT count(*) FROM waitlist_entries ahead
    WHERE ahead.event_id = w.event_id AND ahead.status = 'waiting' AND ahead.line_number <= w.line_number) END
"""
# Names are read for the rows of a page, not for the whole waitlist before it is sorted.
_COLUMNS = """
w.id, w.event_id AS event, e.title AS event_title, w.user_id AS "user",
(SELECT full_name FROM users u WHERE u.id = w.user_id) AS user_name, {position} AS position, w.joined_at, w.notified_at,
w.notified_at IS NOT NULL AS is_notified, w.status
"""
# Entries that no longer wait come last.
_LAST = 2**62

# Who is ahead is counted once a page and event. The waiting entries of a page mostly stand one behind the other; if not
# (`joined_at` has another order where two joined at once), all between the first and the last of them are numbered.
_NUMBERED = """
WITH page AS MATERIALIZED (
    SELECT *, row_number() OVER () AS nth FROM ({}) AS entries
), ends AS (
    SELECT event, min(line_number) AS first, max(line_number) AS last FROM page WHERE status = 'waiting' GROUP BY event
), ahead AS MATERIALIZED (
    SELECT ends.*, (SELECT count(*) FROM waitlist_entries w
                    WHERE w.event_id = event AND w.status = 'waiting' AND w.line_number < first) AS count FROM ends
), numbered AS (
    SELECT w.id, ahead.count + row_number() OVER (PARTITION BY w.event_id ORDER BY w.line_number) AS rank
    FROM ahead JOIN waitlist_entries w
         ON w.event_id = event AND w.status = 'waiting' AND w.line_number BETWEEN first AND last
)
SELECT page.*, numbered.rank FROM page LEFT JOIN numbered USING (id) ORDER BY nth
"""

WAITLIST = Listing(
    columns=f"{_COLUMNS.format(position='NULL::bigint')}, w.line_number",
    source="waitlist_entries w JOIN events e ON e.id = w.event_id",
    id="w.id",
    orderings={
        "position": Order(f"coalesce({_POSITION}, {_LAST})", "bigint"),
        "joined_at": Order("w.joined_at", "timestamptz", "joined_at"),
        "id": Order("w.id", "bigint", "id"),
    },
    default_ordering="position",
    filters={
        "event": Filter(
            identifier,
            "w.event_id = {}",
            "One event's waitlist: one's own entries, or all of them for its organizer.",
        ),
        "status": Filter(
            choice(WaitlistStatus),
            "w.status = {}",
            "Entries in this state; without it, those that are waiting or offered.",
        ),
    },
    around=_NUMBERED,
)
# Within one event, the numbers given out are in the order of the positions, and cheaper: nobody has to be counted for
# them, and they stand still while people move up between two pages.
_BY_NUMBER = Order(f"CASE WHEN w.status = 'waiting' THEN w.line_number ELSE {_LAST} END", "bigint")
_OF_EVENT = replace(WAITLIST, orderings={**WAITLIST.orderings, "position": _BY_NUMBER})


async def list_entries(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's entries; with `event`, of the whole waitlist where the viewer manages the event.

    Entries that have ended are shown where their `status` is asked for.
    """
    where = [] if "status" in request.filters else ["w.status IN ('waiting', 'offered')"]
    if "event" in request.filters:
        listing, params = _OF_EVENT, Params(viewer.id, viewer.user_type)
        where.append(f"(w.user_id = $1 OR {manages_sql('$1', '$2')})")
    else:
        listing, params = WAITLIST, Params(viewer.id)
        where.append("w.user_id = $1")
    page = await fetch_page(queries, listing, request, params=params, where=where)
    for row in page.rows:
        row["position"] = row.pop("rank")
        del row["line_number"], row["nth"]
    return page


async def get(queries: Queries, viewer: Viewer, entry_id: int) -> dict[str, Any]:
    """Return an entry to its owner or the event's organizer. Raises NotFound to all others."""
    row = await queries.fetch_one(
        f"SELECT {_COLUMNS.format(position=_POSITION)} FROM {WAITLIST.source} "
        f"WHERE w.id = $1 AND (w.user_id = $2 OR {manages_sql('$2', '$3')})",
        entry_id,
        viewer.id,
        viewer.user_type,
    )
    if row is None:
        raise NotFound
    return dict(row)
