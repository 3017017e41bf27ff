"""Reads by key that are asked for in the same pass of the event loop travel in one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from eventhub.telemetry import tracing

if TYPE_CHECKING:
    from eventhub.database.queries import Queries

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
# One statement that returns what there is of these keys. The same function is the same kind of read.
ReadMany = Callable[["Queries", Sequence[K]], Awaitable[Mapping[K, V]]]

MOST_KEYS = 50


class Gathered:
    """The reads by key of one `Queries`. Nobody waits for others: a statement leaves when the present pass has ended."""

    def __init__(self, queries: "Queries") -> None:
        self._queries = queries
        self._leaving: dict[ReadMany[Any, Any], _Batch[Any, Any]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, read: ReadMany[K, V], key: K) -> V | None:
        """Return what `read` finds for the key. What several ask for by the same key, they share."""
        batch: _Batch[K, V] | None = self._leaving.get(read)
        if batch is None:
            batch = self._leaving[read] = _Batch(read)
            # In nobody's context: what is begun here is not for the first one alone.
            asyncio.get_running_loop().call_soon(self._leave, batch, context=Context())
        answer = batch.add(key)
        if len(batch.askers) >= MOST_KEYS:
            del self._leaving[read]
        return await answer

    def _leave(self, batch: "_Batch[Any, Any]") -> None:
        if self._leaving.get(batch.read) is batch:
            del self._leaving[batch.read]
        task = asyncio.get_running_loop().create_task(batch.run(self._queries), context=batch.context())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)


class _Batch(Generic[K, V]):
    def __init__(self, read: ReadMany[K, V]) -> None:
        self.read = read
        self.askers: dict[K, list[asyncio.Future[V | None]]] = {}
        self._contexts: list[Context] = []

    def add(self, key: K) -> asyncio.Future[V | None]:
        """Return what will be found for one more asker."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self.askers.setdefault(key, []).append(answer)
        self._contexts.append(copy_context())
        return answer

    def context(self) -> Context:
        """Return where to run: as a lone asker would by themselves, else as nobody, in the traces of all."""
        return self._contexts[0] if len(self._contexts) == 1 else tracing.context_for(self._contexts)

    async def run(self, queries: "Queries") -> None:
        keys = [key for key, answers in self.askers.items() if not all(answer.done() for answer in answers)]
        if not keys:
            return
        try:
            found = await self.read(queries, keys)
        except Exception as error:  # noqa: BLE001 - it is the askers'
            for answer in self._awaited():
                answer.set_exception(error)
                answer.exception()  # an asker may have given up just now, which is nothing for the log
            return
        except asyncio.CancelledError:
            for answer in self._awaited():
                answer.cancel()
            raise
        for key, answers in self.askers.items():
            row = found.get(key)
            for answer in answers:
                if not answer.done():
                    answer.set_result(row)

    def _awaited(self) -> list[asyncio.Future[V | None]]:
        return [answer for answers in self.askers.values() for answer in answers if not answer.done()]
