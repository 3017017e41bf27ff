"""Every way to take seats, to give them back and to wait for them: only here do an event's counters of them change.

Each is one conditional statement that decides and moves at once, so two buyers of the last seat cannot both read that it
is free.
"""

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.jobs import PROMOTE_WAITLIST

# For the statement that makes a booking. Seats that people on the waitlist are about to get are not for sale, and nothing
# is while the organizer is deactivated. $1 event, $2 tickets.
TAKE_FOR_BOOKING = """
UPDATE events SET seats_held = seats_held + $2
WHERE id = $1 AND status = 'published' AND is_selling AND registration_deadline > now()
  AND seats_held + waiting_count + $2 <= max_attendees
"""
# For the statement that confirms a booking, `b`.
CONFIRM = "UPDATE events e SET seats_confirmed = e.seats_confirmed + b.number_of_tickets FROM b WHERE e.id = b.event_id"


async def take_again(tx: Transaction, event_id: int, booking: Row) -> bool:
    """Take the seats of a booking that had expired, for money that was on its way; False where they are not free.

    While registration is open, people on the waitlist come first. The booking's owner may be one of them meanwhile: that
    entry is not waited for, and ends as accepted. Whether the event still sells is no matter: what is paid for was booked
    before.
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


async def take_for_waitlist(tx: Transaction, event_id: int, tickets: int, *, places: int) -> bool:
    """Take seats for people on the waitlist, of whom so many wait no longer; False where the seats are not free."""
    return bool(
        await tx.execute(
            "UPDATE events SET seats_held = seats_held + $2, waiting_count = waiting_count - $3 "
            "WHERE id = $1 AND status = 'published' AND is_selling "
            "AND registration_deadline > now() AND seats_held + $2 <= max_attendees",
            event_id,
            tickets,
            places,
        )
    )


async def take_back(tx: Transaction, event_id: int, tickets: int) -> bool:
    """Take the confirmed seats of a no-show who was there after all; False where they are not free."""
    return bool(
        await tx.execute(
            # Once an event is over nobody can raise its number, and whoever was there was there.
            "UPDATE events SET seats_held = seats_held + $2, seats_confirmed = seats_confirmed + $2, "
            "max_attendees = greatest(max_attendees, seats_held + $2) "
            "WHERE id = $1 AND (seats_held + $2 <= max_attendees OR status = 'completed')",
            event_id,
            tickets,
        )
    )


async def give_back(tx: Transaction, event_id: int, *, held: int, confirmed: int = 0) -> None:
    """Give `held` seats back, of which `confirmed` were confirmed; a job offers them to people on the waitlist."""
    row = await tx.fetch_one(
        "UPDATE events SET seats_held = seats_held - $2, seats_confirmed = seats_confirmed - $3 "
        "WHERE id = $1 RETURNING waiting_count",
        event_id,
        held,
        confirmed,
    )
    if row is not None and row["waiting_count"]:
        enqueue_promotion(tx, event_id)


def check_capacity(event: Row, max_attendees: int) -> None:
    """Raise Conflict for fewer seats than a locked event has taken."""
    if max_attendees < event["seats_held"]:
        raise Conflict(
            f"Event {event['id']} has {event['seats_held']} seats taken: max_attendees cannot be {max_attendees}.",
            code="seats_taken",
        )


async def take_waitlist_number(tx: Transaction, event_id: int) -> Row | None:
    """Return the event with the next number of its waitlist, `last_line_number`; None where registration is closed.

    While a seat is on sale (`has_seat_on_sale`, the same before and after this), whoever joins books it and does not wait.
    """
    return await tx.fetch_one(_TAKE_NUMBER, event_id)


_TAKE_NUMBER = """
UPDATE events SET waiting_count = waiting_count + CASE WHEN seats_held + waiting_count < max_attendees THEN 0 ELSE 1 END,
                  last_line_number = last_line_number + 1
WHERE id = $1 AND status = 'published' AND is_selling AND registration_deadline > now()
RETURNING id, title, start_date, end_date, timezone, location, is_online, last_line_number, seats_held < max_attendees AS has_free_seats,
          seats_held + waiting_count < max_attendees AS has_seat_on_sale
"""


async def stop_waiting(tx: Transaction, event_id: int, places: int) -> None:
    """Count so many people less on the waitlist of a locked event, who got no seat."""
    await tx.execute("UPDATE events SET waiting_count = waiting_count - $2 WHERE id = $1", event_id, places)


async def recount(tx: Transaction, event_id: int) -> Row | None:
    """Set the counters of a locked event to what its bookings and its waitlist say; return them before and after."""
    return await tx.fetch_one(_RECOUNT, event_id)


_RECOUNT = """
WITH was AS (
    SELECT seats_held, seats_confirmed, waiting_count FROM events WHERE id = $1
), taken AS (
    SELECT coalesce(sum(number_of_tickets), 0) AS held,
           coalesce(sum(number_of_tickets) FILTER (WHERE status = 'confirmed'), 0) AS confirmed
    FROM bookings WHERE event_id = $1 AND status IN ('pending', 'confirmed')
), line AS (
    SELECT count(*) AS waiting FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting'
)
UPDATE events e SET seats_held = taken.held, seats_confirmed = taken.confirmed, waiting_count = line.waiting
FROM was, taken, line WHERE e.id = $1
RETURNING was.seats_held AS was_seats_held, e.seats_held, was.seats_confirmed AS was_seats_confirmed, e.seats_confirmed,
          was.waiting_count AS was_waiting_count, e.waiting_count
"""


def enqueue_promotion(tx: Transaction, event_id: int) -> None:
    """Let a job offer free seats of this event to people on its waitlist; one queued job is enough."""
    tx.enqueue(PROMOTE_WAITLIST, event_id=event_id)
