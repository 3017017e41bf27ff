"""Counters that all web processes share: in Redis, and what this process knows of them while Redis is away or slow.

Both are kept at once. What Redis answers is remembered here, and what was counted here without Redis goes there with the
next question: so a Redis that is slow now and then gives nobody their tries anew. Each question is one script, which
looks and counts in one step. One round trip is under way at a time, over one connection, and takes along all that was
asked meanwhile: a crowd of requests is no crowd of connections.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

WAIT_SECONDS = 0.25  # for Redis, at most
OPENING_SECONDS = 1.0  # the same at the start
OPEN_SECONDS = 5.0  # that Redis is left alone after it failed
# Waiting is cut into so many parts: where this process has no time to read the answer, only parts of it pass.
PARTS = 10
REMEMBERED = 50_000
BATCH = 200

log = logging.getLogger("eventhub.limits")


@dataclass(frozen=True, slots=True)
class Counter:
    """One window of one key. A full one refuses where it `is_firm`; else it only counts."""

    key: str
    limit: int
    seconds: int
    is_firm: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands in a counter, and in how many seconds it starts anew."""

    counter: Counter
    count: int
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Readings:
    """What a question found: `has_room` is whether every firm counter had some, and so whether all were counted."""

    has_room: bool
    each: Sequence[Reading]


Kind = Literal["take", "give_back", "clear"]

# ARGV: what to do, how much, then for each key its limit (0: none), its seconds, and what Redis has not heard of yet.
_SCRIPT = """
local kind, amount = ARGV[1], tonumber(ARGV[2])
local counts, seconds, room = {}, {}, 1
for i, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[3 * i])
  seconds[i] = tonumber(ARGV[3 * i + 1])
  counts[i] = math.max(0, tonumber(redis.call('GET', key) or 0) + tonumber(ARGV[3 * i + 2]))
  if kind == 'take' and limit > 0 and counts[i] >= limit then room = 0 end
end
local reply = {room}
for i, key in ipairs(KEYS) do
  if kind == 'take' then counts[i] = counts[i] + room * amount end
  if kind == 'give_back' then counts[i] = math.max(0, counts[i] - amount) end
  if kind == 'clear' then counts[i] = 0 end
  local left = redis.call('PTTL', key)
  if left <= 0 then left = seconds[i] * 1000 end
  if counts[i] == 0 then redis.call('DEL', key) else redis.call('SET', key, counts[i], 'PX', left) end
  reply[2 * i] = counts[i]
  reply[2 * i + 1] = left
end
return reply
"""


@dataclass(slots=True)
class _Question:
    kind: Kind
    counters: Sequence[Counter]
    amount: int
    is_shared_only: bool  # without Redis there is no answer
    answer: asyncio.Future[Readings | None]


@dataclass(slots=True)
class _Known:
    """What this process knows of a counter; `owed` is the part that Redis has not heard of, negative where too much."""

    ends_at: float
    count: int = 0
    owed: int = 0


@dataclass
class Counters:
    """One per process and event loop."""

    url: str
    _known: OrderedDict[str, _Known] = field(default_factory=OrderedDict)
    _asked: list[_Question] = field(default_factory=list)
    _teller: asyncio.Task[None] | None = None
    _open_until: float = 0.0

    def __post_init__(self) -> None:
        # Without time limits of its own, which would count the time that this process lets answers lie.
        self._redis = redis.asyncio.Redis.from_url(
            self.url, socket_timeout=None, socket_connect_timeout=None, retry=Retry(NoBackoff(), 0)
        )

    async def open(self) -> None:
        """Connect, so that the first who asks need not wait for it; without Redis, go on."""
        try:
            await _within(OPENING_SECONDS, self._redis.ping)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._break(error)

    async def close(self) -> None:
        if self._teller is not None:
            self._teller.cancel()
            await asyncio.wait({self._teller})
        with contextlib.suppress(redis.RedisError, OSError):
            await self._redis.aclose()

    async def take(self, counters: Sequence[Counter]) -> Readings:
        """Count one in all of them where every firm one has room, else in none."""
        return await self._ask("take", counters)

    async def give_back(self, counters: Sequence[Counter]) -> None:
        """Take one back from each."""
        await self._ask("give_back", counters)

    async def clear(self, counters: Sequence[Counter]) -> None:
        """Forget what was counted."""
        await self._ask("clear", counters)

    async def add(self, key: str, amount: int, seconds: int) -> int | None:
        """Count in Redis alone, and return what all processes counted; None where Redis is away."""
        counter = Counter(key, 0, seconds, is_firm=False)
        found = await self._put("take", [counter], amount, is_shared_only=True)
        return None if found is None else found.each[0].count

    async def _ask(self, kind: Kind, counters: Sequence[Counter]) -> Readings:
        found = await self._put(kind, counters, 1, is_shared_only=False)
        assert found is not None  # noqa: S101 - there is memory
        return found

    async def _put(
        self, kind: Kind, counters: Sequence[Counter], amount: int, *, is_shared_only: bool
    ) -> Readings | None:
        answer: asyncio.Future[Readings | None] = asyncio.get_running_loop().create_future()
        self._asked.append(_Question(kind, counters, amount, is_shared_only, answer))
        if self._teller is None or self._teller.done():
            self._teller = asyncio.get_running_loop().create_task(self._tell())
        return await answer

    # --- with Redis ---------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Answer what was asked, all that waits at once. One at a time: nothing else touches what is known."""
        while self._asked:
            asked, self._asked = self._asked[:BATCH], self._asked[BATCH:]
            try:
                replies = await self._replies(asked)
                for index, question in enumerate(asked):
                    found = (
                        self._learn(question, replies[index]) if replies else self._without_redis(question)
                    )
                    if not question.answer.done():  # its request may be gone
                        question.answer.set_result(found)
            except Exception as error:  # noqa: BLE001 - told to those who wait for an answer
                for question in asked:
                    if not question.answer.done():
                        question.answer.set_exception(error)

    async def _replies(self, asked: Sequence[_Question]) -> list[list[int]] | None:
        """Return what Redis says to each question, None where it does not answer."""
        if time.monotonic() < self._open_until:
            return None
        pipeline = self._redis.pipeline(transaction=False)
        told: set[str] = set()
        for question in asked:
            keys = [counter.key for counter in question.counters]
            pipeline.eval(
                _SCRIPT, len(keys), *keys, question.kind, question.amount, *self._facts(question, told)
            )
        try:
            replies: list[list[int]] = await _within(WAIT_SECONDS, pipeline.execute)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._break(error)
            return None
        return replies

    def _facts(self, question: _Question, told: set[str]) -> list[int]:
        """Return limit, seconds and debt of each counter; of several questions at once, the first tells the debt."""
        facts = []
        for counter in question.counters:
            known = None if question.is_shared_only or counter.key in told else self._current(counter)
            told.add(counter.key)
            facts += [counter.limit if counter.is_firm else 0, counter.seconds, known.owed if known else 0]
        return facts

    def _learn(self, question: _Question, reply: list[int]) -> Readings:
        room, *numbers = reply
        each = [
            Reading(counter, count, milliseconds / 1000)
            for counter, count, milliseconds in zip(
                question.counters, numbers[::2], numbers[1::2], strict=True
            )
        ]
        if not question.is_shared_only:
            for reading in each:
                self._remember(
                    reading.counter, _Known(time.monotonic() + reading.seconds_left, reading.count)
                )
        return Readings(bool(room), each)

    def _break(self, error: Exception) -> None:
        self._open_until = time.monotonic() + OPEN_SECONDS
        log.warning("Redis does not answer, each process counts alone: %s", type(error).__name__)

    # --- in memory ----------------------------------------------------------------------------------------------

    def _without_redis(self, question: _Question) -> Readings | None:
        if question.is_shared_only:
            return None
        now = time.monotonic()
        known = [
            self._current(counter) or self._remember(counter, _Known(now + counter.seconds))
            for counter in question.counters
        ]
        has_room = question.kind != "take" or all(
            one.count < counter.limit
            for one, counter in zip(known, question.counters, strict=True)
            if counter.is_firm
        )
        for one in known if has_room else ():
            change = {
                "take": question.amount,
                "give_back": -min(question.amount, one.count),
                "clear": -one.count,
            }
            one.count += change[question.kind]
            one.owed += change[question.kind]
        each = [
            Reading(counter, one.count, one.ends_at - now)
            for one, counter in zip(known, question.counters, strict=True)
        ]
        return Readings(has_room, each)

    def _current(self, counter: Counter) -> _Known | None:
        known = self._known.get(counter.key)
        return known if known is not None and known.ends_at > time.monotonic() else None

    def _remember(self, counter: Counter, known: _Known) -> _Known:
        self._known[counter.key] = known
        self._known.move_to_end(counter.key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known


async def _within(seconds: float, question: Callable[[], Awaitable[Any]]) -> Any:
    """Return the answer, or raise TimeoutError after `seconds` in which this process was free to read one."""
    task = asyncio.ensure_future(question())
    try:
        for _ in range(PARTS):
            await asyncio.wait({task}, timeout=seconds / PARTS)
            if task.done():
                return task.result()
    finally:
        task.cancel()
    raise TimeoutError
