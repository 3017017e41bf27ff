"""The feed of changes: what has happened, by cursor and as a stream."""

from typing import Any

from aiohttp import web

from eventhub.errors import Invalid
from eventhub.models.facts import FactType
from eventhub.schemas import changes as schemas
from eventhub.services import facts
from eventhub.services.facts import Scope
from eventhub.services.listing import (
    DEFAULT_PAGE_SIZE,
    MAX_ID,
    BadValue,
    Parameter,
    boolean,
    choices,
    identifier,
    whole_number,
)
from eventhub.web.call import Call, Route, tagged
from eventhub.web.change_streams import CHANGE_STREAMS, Reader
from eventhub.web.http.event_stream import EVENT_STREAM, HEADERS, EventStream

MAX_PAGE_SIZE = 500
_number = whole_number(0, MAX_ID - 1)

WHOSE = {
    "types": Parameter(choices(FactType), "Only changes of these types, with commas between them."),
    "event": Parameter(
        identifier,
        "Everybody's changes in the event with this id, for those who manage it, instead of one's own.",
    ),
    "organized": Parameter(
        boolean, "Whether to show everybody's changes in the events that one organized when they happened."
    ),
    "all": Parameter(boolean, "Whether to show all changes there are. Only admins may."),
}
PAGE = {
    "after": Parameter(
        _number,
        "The number of the last change that the client knows. Without it, the feed begins with the oldest.",
    ),
    "page_size": Parameter(
        whole_number(1, MAX_PAGE_SIZE),
        f"The largest number of changes to return; {DEFAULT_PAGE_SIZE} by default.",
    ),
    **WHOSE,
}
STREAM = {
    "after": Parameter(
        _number,
        "The number of the last change that the client knows, unless the header `Last-Event-ID` says it. "
        "Without either, the stream begins with what happens from now on.",
    ),
    **WHOSE,
}


async def index(call: Call) -> web.Response:
    """Any signed-in user sees what has happened to their own bookings, payments and so on; with `event` or `organized`,
    organizers see what happened in their events, and with `all`, admins see everything. It comes in order, the oldest
    first. To follow it, ask again with `after`: the `seq` of the last change in the answer or, where that is empty, the
    header `X-Last-Seq`. Nothing is ever inserted below a number that was shown, so nothing is missed. Changes are kept for
    400 days unless the installation says otherwise: an older `after` is refused (410).
    """
    asked = call.parameters()
    changes = await facts.read(
        call.database,
        await _scope(call, asked),
        after=asked.get("after"),
        limit=asked.get("page_size", DEFAULT_PAGE_SIZE),
        types=asked.get("types"),
    )
    last_seq = changes.last if changes.rows else changes.reached
    return call.reply(changes.rows, {"X-Last-Seq": str(last_seq)})


async def stream(call: Call) -> web.StreamResponse:
    """Sends the same changes as Server-Sent Events, each within about a second: `id` is its `seq`, `data` its JSON. A client
    that comes back with the header `Last-Event-ID`, as `EventSource` and its like do, misses nothing and gets nothing twice.
    Every 15 s without news, a comment (`: ping`) shows that the stream is alive. It ends when the sign-in ends, when the
    access token expires, when the rights to see these changes end, when the client does not keep up, and when the server
    is replaced: connect again, with a fresh token where that is why. A user may have 10 streams open at each server process.
    """
    asked = call.parameters()
    scope = await _scope(call, asked)
    after, types = _last_event_id(call.request, asked.get("after")), asked.get("types")
    streams = call.request.app[CHANGE_STREAMS]
    streams.check_room(call.viewer)
    if after is None:
        after = await facts.last_number(call.database)
    else:
        # Whether it can be followed from there is said before the stream begins.
        await facts.read(call.database, scope, after=after, limit=1)
    if call.request.method == "HEAD":
        return web.Response(headers=HEADERS)
    token = call.signer.read(call.token(), "access")
    reader = Reader(
        call.viewer, scope, types, after, token.expires_at, is_gone=lambda: _is_gone(call.request)
    )
    return EventStream(streams.follow(reader))


async def _scope(call: Call, asked: dict[str, Any]) -> Scope:
    """Return whose changes are asked for. Raises Invalid, NotFound and Forbidden."""
    scope = facts.scope_of(
        call.viewer,
        event=asked.get("event"),
        is_organized=asked.get("organized", False),
        is_all=asked.get("all", False),
    )
    await facts.check_scope(call.database, call.viewer, scope)
    return scope


def _last_event_id(request: web.Request, after: int | None) -> int | None:
    text = request.headers.get("Last-Event-ID")
    if not text:
        return after
    try:
        number: int = _number(text)
    except BadValue as error:
        raise Invalid({"Last-Event-ID": [f"It {error}."]}) from None
    return number


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


ROUTES = tagged(
    "Changes",
    Route(
        "GET",
        "/api/changes/",
        index,
        "List what has happened",
        query=PAGE,
        returns=schemas.Change,
        is_array=True,
        headers=("X-Last-Seq",),
        refuses={403: [], 404: [], 410: ["cursor_expired"]},
    ),
    Route(
        "GET",
        "/api/changes/stream/",
        stream,
        "Follow what happens (Server-Sent Events)",
        query=STREAM,
        returns=schemas.Change,
        produces=(EVENT_STREAM,),
        refuses={403: [], 404: [], 409: ["too_many_streams"], 410: ["cursor_expired"]},
    ),
)
