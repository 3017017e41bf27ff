"""Why tickets cannot be booked, as a read finds it: without a transaction, and without a lock."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import orjson

from eventhub.database import Queries, Row
from eventhub.services import prices
from eventhub.services.access import Viewer, check_sees, event_columns, no_such_event
from eventhub.services.bookings.refusals import EventSoldOut, refuse_at_the_door, too_many_holds
from eventhub.services.bookings.together import ASKED, Ask, holds_too_many

REMEMBERED_SECONDS = 60.0
MAX_REMEMBERED = 10_000


class SoldOut:
    """The events that were sold out when this process last looked: before the next booking there it looks again.

    One per process. Whether an event is still sold out nobody can tell from here.
    """

    def __init__(self) -> None:
        self._seen_at: OrderedDict[int, float] = OrderedDict()

    def __contains__(self, event_id: int) -> bool:
        seen_at = self._seen_at.get(event_id)
        return seen_at is not None and time.monotonic() - seen_at < REMEMBERED_SECONDS

    def add(self, event_id: int) -> None:
        self._seen_at[event_id] = time.monotonic()
        self._seen_at.move_to_end(event_id)
        if len(self._seen_at) > MAX_REMEMBERED:
            self._seen_at.popitem(last=False)

    def discard(self, event_id: int) -> None:
        self._seen_at.pop(event_id, None)


async def look(queries: Queries, viewer: Viewer, ask: Ask, sold_out: SoldOut) -> None:
    """Return where an event that was sold out has room again. Raises what keeps the viewer from booking otherwise.

    Its own booking comes before all else: who sends a request twice is to hear of that.
    """
    row = await queries.gathered(_find, ask)
    event = check_sees(viewer, row, no_such_event)
    if event["seats_left"] >= ask.tickets:
        sold_out.discard(ask.event)
    else:
        raise _refusal(event, ask, sold_out)


async def why_not(queries: Queries, viewer: Viewer, ask: Ask, sold_out: SoldOut) -> Exception:
    """Return why what was asked could not be booked."""
    row = await queries.gathered(_find, ask)
    return _refusal(check_sees(viewer, row, no_such_event), ask, sold_out)


def _refusal(event: Row, ask: Ask, sold_out: SoldOut) -> Exception:
    refuse_at_the_door(event, is_standard_asked=True)
    if event["holds_too_many"]:
        assert ask.max_unpaid is not None  # noqa: S101 - as it was the bound
        return too_many_holds(ask.max_unpaid)
    if ask.expected_total is not None and event["seats_left"] >= ask.tickets:
        prices.check_expected(event["price"] * ask.tickets, ask.expected_total, event["currency"])
    sold_out.add(ask.event)
    return EventSoldOut(ask.event, ask.tickets, event["seats_left"])


async def _find(queries: Queries, asks: Sequence[Ask]) -> Mapping[Ask, Row]:
    rows = await queries.look(_AT_THE_DOOR, orjson.dumps(asks, default=str).decode())
    return {asks[row["number"] - 1]: row for row in rows}


_AT_THE_DOOR = f"""
SELECT asked.number, e.id, {event_columns()}, e.is_standard_on_sale, e.price, e.currency,
       e.status = 'published' AND e.is_selling AND e.registration_deadline > now() AS is_open,
       greatest(e.max_attendees - e.seats_held - e.waiting_count, 0) AS seats_left,
       EXISTS (SELECT FROM bookings b
               WHERE b.event_id = e.id AND b.user_id = asked."user" AND b.status <> 'cancelled') AS has_booked,
       EXISTS (SELECT FROM waitlist_entries w
               WHERE w.event_id = e.id AND w.user_id = asked."user" AND w.status = 'waiting') AS waits,
       {holds_too_many('asked."user"', "asked.tickets", "asked.max_unpaid")} AS holds_too_many
FROM {ASKED} JOIN events e ON e.id = asked.event
"""
