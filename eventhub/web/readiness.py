"""Whether this process can serve: a look at all that it stands on, each part bounded in time, at most once a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import redis.asyncio
from aiohttp import web

from eventhub.database import Database, migrations
from eventhub.models.operations import ProcessKind
from eventhub.services import readiness
from eventhub.services.ports.storage import FileStorage

LOOK_SECONDS = 1.0
PART_SECONDS = 2.0  # that a part has to answer
NEEDED = ("database", "schema")  # without which nothing can be answered
OF_DATABASE = ("schema", "workers", "clock")  # of which nothing is known while it is away

Check = Callable[[], Awaitable[object]]


class Status(StrEnum):
    """How it stands with all parts together."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True)
class Part:
    """What a look found: `state` is ok, away, or unknown; `detail` says why, for operators."""

    state: str
    seconds: float
    detail: str = ""

    @property
    def is_ok(self) -> bool:
        return self.state == "ok"

    def described(self) -> dict[str, object]:
        facts: dict[str, object] = {"status": self.state, "ms": round(self.seconds * 1000, 1)}
        return facts | ({"detail": self.detail} if self.detail else {})


Parts = Mapping[str, Part]


def status_of(parts: Parts) -> Status:
    """Return ok, degraded (what is away is waited for), or down (nothing can be answered)."""
    if not all(parts[name].is_ok for name in NEEDED):
        return Status.DOWN
    return Status.OK if all(part.is_ok for part in parts.values()) else Status.DEGRADED


class Readiness:
    """One per process, which looks once a second at most, however many want to know."""

    def __init__(self, database: Database, storage: FileStorage, client: redis.asyncio.Redis) -> None:
        # Not behind the requests for a connection: a full pool is no database that is away.
        self._queries = database.reserved
        self._client = client
        self._live: Mapping[ProcessKind, Collection[str]] = {}
        self._checks: Mapping[str, Check] = {
            "database": lambda: readiness.check_writable(self._queries),
            "schema": lambda: migrations.check(self._queries.fetch),
            "redis": self._ping,
            "storage": storage.check,
            "processes": self._look_for_processes,
        }
        self._asking: dict[str, asyncio.Task[object]] = {}
        self._looked_at = 0.0
        self._look: asyncio.Task[Parts] | None = None

    async def look(self) -> Parts:
        """Return the parts as they are, or were a second ago."""
        loop = asyncio.get_running_loop()
        if self._look is None or (self._look.done() and loop.time() - self._looked_at >= LOOK_SECONDS):
            self._looked_at = loop.time()
            self._look = loop.create_task(self._look_at_all())
        return await asyncio.shield(self._look)

    async def close(self) -> None:
        for asking in self._asking.values():
            asking.cancel()
        await self._client.aclose()

    async def _look_at_all(self) -> Parts:
        found = dict(
            zip(
                self._checks,
                await asyncio.gather(*(self._ask(name, check) for name, check in self._checks.items())),
                strict=True,
            )
        )
        processes = found.pop("processes")
        found["workers"] = self._judged(processes, readiness.check_workers)
        found["clock"] = self._judged(processes, readiness.check_clock)
        if not found["database"].is_ok:
            found |= {name: Part("unknown", 0.0) for name in OF_DATABASE}
        return found

    def _judged(
        self, processes: Part, check: Callable[[Mapping[ProcessKind, Collection[str]]], None]
    ) -> Part:
        if not processes.is_ok:
            return processes
        try:
            check(self._live)
        except readiness.NotServing as lack:
            return Part("away", processes.seconds, str(lack))
        return processes

    async def _ask(self, name: str, check: Check) -> Part:
        """Return what a part answers. One that hangs is asked nothing more until it is done with that."""
        began_at = time.perf_counter()
        asking = self._asking.get(name)
        if asking is None or asking.done():
            asking = self._asking[name] = asyncio.create_task(_awaited(check), name=f"readiness of {name}")
            asking.add_done_callback(_hear)
        # Not cancelled: the driver of a frozen server would wait for it once more.
        done, _ = await asyncio.wait({asking}, timeout=PART_SECONDS)
        seconds = time.perf_counter() - began_at
        if not done:
            return Part("away", seconds, f"no answer within {PART_SECONDS:g} s")
        error = asking.exception()
        return Part("ok", seconds) if error is None else Part("away", seconds, _words(error))

    async def _ping(self) -> None:
        await self._client.ping()

    async def _look_for_processes(self) -> None:
        self._live = await readiness.live_processes(self._queries)


READINESS = web.AppKey("readiness", Readiness)


async def _awaited(check: Check) -> object:
    return await check()


def _hear(asked: asyncio.Task[object]) -> None:
    """Take note of an error that nobody waits for any more."""
    if not asked.cancelled():
        asked.exception()


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    is_plain = isinstance(error, readiness.NotServing | migrations.SchemaBehind)
    return text if is_plain else f"{type(error).__name__}: {text}"
