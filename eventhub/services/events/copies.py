"""Drafts made of an event, on other days: all that its organizer entered, and nothing that others did with it.

Copies are read in one statement and written in another, however many they are. No row is locked between the two: times
are those that the first has seen, texts and capacities those that the second sees, all in one snapshot.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

from eventhub.database import Row, Transaction
from eventhub.errors import Invalid, NotFound
from eventhub.models.facts import FactType
from eventhub.services import access
from eventhub.services.access import Right, Viewer
from eventhub.services.events.commands import check_may_create
from eventhub.services.events.reads import get_many
from eventhub.services.times import FIRST_YEAR, LAST_YEAR, moved

MAX_BYTES = 8 * 1024 * 1024  # of all copies that one request makes, for the answer shows them whole
ROW_BYTES = 500  # of an event, a session or a ticket type, beside its texts

Window = tuple[datetime | None, datetime | None]


async def copy(
    tx: Transaction, viewer: Viewer, event_id: int, starts: Sequence[datetime], title: str | None = None
) -> list[dict[str, Any]]:
    """Make a draft of an event for each of `starts`, for the event's organizer, and return them.

    All times move with the start, on the clock of the event's time zone. Raises NotFound and Forbidden as a change of the
    event does, and Invalid for times that no event has and for more than an answer can show.
    """
    source = access.check_may(
        viewer,
        await tx.fetch_one(_SOURCE, event_id),
        Right.EDIT,
        "Only the event's organizer can copy it.",
    )
    check_may_create(viewer)
    most = max(1, MAX_BYTES // (source["text_bytes"] + ROW_BYTES * (1 + _parts(source))))
    if len(starts) > most:
        raise Invalid({"starts": [f"Of an event as large as this, make at most {most} copies at once."]})
    # Up to some ten thousand times, which others need not wait for.
    columns = await asyncio.to_thread(lambda: list(_columns(source, starts)))
    rows = await tx.fetch(_WRITE, event_id, source["organizer_id"], title, *columns)
    if not rows:
        raise NotFound  # it has just been deleted
    ids = [row["id"] for row in rows]
    for made in ids:
        tx.record(FactType.EVENT_CREATED, made, copy_of=event_id)
    return await get_many(tx, viewer, ids)


_SOURCE = f"""
SELECT {access.event_columns()}, e.start_date, e.end_date, e.registration_deadline, e.timezone,
       octet_length(e.description) + coalesce(s.bytes, 0) AS text_bytes, s.sessions, t.types
FROM events e CROSS JOIN (
    SELECT array_agg((id, start_time, end_time) ORDER BY id) AS sessions,
           sum(octet_length(title) + octet_length(description) + octet_length(room_or_link)) AS bytes
    FROM sessions WHERE event_id = $1
) s CROSS JOIN (
    SELECT array_agg((id, sales_start, sales_end) ORDER BY id) AS types FROM ticket_types WHERE event_id = $1
) t
WHERE e.id = $1
"""


def _parts(source: Row) -> int:
    return len(source["sessions"] or ()) + len(source["types"] or ())


def _columns(source: Row, starts: Sequence[datetime]) -> Iterator[list[Any]]:
    """Yield the columns of `event`, `session` and `type` in _WRITE."""
    events, sessions, types = [], [], []
    for number, to in enumerate(starts, 1):
        clock = _Clock(source, to, number)
        events.append((to, clock.window(source["start_date"], source["end_date"])[1], clock.deadline()))
        sessions += [(number, part, *clock.window(*times)) for part, *times in source["sessions"] or ()]
        types += [(number, part, *clock.window(*times)) for part, *times in source["types"] or ()]
    for rows, width in ((events, 3), (sessions, 4), (types, 4)):
        yield from ([row[column] for row in rows] for column in range(width))


class _Clock:
    """The times of one copy, which is the `number`th of its request and starts at `to`."""

    def __init__(self, source: Row, to: datetime, number: int) -> None:
        self._source = source
        self._to = to
        self._number = number
        # Sessions begin where others end, and ticket types are on sale at the same times.
        self._moved = cache(partial(moved, start=source["start_date"], to=to, zone=source["timezone"]))

    def deadline(self) -> datetime:
        """Return when registration ends: never after the start, where clocks change between the two."""
        return min(self._move(self._source["registration_deadline"]), self._to)

    def window(self, begins: datetime | None, ends: datetime | None) -> Window:
        """Return both ends; a change of clocks that turns them around leaves how long it lasts."""
        first = None if begins is None else self._move(begins)
        last = None if ends is None else self._move(ends)
        if begins and first and ends and last and first >= last:
            return first, first + (ends - begins)
        return first, last

    def _move(self, value: datetime) -> datetime:
        try:
            there: datetime | None = self._moved(value)
        except OverflowError:
            there = None
        if there is None or not FIRST_YEAR <= there.year <= LAST_YEAR:
            years = f"in the years {FIRST_YEAR} to {LAST_YEAR} (UTC)"
            raise Invalid({"starts": [f"Item {self._number}: All times of a copy must be {years}."]})
        return there


# Speakers who were deactivated speak nowhere any more. The seats of reserved types are taken as they are made.
_WRITE = """
WITH event AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('events', 'id')) AS id, number, starts, ends, deadline
    FROM unnest($4::timestamptz[], $5::timestamptz[], $6::timestamptz[])
         WITH ORDINALITY AS event (starts, ends, deadline, number)
), copied AS (
    INSERT INTO events (id, title, description, category, organizer_id, location, is_online, online_url, status,
                        start_date, end_date, registration_deadline, max_attendees, price, currency, tags, timezone,
                        standard_ticket, is_standard_on_sale, organizer_news, seats_held, created_at, updated_at)
    SELECT event.id, coalesce($3, e.title), e.description, e.category, $2, e.location, e.is_online, e.online_url, 'draft',
           event.starts, event.ends, event.deadline, e.max_attendees, e.price, e.currency, e.tags, e.timezone,
           e.standard_ticket, e.is_standard_on_sale, e.organizer_news,
           (SELECT coalesce(sum(capacity), 0) FROM ticket_types
            WHERE event_id = e.id AND is_reserved AND id = ANY($12::bigint[])), now(), now()
    FROM event CROSS JOIN events e WHERE e.id = $1
    RETURNING id
), of_sessions AS (
    INSERT INTO sessions (event_id, title, description, start_time, end_time, speaker_id, room_or_link, created_at,
                          updated_at)
    SELECT event.id, s.title, s.description, session.starts, session.ends,
           (SELECT id FROM users WHERE id = s.speaker_id AND is_active), s.room_or_link, now(), now()
    FROM unnest($7::bigint[], $8::bigint[], $9::timestamptz[], $10::timestamptz[])
         AS session (number, id, starts, ends)
    JOIN event USING (number) JOIN sessions s ON s.id = session.id AND s.event_id = $1
    ORDER BY number, s.id
), of_types AS (
    INSERT INTO ticket_types (event_id, name, description, price, is_open_price, capacity, is_reserved, sales_start,
                              sales_end, min_per_booking, max_per_booking, is_hidden, is_active, position, created_at,
                              updated_at)
    SELECT event.id, t.name, t.description, t.price, t.is_open_price, t.capacity, t.is_reserved, type.starts, type.ends,
           t.min_per_booking, t.max_per_booking, t.is_hidden, t.is_active, t.position, now(), now()
    FROM unnest($11::bigint[], $12::bigint[], $13::timestamptz[], $14::timestamptz[]) AS type (number, id, starts, ends)
    JOIN event USING (number) JOIN ticket_types t ON t.id = type.id AND t.event_id = $1
    ORDER BY number, t.id
)
SELECT id FROM copied ORDER BY id
"""
