"""Bookings."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from eventhub import logs
from eventhub.schemas import bookings as schemas
from eventhub.services import bookings, invoices
from eventhub.web.call import DOORS, Call, Route, tagged
from eventhub.web.rate_limits import limits


async def index(call: Call) -> web.Response:
    """Lists your own bookings; with `event`, all bookings of an event that you organize."""
    return call.reply_page(await bookings.list_bookings(call.database, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    """Takes the seats at once and returns a pending booking. If there is nothing to pay, a job confirms it; otherwise
    its payment does, and without a payment it is cancelled when its hold ends. Each user can have one active booking
    per event, and at most 100 tickets that are still to be paid over all events. Without `items` the tickets are the
    event's standard tickets. With `items` or a promo code everything is booked, or nothing.
    """
    asked = {
        **call.body,
        "ttl_seconds": call.settings.pending_booking_ttl_seconds,
        "gateways": call.gateways,
        "max_unpaid": _max_unpaid(call),
    }
    async with _trying_code(call):
        booking = await _booked(call, asked)
    logs.add(booking_id=booking["id"])
    return call.reply(booking)


async def _booked(call: Call, asked: Mapping[str, Any]) -> dict[str, Any]:
    doors = call.request.app[DOORS]
    if call.is_joined:  # it has its turn, and a connection
        return await _booked_in_transaction(call, doors, asked)
    async with doors.turn(asked["event"]):
        booking = await bookings.book_at_once(call.database, call.viewer, call.actor, doors, **asked)
        return booking or await _booked_in_transaction(call, doors, asked)


async def _booked_in_transaction(
    call: Call, doors: bookings.Doors, asked: Mapping[str, Any]
) -> dict[str, Any]:
    async with call.transaction() as tx:
        return await bookings.book(tx, call.viewer, doors, **asked)


def _max_unpaid(call: Call) -> int | None:
    """Return the bound of what an account may hold unpaid: one against people who take too much, as rate limits are."""
    return bookings.MAX_UNPAID_TICKETS if call.settings.rate_limit else None


def _trying_code(call: Call) -> AbstractAsyncContextManager[None]:
    return limits.guarding_code(call.request, call.viewer.id, call.body["promo_code"])


async def quote(call: Call) -> web.Response:
    """Anyone can ask what a booking would cost. It is refused as the booking would be, and changes nothing."""
    async with _trying_code(call):
        quoted = await bookings.quote(
            call.queries,
            call.viewer,
            call.id(),
            **call.body,
            gateways=call.gateways,
            max_unpaid=_max_unpaid(call),
        )
    return call.reply(quoted)


async def detail(call: Call) -> web.Response:
    """Only the person who booked and the event's organizer can read it."""
    return call.reply(await bookings.get(call.database, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    """Only the person who booked can do this; nothing but `special_requirements` can change."""
    async with call.transaction() as tx:
        booking = await bookings.change_requirements(
            tx, call.viewer, call.id(), call.body.get("special_requirements")
        )
    return call.reply(booking)


async def confirm(call: Call) -> web.Response:
    """The person who booked can do this if there is nothing to pay. The event's organizer can do it too, and confirms
    a bank transfer in this way. Confirming again is not an error. A job tells the person who booked.
    """
    async with call.transaction() as tx:
        booking = await bookings.confirm(
            tx, call.viewer, call.id(), invoices.Terms(call.settings.seller, call.settings.tax_rate)
        )
    return call.reply(booking)


async def cancel(call: Call) -> web.Response:
    """The person who booked can do this until the event starts, and so can the event's organizer. The seats are free
    at once, and a job gives them to the waitlist. Another job returns the money; if the person who booked cancels,
    only until the registration deadline, or for 7 days after the event has changed since it was booked. A job tells
    the person who booked. Cancelling again is not an error.
    """
    async with call.transaction() as tx:
        booking = await bookings.cancel(tx, call.viewer, call.id())
    return call.reply(booking)


async def attended(call: Call) -> web.Response:
    """Only the event's organizer can do this. The person who was recorded as a no-show was there after all, and gets
    their seats and certificate back.
    """
    async with call.transaction() as tx:
        booking = await bookings.mark_attended(tx, call.viewer, call.id())
    return call.reply(booking)


async def no_show(call: Call) -> web.Response:
    """Only the event's organizer can do this, once the event has started. People who did not come get no certificate."""
    async with call.transaction() as tx:
        booking = await bookings.mark_no_show(tx, call.viewer, call.id())
    return call.reply(booking)


_BOOKED = {
    **schemas.Booking.example,
    "status": "pending",
    "special_requirements": schemas.BookingRequest.example["special_requirements"],
    "confirmed_at": None,
}
_SELLS = {
    409: [
        "sold_out",
        "already_booked",
        "already_waiting",
        "registration_closed",
        "too_many_holds",
        "not_on_sale",
        "promo_code_not_valid",
        "promo_code_used_up",
        "total_too_small",
        "price_changed",
    ]
}
ROUTES = tagged(
    "Bookings",
    Route(
        "GET",
        "/api/bookings/",
        index,
        "List user's bookings",
        listing=bookings.BOOKINGS,
        returns=schemas.BookingListItem,
    ),
    Route(
        "POST",
        "/api/bookings/",
        create,
        "Create booking",
        body=schemas.BookingRequest,
        returns=schemas.Booking,
        example=_BOOKED,
        status=201,
        is_idempotent=True,
        locks="event",
        refuses=_SELLS,
    ),
    Route(
        "POST",
        "/api/events/{id}/quote/",
        quote,
        "Quote tickets",
        is_public=True,
        body=schemas.QuoteRequest,
        returns=schemas.Quote,
        refuses={404: [], **_SELLS},
    ),
    Route("GET", "/api/bookings/{id}/", detail, "Get booking", returns=schemas.Booking),
    Route(
        "PATCH",
        "/api/bookings/{id}/",
        update,
        "Change special requirements",
        body=schemas.BookingChanges,
        is_partial=True,
        returns=schemas.Booking,
        refuses={403: []},
    ),
    Route(
        "POST",
        "/api/bookings/{id}/confirm/",
        confirm,
        "Confirm booking",
        returns=schemas.Booking,
        is_idempotent=True,
        is_sensitive=True,
        locks="booking",
        refuses={409: ["payment_required", "wrong_state", "event_not_open"]},
    ),
    Route(
        "POST",
        "/api/bookings/{id}/cancel/",
        cancel,
        "Cancel booking",
        returns=schemas.CancelledBooking,
        is_idempotent=True,
        is_sensitive=True,
        locks="booking",
        refuses={409: ["event_started", "wrong_state"]},
    ),
    Route(
        "POST",
        "/api/bookings/{id}/no_show/",
        no_show,
        "Record a no-show",
        returns=schemas.Booking,
        locks="booking",
        refuses={403: [], 409: ["event_not_started", "event_not_open", "wrong_state"]},
    ),
    Route(
        "POST",
        "/api/bookings/{id}/attended/",
        attended,
        "Undo a no-show",
        returns=schemas.Booking,
        locks="booking",
        refuses={403: [], 409: ["seats_taken", "event_not_open", "wrong_state"]},
    ),
)
