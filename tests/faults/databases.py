"""PostgreSQL as others run it: on ports, with a standby, behind PgBouncer, each to be killed."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
