"""Costly work on what strangers send, in a process of its own with bounds on time and memory.

The child (`sandbox_child.py`) imports one module of this program and hands it one question at a time; the settings and
their secrets are not in its environment. What takes too much is killed, and the next question gets another child.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from eventhub.errors import Busy
from eventhub.sandbox_child import LENGTH, OUT_OF_MEMORY

Buffer = bytes | bytearray

# What Python and its libraries need to be found and started. All else, passwords and keys above all, stays outside.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH")
log = logging.getLogger("eventhub.sandbox")

_SOURCE = str(Path(__file__).parent.parent)


class Exhausted(Exception):
    """Raised when a question took more computing or memory than it may."""


class Crashed(Exception):
    """Raised when a question brought the child down: a library of its could not bear it."""


@dataclass(frozen=True)
class Limits:
    """What one question may take: of computing (up to a second more), of memory where the system bounds it, of time."""

    cpu_seconds: int
    memory_bytes: int
    seconds: float


class Sandbox:
    """Answers questions by `answer()` of a module, one at a time, at most `places` at work and in line.

    A child answers one question, or with `idle_seconds` those that follow within so many seconds of the last. It ends
    with this process, however that ends. May be asked from any event loop.
    """

    def __init__(self, module: str, limits: Limits, *, places: int, idle_seconds: float = 0.0) -> None:
        self._module = module
        self._limits = limits
        self._places = places
        self._idle_seconds = idle_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=module.rpartition(".")[2])
        self._child: subprocess.Popen[bytes] | None = None
        self._retirement: threading.Timer | None = None
        self._asked = 0
        self._under_way = 0

    async def ask(self, *question: Buffer) -> bytes:
        """Return the answer. Raises Exhausted, Crashed, and Busy where too many wait or the machine is too slow."""
        if self._under_way >= self._places:
            raise Busy
        self._under_way += 1
        job = self._thread.submit(self._ask, question)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if job.running() and self._child is not None:
                self._child.kill()  # nobody waits for the answer any more
            raise
        finally:
            self._under_way -= 1

    # --- in the thread ------------------------------------------------------------------------------------------

    def _ask(self, question: Sequence[Buffer]) -> bytes:
        self._asked += 1
        if self._child is not None and self._child.poll() is not None:
            self._end()
        if self._child is None:
            try:
                self._child = self._start()
            except OSError as error:
                # No more processes, or memory: the machine's state and not the question's.
                log.warning("%s cannot be started: %s", self._module, error)
                raise Busy from None
        watchdog = threading.Timer(self._limits.seconds, self._child.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            answer = _exchange(self._child, question)
            if answer is None:
                raise self._reason(self._child.wait())
        except BaseException:
            self._end()
            raise
        finally:
            watchdog.cancel()
        self._end_when_idle()
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        numbers = (os.getpid(), self._limits.cpu_seconds, self._limits.memory_bytes)
        environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        # This very source, wherever it is run from; `-P` keeps the working directory out.
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_SOURCE, environ.get("PYTHONPATH"))))
        # A second one, for a library's threads, would take address space, which is bounded.
        environ["MALLOC_ARENA_MAX"] = "1"
        return subprocess.Popen(  # noqa: S603 - a module of this program
            [
                sys.executable,
                "-P",
                "-W",
                "ignore",
                "-m",
                "eventhub.sandbox_child",
                self._module,
                *map(str, numbers),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
        )

    def _reason(self, code: int) -> Exception:
        if code in {-signal.SIGXCPU, OUT_OF_MEMORY}:
            return Exhausted()
        if (
            code == -signal.SIGKILL
        ):  # the watchdog, or a system that is short of memory: perhaps not the question's fault
            return Busy()
        if code < 0:
            return Crashed(f"{self._module} was killed by signal {-code}")
        return RuntimeError(f"{self._module} ended with exit code {code}")

    def _end_when_idle(self) -> None:
        if not self._idle_seconds:
            self._end()
        elif self._retirement is None:  # one timer, however many questions
            self._retirement = threading.Timer(self._idle_seconds, self._retire_later, (self._asked,))
            self._retirement.daemon = True
            self._retirement.start()

    def _retire_later(self, asked: int) -> None:
        with suppress(RuntimeError):  # the interpreter is on its way out, and the child goes with it
            self._thread.submit(self._retire, asked)

    def _retire(self, asked: int) -> None:
        self._retirement = None
        if asked == self._asked:
            self._end()
        else:
            self._end_when_idle()

    def _end(self) -> None:
        """Leave nothing of the child."""
        if self._child is None:
            return
        child, self._child = self._child, None
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):  # what could not be written any more
                    pipe.close()
        child.wait()


def _exchange(child: subprocess.Popen[bytes], question: Sequence[Buffer]) -> bytes | None:
    """Return the child's answer, None where it ended instead."""
    assert child.stdin is not None  # noqa: S101 - both are pipes
    assert child.stdout is not None  # noqa: S101
    try:
        child.stdin.write(LENGTH.pack(sum(map(len, question))))
        for part in question:
            child.stdin.write(part)
        child.stdin.flush()
    except BrokenPipeError:
        return None
    length = child.stdout.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(length)
    answer = child.stdout.read(size)
    return answer if len(answer) == size else None
