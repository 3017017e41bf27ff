"""Jobs of the waitlist."""

from eventhub.models.jobs import CLOSE_WAITLIST, PROMOTE_WAITLIST
from eventhub.services import waitlist
from eventhub.workers.context import JobContext
from eventhub.workers.kinds import handles


@handles(PROMOTE_WAITLIST)
async def promote_waitlist(context: JobContext, event_id: int) -> None:
    async with context.transaction() as tx:
        await waitlist.promote(tx, event_id, offer_ttl_seconds=context.settings.waitlist_offer_ttl_seconds)


@handles(CLOSE_WAITLIST)
async def close_waitlist(context: JobContext, event_id: int) -> None:
    async with context.transaction() as tx:
        await waitlist.close(tx, event_id)
