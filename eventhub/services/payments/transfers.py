"""Money that moves outside of Event Hub: a transfer, which people see come and send back."""

from eventhub.database import Transaction

OFFLINE = "offline"  # the gateway of money that moves outside of Event Hub


async def shorten_transfers(tx: Transaction, event_id: int) -> None:
    """Let no transfer hold a booking of a locked event past its deadline, which has come nearer."""
    await tx.execute(
        "UPDATE payments p SET wait_until = least(p.wait_until, e.registration_deadline) FROM bookings b, events e "
        "WHERE e.id = $1 AND b.event_id = e.id AND b.status = 'pending' AND p.booking_id = b.id "
        "AND p.status = 'pending' AND p.gateway = $2",
        event_id,
        OFFLINE,
    )
