"""Some of a worker's threads are kept for what people wait for."""

import threading
from collections.abc import Iterator
from queue import Empty
from types import SimpleNamespace

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from eventhub.models.jobs import Queue
from eventhub.workers.threads import KeepThreads, WorkQueue
from tests.waiting import until_now


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    made = StubBroker(middleware=[KeepThreads()])
    yield made
    made.close()


def test_payments_find_a_thread_while_all_mails_that_may_be_sent_hang(broker: StubBroker) -> None:
    begun, may_end, paid = list[int](), threading.Event(), threading.Event()

    def mail(number: int) -> None:
        begun.append(number)
        may_end.wait(20)

    of_mails = dramatiq.actor(broker=broker, queue_name="mails", priority=Queue.NOTIFICATIONS.priority)
    of_payments = dramatiq.actor(broker=broker, priority=Queue.PAYMENTS.priority, actor_name="pay")
    mails, pay = of_mails(mail), of_payments(paid.set)
    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=4)
    worker.start()
    try:
        for number in range(10):
            mails.send(number)
        until_now(lambda: len(begun) == 3, "mails have all threads but one")
        pay.send()
        assert paid.wait(5)
        assert len(begun) == 3
        may_end.set()
        until_now(lambda: len(begun) == 10, "all mails are sent")
    finally:
        may_end.set()
        worker.stop()


def test_mails_wait_for_a_thread_that_is_done_with_one_and_are_all_given_back_at_the_end() -> None:
    queue = WorkQueue(1)
    for _ in range(3):
        queue.put(_Item(10))
    elsewhere = threading.Thread(target=queue.get)  # ends without being done with it
    elsewhere.start()
    elsewhere.join()
    with pytest.raises(Empty):
        queue.get_nowait()
    queue = WorkQueue(1)
    for _ in range(3):
        queue.put(_Item(10))
    assert [queue.get_nowait().priority for _ in range(3)] == [10, 10, 10], "as Dramatiq does where it stops"


def test_a_worker_of_one_thread_does_both() -> None:
    queue = WorkQueue(1)
    for priority in (10, 0, 10):
        queue.put(_Item(priority))
    got = []
    for _ in range(3):
        got.append(queue.get_nowait().priority)
        queue.task_done()
    assert got == [0, 10, 10]


class _Item(SimpleNamespace):
    def __init__(self, priority: int) -> None:
        super().__init__(priority=priority)

    def __lt__(self, other: "_Item") -> bool:
        return bool(self.priority < other.priority)
