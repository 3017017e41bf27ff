"""Jobs of events: what a change means for many people, in bounded chunks."""

from collections.abc import Sequence

from eventhub.models.jobs import CANCEL_EVENT_BOOKINGS, NOTIFY_EVENT_UPDATED
from eventhub.services import events
from eventhub.workers.kinds import does
from eventhub.workers.runner import Run


@does(CANCEL_EVENT_BOOKINGS)
async def cancel_event_bookings(run: Run, event_id: int) -> None:
    async with run.transaction() as tx:
        await events.cancel_bookings(tx, event_id)


@does(NOTIFY_EVENT_UPDATED)
async def notify_event_updated(
    run: Run, event_id: int, after_booking: int, version: int | None, changed: Sequence[str] = events.TOLD_OF
) -> None:
    """Tell attendees what has changed; version 1 of these jobs did not know."""
    async with run.transaction() as tx:
        await events.notify_updated(tx, run.job.id, event_id, after_booking, version, changed)
