"""Runs commands side by side, for `eventhub up`: one log, one Ctrl-C, and no process left behind."""

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import IO, Self

from eventhub import logs
from eventhub.processes import SUPERVISOR_PID, exit_with_supervisor, ignore_stop_signals, stop_signals

STOP_SECONDS = 3.0
KILL_SECONDS = 0.5
RESTART_SECONDS = 0.5
MAX_RESTART_SECONDS = 10.0
HEALTHY_SECONDS = 5.0
ATTEMPTS = 5

_SELF = "up"
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
_LONGEST_LINE = 65_536


@dataclass(frozen=True)
class Command:
    """One child to keep running; `env` is laid over this process's own environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


# Waits until the commands can be used and returns what to say then; ends soon, with None, once the event is set.
Announce = Callable[[threading.Event], str | None]


def run(
    commands: Sequence[Command],
    *,
    stop_seconds: float = STOP_SECONDS,
    restart_seconds: float = RESTART_SECONDS,
    output: int | None = None,
    announce: "Announce | None" = None,
) -> int:
    """Keep `commands` running until SIGINT, SIGTERM or SIGHUP, then stop them; returns the exit code.

    A child that ends is started again, after `restart_seconds` at first, up to 10 s if it keeps ending.
    Stopping: SIGTERM to each child (not to what it forked: a master passes it on, and a worker that gets it
    twice may hang), SIGKILL for its whole group to what is left after `stop_seconds`; at most 0.5 s more.
    What children write goes line by line, under their names, to the file descriptor `output` (default 1), and so
    does what `announce` returns, which runs in a thread of its own once all are started.

    0: stopped by a signal, and further ones are ignored from then on: the caller cleans up and exits.
    1: a command failed at five starts in a row and never ran for 5 s.
    For the main thread, which has the signals.
    """
    sys.stdout.flush()
    with _Log([command.name for command in commands], 1 if output is None else output) as log:

        def write_when_ready(stopping: threading.Event) -> None:
            text = announce(stopping) if announce is not None else None
            if text is not None and not stopping.is_set():
                log.write(text)

        return _Supervisor(commands, log, stop_seconds, restart_seconds, write_when_ready).run()


def run_one(command: Command, stop_seconds: float) -> int:
    """Keep one command running as `run` does. What it writes goes to stderr as it is: its lines name themselves."""
    return _Supervisor([command], _NoLog(), stop_seconds, RESTART_SECONDS).run()


def command_line(command: Command, stop_seconds: float, log_level: str, log_format: str) -> list[str]:
    """Return the command line of a process that does no more than `run_one`."""
    said = {"name": command.name, "argv": list(command.argv), "env": dict(command.env)}
    arguments = [json.dumps(said), str(stop_seconds), log_level, log_format]
    return [sys.executable, "-m", "eventhub.supervisor", *arguments]


class _Child:
    """A command, the process that runs it now, and what is known of its health."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.short_runs = 0
        self.failures = 0
        self.was_healthy = False

    def signal_group(self, number: signal.Signals) -> None:
        if not self.is_gone() and self.process is not None:
            # EPERM is what macOS says of a group of zombies.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def is_gone(self) -> bool:
        """Whether the process and everything in its group is gone. Then forgets it: its pid may go to others."""
        if self.process is not None and self.process.poll() is not None:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                self.process = None
            except PermissionError:
                pass
        return self.process is None

    def note_end(self, code: int) -> None:
        """Count an end; only exits count as failures, since a kill says nothing about the command."""
        if time.monotonic() - self.started_at >= HEALTHY_SECONDS:
            self.was_healthy, self.short_runs, self.failures = True, 0, 0
        self.short_runs += 1
        self.failures += code >= 0

    @property
    def is_hopeless(self) -> bool:
        return not self.was_healthy and self.failures >= ATTEMPTS


class _Supervisor:
    def __init__(
        self,
        commands: Sequence[Command],
        log: "_Log | _NoLog",
        stop_seconds: float,
        restart_seconds: float,
        when_started: Callable[[threading.Event], None] = lambda _: None,
    ) -> None:
        self.children = [_Child(command) for command in commands]
        self.log = log
        self.stop_seconds = stop_seconds
        self.restart_seconds = restart_seconds
        self.when_started = when_started
        self.stopping = threading.Event()
        # A SimpleQueue, because its put() may be called by a signal handler in the middle of a get().
        self.signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def run(self) -> int:
        with self._signals_queued():
            try:
                for child in self.children:
                    self._start(child)
                started = threading.Thread(target=self.when_started, args=(self.stopping,), daemon=True)
                started.start()
                return self._watch()
            finally:
                self.stopping.set()
                self._stop()

    @contextmanager
    def _signals_queued(self) -> Iterator[None]:
        numbers = (*stop_signals(), signal.SIGCHLD)
        previous = {n: signal.signal(n, lambda number, _: self.signals.put(number)) for n in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, handler)

    def _watch(self) -> int:
        """Restart what ends until a stop signal (0) or until a command proves hopeless (1)."""
        while True:
            for child in self.children:
                self._look_after(child)
                if child.is_hopeless:
                    self.log.say(f"{child.command.name} failed {ATTEMPTS} times in a row: giving up")
                    return 1
            number = self._next_signal(self._seconds_to_restart())
            if number not in {None, signal.SIGCHLD}:
                ignore_stop_signals()
                self.log.say("stopping")
                return 0

    def _next_signal(self, timeout: float | None) -> int | None:
        try:
            return self.signals.get(timeout=timeout)
        except queue.Empty:
            return None

    def _seconds_to_restart(self) -> float | None:
        due = [child.restart_at for child in self.children if child.restart_at is not None]
        return max(min(due) - time.monotonic(), 0) if due else None

    def _look_after(self, child: _Child) -> None:
        if child.restart_at is not None:
            if time.monotonic() >= child.restart_at:
                # What its last run forked may still hold the port.
                child.signal_group(signal.SIGKILL)
                self._start(child)
        elif child.process is not None and (code := child.process.poll()) is not None:
            child.signal_group(signal.SIGTERM)
            self._schedule(child, code, _describe(code))

    def _start(self, child: _Child) -> None:
        child.restart_at, child.started_at = None, time.monotonic()
        command = child.command
        try:
            child.process = subprocess.Popen(  # noqa: S603 - the commands are this program's own
                command.argv,
                env={**os.environ, "PYTHONUNBUFFERED": "1", SUPERVISOR_PID: str(os.getpid()), **command.env},
                stdin=subprocess.DEVNULL,
                stdout=self.log.takes,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._schedule(child, 1, f"could not be started ({error})")
        else:
            self.log.follow(command.name, child.process.stdout)

    def _schedule(self, child: _Child, code: int, what: str) -> None:
        child.note_end(code)
        doublings = min(child.short_runs - 1, 10)
        seconds = min(self.restart_seconds * 2**doublings, MAX_RESTART_SECONDS)
        child.restart_at = time.monotonic() + seconds
        self.log.say(f"{child.command.name} {what}; starting it again in {seconds:g} s")

    def _stop(self) -> None:
        for child in self.children:
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        left = self._wait_for_all(self.stop_seconds)
        if left:
            names = ", ".join(child.command.name for child in left)
            self.log.say(f"{names} did not stop within {self.stop_seconds:g} s: killed")
        for child in left:
            child.signal_group(signal.SIGKILL)
        self._wait_for_all(KILL_SECONDS)

    def _wait_for_all(self, seconds: float) -> list[_Child]:
        """Wait until every group is gone, for at most `seconds`; returns the children with something left."""
        deadline = time.monotonic() + seconds
        while left := [child for child in self.children if not child.is_gone()]:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            # A grandchild's end sends no SIGCHLD here, so this also polls.
            self._next_signal(min(remaining, 0.02))
        return left


class _Log:
    """Lines of many sources to one file descriptor, each under its source's name.

    One thread writes. A terminal that does not take any more (a pager, Ctrl-S) so holds up the children that
    write, as it would without a supervisor, but never the supervisor itself.
    """

    takes = subprocess.PIPE  # what children write

    def __init__(self, names: Sequence[str], descriptor: int) -> None:
        self.descriptor = descriptor
        self.width = max(len(name) for name in (*names, _SELF))
        plain = not os.isatty(descriptor) or "NO_COLOR" in os.environ
        self.colours = dict(zip((*names, _SELF), cycle([0] if plain else _COLOURS), strict=False))
        self.lines: queue.Queue[bytes | None] = queue.Queue(maxsize=1000)
        self.followers: list[threading.Thread] = []
        self.writer = threading.Thread(target=self._write_all, name="log-writer", daemon=True)

    def __enter__(self) -> Self:
        self.writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait a moment for what is still on its way."""
        deadline = time.monotonic() + KILL_SECONDS
        for follower in self.followers:
            follower.join(max(deadline - time.monotonic(), 0))
        with suppress(queue.Full):
            self.lines.put_nowait(None)
            self.writer.join(max(deadline - time.monotonic(), 0.05))

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own, unless the log is stuck."""
        with suppress(queue.Full):
            self.lines.put_nowait(self._prefixed(_SELF, text.encode()))

    def write(self, text: str) -> None:
        """Write lines of the supervisor's own as they are, in one piece."""
        with suppress(queue.Full):
            self.lines.put_nowait(text.encode() + b"\n")

    def follow(self, name: str, pipe: IO[bytes] | None) -> None:
        """Copy the lines of `pipe` under `name` until its end."""
        if pipe is None:
            return
        self.followers = [follower for follower in self.followers if follower.is_alive()]
        follower = threading.Thread(target=self._copy, args=(name, pipe), name=f"log-{name}", daemon=True)
        self.followers.append(follower)
        follower.start()

    def _copy(self, name: str, pipe: IO[bytes]) -> None:
        with pipe:
            for line in iter(partial(pipe.readline, _LONGEST_LINE), b""):
                self.lines.put(self._prefixed(name, line))

    def _prefixed(self, name: str, line: bytes) -> bytes:
        colour = self.colours[name]
        prefix = f"{name:<{self.width}} |"
        if colour:
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        return prefix.encode() + b" " + line.rstrip(b"\r\n") + b"\n"

    def _write_all(self) -> None:
        while (line := self.lines.get()) is not None:
            # A reader that is gone (`| head`, a closed terminal) must not stop the children.
            with suppress(OSError):
                # Not through sys.stdout, whose lock would be held at exit by a write that blocks.
                while line:
                    line = line[os.write(self.descriptor, line) :]


class _NoLog:
    """Children write to stderr themselves; what the supervisor says is a line of the log beside theirs."""

    takes = 2

    def say(self, text: str) -> None:
        logging.getLogger("eventhub.supervisor").warning("%s", text)

    def follow(self, name: str, pipe: IO[bytes] | None) -> None:
        """Do nothing: there is no pipe."""


def _describe(code: int) -> str:
    if code >= 0:
        return f"ended unexpectedly with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


if __name__ == "__main__":
    exit_with_supervisor()
    one = Command(**json.loads(sys.argv[1]))
    logs.configure(one.name, level=sys.argv[3], style=sys.argv[4])
    sys.exit(run_one(one, stop_seconds=float(sys.argv[2])))
