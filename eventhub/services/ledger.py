"""The books: what a payment's change of state means for revenue, totals and documents. No gateway is asked here.

Invariant, checked after every step in tests: an event's `revenue` is the sum of its completed payments. Lock order:
event, booking, payment; the invoice counter comes last.
"""

from collections.abc import Mapping
from typing import Any

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.jobs import PROCESS_PAYMENT, REFUND_PAYMENT, VOID_PAYMENT
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import OFFLINE, Dispute
from eventhub.services import invoices, notifications
from eventhub.services.links import display_name

VOID_AGAIN_SECONDS = 600.0
GIVE_UP_SECONDS = (
    86_400.0  # after which a gateway that neither voids a payment nor tells of money keeps no seats any more
)


def enqueue_processing(tx: Transaction, payment_id: int) -> None:
    """Let a job charge a payment, or look how it stands at its gateway."""
    tx.enqueue(PROCESS_PAYMENT, payment_id=payment_id)


def money(payment: Mapping[str, Any]) -> str:
    """Return what a payment is of, as it is printed: USD 29.99."""
    return localized.money(payment["amount"], payment["currency"])


async def complete(tx: Transaction, event: Row, booking: Row, payment: Row, terms: invoices.Terms) -> None:
    """Book the payment of a confirmed booking as completed, write its invoice, tell the payer.

    It was pending until now, or had ended without money that came after all.
    """
    await tx.execute(_COMPLETE, payment["id"], event["id"], payment["provider_id"])
    invoices.issue_at_the_end(tx, event, booking, payment, terms)
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.PAYMENT_RECEIVED,
        key=f"payment_received:{payment['id']}",
        title="Payment Received",
        message=(
            f"We received {money(payment)} for {event['title']} (transaction {payment['transaction_id']})."
        ),
        event_id=event["id"],
        booking_id=booking["id"],
    )


_COMPLETE = """
WITH paid AS (
    UPDATE payments SET status = 'completed', processed_at = now(), checkout_url = NULL, failure = '', provider_id = $3,
                        void_since = NULL
    WHERE id = $1 AND status IN ('pending', 'failed', 'cancelled') RETURNING user_id, amount
), total AS (
    UPDATE profiles p SET total_spent = p.total_spent + paid.amount FROM paid WHERE p.user_id = paid.user_id
)
UPDATE events e SET revenue = e.revenue + paid.amount FROM paid WHERE e.id = $2
"""


async def complete_transfer(tx: Transaction, event: Row, booking: Row, terms: invoices.Terms) -> None:
    """Complete the bank transfer under way for a booking that its organizer confirms, if there is one."""
    payment = await tx.fetch_one(
        "SELECT * FROM payments WHERE booking_id = $1 AND status = 'pending' AND gateway = $2 FOR NO KEY UPDATE",
        booking["id"],
        OFFLINE,
    )
    if payment is not None:
        await complete(tx, event, booking, payment, terms)


async def refund_booking(tx: Transaction, event: Row, booking: Row) -> str:
    """Refund the completed payment of a booking; return how the money comes back, empty where there is no such payment."""
    payment = await tx.fetch_one(
        "SELECT * FROM payments WHERE booking_id = $1 AND status = 'completed' FOR NO KEY UPDATE",
        booking["id"],
    )
    if payment is None:
        return ""
    return await refund(tx, event, payment)


async def refund(
    tx: Transaction, event: Row, payment: Row, *, is_returned: bool = False, ends_booking: bool = False
) -> str:
    """Move a completed payment (locked) to refunded, write its credit note, tell the payer; return how the money comes back.

    A job returns it, unless it is back already or there was none. `ends_booking` is told as well: the caller ends it.
    """
    is_owed = payment["amount"] > 0 and not is_returned
    await tx.execute(_REFUND, payment["id"], event["id"], "owed" if is_owed else "returned")
    invoices.credit_at_the_end(tx, payment)
    if is_owed:
        enqueue_refund(tx, payment["id"])
    way_back = _way_back(payment, is_returned=is_returned)
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"payment_refunded:{payment['id']}",
        title="Payment Refunded",
        message=(
            f"Your payment for {event['title']} (transaction {payment['transaction_id']}) has been refunded"
            f"{', and your booking is cancelled' if ends_booking else ''}. {way_back}"
        ),
        event_id=event["id"],
        booking_id=payment["booking_id"],
    )
    return way_back


def enqueue_refund(tx: Transaction, payment_id: int) -> None:
    """Let a job have the gateway return the money that a refunded payment owes."""
    tx.enqueue(REFUND_PAYMENT, payment_id=payment_id)


_REFUND = """
WITH back AS (
    UPDATE payments SET status = 'refunded', refunded_at = now(), refund_state = $3
    WHERE id = $1 AND status = 'completed' RETURNING user_id, amount
), total AS (
    UPDATE profiles p SET total_spent = p.total_spent - back.amount FROM back WHERE p.user_id = back.user_id
)
UPDATE events e SET revenue = e.revenue - back.amount FROM back WHERE e.id = $2
"""


def _way_back(payment: Row, *, is_returned: bool) -> str:
    """Return the sentence that tells a payer where the money is."""
    if payment["amount"] == 0:
        return "Nothing was to pay, so no money comes back."
    paid = money(payment)
    if is_returned:
        return f"{paid} has gone back to you."
    if payment["dispute"] == Dispute.OPEN:
        return f"You have asked your bank to return {paid}: it comes back from there, or from us once the bank has decided."
    if payment["gateway"] == OFFLINE:
        return f"The event's organizer has been asked to return {paid} to you by hand."
    return f"{paid} is on its way back to you."


async def hand_over_refund(tx: Transaction, payment_id: int) -> None:
    """Record that money is to be returned by a person, and tell the event's organizer how much, and to whom."""
    payment = await tx.fetch_one(_HAND_OVER, payment_id)
    if payment is None:
        return
    names = (display_name(payment[name]) for name in ("full_name", "username"))
    payer = " / ".join(dict.fromkeys(filter(None, names))) or "the payer"
    await notifications.notify_organizer(
        tx,
        payment["organizer_id"],
        key=f"refund_by_hand:{payment_id}",
        title="Refund to Make by Hand",
        message=(
            f"Please return {money(payment)} to {payer} for {payment['event_title']} "
            f"(transaction {payment['transaction_id']}): Event Hub cannot send it back. When you have done so, mark payment "
            f"{payment_id} as returned."
        ),
        event_id=payment["event_id"],
    )


_HAND_OVER = """
UPDATE payments p SET refund_state = 'by_hand'
FROM bookings b, events e, users u
WHERE p.id = $1 AND p.status = 'refunded' AND p.refund_state = 'owed'
  AND b.id = p.booking_id AND e.id = b.event_id AND u.id = p.user_id
RETURNING p.amount, p.currency, p.transaction_id, u.full_name, u.username, e.id AS event_id, e.title AS event_title,
          e.organizer_id
"""


async def send_back(tx: Transaction, event: Row, payment: Row, *, is_returned: bool = False) -> None:
    """Refund money that arrived for a booking that is gone: it was never ours, so no document is written.

    A job returns it, unless the provider has done so already.
    """
    moved = await tx.execute(
        "UPDATE payments SET status = 'refunded', processed_at = now(), refunded_at = now(), refund_state = $3, "
        "checkout_url = NULL, provider_id = $2, void_since = NULL "
        "WHERE id = $1 AND status IN ('pending', 'failed', 'cancelled')",
        payment["id"],
        payment["provider_id"],
        "returned" if is_returned else "owed",
    )
    if not moved:
        return
    if not is_returned:
        enqueue_refund(tx, payment["id"])
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"payment_refunded:{payment['id']}",
        title="Payment Refunded",
        message=(
            f"Your payment for {event['title']} (transaction {payment['transaction_id']}) has bought no seat. "
            f"{_way_back(payment, is_returned=is_returned)}"
        ),
        event_id=event["id"],
        booking_id=payment["booking_id"],
    )


async def fail(tx: Transaction, event: Row, booking: Row, payment: Row, reason: str) -> None:
    """Record that a pending payment failed and tell the payer, who may try another while the hold lasts."""
    hint = " You can try again while your booking is held." if booking["is_held"] else ""
    await tx.execute(
        "UPDATE payments SET status = 'failed', failure = $2, processed_at = now(), checkout_url = NULL, "
        "void_since = NULL WHERE id = $1 AND status = 'pending'",
        payment["id"],
        reason,
    )
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"payment_failed:{payment['id']}",
        title="Payment Failed",
        message=(
            f"Your payment for {event['title']} (transaction {payment['transaction_id']}) failed: {reason}{hint}"
        ),
        event_id=event["id"],
        booking_id=payment["booking_id"],
    )


async def enqueue_voids(tx: Transaction, booking_id: int) -> bool:
    """Let a job void the payment under way for a booking at its gateway; whether there is one."""
    payment_id = await tx.fetch_value(
        "SELECT id FROM payments WHERE booking_id = $1 AND status = 'pending' FOR NO KEY UPDATE", booking_id
    )
    if payment_id is None:
        return False
    await void(tx, payment_id)
    return True


async def void(tx: Transaction, payment_id: int) -> None:
    """Let a job see to it that no money can come for a payment any more, and look for what came."""
    await tx.execute("UPDATE payments SET void_since = coalesce(void_since, now()) WHERE id = $1", payment_id)
    tx.enqueue(VOID_PAYMENT, payment_id=payment_id)


async def void_overdue(tx: Transaction, booking_id: int) -> bool:
    """Whether a payment under way keeps a booking (locked) whose own hold is over.

    One that has had its time is voided by a job, and what comes of that decides: the booking is kept until then, for a
    day at most. One that no job has taken to its gateway yet has as long: it is not the payer who is late.
    """
    payment = await tx.fetch_one(_UNDER_WAY, booking_id, GIVE_UP_SECONDS)
    if payment is None:
        return False
    if payment["is_given_up"]:
        await stop_waiting(tx, payment["id"])
        return False
    if not payment["has_time"]:
        # Else the clock would pull the job forward that backs off while the gateway is away.
        await tx.execute(
            "UPDATE payments SET wait_until = now() + make_interval(secs => $2) WHERE id = $1",
            payment["id"],
            VOID_AGAIN_SECONDS,
        )
        if not payment["is_being_voided"] and not payment["is_new"]:
            await void(tx, payment["id"])
    return True


_UNDER_WAY = f"""
SELECT id, wait_until IS NOT NULL AND wait_until > now() AS has_time,
       EXISTS (SELECT FROM jobs
               WHERE unique_key = {VOID_PAYMENT.key_sql("payments.id")} AND state = 'queued') AS is_being_voided,
       coalesce(void_since < now() - make_interval(secs => $2), false) AS is_given_up,
       created_at > now() - make_interval(secs => $2) AND checked_at = created_at
           AND EXISTS (SELECT FROM jobs WHERE unique_key = {PROCESS_PAYMENT.key_sql("payments.id")}
                       AND state IN ('queued', 'running')) AS is_new
FROM payments WHERE booking_id = $1 AND status = 'pending' FOR NO KEY UPDATE
"""


async def stop_waiting(tx: Transaction, payment_id: int) -> None:
    """End a pending payment that may be open at its gateway still: a job goes on voiding it, and money that comes is seen to."""
    await tx.execute(
        "UPDATE payments SET status = 'cancelled', processed_at = now(), checkout_url = NULL, "
        "void_since = coalesce(void_since, now()) WHERE id = $1 AND status = 'pending'",
        payment_id,
    )
