"""Bookings confirmed: by their organizers, by money, or at once where nothing is to pay."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from eventhub.database import Origin, Row, Transaction
from eventhub.errors import Conflict
from eventhub.models.bookings import BookingStatus, CancelReason
from eventhub.models.events import EventStatus, Owed
from eventhub.models.facts import FactType
from eventhub.models.notifications import NotificationType
from eventhub.services import invoices, ledger, locking, notifications, owed, seats
from eventhub.services.access import Viewer
from eventhub.services.bookings.reads import get, lock_to_decide
from eventhub.services.bookings.refusals import wrong_state
from eventhub.services.invoices import Purchase


async def confirm(tx: Transaction, viewer: Viewer, booking_id: int, terms: invoices.Terms) -> dict[str, Any]:
    """Confirm a booking for its organizer, or for its owner where nothing is to pay, and return it.

    The organizer's word completes a bank transfer that is under way, even where the booking was confirmed before.
    """
    event, booking, by_organizer = await lock_to_decide(tx, viewer, booking_id)
    if booking["status"] == BookingStatus.PENDING:
        if booking["total_price"] > 0 and not by_organizer:
            raise Conflict(f"Booking {booking_id} has to be paid for first.", code="payment_required")
        await confirm_pending(tx, event, booking_id)
    elif booking["status"] != BookingStatus.CONFIRMED:
        raise wrong_state(booking_id, booking["status"], "confirmed")
    if by_organizer:
        await ledger.complete_transfer(tx, event, booking, terms)
    return await get(tx, viewer, booking_id)


async def confirm_paid(tx: Transaction, purchases: Sequence[Purchase]) -> set[int]:
    """Confirm bookings that were paid for, and return the ids of those that have their seats; for others there is none.

    A booking whose hold had expired gets its seats again if they are free; its owner leaves the waitlist for it. That
    the event has begun or ended meanwhile is no matter: the payment was begun in time, and its job may be late.
    """
    seated, to_confirm = set(), []
    for each in purchases:
        with tx.caused_by(each.origin):
            if not await _has_seats(tx, each.event, each.booking):
                continue
        seated.add(each.booking["id"])
        if each.booking["status"] not in _SEATED:
            to_confirm.append(each)
    if to_confirm:
        await _confirm(
            tx,
            {each.booking["id"]: each.event for each in to_confirm},
            origins={each.booking["id"]: each.origin for each in to_confirm},
        )
    return seated


_SEATED = {BookingStatus.CONFIRMED, BookingStatus.NO_SHOW}


async def _has_seats(tx: Transaction, event: Row, booking: Row) -> bool:
    """Whether there are seats for the money; those of a hold that had expired are taken again, and it is pending again."""
    if event["status"] == EventStatus.CANCELLED:
        return False
    if booking["status"] in _SEATED or booking["status"] == BookingStatus.PENDING:
        return True
    if booking["cancel_reason"] != CancelReason.EXPIRED or await tx.fetch_value(
        "SELECT EXISTS (SELECT FROM bookings WHERE event_id = $1 AND user_id = $2 AND status <> 'cancelled')",
        event["id"],
        booking["user_id"],
    ):
        return False
    if not await seats.take_again(tx, event["id"], booking):
        return False
    await tx.execute(
        "UPDATE bookings SET status = 'pending', cancelled_at = NULL, cancel_reason = NULL WHERE id = $1",
        booking["id"],
    )
    return True


async def confirm_free(tx: Transaction, booking_id: int) -> None:
    """Confirm a booking that costs nothing; one that was confirmed or cancelled meanwhile is left as it is."""
    event = await locking.lock_event_of_booking(tx, booking_id)
    if event is not None:
        await confirm_pending(tx, event, booking_id, only_free=True)


async def confirm_pending(tx: Transaction, event: Row, booking_id: int, *, only_free: bool = False) -> None:
    """Confirm a pending booking of a locked event and tell its owner. Raises Conflict where the event is cancelled."""
    if event["status"] == EventStatus.CANCELLED:
        raise Conflict(f"Event {event['id']} is {event['status']}.", code="event_not_open")
    await _confirm(tx, {booking_id: event}, only_free=only_free)


async def _confirm(
    tx: Transaction,
    events: Mapping[int, Row],
    *,
    only_free: bool = False,
    origins: Mapping[int, Origin | None] = MappingProxyType({}),
) -> None:
    """Confirm those bookings that are pending, given as {id: its locked event}, and tell their owners."""
    news = []
    for booking in await tx.fetch(_CONFIRM, list(events), only_free):
        event, origin = events[booking["id"]], origins.get(booking["id"])
        with tx.caused_by(origin):
            _record(tx, booking)
            if event["status"] == EventStatus.COMPLETED:
                await owed.owe(tx, event["id"], Owed.CERTIFICATES)
        news.append(_confirmation(booking, event, origin))
    if news:
        await notifications.notify_each(
            tx, NotificationType.BOOKING_CONFIRMATION, "Booking Confirmation", news
        )


def _record(tx: Transaction, booking: Row) -> None:
    event_id, user_id, booking_id = booking["event_id"], booking["user_id"], booking["id"]
    tx.record(
        FactType.BOOKING_CONFIRMED,
        event_id,
        user_id,
        booking=booking_id,
        number_of_tickets=booking["number_of_tickets"],
    )
    if booking["entry_id"] is not None:
        tx.record(
            FactType.WAITLIST_ACCEPTED,
            event_id,
            user_id,
            waitlist_entry=booking["entry_id"],
            booking=booking_id,
        )


def _confirmation(booking: Row, event: Row, origin: Origin | None) -> notifications.News:
    return notifications.News(
        booking["user_id"],
        key=f"booking_confirmation:{booking['id']}",
        message=f"Your booking for {event['title']} has been confirmed.",
        event_id=event["id"],
        booking_id=booking["id"],
        origin=origin,
    )


_CONFIRM = f"""
WITH b AS (
    UPDATE bookings SET status = 'confirmed', confirmed_at = now()
    WHERE id = ANY(ARRAY(SELECT unnest($1::bigint[]))) AND status = 'pending' AND (total_price = 0 OR NOT $2::boolean)
    RETURNING *
), counted AS (
    {seats.CONFIRM}
), accepted AS (
    UPDATE waitlist_entries w SET status = 'accepted', ended_at = now()
    FROM b WHERE w.booking_id = b.id AND w.status = 'offered' RETURNING w.id, w.booking_id
)
SELECT b.id, b.event_id, b.user_id, b.number_of_tickets, accepted.id AS entry_id
FROM b LEFT JOIN accepted ON accepted.booking_id = b.id ORDER BY b.id
"""
