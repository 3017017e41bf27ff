"""Families of metrics that are declared when a module is imported, and made when they are first used."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

_PREFIX = "eventhub-metrics-"
_LOCK = ".lock"
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # as prometheus-client calls it


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """Let this process and those that it forks in the block count together, in files of a folder of their own.

    Nothing may have been counted before. Processes that count alone need none of this.
    """
    owner = os.getpid()
    _remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    os.environ[SHARED_FOLDER] = str(folder)
    # Locked before it has its name; children inherit the lock, so it lasts as long as any of them.
    lock = (folder / ".locking").open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    (folder / ".locking").rename(folder / _LOCK)
    # The library decides at its import whether processes count together; children that inherit it share its memory.
    import prometheus_client  # noqa: F401, PLC0415

    try:
        yield
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _remove_left_behind() -> None:
    """Remove the folders of those that were killed: nobody holds their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def take_place(place: str) -> None:
    """Let this child count in the files of `place`, going on from where the child before it left them.

    So a child that dies takes no count with it, and however many die, files stay as few as there are places.
    """
    from prometheus_client import values  # noqa: PLC0415

    library: Any = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]

    class Number(library):  # type: ignore[misc]
        """The library's, which grows where it lies in the shared file: a fifth of what the library's own way costs."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            at = self._file._positions[self._key]  # noqa: SLF001 - the library tells nobody where a number lies
            self._cell = memoryview(self._file._m)[at : at + 8].cast("d")  # noqa: SLF001

        def inc(self, amount: float) -> None:
            # No other thread comes in between. Where the file has grown since, this still is a part of it.
            self._cell[0] += amount

    values.ValueClass = Number


def leave_place(place: str) -> None:
    """Forget what a child that has ended said of its present: its gauges. What it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

    mark_process_dead(place, os.environ[SHARED_FOLDER])  # type: ignore[no-untyped-call]


def registry() -> Any:
    """Return what has everything that this process counted, or that all did which count together with it."""
    from prometheus_client import REGISTRY, CollectorRegistry  # noqa: PLC0415
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

    if (folder := os.environ.get(SHARED_FOLDER)) is None:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together, Path(folder))  # type: ignore[no-untyped-call]
    return together


class Family:
    """A metric with its labels; `of` returns what counts for one set of their values."""

    prometheus_type = ""

    def __init__(self, name: str, text: str, *labels: str, **options: Any) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self._options = options
        self._children: dict[tuple[str, ...], Any] = {}

    def of(self, *values: str) -> Any:
        """Return the one for these values, which must be few and of this code: each is kept for ever."""
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = self._family.labels(*values) if self.labels else self._family
        return child

    @cached_property
    def _family(self) -> Any:
        # Here, because a command that counts nothing does not need the library, which takes a while to import.
        import prometheus_client  # noqa: PLC0415

        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each
        make = getattr(prometheus_client, self.prometheus_type)
        return make(self.name, self.text, self.labels, **self._options)


class Counter(Family):
    """What only grows; Prometheus knows it by its name with `_total`."""

    prometheus_type = "Counter"

    def inc(self, *values: str) -> None:
        self.of(*values).inc()


class Gauge(Family):
    """What goes up and down. Several processes' are added up, and those of ended ones go."""

    prometheus_type = "Gauge"

    def __init__(self, name: str, text: str, *labels: str, mode: str = "livesum") -> None:
        super().__init__(name, text, *labels, multiprocess_mode=mode)

    def set(self, number: float, *values: str) -> None:
        self.of(*values).set(number)


class Histogram(Family):
    """How many, and how long: seconds, in buckets."""

    prometheus_type = "Histogram"

    def __init__(self, name: str, text: str, *labels: str, buckets: Sequence[float]) -> None:
        super().__init__(name, text, *labels, buckets=buckets)

    def observe(self, seconds: float, *values: str) -> None:
        self.of(*values).observe(seconds)
