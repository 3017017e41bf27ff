"""Giving an event another organizer: admins do this when the former one has left or is no organizer any more."""

from typing import Any

from eventhub.database import Queries, Row, Transaction
from eventhub.errors import Invalid
from eventhub.models.facts import FactType
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import OFFLINE
from eventhub.services import facts, locking, notifications, seats
from eventhub.services.access import Right, Viewer, check_may, find_event
from eventhub.services.events.reads import get


async def check_may_hand_over(queries: Queries, viewer: Viewer, event_id: int) -> None:
    """Raise what `hand_over` would raise for anybody but an admin, before anything is locked for it."""
    _check(viewer, await find_event(queries, event_id))


def _check(viewer: Viewer, event: Row | None) -> Row:
    return check_may(viewer, event, Right.HAND_OVER, "Only an admin can hand over an event.")


async def hand_over(tx: Transaction, viewer: Viewer, event_id: int, organizer: int) -> dict[str, Any]:
    """Give an event another organizer, tell both, and return it; it sells again. Whose it is already, it stays.

    The row of the new organizer is locked. Raises Forbidden for everybody but admins, and Invalid unless the new one is an active organizer or admin.
    """
    event = _check(viewer, await locking.lock_event(tx, event_id))
    await _check_organizer(tx, organizer)
    if event["organizer_id"] != organizer:
        await facts.keep_organizer(tx, event_id, event["organizer_id"])
        moved_at = await tx.fetch_value(_HAND_OVER, event_id, organizer)
        tx.record(
            FactType.EVENT_HANDED_OVER,
            event_id,
            event["organizer_id"],
            organizer=organizer,
            former_organizer=event["organizer_id"],
        )
        if event["waiting_count"]:
            seats.enqueue_promotion(tx, event_id)
        # An event may come back to a former organizer, who is then told again.
        key = f"handed_over:{event_id}:{moved_at:%Y%m%dT%H%M%S%f}"
        await _tell(tx, event, organizer, key, f"You are its organizer now.{await _open_tasks(tx, event_id)}")
        await _tell(tx, event, event["organizer_id"], key, "You no longer manage it.")
    return await get(tx, viewer, event_id)


_HAND_OVER = """
UPDATE events SET organizer_id = $2, is_selling = true, updated_at = clock_timestamp() WHERE id = $1 RETURNING updated_at
"""


async def _open_tasks(tx: Transaction, event_id: int) -> str:
    """Say what money the organizer has to look after, if there is any: the one before was told of each."""
    row = await tx.fetch_one(_OPEN_TASKS, event_id, OFFLINE)
    tasks = [
        f"{row[name]} {what if row[name] == 1 else f'{what}s'} {to_do}"
        for name, what, to_do in (
            ("expected", "bank transfer", "under way"),
            ("owed", "refund", "to make by hand"),
        )
        if row is not None and row[name]
    ]
    return f" It has {' and '.join(tasks)}: see its payments." if tasks else ""


_OPEN_TASKS = """
SELECT count(*) FILTER (WHERE p.status = 'pending') AS expected,
       count(*) FILTER (WHERE p.refund_state = 'by_hand') AS owed
FROM payments p JOIN bookings b ON b.id = p.booking_id WHERE b.event_id = $1 AND p.gateway = $2
"""


async def _check_organizer(tx: Transaction, user_id: int) -> None:
    user = await tx.fetch_one("SELECT user_type, is_active FROM users WHERE id = $1", user_id)
    if user is None:
        raise Invalid({"organizer": ["No user with this id exists."]})
    if not user["is_active"]:
        raise Invalid({"organizer": ["This user is deactivated."]})
    if not Viewer(user_id, user["user_type"]).is_organizer:
        raise Invalid({"organizer": ["Must be an organizer or an admin."]})


async def _tell(tx: Transaction, event: Row, user_id: int, key: str, what: str) -> None:
    await notifications.notify(
        tx,
        user_id,
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=key,
        title="Event Handed Over",
        message=f"{event['title']} has been given another organizer. {what}",
        event_id=event["id"],
    )
