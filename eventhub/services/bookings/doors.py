"""Why tickets cannot be booked, as a read finds it: without a transaction, and without a lock."""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import orjson

from eventhub.database import Queries, Row
from eventhub.database.turnstile import Turnstile
from eventhub.services import prices
from eventhub.services.access import Viewer, check_sees, event_columns, no_such_event
from eventhub.services.bookings.refusals import EventSoldOut, refuse_at_the_door, too_many_holds
from eventhub.services.bookings.together import ASKED, Ask, holds_too_many

AT_ONCE = 16
REMEMBERED_SECONDS = 60.0
MAX_REMEMBERED = 10_000


class Doors:
    """Where those wait who want to book at one event, and what this process knows of events that were sold out.

    One per process. A few at a time are worked on for each event: however many come, the others' requests do not stand
    behind them all. Before the next booking at an event that was sold out a moment ago, it is looked whether it still is;
    from here nobody can tell.
    """

    def __init__(self, wait_seconds: float | None = None) -> None:
        self._lines = Turnstile(AT_ONCE, wait_seconds)
        self._seen_full_at: OrderedDict[int, float] = OrderedDict()

    def turn(self, event_id: int) -> contextlib.AbstractAsyncContextManager[None]:
        """Let the block run when its turn has come. Raises RowBusy where that takes too long."""
        return self._lines.turn(event_id)

    def was_full(self, event_id: int) -> bool:
        seen_at = self._seen_full_at.get(event_id)
        return seen_at is not None and time.monotonic() - seen_at < REMEMBERED_SECONDS

    def saw(self, event_id: int, *, is_full: bool) -> None:
        """Remember how an event was found."""
        self._seen_full_at.pop(event_id, None)
        if is_full:
            self._seen_full_at[event_id] = time.monotonic()
            if len(self._seen_full_at) > MAX_REMEMBERED:
                self._seen_full_at.popitem(last=False)


async def look(queries: Queries, viewer: Viewer, ask: Ask, doors: Doors) -> None:
    """Return where an event that was sold out has room again. Raises what keeps the viewer from booking otherwise.

    Its own booking comes before all else: who sends a request twice is to hear of that.
    """
    row = await queries.gathered(_find, ask)
    event = check_sees(viewer, row, no_such_event)
    if event["seats_left"] >= ask.tickets:
        doors.saw(ask.event, is_full=False)
    else:
        raise _refusal(event, ask, doors)


async def why_not(queries: Queries, viewer: Viewer, ask: Ask, doors: Doors) -> Exception:
    """Return why what was asked could not be booked."""
    row = await queries.gathered(_find, ask)
    return _refusal(check_sees(viewer, row, no_such_event), ask, doors)


def _refusal(event: Row, ask: Ask, doors: Doors) -> Exception:
    refuse_at_the_door(event, is_standard_asked=True)
    if event["holds_too_many"]:
        assert ask.max_unpaid is not None  # noqa: S101 - as it was the bound
        return too_many_holds(ask.max_unpaid)
    if ask.expected_total is not None and event["seats_left"] >= ask.tickets:
        prices.check_expected(event["price"] * ask.tickets, ask.expected_total, event["currency"])
    doors.saw(ask.event, is_full=True)
    return EventSoldOut(ask.event, ask.tickets, event["seats_left"])


async def _find(queries: Queries, asks: Sequence[Ask]) -> Mapping[Ask, Row]:
    rows = await queries.look(_AT_THE_DOOR, orjson.dumps(asks, default=str).decode())
    return {asks[row["number"] - 1]: row for row in rows}


_AT_THE_DOOR = f"""
WITH {ASKED}
SELECT asked.number, e.id, {event_columns()}, e.is_standard_on_sale, e.price, e.currency,
       e.status = 'published' AND e.is_selling AND e.registration_deadline > now() AS is_open,
       greatest(e.max_attendees - e.seats_held - e.waiting_count, 0) AS seats_left,
       EXISTS (SELECT FROM bookings b
               WHERE b.event_id = e.id AND b.user_id = asked."user" AND b.status <> 'cancelled') AS has_booked,
       EXISTS (SELECT FROM waitlist_entries w
               WHERE w.event_id = e.id AND w.user_id = asked."user" AND w.status = 'waiting') AS waits,
       {holds_too_many('asked."user"', "asked.tickets", "asked.max_unpaid")} AS holds_too_many
FROM asked JOIN events e ON e.id = asked.event
"""
