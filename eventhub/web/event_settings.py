"""What an organizer sets for an event beside its details."""

from aiohttp import web

from eventhub.schemas.events import EventSettings
from eventhub.services.events import settings
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
)
