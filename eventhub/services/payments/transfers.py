"""What people are told of money that moves outside Event Hub: what to transfer, what came, and what went back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.notifications import NotificationType
from eventhub.models.payments import OFFLINE
from eventhub.services import ledger, notifications
from eventhub.services.links import display_name


async def tell_begun(tx: Transaction, payment: Mapping[str, Any], bank_details: str) -> None:
    """Tell the payer what to transfer, where and until when, and the event's organizer that it is under way."""
    row = await tx.fetch_one(_FACTS, payment["id"])
    assert row is not None  # noqa: S101 - the payment was made in this transaction
    money, reference = ledger.money(row), row["transaction_id"]
    where = (
        f"to:\n\n{bank_details}\n\n" if bank_details else "to the account that the event's organizer names. "
    )
    kept = (
        "Your booking is confirmed when the organizer records that the money has arrived."
        if row["booking_status"] == BookingStatus.PENDING
        else "The organizer records it when it has arrived."
    )
    await notifications.notify(
        tx,
        row["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"transfer_to_make:{payment['id']}",
        title="Transfer to Make",
        message=(
            f"Please transfer {money} for {row['title']} {where}Quote the reference {reference}, so that your payment is "
            f"recognized. It must arrive by {localized.moment(row['wait_until'], row['timezone'])}. {kept}"
        ),
        event_id=row["event_id"],
        booking_id=row["booking_id"],
    )
    await notifications.notify_organizer(
        tx,
        row["organizer_id"],
        key=f"transfer_under_way:{payment['id']}",
        title="Transfer Under Way",
        message=(
            f"{_payer(row)} is going to transfer {money} for {row['title']}, with the reference {reference}, by "
            f"{localized.moment(row['wait_until'], row['timezone'])}. When it has arrived, complete payment {payment['id']}."
        ),
        event_id=row["event_id"],
    )


_FACTS = """
SELECT p.amount, p.currency, p.transaction_id, p.wait_until, p.booking_id, p.user_id, u.full_name, u.username,
       b.status AS booking_status, e.id AS event_id, e.title, e.timezone, e.organizer_id
FROM payments p JOIN bookings b ON b.id = p.booking_id JOIN events e ON e.id = b.event_id JOIN users u ON u.id = p.user_id
WHERE p.id = $1
"""


def _payer(row: Mapping[str, Any]) -> str:
    names = (display_name(row[name]) for name in ("full_name", "username"))
    return next(filter(None, names), "Somebody")


async def tell_ended(
    tx: Transaction, event: Row, booking: Row, payment: Mapping[str, Any], *, by_payer: bool = False
) -> None:
    """Tell the organizer, and the payer unless it was their own doing, that a transfer is waited for no longer."""
    if payment["gateway"] != OFFLINE or payment["amount"] == 0:
        return
    money, reference = ledger.money(payment), payment["transaction_id"]
    may_buy = booking["status"] != BookingStatus.CANCELLED or booking["cancel_reason"] == CancelReason.EXPIRED
    what = "it buys its seats where they are still free, or else you are" if may_buy else "you are then"
    await notifications.notify_organizer(
        tx,
        event["organizer_id"],
        key=f"transfer_ended:{payment['id']}",
        title="Transfer No Longer Expected",
        message=(
            f"{money} for {event['title']} (reference {reference}) has not arrived and is no longer expected. If it comes "
            f"all the same, complete payment {payment['id']}: {what} asked to return it."
        ),
        event_id=event["id"],
    )
    if not by_payer and booking["cancel_reason"] != CancelReason.BY_OWNER:
        await _tell_payer_ended(
            tx, event, booking, payment, f"{money} for {event['title']} (reference {reference})"
        )


async def _tell_payer_ended(
    tx: Transaction, event: Row, booking: Row, payment: Mapping[str, Any], what: str
) -> None:
    rest = (
        "Otherwise you can pay in another way."
        if booking["status"] == BookingStatus.CONFIRMED
        else "Otherwise there is nothing left to pay."
    )
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"transfer_ended:{payment['id']}",
        title="Please Do Not Transfer",
        message=(
            f"Your transfer of {what} has not arrived and is no longer expected: please do not send it. If you have sent it "
            f"already, the organizer will record it when it arrives. {rest}"
        ),
        event_id=event["id"],
        booking_id=booking["id"],
    )


async def tell_returned(tx: Transaction, event: Row, payment: Mapping[str, Any]) -> None:
    """Tell the payer that the organizer has recorded the money as sent back."""
    money = ledger.money(payment)
    await notifications.notify(
        tx,
        payment["user_id"],
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"refund_returned:{payment['id']}",
        title="Refund Sent",
        message=(
            f"The organizer of {event['title']} has recorded that {money} (reference {payment['transaction_id']}) has been "
            "sent back to you."
        ),
        event_id=event["id"],
        booking_id=payment["booking_id"],
    )


async def shorten_transfers(tx: Transaction, event: Row, deadline: datetime) -> None:
    """Let no transfer hold a booking past the deadline of a locked event, which has come nearer; tell the payers."""
    rows = await tx.fetch(_SHORTEN, event["id"], OFFLINE, deadline)
    await notifications.notify_many(
        tx,
        {row["user_id"]: row["booking_id"] for row in rows},
        NotificationType.SYSTEM_ANNOUNCEMENT,
        key=f"transfer_sooner:{event['id']}:{deadline:%Y%m%dT%H%M%S}",
        title="Transfer Due Sooner",
        message=(
            f"Registration for {event['title']} now ends earlier, so your transfer must arrive by "
            f"{localized.moment(deadline, event['timezone'])}."
        ),
        event_id=event["id"],
    )


_SHORTEN = """
UPDATE payments p SET wait_until = $3 FROM bookings b
WHERE b.event_id = $1 AND b.status = 'pending' AND p.booking_id = b.id AND p.status = 'pending' AND p.gateway = $2
  AND p.wait_until > $3
RETURNING p.user_id, p.booking_id
"""
