"""What the doctor looks at outside of the rows: Redis, the storage, disks, and whether all clocks agree."""

import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import redis.asyncio

from eventhub import redis_clients
from eventhub.cli.tables import size
from eventhub.database import Database
from eventhub.errors import NotFound
from eventhub.gateways.storage import build_storage
from eventhub.services.operations import server
from eventhub.services.operations.doctor import Result, Verdict
from eventhub.services.ports.storage import new_name
from eventhub.settings import Settings

REDIS_SECONDS = 5.0
APART_SECONDS = (
    2.0  # tokens are judged by the clock of each machine, deadlines and holds by that of the database
)
LEAST_FREE_BYTES = 500 * 10**6
_DATABASE_DISK = "database's disk"


async def examine_redis(settings: Settings) -> list[Result]:
    """Return whether Redis can be reached, may throw messages away, and what time it has."""
    client = redis_clients.async_client(settings.redis_url, timeout_seconds=REDIS_SECONDS)
    try:
        await client.ping()
        return [await _examine_memory(client), await _examine_clock("Redis", lambda: _time_of_redis(client))]
    except redis.exceptions.NoPermissionError as error:
        return [Result("redis", Verdict.OK, f"can be reached, and may not be asked for more: {error}")]
    except (redis.RedisError, OSError) as error:
        text = f"cannot be reached: {error}. Nothing is lost, and jobs wait until it is back"
        return [Result("redis", Verdict.WRONG, text)]
    finally:
        await client.aclose()


async def _examine_memory(client: redis.asyncio.Redis) -> Result:
    memory = await client.info("memory")
    used, most = int(memory["used_memory"]), int(memory.get("maxmemory", 0))
    policy = memory.get("maxmemory_policy", "noeviction")
    text = f"can be reached, uses {size(used)} of {size(most) if most else 'all that there is'}, {policy}"
    if policy != "noeviction":
        text += ": with `maxmemory-policy noeviction` it would throw no messages and limits away"
        return Result("redis", Verdict.WARNING, text)
    if most and used > 0.9 * most:
        return Result("redis", Verdict.WARNING, f"{text}: it is about to refuse messages")
    return Result("redis", Verdict.OK, text)


async def _time_of_redis(client: redis.asyncio.Redis) -> datetime:
    seconds, microseconds = await client.time()
    return datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)


async def examine_database_clock(database: Database) -> Result:
    """Return how far the clocks of this machine and of the database are apart."""

    async def now() -> datetime:
        return (await server.find_place(database)).now

    return await _examine_clock("the database", now)


async def _examine_clock(whose: str, now: Callable[[], Awaitable[datetime]]) -> Result:
    began = time.time()
    there = await now()
    # It was asked at some moment between, and most likely in the middle.
    apart = there.timestamp() - (began + time.time()) / 2
    name = f"clock of {whose.removeprefix('the ')}"
    if abs(apart) <= APART_SECONDS:
        return Result(name, Verdict.OK, f"{abs(apart):.3f} s apart from this machine's")
    text = f"{abs(apart):.1f} s {'ahead of' if apart > 0 else 'behind'} this machine's: let both follow a time server"
    return Result(name, Verdict.WRONG, text)


async def examine_storage(settings: Settings) -> Result:
    """Return whether a file can be stored, read and deleted: one is."""
    content = b"%PDF- a file of eventhub doctor"
    name = new_name("doctor", "pdf")
    try:
        storage = build_storage(settings)
        await storage.put(name, content, "application/pdf")
        is_right = await storage.get(name) == content
        await storage.delete(name)
    except (OSError, NotFound) as error:
        return Result("storage", Verdict.WRONG, f"a file cannot be stored, read and deleted: {error!r}")
    if not is_right:
        return Result("storage", Verdict.WRONG, "a file that was stored is another one when it is read")
    return Result("storage", Verdict.OK, "a file can be stored, read and deleted")


def examine_disk(name: str, folder: Path) -> Result:
    """Return how much room is left where a folder is, or is to be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    total, _, free = shutil.disk_usage(folder)
    text = f"{size(free)} of {size(total)} are free at {folder}"
    return Result(name, Verdict.WRONG if free < LEAST_FREE_BYTES else Verdict.OK, text)


async def examine_database_disk(database: Database) -> Result:
    """Return how large the database is, and the room left there, where that is this machine and the server tells."""
    place = await server.find_place(database)
    text = f"the database takes {size(place.size_bytes)}"
    found = _examine_here(place.folder) if place.folder is not None and place.is_here else None
    if found is None:
        return Result(_DATABASE_DISK, Verdict.OK, f"{text}; how much room is left, its server does not tell")
    return replace(found, text=f"{text}; {found.text}")


def _examine_here(folder: str) -> Result | None:
    # What is named by way of a process's own folder is another one here.
    is_found = not folder.startswith("/proc/") and Path(folder).is_dir()
    return examine_disk(_DATABASE_DISK, Path(folder)) if is_found else None
