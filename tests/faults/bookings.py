"""Many bookings through the API, and what has to be true of them in the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from tests.cluster import Cluster

CONFIRMED = "SELECT count(*) FROM bookings WHERE status = 'confirmed'"
NOTIFIED = "SELECT count(*) FROM notifications WHERE notification_type = 'booking_confirmation'"
IN_FLIGHT = 20


class Load:
    """Answers to bookings, with how long each took."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.seconds: list[float] = []

    @property
    def statuses(self) -> Counter[int]:
        return Counter(status for status, _ in self.answers)

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def p95(self) -> float:
        return quantiles(self.seconds, n=20)[-1]

    def __str__(self) -> str:
        return f"median {self.median * 1000:.1f} ms, p95 {self.p95 * 1000:.1f} ms, {dict(self.statuses)}"


async def book_all(cluster: Cluster, event: int, people: Sequence[str], in_flight: int = IN_FLIGHT) -> Load:
    """Book a ticket for each person, so many at a time."""
    load = Load()
    slots = asyncio.Semaphore(in_flight)
    async with cluster.http(in_flight) as http:

        async def book(token: str) -> None:
            async with slots:
                began = time.perf_counter()
                answer = await http.request("POST", "/api/bookings/", token, {"event": event})
                load.seconds.append(time.perf_counter() - began)
                load.answers.append(answer)

        await asyncio.gather(*(book(token) for token in people))
    return load


async def assert_confirmed_once(cluster: Cluster, number: int, *, seconds: float = 30) -> None:
    """Wait until so many bookings are confirmed and no job of theirs is left, and check that each was confirmed once."""
    await cluster.eventually(CONFIRMED, number, seconds=seconds)
    await cluster.eventually("SELECT count(*) FROM jobs WHERE kind = 'confirm_booking'", 0, seconds=10)
    [row] = await cluster.sql(
        f"SELECT ({NOTIFIED}) AS notified, (SELECT count(DISTINCT user_id) FROM notifications) AS people, "
        "(SELECT sum(seats_confirmed) FROM events)::int AS seats, "
        "(SELECT count(*) FROM job_log WHERE kind = 'confirm_booking' AND outcome = 'done') AS done"
    )
    assert dict(row) == {"notified": number, "people": number, "seats": number, "done": number}


async def slow_down_confirmations(cluster: Cluster, seconds: float) -> None:
    """Let each confirmation take this long, so that a test can reach into the middle of many."""
    await cluster.sql(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$"
    )
    await cluster.sql(
        "CREATE TRIGGER take_time BEFORE UPDATE ON bookings FOR EACH ROW WHEN (NEW.status = 'confirmed') "
        "EXECUTE FUNCTION take_time()"
    )


async def let_leases_run_out(cluster: Cluster) -> None:
    """Let time pass fast for what was claimed seconds ago and has not been renewed: its worker is dead."""
    await cluster.sql(
        "UPDATE jobs SET lease_until = now() WHERE state = 'running' AND lease_until < now() + "
        "CASE kind WHEN 'send_notification' THEN interval '175 s' ELSE interval '57 s' END"
    )
