"""Invoices and credit notes."""

from aiohttp import web

from eventhub.services import invoices
from eventhub.web.call import DOCUMENTS, Call


async def index(call: Call) -> web.Response:
    return call.reply_page(await invoices.list_invoices(call.database, call.viewer, call.page_request()))


async def detail(call: Call) -> web.Response:
    """JSON, or with `Accept: application/pdf` the document."""
    invoice = await invoices.get(call.database, call.viewer, call.id())
    if "application/pdf" not in call.request.headers.get("Accept", ""):
        return call.reply(invoice)
    document = await invoices.document(call.database, invoice["id"], seller=call.settings.seller)
    return call.reply_pdf(await call.request.app[DOCUMENTS].invoice(document), document.number)


async def mark_as_sent(call: Call) -> web.Response:
    async with call.transaction() as tx:
        invoice = await invoices.mark_as_sent(tx, call.viewer, call.id())
    return call.reply(invoice)
