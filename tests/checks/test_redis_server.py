"""What is said of a Redis: its faults, planted one by one, and the rights that the documents ask for."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from eventhub import redis_clients
from eventhub.checks.redis_server import look, probes, rule
from eventhub.findings import Severity
from eventhub.settings import Settings
from eventhub.web.rate_limits import counters
from tests.checks.acl import documented_rules
from tests.redis_servers import RedisServer, certificates, free_port, system_redis, tls_server

SECONDS = 2.0
USER, PASSWORD = "eventhub-test", "hush:@/"


async def found(url: str, seconds: float = SECONDS) -> list[tuple[str, str]]:
    return [(finding.severity.value, finding.text) for finding in await look(url, seconds=seconds)]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of this module's own: its users and its configuration change."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def settings(settings: Settings, own_server: RedisServer) -> Settings:
    return replace(settings, redis_url=f"{own_server.url}/0")


@pytest.fixture
def admin(settings: Settings) -> Iterator[Any]:
    """That server, as one who may do everything; what was changed is put back."""
    with redis_clients.client(settings.redis_url, timeout_seconds=SECONDS) as opened:
        client: Any = opened
        yield client
        client.execute_command("ACL", "DELUSER", USER)
        client.execute_command("CONFIG", "SET", "maxmemory-policy", "noeviction")


def as_user(settings: Settings, admin: Any, *rules: str) -> str:
    """Return the URL of a user with these rules and no others."""
    admin.execute_command("ACL", "SETUSER", USER, "reset", "on", f">{PASSWORD}", *rules)
    parts = urlsplit(settings.redis_url)
    return parts._replace(netloc=f"{USER}:hush%3A%40%2F@{parts.netloc}").geturl()


async def test_a_redis_that_is_as_it_should_be(settings: Settings) -> None:
    [(severity, text)] = await found(settings.redis_url)
    assert severity == Severity.OK
    assert re.search(r"answers: Valkey \d+\.\d+\.\d+, with every right", text)


async def test_nothing_is_left_in_it(settings: Settings, admin: Any) -> None:
    before = set(admin.keys("*"))
    await found(settings.redis_url)
    assert set(admin.keys("*")) == before


async def test_the_documented_user_has_every_right(settings: Settings, admin: Any) -> None:
    [(severity, _)] = await found(as_user(settings, admin, *documented_rules()))
    assert severity == Severity.OK


@pytest.mark.skipif(system_redis() is None, reason="needs Redis itself: apt-get install redis-server")
async def test_the_documented_user_has_every_right_in_redis_itself(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", program=system_redis())
    server.start()
    try:
        with server.client() as administrator:
            administrator.execute_command("ACL", "SETUSER", USER, "on", ">hush", *documented_rules())
            [(severity, text)] = await found(f"redis://{USER}:hush@127.0.0.1:{server.port}/1")
            assert (severity, "answers: " in text) == (Severity.OK, True)
            assert administrator.execute_command("ACL", "LOG") == []
            lacking = [
                right for right in documented_rules() if right not in {"+keys", "~LIMITS:*", "+script|load"}
            ]
            administrator.execute_command("ACL", "SETUSER", USER, "reset", "on", ">hush", *lacking)
            [(severity, text)] = await found(f"redis://{USER}:hush@127.0.0.1:{server.port}/1")
    finally:
        server.kill()
    assert severity == Severity.REFUSAL
    assert text.endswith(f"ACL SETUSER {USER} ~LIMITS:* +keys +script|load")


@pytest.mark.parametrize("command", [command for _, command in probes("x")], ids=rule)
async def test_a_right_that_is_missing_is_named(
    settings: Settings, admin: Any, command: tuple[str | int, ...]
) -> None:
    name = rule(command)
    assert name in documented_rules()
    rules = [right for right in documented_rules() if right != name]
    [(severity, text)] = await found(as_user(settings, admin, *rules))
    assert severity == Severity.REFUSAL
    assert text.endswith(f"allows it by: ACL SETUSER {USER} {name}")


@pytest.mark.parametrize("keys", ["~dramatiq", "~dramatiq:*", "~LIMITS:*"])
async def test_keys_that_are_missing_are_named(settings: Settings, admin: Any, keys: str) -> None:
    rules = [right for right in documented_rules() if right != keys]
    [(severity, text)] = await found(as_user(settings, admin, *rules))
    assert severity == Severity.REFUSAL
    assert text.endswith(f"ACL SETUSER {USER} {keys}")


async def test_without_info_it_is_all_right_but_says_less(settings: Settings, admin: Any) -> None:
    rules = [right for right in documented_rules() if right != "+info"]
    [(severity, text)] = await found(as_user(settings, admin, *rules))
    assert severity == Severity.OK
    assert "does not say" in text


async def test_a_password_that_is_refused_or_missing(settings: Settings, admin: Any, tmp_path: Path) -> None:
    wrong = as_user(settings, admin, *documented_rules()).replace("hush", "wrong")
    [(severity, text)] = await found(wrong)
    assert severity == Severity.REFUSAL
    assert "refuses the user or password" in text
    assert "wrong%" not in text
    server = RedisServer(tmp_path / "redis", "requirepass hush")
    server.start()
    try:
        [(severity, text)] = await found(server.url)
        assert (severity, "asks for a password, and there is none" in text) == (Severity.REFUSAL, True)
        [(severity, text)] = await found(f"redis://:hush@127.0.0.1:{server.port}/99")
        assert (severity, "DB index is out of range" in text) == (Severity.REFUSAL, True)
    finally:
        server.kill()


@pytest.mark.skipif(
    system_redis() is None or shutil.which("openssl") is None,
    reason="needs openssl and a Redis that knows TLS: apt-get install redis-server",
)
async def test_certificates_that_do_not_fit(tmp_path: Path) -> None:
    made = await asyncio.to_thread(certificates, tmp_path)
    server = tls_server(tmp_path / "redis", made)
    server.start()
    here, elsewhere = (f"rediss://:hush@{host}:{server.port}/0" for host in ("127.0.0.1", "127.0.0.2"))
    authority = f"ssl_ca_certs={made / 'ca.pem'}"
    own = f"ssl_certfile={made / 'client.pem'}&ssl_keyfile={made / 'client.key'}"
    try:
        for url, told in (
            (f"{here}?{own}", "certificate verify failed"),
            (f"{here}?{authority}", "certificate required"),
            (f"{elsewhere}?{authority}&{own}", "ip address mismatch"),
        ):
            [(severity, text)] = await found(url)
            if told == "certificate required" and severity == Severity.AWAY:
                # The server ends the connection at once; where that is seen before its words are, it is merely away.
                assert "cannot be reached" in text
                continue
            assert severity == Severity.REFUSAL
            assert "do not agree on TLS" in text
            assert told in text.replace("_", " ").lower()
        for url in (
            f"{here}?{authority}&{own}",
            f"{here}?ssl_cert_reqs=none&{own}",
            f"{elsewhere}?{authority}&{own}&ssl_check_hostname=false",
        ):
            assert [severity for severity, _ in await found(url)] == [Severity.OK]
    finally:
        server.kill()


async def test_one_that_is_away_hangs_or_is_a_replica_is_no_mistake(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", f"replicaof 127.0.0.1 {free_port()}")
    [(severity, text)] = await found(server.url)
    assert (severity, "cannot be reached" in text) == (Severity.AWAY, True)
    server.start()
    try:
        [(severity, text)] = await found(server.url)
        assert (severity, "is a read-only replica" in text) == (Severity.AWAY, True)
        with server.frozen():
            [(severity, text)] = await found(server.url, seconds=0.3)
        assert (severity, "gives no answer within 0.3 s" in text) == (Severity.AWAY, True)
    finally:
        server.kill()


async def test_a_cluster_is_refused(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", "cluster-enabled yes", f"cluster-port {free_port()}")
    server.start()
    try:
        server.client().execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        [(severity, text)] = await found(server.url)
        assert severity == Severity.REFUSAL
        assert "is a Redis Cluster" in text
    finally:
        server.kill()


async def test_an_eviction_policy_is_warned_of(settings: Settings, admin: Any) -> None:
    admin.execute_command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    [(_, _), (severity, text)] = await found(settings.redis_url)
    assert severity == Severity.WARNING
    assert "maxmemory-policy allkeys-lru" in text


async def test_sentinels_that_are_away_or_know_no_such_master(tmp_path: Path) -> None:
    master, sentinel, away = RedisServer(tmp_path / "master"), free_port(), free_port()
    guard = RedisServer(
        tmp_path / "sentinel", f"sentinel monitor main 127.0.0.1 {master.port} 1", port=sentinel
    )
    master.start()
    guard.start("--sentinel")
    try:
        one = f"redis+sentinel://127.0.0.1:{sentinel}"
        assert [severity for severity, _ in await found(f"{one}/main")] == [Severity.OK, Severity.OK]
        [(severity, text), (is_ok, _)] = await found(f"{one},127.0.0.1:{away}/main")
        assert (severity, is_ok) == (Severity.WARNING, Severity.OK)
        assert text == f"1 of 2 sentinels cannot be reached: 127.0.0.1:{away}"
        hung = RedisServer(tmp_path / "hung")
        hung.start()
        try:
            with hung.frozen():
                told = await found(
                    f"redis+sentinel://127.0.0.1:{hung.port},127.0.0.1:{sentinel}/main", seconds=1
                )
        finally:
            hung.kill()
        assert [severity for severity, _ in told] == [Severity.WARNING, Severity.OK]
        [(severity, text)] = await found(f"{one}/other")
        assert (severity, text) == (Severity.REFUSAL, "the sentinels know no master named other, but main")
        [(severity, text)] = await found(f"redis+sentinel://127.0.0.1:{away}/main")
        assert (severity, text) == (Severity.AWAY, f"no sentinel can be reached: 127.0.0.1:{away}")
    finally:
        guard.kill()
        master.kill()


def test_each_command_of_the_scripts_is_probed() -> None:
    """A new version of Dramatiq may use another one, which the documented user would lack."""
    dispatch = (files("dramatiq") / "brokers" / "redis" / "dispatch.lua").read_text()
    only_in_tests_of_dramatiq = {"hlen", "scard"}
    used = set(re.findall(r'redis\.call\("(\w+)"', dispatch)) - only_in_tests_of_dramatiq
    used |= {name.lower() for name in re.findall(r"redis\.call\('(\w+)'", counters._SCRIPT)}
    assert len(used) > 15
    assert used <= {str(command[0]).lower() for _, command in probes("x")}


def test_the_documented_user_has_no_right_too_many() -> None:
    needed = {rule(command) for _, command in probes("x")} | {"+select", "+info", "+time"}
    assert {right for right in documented_rules() if right[0] == "+"} == needed
    assert {right for right in documented_rules() if right[0] == "~"} == {keys for keys, _ in probes("x")} - {
        ""
    }
