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
    booking_id = await tx.fetch_value("SELECT booking_id FROM payments WHERE id = $1", payment_id)
    event = await lock_event_of_booking(tx, booking_id) if booking_id is not None else None
    if event is None:
        raise NotFound
    booking = await tx.fetch_one(
        "SELECT *, status = 'pending' AND expires_at > now() AS is_held FROM bookings WHERE id = $1 "
        "FOR NO KEY UPDATE",
        booking_id,
    )
    payment = await tx.fetch_one("SELECT * FROM payments WHERE id = $1 FOR NO KEY UPDATE", payment_id)
    if booking is None or payment is None:
        raise NotFound
    return event, booking, payment


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


async def lock_profiles(tx: Transaction, user_ids: Iterable[int]) -> None:
    """Lock these people's totals in the order of their ids, so that no two transactions wait for each other."""
    await tx.execute(_LOCK_PROFILES, list(user_ids))


_LOCK_PROFILES = "SELECT FROM profiles WHERE user_id = ANY($1::bigint[]) ORDER BY user_id FOR NO KEY UPDATE"
