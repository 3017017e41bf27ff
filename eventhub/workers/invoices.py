"""Jobs of invoices."""

from eventhub.gateways.mail import contents
from eventhub.gateways.mail.render import compose, pdf_attachment
from eventhub.models.jobs import SEND_INVOICE
from eventhub.services import invoices
from eventhub.services.documents import InvoiceKind
from eventhub.workers.kinds import does
from eventhub.workers.outgoing import send
from eventhub.workers.runner import Run

_NAMES = {InvoiceKind.INVOICE: "Invoice", InvoiceKind.CREDIT_NOTE: "Credit note"}


@does(SEND_INVOICE)
async def send_invoice(run: Run, payment_id: int, invoice_kind: str = InvoiceKind.INVOICE.value) -> None:
    """Mail a payment's invoice or credit note as PDF; these are business documents: no preference holds them back."""
    invoice_id = await invoices.id_of_payment(run.database, payment_id, invoice_kind)
    document = await invoices.document(run.database, invoice_id, run.settings.seller)
    pdf = await run.resources.documents.invoice(document)
    site = run.resources.site
    name = _NAMES[document.kind]
    mail = compose(
        contents.Invoice(
            recipient_name=document.buyer_name,
            title=f"{name} {document.number}",
            message=f"Your {name.lower()} is attached.",
            document_name=name,
            invoice_number=document.number,
            issued_at=document.issued_at,
            event_title=document.lines[0].description,
            amount=contents.Money(amount=document.total, currency=document.currency),
            invoice_url=run.settings.payment_url(payment_id),
        ),
        site,
        key=f"invoice-{document.number}",
        to_address=document.buyer_email,
        attachments=(pdf_attachment(f"{document.number}.pdf", pdf),),
    )
    await send(run.resources.mailer, mail)
