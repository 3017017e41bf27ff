"""Invoices and credit notes."""

from marshmallow import fields

from eventhub.schemas.base import Base, Moment, Money


class InvoiceListItem(Base):
    """An invoice in a list, or with a negative amount the credit note that takes one back."""

    id = fields.Integer(required=True)
    invoice_number = fields.String(required=True)
    payment_id = fields.Integer(required=True)
    transaction_id = fields.String(required=True)
    event_title = fields.String(required=True)
    user_name = fields.String(required=True)
    billing_address = fields.String(required=True)
    notes = fields.String(required=True)
    is_sent = fields.Boolean(required=True)
    issued_at = Moment(required=True)
    sent_at = Moment(required=True, allow_none=True)
    amount = Money(required=True, minimum="-9999999999.99", maximum="9999999999.99")
    currency = fields.String(required=True)

    example = {
        "id": 1,
        "invoice_number": "INV-2026-000001",
        "payment_id": 1,
        "transaction_id": "EVH-ABCD1234EFGH",
        "event_title": "Test Workshop",
        "user_name": "John Doe",
        "billing_address": "",
        "notes": "",
        "is_sent": False,
        "issued_at": "2025-12-20T12:00:00Z",
        "sent_at": None,
        "amount": "29.99",
        "currency": "USD",
    }


class InvoiceLine(Base):
    """One line of an invoice: `amount` is `quantity` times `unit_price` less `discount`. In a credit note all three
    amounts are negative.
    """

    description = fields.String(required=True)
    quantity = fields.Integer(required=True)
    unit_price = Money(required=True, minimum="-99999999.99")
    discount = Money(required=True, minimum="-9999999999.99", maximum="9999999999.99")
    amount = Money(required=True, minimum="-9999999999.99", maximum="9999999999.99")

    example = {
        "description": "Test Workshop, 1 ticket",
        "quantity": 1,
        "unit_price": "29.99",
        "discount": "0.00",
        "amount": "29.99",
    }


class Invoice(InvoiceListItem):
    """An invoice or credit note by itself. Its `lines` add up to `amount`: one for each item of the booking, or a single
    one for all tickets where the booking had no items.
    """

    lines = fields.List(fields.Nested(InvoiceLine), required=True)

    example = {**InvoiceListItem.example, "lines": [InvoiceLine.example]}
