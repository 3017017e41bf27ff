"""Waitlists are closed once their event takes nobody any more."""

from eventhub.database import Row, Transaction
from eventhub.models.events import EventStatus
from eventhub.models.facts import FactType
from eventhub.models.jobs import CLOSE_WAITLIST
from eventhub.models.notifications import NotificationType
from eventhub.services import locking, notifications, seats
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up

CLOSED_AT_ONCE = 200  # the event's row is held for less than a tenth of a second


async def close(tx: Transaction, event_id: int) -> None:
    """Close the waitlist of an event that no longer takes anybody and tell its people, a bounded number at a time.

    It may fill and close again where the deadline is put off: people who wait again are told again.
    """
    event = await locking.lock_event(tx, event_id)
    if event is None or (event["status"] == EventStatus.PUBLISHED and event["is_before_deadline"]):
        return
    rows = await tx.fetch(_CLOSE, event_id, CLOSED_AT_ONCE)
    if not rows:
        return
    await seats.stop_waiting(tx, event_id, len(rows))
    for row in rows:
        tx.record(FactType.WAITLIST_CLOSED, event_id, row["user_id"], waitlist_entry=row["id"])
    is_cancelled = event["status"] == EventStatus.CANCELLED
    await notifications.notify_many(
        tx,
        dict.fromkeys(row["user_id"] for row in rows),
        NotificationType.EVENT_CANCELLED if is_cancelled else NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"event_cancelled:{event_id}" if is_cancelled else _closing(event),
        title="Event Cancelled" if is_cancelled else "Waitlist Closed",
        message=(
            f"{event['title']} has been cancelled."
            if is_cancelled
            else f"Registration for {event['title']} has ended, and no seat came free for you."
        ),
        event_id=event_id,
    )
    if len(rows) == CLOSED_AT_ONCE:
        tx.enqueue(CLOSE_WAITLIST, event_id=event_id)


def _closing(event: Row) -> str:
    """Return what tells one closing from the next: people who join again have got new numbers since."""
    return f"waitlist_closed:{event['id']}:{event['last_line_number']}"


_CLOSE = """
UPDATE waitlist_entries SET status = 'closed', ended_at = now()
WHERE id IN (SELECT id FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting' ORDER BY line_number LIMIT $2)
RETURNING id, user_id
"""


async def close_after_deadline(tx: Transaction, limit: int = 100) -> int:
    """Let jobs close the waitlists of events that take nobody any more, where no job is about to; return how many."""
    return len(await take_up(tx, _IS_OVER, limit))


_IS_OVER = Promise(
    CLOSE_WAITLIST,
    """
    SELECT id AS event_id FROM events
    WHERE waiting_count > 0 AND (registration_deadline <= now() OR status <> 'published')
    ORDER BY registration_deadline
    """,
)
PERIODIC = (PeriodicTask("close waitlists", close_after_deadline, promises=(_IS_OVER,)),)
