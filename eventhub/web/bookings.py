"""Bookings."""

from aiohttp import web

from eventhub.services import bookings, invoices
from eventhub.web.call import Call


async def index(call: Call) -> web.Response:
    return call.reply_page(await bookings.list_bookings(call.database, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    async with call.transaction() as tx:
        booking = await bookings.book(
            tx, call.viewer, **call.body, ttl_seconds=call.settings.pending_booking_ttl_seconds
        )
    return call.reply(booking)


async def detail(call: Call) -> web.Response:
    return call.reply(await bookings.get(call.database, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    async with call.transaction() as tx:
        booking = await bookings.change_requirements(
            tx, call.viewer, call.id(), call.body.get("special_requirements")
        )
    return call.reply(booking)


async def confirm(call: Call) -> web.Response:
    async with call.transaction() as tx:
        booking = await bookings.confirm(
            tx, call.viewer, call.id(), invoices.Terms(call.settings.seller, call.settings.tax_rate)
        )
    return call.reply(booking)


async def cancel(call: Call) -> web.Response:
    async with call.transaction() as tx:
        booking = await bookings.cancel(tx, call.viewer, call.id())
    return call.reply(booking)


async def attended(call: Call) -> web.Response:
    async with call.transaction() as tx:
        booking = await bookings.mark_attended(tx, call.viewer, call.id())
    return call.reply(booking)


async def no_show(call: Call) -> web.Response:
    async with call.transaction() as tx:
        booking = await bookings.mark_no_show(tx, call.viewer, call.id())
    return call.reply(booking)
