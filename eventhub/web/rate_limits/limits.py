"""How often one may ask: counters that all web processes share (web/rate_limits/counters.py).

Two kinds. What guards passwords and mail is counted exactly, before the work is done: a round trip to Redis. Reads and
writes are counted in this process, which tells Redis and hears of the others now and then, in the background: no read
waits for Redis, and the processes may together let through a little more than the limit.
"""

import asyncio
import contextlib
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from aiohttp import web

from eventhub.errors import EventHubError, Unauthenticated
from eventhub.settings import Settings
from eventhub.web.http.proxies import PROXIES, bucket, network
from eventhub.web.rate_limits.counters import Counter, Counters, Reading

SYNC_SECONDS = 1.0
SYNC_SHARE = 20  # a process tells Redis at the latest after this part of a limit
REMEMBERED_COUNTS = 50_000


@dataclass(frozen=True, slots=True)
class State:
    """Where somebody stands with a limit; `reset_seconds` is when they may start anew."""

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.remaining)),
            "RateLimit-Reset": str(self.reset_seconds),
        }


STATE = web.RequestKey("rate_limit", State)


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
        return cls(name, tuple((amount, seconds, f"{name}:{seconds}:") for seconds, amount in spans))

    def counters(self, key: str, *, is_firm: bool = True) -> list[Counter]:
        return [
            Counter(f"LIMITS:{start}{hashed(key)}", amount, seconds, is_firm)
            for amount, seconds, start in self.spans
        ]


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
        self.writes = Rule.of("write", settings.rate_limit_write)
        self.reads = Rule.of("read", settings.rate_limit_read)
        self.refused = Rule.of("refused", settings.rate_limit_write)
        self._counters = Counters(settings.redis_url)
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        await self._counters.open()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._counters.close()

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
            raise Throttled(_longest([reading for reading in firm if reading.count >= reading.counter.limit]))
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

    async def clear(self, *keys: Key) -> None:
        """Forget what was counted for the keys."""
        await self._counters.clear(_counters(keys))

    # --- counted nearly, without waiting ------------------------------------------------------------------------

    def count(self, rule: Rule, key: str) -> State:
        """Count a request at once, in memory; Redis hears of it later. Raises Throttled."""
        tightest: State | None = None
        for amount, seconds, prefix in rule.spans:
            state = self._count(f"{prefix}{key}", amount, seconds)
            if tightest is None or state.remaining < tightest.remaining:
                tightest = state
        assert tightest is not None  # noqa: S101 - a rule has a window
        if tightest.remaining < 0:
            raise Throttled(State(tightest.limit, 0, tightest.reset_seconds))
        return tightest

    def check_counted(self, rule: Rule, key: str) -> None:
        """Raise Throttled where the limit is reached; count nothing."""
        now = time.time()
        for amount, seconds, prefix in rule.spans:
            count = self._counts.get(f"{prefix}{key}")
            window = int(now // seconds)
            if count is not None and count.window == window and count.known + count.pending >= amount:
                raise Throttled(State(amount, 0, int((window + 1) * seconds - now) + 1))

    def _count(self, key: str, amount: int, seconds: int) -> State:
        now = time.time()
        window = int(now // seconds)
        count = self._counts.get(key)
        if count is None or count.window != window:
            count = self._counts[key] = _Count(window)
            self._counts.move_to_end(key)
            if len(self._counts) > REMEMBERED_COUNTS:
                self._counts.popitem(last=False)
        reset = int((window + 1) * seconds - now) + 1
        if count.known + count.pending >= amount:
            return State(amount, -1, reset)
        count.pending += 1
        if count.is_due(now, amount):
            task = asyncio.get_running_loop().create_task(self._tell(key, count, seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return State(amount, amount - count.known - count.pending, reset)

    async def _tell(self, key: str, count: "_Count", seconds: int) -> None:
        """Add what is pending to Redis, and learn what all processes counted; without Redis, go on alone."""
        sent = count.pending
        try:
            total = await self._counters.add(f"LIMITS:{key}:{count.window}", sent, 2 * seconds)
            if total is not None:
                count.known = total
                count.pending -= sent
        finally:
            count.is_telling = False
            count.told_at = time.time()


class _Count:
    """What this process knows of one key in one window."""

    __slots__ = ("is_telling", "known", "pending", "told_at", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.known = 0
        self.pending = 0
        self.told_at = 0.0
        self.is_telling = False

    def is_due(self, now: float, limit: int) -> bool:
        """Return whether Redis is to hear of it now, and remember so: at first hit, then by number or by time."""
        if self.is_telling:
            return False
        is_due = self.pending * SYNC_SHARE >= limit or now - self.told_at >= SYNC_SECONDS
        self.is_telling = is_due
        return is_due


# None where limits are off.
LIMITER = web.AppKey[Limiter | None]("limiter")


def count_read(request: web.Request) -> None:
    """Count a read of this address. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        request[STATE] = limiter.count(limiter.reads, _address(request))


def count_write(request: web.Request, user_id: int) -> None:
    """Count a write of this user, or of the address where nobody is signed in. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        request[STATE] = limiter.count(limiter.writes, f"user {user_id}" if user_id else _address(request))


@contextlib.contextmanager
def counting_refusals(request: web.Request, *, is_on: bool) -> Iterator[None]:
    """Let the block find out who writes, unless too many from this address had no good token. Raises Throttled."""
    limiter = request.app[LIMITER] if is_on else None
    if limiter is None:
        yield
        return
    key = _address(request)
    limiter.check_counted(limiter.refused, key)
    try:
        yield
    except Unauthenticated:
        limiter.count(limiter.refused, key)
        raise


async def count_registration(request: web.Request) -> None:
    """Count a registration from this address. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        request[STATE], _ = await limiter.check((limiter.register, _address(request)))


async def count_reset(request: web.Request, name: str) -> bool:
    """Count a mail that was asked for, known address or not. Raises Throttled where this network asked too often.

    Returns whether all networks together did: this asker is not to know, and strangers' askings cause no more mails.
    """
    limiter = request.app[LIMITER]
    if limiter is None:
        return False
    keys = (limiter.reset, f"{name} from {network_of(request)}"), (limiter.reset_address, _address(request))
    request[STATE], over = await limiter.check(*keys, also=(limiter.reset_mails, name))
    return over is not None


async def count_verification(request: web.Request, user_id: int) -> None:
    """Count a mail that this user asked for to their own address. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        keys = (limiter.verification, f"user {user_id}"), (limiter.reset_address, _address(request))
        request[STATE], _ = await limiter.check(*keys)


async def count_new_email(request: web.Request, user_id: int, name: str) -> None:
    """Count a change of a user's address, which mails the new one and tells whether it is taken. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        keys = (
            (limiter.new_email, f"user {user_id}"),
            (limiter.new_email, f"to {name} from {network_of(request)}"),
            (limiter.reset_address, _address(request)),
        )
        request[STATE], _ = await limiter.check(*keys)


@contextlib.asynccontextmanager
async def guarding_sign_in(
    request: web.Request, name: str, *, is_from_known_network: bool
) -> AsyncIterator[bool]:
    """Let the block try a password for a name, unless too many tries failed. Raises Throttled.

    Tries count for the name from this network, so that no stranger locks anybody out, and for the name everywhere. Over
    that wide limit only networks that the account knows can succeed: yields whether the right password counts. All that
    fails then is answered alike, so that nobody learns from it which names there are. Other answers do not say how many
    tries are left: those of somebody else would show.
    """
    over = None
    try:
        async with _failures(request, f"name {name}") as over:
            yield over is None or is_from_known_network
    except Unauthenticated:
        if over is not None:
            raise Throttled(over) from None
        raise


@contextlib.asynccontextmanager
async def guarding_password(
    request: web.Request, user_id: int, *, is_from_known_network: bool = False
) -> AsyncIterator[None]:
    """Let the block try the password of a user who is signed in, unless too many tries failed: as at signing in."""
    async with _failures(request, f"user {user_id}") as over:
        if over is not None and not is_from_known_network:
            raise Throttled(over)
        yield


@contextlib.asynccontextmanager
async def _failures(request: web.Request, who: str) -> AsyncIterator[State | None]:
    request.pop(STATE, None)
    limiter = request.app[LIMITER]
    if limiter is None:
        yield None
        return
    async with limiter.failures(
        (limiter.login, f"{who} from {network_of(request)}"),
        (limiter.login_address, _address(request)),
        (limiter.login_name, who),
    ) as over:
        yield over


async def forgive_password_failures(request: web.Request, user_id: int, names: Sequence[str]) -> None:
    """Let a user who has a new password sign in at once from here: others may have failed in their name."""
    if (limiter := request.app[LIMITER]) is not None:
        who = [f"user {user_id}", *(f"name {name}" for name in names)]
        here = [(limiter.login, f"{one} from {network_of(request)}") for one in who]
        await limiter.clear(*here, *((limiter.login_name, one) for one in who))


def network_of(request: web.Request) -> str:
    """Return the network that the request comes from."""
    return network(request.app[PROXIES].address(request))


def _address(request: web.Request) -> str:
    return bucket(request.app[PROXIES].address(request))


def _counters(keys: Sequence[Key]) -> list[Counter]:
    return [counter for rule, key in keys for counter in rule.counters(key)]


def hashed(text: str) -> str:
    """Return a short name for what somebody typed: Redis keeps no addresses and no long keys."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _tightest(readings: Sequence[Reading]) -> State:
    return _state(min(readings, key=lambda reading: reading.counter.limit - reading.count))


def _longest(readings: Sequence[Reading]) -> State:
    return _state(max(readings, key=lambda reading: reading.counter.seconds))


def _state(reading: Reading) -> State:
    left = reading.counter.limit - reading.count
    return State(reading.counter.limit, left, max(1, math.ceil(reading.seconds_left)))
