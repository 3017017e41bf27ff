"""Every client of Redis is made here, of REDIS_URL. None waits without a bound, tries again by itself, or connects yet."""

import asyncio
import threading
from typing import Any, cast

import redis
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.retry
import redis.sentinel
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from eventhub.settings.redis_url import parse

SENTINEL_SECONDS = 1.0  # for one sentinel's answer, at most

# No CLIENT commands when it connects, which an ACL user would need to be allowed; nor a server's wish for longer waits.
_PLAIN = {"driver_info": None, "maint_notifications_config": MaintNotificationsConfig(enabled=False)}


def client(url: str, *, timeout_seconds: float) -> redis.Redis:
    """Return a client for threads that gives up after `timeout_seconds` instead of waiting for a frozen server."""
    place = parse(url)
    common = {**_PLAIN, "retry": redis.retry.Retry(NoBackoff(), 0)}
    options = {**place.options, **common, **_timeouts(timeout_seconds)}
    if not place.sentinels:
        return redis.Redis(**options)
    asking = {**place.sentinel_options, **common, **_timeouts(min(timeout_seconds, SENTINEL_SECONDS))}
    sentinels = _Sentinels(place.sentinels, sentinel_kwargs=asking)
    return cast("redis.Redis", sentinels.master_for(place.master, **options))  # type: ignore[no-untyped-call]


def async_client(url: str, *, timeout_seconds: float | None) -> redis.asyncio.Redis:
    """Return the same for an event loop. None, for who gives up by itself and cancels what it asked."""
    place = parse(url)
    common = {**_PLAIN, "retry": redis.asyncio.retry.Retry(NoBackoff(), 0)}
    options = {**place.options, **common, **_timeouts(timeout_seconds)}
    if not place.sentinels:
        return redis.asyncio.Redis(**options)
    bound = None if timeout_seconds is None else min(timeout_seconds, SENTINEL_SECONDS)
    asking = {**place.sentinel_options, **common, **_timeouts(bound)}
    sentinels = _AsyncSentinels(place.sentinels, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    return cast(
        "redis.asyncio.Redis",
        sentinels.master_for(place.master, connection_pool_class=_AsyncSentinelPool, **options),
    )


def _timeouts(seconds: float | None) -> dict[str, Any]:
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds}


class _Sentinels(redis.sentinel.Sentinel):
    """The library's, for several threads at once: it swaps two places of its list, and two swaps may lose one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]
        self._one_asks = threading.Lock()

    def discover_master(self, service_name: str) -> tuple[str, int]:
        with self._one_asks:
            found: tuple[str, int] = super().discover_master(service_name)  # type: ignore[no-untyped-call]
        return found


class _AsyncSentinels(redis.asyncio.sentinel.Sentinel):
    """The library's, which asks another one first where somebody lost patience with the first."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        try:
            return cast("tuple[str, int]", await super().discover_master(service_name))
        except asyncio.CancelledError:
            self.sentinels.append(self.sentinels.pop(0))
            raise


class _AsyncSentinelPool(redis.asyncio.sentinel.SentinelConnectionPool):
    """The library's, which also closes the connections to the sentinels."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()
