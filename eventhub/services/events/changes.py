"""Telling an event's people what has changed: once, a while after the first change, and only what is still true then.

`events.told` holds what they know, from the first change on until they know the present state: the fields of NOTIFIED_FIELDS
and, while jobs tell them in chunks, `telling`: the state that all of them are told, and how far that is. No job carries
any of it: whichever comes does the next step, and one that is lost is made again from the row.

What changes so much that people may ask for their money back (`events.terms_changed_at`) is noted at once. Many small
moves are a large one: beside the rest, `told` keeps in `terms` the times that they are measured against.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.events import OPEN_EVENTS
from eventhub.models.jobs import NOTIFY_EVENT_UPDATED
from eventhub.models.notifications import NotificationType
from eventhub.services import locking, notifications, wording
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up

NOTIFIED_FIELDS = ("start_date", "end_date", "location", "is_online", "online_url")
PAUSE_SECONDS = 60.0  # between the first change and the telling: people try things out, and take them back
CHUNK = 200
LARGE_MOVE = timedelta(minutes=15)

State = dict[str, Any]


async def note(tx: Transaction, event: Row, changes: Mapping[str, Any]) -> None:
    """Let the people of a public event be told, in a while, what changes to it make new.

    `event` is the locked row as it was before them.
    """
    after = {**event, **changes}
    if event["status"] not in OPEN_EVENTS or all(after[name] == event[name] for name in NOTIFIED_FIELDS):
        return
    told = _read(event)
    has_new_terms, terms = _terms(event, after, told.get("terms"))
    # Behind the lock: whoever has booked by now did so before this.
    told_at = await tx.fetch_value(
        "UPDATE events SET revision = revision + 1, told = $2::text::jsonb, "
        "terms_changed_at = CASE WHEN $4::boolean THEN clock_timestamp() ELSE terms_changed_at END WHERE id = $1 "
        "RETURNING now() + make_interval(secs => $3)",
        event["id"],
        orjson.dumps({**_state(event), **told, "terms": terms}).decode(),
        PAUSE_SECONDS,
        has_new_terms,
    )
    _enqueue_telling(tx, event["id"], told_at)  # of several times the first counts


def _terms(event: Row, after: Mapping[str, Any], terms: State | None) -> tuple[bool, State | None]:
    """Return whether its people may ask for their money back, and against which times the next move is measured.

    None stands for the present ones.
    """
    state, times = _state(event), ("start_date", "end_date")
    agreed = terms or {name: state[name] for name in times}
    moves = [abs(after[name] - datetime.fromisoformat(agreed[name])) for name in times]
    if max(moves) >= LARGE_MOVE or any(after[name] != event[name] for name in ("location", "is_online")):
        return True, None
    return False, agreed if any(moves) else None


def _read(event: Row) -> State:
    told: State = orjson.loads(event["told"] or "{}")
    return told


def _state(event: Row) -> State:
    return {
        name: value.isoformat() if isinstance(value := event[name], datetime) else value
        for name in NOTIFIED_FIELDS
    }


def _enqueue_telling(tx: Transaction, event_id: int, at: datetime | None = None) -> None:
    tx.enqueue(NOTIFY_EVENT_UPDATED, run_at=at, event_id=event_id)


async def tell(tx: Transaction, event_id: int) -> None:
    """Tell the next attendees and people on the waitlist what is new since they were told last; enqueues the rest.

    A change that was taken back tells nothing, and an event that was cancelled or has ended nothing more. What changes
    while chunks are told is told after them.
    """
    event = await locking.lock_event(tx, event_id)
    if event is None or event["told"] is None:
        return
    known = _read(event)
    terms, telling = known.pop("terms", None), known.pop("telling", None)
    state = _state(event)
    if event["status"] not in OPEN_EVENTS or (telling is None and known in ({}, state)):
        await _keep(tx, event_id, {}, terms)
        return
    telling = telling or _begin(event, known, f"event_updated:{event_id}:r{event['revision']}")
    people = await _tell_next(tx, event, telling)
    if len(people) == CHUNK:
        going_on = {**known, "telling": {**telling, "after_user": people[-1]["user_id"]}}
        await _keep(tx, event_id, going_on, terms)
        _enqueue_telling(tx, event_id)
    elif telling["state"] == state:
        await _keep(tx, event_id, {}, terms)
    else:
        await _keep(tx, event_id, telling["state"], terms)
        _enqueue_telling(tx, event_id, await tx.fetch_value(_AFTER_PAUSE, PAUSE_SECONDS))


_AFTER_PAUSE = "SELECT now() + make_interval(secs => $1)"


def _begin(event: Row, known: State, key: str) -> State:
    """Return what all are told, whatever changes meanwhile; `key` keeps everybody from being told it twice."""
    state = _state(event)
    message = f"{event['title']} has changed: {_news(known, state, event['timezone'])}."
    is_about_terms = any(known[name] != state[name] for name in NOTIFIED_FIELDS if name != "online_url")
    until = event["refunds_until"] if is_about_terms else None
    offer = (
        until
        and f" If that does not suit you, you may cancel with a full refund until {localized.moment(until, event['timezone'])}."
    )
    return {"state": state, "key": key, "message": message, "offer": offer or "", "after_user": 0}


async def _tell_next(tx: Transaction, event: Row, telling: State) -> list[Row]:
    people = await tx.fetch(
        _NEXT_PEOPLE, event["id"], telling["after_user"], CHUNK, event["terms_changed_at"]
    )
    # A person with a booking and a place on the waitlist comes with the booking first.
    first = {row["user_id"]: row for row in reversed(people)}
    for has_paid, offer in ((False, ""), (True, telling.get("offer", ""))):
        await notifications.notify_many(
            tx,
            {user: row["booking_id"] for user, row in first.items() if row["has_paid_before"] is has_paid},
            NotificationType.EVENT_UPDATED,
            key=telling["key"],
            title="Event Updated",
            message=telling["message"] + offer,
            event_id=event["id"],
        )
    return people


_NEXT_PEOPLE = """
(SELECT user_id, id AS booking_id, registered_at < coalesce($4, '-infinity'::timestamptz) AND EXISTS (
    SELECT FROM payments p WHERE p.booking_id = b.id AND p.status = 'completed' AND p.amount > 0) AS has_paid_before
 FROM bookings b
 WHERE event_id = $1 AND status <> 'cancelled' AND status IN ('pending', 'confirmed') AND user_id > $2
 ORDER BY user_id LIMIT $3)
UNION ALL
(SELECT user_id, NULL, false FROM waitlist_entries
 WHERE event_id = $1 AND status IN ('waiting', 'offered') AND user_id > $2 ORDER BY user_id LIMIT $3)
ORDER BY user_id, booking_id NULLS LAST LIMIT $3
"""


async def _keep(tx: Transaction, event_id: int, told: State, terms: State | None) -> None:
    kept = {**told, "terms": terms} if terms else told
    await tx.execute(
        "UPDATE events SET told = $2::text::jsonb WHERE id = $1",
        event_id,
        orjson.dumps(kept).decode() if kept else None,
    )


async def tell_as_before(tx: Transaction, event_id: int, version: int, changed: Sequence[str] | None) -> None:
    """Tell what a job from before `told` was for: what is in those fields now, to all whom it has not told yet."""
    event = await locking.lock_event(tx, event_id)
    if event is None or event["status"] not in OPEN_EVENTS:
        return
    told = _read(event)
    terms, is_first = told.pop("terms", None), not told
    known = told or _state(event)
    # What they knew of these is not known any more, so it counts as new.
    known |= dict.fromkeys(changed or ("start_date", "end_date", "location", "online_url"))
    if is_first:
        known["telling"] = _begin(event, known, f"event_updated:{event_id}:{version}")
    await _keep(tx, event_id, known, terms)
    await tell(tx, event_id)


async def tell_stalled(tx: Transaction, limit: int = CHUNK) -> int:
    """Let jobs tell what no job is about to tell, as one that failed for good was; return of how many events."""
    return len(await take_up(tx, _TO_TELL, limit))


_TO_TELL = Promise(
    NOTIFY_EVENT_UPDATED,
    "SELECT id AS event_id FROM events WHERE told IS NOT NULL AND told ? 'start_date' ORDER BY id",
)
PERIODIC = (PeriodicTask("tell of changes", tell_stalled, promises=(_TO_TELL,)),)


def _news(known: State, state: State, zone: str) -> str:
    """Say what is new. The link itself is for confirmed attendees alone: their mails have it, and the event's page."""
    changed = {name for name in NOTIFIED_FIELDS if known[name] != state[name]}
    news = []
    if changed & {"start_date", "end_date"}:
        start, end = (datetime.fromisoformat(state[name]) for name in ("start_date", "end_date"))
        news.append(f"it now takes place on {localized.span(start, end, zone)}")
    if changed & {"location", "is_online"}:
        news.append(f"the place is now {wording.where(state['location'], is_online=state['is_online'])}")
    if "online_url" in changed:
        news.append(
            "there is a new link to join it" if state["online_url"] else "the link to join it is gone"
        )
    return ", ".join(news)
