"""What has to be done every so often: each feature lists its own tasks, and the clock does them all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from eventhub.database import Transaction
from eventhub.services.promises import Promise


@dataclass(frozen=True)
class PeriodicTask:
    """Something to do every so often: `step` gets how much it may do at once and returns how much it did.

    A task that did all that it may is done again at once: there may be more, and a backlog is not to wait. Any number
    of clocks may do it at the same time. One that `is_seldom` looks for what may be late, or what no index leads to.
    `promises` are those that it finds.
    """

    name: str
    step: Callable[[Transaction, int], Awaitable[int]]
    at_once: int = 200
    is_seldom: bool = False
    promises: tuple[Promise, ...] = ()
