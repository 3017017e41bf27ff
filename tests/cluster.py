"""Event Hub as ops run it: real processes over real sockets, to be raced against and killed."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
import asyncpg
import jwt

import eventhub
from eventhub import embedded
from eventhub.services.keys import Purpose, derive

# Where the tests' own `eventhub` lies: the processes must run that one, whichever is installed.
SOURCE = Path(eventhub.__file__).parent.parent
SECRET = "a secret for clusters only, of more than 32 bytes"
READY_SECONDS = 20


class Cluster:
    """`eventhub web` (several processes), `worker` and `clock` on a fresh database.

    `start` begins parts, `kill` and `stop` end them; `http` asks the API; `sql` looks into the database. People are
    made in the database and get tokens signed with the cluster's secret, because hundreds of logins take minutes.
    """

    def __init__(self, servers: embedded.Services, name: str, folder: Path) -> None:
        self.servers = servers
        self.name = name
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.environ: dict[str, str] = {}

    def __enter__(self) -> Self:
        from tests.conftest import fresh_database, redis_url  # noqa: PLC0415 - conftest imports this module

        database_url = asyncio.run(fresh_database(self.servers.database_url, self.name))
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SOURCE),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url(self.servers.redis_url, 8 + sum(map(ord, self.name)) % 8),
            "EVENTHUB_SECRET_KEY": SECRET,
            "EVENTHUB_HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "3",
            "EVENTHUB_DATA_DIR": str(self.folder / "data"),
            "EVENTHUB_CLOCK_INTERVAL": "0.2",
            "EVENTHUB_PAYMENT_GATEWAYS": "mock=mock,credit_card=mock,bank_transfer=offline",
            "EVENTHUB_RATE_LIMIT": "off",
        }
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name, signal.SIGKILL)

    def start(self, *names: str, arguments: Sequence[str] = (), **environ: str) -> None:
        """Start `web`, `worker` or `clock`; web is ready when this returns."""
        for name in names:
            self.begin(name, arguments, **environ)
        if "web" in names:
            self._wait_for_web()

    def begin(self, name: str, arguments: Sequence[str] = (), **environ: str) -> "subprocess.Popen[bytes]":
        """Start `web`, `worker` or `clock` without waiting until it is ready."""
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "eventhub.cli", name, *arguments],
            env={**self.environ, **environ},
            cwd=self.folder,  # `-m` would look there before PYTHONPATH
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self.processes.setdefault(name, []).append(process)
        return process

    def run(self, name: str, **environ: str) -> None:
        """Run a command that ends by itself, such as `demo`."""
        subprocess.run(
            [sys.executable, "-m", "eventhub.cli", name],
            env={**self.environ, **environ},
            cwd=self.folder,
            check=True,
        )

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.02)
        raise AssertionError(self.log("web"))

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send the signal to everything that `name` started, and wait until the main process is gone."""
        for process in self.processes.pop(name, []):
            for pid in [process.pid, *_descendants(process.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            process.wait(timeout=40)

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Let nothing that `name` started go on, meanwhile."""
        pids = [pid for process in self.processes[name] for pid in (process.pid, *_descendants(process.pid))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def stop(self, name: str, seconds: float = 40) -> int:
        """Ask `name` to stop as a platform does (SIGTERM to the main process); return its exit code."""
        code = 0
        for process in self.processes.pop(name, []):
            process.terminate()
            code = process.wait(timeout=seconds)
        return code

    def workers(self, name: str = "worker") -> list[int]:
        """Return the pids below the main process of `name`, deepest last."""
        return [pid for process in self.processes.get(name, []) for pid in _descendants(process.pid)]

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- people -----------------------------------------------------------------------------------------------

    async def sql(self, statement: str, *args: object) -> list[Any]:
        connection = await asyncpg.connect(self.environ["DATABASE_URL"])
        try:
            rows: list[Any] = await connection.fetch(statement, *args)
            return rows
        finally:
            await connection.close()

    async def people(self, number: int, user_type: str = "attendee") -> list[str]:
        """Return the access tokens of so many new people."""
        rows = await self.sql(_PEOPLE, number, user_type)
        return [self.token(row["user_id"], row["id"]) for row in rows]

    def token(self, user_id: int, sign_in_id: int) -> str:
        now = int(time.time())
        claims = {"sub": str(user_id), "sid": sign_in_id, "use": "access", "iat": now, "exp": now + 3600}
        return jwt.encode(claims, derive(SECRET, Purpose.ACCESS_TOKEN), "HS256")

    async def event(self, organizer: str, **changes: object) -> int:
        """Return the id of a new published event of the organizer with this token."""
        from tests.api import event_details  # noqa: PLC0415 - registers handlers that this process does not need

        async with self.http() as http:
            made = await http.request("POST", "/api/events/", organizer, event_details(**changes))
            assert made[0] == 201, made
            published = await http.request("POST", f"/api/events/{made[1]['id']}/publish/", organizer)
            assert published[0] == 200, published
            return int(made[1]["id"])

    def http(self, connections: int = 100) -> "Http":
        return Http(self.url, connections)

    async def eventually(self, statement: str, expected: object, *args: object, seconds: float = 30) -> None:
        """Wait until the first value of the statement's first row is what is expected."""
        deadline = time.monotonic() + seconds
        while True:
            value = (await self.sql(statement, *args))[0][0]
            if value == expected:
                return
            assert time.monotonic() < deadline, f"{value!r} instead of {expected!r}: {statement}"
            await asyncio.sleep(0.05)


class Http:
    """Many connections to the cluster's web processes."""

    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        self.connections = connections

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self.connections))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def request(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Return (status, JSON or None)."""
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        async with self.session.request(method, self.url + path, json=body, headers=sent) as response:
            data = await response.json() if response.content_type == "application/json" else None
            return response.status, data


_PEOPLE = """
WITH person AS (
    INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website,
                       organization, is_verified, is_active, date_joined)
    SELECT 'p' || n || '-' || $2, 'p' || n || '-' || $2 || '@example.com', '-', 'Person', n::text, $2, '', '', '', '',
           false, true, now()
    FROM (SELECT (SELECT count(*) FROM users) + generate_series(1, $1::int) AS n) AS numbers
    RETURNING id
), profile AS (
    INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, notifications_enabled,
                          total_events_attended, total_spent)
    SELECT id, '', '', '', '', false, true, 0, 0 FROM person
)
INSERT INTO sign_ins (user_id, created_at, expires_at) SELECT id, now(), now() + interval '1 day' FROM person
RETURNING id, user_id
"""


def _descendants(pid: int) -> list[int]:
    import psutil  # noqa: PLC0415 - comes with the embedded PostgreSQL

    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
