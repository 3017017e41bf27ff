"""`python -m bench.sale`: a contended sale, with ticket types and without: who gets the seats, and how long everybody waits.

5,000 people want one of 500 seats at once, 400 at a time, through two web processes: first a standard ticket, then a
ticket of one of three types, whose capacities add up to more than the seats. The two take turns, so that they are
measured alike; exactly 500 are sold each time, and no type sells more than it has.
"""

import argparse
import asyncio
import itertools
import time
from collections import Counter
from statistics import median

import asyncpg

from bench.run import Bench, ask, running
from eventhub import embedded

BUYERS = 5_000
SEATS = 500
AT_ONCE = 400
CAPACITIES = (200, 250, 300)
_FIRST_BUYER = 100_001

_BUYERS = (
    """
    INSERT INTO users (id, username, email, password_hash, first_name, last_name, user_type, bio, phone, website,
                       organization, is_verified, is_active, date_joined)
    SELECT i, 'buyer' || i, 'buyer' || i || '@example.com', '-', '', '', 'attendee', '', '', '', '', true, true, now()
    FROM generate_series($1::bigint, $2::bigint) AS i
    """,
    """
    INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, notifications_enabled,
                          total_events_attended, total_spent)
    SELECT i, '', '', '', '', false, false, 0, 0 FROM generate_series($1::bigint, $2::bigint) AS i
    """,
    """
    INSERT INTO sign_ins (id, user_id, created_at, expires_at)
    SELECT i, i, now(), now() + interval '7 days' FROM generate_series($1::bigint, $2::bigint) AS i
    """,
)
_EVENT = """
INSERT INTO events (title, description, category, organizer_id, location, is_online, online_url, status, start_date,
                    end_date, registration_deadline, max_attendees, price, tags, published_at, created_at, updated_at)
SELECT 'On sale', '', 'meetup', 1, '', false, '', 'published', day, day + interval '3 hours', day, $1, 20, '', now(), now(),
       now() FROM (SELECT now() + interval '30 days' AS day) AS soon
RETURNING id
"""
_TYPES = """
INSERT INTO ticket_types (event_id, name, price, capacity, created_at, updated_at)
SELECT $1, 'Type ' || capacity, 20, capacity, now(), now() FROM unnest($2::int[]) AS capacity RETURNING id
"""
_OVERSOLD = "SELECT count(*) FROM ticket_types WHERE event_id = $1 AND seats_held > capacity"


async def _sell(bench: Bench, database: asyncpg.Connection, *, with_types: bool) -> tuple[float, float]:
    """Hold one sale and print its line; return its wall time and the 99th percentile of the answers, in seconds."""
    event = await database.fetchval(_EVENT, SEATS)
    types = [row["id"] for row in await database.fetch(_TYPES, event, CAPACITIES)] if with_types else []
    wanted = itertools.cycle([{"items": [{"ticket_type": each, "quantity": 1}]} for each in types] or [{}])
    requests = iter(
        [
            bench.raw("POST", "/api/bookings/", user, {"event": event, **next(wanted)})
            for user in range(_FIRST_BUYER, _FIRST_BUYER + BUYERS)
        ]
    )
    took: list[float] = []
    statuses: Counter[int] = Counter()
    began_at = time.perf_counter()
    await asyncio.gather(*(ask(bench.port, requests, 1e18, took, statuses) for _ in range(AT_ONCE)))
    wall = time.perf_counter() - began_at
    took.sort()
    p50, p99 = (took[int(len(took) * part)] for part in (0.5, 0.99))
    sold = await database.fetchval("SELECT seats_held FROM events WHERE id = $1", event)
    over = await database.fetchval(_OVERSOLD, event)
    name = "three types" if with_types else "standard ticket"
    print(
        f"{name:16} wall {wall:5.2f} s, {BUYERS / wall:6.0f} req/s, p50 {p50 * 1000:5.0f} ms, p99 {p99 * 1000:5.0f} ms; "
        f"sold {sold}, types oversold {over}, {dict(sorted(statuses.items()))}",
        flush=True,
    )
    if (sold, over, statuses[201]) != (SEATS, 0, SEATS):
        raise SystemExit("not exactly the seats were sold")
    return wall, p99


async def measure(bench: Bench, database_url: str, laps: int) -> None:
    """Hold the two sales in turns, and print the medians of what types cost."""
    database = await asyncpg.connect(database_url)
    for statement in _BUYERS:
        await database.execute(statement, _FIRST_BUYER, _FIRST_BUYER + BUYERS - 1)
    await _sell(bench, database, with_types=True)  # to warm up
    found = [
        (await _sell(bench, database, with_types=False), await _sell(bench, database, with_types=True))
        for _ in range(laps)
    ]
    walls, tails = (median(typed[i] / plain[i] for plain, typed in found) for i in (0, 1))
    print(f"with types: {walls:.2f} times the wall time, {tails:.2f} times the p99 (medians of {laps} pairs)")
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laps", type=int, default=5, help="how often either sale is held (default: 5)")
    args = parser.parse_args()
    with running() as bench, embedded.start(bench.folder) as services:
        asyncio.run(measure(bench, services.database_url, args.laps))


if __name__ == "__main__":
    main()
