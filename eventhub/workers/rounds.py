"""What several jobs want at the same time, done at once: what comes while a round is under way makes up the next one."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from eventhub.telemetry import tracing

AT_MOST = 50  # in one round, so that the rows that it locks are not held for long
PAUSE_SECONDS = 0.02  # after a round, during which the next one gathers

log = logging.getLogger("eventhub.jobs")

# Gets the lane, and what is wanted there; returns what of it is done.
Round = Callable[[Any, Sequence[Any]], Awaitable[Collection[Any]]]


@dataclass(frozen=True, eq=False, slots=True)
class _Joined:
    wanted: Any
    done: asyncio.Future[bool]
    context: contextvars.Context


class Rounds:
    """The rounds of one process. In each lane there is one at a time."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[Round, Hashable], list[_Joined]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, do: Round, wanted: Any, lane: Hashable = None) -> bool:
        """Let `do` do what is `wanted` together with what others want in this lane; return whether it is done.

        What is not, each has to do by itself. So it is with all of a round that fails: whose fault that was shows then.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        joined = _Joined(wanted, done, contextvars.copy_context())
        if (waiting := self._lanes.get((do, lane))) is not None:
            waiting.append(joined)
            return await done
        self._lanes[do, lane] = [joined]
        # It ends with none of those who join.
        task = asyncio.create_task(self._run(do, lane), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await done

    async def _run(self, do: Round, lane: Hashable) -> None:
        waiting = self._lanes[do, lane]
        try:
            while waiting:
                joined = waiting[:AT_MOST]
                del waiting[:AT_MOST]
                # Who is gone meanwhile has not begun.
                joined = [each for each in joined if not each.done.done()]
                results = (
                    await asyncio.create_task(_do(do, lane, joined), context=_context(joined))
                    if joined
                    else ()
                )
                for each in joined:
                    if not each.done.done():
                        each.done.set_result(each.wanted in results)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            del self._lanes[do, lane]


def _context(joined: Sequence[_Joined]) -> contextvars.Context:
    """Return where a round runs: as a lone one would by themselves, else as nobody, in the traces of all."""
    contexts = [each.context for each in joined]
    return contexts[0] if len(contexts) == 1 else tracing.context_for(contexts)


async def _do(do: Round, lane: Hashable, joined: Sequence[_Joined]) -> Collection[Any]:
    wanted = [each.wanted for each in joined]
    try:
        return await do(lane, wanted)
    except Exception as error:  # noqa: BLE001 - each meets it again by itself, if it was its fault
        log.info("%s jobs could not be done together: %r", len(wanted), error)
        return ()
