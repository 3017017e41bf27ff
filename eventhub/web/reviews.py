"""What people say of events."""

from aiohttp import web

from eventhub.services import reviews
from eventhub.web.call import Call


async def index(call: Call) -> web.Response:
    return call.reply_page(await reviews.list_reviews(call.queries, call.viewer, call.page_request()))


async def detail(call: Call) -> web.Response:
    return call.reply(await reviews.get(call.queries, call.viewer, call.id()))


async def create(call: Call) -> web.Response:
    async with call.transaction() as tx:
        review = await reviews.write(tx, call.viewer, **call.body)
    return call.reply(review)


async def update(call: Call) -> web.Response:
    async with call.transaction() as tx:
        review = await reviews.edit(tx, call.viewer, call.id(), call.body)
    return call.reply(review)


async def delete(call: Call) -> web.Response:
    async with call.transaction() as tx:
        await reviews.delete(tx, call.viewer, call.id())
    return call.no_content()


async def mark_helpful(call: Call) -> web.Response:
    async with call.transaction() as tx:
        review = await reviews.vote(tx, call.viewer, call.id(), is_helpful=True)
    return call.reply(review)


async def mark_unhelpful(call: Call) -> web.Response:
    async with call.transaction() as tx:
        review = await reviews.vote(tx, call.viewer, call.id(), is_helpful=False)
    return call.reply(review)
