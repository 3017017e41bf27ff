"""The rows that are locked, and in which order.

Everywhere: people in the order of their ids, then the event's row (of several, in the order of their ids), then bookings,
then payments and waitlist entries, then profiles in the order of their owners' ids; the invoice counter comes last
(docs/architecture.md, "Locks").
"""

from collections.abc import Iterable

from eventhub.database import Queries, Row, Transaction
from eventhub.errors import Conflict, NotFound
from eventhub.models.events import EventStatus
from eventhub.services import access


async def lock_event(tx: Transaction, event_id: int) -> Row | None:
    """Lock the event's row, so that its seats and its waitlist stand still until the commit; None where it is gone."""
    return await tx.fetch_one(f"SELECT {_LOCKED} FROM events e WHERE e.id = $1 FOR NO KEY UPDATE", event_id)


def check_not_over(event: Row, things: str) -> None:
    """Raise Conflict where a locked event is completed or cancelled, so that its `things` no longer change."""
    if event["status"] in {EventStatus.COMPLETED, EventStatus.CANCELLED}:
        raise Conflict(
            f"Event {event['id']} is {event['status']}: its {things} can no longer be changed.",
            code="wrong_state",
        )


async def lock_event_of_booking(tx: Transaction, booking_id: int) -> Row | None:
    """Lock the row of the event that the booking is for; what is read of the booking afterwards is current."""
    return await tx.fetch_one(
        f"SELECT {_LOCKED} FROM events e WHERE e.id = (SELECT event_id FROM bookings WHERE id = $1) FOR NO KEY UPDATE",
        booking_id,
    )


async def lock_payment(tx: Transaction, payment_id: int) -> tuple[Row, Row, Row]:
    """Return (event, booking, payment), locked in this order; `is_held` says whether the booking is pending and held.

    Raises NotFound.
    """
    for locked in await lock_payments(tx, [payment_id]):
        return locked
    raise NotFound


async def lock_payments(
    tx: Transaction, payment_ids: Iterable[int], *, waits: bool = True
) -> list[tuple[Row, Row, Row]]:
    """Return (event, booking, payment) of each payment, locked in this order, as `lock_payment` does.

    One that is gone is left out. So are those for events that somebody holds, unless it `waits`: who wants several events
    does not, and so keeps nobody waiting at one of them for another.
    """
    ids = list(payment_ids)
    events = {row["id"]: row for row in await tx.fetch(_LOCK_EVENTS if waits else _LOCK_FREE_EVENTS, ids)}
    bookings = {row["id"]: row for row in await tx.fetch(_LOCK_BOOKINGS, ids, list(events))}
    payments = await tx.fetch(_LOCK_PAYMENTS, ids, list(bookings))
    return [
        (events[booking["event_id"]], booking, payment)
        for payment in payments
        for booking in (bookings[payment["booking_id"]],)
    ]


async def find_event(queries: Queries, thing: str, thing_id: int) -> int | None:
    """Return the event whose row is locked by what changes a `thing` with this id; None where there is none."""
    if thing == "event":
        return thing_id
    sql = _EVENT_OF.get(thing)
    event_id: int | None = await queries.fetch_value(sql, thing_id) if sql is not None else None
    return event_id


_EVENT_OF = {
    "booking": "SELECT event_id FROM bookings WHERE id = $1",
    "payment": "SELECT b.event_id FROM payments p JOIN bookings b ON b.id = p.booking_id WHERE p.id = $1",
    "promo_code": "SELECT event_id FROM promo_codes WHERE id = $1",
    "review": "SELECT event_id FROM reviews WHERE id = $1",
    "session": "SELECT event_id FROM sessions WHERE id = $1",
    "ticket_type": "SELECT event_id FROM ticket_types WHERE id = $1",
    "waitlist_entry": "SELECT event_id FROM waitlist_entries WHERE id = $1",
}

_LOCKED = f"""
e.id, e.title, e.status, {access.event_columns()}, e.max_attendees, e.seats_held, e.waiting_count, e.price, e.currency,
e.start_date, e.end_date, e.registration_deadline, e.timezone, e.location, e.is_online, e.online_url, e.revision, e.told,
e.terms_changed_at, e.is_selling, e.last_line_number, e.start_date <= now() AS has_started,
e.registration_deadline > now() AS is_before_deadline,
CASE WHEN e.terms_changed_at > now() - interval '7 days' AND e.start_date > now()
     THEN least(e.terms_changed_at + interval '7 days', e.start_date) END AS refunds_until
"""


# An array whose length the planner does not see has one plan for all lengths: it would make one anew each time.
_GIVEN = "ANY(ARRAY(SELECT unnest($1::bigint[])))"
_LOCK_EVENTS = f"""
SELECT {_LOCKED} FROM events e WHERE e.id = ANY(ARRAY(
    SELECT b.event_id FROM payments p JOIN bookings b ON b.id = p.booking_id WHERE p.id = {_GIVEN}))
ORDER BY e.id FOR NO KEY UPDATE
"""
_LOCK_FREE_EVENTS = f"{_LOCK_EVENTS} SKIP LOCKED"
_LOCK_BOOKINGS = f"""
SELECT *, status = 'pending' AND expires_at > now() AS is_held FROM bookings
WHERE id = ANY(ARRAY(SELECT booking_id FROM payments WHERE id = {_GIVEN})) AND event_id = ANY($2::bigint[])
ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_PAYMENTS = f"""
SELECT * FROM payments WHERE id = {_GIVEN} AND booking_id = ANY($2::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""


async def lock_profiles(tx: Transaction, user_ids: Iterable[int]) -> None:
    """Lock these people's totals in the order of their ids, so that no two transactions wait for each other."""
    await tx.execute(_LOCK_PROFILES, list(user_ids))


_LOCK_PROFILES = "SELECT FROM profiles WHERE user_id = ANY($1::bigint[]) ORDER BY user_id FOR NO KEY UPDATE"
