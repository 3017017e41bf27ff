"""Waiting for what comes true by itself: never for ever, and a test that waited in vain says for what."""

import asyncio
import time
from collections.abc import Callable
from inspect import isawaitable


async def until(is_so: Callable[[], object], what: str, seconds: float = 10) -> None:
    """Return once `is_so` gives, or promises, something true; look at it a hundred times a second."""
    deadline = time.monotonic() + seconds
    while True:
        found = is_so()
        if isawaitable(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, _in_vain(what, seconds)
        await asyncio.sleep(0.01)


def until_now(is_so: Callable[[], object], what: str, seconds: float = 10) -> None:
    """Do the same where there is no loop, fifty times a second."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, _in_vain(what, seconds)
        time.sleep(0.02)


def _in_vain(what: str, seconds: float) -> str:
    return f"waited {seconds:g} s in vain: {what}"
