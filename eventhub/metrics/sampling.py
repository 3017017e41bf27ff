"""What is true at a moment, said once a second: cheaper than with each change of it."""

import asyncio
import platform
from collections.abc import Callable

from eventhub import __version__, metrics

SAMPLE_SECONDS = 1.0


async def keep_sampling(commit: str, *samples: Callable[[], None]) -> None:
    """Say what is built here; then let each of `samples` say how things are, until this is cancelled."""
    metrics.BUILD.set(1, __version__, commit, platform.python_version())
    while True:
        for sample in samples:
            sample()
        await asyncio.sleep(SAMPLE_SECONDS)
