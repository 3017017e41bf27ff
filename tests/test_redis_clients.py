"""One URL says where Redis is, whichever way it runs; every client of it is bounded, and finds a new master."""

import asyncio
import contextlib
import threading
from typing import Any

import pytest
import redis
import redis.asyncio.sentinel
import redis.sentinel

from eventhub import redis_clients
from eventhub.settings.redis_url import parse

PLAIN = {"db": 0, "host": "cache", "port": 6379}


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://cache", PLAIN),
        ("redis://", {"db": 0, "host": "localhost", "port": 6379}),
        ("redis://cache:6380/3", {**PLAIN, "port": 6380, "db": 3}),
        ("redis://cache/3?db=4&protocol=2", {**PLAIN, "db": 4, "protocol": 2}),
        ("redis://:p%40ss@cache", {**PLAIN, "password": "p@ss"}),
        ("redis://app:p:ss@cache", {**PLAIN, "username": "app", "password": "p:ss"}),
        ("rediss://[::1]:7000", {"db": 0, "host": "::1", "port": 7000, "ssl": True}),
        ("rediss://cache?ssl_check_hostname=no", {**PLAIN, "ssl": True, "ssl_check_hostname": False}),
        ("unix:///run/redis.sock", {"unix_socket_path": "/run/redis.sock"}),
        (
            "unix://app:pass@/a%20b.sock?db=2",
            {"unix_socket_path": "/a b.sock", "db": 2, "username": "app", "password": "pass"},
        ),
    ],
)
def test_a_url_names_one_server(url: str, options: dict[str, Any]) -> None:
    place = parse(url)
    assert place.options == options
    assert not place.sentinels


def test_a_url_names_sentinels_and_what_they_call_the_master() -> None:
    place = parse(
        "rediss+sentinel://app:pass@one,two:5000,[::1]/main/2?sentinel_password=other&ssl_cert_reqs=none"
    )
    assert place.sentinels == (("one", 26379), ("two", 5000), ("::1", 26379))
    assert place.master == "main"
    assert place.options == {
        "db": 2,
        "username": "app",
        "password": "pass",
        "ssl": True,
        "ssl_cert_reqs": "none",
    }
    assert place.sentinel_options == {"ssl": True, "ssl_cert_reqs": "none", "password": "other"}
    assert place.name == "main (one:26379,two:5000,::1:26379)"
    assert "pass" not in repr(place)
    assert "other" not in repr(place)


@pytest.mark.parametrize("url", ["redis://cache", "rediss://cache", "redis+sentinel://one,two/main"])
def test_every_client_is_bounded_and_tries_nothing_again(url: str) -> None:
    for client in (
        redis_clients.client(url, timeout_seconds=3),
        redis_clients.async_client(url, timeout_seconds=3),
    ):
        pools = [client.connection_pool]
        if manager := getattr(client.connection_pool, "sentinel_manager", None):
            pools += [sentinel.connection_pool for sentinel in manager.sentinels]
        for pool, seconds in zip(pools, [3, 1, 1], strict=False):
            options = pool.connection_kwargs
            assert (options["socket_timeout"], options["socket_connect_timeout"]) == (seconds, seconds)
            assert options["retry"].get_retries() == 0
            assert options["driver_info"] is None


def test_threads_that_ask_sentinels_at_once_lose_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library swaps the one that answered to the front: two threads in the middle of it made two of one."""
    both = threading.Barrier(2)
    state = {"is_master": True, "is_sdown": False, "is_odown": False, "num-other-sentinels": 1}

    def masters(sentinel: redis.Redis) -> dict[str, Any]:
        if sentinel.connection_pool.connection_kwargs["host"] == "dead":
            raise redis.ConnectionError
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        return {"main": {**state, "ip": "here", "port": 1}}

    monkeypatch.setattr(redis.Redis, "sentinel_masters", masters, raising=False)
    client = redis_clients.client("redis+sentinel://dead,alive/main", timeout_seconds=1)
    manager = client.connection_pool.sentinel_manager  # type: ignore[attr-defined]
    threads = [threading.Thread(target=manager.discover_master, args=("main",)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hosts = [sentinel.connection_pool.connection_kwargs["host"] for sentinel in manager.sentinels]
    assert sorted(hosts) == ["alive", "dead"]


async def test_a_sentinel_that_hangs_is_not_asked_first_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate limits give up by themselves, after a quarter of a second: the next question must ask another one."""
    asked: list[str] = []

    async def masters(sentinel: redis.asyncio.Redis) -> dict[str, Any]:
        asked.append(sentinel.connection_pool.connection_kwargs["host"])
        if asked[-1] == "hung":
            await asyncio.Event().wait()
        state = {"is_master": True, "is_sdown": False, "is_odown": False, "num-other-sentinels": 1}
        return {"main": {**state, "ip": "here", "port": 1}}

    monkeypatch.setattr(redis.asyncio.Redis, "sentinel_masters", masters, raising=False)
    client = redis_clients.async_client("redis+sentinel://hung,alive/main", timeout_seconds=None)
    manager = client.connection_pool.sentinel_manager  # type: ignore[attr-defined]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(manager.discover_master("main"), 0.01)
    assert await manager.discover_master("main") == ("here", 1)
    assert asked == ["hung", "alive"]
