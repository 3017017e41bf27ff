"""What an organizer sets for an event beside its details."""

from collections.abc import Mapping
from typing import Any

from eventhub.database import Now, Queries, Row, Transaction
from eventhub.models.events import Event, OrganizerNews
from eventhub.models.facts import FactType
from eventhub.services import access, locking, news
from eventhub.services.access import Right, Viewer

_READ = f"""
SELECT {access.event_columns()}, e.timezone, e.standard_ticket, e.is_standard_on_sale, e.organizer_news
FROM events e WHERE e.id = $1
"""
_NAMES = ("timezone", "standard_ticket", "is_standard_on_sale", "organizer_news")


async def get(queries: Queries, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Return an event's settings to those who may edit it. Raises NotFound and Forbidden as a change of the event does."""
    row = _check(viewer, await queries.fetch_one(_READ, event_id))
    return {name: row[name] for name in _NAMES}


def _check(viewer: Viewer, event: Row | None) -> Row:
    detail = "Only the event's organizer can see and change its settings."
    return access.check_may(viewer, event, Right.EDIT, detail)


async def update(
    tx: Transaction, viewer: Viewer, event_id: int, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Change an event's settings and return them. Raises Conflict for a cancelled or completed event.

    Nobody is told of another time zone: the event's times are what they were.
    """
    event = _check(viewer, await locking.lock_event(tx, event_id))
    locking.check_not_over(event, "settings")
    before = await get(tx, viewer, event_id)
    changed = {name: value for name, value in changes.items() if value != before[name]}
    if changed:
        await Event.filter(id=event_id).update(**changed, updated_at=Now())
        tx.record(FactType.EVENT_UPDATED, event_id, changed=sorted(changed))
    if changed.get("organizer_news") == OrganizerNews.NONE:
        await news.drop(tx, event_id)
    return {**before, **changed}
