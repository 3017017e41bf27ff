"""The parts of an event's programme."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eventhub.database import Now, Queries, Transaction
from eventhub.errors import Conflict, Invalid, NotFound
from eventhub.models.events import Session
from eventhub.models.facts import FactType
from eventhub.services import locking
from eventhub.services.access import Right, Viewer, check_may, may_sql, no_such_event, sees_sql
from eventhub.services.links import without_link_sql
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    fetch_page,
    identifier,
)
from eventhub.services.times import check_years

# In one event: its detail holds them all.
MAX_SESSIONS = 500
MAX_PROGRAMME_BYTES = 1024 * 1024

# Whom a link in `room_or_link` is for: organizer, admins, speaker, confirmed attendees.
_TAKES_PART = (
    f"{may_sql(Right.EDIT, '$1', '$2')} OR s.speaker_id = $1 OR EXISTS ("
    "SELECT FROM bookings b WHERE b.event_id = s.event_id AND b.user_id = $1 AND b.status = 'confirmed')"
)
# No ordering, filter or search looks at `room_or_link`: it would tell what the column does not.
SESSIONS = Listing(
    columns=(
        "s.id, s.title, s.description, s.start_time, s.end_time, s.speaker_id AS speaker, p.full_name AS speaker_name, "
        f"{without_link_sql('s.room_or_link', unless=_TAKES_PART)} AS room_or_link, s.created_at, s.updated_at"
    ),
    source="sessions s JOIN events e ON e.id = s.event_id LEFT JOIN users p ON p.id = s.speaker_id",
    id="s.id",
    orderings={
        "start_time": Order("s.start_time", "timestamptz", "start_time"),
        "id": Order("s.id", "bigint", "id"),
    },
    default_ordering="start_time",
    filters={
        "event": Filter(identifier, "s.event_id = {}", "Only sessions of the event with this id."),
        "speaker": Filter(
            identifier, "s.speaker_id = {}", "Only sessions whose speaker is the user with this id."
        ),
    },
    is_public=True,
    text_bytes="octet_length(s.description)",
)

_VISIBLE = sees_sql("$1", "$2")


async def list_sessions(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the sessions of events that the viewer may see."""
    params = Params(viewer.id, viewer.user_type)
    return await fetch_page(queries, SESSIONS, request, params=params, where=[_VISIBLE])


async def get(queries: Queries, viewer: Viewer, session_id: int) -> dict[str, Any]:
    """Return a session. Raises NotFound, also for one of another organizer's draft."""
    row = await queries.fetch_one(
        f"SELECT {SESSIONS.columns}, s.event_id AS event FROM {SESSIONS.source} WHERE {_VISIBLE} AND s.id = $3",
        viewer.id,
        viewer.user_type,
        session_id,
    )
    if row is None:
        raise NotFound
    return dict(row)


async def create(tx: Transaction, viewer: Viewer, details: Mapping[str, Any]) -> dict[str, Any]:
    """Add a session to an event for its organizer and return it. Raises Conflict where the programme is full."""
    check_years(details)
    _check_times(details)
    fields = await _with_ids(tx, viewer, details)
    await _check_room(tx, fields["event_id"], _text_bytes(details), is_new=True)
    now = datetime.now(UTC)
    session = await Session.create(created_at=now, updated_at=now, **fields)
    tx.record(FactType.SESSION_CREATED, fields["event_id"], session=session.id)
    return await get(tx, viewer, session.id)


async def update(
    tx: Transaction, viewer: Viewer, session_id: int, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Change a session for its event's organizer and return it. Raises Conflict as `create` where it moves or grows."""
    session = await _managed(tx, viewer, session_id, changes.get("event"))
    check_years(changes, session)
    _check_times({**session, **changes})
    # A speaker who was deactivated since may stay: who puts back what they got changes nothing.
    changed = {name: value for name, value in changes.items() if value != session[name]}
    if fields := await _with_ids(tx, viewer, changed):
        moves = "event" in changed
        more_bytes = _text_bytes({**session, **changed}) - (0 if moves else _text_bytes(session))
        await _check_room(tx, changed.get("event", session["event"]), more_bytes, is_new=moves)
        await Session.filter(id=session_id).update(**fields, updated_at=Now())
        event_id = changed.get("event", session["event"])
        tx.record(FactType.SESSION_UPDATED, event_id, session=session_id, changed=sorted(changed))
    return await get(tx, viewer, session_id)


async def delete(tx: Transaction, viewer: Viewer, session_id: int) -> None:
    """Remove a session for its event's organizer."""
    session = await _managed(tx, viewer, session_id)
    await tx.execute("DELETE FROM sessions WHERE id = $1", session_id)
    tx.record(FactType.SESSION_DELETED, session["event"], session=session_id)


async def _managed(
    tx: Transaction, viewer: Viewer, session_id: int, moves_to: int | None = None
) -> dict[str, Any]:
    """Return a session to who manages its event, with that event locked, and the one that it moves to.

    The rows are locked in the order of their ids, so that two moves the opposite way do not wait for each other.
    """
    session = await get(tx, viewer, session_id)
    for event_id in sorted({session["event"], moves_to or session["event"]}):
        await _check_event(tx, viewer, event_id)
    return await get(tx, viewer, session_id)


async def _check_event(tx: Transaction, viewer: Viewer, event_id: int) -> None:
    event = await locking.lock_event(tx, event_id)
    check_may(viewer, event, Right.EDIT, "Only the event's organizer can change its sessions.", no_such_event)


async def _check_room(tx: Transaction, event_id: int, more_bytes: int, *, is_new: bool) -> None:
    """Raise Conflict where the event, which is locked, has no room for so much more text, or for a new session."""
    programme = await tx.fetch_one(
        f"SELECT count(*) AS sessions, coalesce(sum({_TEXT_BYTES}), 0) AS bytes FROM sessions WHERE event_id = $1",
        event_id,
    )
    assert programme is not None  # noqa: S101 - counts are one row
    if is_new and programme["sessions"] >= MAX_SESSIONS:
        raise Conflict(
            f"Event {event_id} has {MAX_SESSIONS} sessions, the most that an event can have.",
            code="too_many_sessions",
        )
    # What is there already is never refused again: it may stay as it is, or become shorter.
    if more_bytes > 0 and programme["bytes"] + more_bytes > MAX_PROGRAMME_BYTES:
        raise Conflict(
            f"The programme of event {event_id} has {programme['bytes']} bytes of text (titles, descriptions, rooms); "
            f"with {more_bytes} more it would exceed the {MAX_PROGRAMME_BYTES} that an event can have.",
            code="programme_too_large",
        )


_TEXTS = ("title", "description", "room_or_link")
_TEXT_BYTES = " + ".join(f"octet_length({name})" for name in _TEXTS)


def _text_bytes(session: Mapping[str, Any]) -> int:
    return sum(len(session.get(name, "").encode()) for name in _TEXTS)


async def _with_ids(tx: Transaction, viewer: Viewer, details: Mapping[str, Any]) -> dict[str, Any]:
    """Turn `event` and `speaker` into columns, checked."""
    fields = dict(details)
    if "event" in fields:
        fields["event_id"] = fields.pop("event")
        await _check_event(tx, viewer, fields["event_id"])
    if "speaker" in fields:
        speaker = fields.pop("speaker")
        if speaker is not None and not await tx.fetch_value(_MAY_SPEAK, speaker):
            raise Invalid({"speaker": ["No user with this id exists."]})
        fields["speaker_id"] = speaker
    return fields


_MAY_SPEAK = "SELECT EXISTS (SELECT FROM users WHERE id = $1 AND is_active)"


def _check_times(session: Mapping[str, Any]) -> None:
    start: datetime = session["start_time"]
    if start >= session["end_time"]:
        raise Invalid({"end_time": ["Must be after start_time."]})
