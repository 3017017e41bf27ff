"""Memory that was freed goes back to the system: by itself, glibc keeps what a peak took for as long as a process lives.

Of other C libraries nothing is asked.
"""

import asyncio
import ctypes

GIVE_BACK_SECONDS = 10.0
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


async def keep_giving_back() -> None:
    """Give back every 10 s, until this is cancelled: within that time, memory is there for the next who asks."""
    while True:
        await asyncio.sleep(GIVE_BACK_SECONDS)
        give_back()
