"""The line for an event: first come, first served, by numbers given out on the event's row."""

from dataclasses import replace
from typing import Any

from eventhub import localized
from eventhub.database import IntegrityErrors, Queries, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, Forbidden, NotFound
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus
from eventhub.models.jobs import CLOSE_WAITLIST, CONFIRM_BOOKING, PROMOTE_WAITLIST
from eventhub.models.notifications import NotificationType
from eventhub.models.waitlist import WaitlistStatus
from eventhub.services import bookings, locking, notifications, seats, wording
from eventhub.services.access import Viewer, manages_sql
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    choice,
    fetch_page,
    identifier,
)
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up

# The event's row is held for less than a tenth of a second each time.
PROMOTED_AT_ONCE = 50
CLOSED_AT_ONCE = 200

# 1 is next; NULL once one no longer waits.
_POSITION = """
CASE WHEN w.status = 'waiting' THEN (
    SELECT count(*) FROM waitlist_entries ahead
    WHERE ahead.event_id = w.event_id AND ahead.status = 'waiting' AND ahead.line_number <= w.line_number) END
"""
_COLUMNS = """
w.id, w.event_id AS event, e.title AS event_title, w.user_id AS "user", {name} AS user_name,
{position} AS position, w.joined_at, w.notified_at, w.notified_at IS NOT NULL AS is_notified, w.status
"""

WAITLIST = Listing(
    columns=_COLUMNS.format(name="u.full_name", position=_POSITION),
    source="waitlist_entries w JOIN events e ON e.id = w.event_id JOIN users u ON u.id = w.user_id",
    id="w.id",
    orderings={
        # Entries that no longer wait come last.
        "position": Order(f"coalesce({_POSITION}, {2**62})", "bigint"),
        "joined_at": Order("w.joined_at", "timestamptz", "joined_at"),
        "id": Order("w.id", "bigint", "id"),
    },
    default_ordering="position",
    filters={
        "event": Filter(
            identifier,
            "w.event_id = {}",
            "One event's line: one's own entries, or all where the asker organizes it.",
        ),
        "status": Filter(
            choice(WaitlistStatus),
            "w.status = {}",
            "Entries in this state; without it, those that are waiting or offered.",
        ),
    },
)

# The waiting ones of a page mostly stand one behind the other; if not (`joined_at` has another order where two joined
# at once), the line between the first and the last of them is numbered.
_NUMBERED = """
WITH page AS MATERIALIZED (
    SELECT *, row_number() OVER () AS nth FROM ({}) AS entries
), ends AS (
    SELECT event, min(line_number) AS first, max(line_number) AS last FROM page WHERE status = 'waiting' GROUP BY event
), ahead AS MATERIALIZED (
    SELECT ends.*, (SELECT count(*) FROM waitlist_entries w
                    WHERE w.event_id = event AND w.status = 'waiting' AND w.line_number < first) AS count FROM ends
), numbered AS (
    SELECT w.id, ahead.count + row_number() OVER (ORDER BY w.line_number) AS rank
    FROM ahead JOIN waitlist_entries w
         ON w.event_id = event AND w.status = 'waiting' AND w.line_number BETWEEN first AND last
)
SELECT page.*, numbered.rank FROM page LEFT JOIN numbered USING (id) ORDER BY nth
"""

# In one event's line the numbers given out are in the order of the positions, and cheaper: they need no counting of
# who is ahead, and they stand still while the line moves up between two pages. Who is ahead is counted once a page.
# Names are read for the rows of the page, not for the whole line before it is sorted.
_NAME = "(SELECT full_name FROM users u WHERE u.id = w.user_id)"
_LINE = replace(
    WAITLIST,
    columns=f"{_COLUMNS.format(name=_NAME, position='NULL::bigint')}, w.line_number",
    around=_NUMBERED,
    source="waitlist_entries w JOIN events e ON e.id = w.event_id",
    orderings={
        **WAITLIST.orderings,
        "position": Order(f"CASE WHEN w.status = 'waiting' THEN w.line_number ELSE {2**62} END", "bigint"),
    },
)


async def list_entries(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's entries; with `event`, of the whole line where the viewer manages it.

    Those that have ended are shown where their `status` is asked for.
    """
    open_ones = [] if "status" in request.filters else ["w.status IN ('waiting', 'offered')"]
    if "event" in request.filters:
        page = await fetch_page(
            queries,
            _LINE,
            request,
            params=Params(viewer.id, viewer.user_type),
            where=[f"(w.user_id = $1 OR {manages_sql('$1', '$2')})", *open_ones],
        )
        for row in page.rows:
            row["position"] = row.pop("rank")
            del row["line_number"], row["nth"]
        return page
    where = ["w.user_id = $1", *open_ones]
    return await fetch_page(queries, WAITLIST, request, params=Params(viewer.id), where=where)


async def get(queries: Queries, viewer: Viewer, entry_id: int) -> dict[str, Any]:
    """Return an entry to its owner or the event's organizer. Raises NotFound to all others."""
    row = await queries.fetch_one(
        f"SELECT {WAITLIST.columns} FROM {WAITLIST.source} "
        f"WHERE w.id = $1 AND (w.user_id = $2 OR {manages_sql('$2', '$3')})",
        entry_id,
        viewer.id,
        viewer.user_type,
    )
    if row is None:
        raise NotFound
    return dict(row)


async def join(tx: Transaction, viewer: Viewer, event_id: int, *, hold_seconds: int) -> dict[str, Any]:
    """Put the viewer at the end of the line and return the entry; where the door has a seat, joining is booking there.

    Raises Invalid for an event that the viewer may not see, Conflict where it is closed, or for who holds a booking
    or waits already; at the door also for who holds too much that is not paid.
    """
    # Holds the event's row from here, so that numbers are given out one by one and what is read below stays true.
    event = await tx.fetch_one(_JOIN, event_id)
    if event is None:
        raise await _why_not(tx, viewer, event_id)
    if await tx.fetch_value(_HAS_BOOKED, event_id, viewer.id):
        raise Conflict(f"You have a booking for event {event_id} already.", code="already_booked")
    if event["is_door_open"]:
        return await get(tx, viewer, await _book_at_the_door(tx, viewer, event, hold_seconds))
    try:
        entry_id = await tx.fetch_value(_INSERT, event_id, viewer.id, event["last_line_number"])
    except IntegrityErrors as error:
        if violated_constraint(error) == "waitlist_one_open":
            raise Conflict(f"You are in line for event {event_id} already.", code="already_waiting") from None
        raise
    if event["has_free_seats"]:
        seats.enqueue_promotion(tx, event_id)
    return await get(tx, viewer, entry_id)


# Who could have booked at the door does not wait. The door is open before this exactly where it is afterwards.
_JOIN = """
UPDATE events SET waiting_count = waiting_count + CASE WHEN seats_held + waiting_count < max_attendees THEN 0 ELSE 1 END,
                  last_line_number = last_line_number + 1
WHERE id = $1 AND status = 'published' AND is_selling AND registration_deadline > now()
RETURNING id, title, start_date, end_date, location, is_online, last_line_number, seats_held < max_attendees AS has_free_seats,
          seats_held + waiting_count < max_attendees AS is_door_open
"""
_HAS_BOOKED = (
    "SELECT EXISTS (SELECT FROM bookings WHERE event_id = $1 AND user_id = $2 AND status <> 'cancelled')"
)
_INSERT = """
INSERT INTO waitlist_entries (event_id, user_id, status, line_number, joined_at)
VALUES ($1, $2, 'waiting', $3, now()) RETURNING id
"""


async def _book_at_the_door(tx: Transaction, viewer: Viewer, event: Row, hold_seconds: int) -> int:
    """Return the id of a new entry with a booking already, which has the door's hold and not an offer's.

    Else a seat would be held for as long as an offer lasts, again and again, by who never waited for one.
    """
    booking = await bookings.book(
        tx,
        viewer,
        event=event["id"],
        number_of_tickets=1,
        special_requirements="",
        ttl_seconds=hold_seconds,
    )
    entry = await tx.fetch_one(_INSERT_BOOKED, booking["id"], event["last_line_number"])
    assert entry is not None  # noqa: S101 - the booking was made above
    await _tell_of_seat(tx, event, entry, "was free")
    return int(entry["id"])


# Told at the moment of joining: who gets an offer from the line is told later.
_INSERT_BOOKED = """
WITH b AS (
    SELECT * FROM bookings WHERE id = $1
), entry AS (
    INSERT INTO waitlist_entries (event_id, user_id, booking_id, status, line_number, joined_at, notified_at)
    SELECT event_id, user_id, id, 'offered', $2, now(), now() FROM b RETURNING id, booking_id
)
SELECT entry.id, entry.booking_id, b.user_id, b.total_price, b.expires_at FROM b JOIN entry ON entry.booking_id = b.id
"""


async def _why_not(tx: Transaction, viewer: Viewer, event_id: int) -> Exception:
    event = await tx.fetch_one("SELECT published_at, organizer_id FROM events WHERE id = $1", event_id)
    if event is None or not viewer.sees(event):
        return bookings.no_such_event()
    return bookings.registration_closed(event_id)


async def leave(tx: Transaction, viewer: Viewer, entry_id: int) -> None:
    """Leave the line, or decline what it offered; who left before has left. Raises NotFound, Conflict."""
    entry = await get(tx, viewer, entry_id)
    if entry["user"] != viewer.id:
        raise Forbidden("Only the person in line can leave it.")
    event = await locking.lock_event(tx, entry["event"])
    locked = await tx.fetch_one("SELECT status, booking_id FROM waitlist_entries WHERE id = $1", entry_id)
    if event is None or locked is None:
        raise NotFound
    match locked["status"]:
        case WaitlistStatus.WAITING:
            await tx.execute(
                "UPDATE waitlist_entries SET status = 'left', ended_at = now() WHERE id = $1", entry_id
            )
            await tx.execute("UPDATE events SET waiting_count = waiting_count - 1 WHERE id = $1", event["id"])
        case WaitlistStatus.OFFERED:
            booking = await tx.fetch_one("SELECT * FROM bookings WHERE id = $1", locked["booking_id"])
            if booking is not None and booking["status"] == BookingStatus.PENDING:
                await bookings.release(
                    tx, event, booking, CancelReason.BY_OWNER, entry_status=WaitlistStatus.LEFT
                )
        case WaitlistStatus.ACCEPTED:
            raise Conflict(
                f"Waitlist entry {entry_id} has become a booking: cancel the booking instead.",
                code="already_booked",
            )


async def promote(tx: Transaction, event_id: int, offer_ttl_seconds: int) -> None:
    """Give free seats to the first in line: each gets a pending booking, confirmed by a job where it costs nothing.

    While the event does not sell, the line waits.
    """
    event = await locking.lock_event(tx, event_id)
    if event is None or not event["waiting_count"]:
        return
    if event["status"] != EventStatus.PUBLISHED or not event["is_before_deadline"]:
        tx.enqueue(CLOSE_WAITLIST, event_id=event_id)
        return
    if not event["is_selling"]:
        return
    free = event["max_attendees"] - event["seats_held"]
    promoted = await tx.fetch(_PROMOTE, event_id, min(free, PROMOTED_AT_ONCE), float(offer_ttl_seconds))
    offers = [row for row in promoted if row["booking_id"] is not None]
    await tx.execute(
        "UPDATE events SET waiting_count = waiting_count - $2 WHERE id = $1", event_id, len(promoted)
    )
    if offers:
        if not await seats.take_for_waitlist(tx, event_id, len(offers)):
            raise RuntimeError(f"seats of event {event_id} were taken while its row was locked")
        for offer in offers:
            if offer["total_price"] == 0:
                tx.enqueue(CONFIRM_BOOKING, booking_id=offer["booking_id"])
            await _tell_of_seat(tx, event, offer, "came free")
    if free > len(offers) and event["waiting_count"] > len(promoted) > 0:
        seats.enqueue_promotion(tx, event_id)


# Who holds a booking by now needs no seat from the line: the entry ends as accepted. Who was deactivated has left.
_PROMOTE = """
WITH next AS (
    SELECT w.id, w.user_id, u.is_active FROM waitlist_entries w JOIN users u ON u.id = w.user_id
    WHERE w.event_id = $1 AND w.status = 'waiting'
    ORDER BY w.line_number LIMIT $2
), booked AS (
    INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, currency,
                          special_requirements, registered_at, expires_at)
    SELECT e.id, next.user_id, 'pending', 1, e.price, e.currency, '', now(),
           least(now() + make_interval(secs => $3), e.registration_deadline)
    FROM next JOIN events e ON e.id = $1 WHERE next.is_active
    ON CONFLICT (event_id, user_id) WHERE status <> 'cancelled' DO NOTHING
    RETURNING id, user_id, total_price, expires_at
)
UPDATE waitlist_entries w
SET status = CASE WHEN NOT next.is_active THEN 'left' WHEN booked.id IS NULL THEN 'accepted' ELSE 'offered' END,
    booking_id = booked.id, notified_at = now(), ended_at = CASE WHEN booked.id IS NULL THEN now() END
FROM next LEFT JOIN booked ON booked.user_id = next.user_id
WHERE w.id = next.id
RETURNING w.user_id, booked.id AS booking_id, booked.total_price, booked.expires_at
"""


async def _tell_of_seat(tx: Transaction, event: Row, offer: Row, how: str) -> None:
    until = localized.moment(offer["expires_at"])
    # Who waited may have joined for another day, or another town.
    facts = f"{localized.span(event['start_date'], event['end_date'])}, place: " + wording.where(
        event["location"], is_online=event["is_online"]
    )
    await notifications.notify(
        tx,
        offer["user_id"],
        NotificationType.WAITLIST_AVAILABLE,
        key=f"waitlist_available:{offer['booking_id']}",
        title="A Seat Is Yours",
        message=(
            f"A seat for {event['title']} ({facts}) {how} and is booked for you."
            if offer["total_price"] == 0
            else f"A seat for {event['title']} ({facts}) {how} and is held for you: pay by {until} to keep it."
        ),
        event_id=event["id"],
        booking_id=offer["booking_id"],
    )


async def close(tx: Transaction, event_id: int) -> None:
    """Close the line of an event that no longer takes anybody and tell its people, a bounded number at a time.

    It may fill and close again, where the deadline is put off: who stands in it again is told again.
    """
    event = await locking.lock_event(tx, event_id)
    if event is None or (event["status"] == EventStatus.PUBLISHED and event["is_before_deadline"]):
        return
    rows = await tx.fetch(_CLOSE, event_id, CLOSED_AT_ONCE)
    if not rows:
        return
    await tx.execute(
        "UPDATE events SET waiting_count = waiting_count - $2 WHERE id = $1", event_id, len(rows)
    )
    is_cancelled = event["status"] == EventStatus.CANCELLED
    await notifications.notify_many(
        tx,
        dict.fromkeys(row["user_id"] for row in rows),
        NotificationType.EVENT_CANCELLED if is_cancelled else NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"event_cancelled:{event_id}" if is_cancelled else _closing(event),
        title="Event Cancelled" if is_cancelled else "Waitlist Closed",
        message=(
            f"{event['title']} has been cancelled."
            if is_cancelled
            else f"Registration for {event['title']} has ended, and no seat came free for you."
        ),
        event_id=event_id,
    )
    if len(rows) == CLOSED_AT_ONCE:
        tx.enqueue(CLOSE_WAITLIST, event_id=event_id)


def _closing(event: Row) -> str:
    """Return what tells one closing from the next: who stands in line again has a number that was new since."""
    return f"waitlist_closed:{event['id']}:{event['last_line_number']}"


_CLOSE = """
UPDATE waitlist_entries SET status = 'closed', ended_at = now()
WHERE id IN (SELECT id FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting' ORDER BY line_number LIMIT $2)
RETURNING user_id
"""


async def shorten_offers(tx: Transaction, event_id: int) -> None:
    """Let no offer of a locked event last past its deadline, which has come nearer."""
    await tx.execute(
        "UPDATE bookings b SET expires_at = least(b.expires_at, e.registration_deadline) "
        "FROM events e, waitlist_entries w WHERE e.id = $1 AND b.event_id = e.id AND b.status = 'pending' "
        "AND w.booking_id = b.id AND w.status = 'offered'",
        event_id,
    )


async def move_stalled(tx: Transaction, limit: int = 100) -> int:
    """Let jobs look at lines that could move and that no job looks at; return how many.

    Every change that frees a seat asks for that look. This is for those whose job failed for good or is gone.
    """
    return len(await take_up(tx, _COULD_MOVE, limit))


_COULD_MOVE = Promise(
    PROMOTE_WAITLIST,
    """
    SELECT id AS event_id FROM events
    WHERE waiting_count > 0 AND registration_deadline > now() AND status = 'published' AND is_selling
      AND seats_held < max_attendees
    ORDER BY registration_deadline
    """,
)


async def close_after_deadline(tx: Transaction, limit: int = 100) -> int:
    """Let jobs close lines whose event takes nobody any more; return how many, without those that one looks at."""
    return len(await take_up(tx, _IS_OVER, limit))


_IS_OVER = Promise(
    CLOSE_WAITLIST,
    """
    SELECT id AS event_id FROM events
    WHERE waiting_count > 0 AND (registration_deadline <= now() OR status <> 'published')
    ORDER BY registration_deadline
    """,
)


PERIODIC = (
    PeriodicTask("move waitlists", move_stalled),
    PeriodicTask("close waitlists", close_after_deadline),
)
