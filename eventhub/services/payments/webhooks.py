"""What providers tell of payments by themselves, and what is asked where they may have told it in vain."""

from eventhub.database import Queries, Transaction
from eventhub.models.jobs import IDENTIFY_PAYMENT
from eventhub.models.payments import PaymentStatus
from eventhub.services import ledger
from eventhub.services.payment_gateway import GatewayState, RefundState, WebhookEvent
from eventhub.services.payments.elsewhere import follow_soon
from eventhub.services.payments.rows import process_soon

CHECK_AGAIN_SECONDS = 600.0
WEBHOOK_EVENTS_KEPT_DAYS = 30  # Stripe tries for three days: https://docs.stripe.com/webhooks#retries


async def take_webhook(tx: Transaction, gateway: str, event: WebhookEvent) -> None:
    """Let a job look at the payment that a provider's event is about; a repeated event changes nothing."""
    is_new = await tx.execute(
        "INSERT INTO webhook_events (gateway, event_id, received_at) VALUES ($1, $2, now()) "
        "ON CONFLICT (gateway, event_id) DO NOTHING",
        gateway,
        event.event_id,
    )
    if is_new and not event.key:
        tx.enqueue(IDENTIFY_PAYMENT, gateway=gateway, reference=event.reference)
    payment = await tx.fetch_one("SELECT id, status FROM payments WHERE transaction_id = $1", event.key)
    if not is_new or payment is None:
        return
    if event.state is RefundState.FAILED:
        await _owe_again(tx, payment["id"])
        return
    # The only news that a completed payment can have is that its money went back.
    if payment["status"] != PaymentStatus.COMPLETED or event.state is GatewayState.REFUNDED:
        await tx.execute("UPDATE payments SET checked_at = now() WHERE id = $1", payment["id"])
        process_soon(tx, payment["id"])
    elif event.may_have_moved:
        follow_soon(tx, payment["id"])


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

    One that a queued job looks at anyway is left to that job, and to its back-off.
    """
    rows = await tx.fetch(_CHECK, CHECK_AGAIN_SECONDS, limit)
    for row in rows:
        process_soon(tx, row["id"])
    return len(rows)


_CHECK = """
UPDATE payments SET checked_at = now()
WHERE id IN (SELECT id FROM payments WHERE status = 'pending' AND gateway <> 'offline'
             AND checked_at < now() - make_interval(secs => $1)
             AND NOT EXISTS (SELECT FROM jobs
                             WHERE unique_key = 'process_payment:' || payments.id AND state = 'queued')
             ORDER BY checked_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""
