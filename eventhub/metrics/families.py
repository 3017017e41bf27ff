"""Families of metrics that are declared when a module is imported, and made when they are first used."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # as prometheus-client has it


@contextlib.contextmanager
def together() -> Iterator[None]:
    """In this block this process and those that it forks count together, in files of a private folder.

    Entered before anything is counted.
    """
    with tempfile.TemporaryDirectory(prefix="eventhub-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[SHARED_FOLDER]


def forget(pid: int) -> None:
    """Let the gauges of a process that has ended count no more; what it counted stays."""
    if SHARED_FOLDER in os.environ:
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

        mark_process_dead(pid)  # type: ignore[no-untyped-call]


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
        # Imported here, because the library decides at its import whether several processes count together.
        import prometheus_client  # noqa: PLC0415

        make = getattr(prometheus_client, self.prometheus_type)
        return make(self.name, self.text, self.labels, **self._options)


class Counter(Family):
    """What only grows."""

    prometheus_type = "Counter"

    def inc(self, *values: str) -> None:
        self.of(*values).inc()


class Gauge(Family):
    """What goes up and down; several processes' are added up, and those of ended ones go."""

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
