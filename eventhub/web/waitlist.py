"""The waitlist of an event."""

from aiohttp import web

from eventhub.schemas import waitlist as schemas
from eventhub.services import waitlist
from eventhub.web.call import Call, Route, tagged


async def index(call: Call) -> web.Response:
    """Lists your own entries that are waiting or offered; with `event`, the whole waitlist of an event that you
    organize. Entries that have ended are listed only if you ask for their `status`.
    """
    return call.reply_page(await waitlist.list_entries(call.database, call.viewer, call.page_request()))


async def join(call: Call) -> web.Response:
    """First come, first served. When seats come free, a job books one for the first person on the waitlist: it is
    confirmed if there is nothing to pay, and otherwise an offer for some hours; a notification tells the person. If
    nobody waits and seats are free, joining books one at once: the entry is `offered`, and the booking is held like
    any other.
    """
    async with call.transaction() as tx:
        entry = await waitlist.join(
            tx, call.viewer, call.body["event"], hold_seconds=call.settings.pending_booking_ttl_seconds
        )
    return call.reply(entry)


async def detail(call: Call) -> web.Response:
    """Only the person who waits and the event's organizer can read it. `position` 1 is next; it is null once the
    person no longer waits.
    """
    return call.reply(await waitlist.get(call.database, call.viewer, call.id()))


async def leave(call: Call) -> web.Response:
    """Only the person who waits can do this. Leaving an offer declines it, and a job gives it to the next person."""
    async with call.transaction() as tx:
        await waitlist.leave(tx, call.viewer, call.id())
    return call.no_content()


ROUTES = tagged(
    "Waitlist",
    Route(
        "GET",
        "/api/waitlist/",
        index,
        "Get user's waitlist entries",
        listing=waitlist.WAITLIST,
        returns=schemas.WaitlistEntry,
    ),
    Route(
        "POST",
        "/api/waitlist/",
        join,
        "Join waitlist",
        body=schemas.WaitlistRequest,
        returns=schemas.WaitlistEntry,
        status=201,
        is_idempotent=True,
        locks="event",
        refuses={409: ["already_booked", "already_waiting", "registration_closed", "too_many_holds"]},
    ),
    Route("GET", "/api/waitlist/{id}/", detail, "Get waitlist entry", returns=schemas.WaitlistEntry),
    Route(
        "POST",
        "/api/waitlist/{id}/leave/",
        leave,
        "Leave waitlist",
        status=204,
        is_idempotent=True,
        is_sensitive=True,
        locks="waitlist_entry",
        refuses={403: [], 409: ["already_booked"]},
    ),
)
