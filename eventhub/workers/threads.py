"""Which messages get a worker's threads: some are kept for what people wait for, however much mail there is to send."""

import threading
from queue import PriorityQueue
from typing import Any

import dramatiq
from dramatiq.middleware import Middleware

KEPT = 4  # one of so many threads, and one at least, is kept


class KeepThreads(Middleware):
    """Gives a worker a queue between its consumers and its threads that keeps some of these for what comes first.

    Priorities alone do not: a message of mails that was begun in a quiet moment keeps its thread until all are sent.
    """

    def before_worker_boot(self, _broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        kept = max(1, worker.worker_threads // KEPT)
        worker.work_queue = WorkQueue(max(1, worker.worker_threads - kept))


class WorkQueue(PriorityQueue[Any]):
    """Hands out messages by their priority; those that come later (above 0) to no more than some threads at a time."""

    def __init__(self, later_at_once: int) -> None:
        super().__init__()
        self._later_at_once = later_at_once
        self._busy_with_later: set[int] = set()

    def _qsize(self) -> int:
        """Return how many messages there are for the thread that asks."""
        size = super()._qsize()
        if size and self.queue[0].priority > 0:
            others = self._busy_with_later - {threading.get_ident()}
            return size if len(others) < self._later_at_once else 0
        return size

    def _get(self) -> Any:
        item = super()._get()
        if item.priority > 0:
            self._busy_with_later.add(threading.get_ident())
        return item

    def task_done(self) -> None:
        super().task_done()
        with self.mutex:
            self._busy_with_later.discard(threading.get_ident())
            self.not_empty.notify()
