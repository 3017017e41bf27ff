"""Invoices and credit notes: numbered without gaps per series and year, never changed, never deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from eventhub import localized
from eventhub.database import Origin, Queries, Row, Transaction
from eventhub.errors import NotFound
from eventhub.models.jobs import SEND_INVOICE
from eventhub.services.access import Right, Viewer
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    boolean,
    identifier,
)
from eventhub.services.owned_listings import OwnedListing
from eventhub.services.periodic import PeriodicTask
from eventhub.services.ports.documents import (
    IncludedTax,
    InvoiceDocument,
    InvoiceKind,
    InvoiceLine,
)
from eventhub.services.promises import Promise, take_up

INVOICES = Listing(
    columns=(
        "i.id, i.invoice_number, i.payment_id, p.transaction_id, i.event_title, i.user_name, i.billing_address, "
        "i.notes, i.is_sent, i.issued_at, i.sent_at, i.amount::text, i.currency"
    ),
    source=(
        "invoices i JOIN payments p ON p.id = i.payment_id JOIN bookings b ON b.id = p.booking_id "
        "JOIN events e ON e.id = b.event_id"
    ),
    id="i.id",
    orderings={
        "issued_at": Order("i.issued_at", "timestamptz", "issued_at"),
        "invoice_number": Order("i.invoice_number", "text", "invoice_number"),
        "amount": Order("i.amount", "numeric", "amount"),
        "id": Order("i.id", "bigint", "id"),
    },
    default_ordering="-issued_at",
    filters={
        "is_sent": Filter(
            boolean, "i.is_sent = {}", "Only invoices that are marked as sent, or only those that are not."
        ),
        "event": Filter(
            identifier,
            "b.event_id = {}",
            "Only invoices for the event with this id: all of them if you organize it, otherwise your own.",
        ),
    },
    search="(i.invoice_number ILIKE {} OR p.transaction_id ILIKE {})",
    search_doc="A part of the invoice number or of the transaction id, in any case.",
)

_OWNED = OwnedListing(INVOICES, owner="p.user_id", right=Right.MONEY)


@dataclass(frozen=True)
class Terms:
    """What an invoice keeps from the day when it is issued: the seller's lines, and the percentage of tax."""

    seller: tuple[str, ...]
    tax_rate: Decimal | None = None


@dataclass(frozen=True)
class Purchase:
    """What a payment pays for, all rows locked, and the `origin` of it, if that is not the running request or job."""

    event: Row
    booking: Row
    payment: Row
    origin: Origin | None = None


def issue_at_the_end(tx: Transaction, purchases: Sequence[Purchase], terms: Terms) -> None:
    """Write an invoice for each purchase as the transaction's last statement; jobs mail them."""

    async def issue() -> None:
        await tx.execute(
            _ISSUE,
            terms.tax_rate,
            "\n".join(terms.seller),
            [each.payment["id"] for each in purchases],
            [each.event["title"] for each in purchases],
            [each.booking["number_of_tickets"] for each in purchases],
            [each.booking["is_itemized"] for each in purchases],
        )

    for each in purchases:
        with tx.caused_by(each.origin):
            tx.enqueue(SEND_INVOICE, payment_id=each.payment["id"], invoice_kind=InvoiceKind.INVOICE.value)
    tx.at_the_end(issue)


def credit_at_the_end(tx: Transaction, payment: Row) -> None:
    """Write the credit note that takes a payment's invoice back, as the transaction's last statement; a job mails it."""

    async def credit() -> None:
        await tx.execute(_CREDIT, payment["id"])

    tx.enqueue(SEND_INVOICE, payment_id=payment["id"], invoice_kind=InvoiceKind.CREDIT_NOTE.value)
    tx.at_the_end(credit)


async def mail_stalled(tx: Transaction, limit: int = 200) -> int:
    """Let jobs mail what is still to be mailed and no job is about to; return how many."""
    return len(await take_up(tx, _TO_MAIL, limit))


_TO_MAIL = Promise(
    SEND_INVOICE,
    "SELECT payment_id, kind AS invoice_kind FROM invoices WHERE mail_owed ORDER BY id",
)
PERIODIC = (PeriodicTask("mail invoices", mail_stalled, promises=(_TO_MAIL,)),)


async def mailed(tx: Transaction, payment_id: int, kind: str) -> None:
    """Record that an invoice or credit note has not to be mailed any more."""
    await tx.execute(
        "UPDATE invoices SET mail_owed = false WHERE payment_id = $1 AND kind = $2 AND mail_owed",
        payment_id,
        kind,
    )


# The counter's row serialises the series from here to the commit: hence last. A rolled back number is given out again.
_GIVE_OUT_NUMBERS = """
ON CONFLICT (series) DO UPDATE SET last_number = invoice_counters.last_number + excluded.last_number
RETURNING series, last_number
"""
_NUMBER = "next.series || '-' || lpad({0}::text, greatest(6, length({0}::text)), '0')"
# As many numbers are given out as there are rows to bear them.
_ISSUE = f"""
WITH paid AS (
    SELECT p.id, p.booking_id, p.billing_address, p.amount, p.currency, u.full_name, u.email, event_title, tickets,
           is_itemized, row_number() OVER (ORDER BY place) AS place, count(*) OVER () AS count
    FROM unnest((SELECT $3::bigint[]), $4::text[], $5::int[], $6::boolean[]) WITH ORDINALITY
         AS given (payment_id, event_title, tickets, is_itemized, place)
    JOIN payments p ON p.id = payment_id JOIN users u ON u.id = p.user_id
), next AS (
    INSERT INTO invoice_counters (series, last_number) SELECT 'INV-' || extract(year FROM now())::int, count(*) FROM paid
    {_GIVE_OUT_NUMBERS}
)
INSERT INTO invoices (kind, invoice_number, payment_id, event_title, user_name, user_email, billing_address, seller,
                      tickets, issued_at, amount, currency, tax_rate, mail_owed, lines)
SELECT 'invoice', {_NUMBER.format("(next.last_number - count + place)")}, id, event_title, full_name, email,
       billing_address, $2, tickets, now(), amount, currency, $1, true, CASE WHEN is_itemized THEN (
           SELECT jsonb_agg(jsonb_build_object('description', name, 'quantity', quantity, 'unit_price', unit_price::text,
                                               'discount', discount::text, 'amount', total::text) ORDER BY position)
           FROM booking_items WHERE booking_id = paid.booking_id
       ) END
FROM next, paid
"""
_CREDIT = f"""
WITH original AS (
    SELECT * FROM invoices WHERE payment_id = $1 AND kind = 'invoice'
), next AS (
    INSERT INTO invoice_counters (series, last_number) SELECT 'CRN-' || extract(year FROM now())::int, 1 FROM original
    {_GIVE_OUT_NUMBERS}
)
INSERT INTO invoices (kind, invoice_number, payment_id, event_title, user_name, user_email, billing_address, seller,
                      tickets, issued_at, amount, currency, tax_rate, notes, mail_owed, lines)
SELECT 'credit_note', {_NUMBER.format("last_number")}, payment_id, event_title, user_name, user_email, billing_address, seller,
       tickets, now(), -amount, currency, tax_rate, 'Credit note for ' || invoice_number, true, (
           SELECT jsonb_agg(line || jsonb_build_object('unit_price', (-(line->>'unit_price')::numeric)::text,
                                                       'discount', (-(line->>'discount')::numeric)::text,
                                                       'amount', (-(line->>'amount')::numeric)::text) ORDER BY place)
           FROM jsonb_array_elements(lines) WITH ORDINALITY AS l(line, place)
       )
FROM next, original
"""


async def list_invoices(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's invoices and credit notes; with `event`, of all where the viewer manages it."""
    return await _OWNED.fetch_page(queries, viewer, request)


async def get(queries: Queries, viewer: Viewer, invoice_id: int) -> dict[str, Any]:
    """Return an invoice with its lines to its payer or the event's organizer. Raises NotFound to all others."""
    return await _get(queries, viewer, invoice_id)


async def get_receipt(queries: Queries, viewer: Viewer, payment_id: int) -> dict[str, Any]:
    """Return the invoice of a payment with its lines. Raises NotFound until there is one."""
    return await _get(queries, viewer, payment_id, key="i.kind = 'invoice' AND i.payment_id")


async def _get(queries: Queries, viewer: Viewer, value: int, *, key: str = "") -> dict[str, Any]:
    row = await _OWNED.get(queries, viewer, value, key=key, more_columns=", i.tickets, i.lines")
    lines = _lines(row)
    del row["tickets"]
    row["lines"] = [
        {
            "description": line.description,
            "quantity": line.quantity,
            "unit_price": f"{line.unit_price:.2f}",
            "discount": f"{line.discount:.2f}",
            "amount": f"{line.amount:.2f}",
        }
        for line in lines
    ]
    return row


def _about(row: Mapping[str, Any]) -> str:
    """Return what an invoice is for: Test Workshop, 2 tickets."""
    return f"{row['event_title']}, {row['tickets']} ticket{'' if row['tickets'] == 1 else 's'}"


def _lines(row: Mapping[str, Any]) -> list[InvoiceLine]:
    """Return an invoice's lines as they were; without items it has the one that follows from the rest of its row."""
    if row["lines"] is None:
        total = Decimal(row["amount"])
        unit_price = localized.rounded(total / row["tickets"], row["currency"])
        return [
            InvoiceLine(description=_about(row), quantity=row["tickets"], unit_price=unit_price, amount=total)
        ]
    return [
        InvoiceLine(
            description=line["description"],
            quantity=line["quantity"],
            unit_price=Decimal(line["unit_price"]),
            discount=Decimal(line["discount"]),
            amount=Decimal(line["amount"]),
        )
        for line in orjson.loads(row["lines"])
    ]


async def mark_as_sent(tx: Transaction, viewer: Viewer, invoice_id: int) -> dict[str, Any]:
    """Record, for its payer or organizer, that an invoice was sent; the time of the first stays."""
    await get(tx, viewer, invoice_id)
    await tx.execute(
        "UPDATE invoices SET is_sent = true, sent_at = now() WHERE id = $1 AND NOT is_sent", invoice_id
    )
    return await get(tx, viewer, invoice_id)


async def document(
    queries: Queries, invoice_id: int, *, seller: tuple[str, ...], as_receipt: bool = False
) -> InvoiceDocument:
    """Return what the PDF of an invoice or credit note says, as it was issued. Raises NotFound.

    `seller` is for those from before they kept their own.
    """
    row = await queries.fetch_one(_DOCUMENT, invoice_id)
    if row is None:
        raise NotFound
    kind = InvoiceKind(row["kind"])
    total: Decimal = row["amount"]
    return InvoiceDocument(
        number=row["invoice_number"],
        kind=InvoiceKind.RECEIPT if as_receipt and kind is InvoiceKind.INVOICE else kind,
        issued_at=row["issued_at"],
        seller=tuple(row["seller"].split("\n")) if row["seller"] else seller,
        buyer_name=row["user_name"],
        buyer_username=row["username"],
        buyer_email=row["user_email"],
        billing_address=row["billing_address"],
        about=_about(row),
        lines=_lines(row),
        total=total,
        currency=row["currency"],
        tax=included_tax(total, row["currency"], row["tax_rate"]),
        refers_to=row["refers_to"],
        transaction_id=row["transaction_id"],
        paid_at=row["processed_at"],
        payment_method=str(row["method"]).replace("_", " "),
        notes=row["notes"],
    )


def included_tax(total: Decimal, currency: str, rate: Decimal | None) -> IncludedTax | None:
    """Return the tax that `total` includes at `rate` percent, rounded half up to the currency's places.

    None without a rate.
    """
    if rate is None:
        return None
    return IncludedTax(rate_percent=rate, amount=localized.rounded(total * rate / (100 + rate), currency))


_DOCUMENT = """
SELECT i.kind, i.invoice_number, i.issued_at, i.seller, i.user_name, u.username, i.user_email, i.billing_address,
       i.event_title, i.tickets, i.lines, i.amount, i.currency, i.tax_rate, i.notes, p.transaction_id, p.processed_at, p.method,
       CASE WHEN i.kind = 'credit_note' THEN (
           SELECT invoice_number FROM invoices o WHERE o.payment_id = i.payment_id AND o.kind = 'invoice')
       END AS refers_to
FROM invoices i JOIN payments p ON p.id = i.payment_id JOIN users u ON u.id = p.user_id WHERE i.id = $1
"""


async def find_recipient(queries: Queries, payment_id: int) -> Row:
    """Return `email` and `is_verified` of a payment's payer, as they are now. Raises NotFound."""
    row = await queries.fetch_one(
        "SELECT u.email, u.is_verified FROM payments p JOIN users u ON u.id = p.user_id WHERE p.id = $1",
        payment_id,
    )
    if row is None:
        raise NotFound
    return row


async def id_of_payment(queries: Queries, payment_id: int, kind: str) -> int:
    """Return the id of a payment's invoice or credit note. Raises NotFound."""
    invoice_id = await queries.fetch_value(
        "SELECT id FROM invoices WHERE payment_id = $1 AND kind = $2", payment_id, kind
    )
    if invoice_id is None:
        raise NotFound
    return int(invoice_id)
