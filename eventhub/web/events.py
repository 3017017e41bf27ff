"""Events."""

from collections.abc import Collection

from aiohttp import web

from eventhub.services import events
from eventhub.services.ports.payments import PaymentGateway, by_name
from eventhub.services.ports.storage import discard
from eventhub.web import pictures
from eventhub.web.call import GATEWAYS, STORAGE, Call


async def index(call: Call) -> web.Response:
    return call.reply_page(await events.list_events(call.queries, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    events.check_may_create(call.viewer)
    async with (
        pictures.cover(call) as cover,
        call.transaction() as tx,
    ):
        event = await events.create(
            tx, call.viewer, call.body, cover, currency=call.settings.currency, gateways=_gateways(call)
        )
    return call.reply(event)


def _gateways(call: Call) -> Collection[PaymentGateway]:
    return by_name(call.request.app[GATEWAYS].values()).values()


async def detail(call: Call) -> web.Response:
    return call.reply(await events.get(call.queries, call.viewer, call.id()))


async def update(call: Call) -> web.Response:
    if "cover_image" in call.body:
        await events.check_managed(call.database, call.viewer, call.id())
    async with (
        pictures.cover(call) as cover,
        call.transaction() as tx,
    ):
        event = await events.update(tx, call.viewer, call.id(), call.body, cover, gateways=_gateways(call))
    return call.reply(event)


async def delete(call: Call) -> web.Response:
    async with call.transaction() as tx:
        cover = await events.delete(tx, call.viewer, call.id())
    await discard(call.request.app[STORAGE], cover)
    return call.no_content()


async def publish(call: Call) -> web.Response:
    async with call.transaction() as tx:
        event = await events.publish(tx, call.viewer, call.id())
    return call.reply(event)


async def cancel(call: Call) -> web.Response:
    async with call.transaction() as tx:
        event = await events.cancel(tx, call.viewer, call.id())
    return call.reply(event)


async def complete(call: Call) -> web.Response:
    async with call.transaction() as tx:
        event = await events.complete(tx, call.viewer, call.id())
    return call.reply(event)


async def hand_over(call: Call) -> web.Response:
    await events.check_may_hand_over(call.database, call.viewer, call.id())
    organizer = call.body["organizer"]
    # Their rights must stand still: they may be taken away at this moment.
    async with call.transaction(changing=organizer) as tx:
        event = await events.hand_over(tx, call.viewer, call.id(), organizer)
    return call.reply(event)


async def attendees(call: Call) -> web.Response:
    return call.reply_page(
        await events.list_attendees(call.queries, call.viewer, call.id(), call.page_request())
    )


async def statistics(call: Call) -> web.Response:
    return call.reply(await events.statistics(call.queries, call.viewer, call.id()))
