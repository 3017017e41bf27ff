"""Jobs of invoices."""

from functools import partial

from eventhub.models.jobs import SEND_INVOICE
from eventhub.services import invoices
from eventhub.services.ports import mail_contents as contents
from eventhub.services.ports.documents import InvoiceDocument, InvoiceKind
from eventhub.services.ports.mail import Attachment, pdf_attachment
from eventhub.workers.context import JobContext
from eventhub.workers.kinds import handles
from eventhub.workers.outgoing import admit_notice, send, unsubscribe_url

_NAMES = {InvoiceKind.INVOICE: "Invoice", InvoiceKind.CREDIT_NOTE: "Credit note"}


@handles(SEND_INVOICE)
async def send_invoice(
    context: JobContext, payment_id: int, invoice_kind: str = InvoiceKind.INVOICE.value
) -> None:
    """Mail a payment's invoice or credit note as PDF; these are business documents: no preference holds them back.

    They count as news do, since a payment of nothing has one too; an address that nobody has verified is told that
    there is one.
    """
    context.settles(partial(invoices.mailed, payment_id=payment_id, kind=invoice_kind))
    invoice_id = await invoices.id_of_payment(context.database, payment_id, invoice_kind)
    document = await invoices.document(context.database, invoice_id, seller=context.settings.seller)
    payer = await invoices.find_recipient(context.database, payment_id)
    key, address, is_verified = f"invoice-{document.number}", payer["email"], payer["is_verified"]
    await admit_notice(context, address, key, is_verified=is_verified)
    await send(
        context,
        _content(context, document, payment_id) if is_verified else _unverified(context, document),
        key=key,
        to_address=address,
        unsubscribe_url=None if is_verified else unsubscribe_url(context, address),
        attachments=await _attachments(context, document) if is_verified else (),
    )


def _content(context: JobContext, document: InvoiceDocument, payment_id: int) -> contents.Content:
    name = _NAMES[document.kind]
    return contents.Invoice(
        recipient_name=document.buyer_name,
        title=f"{name} {document.number}",
        message=f"Your {name.lower()} is attached.",
        document_name=name,
        about_event=document.about,
        invoice_number=document.number,
        issued_at=document.issued_at,
        event_title=document.about,
        amount=contents.Money(amount=document.total, currency=document.currency),
        invoice_url=context.settings.payment_url(payment_id),
    )


def _unverified(context: JobContext, document: InvoiceDocument) -> contents.Content:
    title = f"{_NAMES[document.kind]} {document.number}"
    return contents.UnverifiedNotice(title=title, app_url=context.settings.links_base)


async def _attachments(context: JobContext, document: InvoiceDocument) -> tuple[Attachment, ...]:
    return (pdf_attachment(f"{document.number}.pdf", await context.resources.documents.invoice(document)),)
