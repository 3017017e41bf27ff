"""The running system: Event Hub and the ceiling on one PostgreSQL, in a temporary folder; what their processes cost."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import asyncpg
import jwt
import orjson
import psutil

from bench.ceiling_data import copy_from
from bench.client import Client
from bench.seed import PASSWORD, SMALL, Size, seed
from eventhub import embedded
from eventhub.database import migrate
from eventhub.services import passwords
from eventhub.services.keys import Purpose, derive

SECRET = "a secret for measuring only, of more than 32 bytes"
WEB_PROCESSES = 2
BUYERS = 10_000
_BEATING = "SELECT count(DISTINCT kind) FROM processes"
CALM_MS, CALM_SECONDS, SETTLE_SECONDS = 15.0, 0.25, 60.0


@dataclass
class Target:
    """A server that is measured, and its processes."""

    name: str
    port: int
    database_url: str
    processes: list[psutil.Process] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        return sum(tree_ms(process) for process in self.processes)


@dataclass
class System:
    """Both servers on their database, filled with the same rows."""

    size: Size
    folder: Path
    servers: embedded.Services
    postgres: psutil.Process
    client: Client
    hub: Target
    ceiling: Target
    parts: dict[str, subprocess.Popen[bytes]]

    def start(self, part: str) -> psutil.Process:
        """Start `web`, `worker` or `clock` of Event Hub."""
        environ = {
            **os.environ,
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "EVENTHUB_SECRET_KEY": SECRET,
            "EVENTHUB_HOST": "127.0.0.1",
            "PORT": str(self.hub.port),
            "WEB_CONCURRENCY": str(WEB_PROCESSES),
            "EVENTHUB_DATA_DIR": str(self.folder / "data"),
            "EVENTHUB_ACCESS_LOG": "false",
            "EVENTHUB_LOG_LEVEL": "ERROR",
            "EVENTHUB_RATE_LIMIT": "off",
            "EVENTHUB_PAYMENT_GATEWAYS": "mock=mock",
        }
        self.parts[part] = _popen(["eventhub.cli", part], environ)
        return psutil.Process(self.parts[part].pid)

    def settle(self) -> None:
        """Wait until nobody works: what the run before left behind would count for the next."""
        deadline, calm, last = time.monotonic() + SETTLE_SECONDS, 0, self._all_ms()
        while calm < 2 and time.monotonic() < deadline:
            time.sleep(CALM_SECONDS)
            now = self._all_ms()
            calm, last = (calm + 1 if now - last < CALM_MS else 0), now
        if calm < 2:
            print(
                f"warning: not idle after {SETTLE_SECONDS:g} s, so the next run counts other work too",
                flush=True,
            )

    def _all_ms(self) -> float:
        parts = [psutil.Process(part.pid) for part in self.parts.values()]
        return sum(map(tree_ms, [*parts, *self.ceiling.processes, self.postgres]))

    async def begin_working(self) -> None:
        """Start a worker and a clock. Their lines are empty: the jobs that bookings left are dropped."""
        connection = await asyncpg.connect(self.hub.database_url)
        await connection.execute("TRUNCATE jobs")
        await connection.execute("VACUUM ANALYZE")
        for part in ("worker", "clock"):
            self.start(part)
        while await connection.fetchval(_BEATING) < len(self.parts):  # noqa: ASYNC110 - others begin
            await asyncio.sleep(0.1)
        await connection.close()

    def memory_mb(self) -> dict[str, float]:
        """Return the PSS of each process of Event Hub."""
        found = {}
        for part, process in self.parts.items():
            tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            for number, each in enumerate(tree):
                found[f"{part}, {'master' if number == 0 else f'child {number}'}"] = pss_mb(each)
        return found


def request(method: str, path: str, user: int | None = None, body: object = None) -> bytes:
    """Return what goes over the wire."""
    data = orjson.dumps(body) if body is not None else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if user is not None:
        lines.append(f"Authorization: Bearer {token(user)}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


@lru_cache(20_000)
def token(user: int) -> str:
    """Return an access token of a user whose sign-in has the same id, as all have here."""
    claims = {
        "sub": str(user),
        "sid": user,
        "use": "access",
        "iat": int(time.time()),
        "exp": int(time.time()) + 86_400,
    }
    return jwt.encode(claims, derive(SECRET, Purpose.ACCESS_TOKEN), "HS256")


def tree_ms(process: psutil.Process) -> float:
    """Return the CPU time that a process and all that it started have used so far, those that ended included."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total * 1000


def pss_mb(process: psutil.Process) -> float:
    """Return what a process holds in memory, with its share of what it shares; 0 if it has gone."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def running(size: Size = SMALL) -> Iterator[System]:
    """Start PostgreSQL with durable commits, Valkey, the ceiling and the web processes of Event Hub, and stop them again."""
    folder = Path(tempfile.mkdtemp(prefix="eventhub-bench-"))
    client = Client()
    try:
        with embedded.start(folder) as servers, _stopped_at_the_end() as processes:
            url = servers.database_url
            asyncio.run(migrate(url))
            print(f"filling in {size.rows} ...", flush=True)
            asyncio.run(seed(url, asyncio.run(passwords.hash_password(PASSWORD)), size, BUYERS))
            ceiling = Target("ceiling", free_port(), asyncio.run(copy_from(url)))
            key = derive(SECRET, Purpose.ACCESS_TOKEN).hex()
            for number in range(WEB_PROCESSES):
                command = ["bench.ceiling", ceiling.database_url, str(ceiling.port), key]
                processes[f"ceiling {number}"] = _popen(command, dict(os.environ))
            ceiling.processes = [psutil.Process(each.pid) for each in processes.values()]
            [postgres] = [p for p in psutil.process_iter() if _is_postmaster_in(p, folder)]
            hub = Target("hub", free_port(), url)
            system = System(size, folder, servers, postgres, client, hub, ceiling, {})
            try:
                hub.processes = [system.start("web")]
                for target in (ceiling, hub):
                    wait_for(target.port)
                yield system
            finally:
                processes.update(system.parts)
    finally:
        client.close()
        shutil.rmtree(folder, ignore_errors=True)


def _popen(module: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", *module], env=environ, start_new_session=True)


@contextlib.contextmanager
def _stopped_at_the_end() -> Iterator[dict[str, Any]]:
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        yield processes
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        for process in processes.values():
            process.wait(timeout=40)


def _is_postmaster_in(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        parent = process.parent()
        is_main = parent is None or parent.name() != "postgres"
        return process.name() == "postgres" and is_main and Path(process.cwd()).is_relative_to(folder)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the web processes do not answer")
