"""What makes a job look at a payment: providers' webhooks, and the clock for those that were lost."""

import contextlib
import logging
from collections.abc import Collection

from eventhub.database import Queries, Transaction, UnavailableErrors
from eventhub.models.jobs import FOLLOW_MONEY, IDENTIFY_PAYMENT, PROCESS_PAYMENT, REFUND_PAYMENT
from eventhub.models.payments import PaymentStatus
from eventhub.services import ledger, voids
from eventhub.services.payments.reads import list_open_elsewhere
from eventhub.services.payments.settle import TO_SETTLE
from eventhub.services.periodic import PeriodicTask
from eventhub.services.ports.payments import GatewayRefundState, GatewayState, WebhookEvent
from eventhub.services.promises import take_up

WEBHOOK_EVENTS_KEPT_DAYS = 30  # Stripe tries for three days: https://docs.stripe.com/webhooks#retries

log = logging.getLogger("eventhub.payments")


async def take_webhook(tx: Transaction, gateway: str, event: WebhookEvent) -> None:
    """Let a job look at the payment that a provider's event is about; a repeated event changes nothing."""
    is_new = await tx.execute(
        "INSERT INTO webhook_events (gateway, event_id, received_at, reference) VALUES ($1, $2, now(), $3) "
        "ON CONFLICT (gateway, event_id) DO NOTHING",
        gateway,
        event.event_id,
        None if event.key else event.reference,
    )
    if is_new and not event.key:
        tx.enqueue(IDENTIFY_PAYMENT, gateway=gateway, reference=event.reference)
    payment = await tx.fetch_one("SELECT id, status FROM payments WHERE transaction_id = $1", event.key)
    if not is_new or payment is None:
        return
    if event.state is GatewayRefundState.FAILED:
        await _owe_again(tx, payment["id"])
        return
    # The only news that a completed payment can have is that its money went back.
    is_completed, is_back = payment["status"] == PaymentStatus.COMPLETED, event.state is GatewayState.REFUNDED
    if not is_completed or is_back:
        await tx.execute("UPDATE payments SET checked_at = now() WHERE id = $1", payment["id"])
    match payment["status"]:
        case PaymentStatus.FAILED | PaymentStatus.CANCELLED:
            await voids.void(tx, payment["id"])  # what came all the same is seen to
        case PaymentStatus.PENDING:
            tx.enqueue(PROCESS_PAYMENT, payment_id=payment["id"])
        case PaymentStatus.COMPLETED if is_back:
            tx.enqueue(PROCESS_PAYMENT, payment_id=payment["id"])
    if is_completed and (event.may_have_moved or is_back):
        await tx.execute(_FOLLOW, payment["id"], gateway, event.event_id)
        tx.enqueue(FOLLOW_MONEY, payment_id=payment["id"])


_FOLLOW = "UPDATE webhook_events SET payment_id = $1 WHERE gateway = $2 AND event_id = $3"


async def _owe_again(tx: Transaction, payment_id: int) -> None:
    """Owe money again that was on record as returned, and that the payer's bank sent back; a job asks the provider again."""
    reopened = await tx.execute(
        "UPDATE payments SET refund_state = 'owed' WHERE id = $1 AND status = 'refunded' AND refund_state = 'returned'",
        payment_id,
    )
    if reopened:
        tx.enqueue(REFUND_PAYMENT, payment_id=payment_id)


async def purge_webhook_events(queries: Queries, limit: int = 5000) -> int:
    """Forget up to `limit` events that no provider repeats any more; return how many."""
    return await queries.execute(
        "DELETE FROM webhook_events WHERE id IN (SELECT id FROM webhook_events "
        "WHERE received_at < now() - make_interval(days => $1) ORDER BY received_at LIMIT $2)",
        WEBHOOK_EVENTS_KEPT_DAYS,
        limit,
    )


async def check_pending(tx: Transaction, limit: int = 200) -> int:
    """Let jobs look at what payments still owe and no job is about to do; return how many.

    Those are pending payments that no gateway was ever asked about, or not for long, since webhooks may be lost; money
    to be returned, charges to be voided; and payments of bookings that need no holding, which have not come in time.
    """
    to_ask = await take_up(tx, TO_SETTLE, limit)
    await tx.execute(_ASKED_NOW, [row["payment_id"] for row in to_ask])
    others = [await take_up(tx, promise, limit) for promise in _OTHERS]
    return len(to_ask) + sum(map(len, others))


_OTHERS = (ledger.TO_RETURN, voids.TO_VOID, voids.OVERDUE)
_ASKED_NOW = """
UPDATE payments SET checked_at = now()
WHERE id IN (SELECT id FROM payments WHERE id = ANY($1::bigint[]) FOR NO KEY UPDATE SKIP LOCKED)
"""
PERIODIC = (
    PeriodicTask("check payments", check_pending, promises=(TO_SETTLE, *_OTHERS)),
    PeriodicTask("purge webhook events", purge_webhook_events, at_once=5000, is_seldom=True),
)


async def warn_of_absent_gateways(queries: Queries, gateways: Collection[str]) -> None:
    """Log a warning of payments whose gateway is none of `gateways`: nobody can charge, void or return them.

    While the database is away, nothing is logged: a start is no time to wait for it.
    """
    open_elsewhere: dict[str, int] = {}
    with contextlib.suppress(*UnavailableErrors):
        open_elsewhere = await list_open_elsewhere(queries, gateways)
    if open_elsewhere:
        log.warning(
            "payments are open, or owed back, at gateways that EVENTHUB_PAYMENT_GATEWAYS does not name: %s",
            ", ".join(f"{count} at {gateway}" for gateway, count in open_elsewhere.items()),
        )
