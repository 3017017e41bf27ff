"""Payments: asked for in a request, settled by jobs at a gateway, exactly once in effect.

    events                          a cancelled event pays everybody back
    payments                        create → settle → end, refund → transfers; webhooks, elsewhere; reads
    bookings                        confirmed by money, cancelled with it
    ledger | voids                  the books; payments that are waited for no longer
    invoices                        the papers

Each knows only what stands below it, so bookings know of payments what `ledger` and `voids` say and nothing else.
"""

from eventhub.services.payments import elsewhere, webhooks
from eventhub.services.payments.create import create
from eventhub.services.payments.elsewhere import (
    follow,
    follow_disputes,
    follow_event,
    follow_news,
    forget_news,
)
from eventhub.services.payments.end import cancel, give_up, record_voided
from eventhub.services.payments.reads import (
    PAYMENTS,
    find_for_gateway,
    get,
    list_payments,
    list_to_void,
    reference,
)
from eventhub.services.payments.refund import (
    begin_another_refund,
    mark_returned,
    record_refund,
    refund,
    refund_key,
)
from eventhub.services.payments.settle import Arrived, complete, settle, settle_paid
from eventhub.services.payments.transfers import shorten_transfers
from eventhub.services.payments.webhooks import (
    check_pending,
    purge_webhook_events,
    take_webhook,
    warn_of_absent_gateways,
)

PERIODIC = (*webhooks.PERIODIC, *elsewhere.PERIODIC)

PERIODIC = (*webhooks.PERIODIC, *elsewhere.PERIODIC)

__all__ = [
    "PAYMENTS",
    "PERIODIC",
    "Arrived",
    "begin_another_refund",
    "cancel",
    "check_pending",
    "complete",
    "create",
    "find_for_gateway",
    "follow",
    "follow_disputes",
    "follow_event",
    "follow_news",
    "forget_news",
    "get",
    "give_up",
    "list_payments",
    "list_to_void",
    "mark_returned",
    "purge_webhook_events",
    "record_refund",
    "record_voided",
    "reference",
    "refund",
    "refund_key",
    "settle",
    "settle_paid",
    "shorten_transfers",
    "take_webhook",
    "warn_of_absent_gateways",
]
