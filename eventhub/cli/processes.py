"""The commands that run until they are stopped: `web`, `worker` and `clock`."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from eventhub import logs, supervisor
from eventhub.database import Database, Timeouts, startup
from eventhub.database.startup import Severity
from eventhub.database_url import Pooler
from eventhub.errors import EventHubError
from eventhub.gateways.mail import build_mailer
from eventhub.models.jobs import Queue
from eventhub.processes import exit_with_supervisor
from eventhub.settings import Settings, read_settings
from eventhub.supervisor import Command
from eventhub.web.app import PUBLIC
from eventhub.web.app import TIMEOUTS as WEB_TIMEOUTS
from eventhub.web.server import serve
from eventhub.workers.broker import MessageSender, redis_broker
from eventhub.workers.clock import TIMEOUTS as CLOCK_TIMEOUTS
from eventhub.workers.clock import run_clock
from eventhub.workers.main import TIMEOUTS as WORKER_TIMEOUTS

# Dramatiq's threads look at least every so many ms whether they are to stop, and its delay queues whether a message is
# due; the other queues are looked at more often (workers/broker.py). And two dozen threads need no heap of their own.
CLOCK_POOL_SIZE = 4
HEARTBEAT_CONNECTIONS = 1  # of each process (Database.reserved)
WORKER_ENVIRON = {"dramatiq_worker_timeout": "250", "MALLOC_ARENA_MAX": "2"}


def checked_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a process that is to run on. Raises SettingsError, also for what only a gateway can judge."""
    settings = read_settings(environ)
    # Connects to nothing.
    build_mailer(settings)
    return settings


def check_database(settings: Settings, kind: str, timeouts: Timeouts) -> None:
    """Say here, once, what is wrong with the database, rather than in each process that will be forked.

    Raises EventHubError where it would not work at all. What is away passes: it is waited for, as it is later.
    """
    findings = asyncio.run(
        startup.examine(
            settings.database_url,
            pooler=settings.database_pooler,
            name=f"eventhub {kind}",
            timeouts=timeouts,
            connections=one_of_each(settings) if settings.database_pooler is Pooler.NONE else 0,
        )
    )
    for finding in findings:
        if finding.severity in {Severity.WARNING, Severity.AWAY}:
            print(f"eventhub: warning: {finding.text}", file=sys.stderr)
    if refusals := [finding.text for finding in findings if finding.severity is Severity.REFUSAL]:
        raise EventHubError("\neventhub: ".join(refusals))


def one_of_each(settings: Settings) -> int:
    """Return how many connections to PostgreSQL the web processes, one worker process and one clock may open."""
    web_process = settings.database_pool_size + PUBLIC.pool_size + HEARTBEAT_CONNECTIONS
    others = settings.database_pool_size + CLOCK_POOL_SIZE + 2 * HEARTBEAT_CONNECTIONS
    return settings.web_concurrency * web_process + others


def web(_: argparse.Namespace) -> int:
    exit_with_supervisor()
    settings = checked_settings()
    check_database(settings, "web", WEB_TIMEOUTS)
    logs.configure("web", settings.log_level, settings.log_format)
    number = settings.web_concurrency
    logs.announce(
        f"web on {settings.host}:{settings.port}, {number} process{'es' if number > 1 else ''}",
        settings.commit,
    )
    return serve(settings, lambda: MessageSender(redis_broker(settings.redis_url)))


def worker(args: argparse.Namespace) -> int:
    queues = [name.strip() for name in args.queues.split(",") if name.strip()]
    if unknown := [name for name in queues if name not in set(Queue)]:
        print(f"eventhub: no queue named {', '.join(unknown)}; there are {', '.join(Queue)}", file=sys.stderr)
        return 2
    settings = checked_settings()
    check_database(settings, "worker", WORKER_TIMEOUTS)
    command = worker_command(queues, args.processes, args.threads)
    # In place of this process, which has loaded what the API needs, for one that only watches: 100 MB less.
    argv = supervisor.command_line(command, 30, settings.log_level, settings.log_format)
    return os.execv(argv[0], argv)  # noqa: S606 - this program's own


def worker_command(queues: Sequence[str], processes: int, threads: int) -> Command:
    """Return the command that runs Dramatiq: in its own session, because a SIGTERM to the whole group reaches its
    workers twice, and one was seen to hang for ever.
    """
    argv = [sys.executable, "-m", "eventhub.workers.master", "eventhub.workers.main:setup", "--skip-logging"]
    argv += ["--processes", str(processes), "--threads", str(threads), "--queues", *queues]
    return Command("worker", argv, WORKER_ENVIRON)


def clock(_: argparse.Namespace) -> int:
    exit_with_supervisor()
    settings = checked_settings()
    check_database(settings, "clock", CLOCK_TIMEOUTS)
    logs.configure("clock", settings.log_level, settings.log_format)
    logs.announce(f"clock, every {settings.clock_interval_seconds:g} s", settings.commit)
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
        pool_size=CLOCK_POOL_SIZE,
        name="eventhub clock",
        timeouts=CLOCK_TIMEOUTS,
        pooler=settings.database_pooler,
    )
    try:
        await run_clock(settings, database, stop)
    finally:
        await database.close()
        sender.close()
