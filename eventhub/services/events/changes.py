"""Telling an event's people what has changed: once, a while after the first change, and only what is still so then.

`events.told` holds what they know, from the first change on until they know the present state: the fields of TOLD_OF
and, while jobs tell them in chunks, `telling`: the state that all of them are told, and how far that is. No job carries
any of it: whichever comes does the next step, and one that is lost is made again from the row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.events import OPEN_EVENTS
from eventhub.models.jobs import NOTIFY_EVENT_UPDATED
from eventhub.models.notifications import NotificationType
from eventhub.services import notifications, seats

TOLD_OF = ("start_date", "end_date", "location", "is_online", "online_url")
PAUSE_SECONDS = 60.0  # between the first change and the telling: people try things out, and take them back
CHUNK = 200

State = dict[str, Any]


async def note(tx: Transaction, event: Row, changes: Mapping[str, Any]) -> None:
    """Let the people of a public event be told, in a while, what changes to it make new.

    `event` is the locked row as it was before them.
    """
    if event["status"] not in OPEN_EVENTS or all(
        changes.get(name, event[name]) == event[name] for name in TOLD_OF
    ):
        return
    told_at = await tx.fetch_value(
        "UPDATE events SET revision = revision + 1, told = coalesce(told, $2::text::jsonb) WHERE id = $1 "
        "RETURNING now() + make_interval(secs => $3)",
        event["id"],
        orjson.dumps(_state(event)).decode(),
        PAUSE_SECONDS,
    )
    _tell_soon(tx, event["id"], told_at)  # of several times the first counts


def _state(event: Row) -> State:
    return {
        name: value.isoformat() if isinstance(value := event[name], datetime) else value for name in TOLD_OF
    }


def _tell_soon(tx: Transaction, event_id: int, at: datetime | None = None) -> None:
    tx.enqueue(
        NOTIFY_EVENT_UPDATED, unique_key=f"notify_event_updated:{event_id}", run_at=at, event_id=event_id
    )


async def tell(tx: Transaction, event_id: int) -> None:
    """Tell the next attendees and people in line what is new since they were told last; enqueues the rest.

    A change that was taken back tells nothing, and an event that was cancelled or has ended nothing more. What changes
    while chunks are told is told after them.
    """
    event = await seats.lock_event(tx, event_id)
    if event is None or event["told"] is None:
        return
    known = orjson.loads(event["told"])
    telling = known.pop("telling", None)
    state = _state(event)
    if event["status"] not in OPEN_EVENTS or (telling is None and known == state):
        await _keep(tx, event_id, None)
        return
    telling = telling or _begin(event, known, f"event_updated:{event_id}:r{event['revision']}")
    people = await _tell_next(tx, event_id, telling)
    if len(people) == CHUNK:
        await _keep(tx, event_id, {**known, "telling": {**telling, "after_user": people[-1]["user_id"]}})
        _tell_soon(tx, event_id)
    elif telling["state"] == state:
        await _keep(tx, event_id, None)
    else:
        await _keep(tx, event_id, telling["state"])
        _tell_soon(tx, event_id, await tx.fetch_value(_AFTER_PAUSE, PAUSE_SECONDS))


_AFTER_PAUSE = "SELECT now() + make_interval(secs => $1)"


def _begin(event: Row, known: State, key: str) -> State:
    """Return what all are told, whatever changes meanwhile; `key` keeps everybody from being told it twice."""
    state = _state(event)
    message = f"{event['title']} has changed: {_news(known, state)}."
    return {"state": state, "key": key, "message": message, "after_user": 0}


async def _tell_next(tx: Transaction, event_id: int, telling: State) -> list[Row]:
    people = await tx.fetch(_NEXT_PEOPLE, event_id, telling["after_user"], CHUNK)
    bookings: dict[int, int | None] = {}
    for row in people:
        bookings.setdefault(row["user_id"], row["booking_id"])
    await notifications.notify_many(
        tx,
        bookings,
        NotificationType.EVENT_UPDATED,
        key=telling["key"],
        title="Event Updated",
        message=telling["message"],
        event_id=event_id,
    )
    return people


# Who holds a booking and stands in line too comes once, with the booking.
_NEXT_PEOPLE = """
(SELECT user_id, id AS booking_id FROM bookings
 WHERE event_id = $1 AND status <> 'cancelled' AND status IN ('pending', 'confirmed') AND user_id > $2
 ORDER BY user_id LIMIT $3)
UNION ALL
(SELECT user_id, NULL FROM waitlist_entries
 WHERE event_id = $1 AND status IN ('waiting', 'offered') AND user_id > $2 ORDER BY user_id LIMIT $3)
ORDER BY user_id, booking_id NULLS LAST LIMIT $3
"""


async def _keep(tx: Transaction, event_id: int, told: State | None) -> None:
    await tx.execute(
        "UPDATE events SET told = $2::text::jsonb WHERE id = $1",
        event_id,
        None if told is None else orjson.dumps(told).decode(),
    )


async def tell_as_before(tx: Transaction, event_id: int, version: int, changed: Sequence[str] | None) -> None:
    """Tell what a job from before `told` was for: what is in those fields now, to all whom it has not told yet."""
    event = await seats.lock_event(tx, event_id)
    if event is None or event["status"] not in OPEN_EVENTS:
        return
    known = _state(event) if event["told"] is None else orjson.loads(event["told"])
    # What they knew of these is not known any more, so it counts as new.
    known |= dict.fromkeys(changed or ("start_date", "end_date", "location", "online_url"))
    if event["told"] is None:
        known["telling"] = _begin(event, known, f"event_updated:{event_id}:{version}")
    await _keep(tx, event_id, known)
    await tell(tx, event_id)


async def tell_stalled(tx: Transaction, limit: int = CHUNK) -> int:
    """Let jobs tell what no job is about to tell, as one that failed for good was; return of how many events."""
    rows = await tx.fetch(_STALLED, limit)
    for row in rows:
        _tell_soon(tx, row["id"])
    return len(rows)


_STALLED = """
SELECT id FROM events WHERE told IS NOT NULL
AND NOT EXISTS (SELECT FROM jobs WHERE unique_key = 'notify_event_updated:' || events.id AND state = 'queued')
AND NOT EXISTS (SELECT FROM jobs WHERE unique_key = 'notify_event_updated:' || events.id AND state = 'running')
ORDER BY id LIMIT $1
"""


def _news(known: State, state: State) -> str:
    """Say what is new. The link itself is for confirmed attendees alone: their mails have it, and the event's page."""
    changed = {name for name in TOLD_OF if known[name] != state[name]}
    news = []
    if changed & {"start_date", "end_date"}:
        start, end = (datetime.fromisoformat(state[name]) for name in ("start_date", "end_date"))
        news.append(f"it now takes place on {localized.span(start, end)}")
    if changed & {"location", "is_online"}:
        news.append(f"the place is now {_place(state)}")
    if "online_url" in changed:
        news.append(
            "there is a new link to join it" if state["online_url"] else "the link to join it is gone"
        )
    return ", ".join(news)


def _place(state: State) -> str:
    places = [state["location"], "online" if state["is_online"] else ""]
    return " and ".join(filter(None, places)) or "to be announced"
