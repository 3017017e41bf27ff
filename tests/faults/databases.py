"""PostgreSQL as others run it: on ports, with a standby, behind PgBouncer, each to be killed."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import asyncpg
import pytest

from eventhub.embedded import account
from eventhub.embedded.postgres import NAME, Postgres
from eventhub.embedded.server import Server
from tests.cluster import free_port
from tests.waiting import until_now

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


class PortPostgres(Postgres):
    """The embedded PostgreSQL, listening on a port of 127.0.0.1 as well; others may sign in without a password."""

    def __init__(self, home: Path, *, settings: dict[str, str] | None = None) -> None:
        super().__init__(home, durable=True)
        self.port = free_port()
        self.settings = settings or {}

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"postgres://{NAME}@{self.host}/{NAME}"

    def command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), **self.settings}
        return [*super().command(), *(f"--{name}={value}" for name, value in settings.items())]

    def is_ready(self) -> bool:
        arguments = ["-q", "-t", "1", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run([self.programs / "pg_isready", *arguments], check=False).returncode == 0

    def start(self) -> None:
        self.ensure_running(threading.Event())

    async def execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()


class Standby(PortPostgres):
    """A copy of `primary` that follows it, until it is promoted."""

    def __init__(self, home: Path, primary: PortPostgres) -> None:
        super().__init__(home)
        self.primary = primary

    def prepare(self, lock: int) -> None:
        if self.working_dir.exists():
            return
        self.working_dir.mkdir(mode=0o700)
        if self.account is not None:
            self.account.own(self.working_dir)
        source = f"host=127.0.0.1 port={self.primary.port} user={NAME} application_name=standby"
        copy = [self._program("pg_basebackup"), "-D", self._own_name(self.working_dir), "-d", source]
        self.run([*copy, "-R", "-X", "stream", "-c", "fast"], lock, self.working_dir)

    async def promote(self) -> None:
        """Make it the primary, which no longer waits for a standby of its own."""
        await self.execute(
            "SELECT pg_promote()",
            "ALTER SYSTEM SET synchronous_standby_names = ''",
            "SELECT pg_reload_conf()",
        )


class Machine:
    """A network of its own through which `target` is reached, as if on another machine, to be cut off without a word."""

    def __init__(self, target: PortPostgres) -> None:
        self.target = target
        self.name = f"eventhub-{os.getpid()}"
        # Of the networks that are for tests between devices (RFC 2544).
        self.ours, self.theirs = (f"198.18.{os.getpid() % 250}.{n}" for n in (1, 2))
        self.host = f"{self.theirs}:5432"
        self.link = f"eh{os.getpid()}"

    def __enter__(self) -> Self:
        if os.geteuid() != 0 or shutil.which("ip") is None or not self._run("ip", "netns", "add", self.name):
            pytest.skip("a network of its own takes root and `ip`")
        inside = ("ip", "netns", "exec", self.name)
        ends = (self.link, f"{self.link}b")
        self._run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", self.name)
        self._run("ip", "addr", "add", f"{self.ours}/30", "dev", ends[0])
        self._run("ip", "link", "set", ends[0], "up")
        self._run(*inside, "ip", "addr", "add", f"{self.theirs}/30", "dev", ends[1])
        self._run(*inside, "ip", "link", "set", ends[1], "up")
        socket = self.target.socket_dir / f".s.PGSQL.{self.target.port}"
        command = [*inside, sys.executable, "-c", _FORWARD, self.theirs, str(socket)]
        self.forwarder = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.forwarder.stdout is not None
        assert self.forwarder.stdout.readline(), "it does not listen"
        return self

    def cut_off(self) -> None:
        """Let nothing come back from it: no end of a connection, no refusal."""
        assert self._run("ip", "netns", "exec", self.name, "ip", "route", "add", "blackhole", self.ours)

    def __exit__(self, *_: object) -> None:
        self.forwarder.kill()
        self.forwarder.communicate()
        # A network lives for as long as its sockets do.
        self._run("ip", "link", "del", self.link)
        self._run("ip", "netns", "del", self.name)

    @staticmethod
    def _run(*command: str) -> bool:
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


_FORWARD = """
import asyncio, sys

async def pipe(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()

async def forward(reader, writer):
    there = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))

async def main():
    async with await asyncio.start_server(forward, sys.argv[1], 5432) as server:
        print("listens", flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


@contextmanager
def running(server: Server) -> Iterator[None]:
    """Have `server` running in this block."""
    server.ensure_running(threading.Event())
    try:
        yield
    finally:
        server.kill()


@contextmanager
def pgbouncer(target: PortPostgres, database: str, *, mode: str, **settings: object) -> Iterator[str]:
    """Yield the URL of `database` at `target` through a PgBouncer of its own."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    folder = Path(tempfile.mkdtemp(prefix="eventhub-pgbouncer-"))
    port = free_port()
    options = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": mode,
        "max_client_conn": 500,
        "default_pool_size": 20,
        **settings,
    }
    lines = [f"{name} = {value}" for name, value in options.items()]
    target_line = f"{database} = host=127.0.0.1 port={target.port} dbname={database} user={NAME}"
    (folder / "pgbouncer.ini").write_text(
        "\n".join(["[databases]", target_line, "[pgbouncer]", *lines]) + "\n"
    )
    # As root it refuses to run.
    runs_as = account.unprivileged(folder / "none")
    if runs_as is not None:
        runs_as.own(folder)
    log = (folder / "pgbouncer.log").open("wb")
    process = subprocess.Popen(
        [PGBOUNCER, str(folder / "pgbouncer.ini")],
        cwd=folder,
        stdout=log,
        stderr=log,
        start_new_session=True,
        **(runs_as.popen_options() if runs_as else {}),
    )
    log.close()
    try:
        ready = [
            str(target.programs / "pg_isready"),
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-d",
            database,
        ]
        until_now(lambda: subprocess.run(ready, check=False).returncode == 0, "PgBouncer answers")
        yield f"postgres://{NAME}@127.0.0.1:{port}/{database}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
