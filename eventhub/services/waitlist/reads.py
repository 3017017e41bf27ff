"""Waitlist entries as the people who wait and the organizers see them."""

from dataclasses import replace
from typing import Any

from eventhub.database import Queries
from eventhub.models.waitlist import WaitlistStatus
from eventhub.services.access import Right, Viewer
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    choice,
    identifier,
)
from eventhub.services.owned_listings import OwnedListing

# 1 is next; NULL for an entry that no longer waits.
_POSITION = """
CASE WHEN w.status = 'waiting' THEN (
    SELECT count(*) FROM waitlist_entries ahead
    WHERE ahead.event_id = w.event_id AND ahead.status = 'waiting' AND ahead.line_number <= w.line_number) END
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
    # Names are read for the rows of a page, not for the whole waitlist before it is sorted.
    columns=(
        'w.id, w.event_id AS event, e.title AS event_title, w.user_id AS "user", '
        "(SELECT full_name FROM users u WHERE u.id = w.user_id) AS user_name, NULL::bigint AS position, w.joined_at, "
        "w.notified_at, w.notified_at IS NOT NULL AS is_notified, w.status, w.line_number"
    ),
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
            "Only entries for the event with this id: all of them if you organize it, otherwise your own.",
        ),
        "status": Filter(
            choice(WaitlistStatus),
            "w.status = {}",
            "Only entries in this state. Without this filter, entries that are waiting or offered.",
        ),
    },
    around=_NUMBERED,
)
# Within one event, the numbers given out are in the order of the positions, and cheaper: nobody has to be counted for
# them, and they stand still while people move up between two pages.
_BY_NUMBER = Order(f"CASE WHEN w.status = 'waiting' THEN w.line_number ELSE {_LAST} END", "bigint")
_OWNED = OwnedListing(WAITLIST, owner="w.user_id", right=Right.PEOPLE)
_OF_EVENT = replace(
    _OWNED, listing=replace(WAITLIST, orderings={**WAITLIST.orderings, "position": _BY_NUMBER})
)


async def list_entries(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's entries; with `event`, of the whole waitlist where the viewer manages the event.

    Entries that have ended are shown where their `status` is asked for.
    """
    owned = _OF_EVENT if "event" in request.filters else _OWNED
    open_ones = [] if "status" in request.filters else ["w.status IN ('waiting', 'offered')"]
    page = await owned.fetch_page(queries, viewer, request, where=open_ones)
    for row in page.rows:
        _show_position(row)
    return page


async def get(queries: Queries, viewer: Viewer, entry_id: int) -> dict[str, Any]:
    """Return an entry to its owner or the event's organizer. Raises NotFound to all others."""
    row = await _OWNED.get(queries, viewer, entry_id, more_columns=f", {_POSITION} AS rank")
    _show_position(row)
    return row


def _show_position(row: dict[str, Any]) -> None:
    row["position"] = row.pop("rank")
    for name in ("line_number", "nth"):
        row.pop(name, None)
