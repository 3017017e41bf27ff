"""What the templates print: documents as plain data, every value a finished string."""

import re
from typing import Any

import segno

from eventhub.gateways.pdf import text
from eventhub.services.ports.documents import CertificateDocument, InvoiceDocument, InvoiceKind, InvoiceLine

HEADINGS = {
    InvoiceKind.INVOICE: "Invoice",
    InvoiceKind.CREDIT_NOTE: "Credit note",
    InvoiceKind.RECEIPT: "Receipt",
}
TOTALS = {
    InvoiceKind.INVOICE: "Total",
    InvoiceKind.CREDIT_NOTE: "Total credited",
    InvoiceKind.RECEIPT: "Total paid",
}
PAID = {
    InvoiceKind.INVOICE: "Paid",
    InvoiceKind.CREDIT_NOTE: "Refunded",
    InvoiceKind.RECEIPT: "Paid",
}
NBSP = "\u00a0"
DARK_AND_LIGHT = bytes.maketrans(b"\x00\x01", b" #")
METHODS = {"paypal": "PayPal", "mock": "test payment"}


def certificate(document: CertificateDocument) -> dict[str, Any]:
    """Return the data of certificate.typ."""
    name = text.name(document.recipient_name, document.recipient_username)
    event = text.one_line(document.event_title)
    organizer = text.one_line(document.organizer_name)
    skills = [skill for skill in map(text.one_line, document.skills) if skill]
    return {
        "title": f"Certificate of Completion {document.number}",
        "author": organizer,
        "han": text.han_language(name, event, organizer, *skills),
        "name": name,
        "event": event,
        "when": text.days(document.starts_on, document.ends_on),
        "hours": text.hours(document.hours),
        "skills": f"{NBSP}{NBSP}·  ".join(skills),
        "organizer": organizer,
        "issued": text.day(document.issued_on),
        "number": text.one_line(document.number),
        "url": document.verification_url,
        "qr": qr_svg(document.verification_url),
    }


def qr_svg(url: str) -> str:
    """Return the QR code of `url` as SVG without a quiet zone: level M, so 15 % of it may be damaged."""
    # A fixed mask: every scanner reads any of the eight, and looking for the prettiest costs 7 of 9 ms.
    code = segno.make(url, error="m", boost_error=False, micro=False, mask=3)
    rows = (row.translate(DARK_AND_LIGHT) for row in code.matrix)
    bars = "".join(
        f"M{run.start()} {y}h{run.end() - run.start()}v1h-{run.end() - run.start()}z"
        for y, row in enumerate(rows)
        for run in re.finditer(b"#+", row)
    )
    size = len(code.matrix)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"><path d="{bars}"/></svg>'


def invoice(document: InvoiceDocument) -> dict[str, Any]:
    """Return the data of invoice.typ."""
    heading = HEADINGS[document.kind]
    seller = [line for part in document.seller for line in text.lines(part)]
    address = text.lines(document.billing_address)
    buyer = text.name(document.buyer_name, document.buyer_username)
    about = text.one_line(document.about)
    descriptions = [text.one_line(line.description) for line in document.lines]
    return {
        "title": f"{heading} {document.number}",
        "author": seller[0] if seller else "",
        "han": text.han_language(buyer, about, *descriptions, *seller, *address, document.notes),
        "heading": heading,
        "number": text.one_line(document.number),
        "seller": seller,
        "buyer": buyer,
        "buyer_lines": [*address, *text.lines(document.buyer_email)],
        "facts": _facts(document),
        "about": "" if descriptions == [about] else about,
        "currency": text.one_line(document.currency),
        "has_discounts": any(line.discount for line in document.lines),
        "lines": [
            _line(line, description, document.currency)
            for line, description in zip(document.lines, descriptions, strict=True)
        ],
        "total_label": TOTALS[document.kind],
        "total": text.money(document.total, document.currency),
        "tax": _tax(document),
        "payment": _payment(document),
        "notes": text.lines(document.notes),
    }


def _line(line: InvoiceLine, description: str, currency: str) -> dict[str, str]:
    return {
        "description": description,
        "quantity": text.number(line.quantity),
        "unit_price": text.money(line.unit_price, currency),
        # As it counts: what it lowers has a minus before it.
        "discount": text.money(-line.discount, currency) if line.discount else "",
        "amount": text.money(line.amount, currency),
    }


def _facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    facts = [
        ("Number", document.number),
        ("Date of issue", text.day(document.issued_at)),
        ("For invoice", document.refers_to),
        ("Transaction", document.transaction_id),
    ]
    return [(label, text.one_line(value)) for label, value in facts if value]


def _tax(document: InvoiceDocument) -> list[tuple[str, str]]:
    if document.tax is None:
        return []
    tax = document.tax
    label = f"{text.one_line(tax.name)} {text.number(tax.rate_percent)}% (included)"
    return [
        ("Net amount", text.money(document.total - tax.amount, document.currency)),
        (label, text.money(tax.amount, document.currency)),
    ]


def _payment(document: InvoiceDocument) -> str:
    if document.paid_at is None:
        return ""
    method = document.payment_method
    by = f" by {METHODS.get(method, text.one_line(method.replace('_', ' ')))}" if method else ""
    return f"{PAID[document.kind]} on {text.day(document.paid_at)}{by}."
