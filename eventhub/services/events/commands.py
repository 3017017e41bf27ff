"""What organizers do with their events, and what the clock does with them at their times."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from eventhub.database import Now, Queries, Row, Transaction
from eventhub.errors import Conflict, Invalid
from eventhub.models.events import EVENT_MOVES, OPEN_EVENTS, Event, EventStatus, Owed
from eventhub.models.facts import FactType
from eventhub.models.jobs import CLOSE_WAITLIST
from eventhub.models.waitlist import WaitlistStatus
from eventhub.services import facts, locking, owed, payments, prices, seats, waitlist
from eventhub.services.access import Right, Viewer, check_may, find_event, require
from eventhub.services.events import changes as event_changes
from eventhub.services.events.reads import get
from eventhub.services.periodic import PeriodicTask
from eventhub.services.ports.payments import PaymentGateway
from eventhub.services.ports.storage import Replacement
from eventhub.services.times import check_years


def check_may_create(viewer: Viewer) -> None:
    """Raise Forbidden for attendees."""
    require(viewer.is_organizer, "Only organizers can create events.")


async def create(
    tx: Transaction,
    viewer: Viewer,
    details: Mapping[str, Any],
    cover: Replacement | None = None,
    *,
    currency: str,
    timezone: str = "UTC",
    gateways: Collection[PaymentGateway] = (),
) -> dict[str, Any]:
    """Make a draft with its price in `currency`, for good, and return it; its times are printed in `timezone`.

    Raises Forbidden for attendees, Invalid for dates out of order and for a price that none of `gateways` takes.
    """
    check_may_create(viewer)
    check_years(details)
    details = {
        "registration_deadline": details["start_date"],
        **details,
        "currency": currency,
        "timezone": timezone,
    }
    _check_dates(details)
    prices.check(details.get("price", Decimal(0)), currency, gateways)
    if cover is not None:
        details["cover_image"] = cover.name
    now = datetime.now(UTC)
    event = await Event.create(organizer_id=viewer.id, created_at=now, updated_at=now, **details)
    tx.record(FactType.EVENT_CREATED, event.id)
    return await get(tx, viewer, event.id)


def _check_dates(event: Mapping[str, datetime]) -> None:
    errors = {}
    if event["start_date"] >= event["end_date"]:
        errors["end_date"] = ["Must be after start_date."]
    if event["registration_deadline"] > event["start_date"]:
        errors["registration_deadline"] = ["Must not be after start_date."]
    if errors:
        raise Invalid(errors)


async def _lock_managed(tx: Transaction, viewer: Viewer, event_id: int) -> Row:
    """Return the locked event to those who manage it. To others it raises NotFound for a draft, Forbidden for a public event."""
    return _managed(viewer, await locking.lock_event(tx, event_id))


async def check_managed(queries: Queries, viewer: Viewer, event_id: int) -> None:
    """Raise what a change of the event would, before anything costly is done for it."""
    _managed(viewer, await find_event(queries, event_id))


def _managed(viewer: Viewer, event: Row | None) -> Row:
    return check_may(viewer, event, Right.EDIT, "Only the event's organizer can do this.")


async def update(
    tx: Transaction,
    viewer: Viewer,
    event_id: int,
    changes: Mapping[str, Any],
    cover: Replacement | None = None,
    *,
    gateways: Collection[PaymentGateway] = (),
) -> dict[str, Any]:
    """Change an event and return it; the people of a public one are told of new times, place or link, by a job.

    Raises Conflict for a cancelled or completed event, for a public one whose times would move into the past or whose
    start has passed and would move, and for fewer seats than are held; Invalid for bad dates, and for a new price that
    none of `gateways` takes.
    """
    event = await _lock_managed(tx, viewer, event_id)
    if event["status"] in {EventStatus.COMPLETED, EventStatus.CANCELLED}:
        raise Conflict(
            f"Event {event_id} is {event['status']} and can no longer be changed.", code="wrong_state"
        )
    check_years(changes, event)
    changes = _with_deadline(event, changes)
    if cover is not None:
        cover.replaced = await tx.fetch_value("SELECT cover_image FROM events WHERE id = $1", event_id)
        changes = {**changes, "cover_image": cover.name}
    # First, for a typo in the year: that the deadline is now behind the start would say nothing of it.
    await _check_moves(tx, event, changes)
    _check_dates({**event, **changes})
    if changes.get("price", event["price"]) != event["price"]:
        prices.check(changes["price"], event["currency"], gateways)
    seats.check_capacity(event, changes.get("max_attendees", event["max_attendees"]))
    if changes:
        before = await tx.fetch_one(_ENTERED, event_id)
        assert before is not None  # noqa: S101 - the row is locked
        await Event.filter(id=event_id).update(**changes, updated_at=Now())
        if changed := sorted(name for name, value in changes.items() if value != before[name]):
            tx.record(FactType.EVENT_UPDATED, event_id, changed=changed)
    if changes.get("registration_deadline", event["registration_deadline"]) < event["registration_deadline"]:
        await waitlist.shorten_offers(tx, event_id)
        await payments.shorten_transfers(tx, event, changes["registration_deadline"])
    if event["waiting_count"] and changes.keys() & {"max_attendees", "registration_deadline"}:
        seats.enqueue_promotion(tx, event_id)
    await event_changes.note(tx, event, changes)
    return await get(tx, viewer, event_id)


# What an organizer enters for an event.
_ENTERED = """
SELECT title, description, category, location, is_online, online_url, start_date, end_date, registration_deadline,
       max_attendees, price, cover_image, tags
FROM events WHERE id = $1
"""


def _with_deadline(event: Row, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """A deadline that was the start moves along with the start."""
    follows = event["registration_deadline"] == event["start_date"]
    if follows and "start_date" in changes and "registration_deadline" not in changes:
        return {**changes, "registration_deadline": changes["start_date"]}
    return changes


async def _check_moves(tx: Transaction, event: Row, changes: Mapping[str, Any]) -> None:
    """Raise Conflict where a public event would move into the past, which ends it, or its start moves that has passed.

    Whether it has begun, its times say: the clock may not have been round. A draft may have any.
    """
    if event["status"] not in OPEN_EVENTS:
        return
    moves = {name: changes.get(name, event[name]) for name in ("start_date", "end_date")}
    moved = {name: time for name, time in moves.items() if time != event[name]}
    if "start_date" in moved and event["has_started"]:
        raise Conflict(
            f"Event {event['id']} has begun: its start_date can no longer change.", code="event_started"
        )
    for name, time in moved.items():
        if await tx.fetch_value("SELECT $1::timestamptz <= now()", time):
            raise Conflict(
                f"The {name} of event {event['id']} cannot be moved into the past. To end an event that has begun, "
                f"POST /api/events/{event['id']}/complete/.",
                code="in_the_past",
            )


async def publish(tx: Transaction, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Publish a draft and return it. Raises Conflict for anything else."""
    event = await _lock_managed(tx, viewer, event_id)
    await _move(tx, event, EventStatus.PUBLISHED)
    return await get(tx, viewer, event_id)


async def cancel(tx: Transaction, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Cancel an event and return it; jobs cancel its bookings, close its waitlist and tell everybody."""
    event = await _lock_managed(tx, viewer, event_id)
    await _move(tx, event, EventStatus.CANCELLED)
    await owed.owe(tx, event_id, Owed.CANCELLATIONS)
    tx.enqueue(CLOSE_WAITLIST, event_id=event_id)
    return await get(tx, viewer, event_id)


async def complete(tx: Transaction, viewer: Viewer, event_id: int) -> dict[str, Any]:
    """Complete an event that has started and return it; one that is completed already stays so."""
    event = await _lock_managed(tx, viewer, event_id)
    if event["status"] != EventStatus.COMPLETED:
        if not event["has_started"] and event["status"] == EventStatus.PUBLISHED:
            raise Conflict(f"Event {event_id} has not started.", code="event_not_started")
        await _move(tx, event, EventStatus.COMPLETED)
        await owed.owe(tx, event_id, *_OWED_AT_THE_END)
    return await get(tx, viewer, event_id)


_OWED_AT_THE_END = (Owed.CERTIFICATES, Owed.SURVEY)  # and the question how it was


async def _move(tx: Transaction, event: Row, status: EventStatus) -> None:
    if event["status"] == status:
        raise Conflict(f"Event {event['id']} is already {status}.", code="wrong_state")
    if status not in EVENT_MOVES[EventStatus(event["status"])]:
        raise Conflict(
            f"Event {event['id']} is {event['status']} and cannot become {status}.", code="wrong_state"
        )
    await tx.execute(_MOVE, event["id"], status.value, status is EventStatus.PUBLISHED)
    tx.record(FactType(f"event.{status}"), event["id"])


_MOVE = """
UPDATE events e SET status = $2, updated_at = now(),
    published_at = CASE WHEN $3::boolean THEN now() ELSE published_at END,
    is_selling = CASE WHEN $3::boolean THEN (SELECT is_active FROM users WHERE id = e.organizer_id) ELSE is_selling END
WHERE id = $1
"""


async def delete(tx: Transaction, viewer: Viewer, event_id: int) -> str | None:
    """Delete an event that nobody booked or reviewed and return the name of its cover. Raises Conflict for others."""
    event = await _lock_managed(tx, viewer, event_id)
    if await tx.fetch_value("SELECT EXISTS (SELECT FROM bookings WHERE event_id = $1)", event_id):
        raise Conflict(f"Event {event_id} has bookings: cancel it instead.", code="has_bookings")
    if await tx.fetch_value("SELECT EXISTS (SELECT FROM reviews WHERE event_id = $1)", event_id):
        raise Conflict(f"Event {event_id} has reviews: cancel it instead.", code="has_reviews")
    for entry in await tx.fetch(_DELETE_ENTRIES, event_id):
        if entry["status"] == WaitlistStatus.WAITING:
            tx.record(
                FactType.WAITLIST_CLOSED,
                event_id,
                entry["user_id"],
                organizer_id=event["organizer_id"],
                waitlist_entry=entry["id"],
            )
    await facts.keep_organizer(tx, event_id, event["organizer_id"])
    tx.record(FactType.EVENT_DELETED, event_id, organizer_id=event["organizer_id"])
    cover: str | None = await tx.fetch_value(
        "DELETE FROM events WHERE id = $1 RETURNING cover_image", event_id
    )
    return cover


_DELETE_ENTRIES = "DELETE FROM waitlist_entries WHERE event_id = $1 RETURNING id, user_id, status"


async def move_on_time(tx: Transaction, limit: int = 200) -> int:
    """Begin published events whose start has come, complete ongoing ones whose end has; return how many, up to `limit` of each."""
    begun = await tx.fetch(_BEGIN, limit)
    ended = await tx.fetch(_END, limit, [work.value for work in _OWED_AT_THE_END])
    for row in begun:
        tx.record(FactType.EVENT_STARTED, row["id"])
    for row in ended:
        tx.record(FactType.EVENT_COMPLETED, row["id"])
        for work in _OWED_AT_THE_END:
            owed.go_on(tx, row["id"], work)
    return len(begun) + len(ended)


_BEGIN = """
UPDATE events SET status = 'ongoing', updated_at = now()
WHERE id IN (SELECT id FROM events WHERE status = 'published' AND start_date <= now()
             ORDER BY start_date LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""
_END = """
UPDATE events SET status = 'completed', updated_at = now(), owed = owed || $2::text[]
WHERE id IN (SELECT id FROM events WHERE status = 'ongoing' AND end_date <= now()
             ORDER BY end_date LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""
PERIODIC = (PeriodicTask("move events", move_on_time),)
