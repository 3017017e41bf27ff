"""Attendees reminded of an event's start, and asked afterwards how it was: in bounded chunks, by jobs."""

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.events import OPEN_EVENTS, EventStatus, Owed
from eventhub.models.notifications import NotificationType
from eventhub.services import notifications, owed
from eventhub.services.periodic import PeriodicTask

REMINDER_HOURS = 24


async def remind_due(tx: Transaction, limit: int = 200) -> int:
    """Let jobs remind the attendees of events that start within a day, once per start; return of how many events."""
    rows = await tx.fetch(_REMIND, REMINDER_HOURS, limit, Owed.REMINDER.value)
    for row in rows:
        owed.go_on(tx, row["id"], Owed.REMINDER)
    return len(rows)


_REMIND = """
UPDATE events SET reminded_for = start_date, owed = array_append(array_remove(owed, $3::text), $3::text)
WHERE id IN (SELECT id FROM events WHERE status = 'published' AND start_date > now()
             AND start_date <= now() + make_interval(hours => $1) AND reminded_for IS DISTINCT FROM start_date
             ORDER BY start_date LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""
PERIODIC = (PeriodicTask("remind", remind_due),)


async def remind(tx: Transaction, event_id: int, after_booking: int = 0) -> None:
    """Remind the next confirmed attendees of an event's start; enqueues the rest.

    A start that has moved or come is no matter: where it has moved, the clock owes another reminder in its time.
    """
    event = await tx.fetch_one(
        "SELECT id, title, status, start_date, timezone, reminded_for = start_date AND start_date > now() AS is_due "
        "FROM events WHERE id = $1 FOR NO KEY UPDATE",
        event_id,
    )
    if event is None:
        return
    if event["status"] not in OPEN_EVENTS or not event["is_due"]:
        await owed.settle(tx, event_id, Owed.REMINDER)
        return
    await _tell_attendees(
        tx,
        event,
        Owed.REMINDER,
        after_booking,
        NotificationType.EVENT_REMINDER,
        key=f"event_reminder:{event_id}:{event['start_date']:%Y%m%dT%H%M%S}",
        title="Event Reminder",
        message=f"{event['title']} starts at {localized.moment(event['start_date'], event['timezone'])}.",
    )


async def survey(tx: Transaction, event_id: int, after_booking: int = 0) -> None:
    """Ask the next attendees of a completed event how it was; enqueues the rest."""
    event = await tx.fetch_one("SELECT id, title, status FROM events WHERE id = $1", event_id)
    if event is None:
        return
    if event["status"] != EventStatus.COMPLETED:
        await owed.settle(tx, event_id, Owed.SURVEY)
        return
    await _tell_attendees(
        tx,
        event,
        Owed.SURVEY,
        after_booking,
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"survey:{event_id}",
        title="How Was It?",
        message=f"Thank you for coming to {event['title']}. Tell others how it was: write a review.",
    )


async def _tell_attendees(
    tx: Transaction,
    event: Row,
    work: Owed,
    after_booking: int,
    kind: NotificationType,
    *,
    key: str,
    title: str,
    message: str,
) -> None:
    """Tell the next confirmed attendees after this booking what they have not been told, each with their booking."""

    async def tell(rows: list[Row]) -> None:
        await notifications.notify_many(
            tx,
            {row["user_id"]: row["id"] for row in rows},
            kind,
            key=key,
            title=title,
            message=message,
            event_id=event["id"],
        )

    await owed.do_chunk(tx, event["id"], work, after_booking, _NOT_TOLD, key, do=tell)


# OFFSET keeps the planner from looking at all that was told of the event for each chunk.
_NOT_TOLD = """
SELECT id, user_id FROM bookings b WHERE event_id = $1 AND status = 'confirmed' AND id > $2
  AND NOT EXISTS (SELECT FROM notifications n WHERE n.user_id = b.user_id AND n.key = $4 OFFSET 0)
ORDER BY id LIMIT $3
"""
