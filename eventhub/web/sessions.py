"""The parts of an event's programme."""

from aiohttp import web

from eventhub.services import sessions
from eventhub.web.call import Call


async def index(call: Call) -> web.Response:
    return call.reply_page(await sessions.list_sessions(call.queries, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    async with call.transaction() as tx:
        session = await sessions.create(tx, call.viewer, call.body)
    return call.reply(session)


async def detail(call: Call) -> web.Response:
    return call.reply(await sessions.get(call.queries, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    async with call.transaction() as tx:
        session = await sessions.update(tx, call.viewer, call.id(), call.body)
    return call.reply(session)


async def delete(call: Call) -> web.Response:
    async with call.transaction() as tx:
        await sessions.delete(tx, call.viewer, call.id())
    return call.no_content()
