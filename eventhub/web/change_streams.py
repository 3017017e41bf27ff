"""Streams of changes that this process has open. However many they are, one look at the database in a second serves them.

Who begins behind the others reads pages of their own until they have caught up. What waits to be sent is bounded: who takes
it too slowly is let go, comes back with the number that they have, and catches up.
"""

import asyncio
import contextlib
import logging
import time
import weakref
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import orjson
from aiohttp import web

from eventhub.database import Database, Row, UnavailableErrors
from eventhub.errors import Busy, Conflict, EventHubError
from eventhub.models.facts import FactType
from eventhub.services import access, auth, facts
from eventhub.services.access import Viewer
from eventhub.services.facts import Scope

LOOK_SECONDS = 1.0
LOOKED_AT_ONCE = 1000
PAGE_SIZE = 500  # of who catches up
CHECK_SECONDS = (
    10.0  # after which rights are asked for again: with what is remembered of a sign-in, within 30 s
)
PING_SECONDS = 15.0
RETRY_MS = 1000  # after which clients come back
MAX_WAITING = 2000  # changes that one stream may have to be sent
STREAMS_PER_USER = 10

log = logging.getLogger("eventhub.changes")


@dataclass(eq=False)
class Reader:
    """Who follows a stream: whose facts, and the number up to which they have them; `ends_at` is when their token expires."""

    viewer: Viewer
    scope: Scope
    types: Sequence[FactType] | None
    position: int
    ends_at: float
    is_gone: Callable[[], bool] = lambda: False
    is_over: bool = False
    waiting: list[bytes] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, seq: int, kind: str, change: bytes) -> None:
        """Have this sent, unless it is known or not asked for."""
        if seq > self.position:
            self.position = seq
            if self.types is None or kind in self.types:
                self.waiting.append(change)
                self.news.set()
                if len(self.waiting) > MAX_WAITING:
                    self.end()

    def end(self) -> None:
        self.is_over = True
        self.news.set()


class ChangeStreams:
    """One per process."""

    def __init__(self, database: Database, *, max_streams: int) -> None:
        self._database = database
        self._max_streams = max_streams
        self._is_closed = False
        # Weakly: a stream whose client is gone before it begins never ends either.
        self._open: weakref.WeakSet[Reader] = weakref.WeakSet()
        # Those who have caught up with `_position`, by whose facts they follow.
        self._following: defaultdict[Scope, set[Reader]] = defaultdict(set)
        self._position = 0
        self._checked_at = 0.0
        self._is_away = False
        self._looking: asyncio.Task[None] | None = None

    @property
    def number(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def check_room(self, viewer: Viewer) -> None:
        """Raise Conflict where the viewer has enough of them here, and Busy where all have."""
        if sum(reader.viewer.id == viewer.id for reader in self._open) >= STREAMS_PER_USER:
            raise Conflict(
                f"You have {STREAMS_PER_USER} streams open here, as many as may be: close one first.",
                code="too_many_streams",
            )
        if len(self._open) >= self._max_streams:
            raise Busy("Too many streams are open at the moment.", code="too_many_streams")

    async def close(self) -> None:
        """End all streams: their readers come back elsewhere, with the number that they have."""
        self._is_closed = True
        for reader in self._open:
            reader.end()
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    def follow(self, reader: Reader) -> AsyncGenerator[bytes, None]:
        """Return the bytes of a stream until it is over, which has its place from now on. Raises as `check_room` does."""
        self.check_room(reader.viewer)
        self._open.add(reader)
        return self._parts(reader)

    async def _parts(self, reader: Reader) -> AsyncGenerator[bytes, None]:
        """Yield the parts of a stream. The first of them says where to begin again."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking(), name="changes")
        try:
            yield b"retry: %d\nid: %d\n\n" % (RETRY_MS, reader.position)
            async for part in self._catch_up(reader):
                yield part
            while not self._is_closed and not reader.is_over:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PING_SECONDS):
                        await reader.news.wait()
                reader.news.clear()
                waiting, reader.waiting = reader.waiting, []
                if not reader.is_over:
                    # All up to the number in a ping was handed on: who comes back need not look at it again.
                    yield b"".join(waiting) or b": ping\nid: %d\n\n" % reader.position
        finally:
            self._leave(reader)

    def _leave(self, reader: Reader) -> None:
        self._open.discard(reader)
        self._following[reader.scope].discard(reader)
        if not self._following[reader.scope]:
            del self._following[reader.scope]

    async def _catch_up(self, reader: Reader) -> AsyncIterator[bytes]:
        """Yield what comes before the place of the others, until the reader is one of them."""
        while not self._is_closed and not reader.is_over:
            try:
                changes = await facts.read(
                    self._database,
                    reader.scope,
                    after=reader.position,
                    limit=PAGE_SIZE,
                    types=reader.types,
                )
            except UnavailableErrors:
                await asyncio.sleep(LOOK_SECONDS)
                yield b": ping\n\n"
                continue
            except EventHubError:  # it is so slow that what it comes to is not kept any more
                reader.end()
                return
            reader.position = changes.reached
            if changes.rows:
                yield b"".join(encoded(change) for change in changes.rows)
            # Nothing is waited for between this look at the others' place and the reader's own.
            if changes.reached == changes.last and (not self._following or reader.position >= self._position):
                if not self._following:
                    self._position = reader.position
                self._following[reader.scope].add(reader)
                return

    # --- for all of them ----------------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        while self._open:
            began_at, is_more = loop.time(), False
            self._end_those_who_left()
            try:
                is_more = bool(self._following) and await self._look()
                if began_at >= self._checked_at + CHECK_SECONDS:
                    await self._check_rights()
                    self._checked_at = began_at
            except UnavailableErrors as error:
                if not self._is_away:
                    log.warning("streams of changes stand still: %r", error)
                self._is_away = True
            except Exception:
                log.exception("streams of changes stand still")
            else:
                self._is_away = False
            await asyncio.sleep(0 if is_more else max(0.0, began_at + LOOK_SECONDS - loop.time()))

    def _end_those_who_left(self) -> None:
        now = time.time()
        for reader in self._open:
            if reader.ends_at <= now or reader.is_gone():
                reader.end()

    async def _look(self) -> bool:
        """Hand on what has come; return whether there may be more."""
        after = self._position
        rows = await facts.read_numbered(self._database, after=after, limit=LOOKED_AT_ONCE)
        if self._position != after:
            return True  # all have left meanwhile, and whoever came since begins elsewhere
        for row in rows:
            self._hand_on(row)
        if rows:
            self._position = rows[-1]["seq"]
        for readers in self._following.values():
            for reader in readers:
                reader.position = max(reader.position, self._position)
        return len(rows) == LOOKED_AT_ONCE

    def _hand_on(self, row: Row) -> None:
        scopes = (Scope(), *(Scope(column, row[column]) for column in facts.COLUMNS))
        readers = [reader for scope in scopes for reader in self._following.get(scope, ())]
        if readers:
            change = encoded(facts.as_change(row))
            for reader in readers:
                reader.take(row["seq"], row["type"], change)

    async def _check_rights(self) -> None:
        """End the streams of those whose sign-in has ended, or who may not see any more what they follow."""
        readers = list(self._open)
        user_types = await auth.find_open_sign_ins(
            self._database, [reader.viewer.sign_in_id for reader in readers]
        )
        events = await access.find_events(
            self._database, [reader.scope.value for reader in readers if reader.scope.column == "event_id"]
        )
        for reader in readers:
            user_type = user_types.get(reader.viewer.sign_in_id)
            if user_type is None:
                reader.end()
                continue
            try:
                facts.check_rights(
                    replace(reader.viewer, user_type=user_type), reader.scope, events.get(reader.scope.value)
                )
            except EventHubError:
                reader.end()


CHANGE_STREAMS = web.AppKey("change_streams", ChangeStreams)


def encoded(change: object) -> bytes:
    """Return a change as one of the stream's events, whose id is the change's number."""
    assert isinstance(change, dict)  # noqa: S101 - as `as_change` makes it
    return b"id: %d\ndata: %b\n\n" % (change["seq"], orjson.dumps(change, option=orjson.OPT_UTC_Z))
