"""The books: what a payment's change of state means for revenue, totals and documents. No gateway is asked here.

Invariant, checked after every step in tests: an event's `revenue` is the sum of its completed payments. Lock order:
event, booking, payment; the invoice counter comes last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.facts import FactType, Via
from eventhub.models.invoices import InvoiceKind
from eventhub.models.jobs import REFUND_PAYMENT
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import OFFLINE, Dispute
from eventhub.services import invoices, locking, notifications
from eventhub.services.invoices import Purchase
from eventhub.services.promises import Promise


def money(payment: Mapping[str, Any]) -> str:
    """Return a payment's amount as it is printed: USD 29.99."""
    return localized.money(payment["amount"], payment["currency"])


def record(
    tx: Transaction,
    fact: FactType,
    event_id: int,
    payment: Mapping[str, Any],
    *,
    via: Via | None = None,
    **more: Any,
) -> None:
    """Record what has happened to a payment, with its amount."""
    about: dict[str, Any] = {name: payment[column] for name, column in _ABOUT.items()}
    tx.record(fact, event_id, payment["user_id"], via=via, **about, **more)


_ABOUT = {"payment": "id", "booking": "booking_id", "amount": "amount", "currency": "currency"}


def moved_by(payment: Mapping[str, Any]) -> Via | None:
    """Return the way of money that a gateway moved; that of a transfer, whoever records it did."""
    return None if payment["gateway"] == OFFLINE else Via.GATEWAY


async def complete(tx: Transaction, purchases: Sequence[Purchase], terms: invoices.Terms) -> None:
    """Book the payments of confirmed bookings as completed, write their invoices, and tell the payers.

    They were pending until now, or had ended without money that came after all.
    """
    if len(purchases) > 1:
        await locking.lock_profiles(tx, {each.payment["user_id"] for each in purchases})
    await tx.execute(
        _COMPLETE,
        [each.payment["id"] for each in purchases],
        [each.event["id"] for each in purchases],
        [each.payment["provider_id"] for each in purchases],
    )
    for each in purchases:
        event_id, payment = each.event["id"], each.payment
        with tx.caused_by(each.origin):
            record(tx, FactType.PAYMENT_COMPLETED, event_id, payment, via=moved_by(payment))
            record(tx, FactType.INVOICE_ISSUED, event_id, payment, kind=InvoiceKind.INVOICE.value)
    invoices.issue_at_the_end(tx, purchases, terms)
    await notifications.notify_each(
        tx, NotificationType.PAYMENT_RECEIVED, "Payment Received", [_received(each) for each in purchases]
    )


def _received(purchase: Purchase) -> notifications.News:
    payment, title = purchase.payment, purchase.event["title"]
    return notifications.News(
        payment["user_id"],
        key=f"payment_received:{payment['id']}",
        message=f"We received {money(payment)} for {title} (transaction {payment['transaction_id']}).",
        event_id=purchase.event["id"],
        booking_id=purchase.booking["id"],
        origin=purchase.origin,
    )


_COMPLETE = """
WITH paid AS (
    UPDATE payments p SET status = 'completed', processed_at = now(), checkout_url = NULL, failure = '',
                          provider_id = given.provider_id, void_since = NULL
    FROM unnest((SELECT $1::bigint[]), $2::bigint[], $3::text[]) AS given (id, event_id, provider_id)
    WHERE p.id = given.id AND p.status IN ('pending', 'failed', 'cancelled')
    RETURNING p.user_id, p.amount, given.event_id
), total AS (
    UPDATE profiles f SET total_spent = f.total_spent + own.amount
    FROM (SELECT user_id, sum(amount) AS amount FROM paid GROUP BY user_id) AS own WHERE f.user_id = own.user_id
)
UPDATE events e SET revenue = e.revenue + own.amount
FROM (SELECT event_id, sum(amount) AS amount FROM paid GROUP BY event_id) AS own WHERE e.id = own.event_id
"""


async def complete_transfer(tx: Transaction, event: Row, booking: Row, terms: invoices.Terms) -> None:
    """Complete the bank transfer under way for a booking that its organizer confirms, if there is one."""
    payment = await tx.fetch_one(
        "SELECT * FROM payments WHERE booking_id = $1 AND status = 'pending' AND gateway = $2 FOR NO KEY UPDATE",
        booking["id"],
        OFFLINE,
    )
    if payment is not None:
        await complete(tx, [Purchase(event, booking, payment)], terms)


async def refund(
    tx: Transaction, event: Row, payment: Row, *, is_returned: bool = False, ends_booking: bool = False
) -> str:
    """Move a completed payment (locked) to refunded, write its credit note, tell the payer; return how the money comes back.

    A job returns it, unless it is back already or there was none. Where the refund `ends_booking`, the payer is told so.
    """
    is_owed = payment["amount"] > 0 and not is_returned
    await tx.execute(_REFUND, payment["id"], event["id"], "owed" if is_owed else "returned")
    record(tx, FactType.PAYMENT_REFUNDED, event["id"], payment, via=Via.GATEWAY if is_returned else None)
    record(tx, FactType.INVOICE_ISSUED, event["id"], payment, kind=InvoiceKind.CREDIT_NOTE.value)
    invoices.credit_at_the_end(tx, payment)
    if is_owed:
        tx.enqueue(REFUND_PAYMENT, payment_id=payment["id"])
    how = way_back(payment, is_returned=is_returned)
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"payment_refunded:{payment['id']}",
        title="Payment Refunded",
        message=(
            f"Your payment for {event['title']} (transaction {payment['transaction_id']}) has been refunded"
            f"{', and your booking is cancelled' if ends_booking else ''}. {how}"
        ),
        event_id=event["id"],
        booking_id=payment["booking_id"],
    )
    return how


_REFUND = """
WITH back AS (
    UPDATE payments SET status = 'refunded', refunded_at = now(), refund_state = $3
    WHERE id = $1 AND status = 'completed' RETURNING user_id, amount
), total AS (
    UPDATE profiles p SET total_spent = p.total_spent - back.amount FROM back WHERE p.user_id = back.user_id
)
UPDATE events e SET revenue = e.revenue - back.amount FROM back WHERE e.id = $2
"""


TO_RETURN = Promise(
    REFUND_PAYMENT,
    # While the payer's bank decides on a dispute, a refund would be refused: `payments.elsewhere` follows how that ends.
    "SELECT id AS payment_id FROM payments WHERE refund_state = 'owed' AND status = 'refunded' AND dispute <> 'open' "
    "ORDER BY id",
)


async def recount_revenue(tx: Transaction, event_id: int) -> Row | None:
    """Set the revenue of a locked event to the sum of its completed payments; return it before and after."""
    return await tx.fetch_one(_RECOUNT_REVENUE, event_id)


_RECOUNT_REVENUE = """
WITH was AS (SELECT revenue FROM events WHERE id = $1), paid AS (
    SELECT coalesce(sum(p.amount), 0) AS amount FROM bookings b JOIN payments p ON p.booking_id = b.id
    WHERE b.event_id = $1 AND p.status = 'completed'
)
UPDATE events e SET revenue = paid.amount FROM was, paid WHERE e.id = $1
RETURNING was.revenue AS was_revenue, e.revenue
"""


async def recount_spent(tx: Transaction, user_id: int) -> Row | None:
    """Set what a person whose totals are locked has spent to the sum of their completed payments; return it before and after."""
    return await tx.fetch_one(_RECOUNT_SPENT, user_id)


_RECOUNT_SPENT = """
WITH was AS (SELECT total_spent FROM profiles WHERE user_id = $1), paid AS (
    SELECT coalesce(sum(amount), 0) AS amount FROM payments WHERE user_id = $1 AND status = 'completed'
)
UPDATE profiles f SET total_spent = paid.amount FROM was, paid WHERE f.user_id = $1
RETURNING was.total_spent AS was_total_spent, f.total_spent
"""


def way_back(payment: Row, *, is_returned: bool) -> str:
    """Return the sentence that tells a payer how the money comes back."""
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
