"""Whether Redis is what Event Hub needs: reachable, with a password that it takes, and rights to each command and key."""

import asyncio
import hashlib
import secrets
import ssl
from collections.abc import Iterator, Sequence
from typing import Any

import redis
from redis.asyncio import Redis

from eventhub import redis_clients
from eventhub.findings import Finding, Severity, away, ok, refusal, warning
from eventhub.settings.redis_url import RedisPlace, parse

# How a connection ends whose server goes away; any other error of TLS is a mistake in settings.
_TLS_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
# Errors that redis-py has no class for, and that pass: a disk that took no snapshot, a replica without its master.
_PASSING = ("MISCONF", "MASTERDOWN")
_TROUBLES = (
    (
        (
            redis.exceptions.MovedError,
            redis.exceptions.ClusterCrossSlotError,
            redis.exceptions.ClusterDownError,
        ),
        refusal,
        "is a Redis Cluster, which Event Hub cannot use: name a single server in REDIS_URL",
    ),
    (redis.ReadOnlyError, away, "is a read-only replica: name its master, or its sentinels, in REDIS_URL"),
    (redis.BusyLoadingError, away, "still reads its data"),
    (redis.exceptions.OutOfMemoryError, away, "is full: give it more memory"),
)
_SCRIPT = "return 1"

Command = tuple[str | int, ...]


def probes(mark: str) -> list[tuple[str, Command]]:
    """Return each command that Event Hub and Dramatiq's scripts use, on throw-away keys, and the pattern of its keys."""
    queue, limit = f"dramatiq:check.{mark}", f"LIMITS:check:{mark}"
    values, pairs, names, ranks = (f"{queue}.{kind}" for kind in ("list", "hash", "set", "sorted"))
    messages: list[Command] = [
        ("RPUSH", values, 1),
        ("LLEN", values),
        ("LPOP", values),
        ("HSET", pairs, 1, 1),
        ("HGET", pairs, 1),
        ("HMGET", pairs, 1),
        ("HEXISTS", pairs, 1),
        ("HDEL", pairs, 1),
        ("SADD", names, 1),
        ("SMEMBERS", names),
        ("SREM", names, 1),
        ("ZADD", ranks, 1, 1),
        ("ZRANGEBYSCORE", ranks, 0, 1),
        ("ZREM", ranks, 1),
        ("DEL", values, pairs, names, ranks),
    ]
    limits: list[Command] = [
        ("EVAL", _SCRIPT, 1, limit),
        ("SET", limit, 1, "PX", 1000),
        ("GET", limit),
        ("PTTL", limit),
        ("DEL", limit),
    ]
    digest = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
    return [
        ("", ("PING",)),
        ("", ("SCRIPT", "LOAD", _SCRIPT)),
        ("", ("KEYS", f"{queue}*")),
        ("~dramatiq", ("EVALSHA", digest, 1, "dramatiq")),  # the namespace is a key of Dramatiq's scripts
        *(("~dramatiq:*", command) for command in messages),
        *(("~LIMITS:*", command) for command in limits),
    ]


async def look(url: str, *, seconds: float) -> list[Finding]:
    """Return what is to be said of the Redis that REDIS_URL names, after at most so many seconds."""
    place = parse(url)
    # Where sentinels may hang, half of the time is for them.
    step_seconds = seconds / 2 if place.sentinels else seconds
    client = redis_clients.async_client(url, timeout_seconds=step_seconds)
    try:
        async with asyncio.timeout(seconds):
            found = await _of_sentinels(client, place)
            if any(finding.severity not in {Severity.OK, Severity.WARNING} for finding in found):
                return found
            return [*found, *await _of_server(client, place)]
    except TimeoutError:
        return [away(f"{_label(place)} gives no answer within {seconds:g} s")]
    except (redis.RedisError, OSError) as error:
        return [_trouble(error, place)]
    finally:
        await client.aclose()


def _label(place: RedisPlace) -> str:
    return f"Redis at {place.name}"


async def _of_sentinels(client: Redis, place: RedisPlace) -> list[Finding]:
    if not place.sentinels:
        return []
    manager = client.connection_pool.sentinel_manager  # type: ignore[attr-defined]
    asked = list(manager.sentinels)
    answers = await asyncio.gather(
        *(sentinel.sentinel_masters() for sentinel in asked), return_exceptions=True
    )
    # Whoever answered is asked first for the master.
    order = sorted(range(len(asked)), key=lambda number: isinstance(answers[number], BaseException))
    manager.sentinels = [asked[number] for number in order]
    silent = []
    known: set[str] = set()
    for (host, port), answer in zip(place.sentinels, answers, strict=True):
        if isinstance(answer, redis.AuthenticationError | redis.exceptions.NoPermissionError):
            return [
                refusal(
                    f"the sentinel {host}:{port} refuses: {answer}; see sentinel_username and sentinel_password in REDIS_URL"
                )
            ]
        if isinstance(answer, BaseException):
            silent.append(f"{host}:{port}")
        else:
            known |= set(answer)
    if len(silent) == len(answers):
        return [away(f"no sentinel can be reached: {', '.join(silent)}")]
    if place.master not in known:
        return [
            refusal(
                f"the sentinels know no master named {place.master}, but {', '.join(sorted(known)) or 'none'}"
            )
        ]
    if silent:
        return [warning(f"{len(silent)} of {len(answers)} sentinels cannot be reached: {', '.join(silent)}")]
    return [ok(f"{len(answers)} sentinels know the master {place.master}")]


async def _of_server(client: Redis, place: RedisPlace) -> list[Finding]:
    wanted = probes(secrets.token_hex(8))
    async with client.pipeline(transaction=False) as pipeline:
        for _, command in wanted:
            pipeline.execute_command(*command)
        pipeline.info()
        *answers, info = await pipeline.execute(raise_on_error=False)
    if lacking := _lacking(wanted, answers):
        user = place.options.get("username", "default")
        return [
            refusal(
                f"{_label(place)} forbids what Event Hub needs; an administrator of Redis allows it by: "
                f"ACL SETUSER {user} {' '.join(lacking)}"
            )
        ]
    for answer in answers:
        if isinstance(answer, redis.RedisError):
            return [_trouble(answer, place)]
    return _of_info(info, place)


def _lacking(wanted: Sequence[tuple[str, Command]], answers: Sequence[object]) -> list[str]:
    """Return the rules that would allow what was forbidden: keys first, as documents have it."""
    rules = set()
    for (keys, command), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, redis.exceptions.NoPermissionError):
            rules.add(rule(command) if "command" in str(answer) else keys)
    return sorted(rules, key=lambda text: (text[0] == "+", text))


def rule(command: Command) -> str:
    """Return the rule of an ACL that allows this command."""
    name, *arguments = map(str, command)
    return f"+{name.lower()}|{arguments[0].lower()}" if name == "SCRIPT" else f"+{name.lower()}"


def _of_info(info: Any, place: RedisPlace) -> list[Finding]:
    if not isinstance(info, dict):
        return [
            ok(
                f"{_label(place)} answers; which version it is, and what it evicts, it does not say (ACL: +info)"
            )
        ]
    version = (
        f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
    )
    found = ok(f"{_label(place)} answers: {version}, with every right that Event Hub needs")
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        return [
            found,
            warning(
                f"{_label(place)} has the maxmemory-policy {policy}: once it is full it drops messages and counted limits; "
                "set noeviction"
            ),
        ]
    return [found]


def _trouble(error: Exception, place: RedisPlace) -> Finding:
    """Return what an error means: a mistake that stays one, or that Redis is away at the moment."""
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    causes = list(_with_causes(error))  # redis-py wraps some of them, over sockets others than over TCP
    if any(isinstance(cause, redis.AuthenticationError) for cause in causes):
        has_password = "password" in place.options
        what = (
            f"refuses the user or password: {said}"
            if has_password
            else "asks for a password, and there is none"
        )
        return refusal(f"{_label(place)} {what}; mend REDIS_URL")
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _TLS_ENDS):
            return refusal(
                f"{_label(place)} and Event Hub do not agree on TLS: {cause}; mend REDIS_URL or the certificates"
            )
    for kinds, finding, words in _TROUBLES:
        if isinstance(error, kinds):
            return finding(f"{_label(place)} {words}")
    is_mistake = isinstance(error, redis.ResponseError) and not said.startswith(_PASSING)
    return (refusal if is_mistake else away)(
        f"{_label(place)} {'refuses' if is_mistake else 'cannot be reached'}: {said}"
    )


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
