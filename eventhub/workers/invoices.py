"""Jobs of invoices."""

from eventhub.gateways.mail import contents
from eventhub.gateways.mail.render import compose, pdf_attachment
from eventhub.models.jobs import SEND_INVOICE
from eventhub.services import invoices
from eventhub.workers.kinds import does
from eventhub.workers.outgoing import send
from eventhub.workers.runner import Run


@does(SEND_INVOICE)
async def send_invoice(run: Run, payment_id: int) -> None:
    """Mail a payment's invoice as PDF; it is a business document, so no preference holds it back."""
    invoice_id = await invoices.id_of_payment(run.database, payment_id)
    document = await invoices.document(run.database, invoice_id, run.settings.seller)
    pdf = await run.resources.documents.invoice(document)
    site = run.resources.site
    mail = compose(
        contents.Invoice(
            recipient_name=document.buyer_name,
            title=f"Invoice {document.number}",
            message="Your invoice is attached.",
            invoice_number=document.number,
            issued_at=document.issued_at,
            event_title=document.lines[0].description,
            amount=contents.Money(amount=document.total, currency=document.currency),
            invoice_url=f"{site.url}/api/invoices/{invoice_id}/",
        ),
        site,
        key=f"invoice-{document.number}",
        to_address=document.buyer_email,
        attachments=(pdf_attachment(f"{document.number}.pdf", pdf),),
    )
    await send(run.resources.mailer, mail)
