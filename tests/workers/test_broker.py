"""Messages: which jobs travel together, what happens to those that cannot leave, or that nobody understands."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import dramatiq
import fakeredis
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import AsyncIO, TimeLimit

from eventhub import redis_clients
from eventhub.database import SentJob
from eventhub.models.jobs import Queue
from eventhub.services.jobs import BATCH
from eventhub.settings import Settings
from eventhub.workers import broker as broker_module
from eventhub.workers.actors import declare_actors
from eventhub.workers.broker import LATER_SECONDS, MessageSender, messages_for, redis_broker
from eventhub.workers.context import Resources
from eventhub.workers.kinds import HANDLERS
from tests.waiting import until_now


def job(number: int, kind: str = "confirm_booking", **details: object) -> SentJob:
    return SentJob(number, kind, Queue.BOOKINGS.value, **details)  # type: ignore[arg-type]


def travelling(jobs: list[SentJob]) -> list[tuple[str, list[int], int | None]]:
    """Return (kind, ids, delay in ms) of each message."""
    return [(message.actor_name, message.args[0], delay) for message, delay, _ in messages_for(jobs)]


def test_twenty_jobs_of_a_kind_travel_together() -> None:
    assert [len(ids) for _, ids, _ in travelling([job(n) for n in range(45)])] == [BATCH, BATCH, 5]


def test_a_message_holds_one_kind() -> None:
    mixed = [job(n, "confirm_booking" if n % 2 else "expire_booking") for n in range(6)]
    assert travelling(mixed) == [("confirm_booking", [1, 3, 5], None), ("expire_booking", [0, 2, 4], None)]


def test_a_message_goes_to_its_kinds_queue() -> None:
    jobs = [SentJob(1, "confirm_booking", "bookings"), SentJob(2, "promote_waitlist", "waitlist")]
    assert [(message.queue_name, message.actor_name) for message, _, _ in messages_for(jobs)] == [
        ("bookings", "confirm_booking"),
        ("waitlist", "promote_waitlist"),
    ]


def test_jobs_that_travel_alone_share_no_message() -> None:
    alone = [job(n, alone=True) for n in (1, 2, 3)]
    assert travelling([*alone, job(4), job(5)]) == [
        ("confirm_booking", [4, 5], None),
        ("confirm_booking", [1], None),
        ("confirm_booking", [2], None),
        ("confirm_booking", [3], None),
    ]


def test_a_later_try_is_delayed_and_apart_from_what_is_due_now() -> None:
    assert travelling([job(1, delay_seconds=2.0, alone=True), job(2)]) == [
        ("confirm_booking", [2], None),
        ("confirm_booking", [1], 2000),
    ]


def test_messages_count_their_jobs() -> None:
    assert sum(count for _, _, count in messages_for([job(n) for n in range(45)])) == 45


class _Recorder(dramatiq.Broker):
    """Takes messages, or refuses the first `refusals` of them."""

    def __init__(self, refusals: int = 0) -> None:
        super().__init__(middleware=[])
        self.refusals = refusals
        self.messages: list[dramatiq.Message[None]] = []

    def enqueue(
        self, message: "dramatiq.Message[None]", *, delay: int | None = None
    ) -> "dramatiq.Message[None]":
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("refused")
        self.messages.append(message)
        return message


def test_what_is_delivered_within_a_moment_travels_together() -> None:
    broker = _Recorder()
    sender = MessageSender(broker)
    sender.deliver([job(0)])
    until_now(lambda: broker.messages, "the first leaves at once")
    for n in range(1, 11):
        sender.deliver([job(n)])
    sender.close()
    assert [message.args[0] for message in broker.messages] == [[0], list(range(1, 11))]


def test_mails_leave_after_what_people_wait_for_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "LATER_SECONDS", 0.3)
    broker = _Recorder()
    sender = MessageSender(broker)
    for n in range(4):
        sender.deliver([SentJob(n, "send_invoice", Queue.NOTIFICATIONS.value), job(n)])
        time.sleep(0.05)  # longer than jobs are gathered for that people wait for
    until_now(lambda: len(broker.messages) == 5, "all messages have left")
    sender.close()
    assert [message.actor_name for message in broker.messages] == ["confirm_booking"] * 4 + ["send_invoice"]
    assert broker.messages[-1].args[0] == [0, 1, 2, 3]


def test_what_is_held_back_leaves_at_once_where_the_process_ends() -> None:
    broker = _Recorder()
    sender = MessageSender(broker)
    sender.deliver([SentJob(1, "send_invoice", Queue.NOTIFICATIONS.value)])
    began = time.monotonic()
    sender.close()
    assert time.monotonic() - began < LATER_SECONDS / 2
    assert [message.args[0] for message in broker.messages] == [[1]]


def test_a_message_that_cannot_leave_is_dropped_and_later_ones_leave() -> None:
    broker = _Recorder(refusals=1)
    sender = MessageSender(broker)
    sender.deliver([job(1)])
    until_now(lambda: not broker.refusals, "the first message is refused")
    sender.deliver([job(2)])
    sender.close()
    assert [message.args[0] for message in broker.messages] == [[2]]


def test_closing_sends_what_is_left() -> None:
    broker = _Recorder()
    sender = MessageSender(broker)
    sender.deliver([job(n) for n in range(100)])
    sender.close()
    assert Counter(n for message in broker.messages for n in message.args[0]) == Counter(range(100))
    assert "sender" not in {thread.name for thread in threading.enumerate()}


@pytest.fixture
def emptied_redis(settings: Settings) -> redis.Redis:
    client = redis.Redis.from_url(settings.redis_url)
    client.flushdb()
    return client


def test_a_message_of_a_kind_that_nobody_knows_yet_leaves_no_trace(
    settings: Settings, emptied_redis: redis.Redis
) -> None:
    """Its row stays queued for newer workers; the message must not pile up among the dead letters."""
    broker = redis_broker(settings.redis_url)
    done = threading.Event()
    dramatiq.actor(actor_name="known", queue_name="bookings", broker=broker)(done.set)
    for name in ("from_the_future", "known"):
        broker.enqueue(dramatiq.Message("bookings", name, (), {}, {}))
    worker = dramatiq.Worker(broker, worker_timeout=20, worker_threads=1)
    worker.start()
    try:
        assert done.wait(10)
    finally:
        worker.stop()
    broker.close()
    left = {key.decode() for key in emptied_redis.keys("dramatiq:*")}  # type: ignore[union-attr]
    assert {key for key in left if key.startswith(("dramatiq:bookings", "dramatiq:__acks__"))} == set()


class _Frozen(fakeredis.FakeRedis):
    def execute_command(self, *args: object, **options: object) -> object:
        raise redis.TimeoutError("Timeout reading from socket")


def _gone() -> fakeredis.FakeRedis:
    server = fakeredis.FakeServer()
    server.connected = False
    return fakeredis.FakeRedis(server=server)


def _broker_on(client: fakeredis.FakeRedis, monkeypatch: pytest.MonkeyPatch) -> RedisBroker:
    monkeypatch.setattr(redis_clients, "client", lambda *_, **__: client)
    return redis_broker("redis://nowhere")


@pytest.mark.parametrize("make_client", [_Frozen, _gone], ids=["frozen", "gone"])
def test_a_consumer_without_redis_says_that_the_connection_is_closed(
    monkeypatch: pytest.MonkeyPatch, make_client: Callable[[], fakeredis.FakeRedis]
) -> None:
    """Dramatiq starts a consumer again after that error; after others its thread may end for good."""
    broker = _broker_on(make_client(), monkeypatch)
    message = dramatiq.MessageProxy(
        dramatiq.Message("bookings", "known", (), {}, {"redis_message_id": "some-id"})
    )
    consumer = broker.consume("bookings")
    with pytest.raises(ConnectionClosed):
        next(consumer)
    # Nothing depends on these: what is not acknowledged comes again, and finds nothing to claim.
    consumer.ack(message)
    consumer.nack(message)
    consumer.requeue([message])


@pytest.mark.parametrize("make_client", [_Frozen, _gone], ids=["frozen", "gone"])
def test_what_cannot_be_sent_is_left_to_the_clock_and_told(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    make_client: Callable[[], fakeredis.FakeRedis],
) -> None:
    sender = MessageSender(_broker_on(make_client(), monkeypatch))
    sender.deliver([job(n) for n in range(25)])
    sender.close()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "25 of 25 messages not sent, the clock will"
    ]


def test_money_and_seats_come_before_mails_and_drawing() -> None:
    broker = StubBroker(middleware=[TimeLimit(), AsyncIO()])

    def nothing() -> Resources:
        raise AssertionError

    declare_actors(broker, nothing)
    order = ["process_payment", "send_invoice", "render_certificate"]
    priorities = [broker.get_actor(name).priority for name in order]
    assert priorities == sorted(set(priorities))
    assert set(broker.actors) == {*HANDLERS, "number_facts"}


def test_queues_are_looked_at_often_and_delayed_messages_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = _broker_on(fakeredis.FakeRedis(), monkeypatch)
    broker.declare_queue("bookings")
    consumers = [broker.consume(name, timeout=250) for name in ("bookings", "notifications", "bookings.DQ")]
    broker.close()
    assert [vars(consumer)["timeout"] for consumer in consumers] == [20, 100, 250]


class _Waked(_Recorder):
    """A broker that knows how long its queue is."""

    def __init__(self, waiting: int = 0) -> None:
        super().__init__()
        self.client = self
        self.waiting = waiting

    def llen(self, name: str) -> int:
        assert name == "dramatiq:bookings"
        return self.waiting + len(self.messages)


def test_facts_of_a_moment_are_told_of_once_and_the_last_of_them_after_it() -> None:
    broker = _Waked()
    sender = MessageSender(broker)
    began_at = time.monotonic()
    for _ in range(30):
        sender.wake()
        time.sleep(0.005)
    woken_at = len(broker.messages)
    sender.wake()
    sender.close()
    took_seconds = time.monotonic() - began_at
    assert {message.actor_name for message in broker.messages} == {"number_facts"}
    assert 2 <= len(broker.messages) <= took_seconds / 0.05 + 1
    assert len(broker.messages) > woken_at, "what was recorded last is told of too"
    assert "waker" not in {thread.name for thread in threading.enumerate()}


def test_where_workers_do_not_keep_up_no_more_is_told_of_facts() -> None:
    broker = _Waked(waiting=95)
    sender = MessageSender(broker)
    until_now(lambda: sender.wake() or len(broker.messages) == 5, "five found room")
    for _ in range(3):
        sender.wake()
        time.sleep(0.06)
    sender.close()
    assert len(broker.messages) == 5


@pytest.mark.parametrize("make_client", [_Frozen, _gone], ids=["frozen", "gone"])
def test_a_redis_that_is_away_keeps_nobody_waiting_who_records_facts(
    monkeypatch: pytest.MonkeyPatch, make_client: Callable[[], fakeredis.FakeRedis]
) -> None:
    sender = MessageSender(_broker_on(make_client(), monkeypatch))
    began_at = time.monotonic()
    for _ in range(1000):
        sender.wake()
    assert time.monotonic() - began_at < 0.5
    sender.close()
