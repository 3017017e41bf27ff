"""Counters that all web processes share: in Redis, and what this process knows of them.

Both are kept at once. What Redis answers is remembered here, and what was counted here alone goes there with the next
question: so a Redis that is slow now and then gives nobody their tries anew. Each question is one script, which looks
and counts in one step. One round trip is under way at a time, over one connection, and takes along all that was asked
meanwhile: a crowd of requests is no crowd of connections.

`take` waits for Redis, and so counts exactly. `count` waits for nothing: it counts here, and Redis hears of it within a
second, or after a twentieth of the limit: the processes may together let through a little more than the limit.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import redis

from eventhub import redis_clients

WAIT_SECONDS = 0.25  # for Redis, at most
OPENING_SECONDS = 1.0  # the same at the start
OPEN_SECONDS = 5.0  # that Redis is left alone after it failed
# Waiting is cut into so many parts: where this process has no time to read the answer, only parts of it pass.
PARTS = 10
REMEMBERED = 50_000
BATCH = 200
TELL_SECONDS = 1.0  # after which Redis hears of what was counted here,
TELL_SHARE = 20  # or as soon as that is this part of the limit

log = logging.getLogger("eventhub.limits")


class Counter(NamedTuple):
    """One window of one key. A full one refuses where it `is_firm`; else it only counts."""

    key: str
    limit: int
    seconds: int
    is_firm: bool = True


@dataclass(slots=True)
class Reading:
    """What stands in a counter, and in how many seconds it starts anew."""

    counter: Counter
    count: int
    seconds_left: float


class Readings(NamedTuple):
    """What a question found: `has_room` is whether every firm counter had some, and so whether all were counted."""

    has_room: bool
    each: Sequence[Reading]


Kind = Literal["take", "give_back", "clear", "tell"]

# ARGV: what to do, then for each key its limit (0: none), its seconds, and what Redis has not heard of yet.
_SCRIPT = """
local kind = ARGV[1]
local counts, seconds, room = {}, {}, 1
for i, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[3 * i - 1])
  seconds[i] = tonumber(ARGV[3 * i])
  counts[i] = math.max(0, tonumber(redis.call('GET', key) or 0) + tonumber(ARGV[3 * i + 1]))
  if kind == 'take' and limit > 0 and counts[i] >= limit then room = 0 end
end
local reply = {room}
for i, key in ipairs(KEYS) do
  if kind == 'take' then counts[i] = counts[i] + room end
  if kind == 'give_back' then counts[i] = math.max(0, counts[i] - 1) end
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
class _Known:
    """What this process knows of a counter; `owed` is the part that Redis has not heard of, negative where too much."""

    ends_at: float
    count: int = 0
    owed: int = 0
    told_at: float = -math.inf
    is_in_line: bool = False  # to be told to Redis

    def change(self, by: int) -> None:
        self.count += by
        self.owed += by

    def is_due(self, limit: int, now: float) -> bool:
        """Return whether Redis is to hear of it: at the first count, then by number or by time."""
        return not self.is_in_line and (self.owed * TELL_SHARE >= limit or now - self.told_at >= TELL_SECONDS)


@dataclass(slots=True)
class _Question:
    kind: Kind
    counters: Sequence[Counter]
    answer: asyncio.Future[Readings] | None = None  # None where nobody waits for it
    # For each counter, the debt that goes along, and whose.
    told: list[tuple[_Known | None, int]] = field(default_factory=list)


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
        self._redis = redis_clients.async_client(self.url, timeout_seconds=None)

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

    def count(self, counters: Sequence[Counter]) -> Readings:
        """Count one in all of them where every firm one has room, as far as this process knows; tell Redis soon."""
        now = time.monotonic()
        found = self._here("take", counters, now)
        if found.has_room:
            for counter in counters:
                known = self._known.get(counter.key)  # gone, where a new one took the last place
                if known is not None and known.is_due(counter.limit, now):
                    known.is_in_line = True
                    self._put(_Question("tell", [counter]))
        return found

    def full(self, counters: Sequence[Counter]) -> list[Reading]:
        """Return where those stand that have no room, as far as this process knows; count nothing."""
        now = time.monotonic()
        known = [(counter, self._current(counter, now)) for counter in counters]
        return [
            Reading(counter, one.count, one.ends_at - now)
            for counter, one in known
            if one is not None and one.count >= counter.limit
        ]

    async def _ask(self, kind: Kind, counters: Sequence[Counter]) -> Readings:
        answer: asyncio.Future[Readings] = asyncio.get_running_loop().create_future()
        self._put(_Question(kind, counters, answer))
        return await answer

    def _put(self, question: _Question) -> None:
        self._asked.append(question)
        if self._teller is None or self._teller.done():
            self._teller = asyncio.get_running_loop().create_task(self._tell())

    def drop_spent(self) -> None:
        """Forget counters whose time is over."""
        now = time.monotonic()
        for key in [key for key, known in self._known.items() if known.ends_at <= now]:
            del self._known[key]

    # --- with Redis ---------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Answer what was asked, all that waits at once, one round trip at a time."""
        while self._asked:
            asked, self._asked = self._asked[:BATCH], self._asked[BATCH:]
            try:
                replies = await self._replies(asked)
                now = time.monotonic()
                for index, question in enumerate(asked):
                    if replies is None:
                        found = self._here(question.kind, question.counters, now)
                    else:
                        found = self._learn(question, replies[index], now)
                    if question.answer is not None and not question.answer.done():  # its request may be gone
                        question.answer.set_result(found)
            except Exception as error:
                log.exception("what was asked could not be counted")
                for question in asked:
                    if question.answer is not None and not question.answer.done():
                        question.answer.set_exception(error)

    async def _replies(self, asked: Sequence[_Question]) -> list[list[int]] | None:
        """Return what Redis says to each question, None where it does not answer."""
        if time.monotonic() < self._open_until:
            return None
        pipeline = self._redis.pipeline(transaction=False)
        told: set[str] = set()
        for question in asked:
            keys = [counter.key for counter in question.counters]
            pipeline.eval(_SCRIPT, len(keys), *keys, question.kind, *self._facts(question, told))
        try:
            replies: list[list[int]] = await _within(WAIT_SECONDS, pipeline.execute)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._break(error)
            return None
        return replies

    def _facts(self, question: _Question, told: set[str]) -> list[int]:
        """Return limit, seconds and debt of each counter; of several questions at once, the first tells the debt."""
        facts = []
        now = time.monotonic()
        for counter in question.counters:
            known = self._current(counter, now)
            debt = known.owed if known is not None and counter.key not in told else 0
            told.add(counter.key)
            question.told.append((known, debt))
            facts += [counter.limit if counter.is_firm else 0, counter.seconds, debt]
        return facts

    def _learn(self, question: _Question, reply: list[int], now: float) -> Readings:
        """Remember what Redis says. What was counted here meanwhile stands on top of it, and is still owed."""
        room, *numbers = reply
        each = []
        told = zip(question.counters, question.told, numbers[::2], numbers[1::2], strict=True)
        for counter, (told_of, debt), count, milliseconds in told:
            known = self._current(counter, now) or self._remember(counter, _Known(now))
            if known is told_of:
                known.owed -= debt
            known.count = count + known.owed
            known.ends_at = now + milliseconds / 1000
            known.told_at, known.is_in_line = now, False
            each.append(Reading(counter, known.count, milliseconds / 1000))
        return Readings(bool(room), each)

    def _break(self, error: Exception) -> None:
        self._open_until = time.monotonic() + OPEN_SECONDS
        log.warning("Redis does not answer, each process counts alone: %s", type(error).__name__)

    # --- in memory ----------------------------------------------------------------------------------------------

    def _here(self, kind: Kind, counters: Sequence[Counter], now: float) -> Readings:
        known = [
            (counter, self._current(counter, now) or self._remember(counter, _Known(now + counter.seconds)))
            for counter in counters
        ]
        has_room = True
        if kind == "take":
            for counter, one in known:
                if one.count >= counter.limit and counter.is_firm:
                    has_room = False
        for _, one in known:
            if kind == "tell":
                one.told_at, one.is_in_line = now, False
            elif kind == "take":
                one.change(1 if has_room else 0)
            else:
                one.change(-one.count if kind == "clear" else -min(1, one.count))
        each = [Reading(counter, one.count, one.ends_at - now) for counter, one in known]
        return Readings(has_room, each)

    def _current(self, counter: Counter, now: float) -> _Known | None:
        known = self._known.get(counter.key)
        return known if known is not None and known.ends_at > now else None

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
