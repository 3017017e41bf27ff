"""How often one may ask: counters in Redis that all web processes share, in memory while Redis is away or slow.

Two kinds. What guards passwords and mail is counted exactly, before the work is done: a few round trips to Redis.
Reads and writes are counted in this process, which tells Redis and hears of the others now and then, in the
background: no read waits for Redis, and the processes may together let through a little more than the limit.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import redis.asyncio
from aiohttp import web
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from eventhub.errors import EventHubError, Unauthenticated
from eventhub.settings import Settings
from eventhub.web.proxies import PROXIES, bucket

WAIT_SECONDS = 0.1  # for Redis, at most
OPENING_SECONDS = 1.0  # the same at the start
OPEN_SECONDS = 5.0  # that Redis is left alone after it failed
SYNC_SECONDS = 1.0
SYNC_SHARE = 20  # a process tells Redis at the latest after this part of a limit
REMEMBERED_COUNTS = 50_000

T = TypeVar("T")
log = logging.getLogger("eventhub.limits")


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


@dataclass(frozen=True)
class Rule:
    """Limits that hold together, for one key each: 5 a minute and 20 an hour."""

    name: str
    windows: tuple[RateLimitItem, ...]
    spans: tuple[tuple[int, int, str], ...] = ()  # the same as numbers: limit, seconds, start of the key

    @classmethod
    def of(cls, name: str, text: str) -> "Rule":
        """Return the rule that a setting such as `5/minute;20/hour` spells."""
        windows = tuple(sorted(parse_many(text), key=lambda item: item.get_expiry()))
        spans = tuple((item.amount, item.get_expiry(), f"{name}:{item.get_expiry()}:") for item in windows)
        return cls(name, windows, spans)


Key = tuple[Rule, str]


class Limiter:
    """One per process."""

    def __init__(self, settings: Settings) -> None:
        self.login = Rule.of("login", settings.rate_limit_login)
        self.login_address = Rule.of("login-address", settings.rate_limit_login_address)
        self.register = Rule.of("register", settings.rate_limit_register)
        self.reset = Rule.of("reset", settings.rate_limit_reset)
        self.verification = Rule.of("verification", settings.rate_limit_reset)
        self.reset_address = Rule.of("reset-address", settings.rate_limit_reset_address)
        self.new_email = Rule.of("new-email", settings.rate_limit_reset)
        self.writes = Rule.of("write", settings.rate_limit_write)
        self.reads = Rule.of("read", settings.rate_limit_read)
        self.refused = Rule.of("refused", settings.rate_limit_write)
        self._store = _Store(settings.redis_url)
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect, so that the first who asks need not wait for it; without Redis, go on."""
        await self._store.ask_redis(lambda storage: storage.incr("LIMITS:start", 60), OPENING_SECONDS)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._store.close()

    # --- counted exactly ----------------------------------------------------------------------------------------

    async def check(self, *keys: Key) -> State:
        """Count one request for each key and return the tightest state. Raises Throttled, and then counts nothing."""
        state = await self._standing(keys)
        if state.remaining <= 0:
            raise Throttled(state)
        counted = await self._add(keys, 1)
        if counted.remaining < 0:  # others came in between
            await self._add(keys, -1)
            raise Throttled(counted)
        return counted

    @contextlib.asynccontextmanager
    async def failures(self, account: Key, address: Key) -> AsyncIterator[State]:
        """Let the block try a password, unless too many tries failed. Only failed ones count.

        One that succeeds clears the account's count and leaves the address's as it was. Raises Throttled.
        """
        state = await self.check(account, address)
        try:
            yield state
        except EventHubError:
            raise
        except BaseException:
            # Nobody's password was wrong: this side failed, or the client is gone.
            await self._add((account, address), -1)
            raise
        await asyncio.gather(self.clear(account), self._add((address,), -1))

    async def clear(self, key: Key) -> None:
        """Forget what was counted for the key."""

        async def ask(storage: Storage) -> None:
            await asyncio.gather(*(storage.clear(name) for _, name in _items((key,))))

        await self._store.ask(ask)

    async def _standing(self, keys: Sequence[Key]) -> State:
        async def ask(storage: Storage) -> State:
            items = _items(keys)
            used = await asyncio.gather(*(storage.get(key) for _, key in items))
            return await _tightest(storage, items, used, needed=1)

        return await self._store.ask(ask)

    async def _add(self, keys: Sequence[Key], amount: int) -> State:
        async def ask(storage: Storage) -> State:
            items = _items(keys)
            used = await asyncio.gather(
                *(storage.incr(key, item.get_expiry(), amount) for item, key in items)
            )
            return await _tightest(storage, items, used, needed=0)

        return await self._store.ask(ask)

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
            total = await self._store.ask_redis(
                lambda storage: storage.incr(f"LIMITS:{key}:{count.window}", 2 * seconds, sent)
            )
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


class _Store:
    """Redis behind a breaker, memory behind Redis."""

    def __init__(self, url: str) -> None:
        pool = redis.asyncio.ConnectionPool.from_url(
            url,
            socket_timeout=OPENING_SECONDS,
            socket_connect_timeout=OPENING_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._pool = pool
        self._redis = RedisStorage(
            "redis://",
            implementation="redispy",
            connection_pool=pool,  # type: ignore[arg-type]  # passed on to redis-py as it is
        )
        self._memory = MemoryStorage()
        self._open_until = 0.0

    async def close(self) -> None:
        with contextlib.suppress(redis.RedisError, OSError):
            await self._pool.disconnect()

    async def ask(self, question: Callable[[Storage], Awaitable[T]]) -> T:
        """Return Redis's answer, or memory's where Redis has none in time."""
        if time.monotonic() >= self._open_until:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    return await question(self._redis)
            except (redis.RedisError, OSError, TimeoutError) as error:
                self._break(error)
        return await question(self._memory)

    async def ask_redis(
        self, question: Callable[[Storage], Awaitable[T]], seconds: float = WAIT_SECONDS
    ) -> T | None:
        """Return Redis's answer, None where it has none in time."""
        if time.monotonic() < self._open_until:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await question(self._redis)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._break(error)
            return None

    def _break(self, error: Exception) -> None:
        self._open_until = time.monotonic() + OPEN_SECONDS
        log.warning("Redis does not answer, each process counts alone: %s", type(error).__name__)


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
        request[STATE] = await limiter.check((limiter.register, _address(request)))


async def count_reset(request: web.Request, email: str) -> None:
    """Count a mail that was asked for, known address or not. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        keys = (limiter.reset, email), (limiter.reset_address, _address(request))
        request[STATE] = await limiter.check(*keys)


async def count_verification(request: web.Request, user_id: int) -> None:
    """Count a mail that this user asked for to their own address. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        keys = (limiter.verification, _who(user_id)), (limiter.reset_address, _address(request))
        request[STATE] = await limiter.check(*keys)


async def count_new_email(request: web.Request, user_id: int, email: str) -> None:
    """Count a change of a user's address, which mails the new one and tells whether it is taken. Raises Throttled."""
    if (limiter := request.app[LIMITER]) is not None:
        keys = (
            (limiter.new_email, f"user {user_id}"),
            (limiter.new_email, f"to {email}"),
            (limiter.reset_address, _address(request)),
        )
        request[STATE] = await limiter.check(*keys)


@contextlib.asynccontextmanager
async def guarding_password(request: web.Request, who: int | str) -> AsyncIterator[None]:
    """Let the block try a password of the user with this id, or for a name, unless too many tries failed.

    Raises Throttled. Other answers do not say how many tries are left: those of somebody else would show.
    """
    request.pop(STATE, None)
    limiter = request.app[LIMITER]
    if limiter is None:
        yield
        return
    async with limiter.failures((limiter.login, _who(who)), (limiter.login_address, _address(request))):
        yield


async def forgive_password_failures(request: web.Request, *whom: int | str) -> None:
    """Let a user sign in at once: somebody else may have failed in their name."""
    if (limiter := request.app[LIMITER]) is not None:
        for who in whom:
            await limiter.clear((limiter.login, _who(who)))


def _who(who: int | str) -> str:
    return f"user {who}" if isinstance(who, int) else f"name {who}"


def _address(request: web.Request) -> str:
    return bucket(request.app[PROXIES].address(request))


def _items(keys: Sequence[Key]) -> list[tuple[RateLimitItem, str]]:
    return [(item, item.key_for(rule.name, hashed(key))) for rule, key in keys for item in rule.windows]


def hashed(text: str) -> str:
    """Return a short name for what somebody typed: Redis keeps no addresses and no long keys."""
    return hashlib.blake2b(text.strip().lower().encode(), digest_size=12).hexdigest()


async def _tightest(
    storage: Storage, items: Sequence[tuple[RateLimitItem, str]], used: Sequence[int], *, needed: int
) -> State:
    """Return the state of the longest window with less than `needed` left; else of the one with the least."""
    left = [item.amount - count for (item, _), count in zip(items, used, strict=True)]
    spent = [index for index, remaining in enumerate(left) if remaining < needed]
    index = max(spent, key=lambda i: items[i][0].get_expiry()) if spent else left.index(min(left))
    item, key = items[index]
    reset = max(1, int(await storage.get_expiry(key) - time.time()) + 1) if used[index] else item.get_expiry()
    return State(item.amount, left[index], reset)
