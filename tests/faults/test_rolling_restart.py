"""A release under load: two of each process behind a balancer, replaced one after the other, and nobody notices."""

import asyncio
import itertools
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Self

import aiohttp
import pytest
from aiohttp import web

from eventhub import __version__
from tests.cluster import Cluster, Http, free_port
from tests.faults.bookings import CONFIRMED, assert_confirmed_once
from tests.faults.test_takeover import table
from tests.waiting import until

PER_SECOND = 50
EVENTS = 20
PROCESSES = 2 * 2 + 2 + 2  # each web master has two
HEARD = "SELECT count(*) FROM processes WHERE seen_at > now() - interval '3 seconds'"

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


class Balancer:
    """Sends each request to one of `ports` in turn, over a connection of its own; where nobody listens, to the next."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports
        self.turns: Iterator[int] = itertools.count()
        self.url = ""

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.forward)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        port = free_port()
        await web.TCPSite(self.runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()
        await self.session.close()

    async def forward(self, request: web.Request) -> web.Response:
        body, first = await request.read(), next(self.turns)
        for number in range(len(self.ports)):
            url = f"http://127.0.0.1:{self.ports[(first + number) % len(self.ports)]}{request.raw_path}"
            with suppress(aiohttp.ClientConnectorError):
                async with self.session.request(
                    request.method, url, data=body, headers=request.headers
                ) as answer:
                    return web.Response(
                        status=answer.status, body=await answer.read(), content_type=answer.content_type
                    )
        return web.Response(status=502)


async def test_a_release_costs_no_request_and_no_job(cluster: Cluster) -> None:
    ports = [free_port() for _ in range(4)]
    old = await start_two_of_each(cluster, ports[:2])
    (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(2000)
    cluster.url = f"http://127.0.0.1:{ports[0]}"
    events = [await cluster.event(organizer, max_attendees=2000) for _ in range(EVENTS)]
    replaced: dict[str, float] = {}
    done = asyncio.Event()

    async def replace_all() -> None:
        cluster.environ["EVENTHUB_COMMIT"] = "b2b2b2b"
        await start_two_of_each(cluster, ports[2:], beside=PROCESSES)
        for name, process in old.items():
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 40) == 0, name
            replaced[name] = time.monotonic() - began
        done.set()

    async with Balancer(ports) as balancer, Http(balancer.url, 200) as http:
        replacing = asyncio.create_task(replace_all())
        answers = await under_load(http, people, events, done.is_set)
        await replacing
    kinds = Counter(answers)
    booked = kinds["POST 201"]
    await cluster.eventually("SELECT count(*) FROM jobs", 0, seconds=60)
    [[confirmed]] = await cluster.sql(CONFIRMED)
    table(
        stopped=", ".join(f"{name} in {seconds:.1f} s" for name, seconds in replaced.items()),
        requests=len(answers),
        answers=dict(kinds),
        bookings=booked,
        jobs_lost=booked - confirmed,
        given_up_by_their_process=cluster.log("clock").count("heard of no more"),
    )
    assert kinds.keys() == {"GET 200", "POST 201"}
    await assert_confirmed_once(cluster, booked)
    await cluster.eventually(HEARD, PROCESSES, seconds=5)
    rows = await cluster.sql("SELECT kind, version FROM processes")
    expected = {"web": 4, "worker": 2, "clock": 2}
    assert Counter(row["kind"] for row in rows) == expected, "who ended took its row away"
    assert {row["version"] for row in rows} == {f"{__version__}+b2b2b2b"}


async def start_two_of_each(
    cluster: Cluster, ports: list[int], *, beside: int = 0
) -> dict[str, "subprocess.Popen[bytes]"]:
    """Return the new processes by name, once all of them are ready."""
    started = {}
    for name, number in (("web", 4), ("worker", 2), ("clock", 2)):
        for place, port in enumerate(ports):
            started[f"{name} {place}"] = cluster.begin(name, PORT=str(port), WEB_CONCURRENCY="2")
        beside += number
        await cluster.eventually(HEARD, beside, seconds=60)
    for port in ports:
        await until(lambda port=port: is_listening(port), f"web listens on {port}", 30)  # type: ignore[misc]
    return started


async def is_listening(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def under_load(
    http: Http, people: list[str], events: list[int], is_over: Callable[[], bool]
) -> list[str]:
    """Ask at a steady rate until it is over, every third time for a seat; return what the answers were."""
    asked: list[asyncio.Task[str]] = []

    async def ask(number: int) -> str:
        event, token = events[number % EVENTS], people[number // 3]
        if number % 3:
            status, answer = await http.request("GET", f"/api/events/{event}/", token)
            return f"GET {status}" if status == 200 else f"GET {status} {answer}"
        status, answer = await http.request("POST", "/api/bookings/", token, {"event": event})
        return f"POST {status}" if status == 201 else f"POST {status} {answer}"

    began = time.monotonic()
    while not is_over():
        asked.append(asyncio.create_task(ask(len(asked))))
        await asyncio.sleep(max(0, began + len(asked) / PER_SECOND - time.monotonic()))
    return await asyncio.gather(*asked)
