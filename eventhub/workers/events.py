"""Jobs of events: what a change means for many people, in bounded chunks."""

import time
from collections.abc import Sequence

from eventhub.models.jobs import CANCEL_EVENT_BOOKINGS, FOLLOW_ORGANIZER, NOTIFY_EVENT_UPDATED, TELL_NEWS
from eventhub.services import events, news
from eventhub.workers.context import JobContext
from eventhub.workers.kinds import handles

CHAIN_SECONDS = 2.0  # that one job goes on with chunks, rather than begin another for each


@handles(CANCEL_EVENT_BOOKINGS)
async def cancel_event_bookings(context: JobContext, event_id: int) -> None:
    """Cancel several chunks, each in a transaction of its own, between which the event's row is free."""
    stop_at = time.monotonic() + CHAIN_SECONDS
    while time.monotonic() < stop_at:
        async with context.database.transaction(event_id) as tx:
            if not await events.cancel_next(tx, event_id):
                break
    async with context.transaction() as tx:
        await events.cancel_bookings(tx, event_id)


@handles(FOLLOW_ORGANIZER)
async def follow_organizer(context: JobContext, user_id: int) -> None:
    async with context.transaction() as tx:
        await events.follow_organizer(tx, user_id)


@handles(TELL_NEWS)
async def tell_news(context: JobContext, event_id: int) -> None:
    async with context.transaction() as tx:
        await news.tell(tx, event_id)


@handles(NOTIFY_EVENT_UPDATED)
async def notify_event_updated(
    context: JobContext,
    event_id: int,
    after_booking: int | None = None,
    version: int | None = None,
    changed: Sequence[str] | None = None,
) -> None:
    """Tell people what has changed; only jobs of the versions before say what, or from which booking on."""
    async with context.transaction() as tx:
        if after_booking is None:
            await events.tell(tx, event_id)
        else:
            await events.tell_as_before(tx, event_id, version or context.job.id, changed)
