"""Bookings of standard tickets: any number of them, each of another event, by one statement.

What several people ask for at the same moment is so made together, and most of what a booking costs is shared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from eventhub.database import (
    ContentionErrors,
    Database,
    IntegrityErrors,
    Queries,
    SentJob,
    Transaction,
    inserting,
)
from eventhub.models.facts import FactType, Via
from eventhub.models.jobs import CONFIRM_BOOKING
from eventhub.services import seats
from eventhub.services.bookings.reads import COLUMNS
from eventhub.services.bookings.refusals import UNPAID

Booking = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """So many tickets for a user, by a request of `actor`; `expected_total` is what they were told.

    Of what the user holds in all, `max_unpaid` tickets may be unpaid, if that is bounded.
    """

    event: int
    user: int
    tickets: int
    requirements: str
    ttl_seconds: float
    expected_total: Decimal | None
    max_unpaid: int | None
    via: Via
    actor: int | None
    request_id: str
    trace: str | None


async def book_calmly(database: Database, ask: Ask) -> Booking | None:
    """Return a new booking, made with those that others ask for at this moment; None where nothing has happened.

    None is no refusal: nothing is looked into, and a row that somebody holds or that others want is not waited for.
    """
    if not database.is_calm(ask.event):
        return None
    try:
        return await database.gathered(_take_calmly, ask)
    except (*IntegrityErrors, *ContentionErrors):  # of one of them: each is told by itself what is wrong
        return None


async def _take_calmly(queries: Queries, asks: Sequence[Ask]) -> Mapping[Ask, Booking]:
    assert isinstance(queries, Database)  # noqa: S101 - as it is called above
    first_of_each = {ask.event: ask for ask in reversed(asks)}
    # Of one person's too: what they hold unpaid is read once, before any of it.
    first_of_all = {ask.user: ask for ask in first_of_each.values()}
    async with queries.transaction() as tx:
        return await take(tx, list(first_of_all.values()), waits=False)


async def take(tx: Transaction, asks: Sequence[Ask], *, waits: bool) -> Mapping[Ask, Booking]:
    """Return the bookings that could be made, whose seats are taken, facts recorded and jobs promised.

    No two may be of the same event. Events whose rows are held by others are waited for, or passed over. Raises
    IntegrityErrors, and makes none, where a user has booked at this moment.
    """
    by_event = {ask.event: ask for ask in asks}
    rows = await tx.fetch_alone(_BOOK, orjson.dumps(asks, default=str).decode(), waits)
    made = {}
    for row in rows:
        booking = dict(row)
        if (job_id := booking.pop("job_id")) is not None:
            tx.send_again(SentJob(job_id, CONFIRM_BOOKING.name, CONFIRM_BOOKING.queue))
        made[by_event[booking["event"]]] = booking
    tx.has_recorded = bool(rows) or tx.has_recorded
    return made


def holds_too_many(user: str, tickets: str, limit: str) -> str:
    """Return the condition that a user would hold more unpaid than `limit`, where that is not null; else nothing is read."""
    return f"({limit} IS NOT NULL AND e.price > 0 AND {tickets} + ({UNPAID.format(user=user)}) > {limit})"


# In the order in which they are given, and numbered by it. The bound tells the planner that they are few, so that their
# events are looked up and not read from end to end.
ASKED = """
asked AS MATERIALIZED (
    SELECT * FROM ROWS FROM (jsonb_to_recordset($1::text::jsonb) AS (
        event bigint, "user" bigint, tickets int, requirements text, ttl_seconds float8, expected_total numeric,
        max_unpaid int, via text, actor bigint, request_id text, trace text
    )) WITH ORDINALITY AS asked (event, "user", tickets, requirements, ttl_seconds, expected_total, max_unpaid, via,
                                 actor, request_id, trace, number)
    LIMIT 50
)
"""
# The fact and the job are written here too, and not by `tx.record` and `tx.enqueue`: so it is one statement, which needs
# no BEGIN and no COMMIT.
# Where rows are not waited for, no two such statements can wait for each other, and nobody waits for another's event; who
# has booked already is left out, or the constraint would refuse all.
# A person on the waitlist gets a seat from there; with a booking besides, they would hold two. What an account holds
# unpaid is looked at only where the event costs something; a bound against hoarding needs no lock.
_BOOK = f"""
WITH {ASKED}, open_to AS MATERIALIZED (
    SELECT event FROM (
        SELECT asked.event FROM asked JOIN events e ON e.id = asked.event
        WHERE NOT $2::boolean AND NOT EXISTS (SELECT FROM bookings b WHERE b.event_id = asked.event
                                              AND b.user_id = asked."user" AND b.status <> 'cancelled')
        FOR NO KEY UPDATE OF e SKIP LOCKED
    ) AS unlocked
    UNION ALL SELECT event FROM asked WHERE $2::boolean
), e AS (
    {seats.TAKE_FOR_BOOKINGS}
      AND NOT EXISTS (SELECT FROM waitlist_entries w
                      WHERE w.event_id = asked.event AND w.user_id = asked."user" AND w.status = 'waiting')
      AND NOT {holds_too_many('asked."user"', "asked.tickets", "asked.max_unpaid")}
      AND (asked.expected_total IS NULL OR e.price * asked.tickets = asked.expected_total)
    RETURNING e.id, e.title, e.price, e.currency, asked.*
), b AS (
    INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, currency,
                          special_requirements, registered_at, expires_at)
    SELECT id, "user", 'pending', tickets, price * tickets, currency, requirements, now(),
           now() + make_interval(secs => ttl_seconds) FROM e
    RETURNING *
), recorded AS (
    INSERT INTO facts (type, event_id, user_id, actor_id, via, data, request_id, occurred_at)
    SELECT '{FactType.BOOKING_CREATED}', b.event_id, b.user_id, e.actor, e.via,
           jsonb_build_object('booking', b.id, 'number_of_tickets', b.number_of_tickets,
                              'total_price', b.total_price::text, 'currency', b.currency), e.request_id, now()
    FROM b JOIN e ON e.id = b.event_id
), promised AS (
    {inserting(CONFIRM_BOOKING, request_id="e.request_id", trace="e.trace", booking_id="b.id")}
    FROM b JOIN e ON e.id = b.event_id WHERE b.total_price = 0
    RETURNING id, (payload ->> 'booking_id')::bigint AS booking_id
)
SELECT {COLUMNS}, b.currency, promised.id AS job_id
FROM b JOIN e ON e.id = b.event_id JOIN users u ON u.id = b.user_id LEFT JOIN promised ON promised.booking_id = b.id
"""
