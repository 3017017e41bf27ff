"""Jobs of the waitlist."""

from eventhub.models.jobs import CLOSE_WAITLIST, PROMOTE_WAITLIST
from eventhub.services import waitlist
from eventhub.workers.kinds import does
from eventhub.workers.runner import JobContext


@does(PROMOTE_WAITLIST)
async def promote_waitlist(context: JobContext, event_id: int) -> None:
    async with context.transaction() as tx:
        await waitlist.promote(tx, event_id, offer_ttl_seconds=context.settings.waitlist_offer_ttl_seconds)


@does(CLOSE_WAITLIST)
async def close_waitlist(context: JobContext, event_id: int) -> None:
    async with context.transaction() as tx:
        await waitlist.close(tx, event_id)
