"""Memory that is free goes back to the system: by itself, glibc keeps what a peak took for as long as a process lives.

Of other C libraries nothing is asked.
"""

import asyncio
import ctypes
from collections.abc import Callable

GIVE_BACK_SECONDS = 5.0
_ARENA_MAX = -8  # M_ARENA_MAX in malloc.h

_libc = ctypes.CDLL(None)


def use_one_arena() -> None:
    """Let all threads take memory from one place: of any other, the free end cannot be given back.

    For the start of a process, before there are threads.
    """
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Give back what is free: the end of the heap, and whole pages between what is in use."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


async def keep_giving_back(*droppings: Callable[[], None]) -> None:
    """Every 5 s let each of `droppings` drop what it keeps in vain, and give back what is free; until this is cancelled.

    Until then memory is there for the next who asks: a login's 19 MiB are fetched from the system once in 5 s at most.
    """
    while True:
        await asyncio.sleep(GIVE_BACK_SECONDS)
        for drop in droppings:
            drop()
        give_back()
