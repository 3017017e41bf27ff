"""What an organizer sets for an event beside its details, and events made of it."""

from aiohttp import web

from eventhub.schemas.events import Event, EventCopies, EventSettings
from eventhub.services.events import copies, settings
from eventhub.web.call import Call, Route, tagged


async def detail(call: Call) -> web.Response:
    """Only the event's organizer and admins can see this."""
    return call.reply(await settings.get(call.database, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. Another `timezone`
    changes no time: the API goes on in UTC, nobody is told, and what is printed from then on is in the new zone. While
    `is_standard_on_sale` is false, registration is closed for bookings without `items` and for the waitlist; people who
    wait already still get seats that come free.
    """
    async with call.transaction() as tx:
        changed = await settings.update(tx, call.viewer, call.id(), call.body)
    return call.reply(changed)


async def copy(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, in any state of the event. Each of `starts` makes a draft, which
    is the event's organizer's whoever makes it. It has the event's details, `settings/`, ticket types and sessions, and
    the same prices in the same `currency`; it has no bookings, promo codes, reviews and no cover, and nobody deactivated
    for a speaker. All times move with the start on the clock of the event's `timezone`: what is at 10:00 stays at 10:00
    when clocks change. A time that clocks skip that day is as much later as they skip; of one that comes twice, it is the
    first, unless the start itself is the second; what would end before it begins lasts as long as it did. The same start
    twice makes two copies, and a start may be in the past. The answer has them in the order of `starts`.
    """
    async with call.transaction() as tx:
        made = await copies.copy(tx, call.viewer, call.id(), call.body["starts"], call.body.get("title"))
    return call.reply(made)


ROUTES = tagged(
    "Events",
    Route(
        "GET",
        "/api/events/{id}/settings/",
        detail,
        "Get event settings",
        returns=EventSettings,
        refuses={403: []},
    ),
    Route(
        "PATCH",
        "/api/events/{id}/settings/",
        update,
        "Update event settings",
        body=EventSettings,
        is_partial=True,
        returns=EventSettings,
        locks="event",
        refuses={403: [], 409: ["wrong_state"]},
    ),
    Route(
        "POST",
        "/api/events/{id}/copy/",
        copy,
        "Copy event",
        body=EventCopies,
        returns=Event,
        is_array=True,
        status=201,
        refuses={403: []},
    ),
)
