"""PostgreSQL and Valkey on this machine with nothing else installed: for `eventhub up`, and for the tests."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eventhub.embedded.locks import lock_shared, locked, open_lock, try_lock
from eventhub.embedded.postgres import Postgres
from eventhub.embedded.server import START_SECONDS, Cancelled, Server
from eventhub.embedded.valkey import Valkey
from eventhub.embedded.wheels import EmbeddedError, ExtraMissing
from eventhub.processes import ignoring_stop_signals

__all__ = ["EmbeddedError", "ExtraMissing", "Services", "start"]

_WATCH_SECONDS = 0.5
_MAX_WATCH_SECONDS = 30.0
_STOP_LOCK_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """Where the two servers are, as DATABASE_URL and REDIS_URL have it."""

    database_url: str
    redis_url: str


@contextmanager
def start(data_dir: Path, *, durable: bool = True, revive: bool = False) -> Iterator[Services]:
    """Have PostgreSQL and Valkey running in this block, with their state in `data_dir`/postgres and /valkey.

    Several processes may do this with one `data_dir` at once: they share the servers, and the last one to
    leave stops them, in 2 s at most and usually a tenth of that. Servers that a killed process left running
    are taken over, and keep the settings that they were started with. With `durable=False` a power cut may
    destroy the data, and commits are faster. With `revive`, a server that dies in the block is started again.

    Raises EmbeddedError, with a line for the terminal, if the wheels are missing or a server does not start.
    """
    hosts = _Hosts(data_dir.absolute().resolve(), durable=durable)
    try:
        hosts.enter()
        if revive:
            hosts.watch()
        yield hosts.services
    finally:
        with ignoring_stop_signals():
            hosts.leave()


class _Hosts:
    """The servers of one data dir, and this process's part in them.

    Two locks: `start` is held exclusively by whoever starts or stops servers, `users` is shared by all who
    use them.
    """

    def __init__(self, home: Path, *, durable: bool) -> None:
        with _os_errors_explained(home):
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            valkey = Valkey(home / "valkey", durable=durable)
            postgres = Postgres(home / "postgres", durable=durable)
            self.users = open_lock(home / ".servers.users")
        self.home = home
        self.servers: Sequence[Server] = (valkey, postgres)
        self.services = Services(database_url=postgres.url, redis_url=valkey.url)
        self.start_lock = home / ".servers.start"
        self.leaving = threading.Event()
        self.watcher: threading.Thread | None = None

    def enter(self) -> None:
        with _os_errors_explained(self.home), locked(self.start_lock, START_SECONDS) as held:
            if not held:
                raise EmbeddedError(f"Another process has been starting the servers for {START_SECONDS:g} s.")
            lock_shared(self.users)
            for server in self.servers:
                server.ensure_running(self.leaving)

    def watch(self) -> None:
        self.watcher = threading.Thread(target=self._revive, name="revive-servers", daemon=True)
        self.watcher.start()

    def leave(self) -> None:
        """Stop the servers, unless somebody else uses them, or is about to."""
        self.leaving.set()
        if self.watcher is not None:
            self.watcher.join()
        try:
            with locked(self.start_lock, _STOP_LOCK_SECONDS) as held:
                if held and try_lock(self.users):
                    self._stop()
        finally:
            os.close(self.users)

    def _stop(self) -> None:
        for server in self.servers:
            server.ask_to_stop()
        for server in self.servers:
            server.finish_stop()

    def _revive(self) -> None:
        seconds = _WATCH_SECONDS
        while not self.leaving.wait(seconds):
            with locked(self.start_lock, 0) as held:
                dead = [server for server in self.servers if not server.is_running()] if held else []
                # All of them, even if the first does not start.
                revived = [self._try_to_start(server) for server in dead]
            seconds = _WATCH_SECONDS if all(revived) else min(seconds * 2, _MAX_WATCH_SECONDS)

    def _try_to_start(self, server: Server) -> bool:
        _log.warning("%s is gone: starting it again", server.label)
        try:
            server.ensure_running(self.leaving)
        except Cancelled:
            return True
        except (EmbeddedError, OSError) as error:
            _log.error("%s", error)
            return False
        return True


@contextmanager
def _os_errors_explained(home: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise EmbeddedError(
            f"No permission for {error.filename or home}: start as the owner of {home}."
        ) from error
    except OSError as error:
        raise EmbeddedError(f"{home} cannot hold the servers' data: {error}") from error
