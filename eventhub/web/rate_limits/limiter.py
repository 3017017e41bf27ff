"""The rules of how often a client may ask, and how far one has used them up.

Two kinds. What guards passwords and mail is counted exactly, before the work is done: a round trip to Redis. Reads and
writes are counted in this process, which tells Redis and hears of the others now and then, in the background: no read
waits for Redis, and the processes may together let through a little more than the limit.
"""

import asyncio
import contextlib
import hashlib
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from multidict import istr

from eventhub.errors import EventHubError
from eventhub.settings import Settings
from eventhub.web.rate_limits.counters import Counter, Counters, Reading

_LIMIT, _REMAINING, _RESET = istr("RateLimit-Limit"), istr("RateLimit-Remaining"), istr("RateLimit-Reset")


class State(NamedTuple):
    """Where somebody stands with a limit; `reset_seconds` is when they may start anew."""

    limit: int
    remaining: int
    reset_seconds: int
    counter: str

    @property
    def rule(self) -> str:
        return self.counter.split(":")[1]

    def headers(self) -> dict[str, str]:
        return {
            _LIMIT: str(self.limit),
            _REMAINING: str(max(0, self.remaining)),
            _RESET: str(self.reset_seconds),
        }


class Throttled(Exception):
    """Raised when somebody asked too often; `state` says when to come back."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state

    @property
    def detail(self) -> str:
        seconds = self.state.reset_seconds
        return f"Too many requests. Try again in {seconds} second{'s' if seconds != 1 else ''}."


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True)
class Rule:
    """Limits that hold together, for one key each: 5 a minute and 20 an hour."""

    name: str
    spans: tuple[tuple[int, int, str], ...]  # limit, seconds, start of the counter's key

    @classmethod
    def of(cls, name: str, text: str) -> "Rule":
        """Return the rule that a setting such as `5/minute;20/hour` spells."""
        windows = (window.split("/") for window in text.split(";"))
        spans = sorted((_SECONDS[unit], int(amount)) for amount, unit in windows)
        return cls(name, tuple((amount, seconds, f"LIMITS:{name}:{seconds}:") for seconds, amount in spans))

    def counters(self, key: str, *, is_firm: bool = True) -> list[Counter]:
        name = hashed(key)
        return [Counter(f"{start}{name}", amount, seconds, is_firm) for amount, seconds, start in self.spans]


Key = tuple[Rule, str]


class Limiter:
    """One per process."""

    def __init__(self, settings: Settings) -> None:
        self.login = Rule.of("login", settings.rate_limit_login)
        self.login_name = Rule.of("login-name", settings.rate_limit_login_name)
        self.login_address = Rule.of("login-address", settings.rate_limit_login_address)
        self.register = Rule.of("register", settings.rate_limit_register)
        self.reset = Rule.of("reset", settings.rate_limit_reset)
        self.reset_mails = Rule.of("reset-mails", settings.rate_limit_reset_mails)
        self.verification = Rule.of("verification", settings.rate_limit_reset)
        self.reset_address = Rule.of("reset-address", settings.rate_limit_reset_address)
        self.new_email = Rule.of("new-email", settings.rate_limit_reset)
        self.code = Rule.of("code", settings.rate_limit_code)
        self.writes = Rule.of("write", settings.rate_limit_write)
        self.reads = Rule.of("read", settings.rate_limit_read)
        self.refused = Rule.of("refused", settings.rate_limit_write)
        self._counters = Counters(settings.redis_url)
        # A memory of their own: a flood of reads pushes no failed sign-in out.
        self._counted_here = Counters(settings.redis_url)

    async def open(self) -> None:
        await asyncio.gather(self._counters.open(), self._counted_here.open())

    async def close(self) -> None:
        await asyncio.gather(self._counters.close(), self._counted_here.close())

    def drop_spent(self) -> None:
        """Forget what no limit asks for any more."""
        self._counters.drop_spent()
        self._counted_here.drop_spent()

    # --- counted exactly ----------------------------------------------------------------------------------------

    async def check(self, *keys: Key, also: Key | None = None) -> tuple[State, State | None]:
        """Count one request for each key and return the tightest state. Raises Throttled, and then counts nothing.

        `also` is counted with them and refuses nothing; second comes where it stands, if it is over its limit.
        """
        counted = await self._counters.take(
            [*_counters(keys), *(also[0].counters(also[1], is_firm=False) if also else ())]
        )
        firm = [reading for reading in counted.each if reading.counter.is_firm]
        if not counted.has_room:
            raise _throttled(firm)
        over = [reading for reading in counted.each if reading.count > reading.counter.limit]
        return _tightest(firm), _longest(over) if over else None

    @contextlib.asynccontextmanager
    async def failures(self, who: Key, address: Key, everywhere: Key) -> AsyncIterator[State | None]:
        """Let the block try a password, unless too many tries failed. Only failed ones count. Raises Throttled.

        Yields where `everywhere` stands, if too many failed there: the block is to know what to do then. A try that
        succeeds clears the count of `who`, and leaves the others as they were.
        """
        _, over = await self.check(who, address, also=everywhere)
        try:
            yield over
        except EventHubError:
            raise
        except BaseException:
            # Nobody's password was wrong: this side failed, or the client is gone.
            await self._counters.give_back(_counters((who, address, everywhere)))
            raise
        await asyncio.gather(self.clear(who), self._counters.give_back(_counters((address, everywhere))))

    @contextlib.asynccontextmanager
    async def guesses(self, key: Key, wrong: type[EventHubError]) -> AsyncIterator[None]:
        """Let the block try a guess, unless too many were wrong. Only one that ends with `wrong` counts. Raises Throttled."""
        await self.check(key)
        try:
            yield
        except wrong:
            raise
        except BaseException:
            await self._counters.give_back(_counters((key,)))
            raise
        await self._counters.give_back(_counters((key,)))

    async def clear(self, *keys: Key) -> None:
        """Forget what was counted for the keys."""
        await self._counters.clear(_counters(keys))

    # --- counted here, without waiting --------------------------------------------------------------------------

    def count(self, rule: Rule, key: str) -> State:
        """Count a request at once; Redis hears of it later. Raises Throttled."""
        counted = self._counted_here.count(rule.counters(key))
        if not counted.has_room:
            raise _throttled(counted.each)
        return _tightest(counted.each)

    def check_counted(self, rule: Rule, key: str) -> None:
        """Raise Throttled where the limit is reached; count nothing."""
        if full := self._counted_here.full(rule.counters(key)):
            raise _throttled(full)


def _counters(keys: Sequence[Key]) -> list[Counter]:
    return [counter for rule, key in keys for counter in rule.counters(key)]


def hashed(text: str) -> str:
    """Return a short name for what somebody typed: Redis keeps no addresses and no long keys."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _throttled(readings: Sequence[Reading]) -> Throttled:
    return Throttled(_longest([reading for reading in readings if reading.count >= reading.counter.limit]))


def _tightest(readings: Sequence[Reading]) -> State:
    return _state(min(readings, key=lambda reading: reading.counter.limit - reading.count))


def _longest(readings: Sequence[Reading]) -> State:
    return _state(max(readings, key=lambda reading: reading.counter.seconds))


def _state(reading: Reading) -> State:
    left = reading.counter.limit - reading.count
    return State(reading.counter.limit, left, max(1, math.ceil(reading.seconds_left)), reading.counter.key)
