"""Invoices and credit notes."""

from aiohttp import web

from eventhub.schemas.invoices import Invoice, InvoiceListItem
from eventhub.services import invoices
from eventhub.web.call import DOCUMENTS, JSON_OR_PDF, Call, Route, tagged


async def index(call: Call) -> web.Response:
    """Lists your own invoices and credit notes; with `event`, all of an event that you organize."""
    return call.reply_page(await invoices.list_invoices(call.database, call.viewer, call.page_request()))


async def detail(call: Call) -> web.Response:
    """Only the payer and the event's organizer can read it: JSON, or with `Accept: application/pdf` the document."""
    invoice = await invoices.get(call.database, call.viewer, call.id())
    if "application/pdf" not in call.request.headers.get("Accept", ""):
        return call.reply(invoice)
    document = await invoices.document(call.database, invoice["id"], seller=call.settings.seller)
    return call.reply_pdf(await call.request.app[DOCUMENTS].invoice(document), document.number)


async def mark_as_sent(call: Call) -> web.Response:
    """Only the payer and the event's organizer can do this."""
    async with call.transaction() as tx:
        invoice = await invoices.mark_as_sent(tx, call.viewer, call.id())
    return call.reply(invoice)


ROUTES = tagged(
    "Invoices",
    Route(
        "GET",
        "/api/invoices/",
        index,
        "List user's invoices",
        listing=invoices.INVOICES,
        returns=InvoiceListItem,
    ),
    Route("GET", "/api/invoices/{id}/", detail, "Get invoice details", returns=Invoice, produces=JSON_OR_PDF),
    Route("POST", "/api/invoices/{id}/mark_as_sent/", mark_as_sent, "Mark invoice as sent", returns=Invoice),
)
