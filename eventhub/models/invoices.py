"""Invoices and credit notes: written once, never deleted, and changed only to record that they were sent."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields

from eventhub.models.base import SqlIndex, one_of


class InvoiceKind(StrEnum):
    """Each has a series of numbers of its own."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Invoice(Model):
    """What was paid, or given back; seller, buyer and title are kept as they were.

    `seller` has a line for each of the setting's; `tax_rate` is a percentage that the amount includes. `mail_owed` is
    whether it is still to be mailed; `is_sent` is what people say of it.
    `lines` are those of a booking with items, amounts as text; null where the one line follows from the rest.
    """

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=20)
    invoice_number = fields.CharField(max_length=30)
    payment: fields.ForeignKeyRelation[Any] = fields.ForeignKeyField(
        "models.Payment", related_name="invoices", on_delete=fields.RESTRICT
    )
    event_title = fields.CharField(max_length=200)
    user_name = fields.CharField(max_length=400)
    user_email = fields.CharField(max_length=254, default="", db_default="")
    seller = fields.TextField(default="", db_default="")
    tickets = fields.IntField()
    billing_address = fields.TextField(default="", db_default="")
    notes = fields.TextField(default="", db_default="")
    is_sent = fields.BooleanField(default=False, db_default=False)
    issued_at = fields.DatetimeField(auto_now_add=True)
    sent_at = fields.DatetimeField(null=True)
    amount = fields.DecimalField(max_digits=12, decimal_places=2)
    currency = fields.CharField(max_length=3)
    tax_rate = fields.DecimalField(max_digits=6, decimal_places=3, null=True)
    mail_owed = fields.BooleanField(default=False, db_default=False)
    lines = fields.JSONField[list[dict[str, object]]](null=True)

    class Meta:
        table = "invoices"
        indexes = (
            SqlIndex("invoices_number", "(invoice_number)", unique=True),
            SqlIndex("invoices_one_of_each", "(payment_id, kind)", unique=True),
            SqlIndex("invoices_newest", "(issued_at DESC, id DESC)"),
            SqlIndex("invoices_to_mail", "(id) WHERE mail_owed"),
        )
        constraints = (one_of("kind", InvoiceKind, "invoices_kind_known"),)


class InvoiceCounter(Model):
    """The last number given out in a series; its row is what makes numbers gap-free under concurrency."""

    series = fields.CharField(max_length=20, primary_key=True)
    last_number = fields.IntField()

    class Meta:
        table = "invoice_counters"
