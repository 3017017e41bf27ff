"""Jobs of invoices."""

from functools import partial

from eventhub.gateways.mail import contents
from eventhub.gateways.mail.render import compose, pdf_attachment
from eventhub.models.jobs import SEND_INVOICE
from eventhub.services import invoices
from eventhub.services.documents import InvoiceDocument, InvoiceKind
from eventhub.services.mail import Attachment
from eventhub.services.notifications import unsubscribe_address_url
from eventhub.workers.kinds import does
from eventhub.workers.outgoing import admit_notice, send
from eventhub.workers.runner import Run

_NAMES = {InvoiceKind.INVOICE: "Invoice", InvoiceKind.CREDIT_NOTE: "Credit note"}


@does(SEND_INVOICE)
async def send_invoice(run: Run, payment_id: int, invoice_kind: str = InvoiceKind.INVOICE.value) -> None:
    """Mail a payment's invoice or credit note as PDF; these are business documents: no preference holds them back.

    They count as news do, since a payment of nothing has one too; an address that nobody has verified is told that
    there is one.
    """
    run.settles(partial(invoices.mailed, payment_id=payment_id, kind=invoice_kind))
    invoice_id = await invoices.id_of_payment(run.database, payment_id, invoice_kind)
    document = await invoices.document(run.database, invoice_id, run.settings.seller)
    payer = await invoices.find_recipient(run.database, payment_id)
    key, address, is_verified = f"invoice-{document.number}", payer["email"], payer["is_verified"]
    await admit_notice(run, address, key, is_verified=is_verified)
    mail = compose(
        _content(run, document, payment_id) if is_verified else _unverified(run, document),
        run.resources.site,
        key=key,
        to_address=address,
        unsubscribe_url=None if is_verified else unsubscribe_address_url(run.settings, address),
        attachments=await _attachments(run, document) if is_verified else (),
    )
    await send(run.resources.mailer, mail)


def _content(run: Run, document: InvoiceDocument, payment_id: int) -> contents.Content:
    name = _NAMES[document.kind]
    return contents.Invoice(
        recipient_name=document.buyer_name,
        title=f"{name} {document.number}",
        message=f"Your {name.lower()} is attached.",
        document_name=name,
        about_event=document.lines[0].description,
        invoice_number=document.number,
        issued_at=document.issued_at,
        event_title=document.lines[0].description,
        amount=contents.Money(amount=document.total, currency=document.currency),
        invoice_url=run.settings.payment_url(payment_id),
    )


def _unverified(run: Run, document: InvoiceDocument) -> contents.Content:
    title = f"{_NAMES[document.kind]} {document.number}"
    return contents.UnverifiedNotice(title=title, app_url=run.resources.site.url)


async def _attachments(run: Run, document: InvoiceDocument) -> tuple[Attachment, ...]:
    return (pdf_attachment(f"{document.number}.pdf", await run.resources.documents.invoice(document)),)
