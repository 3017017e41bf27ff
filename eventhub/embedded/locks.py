"""Locks on files, which the kernel takes from a process that dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.02


def open_lock(path: Path) -> int:
    """Return a descriptor of the lock file `path`, not locked yet; the caller closes it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_lock(descriptor: int, seconds: float = 0) -> bool:
    """Lock for this descriptor alone, if that is possible within `seconds`; returns whether it was."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True


def lock_shared(descriptor: int) -> None:
    """Lock together with others who share."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[bool]:
    """Hold the lock `path` in this block if it comes free within `seconds`; yields whether it did."""
    descriptor = open_lock(path)
    try:
        yield try_lock(descriptor, seconds)
    finally:
        os.close(descriptor)
