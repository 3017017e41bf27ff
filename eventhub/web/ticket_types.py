"""What an event sells beside its standard ticket."""

from aiohttp import web

from eventhub.schemas import ticket_types as schemas
from eventhub.services import ticket_types
from eventhub.services.promo_codes import UnknownPromoCode
from eventhub.web.call import Call, Route, tagged
from eventhub.web.rate_limits import limits


async def index(call: Call) -> web.Response:
    """Public, except for those of drafts. The event's organizer and admins see hidden and inactive ticket types too,
    and `seats_held` of each; with a promo code everybody sees the hidden ones that it is for. Wrong codes are counted,
    and after too many no more are looked up. The list has all of them, at most 50, by `position` and `id`.
    """
    code = call.parameters().get("code")
    async with limits.guarding_code(call.request, call.viewer.id, code):
        found = await ticket_types.list_of_event(call.queries, call.viewer, call.id(), code=code)
    return call.reply(found)


async def create(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. A ticket of a type
    is one of the event's seats. Capacities may add up to more than the event has: whoever comes first gets the seats. A
    reserved type (`is_reserved`) takes its whole `capacity` from the event at once, and sells from there. The `price` is
    in the event's currency, and must be one that a payment method takes.
    """
    async with call.transaction() as tx:
        made = await ticket_types.create(tx, call.viewer, call.id(), call.body, gateways=call.gateways)
    return call.reply(made)


async def detail(call: Call) -> web.Response:
    """Public, except for those of drafts. Only the event's organizer and admins see an inactive one, and `seats_held`;
    a hidden one is shown to them, and to everybody with a promo code that is for it.
    """
    code = call.parameters().get("code")
    try:
        async with limits.guarding_code(call.request, call.viewer.id, code):
            found = await ticket_types.get(call.queries, call.viewer, call.id(), code=code)
    except UnknownPromoCode:
        await ticket_types.get(
            call.queries, call.viewer, call.id()
        )  # what is not shown is a 404 all the same
        raise
    return call.reply(found)


async def update(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. A new `price` is for
    new bookings. `is_reserved` stays as it is. Another `capacity` of a reserved type takes the difference from the
    event's seats, or gives it back; the people on the waitlist get those first. A `capacity` below `seats_held` is
    refused.
    """
    async with call.transaction() as tx:
        changed = await ticket_types.update(tx, call.viewer, call.id(), call.body, gateways=call.gateways)
    return call.reply(changed)


async def delete(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, while nobody has ever booked a ticket of this type. Otherwise,
    set its `is_active` to false. The seats of a reserved type go back to the event.
    """
    async with call.transaction() as tx:
        await ticket_types.delete(tx, call.viewer, call.id())
    return call.no_content()


ROUTES = tagged(
    "Ticket types",
    Route(
        "GET",
        "/api/events/{id}/ticket_types/",
        index,
        "List ticket types of an event",
        is_public=True,
        query={"code": ticket_types.CODE},
        returns=schemas.TicketType,
        is_array=True,
    ),
    Route(
        "POST",
        "/api/events/{id}/ticket_types/",
        create,
        "Create ticket type",
        body=schemas.TicketTypeDetails,
        returns=schemas.TicketType,
        status=201,
        locks="event",
        refuses={403: [], 409: ["wrong_state", "too_many_ticket_types", "name_taken", "sold_out"]},
    ),
    Route(
        "GET",
        "/api/ticket_types/{id}/",
        detail,
        "Get ticket type",
        is_public=True,
        query={"code": ticket_types.CODE},
        returns=schemas.TicketType,
    ),
    Route(
        "PATCH",
        "/api/ticket_types/{id}/",
        update,
        "Update ticket type",
        body=schemas.TicketTypeDetails,
        is_partial=True,
        returns=schemas.TicketType,
        locks="ticket_type",
        refuses={403: [], 409: ["wrong_state", "name_taken", "seats_taken", "sold_out"]},
    ),
    Route(
        "DELETE",
        "/api/ticket_types/{id}/",
        delete,
        "Delete ticket type",
        status=204,
        locks="ticket_type",
        refuses={403: [], 409: ["wrong_state", "has_bookings"]},
    ),
)
