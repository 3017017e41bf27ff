"""The last hour of a queue in small bars, one for each minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eventhub.services.operations.stats import Minute

Slot = Minute | None  # None where nothing ended

MINUTES = 60
STEP, WIDTH, HEIGHT = 4, 3, 36  # of a bar with its gap, of a bar, of the highest one


@dataclass(frozen=True)
class Bars:
    """What an SVG of this size draws: a path of bars, and one of the shares of them that stand out."""

    path: str
    shares: str
    highest: float
    width: int = STEP * MINUTES
    height: int = HEIGHT


def bars(heights: Sequence[float], shares: Sequence[float]) -> Bars:
    """Return bars as high as `heights`, each with its share at the foot, on one scale."""
    highest = max(heights, default=0)
    return Bars(_drawn(heights, highest), _drawn(shares, highest), highest)


def _drawn(heights: Sequence[float], highest: float) -> str:
    # Whatever is not nothing is seen.
    seen = [(n * STEP, max(1.5, one / highest * HEIGHT)) for n, one in enumerate(heights) if one > 0]
    return "".join(f"M{x} {HEIGHT}v-{high:.1f}h{WIDTH}V{HEIGHT}z" for x, high in seen)


def by_minute(minutes: Sequence[Minute], now: datetime) -> list[Slot]:
    """Return the last hour minute by minute, oldest first."""
    slots: list[Slot] = [None] * MINUTES
    for minute in minutes:
        ago = int((now - minute.minute).total_seconds() // 60)
        if 0 <= ago < MINUTES:
            slots[MINUTES - 1 - ago] = minute
    return slots
