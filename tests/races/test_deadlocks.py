"""What two events do to the people that they share, they do in one order: neither waits for the other for ever."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from tests.cluster import Cluster, Http
from tests.races.books import act, all_jobs_done, assert_books_balance, booked, count, lined_up, user_id


@asynccontextmanager
async def _jobs_at_once(cluster: Cluster, events: Sequence[int]) -> AsyncIterator[None]:
    """Let the jobs that the block causes come to the rows of these events together, and then all go on."""
    connection = await asyncpg.connect(cluster.environ["DATABASE_URL"])
    try:
        with cluster.paused("worker"):
            yield
            holding = connection.transaction()
            await holding.start()
            await connection.execute("SELECT FROM events WHERE id = ANY($1::bigint[]) FOR UPDATE", events)
        await lined_up(cluster, [], jobs=len(events))
        await holding.rollback()
    finally:
        await connection.close()


async def _pay(http: Http, token: str, booking: int) -> None:
    status, data = await http.request("POST", "/api/payments/", token, {"booking": booking, "method": "mock"})
    assert status == 201, data


async def test_two_events_that_share_their_payers_are_cancelled_side_by_side(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(5)]
    events = [await running.event(organizer, price="10.00") for _ in range(2)]
    async with running.http() as http:
        for event, payers in zip(events, (people, people[::-1]), strict=True):
            bookings = await booked(http, payers, event)
            await asyncio.gather(*map(_pay, [http] * 5, payers, bookings))
        await all_jobs_done(running)
        async with _jobs_at_once(running, events):
            for event in events:
                assert (await act(http, organizer, f"events/{event}/cancel"))[0] == 200
    await all_jobs_done(running)
    spent = "profiles WHERE user_id = ANY($1::bigint[]) AND total_spent <> 0"
    assert await count(running, spent, list(map(user_id, people))) == 0
    await assert_books_balance(running)


async def test_two_events_that_share_their_attendees_give_certificates_side_by_side(cluster: Cluster) -> None:
    # Rows are taken in the order in which they were booked, as among many, and slowly enough to meet.
    for setting in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
        await cluster.sql(f'ALTER DATABASE "{cluster.name}" SET {setting} = off')
    await cluster.sql(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$"
    )
    await cluster.sql(
        "CREATE TRIGGER take_time BEFORE UPDATE ON profiles FOR EACH ROW EXECUTE FUNCTION take_time()"
    )
    cluster.start("web", "worker", WEB_CONCURRENCY="1")
    (organizer,) = await cluster.people(1, "organizer")
    people = list(map(user_id, await cluster.people(20)))
    events = [await cluster.event(organizer) for _ in range(2)]
    for event, attendees in zip(events, (people, people[::-1]), strict=True):
        await cluster.sql(_ATTEND, event, attendees)
    async with cluster.http() as http, _jobs_at_once(cluster, events):
        for event in events:
            assert (await act(http, organizer, f"events/{event}/complete"))[0] == 200
    attended = "profiles WHERE user_id = ANY($1::bigint[]) AND total_events_attended = 2"
    await cluster.eventually(f"SELECT count(*) FROM {attended}", len(people), people)
    deadlocks = [line for line in cluster.log("worker").splitlines() if "deadlock detected" in line]
    assert deadlocks == []


# Booked in the order of the array, at an event that has begun.
_ATTEND = """
WITH begun AS (
    UPDATE events SET seats_held = cardinality($2::bigint[]), seats_confirmed = cardinality($2::bigint[]),
                      registration_deadline = now() - interval '1 hour', start_date = now() - interval '1 hour'
    WHERE id = $1
)
INSERT INTO bookings (event_id, user_id, status, number_of_tickets, total_price, special_requirements, registered_at,
                      expires_at, confirmed_at)
SELECT $1, id, 'confirmed', 1, 0, '', now(), now(), now()
FROM unnest($2::bigint[]) WITH ORDINALITY AS attendee (id, nth) ORDER BY nth
"""
