"""Certificates of attendance."""

from aiohttp import web

from eventhub.services import certificates
from eventhub.web.call import STORAGE, Call


async def index(call: Call) -> web.Response:
    page = await certificates.list_certificates(
        call.database, call.viewer, call.base_url(), call.page_request()
    )
    return call.reply_page(page)


async def detail(call: Call) -> web.Response:
    return call.reply(await certificates.get(call.database, call.viewer, call.base_url(), call.id()))


async def mark_as_downloaded(call: Call) -> web.Response:
    async with call.transaction() as tx:
        certificate = await certificates.mark_as_downloaded(tx, call.viewer, call.base_url(), call.id())
    return call.reply(certificate)


async def reissue(call: Call) -> web.Response:
    async with call.transaction() as tx:
        certificate = await certificates.reissue(tx, call.viewer, call.base_url(), call.id())
    return call.reply(certificate)


async def download(call: Call) -> web.Response:
    """200 with the PDF; it is read before it counts as downloaded."""
    name, number = await certificates.find_pdf(call.database, call.viewer, call.id())
    pdf = await call.request.app[STORAGE].get(name)
    async with call.transaction() as tx:
        await certificates.mark_as_downloaded(tx, call.viewer, call.base_url(), call.id())
    return call.reply_pdf(pdf, number)


async def verify(call: Call) -> web.Response:
    return call.reply(await certificates.verify(call.queries, call.request.match_info["number"]))
