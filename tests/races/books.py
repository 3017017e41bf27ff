"""What race tests share: many requests at one row at the same moment, and books that must balance afterwards."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

import asyncpg
import jwt
import orjson

from eventhub.models.jobs import JobKind
from tests.cluster import Cluster, Http
from tests.rows import HELD, WRONG_COUNTERS

Reply = tuple[int, Any]

LINE_UP_SECONDS = 15
AT_ROW = 10  # of one web process: at least so many of its requests stand at a locked row together


async def book(http: Http, token: str, event: int, tickets: int = 1) -> Reply:
    return await http.request("POST", "/api/bookings/", token, {"event": event, "number_of_tickets": tickets})


async def book_items(
    http: Http, token: str, event: int, *items: tuple[int | None, int], **more: object
) -> Reply:
    """Book so many tickets of each type (None: standard) together."""
    named = [{"ticket_type": ticket_type, "quantity": quantity} for ticket_type, quantity in items]
    return await http.request("POST", "/api/bookings/", token, {"event": event, "items": named, **more})


async def join(http: Http, token: str, event: int) -> Reply:
    return await http.request("POST", "/api/waitlist/", token, {"event": event})


async def act(http: Http, token: str, path: str) -> Reply:
    """POST to an action, as in `bookings/1/cancel`."""
    return await http.request("POST", f"/api/{path}/", token)


async def booked(http: Http, tokens: Iterable[str], event: int, tickets: int = 1) -> list[int]:
    """Return the ids of new bookings, one after the other for each of these people."""
    made = [await book(http, token, event, tickets) for token in tokens]
    assert {status for status, _ in made} == {201}, made
    return [data["id"] for _, data in made]


async def joined(http: Http, tokens: Iterable[str], event: int) -> list[int]:
    """Return the ids of new entries, in line in the order of these people."""
    made = [await join(http, token, event) for token in tokens]
    assert {status for status, _ in made} == {201}, made
    return [data["id"] for _, data in made]


def statuses(replies: Iterable[Reply]) -> Counter[int]:
    return Counter(status for status, _ in replies)


def codes(replies: Iterable[Reply]) -> set[str]:
    """Return the codes of all refusals."""
    return {data["code"] for status, data in replies if status >= 400}


async def at_once(
    cluster: Cluster,
    event: int,
    requests: Sequence[Awaitable[Reply]],
    *,
    jobs: int = 0,
    meanwhile: str = "",
) -> list[Reply]:
    """Return the replies to requests that stood at the event's row together, with so many jobs of the worker.

    The row is locked meanwhile, so that each has begun (and could have read what will not be true any more) before
    the first one goes on. Requests that need no lock of the row do not wait, and are not waited for: a booking of
    an event that is full already is refused at once. `meanwhile` is a statement of who holds the row: what the requests
    have read before is not true any more.
    """
    connection = await asyncpg.connect(cluster.environ["DATABASE_URL"])
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", event)
            tasks = [asyncio.ensure_future(request) for request in requests]
            await lined_up(cluster, tasks, jobs)
            if meanwhile:
                await connection.execute(meanwhile)
        return await asyncio.gather(*tasks)
    finally:
        await connection.close()


async def lined_up(cluster: Cluster, tasks: Sequence["asyncio.Future[Reply]"], jobs: int) -> None:
    deadline = time.monotonic() + LINE_UP_SECONDS
    while True:
        (waiting,) = await cluster.sql(_WAITING)
        going = sum(not task.done() for task in tasks)
        if waiting["requests"] >= min(going, AT_ROW) and waiting["jobs"] >= jobs:
            return
        assert time.monotonic() < deadline, (
            f"{dict(waiting)} wait for the row, {going} requests and {jobs} jobs should"
        )
        await asyncio.sleep(0.01)


_WAITING = """
SELECT count(*) FILTER (WHERE application_name = 'eventhub web') AS requests,
       count(*) FILTER (WHERE application_name = 'eventhub worker') AS jobs
FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def enqueue(cluster: Cluster, kind: JobKind, number: int = 1, **payload: object) -> Reply:
    """Queue so many jobs of one kind besides each other, which the application itself would make one of."""
    await cluster.sql(
        "INSERT INTO jobs (kind, version, queue, payload, run_at, max_attempts, created_at) "
        "SELECT $1, $2, $3, $4::text::jsonb, now(), $5, now() FROM generate_series(1, $6)",
        kind.name,
        kind.version,
        kind.queue.value,
        orjson.dumps(payload).decode(),
        kind.max_attempts,
        number,
    )
    return 0, None


async def all_jobs_done(cluster: Cluster, seconds: float = 30) -> None:
    """Wait until no work is left; no try of any of it may fail."""
    deadline = time.monotonic() + seconds
    while jobs := await cluster.sql("SELECT kind, payload, state, error FROM jobs ORDER BY id"):
        errors = [dict(job) for job in jobs if job["error"]]
        assert not errors, errors
        assert time.monotonic() < deadline, [dict(job) for job in jobs]
        await asyncio.sleep(0.02)


async def assert_books_balance(cluster: Cluster) -> None:
    """For every event: the counters are the sums of the rows, nothing is oversold, nobody holds two places."""
    wrong = [dict(row) for sql in (_WRONG, WRONG_COUNTERS) for row in await cluster.sql(sql)]
    assert not wrong, wrong


_WRONG = f"""
WITH held AS (
    SELECT event_id, count(*) AS bookings, count(DISTINCT user_id) AS people,
           coalesce(sum(number_of_tickets) FILTER (WHERE status = 'confirmed'), 0) AS confirmed
    FROM bookings WHERE status IN ('pending', 'confirmed') GROUP BY event_id
), line AS (
    SELECT w.event_id, count(*) FILTER (WHERE w.status = 'waiting') AS waiting, max(line_number) AS last_number,
           count(*) - count(DISTINCT line_number) AS twice_given_out,
           count(*) FILTER (WHERE w.status = 'offered' AND b.status IS DISTINCT FROM 'pending') AS empty_offers,
           count(*) FILTER (WHERE w.status IN ('waiting', 'offered'))
               - count(DISTINCT w.user_id) FILTER (WHERE w.status IN ('waiting', 'offered')) AS twice_in_line
    FROM waitlist_entries w LEFT JOIN bookings b ON b.id = w.booking_id GROUP BY w.event_id
)
SELECT e.id, e.status, {HELD} AS seats, e.max_attendees, e.seats_held, e.seats_confirmed, e.waiting_count, e.last_line_number,
       held.*, line.*
FROM events e LEFT JOIN held ON held.event_id = e.id LEFT JOIN line ON line.event_id = e.id
WHERE e.seats_held <> {HELD}
   OR e.seats_confirmed <> coalesce(held.confirmed, 0)
   OR e.seats_held > e.max_attendees
   OR held.bookings > held.people
   OR e.waiting_count <> coalesce(line.waiting, 0)
   OR e.last_line_number < line.last_number
   OR line.twice_given_out > 0 OR line.empty_offers > 0 OR line.twice_in_line > 0
"""


async def told(cluster: Cluster, event: int, notification_type: str) -> Counter[int]:
    """Return how often each user was told this of the event."""
    rows = await cluster.sql(
        "SELECT user_id, count(*) AS times FROM notifications WHERE event_id = $1 AND notification_type = $2 "
        "GROUP BY user_id",
        event,
        notification_type,
    )
    return Counter({row["user_id"]: row["times"] for row in rows})


async def count(cluster: Cluster, condition: str, *args: object) -> int:
    """Return how many rows there are `FROM` …."""
    return int((await cluster.sql(f"SELECT count(*) FROM {condition}", *args))[0][0])


def user_id(token: str) -> int:
    return int(jwt.decode(token, options={"verify_signature": False})["sub"])
