"""Money that somebody else moved at a gateway: refunds made in its dashboard, disputes at the payer's bank.

A job asks for all of it when an event tells of any, and once a day while a dispute is open. So events that come twice,
late, out of order or never change nothing twice, and nothing is missed.
"""

from datetime import datetime

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.facts import FactType, Via
from eventhub.models.jobs import FOLLOW_MONEY, IDENTIFY_PAYMENT, PROCESS_PAYMENT, REFUND_PAYMENT
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import Dispute, PaymentStatus, RefundState
from eventhub.services import ledger, locking, notifications
from eventhub.services.payments.refund import settle_refunded
from eventhub.services.periodic import PeriodicTask
from eventhub.services.ports.payments import DisputeElsewhere, MovedElsewhere
from eventhub.services.promises import Promise, take_up

LOOK_AGAIN_SECONDS = 86_400.0


async def follow_event(tx: Transaction, gateway: str, reference: str, key: str | None) -> None:
    """Let a job look at the money of the payment that events turned out to be about; events of others are forgotten."""
    payment_id = await tx.fetch_value(
        "SELECT id FROM payments WHERE transaction_id = $1 AND gateway = $2", key, gateway
    )
    await tx.execute(
        "UPDATE webhook_events SET reference = NULL, payment_id = $3 WHERE gateway = $1 AND reference = $2",
        gateway,
        reference,
        payment_id,
    )
    if payment_id is not None:
        tx.enqueue(FOLLOW_MONEY, payment_id=payment_id)


async def follow_news(tx: Transaction, limit: int = 200) -> int:
    """Let jobs look at news of providers that no job is about to look at; return how many."""
    return sum([len(await take_up(tx, promise, limit)) for promise in (_TO_IDENTIFY, _TO_FOLLOW)])


_TO_IDENTIFY = Promise(
    IDENTIFY_PAYMENT,
    "SELECT DISTINCT gateway, reference FROM webhook_events WHERE reference IS NOT NULL",
)
_TO_FOLLOW = Promise(
    FOLLOW_MONEY,
    "SELECT DISTINCT payment_id FROM webhook_events WHERE payment_id IS NOT NULL",
)


async def forget_news(tx: Transaction, payment_id: int) -> None:
    """Record that a job has looked at what events told of a payment."""
    await tx.execute("UPDATE webhook_events SET payment_id = NULL WHERE payment_id = $1", payment_id)


async def follow(tx: Transaction, payment_id: int, moved: MovedElsewhere, *, seen_at: datetime) -> None:
    """Record what others did with a payment's money: books, booking and seats follow, and those who have to know are told.

    `seen_at` is the row's `checked_at` from before the gateway was asked: where another look has been recorded
    meanwhile, this one may be the older, and a job looks again.
    """
    event, booking, payment = await locking.lock_payment(tx, payment_id)
    if payment["checked_at"] != seen_at:
        tx.enqueue(FOLLOW_MONEY, payment_id=payment_id)
        return
    await tx.execute(
        "UPDATE payments SET dispute = $2, checked_at = now() WHERE id = $1", payment_id, moved.dispute.value
    )
    await forget_news(tx, payment_id)
    if payment["dispute"] != moved.dispute:
        state = moved.dispute.value
        ledger.record(tx, FactType.PAYMENT_DISPUTED, event["id"], payment, via=Via.GATEWAY, dispute=state)
    is_back = moved.is_refunded or moved.dispute is Dispute.LOST
    if payment["status"] == PaymentStatus.REFUNDED:
        await _follow_refunded(tx, event, payment, moved, is_back=is_back)
    elif is_back:
        await settle_refunded(tx, event, booking, payment)
    elif payment["status"] == PaymentStatus.COMPLETED:
        await _tell_of_refunds(tx, event, payment, moved)
    elif moved.disputes or moved.refunds:
        tx.enqueue(PROCESS_PAYMENT, payment_id=payment_id)  # it was paid, and nobody has told so yet
    for dispute in moved.disputes:
        await _tell_of_dispute(tx, event, payment, dispute, is_back=is_back)


async def _follow_refunded(
    tx: Transaction, event: Row, payment: Row, moved: MovedElsewhere, *, is_back: bool
) -> None:
    """Let the books of a refunded payment say whether its money is back; a job returns what is not back."""
    state = payment["refund_state"]
    if state in {RefundState.OWED, RefundState.BY_HAND} and is_back:
        await _set_refund_state(tx, payment["id"], RefundState.RETURNED)
        ledger.record(tx, FactType.PAYMENT_RETURNED, event["id"], payment, via=Via.GATEWAY)
    elif (
        state in {RefundState.OWED, RefundState.RETURNED}
        and not is_back
        and moved.dispute is not Dispute.OPEN
    ):
        # The bank has decided against the payer, or after all against an earlier word; or it sent a refund back.
        await _set_refund_state(tx, payment["id"], RefundState.OWED)
        tx.enqueue(REFUND_PAYMENT, payment_id=payment["id"])


async def _set_refund_state(tx: Transaction, payment_id: int, state: RefundState) -> None:
    await tx.execute("UPDATE payments SET refund_state = $2 WHERE id = $1", payment_id, state.value)


async def _tell_of_refunds(tx: Transaction, event: Row, payment: Row, moved: MovedElsewhere) -> None:
    """Tell the organizer of each refund of a part, once: the booking stays, and what it cost is theirs to judge."""
    for refund in moved.refunds:
        await notifications.notify_organizer(
            tx,
            event["organizer_id"],
            key=f"refund_elsewhere:{refund.provider_id}",
            title="Payment Partly Refunded",
            message=(
                f"{localized.money(refund.amount, payment['currency'])} of the {ledger.money(payment)} that were paid "
                f"for {event['title']} (transaction {payment['transaction_id']}) were refunded at the payment "
                "provider. The booking stays as it is, and so do the payment and its invoice."
            ),
            event_id=event["id"],
        )


_TITLES = {
    Dispute.OPEN: "Payment Disputed",
    Dispute.WON: "Dispute Won",
    Dispute.LOST: "Dispute Lost",
}


def _news(payment: Row, state: Dispute, *, is_back: bool) -> str:
    if state is Dispute.OPEN:
        return (
            "is disputed: the payer has asked their bank to return it. Evidence is given in the payment provider's "
            "dashboard, usually within days. Until the bank has decided, the payment may be impossible to refund."
        )
    if state is Dispute.LOST:
        return "was disputed, and the bank has returned it to the payer. It counts as refunded, and its booking ends."
    if payment["status"] == PaymentStatus.REFUNDED:
        return "is no longer disputed. It was refunded in the meantime, so it goes back to the payer."
    return f"is no longer disputed: {'it was refunded' if is_back else 'the money stays'}."


async def _tell_of_dispute(
    tx: Transaction, event: Row, payment: Row, dispute: DisputeElsewhere, *, is_back: bool
) -> None:
    """Tell the organizer and the admins, who have the provider's dashboard, once about each turn that a dispute takes."""
    admins = await tx.fetch("SELECT id FROM users WHERE user_type = 'admin' AND is_active ORDER BY id")
    await notifications.notify_many(
        tx,
        dict.fromkeys([event["organizer_id"], *(row["id"] for row in admins)]),
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"dispute_{dispute.state}:{dispute.provider_id}",
        title=_TITLES[dispute.state],
        message=(
            f"The payment of {ledger.money(payment)} for {event['title']} (transaction {payment['transaction_id']}) "
            f"{_news(payment, dispute.state, is_back=is_back)}"
        ),
        event_id=event["id"],
    )


async def follow_disputes(tx: Transaction, limit: int = 200) -> int:
    """Let jobs look at disputes that have been open for a day since the last look, for events that were lost."""
    return len(await take_up(tx, _DISPUTED, limit))


# No index leads to them, so they are looked for seldom.
_DISPUTED = Promise(
    FOLLOW_MONEY,
    f"""
    SELECT id AS payment_id FROM payments
    WHERE dispute = 'open' AND checked_at < now() - make_interval(secs => {LOOK_AGAIN_SECONDS}) ORDER BY checked_at
    """,
)


PERIODIC = (
    PeriodicTask("follow news", follow_news, promises=(_TO_IDENTIFY, _TO_FOLLOW)),
    PeriodicTask("follow disputes", follow_disputes, is_seldom=True, promises=(_DISPUTED,)),
)
