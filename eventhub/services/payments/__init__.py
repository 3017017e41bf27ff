"""Payments: asked for in a request, settled by jobs at a gateway, exactly once in effect."""

from eventhub.services.payments.commands import create, refund
from eventhub.services.payments.elsewhere import follow, follow_disputes, follow_event
from eventhub.services.payments.reads import PAYMENTS, get, list_payments
from eventhub.services.payments.rows import find_for_gateway, reference, refund_key
from eventhub.services.payments.settling import begin_another_refund, record_refund, settle
from eventhub.services.payments.transfers import OFFLINE, shorten_transfers
from eventhub.services.payments.webhooks import check_pending, purge_webhook_events, take_webhook

__all__ = [
    "OFFLINE",
    "PAYMENTS",
    "begin_another_refund",
    "check_pending",
    "create",
    "find_for_gateway",
    "follow",
    "follow_disputes",
    "follow_event",
    "get",
    "list_payments",
    "purge_webhook_events",
    "record_refund",
    "reference",
    "refund",
    "refund_key",
    "settle",
    "shorten_transfers",
    "take_webhook",
]
