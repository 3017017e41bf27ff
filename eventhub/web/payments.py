"""Payments, their receipts, and what providers tell of them."""

from aiohttp import web

from eventhub.errors import Invalid, NotFound
from eventhub.models.payments import OFFLINE
from eventhub.services import invoices, payments
from eventhub.services.ports.payments import by_name
from eventhub.web.call import DOCUMENTS, GATEWAYS, Call
from eventhub.web.http.bodies import read_raw


async def index(call: Call) -> web.Response:
    return call.reply_page(await payments.list_payments(call.database, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    settings, gateways = call.settings, call.request.app[GATEWAYS]
    method = call.body["method"] or next(iter(gateways), "")
    if method not in gateways:
        raise Invalid(
            {"method": [f"Must be one of {', '.join(gateways) or 'none: no gateway is configured'}."]}
        )
    gateway = gateways[method].name
    wait = settings.offline_payment_wait_seconds if gateway == OFFLINE else settings.payment_wait_seconds
    async with call.transaction() as tx:
        payment = await payments.create(
            tx,
            call.viewer,
            **{**call.body, "method": method},
            gateway=gateway,
            wait_seconds=wait,
            limits=gateways[method].limits,
            bank_details="\n".join(settings.bank_details),
        )
    return call.reply(payment)


async def detail(call: Call) -> web.Response:
    return call.reply(await payments.get(call.database, call.viewer, call.id()))


async def refund(call: Call) -> web.Response:
    async with call.transaction() as tx:
        payment = await payments.refund(tx, call.viewer, call.id())
    return call.reply(payment)


async def cancel(call: Call) -> web.Response:
    async with call.transaction() as tx:
        payment = await payments.cancel(tx, call.viewer, call.id())
    return call.reply(payment)


async def complete(call: Call) -> web.Response:
    async with call.transaction() as tx:
        payment = await payments.complete(
            tx, call.viewer, call.id(), invoices.Terms(call.settings.seller, call.settings.tax_rate)
        )
    return call.reply(payment)


async def mark_returned(call: Call) -> web.Response:
    async with call.transaction() as tx:
        payment = await payments.mark_returned(tx, call.viewer, call.id())
    return call.reply(payment)


async def receipt(call: Call) -> web.Response:
    """JSON, or with `Accept: application/pdf` the document."""
    invoice = await invoices.get_receipt(call.database, call.viewer, call.id())
    if "application/pdf" not in call.request.headers.get("Accept", ""):
        return call.reply(invoice)
    document = await invoices.document(
        call.database, invoice["id"], seller=call.settings.seller, as_receipt=True
    )
    return call.reply_pdf(await call.request.app[DOCUMENTS].invoice(document), f"receipt-{document.number}")


async def webhook(call: Call) -> web.Response:
    """Take a provider's event: its signature is checked here, what it means is a job's business."""
    gateway = by_name(call.request.app[GATEWAYS].values()).get(call.request.match_info["gateway"])
    if gateway is None:
        raise NotFound
    event = await gateway.parse_webhook(await read_raw(call.request), call.request.headers)
    if event is not None:
        async with call.transaction() as tx:
            await payments.take_webhook(tx, gateway.name, event)
    return call.reply({"received": True})
