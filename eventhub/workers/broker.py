"""Dramatiq over Redis, and the thread that sends messages after commits without blocking anyone."""

import contextlib
import itertools
import logging
import queue
import threading
import time
from collections.abc import Iterable, Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import AsyncIO, Middleware, ShutdownNotifications, TimeLimit

from eventhub import redis_clients
from eventhub.database import SentJob
from eventhub.models.jobs import Queue
from eventhub.services.jobs import BATCH
from eventhub.workers import facts

WINDOW_SECONDS = 0.02  # after a message left, jobs of one kind that are committed within it travel together
# An idle queue is looked at with a back-off of up to this: one of what people wait for, and one of what is said of it.
POLL_MS, POLL_LATER_MS = 20, 100
# What people wait for comes before the mails that it causes: these leave so much later, and more of them together.
LATER = {queue.value for queue in Queue if queue.priority > 0}
LATER_SECONDS = 1.0
WAKE_SECONDS = 0.05  # between two messages that facts are to be numbered
WAKES_BEFORE = 100  # messages in their queue behind which no more of them wait
SEND_TIMEOUT_SECONDS = 1.0
FETCH_TIMEOUT_SECONDS = 5.0

log = logging.getLogger("eventhub.broker")


class _Consumer(_RedisConsumer):
    """Dramatiq's consumer, made for a Redis that may be away or frozen at any moment.

    Of the client's errors Dramatiq expects one, and a consumer's thread may end for good after another. A message
    need not be acknowledged: it comes again once its worker is gone, and finds nothing to claim.
    """

    def __next__(self) -> "dramatiq.MessageProxy | None":
        try:
            message: dramatiq.MessageProxy | None = super().__next__()  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
        if message is not None and message.actor_name not in self.broker.actors:
            # A deploy is under way: the row stays queued for newer workers, and the clock sends it again.
            log.warning("no kind of job is named %s here: left for newer workers", message.actor_name)
            self.ack(message)
            return None
        return message

    def ack(self, message: "dramatiq.MessageProxy") -> None:
        with contextlib.suppress(redis.RedisError, ConnectionClosed):
            super().ack(message)  # type: ignore[no-untyped-call]

    def nack(self, message: "dramatiq.MessageProxy") -> None:
        with contextlib.suppress(redis.RedisError, ConnectionClosed):
            super().nack(message)  # type: ignore[no-untyped-call]

    def requeue(self, messages: "Iterable[dramatiq.MessageProxy]") -> None:
        with contextlib.suppress(redis.RedisError):
            super().requeue(list(messages))  # type: ignore[no-untyped-call]


class _Broker(RedisBroker):
    """Dramatiq's broker, which looks for new work often, and for what is delayed as seldom as Dramatiq is told to."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> dramatiq.Consumer:
        if queue_name not in self.delay_queues:
            timeout = min(timeout, POLL_LATER_MS if queue_name in LATER else POLL_MS)
        return super().consume(queue_name, prefetch, timeout)

    @property
    def consumer_class(self) -> type[_Consumer]:
        return _Consumer


def redis_broker(
    url: str, *, timeout_seconds: float = SEND_TIMEOUT_SECONDS, middleware: Iterable[Middleware] = ()
) -> RedisBroker:
    """Return a broker without Dramatiq's retries: the job's row counts attempts and knows the back-off."""
    return _Broker(  # type: ignore[no-untyped-call]  # Dramatiq's Redis broker has no annotations
        client=redis_clients.client(url, timeout_seconds=timeout_seconds),
        middleware=[TimeLimit(), ShutdownNotifications(), AsyncIO(), *middleware],
    )


class MessageSender:
    """Sends messages from threads of its own: for what people wait for, for what is said of it, and to number facts.

    `deliver` only puts jobs on lists. A message that cannot be sent is dropped: its row stays due, and the clock
    sends it again. It also numbers facts by itself.
    """

    def __init__(self, broker: dramatiq.Broker) -> None:
        self._waker = _Waker(broker)
        self.wake = self._waker.wake
        self._soon = _Line(broker, pause_seconds=WINDOW_SECONDS)
        self._later = _Line(broker, hold_seconds=LATER_SECONDS)

    def deliver(self, jobs: Sequence[SentJob]) -> None:
        self._soon.put([job for job in jobs if job.queue not in LATER])
        self._later.put([job for job in jobs if job.queue in LATER])

    def close(self) -> None:
        """Send what is left, for as long as one send may take."""
        self._waker.close()
        for line in (self._soon, self._later):
            line.close()


class _Line:
    """A thread that sends jobs `hold_seconds` after the first of them came, and pauses after that."""

    def __init__(
        self, broker: dramatiq.Broker, *, hold_seconds: float = 0.0, pause_seconds: float = 0.0
    ) -> None:
        self.broker = broker
        self._hold_seconds, self._pause_seconds = hold_seconds, pause_seconds
        self._waiting: queue.SimpleQueue[Sequence[SentJob]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def put(self, jobs: Sequence[SentJob]) -> None:
        if jobs:
            self._waiting.put(jobs)

    def close(self) -> None:
        self._closing.set()
        self._waiting.put(())
        self._thread.join(timeout=2 * SEND_TIMEOUT_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set() or not self._waiting.empty():
            taken = [self._waiting.get()]
            self._closing.wait(self._hold_seconds)
            while not self._waiting.empty():
                taken.append(self._waiting.get())
            self._send(list(itertools.chain.from_iterable(taken)))
            self._closing.wait(self._pause_seconds)

    def _send(self, jobs: list[SentJob]) -> None:
        sent = 0
        try:
            for message, delay_ms, count in messages_for(jobs):
                self.broker.enqueue(message, delay=delay_ms)
                sent += count
        except Exception as error:  # noqa: BLE001 - whatever Redis's client raises, the clock makes up for it
            log.warning("%s of %s messages not sent, the clock will: %s", len(jobs) - sent, len(jobs), error)


class _Waker:
    """Sends a message that facts are to be numbered, one in WAKE_SECONDS at most.

    Whoever is told that one is waiting here may rely on it as on one's own: it leaves after that. Where workers do not
    keep up none is added, because what they do there records facts, and so asks for one afterwards.
    """

    def __init__(self, broker: dramatiq.Broker) -> None:
        self._broker = broker
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        if self._wanted.empty():
            self._wanted.put(True)

    def close(self) -> None:
        self._wanted.put(False)
        self._thread.join(timeout=2 * SEND_TIMEOUT_SECONDS)

    def _run(self) -> None:
        while self._wanted.get():
            try:
                self._send()
            except Exception as error:  # noqa: BLE001 - whatever Redis's client raises, the clock makes up for it
                log.debug("no message that facts are to be numbered, the clock will: %s", error)
            time.sleep(WAKE_SECONDS)

    def _send(self) -> None:
        client: redis.Redis = self._broker.client  # type: ignore[attr-defined]  # as Redis's broker has it
        if client.llen(f"dramatiq:{facts.QUEUE}") < WAKES_BEFORE:
            self._broker.enqueue(
                dramatiq.Message(
                    queue_name=facts.QUEUE.value, actor_name=facts.ACTOR, args=(), kwargs={}, options={}
                )
            )


def messages_for(jobs: Iterable[SentJob]) -> Iterable[tuple["dramatiq.Message[None]", int | None, int]]:
    """Yield (message, delay in ms or None, number of jobs in it), with up to BATCH jobs of one kind in one message."""

    def key(job: SentJob) -> tuple[str, str, float, int]:
        return job.queue, job.kind, job.delay_seconds, job.id if job.alone else 0

    for (queue_name, kind, delay, _), group in itertools.groupby(sorted(jobs, key=key), key=key):
        ids = [job.id for job in group]
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            message: dramatiq.Message[None] = dramatiq.Message(
                queue_name=queue_name, actor_name=kind, args=(part,), kwargs={}, options={}
            )
            yield message, round(delay * 1000) or None, len(part)
