"""What PostgreSQL and Valkey have in common here: how one is started, adopted, and stopped.

The server, and everything that it forks, inherits an open file with a lock on it. Whether anything of it is
alive is so a question to the kernel, and stays right after any kill -9; a pid in a file may be a stranger's by
now. Pids serve for signals only, and only after a look at what the process is.
"""

import hashlib
import os
import re
import signal
import stat
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from eventhub.embedded.account import Account
from eventhub.embedded.locks import POLL_SECONDS, open_lock, try_lock
from eventhub.embedded.programs import reachable
from eventhub.embedded.wheels import EmbeddedError, load

# Recovery after a crash reads the log written since the last checkpoint: seconds, on a slow disk more.
START_SECONDS = 60.0
KILL_SECONDS = 2.0

# Socket addresses hold 108 bytes on Linux and 104 on macOS, with a NUL at the end.
_LONGEST_SOCKET_PATH = 103
# Clients of PostgreSQL take a comma for the end of a host, and some a colon.
_PLAIN_PATH = re.compile(r"[\w/. +~@-]+")
_MAX_LOG_BYTES = 10_000_000
# Of this process's environment, which has secrets in it that a server needs not know.
_ENVIRONMENT = re.compile(r"PATH|HOME|LANG|LC_[A-Z]+|TZ|TMPDIR|(?:DY)?LD_LIBRARY_PATH")


class Cancelled(Exception):
    """Raised when a start is no longer wanted."""


class Server(ABC):
    """One server with all its state in `home`. Every method but `url` needs the start lock (see `start`)."""

    label: ClassVar[str]
    process_name: ClassVar[str]
    socket_name: ClassVar[str]
    # How to ask it to stop, and for how many seconds each; after the last comes SIGKILL.
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]]

    def __init__(self, home: Path, *, durable: bool, account: Account | None = None) -> None:
        self.home = home
        self.durable = durable
        self.account = account
        self.log_path = home / "server.log"
        # Where its account finds the `program_folders`.
        self.programs_beside: Path | None = None
        self.socket_dir = self._socket_dir()

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it."""

    @property
    @abstractmethod
    def working_dir(self) -> Path:
        """Where its processes work, which tells them from those of other servers."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the arguments that start it."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers."""

    @abstractmethod
    def program_folders(self) -> Sequence[Path]:
        """Return the folders that its programs and their libraries are in."""

    def prepare(self, lock: int) -> None:  # noqa: B027 - not every server needs it
        """Do what has to be done once before the start, in processes that keep `lock` open."""

    def environment(self) -> dict[str, str]:
        """Return as much of this process's environment as its own processes get."""
        return {name: value for name, value in os.environ.items() if _ENVIRONMENT.fullmatch(name)}

    def stale_files(self) -> Sequence[Path]:
        """Files that a killed server leaves behind and that hinder the next one."""
        return ()

    def is_running(self) -> bool:
        """Whether any process of it is alive."""
        lock = self._open_lock()
        try:
            return not try_lock(lock)
        finally:
            os.close(lock)

    def ensure_running(self, cancelled: threading.Event) -> None:
        """Return once it answers: the one that runs already, or a new one on the same data.

        Raises EmbeddedError if it does not start, Cancelled if `cancelled` is set meanwhile.
        """
        self._make_home()
        if not self._adopt(cancelled):
            self._launch(cancelled)

    def ask_to_stop(self) -> None:
        """Send the first of the stop signals; `finish_stop` waits."""
        if self.is_running():
            self.signal(self.stop_steps[0][0])

    def finish_stop(self) -> None:
        """Return when no process of it is left, after at most the sum of its steps and KILL_SECONDS."""
        first, *others = self.stop_steps
        stopped = self._wait_until_gone(first[1])
        for number, seconds in others:
            if not stopped:
                self.signal(number)
                stopped = self._wait_until_gone(seconds)
        if not stopped:
            self.kill()
        if self.socket_dir != self.home:
            with suppress(OSError):
                self.socket_dir.rmdir()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its main process; where there is none to be seen, to all that is left of it."""
        processes = self.processes()
        main = self.main_pid()
        for process in [p for p in processes if p.pid == main] or processes:
            with suppress(load("psutil").Error):
                process.send_signal(number)

    def main_pid(self) -> int | None:
        """Return the pid of the one process to ask, where it has many."""
        return None

    def kill(self) -> None:
        """Kill what is left of it, and wait for its end."""
        deadline = time.monotonic() + KILL_SECONDS
        while left := self.processes():
            for process in left:
                with suppress(load("psutil").Error):
                    process.kill()
            if time.monotonic() > deadline:
                pids = ", ".join(str(process.pid) for process in left)
                raise EmbeddedError(f"{self.label} in {self.home} cannot be killed (process {pids}).")
            time.sleep(POLL_SECONDS)

    def processes(self) -> list[Any]:
        """Return its processes, seen by their name and the folder that they work in."""
        psutil = load("psutil")
        return [
            process
            for process in psutil.process_iter(["name", "cwd", "status"])
            if process.info["name"] == self.process_name
            and process.info["cwd"] == str(self.working_dir)
            and process.info["status"] != psutil.STATUS_ZOMBIE
        ]

    def run(self, arguments: Sequence[str], lock: int, folder: Path, text: str = "") -> None:
        """Run a program to its end as the server's account, in `folder`; its output goes to the log."""
        process = self._spawn(arguments, lock, folder, stdin=subprocess.PIPE)
        try:
            process.communicate(text.encode())
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode != 0:
            raise EmbeddedError(self._obituary())

    def _make_home(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.account is not None:
            self.account.own(self.home)
            self.programs_beside = reachable(self.program_folders(), self.account)

    def _adopt(self, cancelled: threading.Event) -> bool:
        """Wait for a server that runs, or is just coming or going; returns whether there is one that answers."""
        deadline = time.monotonic() + START_SECONDS
        while self.is_running():
            if self.is_ready():
                return True
            if time.monotonic() > deadline or self._is_orphaned():
                self.kill()
            _pause(cancelled)
        return False

    def _is_orphaned(self) -> bool:
        """Whether its main process was killed and only others of it are left, which nothing will stop."""
        processes = self.processes()
        return bool(processes) and self.main_pid() not in {None, *(process.pid for process in processes)}

    def _launch(self, cancelled: threading.Event) -> None:
        # Nothing holds the lock, so what is still there belongs to a folder that was deleted under it.
        self.kill()
        for path in self.stale_files():
            path.unlink(missing_ok=True)
        self._make_socket_dir()
        lock = self._open_lock()
        try:
            # A second, because a process that is just being forked holds every descriptor for a moment.
            if not try_lock(lock, seconds=1):
                raise EmbeddedError(f"{self.label} in {self.home} is being started by another process.")
            self.prepare(lock)
            process = self._spawn(self.command(), lock, self.working_dir)
        finally:
            os.close(lock)
        # Reaps it whenever it ends, so that none stays as a zombie.
        threading.Thread(target=process.wait, name=f"reap-{self.process_name}", daemon=True).start()
        self._wait_until_ready(process, cancelled)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], cancelled: threading.Event) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if process.poll() is not None:
                raise EmbeddedError(self._obituary())
            if time.monotonic() > deadline:
                self.kill()
                raise EmbeddedError(f"{self.label} does not answer; see {self.log_path}.")
            _pause(cancelled)

    def _wait_until_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _spawn(
        self, arguments: Sequence[str], lock: int, folder: Path, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        with self._open_log() as log:
            return subprocess.Popen(  # noqa: S603 - the wheels' own programs
                arguments,
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Entered before the account changes: it may not pass through the folders above.
                cwd=folder,
                env=self.environment(),
                pass_fds=(lock,),
                # A Ctrl-C goes to the terminal's whole group; the servers have to outlast their clients.
                start_new_session=True,
                umask=0o077,
                **(self.account.popen_options() if self.account else {}),
            )

    def _reachable(self, program: Path) -> str:
        """Return the path of a program in `program_folders` that the server's account can reach."""
        if self.programs_beside is None:
            return str(program)
        return str(self.programs_beside / program.relative_to(self.program_folders()[0].parent))

    def _open_log(self) -> Any:
        if self.log_path.exists() and self.log_path.stat().st_size > _MAX_LOG_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        # No link followed: as root this writes into a folder of another account.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.fdopen(os.open(self.log_path, flags, 0o600), "ab")

    def _obituary(self) -> str:
        lines = self.log_path.read_text(errors="replace").splitlines()[-5:]
        return "\n  ".join([f"{self.label} did not start; the end of {self.log_path}:", *lines])

    def _open_lock(self) -> int:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open_lock(self.home / "lock")

    def _socket_dir(self) -> Path:
        """Return `home`, or where its path is too long or too odd a short one that is always the same."""
        path = self.home / self.socket_name
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(str(path)):
            return self.home
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        # Not TMPDIR: a later start may have another one, and has to find the server that runs.
        return Path("/tmp") / f"eventhub-{digest}"  # noqa: S108 - made private, and checked, before its use

    def _make_socket_dir(self) -> None:
        if self.socket_dir == self.home:
            return
        self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        owner = os.geteuid() if self.account is None else self.account.uid
        status = self.socket_dir.lstat()
        # Anybody may make a folder there first; a server in somebody else's would be theirs to listen in on.
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {owner, os.geteuid()}:
            raise EmbeddedError(f"{self.socket_dir} belongs to somebody else: remove it.")
        self.socket_dir.chmod(0o700)
        if self.account is not None:
            self.account.own(self.socket_dir)


def _pause(cancelled: threading.Event) -> None:
    if cancelled.wait(POLL_SECONDS):
        raise Cancelled
