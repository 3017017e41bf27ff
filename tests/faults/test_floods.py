"""What a flood of connections and clients that read slowly leave to everybody else."""

import asyncio
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.faults.programs import program

# 127.0.0.2 stands for somebody else's address.
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="needs loopback addresses beside 127.0.0.1"),
]

FLOOD_SECONDS = 10.0

# Announces bodies and sends none, over so many connections; opens another for each that ends.
FLOOD = r"""
import selectors, socket, sys, time
port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
selector, until = selectors.DefaultSelector(), time.monotonic() + seconds
print("begun", flush=True)
while time.monotonic() < until:
    while len(selector.get_map()) < connections and time.monotonic() < until:
        try:
            one = socket.create_connection(("127.0.0.1", port), 1)
            one.sendall(b"POST /nowhere/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n")
            one.setblocking(False)
            selector.register(one, selectors.EVENT_READ)
        except OSError:
            pass
    for key, _ in selector.select(0.1):
        try:
            data = key.fileobj.recv(4096)
        except OSError:
            data = b""
        if not data:
            selector.unregister(key.fileobj)
            key.fileobj.close()
"""


async def _ask(cluster: Cluster, path: str, address: str) -> tuple[int, float]:
    """Return (status, seconds) over a connection of its own; 0 where it ended without an answer."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", cluster.port, local_addr=(address, 0))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        answer = b""
    return int(answer.split()[1]) if answer else 0, time.monotonic() - began


async def test_a_flood_of_half_sent_requests_keeps_nobody_waiting(cluster: Cluster) -> None:
    """Neither other addresses nor, for whole requests, its own: whoever watches the process may share it."""
    cluster.start("web", WEB_CONCURRENCY="2", EVENTHUB_RATE_LIMIT="on")
    asked = []
    with program(FLOOD, str(cluster.port), "900", str(FLOOD_SECONDS)) as flood:
        assert flood.stdout is not None
        await asyncio.to_thread(flood.stdout.readline)
        await asyncio.sleep(2)
        while flood.poll() is None:
            for address, path in (
                ("127.0.0.2", "/healthz/"),
                ("127.0.0.2", "/api/events/"),
                ("127.0.0.1", "/healthz/"),
            ):
                asked.append(asyncio.create_task(_ask(cluster, path, address)))
                await asyncio.sleep(0.02)
        answers = await asyncio.gather(*asked)
    assert len(answers) > 100
    assert Counter(status for status, _ in answers) == {200: len(answers)}
    seconds = sorted(taken for _, taken in answers)
    assert seconds[len(seconds) // 2] < 0.1
    assert seconds[len(seconds) * 9 // 10] < 1


async def test_clients_that_read_slowly_leave_memory_and_answers_to_others(cluster: Cluster) -> None:
    """200 of them, from 50 addresses, each with a long answer of its own."""
    cluster.start("web", WEB_CONCURRENCY="2", EVENTHUB_RATE_LIMIT="on")
    [organizer] = await cluster.people(1, "organizer")
    event = await cluster.event(organizer)
    await cluster.sql(
        "INSERT INTO sessions (event_id, title, description, start_time, end_time, room_or_link, created_at, updated_at) "
        "SELECT $1::bigint, 'Talk', repeat('x', 20000), now(), now() + interval '1 hour', '', now(), now() FROM generate_series(1, 100)",
        event,
    )
    readers = []
    try:
        for number in range(200):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", cluster.port, local_addr=(f"127.0.1.{number % 50 + 1}", 0), limit=1000
            )
            readers.append((reader, writer))
            writer.write(f"GET /api/events/{event}/?{number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            if number % 10 == 9:
                await asyncio.sleep(0.1)
        statuses = [int((await asyncio.wait_for(reader.readline(), 30)).split()[1]) for reader, _ in readers]
        assert max(map(_resident_bytes, cluster.workers("web"))) < 250_000_000
        assert set(statuses) == {200, 503}
        for path in ("/healthz/", "/api/events/"):
            assert (await _ask(cluster, path, "127.0.0.2"))[0] == 200
        # Those that took nothing make room for who asks later.
        await asyncio.sleep(11)
        assert (await _ask(cluster, f"/api/events/{event}/", "127.0.0.2"))[0] == 200
    finally:
        for _, writer in readers:
            writer.transport.abort()


def _resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
