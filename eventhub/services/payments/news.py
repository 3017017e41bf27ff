"""What makes a job look at a payment: providers' webhooks, and the clock for those that were lost."""

import logging
from collections.abc import Collection

from eventhub.database import Queries, Transaction
from eventhub.models.payments import OFFLINE, PaymentStatus
from eventhub.services import ledger
from eventhub.services.payment_gateway import GatewayState, RefundState, WebhookEvent
from eventhub.services.payments.reads import list_open_elsewhere

CHECK_AGAIN_SECONDS = 600.0
WEBHOOK_EVENTS_KEPT_DAYS = 30  # Stripe tries for three days: https://docs.stripe.com/webhooks#retries

log = logging.getLogger("eventhub.payments")


async def take_webhook(tx: Transaction, gateway: str, event: WebhookEvent) -> None:
    """Let a job look at the payment that a provider's event is about; a repeated event changes nothing."""
    is_new = await tx.execute(
        "INSERT INTO webhook_events (gateway, event_id, received_at) VALUES ($1, $2, now()) "
        "ON CONFLICT (gateway, event_id) DO NOTHING",
        gateway,
        event.event_id,
    )
    payment = await tx.fetch_one("SELECT id, status FROM payments WHERE transaction_id = $1", event.key)
    if not is_new or payment is None:
        return
    if event.state is RefundState.FAILED:
        await _owe_again(tx, payment["id"])
        return
    # The only news that a completed payment can have is that its money went back.
    if payment["status"] != PaymentStatus.COMPLETED or event.state is GatewayState.REFUNDED:
        await tx.execute("UPDATE payments SET checked_at = now() WHERE id = $1", payment["id"])
        ledger.process_soon(tx, payment["id"])


async def _owe_again(tx: Transaction, payment_id: int) -> None:
    """The payer's bank sent back what was on record as returned: the job that returns it asks the provider again."""
    reopened = await tx.execute(
        "UPDATE payments SET refund_state = 'owed' WHERE id = $1 AND status = 'refunded' AND refund_state = 'returned'",
        payment_id,
    )
    if reopened:
        ledger.return_money_soon(tx, payment_id)


async def purge_webhook_events(queries: Queries, limit: int = 5000) -> int:
    """Forget up to `limit` events that no provider repeats any more; return how many."""
    return await queries.execute(
        "DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events "
        "WHERE received_at < now() - make_interval(days => $1) ORDER BY received_at LIMIT $2)",
        WEBHOOK_EVENTS_KEPT_DAYS,
        limit,
    )


async def check_pending(tx: Transaction, limit: int = 200) -> int:
    """Let jobs look at payments that have been pending for long, for webhooks that were lost; return how many.

    One that a queued job looks at anyway is left to that job, and to its back-off. A transfer that has not come in its
    time is ended; that of a pending booking, with the booking's hold.
    """
    rows = await tx.fetch(_CHECK, CHECK_AGAIN_SECONDS, limit, OFFLINE)
    for row in rows:
        ledger.process_soon(tx, row["id"])
    overdue = await tx.fetch(_OVERDUE_TRANSFERS, limit, OFFLINE)
    for row in overdue:
        await ledger.void(tx, row["id"])
    return len(rows) + len(overdue)


_CHECK = """
UPDATE payments SET checked_at = now()
WHERE id IN (SELECT id FROM payments WHERE status = 'pending' AND gateway <> $3
             AND checked_at < now() - make_interval(secs => $1)
             AND NOT EXISTS (SELECT FROM jobs
                             WHERE unique_key = 'process_payment:' || payments.id AND state = 'queued')
             ORDER BY checked_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""
_OVERDUE_TRANSFERS = """
SELECT p.id FROM payments p JOIN bookings b ON b.id = p.booking_id
WHERE p.status = 'pending' AND p.gateway = $2 AND p.wait_until <= now() AND p.void_since IS NULL
  AND b.status <> 'pending'
ORDER BY p.id LIMIT $1 FOR NO KEY UPDATE OF p SKIP LOCKED
"""


async def warn_of_absent_gateways(queries: Queries, gateways: Collection[str]) -> None:
    """Log a warning of payments whose gateway is none of `gateways`: nobody can charge, void or return them."""
    open_elsewhere = await list_open_elsewhere(queries, gateways)
    if open_elsewhere:
        log.warning(
            "payments are open, or owed back, at gateways that EVENTHUB_PAYMENT_GATEWAYS does not name: %s",
            ", ".join(f"{count} at {gateway}" for gateway, count in open_elsewhere.items()),
        )
