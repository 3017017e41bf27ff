"""What operators see while processes die, Redis freezes and the database refuses writes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster import Cluster, free_port
from tests.faults.conftest import Breakable
from tests.waiting import until, until_now

TOKEN = "a-token-of-operators"
REQUESTS = 120
BOOKINGS = 30


class Sight:
    """A cluster of three web processes, two worker processes and a clock, as operators see it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.worker_port, self.clock_port = free_port(), free_port()
        cluster.environ["EVENTHUB_METRICS_TOKEN"] = TOKEN

    def start(self, *names: str) -> None:
        if "web" in names:
            self.cluster.start("web")
        if "worker" in names:
            self.cluster.start(
                "worker", arguments=["--processes", "2"], EVENTHUB_METRICS_PORT=str(self.worker_port)
            )
        if "clock" in names:
            self.cluster.start("clock", EVENTHUB_METRICS_PORT=str(self.clock_port))

    def get(self, url: str, token: str = TOKEN) -> tuple[int, bytes]:
        asking = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(asking, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()

    def ready(self) -> tuple[int, dict[str, Any]]:
        status, body = self.get(f"{self.cluster.url}/readyz")
        return status, orjson.loads(body)

    def away(self) -> tuple[str, set[str]]:
        """Return how it stands with all, and the parts that are not there."""
        _, said = self.ready()
        return said["status"], {name for name, part in said["parts"].items() if part["status"] != "ok"}

    async def becomes(self, status: str, *away: str) -> float:
        """Wait until every web process says so; return the seconds."""
        began_at = time.monotonic()

        def is_so() -> bool:
            # A connection each, and the kernel chooses among three processes: none is left out by chance.
            return all(self.away() == (status, set(away)) for _ in range(30))

        await until(is_so, f"{status} without {away}; last {self.ready()}", seconds=25)
        return time.monotonic() - began_at

    def metric(self, port: int, name: str, **labels: str) -> float:
        """Return the sum of the samples that have these labels; 0 while nobody listens."""
        try:
            status, text = self.get(f"http://127.0.0.1:{port}/metrics")
        except urllib.error.URLError:  # it starts
            return 0.0
        assert status == 200
        return sum(
            sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


async def test_numbers_add_up_over_processes_and_outlive_a_killed_one(cluster: Cluster) -> None:
    sight = Sight(cluster)
    sight.start("web", "worker", "clock")
    web = cluster.port

    def counted() -> float:
        return sight.metric(web, "eventhub_http_request_seconds_count", route="/api/users/", status="200")

    async def ask(number: int) -> None:
        # A connection each, so that the kernel spreads them over the processes.
        loop = asyncio.get_running_loop()
        url = f"{cluster.url}/api/users/"
        answers = await asyncio.gather(
            *(loop.run_in_executor(None, sight.get, url, cluster.token(*first)) for _ in range(number))
        )
        assert {status for status, _ in answers} == {200}

    await cluster.people(1)
    row = (await cluster.sql("SELECT user_id, id FROM sign_ins"))[0]
    first = (row["user_id"], row["id"])
    await ask(REQUESTS)
    # Whichever process is asked, it answers for all.
    before = {counted() for _ in range(10)}

    master = psutil.Process(cluster.processes["web"][0].pid)
    victims = {child.pid for child in master.children()}
    assert len(victims) == 3
    os.kill(min(victims), signal.SIGKILL)
    until_now(
        lambda: len({child.pid for child in master.children()} - {min(victims)}) == 3, "another is started"
    )
    after_kill = {counted() for _ in range(10)}
    await ask(REQUESTS)
    at_last = {counted() for _ in range(10)}
    until_now(
        lambda: sight.metric(web, "eventhub_database_pool_size", pool="main") == 30,
        "pools of the three that live",
    )

    (organizer,) = await cluster.people(1, "organizer")
    event = await cluster.event(organizer, price="0.00", max_attendees=1000)
    people = await cluster.people(BOOKINGS)
    async with cluster.http() as http:
        answers = await asyncio.gather(
            *(
                http.request("POST", "/api/bookings/", person, {"event": event, "number_of_tickets": 1})
                for person in people
            )
        )
    assert {status for status, _ in answers} == {201}
    confirmed = 0.0

    def all_confirmed() -> bool:
        nonlocal confirmed
        confirmed = sight.metric(
            sight.worker_port, "eventhub_job_seconds_count", kind="confirm_booking", outcome="done"
        )
        return confirmed == BOOKINGS

    until_now(all_confirmed, "all confirmations count", seconds=30)
    until_now(
        lambda: sight.metric(sight.clock_port, "eventhub_seats", state="taken") == BOOKINGS,
        "the clock sees the seats",
        seconds=25,
    )
    until_now(
        lambda: sight.metric(sight.clock_port, "eventhub_processes") == 3 + 2 + 1,
        "the clock hears of all processes that live, and of no other",
        seconds=30,
    )
    assert sight.metric(sight.clock_port, "eventhub_queue_workers", queue="payments") == 2
    assert sight.get(f"http://127.0.0.1:{sight.clock_port}/metrics", "wrong")[0] == 401

    (line,) = refused_start(cluster, sight.clock_port).splitlines()
    assert "in use" in line
    assert "EVENTHUB_METRICS_PORT" in line

    folders = shared_folders(cluster)
    assert len(folders) == 2
    assert cluster.stop("worker") == 0
    assert cluster.stop("web") == 0
    assert not any(map(Path.exists, folders))
    print(
        f"\n{'':34}asked  counted\nreads, three processes{REQUESTS:17}{before.pop():9.0f}\n"
        f"after one was killed{REQUESTS:19}{after_kill.pop():9.0f}\nafter as many more{2 * REQUESTS:21}{at_last.pop():9.0f}\n"
        f"confirmations, two workers{BOOKINGS:13}{confirmed:9.0f}"
    )
    assert (before, after_kill, at_last) == (set(), set(), set()), "processes disagree"


def shared_folders(cluster: Cluster) -> set[Path]:
    """Return where web and worker processes count together."""
    pids = [pid for name in ("web", "worker") for pid in cluster.workers(name)]
    files = [Path(opened.path) for pid in pids for opened in psutil.Process(pid).memory_maps()]
    return {file.parent for file in files if file.parent.name.startswith("eventhub-metrics-")}


def refused_start(cluster: Cluster, port: int) -> str:
    """Return what a clock says whose port for metrics is another's."""
    ended = subprocess.run(
        [sys.executable, "-m", "eventhub.cli", "clock"],
        env={**cluster.environ, "EVENTHUB_METRICS_PORT": str(port)},
        cwd=cluster.folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    return ended.stderr


async def test_readiness_follows_what_is_away(redis_cluster: Cluster, own_redis: Breakable) -> None:
    cluster = redis_cluster
    sight = Sight(cluster)
    sight.start("web", "worker", "clock")
    seconds = {"everything started": await sight.becomes("ok")}

    cluster.kill("worker")
    seconds["worker killed"] = await sight.becomes("degraded", "workers")
    sight.start("worker")
    seconds["worker back"] = await sight.becomes("ok")

    own_redis.freeze()
    try:
        seconds["Redis frozen"] = await sight.becomes("degraded", "redis")
        began_at = time.monotonic()
        assert sight.ready()[0] == 200
        assert time.monotonic() - began_at < 3
        assert sight.get(f"{cluster.url}/healthz")[0] == 200
    finally:
        own_redis.thaw()
    seconds["Redis back"] = await sight.becomes("ok")

    database = (await cluster.sql("SELECT current_database()"))[0][0]
    await cluster.sql(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
    seconds["database read only"] = await sight.becomes("down", "database", "schema", "workers", "clock")
    assert sight.ready()[0] == 503
    assert sight.get(f"{cluster.url}/healthz")[0] == 200
    # This session is read only from its beginning.
    connection = await asyncpg.connect(cluster.environ["DATABASE_URL"])
    await connection.execute("SET default_transaction_read_only = off")
    await connection.execute(f'ALTER DATABASE "{database}" RESET default_transaction_read_only')
    await connection.close()
    seconds["database back"] = await sight.becomes("ok")

    await cluster.sql("UPDATE aerich SET app = 'of before' WHERE id = (SELECT max(id) FROM aerich)")
    seconds["schema older"] = await sight.becomes("down", "schema")
    await cluster.sql("UPDATE aerich SET app = 'models' WHERE app = 'of before'")
    seconds["schema as it should be"] = await sight.becomes("ok")
    cluster.kill("clock")
    seconds["clock killed"] = await sight.becomes("degraded", "clock")
    print(f"\n{'what was done':28}seconds until /readyz said so")
    for what, took in seconds.items():
        print(f"{what:28}{took:8.1f}")
