"""The inside of a sandbox: bounds itself, then answers questions until none is left. Imports little: it starts often."""

import os
import resource
import struct
import sys
from contextlib import suppress
from importlib import import_module
from typing import BinaryIO

from eventhub.processes import exit_with_parent, ignore_stop_signals

LENGTH = struct.Struct(">Q")  # before each question and each answer
OUT_OF_MEMORY = 77  # the exit code


def main(module: str, parent: int, cpu_seconds: int, memory_bytes: int) -> None:
    """Answer what comes by standard input through `answer()` of the module, until its end or the parent's."""
    # Who stops the parent lets it finish what is under way.
    ignore_stop_signals()
    exit_with_parent(parent, grace_seconds=0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory_bytes)
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    answer = import_module(module).answer
    while (question := _read(questions)) is not None:
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        _limit(resource.RLIMIT_CPU, int(used) + 1 + cpu_seconds)
        try:
            reply = answer(question)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        del question
        answers.write(LENGTH.pack(len(reply)) + reply)
        answers.flush()


def _limit(kind: int, amount: int) -> None:
    """Set a limit where the system has it. The soft one alone, which can be raised for the next question."""
    _, hard = resource.getrlimit(kind)
    soft = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, hard))


def _read(source: BinaryIO) -> bytes | None:
    length = source.read(LENGTH.size)
    if len(length) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(length)
    question = source.read(size)
    return question if len(question) == size else None


if __name__ == "__main__":
    main(sys.argv[1], *(int(number) for number in sys.argv[2:]))
