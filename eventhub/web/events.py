"""Events."""

from aiohttp import web

from eventhub import logs
from eventhub.schemas import events as schemas
from eventhub.schemas.bookings import Attendee
from eventhub.services import events
from eventhub.services.events.reads import ATTENDEES
from eventhub.services.ports.storage import discard
from eventhub.web import pictures
from eventhub.web.call import STORAGE, Call, Route, tagged


async def index(call: Call) -> web.Response:
    """Public. Drafts are listed only for their organizer and admins. Without a sign-in, the answer may be a second
    old.
    """
    return call.reply_page(await events.list_events(call.queries, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    """Only organizers and admins can do this. The event begins as a draft that only its organizer sees; publish it to
    open registration. Without a `registration_deadline`, people can book until the event starts. A form may bring a
    picture (`cover_image`). The `price` is in the installation's `currency` on that day, which the event keeps, and
    must be one that a payment method takes. Its `timezone` is the installation's, until `settings/` has another.
    """
    events.check_may_create(call.viewer)
    async with (
        pictures.cover(call) as cover,
        call.transaction() as tx,
    ):
        event = await events.create(
            tx,
            call.viewer,
            call.body,
            cover,
            currency=call.settings.currency,
            timezone=call.settings.time_zone,
            gateways=call.gateways,
        )
    logs.add(event_id=event["id"])
    return call.reply(event)


async def detail(call: Call) -> web.Response:
    """Public, except for drafts. `online_url` is empty for everybody but the event's organizer and confirmed
    attendees. So is a session's `room_or_link` with a link in it, which its speaker sees too.
    """
    return call.reply(await events.get(call.queries, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. A published event
    cannot be moved into the past (`complete/` ends it), and once it has begun, its `start_date` stays; values that it
    has already are never refused. `organizer` is ignored: see `hand_over/`. When a published event gets other times,
    another place or another link, a job tells its attendees and everybody on its waitlist, once, a minute after the
    first change. When it gets more seats, a job lets the waitlist move up. When its start or end moves by 15 minutes
    or more, or its place or `is_online` changes, everybody who had booked before can cancel with a refund for 7 days,
    at most until it starts.
    """
    if "cover_image" in call.body:
        await events.check_managed(call.database, call.viewer, call.id())
    async with (
        pictures.cover(call) as cover,
        call.transaction() as tx,
    ):
        event = await events.update(tx, call.viewer, call.id(), call.body, cover, gateways=call.gateways)
    return call.reply(event)


async def delete(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, while nobody has booked or reviewed it. Otherwise, cancel it."""
    async with call.transaction() as tx:
        cover = await events.delete(tx, call.viewer, call.id())
    await discard(call.request.app[STORAGE], cover)
    return call.no_content()


async def publish(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this. The draft becomes visible, and people can book it."""
    async with call.transaction() as tx:
        event = await events.publish(tx, call.viewer, call.id())
    return call.reply(event)


async def cancel(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this. Jobs cancel its bookings, refund what was paid, and tell
    attendees and everybody on the waitlist.
    """
    async with call.transaction() as tx:
        event = await events.cancel(tx, call.viewer, call.id())
    return call.reply(event)


async def complete(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, once the event has started. When the event ends, this happens
    by itself. Jobs issue a certificate to each confirmed attendee.
    """
    async with call.transaction() as tx:
        event = await events.complete(tx, call.viewer, call.id())
    return call.reply(event)


async def hand_over(call: Call) -> web.Response:
    """Only admins can do this. Another active organizer or admin becomes the event's organizer, and both are told. An
    event whose organizer was deactivated takes bookings again. Handing it to the person who has it already is not an
    error.
    """
    await events.check_may_hand_over(call.database, call.viewer, call.id())
    organizer = call.body["organizer"]
    # Their rights must stand still: they may be taken away at this moment.
    async with call.transaction(changing=organizer) as tx:
        event = await events.hand_over(tx, call.viewer, call.id(), organizer)
    return call.reply(event)


async def attendees(call: Call) -> web.Response:
    """Public: the confirmed bookings. Requirements and prices are null for everybody but the event's organizer. To
    everybody else, a deactivated person is a `Former user`.
    """
    return call.reply_page(
        await events.list_attendees(call.queries, call.viewer, call.id(), call.page_request())
    )


async def statistics(call: Call) -> web.Response:
    """Public. `total_revenue` is what was paid less what was refunded."""
    return call.reply(await events.statistics(call.queries, call.viewer, call.id()))


_UPDATE = ["wrong_state", "event_started", "in_the_past", "seats_taken"]
ROUTES = tagged(
    "Events",
    Route(
        "GET",
        "/api/events/",
        index,
        "List events",
        is_public=True,
        listing=events.EVENTS,
        returns=schemas.EventListItem,
    ),
    Route(
        "POST",
        "/api/events/",
        create,
        "Create event",
        body=schemas.EventDetails,
        returns=schemas.Event,
        status=201,
        refuses={403: []},
    ),
    Route("GET", "/api/events/{id}/", detail, "Get event details", is_public=True, returns=schemas.Event),
    Route(
        "PUT",
        "/api/events/{id}/",
        update,
        "Update event",
        body=schemas.EventDetails,
        returns=schemas.Event,
        locks="event",
        refuses={403: [], 409: _UPDATE},
    ),
    Route(
        "PATCH",
        "/api/events/{id}/",
        update,
        "Update event",
        body=schemas.EventDetails,
        is_partial=True,
        returns=schemas.Event,
        locks="event",
        refuses={403: [], 409: _UPDATE},
    ),
    Route(
        "DELETE",
        "/api/events/{id}/",
        delete,
        "Delete event",
        status=204,
        locks="event",
        refuses={403: [], 409: ["has_bookings", "has_reviews"]},
    ),
    Route(
        "POST",
        "/api/events/{id}/publish/",
        publish,
        "Publish event",
        returns=schemas.Event,
        locks="event",
        refuses={403: [], 409: ["wrong_state"]},
    ),
    Route(
        "POST",
        "/api/events/{id}/cancel/",
        cancel,
        "Cancel event",
        returns=schemas.Event,
        is_sensitive=True,
        locks="event",
        refuses={403: [], 409: ["wrong_state"]},
    ),
    Route(
        "POST",
        "/api/events/{id}/complete/",
        complete,
        "Complete event",
        returns=schemas.Event,
        locks="event",
        refuses={403: [], 409: ["wrong_state", "event_not_started"]},
    ),
    Route(
        "POST",
        "/api/events/{id}/hand_over/",
        hand_over,
        "Hand event over",
        body=schemas.HandOver,
        returns=schemas.Event,
        is_sensitive=True,
        locks="event",
        refuses={403: []},
    ),
    Route(
        "GET",
        "/api/events/{id}/attendees/",
        attendees,
        "Get event attendees",
        is_public=True,
        listing=ATTENDEES,
        returns=Attendee,
    ),
    Route(
        "GET",
        "/api/events/{id}/statistics/",
        statistics,
        "Get event statistics",
        is_public=True,
        returns=schemas.Statistics,
    ),
)
