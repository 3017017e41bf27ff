"""Every way to take seats and to give them back: each one conditional statement that decides and moves at once."""

from eventhub.database import Row, Transaction
from eventhub.models.jobs import PROMOTE_WAITLIST

# Decides and takes in one statement, so two buyers of the last seat cannot both read that it is free. Seats that the
# line is waiting for are not for sale at the door, and nothing is while the organizer is deactivated. $1 event,
# $2 tickets.
TAKE_FOR_BOOKING = """
UPDATE events SET seats_held = seats_held + $2
WHERE id = $1 AND status = 'published' AND is_selling AND registration_deadline > now()
  AND seats_held + waiting_count + $2 <= max_attendees
"""


async def take_again(tx: Transaction, event_id: int, booking: Row) -> bool:
    """Take the seats of a booking that had expired, for money that was on its way; False where they are not free.

    While registration is open those in line come first. Its owner may be one of them meanwhile: that place is not
    waited for, and ends with the seats as accepted. Whether the event still sells is no matter: what is paid for was
    booked before.
    """
    taken = await tx.fetch_value(
        _TAKE_AGAIN, event_id, booking["number_of_tickets"], booking["user_id"], booking["id"]
    )
    return taken is not None


_TAKE_AGAIN = """
WITH own AS (
    SELECT id FROM waitlist_entries WHERE event_id = $1 AND user_id = $3 AND status = 'waiting'
), taken AS (
    UPDATE events e SET seats_held = e.seats_held + $2, waiting_count = e.waiting_count - mine.places
    FROM (SELECT count(*) AS places FROM own) mine
    WHERE e.id = $1 AND e.status IN ('published', 'ongoing', 'completed')
      AND e.seats_held + $2 + CASE WHEN e.status = 'published' AND e.registration_deadline > now()
                                   THEN e.waiting_count - mine.places ELSE 0 END <= e.max_attendees
    RETURNING e.id
), ended AS (
    UPDATE waitlist_entries SET status = 'accepted', booking_id = $4, ended_at = now()
    WHERE id IN (SELECT id FROM own) AND EXISTS (SELECT FROM taken)
)
SELECT id FROM taken
"""


async def take_for_waitlist(tx: Transaction, event_id: int, tickets: int) -> bool:
    """Take seats for people in line, who come before the door; False where they are not free."""
    return bool(
        await tx.execute(
            "UPDATE events SET seats_held = seats_held + $2 WHERE id = $1 AND status = 'published' AND is_selling "
            "AND registration_deadline > now() AND seats_held + $2 <= max_attendees",
            event_id,
            tickets,
        )
    )


async def take_back(tx: Transaction, event_id: int, tickets: int) -> bool:
    """Take confirmed seats for who was there after all, whose seats had been given back; False where they are not free."""
    return bool(
        await tx.execute(
            # Of an event that is over nobody can raise the number, and who was there was there.
            "UPDATE events SET seats_held = seats_held + $2, seats_confirmed = seats_confirmed + $2, "
            "max_attendees = greatest(max_attendees, seats_held + $2) "
            "WHERE id = $1 AND (seats_held + $2 <= max_attendees OR status = 'completed')",
            event_id,
            tickets,
        )
    )


async def give_back(tx: Transaction, event_id: int, *, held: int, confirmed: int = 0) -> None:
    """Give `held` seats back, of which `confirmed` were confirmed; who is in line gets them, by a job."""
    row = await tx.fetch_one(
        "UPDATE events SET seats_held = seats_held - $2, seats_confirmed = seats_confirmed - $3 "
        "WHERE id = $1 RETURNING waiting_count",
        event_id,
        held,
        confirmed,
    )
    if row is not None and row["waiting_count"]:
        enqueue_promotion(tx, event_id)


def enqueue_promotion(tx: Transaction, event_id: int) -> None:
    """Let a job look at the line of this event after the commit; one queued look is enough."""
    tx.enqueue(PROMOTE_WAITLIST, event_id=event_id)
