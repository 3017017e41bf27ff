"""Redis being down, frozen, restarted or emptied loses no job and fails no request."""

import asyncio
import time

import pytest
import redis

from tests.cluster import Cluster
from tests.faults.bookings import assert_confirmed_once, book_all
from tests.faults.conftest import Breakable
from tests.waiting import until

PEOPLE = 200
# A row is sent again 5 s after its message was lost, consumers try Redis every 3 s; the rest is for slow machines.
RETURN_SECONDS = 40


async def people_and_event(cluster: Cluster, number: int) -> tuple[list[str], int]:
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(number)]
    return people, await cluster.event(organizer, max_attendees=number)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["stopped", "frozen"])
async def test_bookings_do_not_notice_that_redis_is_away(
    redis_cluster: Cluster, own_redis: Breakable, fault: str
) -> None:
    cluster = redis_cluster
    cluster.start(
        "web", "clock"
    )  # the worker later: confirming would slow the first load down, not the second
    people, event = await people_and_event(cluster, 2 * PEOPLE + 40)
    await book_all(cluster, event, people[:40])  # connections and statements are warm from here
    with_redis = await book_all(cluster, event, people[40 : 40 + PEOPLE])
    cluster.start("worker")
    await assert_confirmed_once(cluster, 40 + PEOPLE)

    own_redis.kill() if fault == "stopped" else own_redis.freeze()
    without = await book_all(cluster, event, people[40 + PEOPLE :])
    print(f"with Redis: {with_redis}; {fault}: {without}")
    assert without.statuses == {201: PEOPLE}
    assert without.median < 2 * with_redis.median + 0.05
    assert without.p95 < 2 * with_redis.p95 + 0.1

    await asyncio.sleep(5)  # long enough for every part to run into its time limits
    returned_at = time.monotonic()
    own_redis.start() if fault == "stopped" else own_redis.thaw()
    await assert_confirmed_once(cluster, len(people), seconds=RETURN_SECONDS)
    print(f"all confirmed {time.monotonic() - returned_at:.1f} s after the return of Redis")


@pytest.mark.long
async def test_processes_start_while_redis_is_away_and_work_once_it_is_back(
    redis_cluster: Cluster, own_redis: Breakable
) -> None:
    cluster = redis_cluster
    own_redis.kill()
    cluster.start("web", "worker", "clock")
    people, event = await people_and_event(cluster, 50)
    load = await book_all(cluster, event, people)
    assert load.statuses == {201: 50}
    await asyncio.sleep(3)
    own_redis.start()
    await assert_confirmed_once(cluster, 50, seconds=RETURN_SECONDS)


async def test_an_emptied_redis_loses_no_job(redis_cluster: Cluster, own_redis: Breakable) -> None:
    cluster = redis_cluster
    cluster.start("web", "clock")
    people, event = await people_and_event(cluster, PEOPLE)
    await book_all(cluster, event, people)
    client = _client(cluster)
    await until(lambda: client.llen("dramatiq:bookings"), "messages are in Redis")
    client.flushall()
    cluster.start("worker")
    emptied_at = time.monotonic()
    await assert_confirmed_once(cluster, PEOPLE, seconds=RETURN_SECONDS)
    print(f"all confirmed {time.monotonic() - emptied_at:.1f} s after FLUSHALL")


def _client(cluster: Cluster) -> redis.Redis:
    return redis.Redis.from_url(cluster.environ["REDIS_URL"])


@pytest.mark.long
async def test_a_failed_job_is_tried_again_although_redis_goes_away_while_it_waits(
    redis_cluster: Cluster, own_redis: Breakable
) -> None:
    """Its delayed message is in a worker's hands when Redis ends: that worker must go on fetching afterwards."""
    cluster = redis_cluster
    cluster.start("web", "worker", "clock")
    people, event = await people_and_event(cluster, 20)
    await cluster.sql("ALTER TABLE notifications RENAME TO notifications_away")
    await book_all(cluster, event, people[:10])
    await cluster.eventually("SELECT count(*) FROM jobs WHERE attempts = 1 AND state = 'queued'", 10)
    own_redis.kill()
    await asyncio.sleep(4)
    await cluster.sql("ALTER TABLE notifications_away RENAME TO notifications")
    own_redis.start()
    await assert_confirmed_once(cluster, 10, seconds=30)
    await book_all(cluster, event, people[10:])
    await assert_confirmed_once(cluster, 20, seconds=RETURN_SECONDS)
