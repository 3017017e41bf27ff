"""Free seats offered to the people who wait, in the order in which they joined."""

from collections.abc import Sequence

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.events import EventStatus
from eventhub.models.facts import FactType
from eventhub.models.jobs import CLOSE_WAITLIST, CONFIRM_BOOKING, PROMOTE_WAITLIST
from eventhub.models.notifications import NotificationType
from eventhub.services import locking, notifications, seats, wording
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up

PROMOTED_AT_ONCE = 50  # the event's row is held for less than a tenth of a second


async def promote(tx: Transaction, event_id: int, *, offer_ttl_seconds: int) -> None:
    """Give free seats to the people who have waited longest: each gets a pending booking.

    A job confirms it where it costs nothing. While the event does not sell, everybody goes on waiting.
    """
    event = await locking.lock_event(tx, event_id)
    if event is None or not event["waiting_count"]:
        return
    if event["status"] != EventStatus.PUBLISHED or not event["is_before_deadline"]:
        tx.enqueue(CLOSE_WAITLIST, event_id=event_id)
        return
    if not event["is_selling"]:
        return
    free = event["max_attendees"] - event["seats_held"]
    promoted = await tx.fetch(_PROMOTE, event_id, min(free, PROMOTED_AT_ONCE), float(offer_ttl_seconds))
    offers = [row for row in promoted if row["booking_id"] is not None]
    if not await seats.take_for_waitlist(tx, event_id, len(offers), places=len(promoted)):
        raise RuntimeError(f"seats of event {event_id} were taken while its row was locked")
    _record(tx, event_id, promoted)
    for offer in offers:
        if offer["total_price"] == 0:
            tx.enqueue(CONFIRM_BOOKING, booking_id=offer["booking_id"])
        await tell_of_seat(tx, event, offer, "came free")
    if free > len(offers) and event["waiting_count"] > len(promoted) > 0:
        seats.enqueue_promotion(tx, event_id)


def _record(tx: Transaction, event_id: int, promoted: Sequence[Row]) -> None:
    for row in promoted:
        about = {"waitlist_entry": row["id"]}
        if row["booking_id"] is not None:
            about["booking"] = row["booking_id"]
            price = {"total_price": row["total_price"], "currency": row["currency"]}
            tx.record(
                FactType.BOOKING_CREATED,
                event_id,
                row["user_id"],
                booking=row["booking_id"],
                number_of_tickets=1,
                **price,
            )
        tx.record(FactType(f"waitlist.{row['status']}"), event_id, row["user_id"], **about)


# An entry whose owner holds a booking by now ends as accepted, and one whose owner was deactivated as left.
_PROMOTE = """
WITH next AS (
    SELECT w.id, w.user_id, u.is_active FROM waitlist_entries w JOIN users u ON u.id = w.user_id
    WHERE w.event_id = $1 AND w.status = 'waiting'
    ORDER BY w.line_number LIMIT $2
), booked AS (
    INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, currency,
                          special_requirements, registered_at, expires_at)
    SELECT e.id, next.user_id, 'pending', 1, e.price, e.currency, '', now(),
           least(now() + make_interval(secs => $3), e.registration_deadline)
    FROM next JOIN events e ON e.id = $1 WHERE next.is_active
    ON CONFLICT (event_id, user_id) WHERE status <> 'cancelled' DO NOTHING
    RETURNING id, user_id, total_price, currency, expires_at
)
UPDATE waitlist_entries w
SET status = CASE WHEN NOT next.is_active THEN 'left' WHEN booked.id IS NULL THEN 'accepted' ELSE 'offered' END,
    booking_id = booked.id, notified_at = now(), ended_at = CASE WHEN booked.id IS NULL THEN now() END
FROM next LEFT JOIN booked ON booked.user_id = next.user_id
WHERE w.id = next.id
RETURNING w.id, w.user_id, w.status, booked.id AS booking_id, booked.total_price, booked.currency, booked.expires_at
"""


async def tell_of_seat(tx: Transaction, event: Row, offer: Row, how: str) -> None:
    """Tell somebody of the seat that is booked for them, and how it came to be theirs."""
    until = localized.moment(offer["expires_at"], event["timezone"])
    # People who waited may have joined for another day, or another town.
    when = localized.span(event["start_date"], event["end_date"], event["timezone"])
    facts = f"{when}, place: " + wording.where(event["location"], is_online=event["is_online"])
    await notifications.notify(
        tx,
        offer["user_id"],
        NotificationType.WAITLIST_AVAILABLE,
        key=f"waitlist_available:{offer['booking_id']}",
        title="A Seat Is Yours",
        message=(
            f"A seat for {event['title']} ({facts}) {how} and is booked for you."
            if offer["total_price"] == 0
            else f"A seat for {event['title']} ({facts}) {how} and is held for you: pay by {until} to keep it."
        ),
        event_id=event["id"],
        booking_id=offer["booking_id"],
    )


async def shorten_offers(tx: Transaction, event_id: int) -> None:
    """Let no offer of a locked event last past its deadline, which has come nearer."""
    await tx.execute(
        "UPDATE bookings b SET expires_at = least(b.expires_at, e.registration_deadline) "
        "FROM events e, waitlist_entries w WHERE e.id = $1 AND b.event_id = e.id AND b.status = 'pending' "
        "AND w.booking_id = b.id AND w.status = 'offered'",
        event_id,
    )


async def promote_stalled(tx: Transaction, limit: int = 100) -> int:
    """Let jobs give free seats to people who wait, where no job is about to; return for how many events.

    Every change that frees a seat asks for such a job. This is for events whose job failed for good or is gone.
    """
    return len(await take_up(tx, _HAS_SEATS, limit))


_HAS_SEATS = Promise(
    PROMOTE_WAITLIST,
    """
    SELECT id AS event_id FROM events
    WHERE waiting_count > 0 AND registration_deadline > now() AND status = 'published' AND is_selling
      AND seats_held < max_attendees
    ORDER BY registration_deadline
    """,
)
PERIODIC = (PeriodicTask("promote waitlists", promote_stalled, promises=(_HAS_SEATS,)),)
