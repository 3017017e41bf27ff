"""Redis as people run it: with a user of few rights, over TLS, behind sentinels. Jobs go on, requests never notice."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dramatiq
import pytest

from eventhub.models.jobs import CONFIRM_BOOKING, Queue
from eventhub.workers.broker import redis_broker
from tests.checks.acl import documented_rules
from tests.cluster import Cluster
from tests.faults.bookings import CONFIRMED, assert_confirmed_once, book_all
from tests.redis_servers import RedisServer, certificates, system_redis, tls_server
from tests.waiting import until

USER, PASSWORD = "eventhub", "p@ss:w/rd"
LOGIN = "eventhub:p%40ss%3Aw%2Frd@"
RECOVERY_SECONDS = (
    20  # a sentinel's patience (1 s), the vote, and 5 s until the clock sends lost messages again
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def start_on(cluster: Cluster, redis_url: str) -> None:
    """Start everything on this Redis, with rate limits."""
    cluster.environ |= {"REDIS_URL": redis_url, "EVENTHUB_RATE_LIMIT": "on"}
    cluster.start("web", "worker", "clock")


def started(stack: ExitStack, folder: Path, *options: str, **how: Any) -> RedisServer:
    server = RedisServer(folder, *options, **how)
    server.start(*(["--sentinel"] if any(line.startswith("sentinel ") for line in options) else []))
    stack.callback(server.kill)
    return server


async def attendees(cluster: Cluster, number: int) -> tuple[list[str], int]:
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(number)]
    return people, await cluster.event(organizer, max_attendees=number)


def limits_counted(server: RedisServer, **options: Any) -> list[str]:
    with server.client(**options) as client:
        return list(client.scan_iter("LIMITS:*"))


async def fail_to_sign_in(cluster: Cluster) -> None:
    """Let limits be counted exactly, in Redis."""
    async with cluster.http() as http:
        status, _ = await http.request(
            "POST", "/api/auth/token/", body={"username": "nobody", "password": "x"}
        )
        assert status == 401


async def test_everything_works_under_the_documented_user(
    cluster: Cluster, stack: ExitStack, tmp_path: Path
) -> None:
    server = started(stack, tmp_path / "redis", "requirepass of-the-administrator", "acllog-max-len 1000")
    admin = server.client(password="of-the-administrator")
    admin.execute_command("ACL", "SETUSER", USER, f">{PASSWORD}", *documented_rules())
    url = f"redis://{LOGIN}127.0.0.1:{server.port}/3"
    start_on(cluster, url)
    people, event = await attendees(cluster, 60)
    # A job that fails waits in a delay queue.
    await cluster.sql("ALTER TABLE notifications RENAME TO notifications_away")
    await book_all(cluster, event, people[:10])
    await cluster.eventually("SELECT count(*) FROM jobs WHERE attempts > 0 AND state = 'queued'", 10)
    await cluster.sql("ALTER TABLE notifications_away RENAME TO notifications")
    await fail_to_sign_in(cluster)
    await assert_confirmed_once(cluster, 10)
    _leave_a_dead_worker(server.client(password="of-the-administrator", db=3))
    cluster.kill("worker")
    cluster.start("worker")
    load = await book_all(cluster, event, people[10:])
    assert load.statuses == {201: 50}
    await assert_confirmed_once(cluster, 60)
    await asyncio.to_thread(_take_and_refuse_messages, url)
    cluster.run("jobs")
    with server.client(password="of-the-administrator", db=3) as client:
        # One call in a thousand cleans up, of some 250 a second.
        await until(
            lambda: client.zscore("dramatiq:__heartbeats__", "dead") is None,
            "the dead worker is cleaned up",
            60,
        )
        assert list(client.scan_iter("LIMITS:*"))
    denied = [
        {name: entry[name] for name in ("reason", "context", "object")}
        for entry in admin.execute_command("ACL", "LOG")
    ]
    print(f"bookings acknowledged 60, confirmed 60, doubled 0; commands forbidden to the user: {len(denied)}")
    assert denied == []
    for name in ("web", "worker", "clock"):
        assert "NOPERM" not in cluster.log(name)


def _leave_a_dead_worker(client: Any) -> None:
    """Leave what a worker leaves that died long ago: a message that it had taken, and one that was refused."""
    message: dramatiq.Message[None] = dramatiq.Message(
        Queue.BOOKINGS, CONFIRM_BOOKING.name, ([10**9],), {}, {"redis_message_id": "left"}
    )
    client.hset("dramatiq:bookings.msgs", "left", message.encode())
    client.sadd("dramatiq:__acks__.dead.bookings", "left")
    client.zadd("dramatiq:__heartbeats__", {"dead": 1})
    client.zadd("dramatiq:bookings.XQ", {"refused": 1})
    client.hset("dramatiq:bookings.XQ.msgs", "refused", "x")


def _take_and_refuse_messages(url: str) -> None:
    """Do what a worker does with messages that nobody acknowledges."""
    broker: Any = redis_broker(url)
    broker.declare_queue("drill")
    broker.actors["none"] = None
    for _ in range(2):
        broker.enqueue(dramatiq.Message("drill", "none", (), {}, {}))
    consumer = broker.consume("drill", prefetch=2)
    consumer.nack(next(consumer))
    consumer.requeue([next(consumer)])
    broker.flush("drill")
    broker.client.close()


async def test_a_password_that_changes_under_running_processes_fails_no_request(
    cluster: Cluster, stack: ExitStack, tmp_path: Path
) -> None:
    server = started(stack, tmp_path / "redis", "requirepass hush")
    start_on(cluster, f"redis://:hush@127.0.0.1:{server.port}")
    people, event = await attendees(cluster, 80)
    await book_all(cluster, event, people[:20])
    await assert_confirmed_once(cluster, 20)
    with server.client(password="hush") as admin:
        admin.config_set("requirepass", "another")
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal")
        load = await book_all(cluster, event, people[20:])
        assert load.statuses == {201: 60}
        await asyncio.sleep(6)  # until every part has been refused
        async with cluster.http() as http:
            assert (await http.request("GET", "/api/events/"))[0] == 200
        admin.config_set("requirepass", "hush")
    began = time.monotonic()
    await assert_confirmed_once(cluster, 80)
    print(
        "password changed for 6 s | acknowledged 80 | lost 0 | doubled 0 | jobs done "
        f"{time.monotonic() - began:.1f} s after its return | {load}"
    )


@pytest.mark.skipif(
    system_redis() is None, reason="needs a redis-server that knows TLS: apt-get install redis-server"
)
async def test_tls_with_an_own_authority_and_certificates_on_both_sides(
    cluster: Cluster, stack: ExitStack, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    made = certificates(tmp_path)
    server = tls_server(tmp_path / "redis", made)
    server.start()
    stack.callback(server.kill)
    trusting = f"rediss://:hush@127.0.0.1:{server.port}/0?ssl_ca_certs={made / 'ca.pem'}"
    certified = f"{trusting}&ssl_certfile={made / 'client.pem'}&ssl_keyfile={made / 'client.key'}"
    start_on(cluster, certified)
    people, event = await attendees(cluster, 50)
    await fail_to_sign_in(cluster)
    load = await book_all(cluster, event, people)
    assert load.statuses == {201: 50}
    await assert_confirmed_once(cluster, 50)
    assert limits_counted(
        server,
        ssl=True,
        ssl_ca_certs=made / "ca.pem",
        ssl_certfile=made / "client.pem",
        ssl_keyfile=made / "client.key",
        password="hush",
    )
    print("TLS with a CA of its own and client certificates: acknowledged 50, confirmed 50, doubled 0")


class Guarded:
    """A master, its replica and three sentinels, all with passwords."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        password = ["requirepass hush", "masterauth hush"]
        self.master = started(stack, folder / "master", *password)
        self.replica = started(
            stack, folder / "replica", *password, f"replicaof 127.0.0.1 {self.master.port}"
        )
        self.sentinels = [
            started(
                stack,
                folder / f"sentinel{number}",
                f"sentinel monitor main 127.0.0.1 {self.master.port} 2",
                "sentinel auth-pass main hush",
                "sentinel down-after-milliseconds main 1000",
                "sentinel failover-timeout main 5000",
                "requirepass psst",
            )
            for number in range(3)
        ]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:hush@{hosts}/main/0?sentinel_password=psst"

    async def are_ready(self) -> None:
        """Wait until each sentinel knows the others and the replica, and the replica follows."""
        for sentinel in self.sentinels:
            client = sentinel.client(password="psst")
            await until(
                lambda client=client: (
                    (state := client.sentinel_master("main"))["num-other-sentinels"] == 2  # type: ignore[misc]
                    and state["num-slaves"] == 1
                ),
                "sentinels know each other",
                30,
            )
        with self.replica.client(password="hush") as replica:
            await until(lambda: replica.info()["master_link_status"] == "up", "the replica follows", 30)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_jobs_go_on_when_sentinels_name_another_master(
    cluster: Cluster, stack: ExitStack, tmp_path: Path, fault: str
) -> None:
    guarded = Guarded(stack, tmp_path)
    await guarded.are_ready()
    start_on(cluster, guarded.url)
    people, event = await attendees(cluster, 400)
    await book_all(cluster, event, people[:40])
    await assert_confirmed_once(cluster, 40)
    booking = asyncio.create_task(_book_steadily(cluster, event, people[40:]))
    await asyncio.sleep(1)
    [confirmed] = (await cluster.sql(CONFIRMED))[0]
    if fault == "killed":
        guarded.master.kill()
    else:
        stack.enter_context(guarded.master.frozen())
    lost_at = time.monotonic()
    with guarded.sentinels[1].client(password="psst") as sentinel:
        await until(
            lambda: int(sentinel.sentinel_master("main")["port"]) == guarded.replica.port, "a new master", 30
        )
    moved = time.monotonic() - lost_at
    await cluster.eventually(
        f"SELECT ({CONFIRMED}) > $1 + 60", True, confirmed, seconds=RECOVERY_SECONDS + 10
    )
    recovered = time.monotonic() - lost_at
    loads = await booking
    statuses = sum((load.statuses for load in loads), start=loads[0].statuses - loads[0].statuses)
    await assert_confirmed_once(cluster, 400, seconds=40)
    all_done = time.monotonic() - lost_at
    await fail_to_sign_in(cluster)
    await until(
        lambda: limits_counted(guarded.replica, password="hush"), "limits are counted on the new master", 15
    )
    slowest = max(max(load.seconds) for load in loads)
    print(
        f"master {fault} under load | acknowledged 400 | lost 0 | doubled 0 | new master after {moved:.1f} s | jobs go on "
        f"after {recovered:.1f} s | all done after {all_done:.1f} s | answers {dict(statuses)}, slowest {slowest:.2f} s"
    )
    assert statuses == {201: 360}
    assert recovered < RECOVERY_SECONDS


async def _book_steadily(cluster: Cluster, event: int, people: list[str]) -> list[Any]:
    """Book for some 20 s, 20 people a second."""
    loads = []
    for start in range(0, len(people), 20):
        began = time.monotonic()
        loads.append(await book_all(cluster, event, people[start : start + 20]))
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))
    return loads


async def test_sentinels_that_hang_or_are_gone_are_passed_over(
    cluster: Cluster, stack: ExitStack, tmp_path: Path
) -> None:
    guarded = Guarded(stack, tmp_path)
    await guarded.are_ready()
    stack.enter_context(guarded.sentinels[0].frozen())
    guarded.sentinels[1].kill()
    began = time.monotonic()
    start_on(cluster, guarded.url)
    ready = time.monotonic() - began
    people, event = await attendees(cluster, 40)
    load = await book_all(cluster, event, people)
    assert load.statuses == {201: 40}
    await assert_confirmed_once(cluster, 40)

    async def are_counted() -> list[str]:
        async with cluster.http() as http:
            assert (await http.request("GET", "/api/events/"))[0] == 200
        await asyncio.sleep(1)
        return limits_counted(guarded.master, password="hush")

    await until(are_counted, "limits are counted in Redis", 30)
    print(
        f"first sentinel hangs, second is gone | web answers after {ready:.1f} s | acknowledged 40, confirmed 40"
    )
