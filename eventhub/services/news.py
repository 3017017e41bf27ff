"""What organizers are told of their events: bookings and money, each at once or in a digest of the day, as they have set it.

A look at the numbered facts behind the cursor `news` notes in `due_news` which events have something to tell, from which
fact on, and when; the cursor moves with it. A job tells all from there up to the cursor and drops the note, in one
transaction. So whatever fails is told later, and nothing twice.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from eventhub import localized
from eventhub.database import Row, Transaction
from eventhub.models.bookings import CancelReason
from eventhub.models.events import OrganizerNews
from eventhub.models.facts import FactType
from eventhub.models.jobs import TELL_NEWS
from eventhub.models.payments import Dispute
from eventhub.services import notifications
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up

DIGEST_AT = time(8)
MOST_AT_ONCE = 20  # of which each is told by itself; of more there is one digest

_BOOKINGS = {
    FactType.BOOKING_CREATED: "made",
    FactType.BOOKING_CONFIRMED: "confirmed",
    FactType.BOOKING_CANCELLED: "cancelled",
    FactType.BOOKING_EXPIRED: "expired",
}
_MONEY = {FactType.PAYMENT_COMPLETED: "received", FactType.PAYMENT_REFUNDED: "refunded"}
_TOLD = [fact.value for fact in (*_BOOKINGS, *_MONEY, FactType.PAYMENT_DISPUTED)]


async def gather(tx: Transaction, limit: int = 1000) -> int:
    """Note for which events the next facts are news, and let jobs tell what is due; return how many facts were looked at.

    Of several clocks one does it, the others pass.
    """
    cursor = await tx.fetch_one(_NEXT, limit)
    if cursor is None:
        return 0
    if cursor["upto"] > cursor["seq"]:
        for event in await tx.fetch(_FIND, cursor["seq"], cursor["upto"], _TOLD):
            await tx.execute(_NOTE, event["event_id"], event["since_seq"], _due_at(event))
        await tx.execute("UPDATE fact_cursors SET seq = $1 WHERE name = 'news'", cursor["upto"])
    await take_up(tx, _DUE, limit)
    return int(cursor["upto"] - cursor["seq"])


# Numbers have no gaps, so that the next facts are those with the next numbers.
_NEXT = """
SELECT news.seq, least(news.seq + $1, numbered.seq) AS upto
FROM fact_cursors news, fact_cursors numbered WHERE news.name = 'news' AND numbered.name = 'numbered'
FOR NO KEY UPDATE OF news SKIP LOCKED
"""
# What organizers do themselves is no news to them, nor is that a cancelled event's bookings end.
_IS_NEWS = f"""
f.type = ANY({{types}}) AND f.actor_id IS DISTINCT FROM f.organizer_id
AND coalesce(f.data->>'reason', '') <> '{CancelReason.EVENT_CANCELLED}'
"""
# OFFSET keeps the planner from reading all events for the few that have news.
_FIND = f"""
SELECT found.event_id, found.since_seq, e.timezone, e.organizer_news, now() AS now
FROM (
    SELECT f.event_id, min(f.seq) AS since_seq FROM facts f
    WHERE f.seq > $1 AND f.seq <= $2 AND {_IS_NEWS.format(types="$3::text[]")} GROUP BY f.event_id
) found CROSS JOIN LATERAL (
    SELECT timezone, organizer_news FROM events WHERE id = found.event_id OFFSET 0
) e
WHERE e.organizer_news <> '{OrganizerNews.NONE}' ORDER BY found.event_id
"""
_NOTE = """
INSERT INTO due_news (event_id, since_seq, due_at) VALUES ($1, $2, $3)
ON CONFLICT (event_id) DO UPDATE SET due_at = least(due_news.due_at, excluded.due_at)
"""
_DUE = Promise(TELL_NEWS, "SELECT event_id FROM due_news WHERE due_at <= now() ORDER BY due_at")
PERIODIC = (PeriodicTask("gather news", gather, at_once=1000, promises=(_DUE,)),)


def _due_at(event: Row) -> datetime:
    """Return when an event's news are to be told: now, or at the next eight o'clock in its time zone."""
    now: datetime = event["now"]
    if event["organizer_news"] == OrganizerNews.EACH:
        return now
    there = localized.clock(now, event["timezone"])
    day = there.date() if there.time() < DIGEST_AT else there.date() + timedelta(days=1)
    return datetime.combine(day, DIGEST_AT, there.tzinfo).astimezone(UTC)


async def skip(tx: Transaction) -> None:
    """Let nobody be told of what has been numbered so far."""
    await tx.execute(
        "UPDATE fact_cursors SET seq = (SELECT seq FROM fact_cursors WHERE name = 'numbered') WHERE name = 'news'"
    )


async def drop(tx: Transaction, event_id: int) -> None:
    """Let an event's organizer not be told of what has been noted for it."""
    await tx.execute("DELETE FROM due_news WHERE event_id = $1", event_id)


async def tell(tx: Transaction, event_id: int) -> None:
    """Tell an event's organizer what has come up, if it is due; where they want no news any more, it is dropped."""
    since = await tx.fetch_value(_TAKE, event_id)
    if since is None:
        return
    # A statement of its own: whoever moved the cursor for this event meanwhile has let go of the note before.
    found = await tx.fetch(_NEWS, event_id, since, _TOLD)
    if not found:
        return
    event = found[0]
    told = list(_each(found)) if event["organizer_news"] == OrganizerNews.EACH else [found]
    if len(told) > MOST_AT_ONCE:
        told = [found]
    for news in told:
        if what := _in_words(news):
            await notifications.notify_organizer(
                tx,
                event["present_organizer_id"],
                key=f"news:{event_id}:{max(row['last_seq'] for row in news)}",
                title="News of Your Event",
                message=f"{event['title']}: {what}.",
                event_id=event_id,
            )


_TAKE = "DELETE FROM due_news WHERE event_id = $1 AND due_at <= now() RETURNING since_seq"
# Counted here, since a day may have any number of facts. Only what is told of each booking keeps them apart.
_NEWS = f"""
SELECT CASE WHEN e.organizer_news = '{OrganizerNews.EACH}' THEN f.data->>'booking' END AS booking, f.type,
       f.data->>'currency' AS currency, count(*) AS number, sum((f.data->>'number_of_tickets')::int) AS tickets,
       sum((f.data->>'amount')::numeric) AS amount,
       count(*) FILTER (WHERE f.data->>'dispute' = '{Dispute.OPEN}') AS disputed, max(f.seq) AS last_seq,
       e.title, e.organizer_news, e.organizer_id AS present_organizer_id
FROM facts f JOIN events e ON e.id = f.event_id
WHERE f.event_id = $1 AND f.seq >= $2 AND f.seq <= (SELECT seq FROM fact_cursors WHERE name = 'news')
  AND e.organizer_news <> '{OrganizerNews.NONE}' AND {_IS_NEWS.format(types="$3::text[]")}
GROUP BY e.id, 1, 2, 3 ORDER BY min(f.seq)
"""


def _each(counted: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield what is told by itself: what has happened to one booking. Disputes have been told when they came up."""
    of_booking: dict[str, list[Row]] = {}
    for row in counted:
        if row["type"] != FactType.PAYMENT_DISPUTED:
            of_booking.setdefault(row["booking"], []).append(row)
    yield from of_booking.values()


def _in_words(counted: Sequence[Row]) -> str:
    """Return 3 bookings (5 tickets), 1 cancelled, USD 149.95 received; empty where it comes to nothing."""
    parts: list[str] = []
    for kind, verb in _BOOKINGS.items():
        rows = [row for row in counted if row["type"] == kind]
        if number := sum(row["number"] for row in rows):
            noun = "" if parts else f" {'booking' if number == 1 else 'bookings'}"
            tickets = sum(row["tickets"] for row in rows)
            made = f"({tickets} {'ticket' if tickets == 1 else 'tickets'})"
            parts.append(f"{number}{noun} {made if kind is FactType.BOOKING_CREATED else verb}")
    for kind, verb in _MONEY.items():
        moved: dict[str, Decimal] = {}
        for row in counted:
            if row["type"] == kind:
                moved[row["currency"]] = moved.get(row["currency"], Decimal(0)) + row["amount"]
        parts += [
            f"{localized.money(amount, currency)} {verb}" for currency, amount in moved.items() if amount
        ]
    if disputed := sum(row["disputed"] for row in counted):
        parts.append(f"{disputed} {'payment' if disputed == 1 else 'payments'} disputed")
    return ", ".join(parts)
