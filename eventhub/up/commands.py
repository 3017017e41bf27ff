"""The command lines of what runs on, known without loading what they load."""

import sys
from collections.abc import Sequence

from eventhub.supervisor import Command

# Dramatiq's threads look at least every so many ms whether they are to stop, and its delay queues whether a message is
# due; the other queues are looked at more often (workers/broker.py). And of what two dozen threads free, only the common
# heap's can be given back (allocator.py).
WORKER_ENVIRON = {"dramatiq_worker_timeout": "250", "MALLOC_ARENA_MAX": "1"}


def eventhub_command(name: str) -> Command:
    """Return the command that runs `eventhub <name>`."""
    return Command(name, [sys.executable, "-m", "eventhub.cli", name])


def worker_command(queues: Sequence[str], processes: int, threads: int) -> Command:
    """Return the command that runs Dramatiq: in its own session, because a SIGTERM to the whole group reaches its
    workers twice, and one was seen to hang for ever.
    """
    argv = [sys.executable, "-m", "eventhub.workers.master", "eventhub.workers.main:setup", "--skip-logging"]
    argv += ["--processes", str(processes), "--threads", str(threads), "--queues", *queues]
    return Command("worker", argv, WORKER_ENVIRON)
