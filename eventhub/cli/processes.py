"""The commands that run until they are stopped: `web`, `worker` and `clock`."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from eventhub import logs, supervisor
from eventhub.cli.check import look_before_start
from eventhub.database import Database
from eventhub.gateways.mail import build_mailer
from eventhub.models.jobs import Queue
from eventhub.processes import exit_with_supervisor
from eventhub.settings import Settings, read_settings
from eventhub.supervisor import Command
from eventhub.web.server import serve
from eventhub.workers.broker import MessageSender, redis_broker
from eventhub.workers.clock import TIMEOUTS as CLOCK_TIMEOUTS
from eventhub.workers.clock import run_clock

# Dramatiq's threads look at least every so many ms whether they are to stop, and its delay queues whether a message is
# due; the other queues are looked at more often (workers/broker.py). And two dozen threads need no heap of their own.
WORKER_ENVIRON = {"dramatiq_worker_timeout": "250", "MALLOC_ARENA_MAX": "2"}


def checked_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a process that is to run on. Raises SettingsError, also for what only a gateway can judge."""
    settings = read_settings(environ)
    # Connects to nothing.
    build_mailer(settings)
    return settings


def _prepare(name: str, *, is_supervised: bool = False) -> Settings:
    """Return the settings of a process whose log is open, and that may start.

    Here, once, rather than in each process that will be forked; and not under `up`, which has made what is looked at.
    """
    settings = checked_settings()
    logs.configure(name, settings.log_level)
    if not is_supervised:
        look_before_start(settings)
    return settings


def web(_: argparse.Namespace) -> int:
    settings = _prepare("web", is_supervised=exit_with_supervisor())
    return serve(settings, lambda: MessageSender(redis_broker(settings.redis_url)))


def worker(args: argparse.Namespace) -> int:
    queues = [name.strip() for name in args.queues.split(",") if name.strip()]
    if unknown := [name for name in queues if name not in set(Queue)]:
        print(f"eventhub: no queue named {', '.join(unknown)}; there are {', '.join(Queue)}", file=sys.stderr)
        return 2
    _prepare("worker")
    command = worker_command(queues, args.processes, args.threads)
    # In place of this process, which has loaded what the API needs, for one that only watches: 100 MB less.
    argv = supervisor.command_line(command, stop_seconds=30)
    return os.execv(argv[0], argv)  # noqa: S606 - this program's own


def worker_command(queues: Sequence[str], processes: int, threads: int) -> Command:
    """Return the command that runs Dramatiq: in its own session, because a SIGTERM to the whole group reaches its
    workers twice, and one was seen to hang for ever.
    """
    argv = [sys.executable, "-m", "eventhub.workers.master", "eventhub.workers.main:setup", "--skip-logging"]
    argv += ["--processes", str(processes), "--threads", str(threads), "--queues", *queues]
    return Command("worker", argv, WORKER_ENVIRON)


def clock(_: argparse.Namespace) -> int:
    settings = _prepare("clock", is_supervised=exit_with_supervisor())
    asyncio.run(_clock(settings))
    return 0


async def _clock(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sender = MessageSender(redis_broker(settings.redis_url))
    database = await Database.open(
        settings.database_url,
        deliver=sender.deliver,
        pool_size=4,
        name="eventhub clock",
        timeouts=CLOCK_TIMEOUTS,
    )
    try:
        await run_clock(settings, database, stop)
    finally:
        await database.close()
        sender.close()
