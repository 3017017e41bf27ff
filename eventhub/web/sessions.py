"""The parts of an event's programme."""

from aiohttp import web

from eventhub.schemas import sessions as schemas
from eventhub.services import sessions
from eventhub.web.call import Call, Route, tagged


async def index(call: Call) -> web.Response:
    """Public, except for sessions of drafts. A `room_or_link` with a link in it (`://`, `www.`, or a domain with a
    path) is empty for everybody but the event's organizer, the session's speaker and confirmed attendees.
    """
    return call.reply_page(await sessions.list_sessions(call.queries, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this. The session's times may be outside its event's."""
    async with call.transaction() as tx:
        session = await sessions.create(tx, call.viewer, call.body)
    return call.reply(session)


async def detail(call: Call) -> web.Response:
    """Public, except for sessions of drafts. A `room_or_link` with a link in it (`://`, `www.`, or a domain with a
    path) is empty for everybody but the event's organizer, the session's speaker and confirmed attendees.
    """
    return call.reply(await sessions.get(call.queries, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this."""
    async with call.transaction() as tx:
        session = await sessions.update(tx, call.viewer, call.id(), call.body)
    return call.reply(session)


async def delete(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this."""
    async with call.transaction() as tx:
        await sessions.delete(tx, call.viewer, call.id())
    return call.no_content()


_FULL = ["too_many_sessions", "programme_too_large"]
ROUTES = tagged(
    "Sessions",
    Route(
        "GET",
        "/api/sessions/",
        index,
        "List sessions",
        is_public=True,
        listing=sessions.SESSIONS,
        returns=schemas.SessionListItem,
    ),
    Route(
        "POST",
        "/api/sessions/",
        create,
        "Create session",
        body=schemas.SessionDetails,
        returns=schemas.Session,
        status=201,
        locks="event",
        refuses={403: [], 409: _FULL},
    ),
    Route("GET", "/api/sessions/{id}/", detail, "Get session", is_public=True, returns=schemas.Session),
    Route(
        "PUT",
        "/api/sessions/{id}/",
        update,
        "Update session",
        body=schemas.SessionChanges,
        returns=schemas.Session,
        locks="session",
        refuses={403: [], 409: _FULL},
    ),
    Route(
        "PATCH",
        "/api/sessions/{id}/",
        update,
        "Update session",
        body=schemas.SessionChanges,
        is_partial=True,
        returns=schemas.Session,
        locks="session",
        refuses={403: [], 409: _FULL},
    ),
    Route(
        "DELETE",
        "/api/sessions/{id}/",
        delete,
        "Delete session",
        status=204,
        locks="session",
        refuses={403: []},
    ),
)
