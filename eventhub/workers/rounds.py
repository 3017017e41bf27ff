"""What several jobs want at the same time, done at once: what comes while a round is under way makes up the next one."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from typing import Any

AT_MOST = 50  # in one round, so that the rows that it locks are not held for long
PAUSE_SECONDS = 0.02  # after a round, during which the next one gathers

log = logging.getLogger("eventhub.jobs")

# Gets the lane, and what is wanted there; returns what of it is done.
Round = Callable[[Any, Sequence[Any]], Awaitable[Collection[Any]]]


class Rounds:
    """The rounds of one process. In each lane there is one at a time."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[Round, Hashable], list[tuple[Any, asyncio.Future[bool]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, do: Round, wanted: Any, lane: Hashable = None) -> bool:
        """Let `do` do what is `wanted` together with what others want in this lane; return whether it is done.

        What is not, each has to do by itself. So it is with all of a round that fails: whose fault that was shows then.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if (waiting := self._lanes.get((do, lane))) is not None:
            waiting.append((wanted, done))
            return await done
        self._lanes[do, lane] = [(wanted, done)]
        # A round belongs to none of those who join it: their ids are not in its lines, and it ends with none of them.
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
                joined = [(wanted, done) for wanted, done in joined if not done.done()]
                results = await _do(do, lane, [wanted for wanted, _ in joined]) if joined else ()
                for wanted, done in joined:
                    if not done.done():
                        done.set_result(wanted in results)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            del self._lanes[do, lane]


async def _do(do: Round, lane: Hashable, wanted: Sequence[Any]) -> Collection[Any]:
    try:
        return await do(lane, wanted)
    except Exception as error:  # noqa: BLE001 - each meets it again by itself, if it was its fault
        log.info("%s jobs could not be done together: %r", len(wanted), error)
        return ()
