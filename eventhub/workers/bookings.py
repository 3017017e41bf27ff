"""Jobs of bookings."""

from eventhub.models.jobs import CONFIRM_BOOKING, EXPIRE_BOOKING
from eventhub.services import bookings
from eventhub.workers.context import JobContext
from eventhub.workers.kinds import handles


@handles(CONFIRM_BOOKING)
async def confirm_booking(context: JobContext, booking_id: int) -> None:
    async with context.transaction() as tx:
        await bookings.confirm_free(tx, booking_id)


@handles(EXPIRE_BOOKING)
async def expire_booking(context: JobContext, booking_id: int) -> None:
    async with context.transaction() as tx:
        await bookings.expire(tx, booking_id)
