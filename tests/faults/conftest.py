"""Servers of a test's own, to be stopped, frozen and killed; the session's are shared with other tests."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from eventhub.embedded import Services
from eventhub.embedded.postgres import Postgres
from eventhub.embedded.server import Server
from eventhub.embedded.valkey import Valkey
from tests.cluster import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What breaks and kills real processes takes its time: all of it runs with `make test-all`."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.long)


class Breakable:
    """A server that a test starts, freezes and kills as it likes."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.url

    def start(self) -> None:
        self.server.ensure_running(threading.Event())

    def kill(self) -> None:
        """Kill it with all its processes at once, as a power cut does."""
        self.server.kill()

    def kill_main_process(self) -> None:
        """Kill the process that the others depend on, and let those find out by themselves."""
        pid = self.server.main_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """PostgreSQL has a process for each connection, which would go on without the main one."""
        for process in self.server.processes():
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder with a short path, as sockets need it, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="eventhub-fault-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def own_redis(own_folder: Path) -> Iterator[Breakable]:
    valkey = Breakable(Valkey(own_folder / "valkey", durable=True))
    valkey.start()
    yield valkey
    valkey.kill()


@pytest.fixture
def own_postgres(own_folder: Path) -> Iterator[Breakable]:
    # Durable: otherwise a crash may lose commits, and these tests count them.
    postgres = Breakable(Postgres(own_folder / "postgres", durable=True))
    postgres.start()
    yield postgres
    postgres.kill()


@pytest.fixture
def redis_cluster(
    servers: Services, own_redis: Breakable, worker_id: str, tmp_path: Path
) -> Iterator[Cluster]:
    """A cluster whose Redis may be broken."""
    with Cluster(replace(servers, redis_url=own_redis.url), f"cluster_{worker_id}", tmp_path) as started:
        yield started


@pytest.fixture
def postgres_cluster(
    servers: Services, own_postgres: Breakable, worker_id: str, tmp_path: Path
) -> Iterator[Cluster]:
    """A cluster whose PostgreSQL may be broken."""
    with Cluster(
        replace(servers, database_url=own_postgres.url), f"cluster_{worker_id}", tmp_path
    ) as started:
        yield started


def still_there(pids: list[int]) -> list[int]:
    """Return those of `pids` that are alive (a zombie is not)."""
    listing = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-A"], check=True, capture_output=True, text=True
    ).stdout
    alive = {
        int(pid) for pid, state in (line.split()[:2] for line in listing.splitlines()) if state[0] != "Z"
    }
    return [pid for pid in pids if pid in alive]
