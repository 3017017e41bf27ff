"""The documents that people keep: what a certificate and an invoice say, and the interface that draws them.

Text in here is a person's own, of any script and length, and is shown as it stands. Rendering is CPU work of
a few milliseconds and belongs into a job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class RenderingFailed(Exception):
    """Raised when a document could not be drawn: a fault of the template or its font, never of a name."""


@dataclass(frozen=True, kw_only=True)
class CertificateDocument:
    """What a certificate says. The dates are the calendar days where the event took place.

    `recipient_username` stands in for a name of which nothing can be drawn (a picture of a cat).
    """

    recipient_name: str
    recipient_username: str = ""
    event_title: str
    hours: Decimal | float
    skills: tuple[str, ...] = ()
    starts_on: date
    ends_on: date
    issued_on: date
    number: str
    organizer_name: str
    verification_url: str


class InvoiceKind(StrEnum):
    """Which document an `InvoiceDocument` becomes: its heading and the words around its total."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    RECEIPT = "receipt"


@dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """One thing sold: `amount` is `quantity` times `unit_price` less `discount`, as the seller computed it.

    In a credit note all three amounts are negative.
    """

    description: str
    quantity: int
    unit_price: Decimal
    discount: Decimal = Decimal(0)
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class IncludedTax:
    """The tax that the prices already include: `rate_percent` 21 is 21 %, `amount` in the document's currency."""

    rate_percent: Decimal
    amount: Decimal
    name: str = "VAT"


@dataclass(frozen=True, kw_only=True)
class InvoiceDocument:
    """What an invoice, credit note or receipt says; money is in `currency` (ISO 4217), times are aware.

    `seller` is the seller's name followed by address and tax id, a line each. `refers_to` is the number of the
    invoice that a credit note takes back. `buyer_username` stands in for a name of which nothing can be drawn.
    `about` says in one line what was sold; it is printed above the lines, unless the only one says the same. `total` and
    amounts are printed with the sign that they have.
    """

    number: str
    kind: InvoiceKind = InvoiceKind.INVOICE
    issued_at: datetime
    seller: tuple[str, ...]
    buyer_name: str
    buyer_username: str = ""
    buyer_email: str
    billing_address: str = ""
    about: str
    lines: Sequence[InvoiceLine]
    total: Decimal
    currency: str
    tax: IncludedTax | None = None
    refers_to: str | None = None
    transaction_id: str | None = None
    paid_at: datetime | None = None
    payment_method: str | None = None
    notes: str = ""


class DocumentRenderer(Protocol):
    """Draws documents as PDF; equal documents give equal bytes."""

    async def certificate(self, document: CertificateDocument) -> bytes:
        """Return the certificate: one landscape A4 page. Raises RenderingFailed."""
        ...

    async def invoice(self, document: InvoiceDocument) -> bytes:
        """Return the invoice, credit note or receipt: A4, as many pages as its lines need. Raises RenderingFailed."""
        ...
