"""Every way to take seats, to give them back and to wait for them: only here do the counters of them change.

Those are an event's, its ticket types' and its promo codes'. Each change is one conditional statement that decides and
moves at once, so two buyers of the last seat cannot both read that it is free. One that also looks at ticket types or at a
promo code needs the event's row locked before: having waited for a row, a statement looks again at that row alone.

A ticket is a seat of the event, unless its type is reserved: those types hold their whole capacity all the time.
"""

from collections.abc import Sequence

from eventhub.database import Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus
from eventhub.models.facts import FactType
from eventhub.models.jobs import PROMOTE_WAITLIST

# For the statement that makes bookings, of rows of `asked`, each of an event of its own that is in `open_to`. Seats that
# people on the waitlist are about to get are not for sale, and nothing is while the organizer is deactivated.
TAKE_FOR_BOOKINGS = """
UPDATE events e SET seats_held = e.seats_held + asked.tickets
FROM asked JOIN open_to ON open_to.event = asked.event
WHERE e.id = asked.event AND e.status = 'published' AND e.is_selling AND e.registration_deadline > now()
  AND e.is_standard_on_sale AND e.seats_held + e.waiting_count + asked.tickets <= e.max_attendees
"""
# On which terms tickets are sold: what a booking with lines has read of them before it takes any.
TERMS_OF_EVENT = """
ROW(e.status, e.is_selling, e.registration_deadline, e.is_standard_on_sale, e.standard_ticket, e.price)::text
"""
TERMS_OF_TYPE = """
ROW(t.name, t.price, t.is_open_price, t.is_hidden, t.is_active, t.sales_start, t.sales_end, t.min_per_booking,
    t.max_per_booking)::text
"""
TERMS_OF_CODE = """
ROW(c.kind, c.value, c.ticket_types, c.max_per_booking, c.is_active, c.valid_from, c.valid_until)::text
"""
# For the statement that makes a booking with lines, rows of `line`: all that they take, or nothing. Behind the lock of the
# event. $1 event, $2 seats of its own, $3 user, $4 its terms, $5 promo code or null, $6 its terms, $7 uses.
TAKE_LINES = f"""
e AS (
    UPDATE events e SET seats_held = e.seats_held + $2
    WHERE e.id = $1 AND {TERMS_OF_EVENT} = $4
      AND ($2 = 0 OR e.seats_held + e.waiting_count + $2 <= e.max_attendees)
      AND NOT EXISTS (
          SELECT FROM line LEFT JOIN ticket_types t ON t.id = line.ticket_type WHERE line.ticket_type IS NOT NULL
          AND ({TERMS_OF_TYPE} = line.terms AND (t.seats_held + line.quantity <= t.capacity) IS NOT FALSE) IS NOT TRUE)
      AND ($5::bigint IS NULL OR EXISTS (
          SELECT FROM promo_codes c
          WHERE c.id = $5 AND {TERMS_OF_CODE} = $6 AND (c.uses + $7 <= c.max_uses) IS NOT FALSE))
      AND NOT EXISTS (
          SELECT FROM waitlist_entries w WHERE w.event_id = $1 AND w.user_id = $3 AND w.status = 'waiting')
    RETURNING e.id, e.title, e.currency
), of_types AS (
    UPDATE ticket_types t SET seats_held = t.seats_held + line.quantity FROM line, e WHERE t.id = line.ticket_type
), of_code AS (
    UPDATE promo_codes c SET uses = c.uses + $7 FROM e WHERE c.id = $5
)
"""
# For the statement that confirms bookings, `b`.
CONFIRM = """
UPDATE events e SET seats_confirmed = e.seats_confirmed + own.tickets
FROM (SELECT event_id, sum(number_of_tickets) AS tickets FROM b GROUP BY event_id) AS own WHERE e.id = own.event_id
"""


async def take_again(tx: Transaction, event_id: int, booking: Row) -> bool:
    """Take the seats of a booking that had expired, for money that was on its way; False where they are not free.

    All its lines and the uses of its promo code are taken, or nothing. While registration is open, people on the waitlist
    come first. The booking's owner may be one of them meanwhile: that entry is not waited for, and ends as accepted.
    Whether the event, a type or the code still sells is no matter: what is paid for was booked before.
    """
    taken = await tx.fetch_one(
        _TAKE_LINES_AGAIN if booking["is_itemized"] else _TAKE_AGAIN,
        event_id,
        booking["number_of_tickets"],
        booking["id"],
        booking["user_id"],
    )
    if taken is None:
        return False
    if taken["entry_id"] is not None:
        about = {"waitlist_entry": taken["entry_id"], "booking": booking["id"]}
        tx.record(FactType.WAITLIST_ACCEPTED, event_id, booking["user_id"], **about)
    return True


_OWN_ENTRY = "SELECT id FROM waitlist_entries WHERE event_id = $1 AND user_id = $4 AND status = 'waiting'"
_STILL_WAITING = """CASE WHEN e.status = 'published' AND e.registration_deadline > now()
                                   THEN e.waiting_count - mine.places ELSE 0 END"""
_END_OWN_ENTRY = """
UPDATE waitlist_entries SET status = 'accepted', booking_id = $3, ended_at = now()
WHERE id IN (SELECT id FROM own) AND EXISTS (SELECT FROM taken) RETURNING id
"""
_TAKE_AGAIN = f"""
WITH own AS (
    {_OWN_ENTRY}
), taken AS (
    UPDATE events e SET seats_held = e.seats_held + $2, waiting_count = e.waiting_count - mine.places
    FROM (SELECT count(*) AS places FROM own) mine
    WHERE e.id = $1 AND e.status IN ('published', 'ongoing', 'completed')
      AND e.seats_held + $2 + {_STILL_WAITING} <= e.max_attendees
    RETURNING e.id
), ended AS (
    {_END_OWN_ENTRY}
)
SELECT id, (SELECT id FROM ended) AS entry_id FROM taken
"""
# What the lines of booking $3 with its $2 tickets need of their types, and of the event's seats; `missing` are tickets
# beyond a type's capacity.
_LINES = """
line AS (
    SELECT t.id, t.is_reserved, i.quantity, greatest(t.seats_held + i.quantity - t.capacity, 0) AS missing
    FROM booking_items i JOIN ticket_types t ON t.id = i.ticket_type_id WHERE i.booking_id = $3
), asked AS (
    SELECT $2::int - coalesce(sum(quantity - missing) FILTER (WHERE is_reserved), 0) AS seats,
           coalesce(sum(missing), 0) AS missing
    FROM line
)
"""
_TAKE_LINES_AGAIN = f"""
WITH own AS (
    {_OWN_ENTRY}
), {_LINES}, used AS (
    SELECT c.id, b.promo_uses, c.uses + b.promo_uses > c.max_uses AS is_too_much
    FROM bookings b JOIN promo_codes c ON c.id = b.promo_code_id WHERE b.id = $3
), taken AS (
    UPDATE events e SET seats_held = e.seats_held + asked.seats, waiting_count = e.waiting_count - mine.places
    FROM asked, (SELECT count(*) AS places FROM own) mine
    WHERE e.id = $1 AND e.status IN ('published', 'ongoing', 'completed')
      AND (asked.seats = 0 OR e.seats_held + asked.seats + {_STILL_WAITING} <= e.max_attendees)
      AND asked.missing = 0 AND NOT EXISTS (SELECT FROM used WHERE is_too_much)
    RETURNING e.id
), of_types AS (
    UPDATE ticket_types t SET seats_held = t.seats_held + line.quantity FROM line, taken WHERE t.id = line.id
), of_code AS (
    UPDATE promo_codes c SET uses = c.uses + used.promo_uses FROM used, taken WHERE c.id = used.id
), ended AS (
    {_END_OWN_ENTRY}
)
SELECT id, (SELECT id FROM ended) AS entry_id FROM taken
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


async def take_back(tx: Transaction, event_id: int, booking: Row) -> bool:
    """Take the confirmed seats of a no-show who was there after all; False where they are not free.

    Once an event is over nobody can raise its number or a type's capacity, and whoever was there was there.
    """
    if booking["is_itemized"]:
        taken = await tx.fetch_value(_TAKE_LINES_BACK, event_id, booking["number_of_tickets"], booking["id"])
        return taken is not None
    return bool(
        await tx.execute(
            "UPDATE events SET seats_held = seats_held + $2, seats_confirmed = seats_confirmed + $2, "
            "max_attendees = greatest(max_attendees, seats_held + $2) "
            "WHERE id = $1 AND (seats_held + $2 <= max_attendees OR status = 'completed')",
            event_id,
            booking["number_of_tickets"],
        )
    )


_TAKE_LINES_BACK = f"""
WITH {_LINES}, taken AS (
    UPDATE events e SET seats_held = e.seats_held + asked.seats, seats_confirmed = e.seats_confirmed + $2,
                        max_attendees = greatest(e.max_attendees, e.seats_held + asked.seats)
    FROM asked
    WHERE e.id = $1
      AND (asked.missing = 0 AND e.seats_held + asked.seats <= e.max_attendees OR e.status = 'completed')
    RETURNING e.id
), of_types AS (
    UPDATE ticket_types t SET seats_held = t.seats_held + line.quantity, capacity = t.capacity + line.missing
    FROM line, taken WHERE t.id = line.id
)
SELECT id FROM taken
"""


async def reserve(tx: Transaction, event_id: int, number: int) -> bool:
    """Set so many of the event's seats aside for a reserved ticket type, or False where they are not for sale."""
    return bool(
        await tx.execute(
            # As for a booking: people on the waitlist come first. A draft has seats too.
            "UPDATE events SET seats_held = seats_held + $2 "
            "WHERE id = $1 AND $2 <= max_attendees - seats_held - waiting_count",
            event_id,
            number,
        )
    )


async def unreserve(tx: Transaction, event_id: int, number: int) -> None:
    """Give so many seats back that a reserved ticket type had set aside; a job offers them to people on the waitlist."""
    _promote(tx, event_id, await tx.fetch_value(_GIVE_BACK, event_id, number, 0))


async def give_back(
    tx: Transaction, event_id: int, bookings: Sequence[Row], *, keeps_uses: bool = False
) -> None:
    """Give back what these bookings held, rows as they were before they ended; a job offers it to people on the waitlist.

    That is seats of the event and of ticket types, and the uses of promo codes, unless the bookings are no-shows, which
    keep those.
    """
    held = sum(booking["number_of_tickets"] for booking in bookings)
    confirmed = sum(
        booking["number_of_tickets"] for booking in bookings if booking["status"] == BookingStatus.CONFIRMED
    )
    itemized = [booking["id"] for booking in bookings if booking["is_itemized"]]
    if itemized:
        waiting = await tx.fetch_value(_GIVE_LINES_BACK, event_id, held, confirmed, itemized, keeps_uses)
    else:
        waiting = await tx.fetch_value(_GIVE_BACK, event_id, held, confirmed)
    _promote(tx, event_id, waiting)


def _promote(tx: Transaction, event_id: int, waiting: int | None) -> None:
    if waiting:
        enqueue_promotion(tx, event_id)


_GIVE_BACK = """
UPDATE events SET seats_held = seats_held - $2, seats_confirmed = seats_confirmed - $3
WHERE id = $1 RETURNING waiting_count
"""
_GIVE_LINES_BACK = """
WITH of_types AS (
    UPDATE ticket_types t SET seats_held = t.seats_held - line.tickets
    FROM (SELECT ticket_type_id, sum(quantity) AS tickets FROM booking_items WHERE booking_id = ANY($4::bigint[])
          GROUP BY ticket_type_id) line
    WHERE t.id = line.ticket_type_id RETURNING t.is_reserved, line.tickets
), of_codes AS (
    UPDATE promo_codes c SET uses = c.uses - used.uses
    FROM (SELECT promo_code_id, sum(promo_uses) AS uses FROM bookings WHERE id = ANY($4::bigint[]) AND NOT $5::boolean
          GROUP BY promo_code_id) used
    WHERE c.id = used.promo_code_id
)
UPDATE events SET seats_confirmed = seats_confirmed - $3,
    seats_held = seats_held - ($2 - (SELECT coalesce(sum(tickets), 0) FROM of_types WHERE is_reserved))
WHERE id = $1 RETURNING waiting_count
"""


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
WHERE id = $1 AND status = 'published' AND is_selling AND registration_deadline > now() AND is_standard_on_sale
RETURNING id, title, start_date, end_date, timezone, location, is_online, last_line_number, seats_held < max_attendees AS has_free_seats,
          seats_held + waiting_count < max_attendees AS has_seat_on_sale
"""


async def stop_waiting(tx: Transaction, event_id: int, places: int) -> None:
    """Count so many people less on the waitlist of a locked event, who got no seat."""
    await tx.execute("UPDATE events SET waiting_count = waiting_count - $2 WHERE id = $1", event_id, places)


async def recount(tx: Transaction, event_id: int) -> Row | None:
    """Set the counters of a locked event to what its bookings and its waitlist say; return them before and after."""
    return await tx.fetch_one(_RECOUNT, event_id)


# By event: the seats that pending and confirmed bookings hold beside the reserved types, and those that these types do.
HELD = """
SELECT event_id, sum(number_of_tickets - coalesce(reserved, 0)) AS held,
       sum(number_of_tickets) FILTER (WHERE status = 'confirmed') AS confirmed
FROM bookings b LEFT JOIN (
    SELECT i.booking_id, sum(i.quantity) AS reserved FROM booking_items i JOIN ticket_types t ON t.id = i.ticket_type_id
    WHERE t.is_reserved GROUP BY i.booking_id
) of_types ON of_types.booking_id = b.id
WHERE status IN ('pending', 'confirmed') GROUP BY event_id
"""
SET_ASIDE = "SELECT event_id, sum(capacity) AS seats FROM ticket_types WHERE is_reserved GROUP BY event_id"
_RECOUNT = f"""
WITH was AS (
    SELECT seats_held, seats_confirmed, waiting_count FROM events WHERE id = $1
), taken AS (
    SELECT coalesce(sum(held), 0) AS held, coalesce(sum(confirmed), 0) AS confirmed
    FROM ({HELD}) taken WHERE event_id = $1
), reserved AS (
    SELECT coalesce(sum(seats), 0) AS seats FROM ({SET_ASIDE}) reserved WHERE event_id = $1
), line AS (
    SELECT count(*) AS waiting FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting'
)
UPDATE events e SET seats_held = taken.held + reserved.seats, seats_confirmed = taken.confirmed, waiting_count = line.waiting
FROM was, taken, reserved, line WHERE e.id = $1
RETURNING was.seats_held AS was_seats_held, e.seats_held, was.seats_confirmed AS was_seats_confirmed, e.seats_confirmed,
          was.waiting_count AS was_waiting_count, e.waiting_count
"""


async def recount_type(tx: Transaction, type_id: int) -> Row | None:
    """Set the counter of a locked event's ticket type to what its bookings say; return it before and after."""
    return await tx.fetch_one(_RECOUNT_TYPE, type_id)


_RECOUNT_TYPE = """
UPDATE ticket_types t SET seats_held = (
    SELECT coalesce(sum(i.quantity), 0) FROM booking_items i JOIN bookings b ON b.id = i.booking_id
    WHERE i.ticket_type_id = t.id AND b.status IN ('pending', 'confirmed'))
FROM ticket_types was WHERE t.id = $1 AND was.id = t.id
RETURNING was.seats_held AS was_seats_held, t.seats_held
"""


async def recount_code(tx: Transaction, code_id: int) -> Row | None:
    """Set the uses of a locked event's promo code to what its bookings say; return them before and after."""
    return await tx.fetch_one(_RECOUNT_CODE, code_id)


_RECOUNT_CODE = """
UPDATE promo_codes c SET uses = (
    SELECT coalesce(sum(b.promo_uses), 0) FROM bookings b WHERE b.promo_code_id = c.id AND b.status <> 'cancelled')
FROM promo_codes was WHERE c.id = $1 AND was.id = c.id
RETURNING was.uses AS was_uses, c.uses
"""


def enqueue_promotion(tx: Transaction, event_id: int) -> None:
    """Let a job offer free seats of this event to people on its waitlist; one queued job is enough."""
    tx.enqueue(PROMOTE_WAITLIST, event_id=event_id)
