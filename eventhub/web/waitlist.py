"""Waitlists."""

from aiohttp import web

from eventhub.services import waitlist
from eventhub.web.call import Call


async def index(call: Call) -> web.Response:
    return call.reply_page(await waitlist.list_entries(call.database, call.viewer, call.page_request()))


async def join(call: Call) -> web.Response:
    async with call.transaction() as tx:
        entry = await waitlist.join(
            tx, call.viewer, call.body["event"], hold_seconds=call.settings.pending_booking_ttl_seconds
        )
    return call.reply(entry)


async def detail(call: Call) -> web.Response:
    return call.reply(await waitlist.get(call.database, call.viewer, call.id()))


async def leave(call: Call) -> web.Response:
    async with call.transaction() as tx:
        await waitlist.leave(tx, call.viewer, call.id())
    return call.no_content()
