"""The feed of changes while Redis is away, workers die and web processes are replaced: nothing is missed, or comes twice."""

import asyncio
import contextlib
import json
import signal
import subprocess
import time

import aiohttp
import asyncpg
import pytest

from eventhub.services.facts.numbering import NUMBERING_LOCK
from tests.cluster import Cluster, free_port
from tests.faults.conftest import Breakable
from tests.faults.test_rolling_restart import is_listening
from tests.faults.test_takeover import table
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

STREAMS = 200
UNNUMBERED = "SELECT count(*) FROM facts WHERE seq IS NULL"
INSERT = "INSERT INTO facts (type, via, user_id, occurred_at) VALUES ('review.created', 'user', $1, now())"
LOCK_HOLDERS = (
    f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {NUMBERING_LOCK} AND granted"
)


@pytest.mark.parametrize("fault", ["stopped", "frozen"])
async def test_without_redis_facts_are_numbered_within_two_seconds(
    redis_cluster: Cluster, own_redis: Breakable, fault: str
) -> None:
    cluster = redis_cluster
    cluster.start("web", "worker", "clock", EVENTHUB_CLOCK_INTERVAL="15")
    (organizer,) = await cluster.people(1, "organizer")
    await cluster.event(organizer)
    own_redis.kill() if fault == "stopped" else own_redis.freeze()
    await asyncio.sleep(2)
    waits = []
    for _ in range(5):
        began = time.monotonic()
        await cluster.event(organizer)
        assert (await cluster.sql("SELECT count(*) FROM facts"))[0][0] > 0
        await cluster.eventually(UNNUMBERED, 0, seconds=2)
        waits.append(time.monotonic() - began)
        await asyncio.sleep(0.3)
    table(redis=fault, numbered_after=", ".join(f"{wait:.2f} s" for wait in waits))


async def test_web_and_worker_alone_number_facts(cluster: Cluster) -> None:
    cluster.start("web", "worker")
    (organizer,) = await cluster.people(1, "organizer")
    for _ in range(3):
        await asyncio.gather(*(cluster.event(organizer) for _ in range(10)))
        await cluster.eventually(UNNUMBERED, 0, seconds=2)
    assert (await cluster.sql("SELECT count(*), max(seq) FROM facts"))[0][0] >= 30


async def test_a_numberer_that_is_killed_in_the_middle_leaves_no_gap(cluster: Cluster) -> None:
    """It waits for a row amid its statement, with the lock in hand, when it dies; another one goes on."""
    cluster.start("clock")
    holder = await asyncpg.connect(cluster.environ["DATABASE_URL"])
    numbered = 0
    for _ in range(3):
        holding = holder.transaction()
        with cluster.paused("clock"):
            for user in range(50):
                await holder.execute(INSERT, user)
            await holding.start()
            await holder.execute("SELECT FROM facts WHERE seq IS NULL ORDER BY id DESC LIMIT 1 FOR UPDATE")
        await cluster.eventually(LOCK_HOLDERS, 1, seconds=5)
        cluster.kill("clock", signal.SIGKILL)
        await cluster.eventually(LOCK_HOLDERS, 0, seconds=10)
        assert (await cluster.sql("SELECT count(*) FROM facts WHERE seq IS NOT NULL"))[0][0] == numbered
        cluster.start("clock")
        await holding.rollback()
        await cluster.eventually(UNNUMBERED, 0, seconds=10)
        numbered += 50
    await holder.close()
    rows = await cluster.sql("SELECT seq FROM facts ORDER BY id")
    assert [row["seq"] for row in rows] == list(range(1, numbered + 1))


class Follower:
    """A client that follows the changes of its user, and comes back wherever the stream ends."""

    def __init__(self, urls: list[str], token: str) -> None:
        self.urls = urls
        self.token = token
        self.seqs: list[int] = []
        self.last_id = ""
        self.connected = 0
        self.is_open = False

    async def follow(self, session: aiohttp.ClientSession) -> None:
        while True:
            headers = {"Authorization": f"Bearer {self.token}"}
            if self.last_id:
                headers["Last-Event-ID"] = self.last_id
            url = self.urls[self.connected % len(self.urls)]
            self.connected += 1
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/api/changes/stream/", headers=headers) as response:
                    assert response.status == 200, await response.text()
                    async for line in response.content:
                        self.take(line.decode().rstrip("\n"))
            self.is_open = False
            await asyncio.sleep(0.05)

    def take(self, line: str) -> None:
        if line.startswith("id: "):
            self.last_id = line.removeprefix("id: ")
            self.is_open = True
        if line.startswith("data: "):
            self.seqs.append(json.loads(line.removeprefix("data: "))["seq"])


async def test_200_streams_get_every_fact_once_through_a_rolling_restart(cluster: Cluster) -> None:
    ports = [free_port() for _ in range(4)]
    old = [_begin_web(cluster, port) for port in ports[:2]]
    cluster.start("clock")
    people = await cluster.people(STREAMS)
    ids = [row["id"] for row in await cluster.sql("SELECT id FROM users ORDER BY id")]
    for port in ports[:2]:
        await until(lambda port=port: is_listening(port), f"web listens on {port}", 30)  # type: ignore[misc]
    followers = [Follower([f"http://127.0.0.1:{port}" for port in ports[:2]], token) for token in people]
    for number, follower in enumerate(followers):
        follower.urls = follower.urls[number % 2 :] + follower.urls[: number % 2]
    done = asyncio.Event()
    stopped: list[float] = []

    async def write() -> int:
        """Let something happen to everybody each tenth of a second."""
        connection = await asyncpg.connect(cluster.environ["DATABASE_URL"])
        rounds = 0
        while not done.is_set():
            await connection.executemany(INSERT, [(user,) for user in ids])
            rounds += 1
            await asyncio.sleep(0.1)
        await connection.close()
        return rounds

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
    ) as session:
        following = [asyncio.create_task(follower.follow(session)) for follower in followers]
        await until(lambda: all(follower.is_open for follower in followers), "all streams are open", 60)
        writing = asyncio.create_task(write())
        await asyncio.sleep(2)
        for process, port in zip(old, ports[2:], strict=True):
            new = _begin_web(cluster, port)
            assert new.poll() is None
            await until(lambda port=port: is_listening(port), f"web listens on {port}", 30)  # type: ignore[misc]
            for follower in followers:
                follower.urls = [f"http://127.0.0.1:{other}" for other in ports if other != port] + [
                    f"http://127.0.0.1:{port}"
                ]
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
            stopped.append(time.monotonic() - began)
            await asyncio.sleep(2)
        done.set()
        rounds = await writing
        await cluster.eventually(UNNUMBERED, 0, seconds=10)
        own = {
            row["user_id"]: row["seqs"]
            for row in await cluster.sql(
                "SELECT user_id, array_agg(seq ORDER BY seq) AS seqs FROM facts GROUP BY 1"
            )
        }
        expected = [own[user] for user in ids]
        with contextlib.suppress(AssertionError):
            await until(lambda: [follower.seqs for follower in followers] == expected, "all facts came", 20)
        for task in following:
            task.cancel()
        failures = await asyncio.gather(*following, return_exceptions=True)
    table(
        streams=STREAMS,
        facts_for_each=rounds,
        stopped_in=", ".join(f"{seconds:.1f} s" for seconds in stopped),
        connections=sum(follower.connected for follower in followers),
    )
    assert {type(failure) for failure in failures} == {asyncio.CancelledError}, failures
    assert [len(follower.seqs) for follower in followers] == [rounds] * STREAMS
    assert [follower.seqs for follower in followers] == expected
    assert max(stopped) < 5


def _begin_web(cluster: Cluster, port: int) -> "subprocess.Popen[bytes]":
    return cluster.begin("web", PORT=str(port), WEB_CONCURRENCY="2")
