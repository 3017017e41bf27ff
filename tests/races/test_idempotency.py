"""Idempotency keys across processes: twins at once, and a process that is killed in the middle."""

import asyncio
import signal
from collections import Counter

import aiohttp
import asyncpg

from tests.cluster import Cluster


async def test_30_twins_at_several_processes_make_one_booking(cluster: Cluster) -> None:
    cluster.start("web")
    organizer, person = [*await cluster.people(1, "organizer"), *await cluster.people(1)]
    event = await cluster.event(organizer)
    headers = {"Idempotency-Key": "twin"}

    async with cluster.http() as http:

        async def book_until_answered() -> int:
            for _ in range(500):
                status, data = await http.request("POST", "/api/bookings/", person, {"event": event}, headers)
                if status != 409 or data["code"] != "idempotency_key_in_use":
                    return status
            raise AssertionError("the key is in use for ever")

        statuses = await asyncio.gather(*(book_until_answered() for _ in range(30)))
    assert Counter(statuses) == {201: 30}
    assert (await cluster.sql("SELECT count(*) FROM bookings"))[0][0] == 1


async def test_a_killed_process_leaves_no_key_locked(cluster: Cluster) -> None:
    cluster.start("web")
    organizer, person = [*await cluster.people(1, "organizer"), *await cluster.people(1)]
    event = await cluster.event(organizer)
    headers = {"Idempotency-Key": "crash"}
    # Holds the event's row, so that the request waits with its key locked until its process is killed.

    holder = await asyncpg.connect(cluster.environ["DATABASE_URL"])
    hold = holder.transaction()
    await hold.start()
    await holder.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", event)
    async with cluster.http() as http:
        waiting = asyncio.create_task(
            http.request("POST", "/api/bookings/", person, {"event": event}, headers)
        )
        await cluster.eventually("SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory'", True)
        cluster.kill("web", signal.SIGKILL)
        await asyncio.wait([waiting])
        assert isinstance(waiting.exception(), aiohttp.ClientError)
    await hold.rollback()
    await holder.close()
    await cluster.eventually("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", 0)
    cluster.start("web")
    async with cluster.http() as http:
        status, booking = await http.request("POST", "/api/bookings/", person, {"event": event}, headers)
        again, replayed = await http.request("POST", "/api/bookings/", person, {"event": event}, headers)
    assert (status, again) == (201, 201)
    assert booking == replayed


async def test_a_process_killed_after_the_commit_leaves_its_answer_to_the_repetition(
    cluster: Cluster,
) -> None:
    cluster.start("web")
    organizer, person = [*await cluster.people(1, "organizer"), *await cluster.people(1)]
    event = await cluster.event(organizer)
    headers = {"Idempotency-Key": "unheard"}
    # The commit takes time in the database, which goes on with it whatever becomes of who asked.
    await cluster.sql(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$"
    )
    await cluster.sql(
        "CREATE CONSTRAINT TRIGGER take_time AFTER INSERT ON idempotent_answers DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION take_time()"
    )
    async with cluster.http() as http:
        waiting = asyncio.create_task(
            http.request("POST", "/api/bookings/", person, {"event": event}, headers)
        )
        await cluster.eventually(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
            1,
        )
        cluster.kill("web", signal.SIGKILL)
        await asyncio.wait([waiting])
        assert isinstance(waiting.exception(), aiohttp.ClientError)
    await cluster.eventually("SELECT count(*) FROM idempotent_answers", 1)
    await cluster.sql("DROP TRIGGER take_time ON idempotent_answers")
    [(made,)] = await cluster.sql("SELECT id FROM bookings")
    cluster.start("web")
    async with cluster.http() as http:
        status, booking = await http.request("POST", "/api/bookings/", person, {"event": event}, headers)
    assert (status, booking["id"]) == (201, made)
    assert (await cluster.sql("SELECT count(*) FROM bookings"))[0][0] == 1
