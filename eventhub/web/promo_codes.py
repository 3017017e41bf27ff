"""Promo codes of an event."""

from aiohttp import web

from eventhub.schemas import promo_codes as schemas
from eventhub.services import promo_codes
from eventhub.web.call import Call, Route, tagged


async def index(call: Call) -> web.Response:
    """Only the event's organizer and admins can read its promo codes."""
    page = await promo_codes.list_codes(call.database, call.viewer, call.id(), call.page_request())
    return call.reply_page(page)


async def create(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. A code lowers the
    dearest of a booking's tickets that it is for, at most `max_per_booking` of them, and no price that the buyer names.
    An event has at most 10,000 codes.
    """
    async with call.transaction() as tx:
        code = await promo_codes.create(tx, call.viewer, call.id(), call.body)
    return call.reply(code)


async def create_batch(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. Each code is `prefix`
    and ten random letters and digits, none of which is easily taken for another. Either all of them are made, or none.
    """
    async with call.transaction() as tx:
        codes = await promo_codes.create_batch(tx, call.viewer, call.id(), **call.body)
    return call.reply(codes)


async def detail(call: Call) -> web.Response:
    """Only the event's organizer and admins can read it."""
    return call.reply(await promo_codes.get(call.database, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. What changes is for
    bookings from now on. A code that becomes `free` or `unlock` loses its `value`. `max_uses` cannot be below `uses`.
    """
    async with call.transaction() as tx:
        code = await promo_codes.update(tx, call.viewer, call.id(), call.body)
    return call.reply(code)


async def delete(call: Call) -> web.Response:
    """Only the event's organizer and admins can do this, unless the event is cancelled or completed. A code with which a
    booking was ever made stays: set `is_active` to false instead.
    """
    async with call.transaction() as tx:
        await promo_codes.delete(tx, call.viewer, call.id())
    return call.no_content()


_MAKES = {403: [], 409: ["wrong_state", "code_taken", "too_many_promo_codes"]}
ROUTES = tagged(
    "Promo codes",
    Route(
        "GET",
        "/api/events/{id}/promo_codes/",
        index,
        "List promo codes",
        listing=promo_codes.PROMO_CODES,
        returns=schemas.PromoCode,
        refuses={403: []},
    ),
    Route(
        "POST",
        "/api/events/{id}/promo_codes/",
        create,
        "Create promo code",
        body=schemas.PromoCodeDetails,
        returns=schemas.PromoCode,
        status=201,
        is_idempotent=True,
        locks="event",
        refuses=_MAKES,
    ),
    Route(
        "POST",
        "/api/events/{id}/promo_codes/batch/",
        create_batch,
        "Create many promo codes",
        body=schemas.PromoCodeBatch,
        returns=schemas.PromoCode,
        is_array=True,
        status=201,
        is_idempotent=True,
        locks="event",
        refuses=_MAKES,
    ),
    Route(
        "GET",
        "/api/promo_codes/{id}/",
        detail,
        "Get promo code",
        returns=schemas.PromoCode,
        refuses={403: []},
    ),
    Route(
        "PATCH",
        "/api/promo_codes/{id}/",
        update,
        "Change promo code",
        body=schemas.PromoCodeDetails,
        is_partial=True,
        returns=schemas.PromoCode,
        locks="promo_code",
        refuses={403: [], 409: ["wrong_state", "code_taken", "uses_taken"]},
    ),
    Route(
        "DELETE",
        "/api/promo_codes/{id}/",
        delete,
        "Delete promo code",
        status=204,
        locks="promo_code",
        refuses={403: [], 409: ["wrong_state", "has_bookings"]},
    ),
)
