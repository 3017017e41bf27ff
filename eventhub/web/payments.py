"""Payments, their receipts, and what providers report about them."""

from aiohttp import web

from eventhub import logs, metrics
from eventhub.errors import Invalid, NotFound
from eventhub.models.payments import OFFLINE
from eventhub.schemas import payments as schemas
from eventhub.schemas.invoices import Invoice
from eventhub.services import invoices, payments
from eventhub.services.ports.payments import by_name
from eventhub.web.call import DOCUMENTS, GATEWAYS, JSON_OR_PDF, Call, Route, tagged
from eventhub.web.http.bodies import read_raw


async def index(call: Call) -> web.Response:
    """Lists your own payments; with `event`, all payments for an event that you organize."""
    return call.reply_page(await payments.list_payments(call.database, call.viewer, call.page_request()))


async def create(call: Call) -> web.Response:
    """Returns a pending payment, which a job charges. Then either the booking is confirmed and an invoice written, or
    the payment has failed. `amount`, if given, must be the booking's price. If the payer has to go somewhere,
    `checkout_url` says where, after a moment; a bank transfer quotes `reference_number`. Only a payer with a verified
    address can pay by transfer. A transfer holds the booking for days, at most until the registration deadline; it
    holds an offer from the waitlist no longer than the offer lasts. A mail says where to send the money.
    """
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
    logs.add(payment_id=payment["id"])
    return call.reply(payment)


async def detail(call: Call) -> web.Response:
    """Only the payer and the event's organizer can read it. `checkout_url` is where the payer has to go, once a job
    has found out.
    """
    return call.reply(await payments.get(call.database, call.viewer, call.id()))


async def refund(call: Call) -> web.Response:
    """The event's organizer can do this, and the payer can until the registration deadline, or for 7 days after the
    event has changed since it was booked, until it starts. The booking is cancelled and the answer says `refunded` at
    once; a job returns the money, and tries until it is done. A credit note is written. While the payer's bank decides
    on a dispute about the payment, the money waits: the bank returns it, or the job does afterwards.
    """
    async with call.transaction() as tx:
        payment = await payments.refund(tx, call.viewer, call.id())
    return call.reply(payment)


async def cancel(call: Call) -> web.Response:
    """Only the payer can do this, while the payment is pending. It is cancelled at once, so that the payer can try
    another method. A job voids it at its gateway before another one is charged. If it was paid in the meantime, it is
    completed after all, and the other one is cancelled.
    """
    async with call.transaction() as tx:
        payment = await payments.cancel(tx, call.viewer, call.id())
    return call.reply(payment)


async def complete(call: Call) -> web.Response:
    """Only the event's organizer can do this: a bank transfer has arrived. It is completed, and confirms its booking.
    A transfer that was no longer expected buys its seats again if they are free; otherwise the answer says `refunded`,
    and the organizer has to return the money.
    """
    async with call.transaction() as tx:
        payment = await payments.complete(
            tx, call.viewer, call.id(), invoices.Terms(call.settings.seller, call.settings.tax_rate)
        )
    return call.reply(payment)


async def mark_returned(call: Call) -> web.Response:
    """Only the event's organizer can do this: the money of a refunded bank transfer has been sent back. The payer is
    told.
    """
    async with call.transaction() as tx:
        payment = await payments.mark_returned(tx, call.viewer, call.id())
    return call.reply(payment)


async def receipt(call: Call) -> web.Response:
    """Only the payer and the event's organizer can read it: JSON, or with `Accept: application/pdf` the document."""
    invoice = await invoices.get_receipt(call.database, call.viewer, call.id())
    if "application/pdf" not in call.request.headers.get("Accept", ""):
        return call.reply(invoice)
    document = await invoices.document(
        call.database, invoice["id"], seller=call.settings.seller, as_receipt=True
    )
    return call.reply_pdf(await call.request.app[DOCUMENTS].invoice(document), f"receipt-{document.number}")


async def webhook(call: Call) -> web.Response:
    """Receives a provider's event. Its signature is checked at once; what it means is left to a job."""
    gateway = by_name(call.request.app[GATEWAYS].values()).get(call.request.match_info["gateway"])
    if gateway is None:
        raise NotFound
    try:
        event = await gateway.parse_webhook(await read_raw(call.request), call.request.headers)
    except Invalid:
        metrics.WEBHOOKS.inc(gateway.name, "refused")
        raise
    metrics.WEBHOOKS.inc(gateway.name, "ignored" if event is None else "taken")
    if event is not None:
        async with call.transaction() as tx:
            await payments.take_webhook(tx, gateway.name, event)
    return call.reply({"received": True})


_PROVIDERS_EVENT = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {"id": "cs_1"}}}
ROUTES = tagged(
    "Payments",
    Route(
        "GET",
        "/api/payments/",
        index,
        "List user's payments",
        listing=payments.PAYMENTS,
        returns=schemas.PaymentListItem,
    ),
    Route(
        "POST",
        "/api/payments/",
        create,
        "Create payment",
        body=schemas.PaymentRequest,
        returns=schemas.Payment,
        status=201,
        is_idempotent=True,
        refuses={
            403: ["email_not_verified"],
            409: ["wrong_state", "payment_exists", "hold_expired", "event_not_open"],
        },
    ),
    Route("GET", "/api/payments/{id}/", detail, "Get payment", returns=schemas.Payment),
    Route(
        "POST",
        "/api/payments/{id}/refund/",
        refund,
        "Refund payment",
        returns=schemas.Payment,
        is_idempotent=True,
        is_sensitive=True,
        locks="payment",
        refuses={409: ["registration_closed", "wrong_state"]},
    ),
    Route(
        "POST",
        "/api/payments/{id}/cancel/",
        cancel,
        "Cancel payment",
        returns=schemas.Payment,
        is_idempotent=True,
        is_sensitive=True,
        locks="payment",
        refuses={403: [], 409: ["wrong_state"]},
    ),
    Route(
        "POST",
        "/api/payments/{id}/complete/",
        complete,
        "Record a transfer that arrived",
        returns=schemas.Payment,
        is_idempotent=True,
        is_sensitive=True,
        locks="payment",
        refuses={403: [], 409: ["wrong_state"]},
    ),
    Route(
        "POST",
        "/api/payments/{id}/mark_returned/",
        mark_returned,
        "Record a refund made by hand",
        returns=schemas.Payment,
        is_idempotent=True,
        is_sensitive=True,
        locks="payment",
        refuses={403: [], 409: ["wrong_state"]},
    ),
    Route(
        "GET",
        "/api/payments/{id}/receipt/",
        receipt,
        "Get payment receipt",
        returns=Invoice,
        produces=JSON_OR_PDF,
    ),
    Route(
        "POST",
        "/api/payments/webhook/{gateway}/",
        webhook,
        "Receive a provider's event",
        is_public=True,
        is_unlimited=True,
        raw_body=_PROVIDERS_EVENT,
        returns=schemas.Received,
    ),
)
