"""The commands that run until they are stopped: `web`, `worker` and `clock`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping

from eventhub import logs, supervisor, telemetry
from eventhub.cli.check import look_before_start
from eventhub.database import Database, Timeouts
from eventhub.gateways.mail import build_mailer
from eventhub.metrics import Readers
from eventhub.metrics.sampling import keep_sampling
from eventhub.metrics.server import served
from eventhub.models.jobs import Queue
from eventhub.processes import exit_with_supervisor
from eventhub.settings import Settings, read_settings
from eventhub.up.commands import worker_command
from eventhub.web.database_bounds import TIMEOUTS as WEB_TIMEOUTS
from eventhub.web.port import check_port
from eventhub.workers.broker import MessageSender, redis_broker
from eventhub.workers.clock import POOL_SIZE as CLOCK_POOL_SIZE
from eventhub.workers.clock import TIMEOUTS as CLOCK_TIMEOUTS
from eventhub.workers.clock import run_clock

log = logging.getLogger("eventhub.start")


def checked_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a process that is to run on. Raises SettingsError, also for what only a gateway can judge."""
    settings = read_settings(environ)
    # Connects to nothing.
    build_mailer(settings)
    return settings


def _begin(
    settings: Settings, name: str, timeouts: Timeouts, what: str = "", *, is_supervised: bool = False
) -> None:
    """Open the log with a line on `what` begins; say loudly, or raise, what keeps it from doing its work.

    Here, once, rather than in each process that will be forked; not under `up`, which has made all that is looked at.
    """
    warnings = [] if is_supervised else look_before_start(settings, name, timeouts)
    logs.configure(name, settings.log_level, settings.log_format)
    if what:
        logs.announce(what, settings.commit)
    for text in warnings:
        log.warning("%s", text)


def _check_metrics_port(settings: Settings) -> None:
    """Raise PortBusy here, in one line, where nobody can listen on the port for metrics."""
    if settings.metrics_port is not None:
        check_port(settings.host, settings.metrics_port, "EVENTHUB_METRICS_PORT")


def web(_: argparse.Namespace) -> int:
    from eventhub.web.server import serve  # noqa: PLC0415 - the other commands do without 40 MB and a second of it

    is_supervised = exit_with_supervisor()
    settings = checked_settings()
    check_port(settings.host, settings.port)
    number = settings.web_concurrency
    what = f"web on {settings.host}:{settings.port}, {number} process{'es' if number > 1 else ''}"
    _begin(settings, "web", WEB_TIMEOUTS, what, is_supervised=is_supervised)
    return serve(settings, lambda: MessageSender(redis_broker(settings.redis_url)))


def worker(args: argparse.Namespace) -> int:
    from eventhub.workers.main import TIMEOUTS  # noqa: PLC0415 - loads what draws and what charges

    queues = [name.strip() for name in args.queues.split(",") if name.strip()]
    if unknown := [name for name in queues if name not in set(Queue)]:
        print(f"eventhub: no queue named {', '.join(unknown)}; there are {', '.join(Queue)}", file=sys.stderr)
        return 2
    settings = checked_settings()
    _check_metrics_port(settings)
    _begin(settings, "worker", TIMEOUTS)
    command = worker_command(queues, args.processes, args.threads)
    # In place of this process, which has loaded what the API needs, for one that only watches: 100 MB less.
    argv = supervisor.command_line(command, 30, settings.log_level, settings.log_format)
    return os.execv(argv[0], argv)  # noqa: S606 - this program's own


def clock(_: argparse.Namespace) -> int:
    is_supervised = exit_with_supervisor()
    settings = checked_settings()
    _check_metrics_port(settings)
    what = f"clock, every {settings.clock_interval_seconds:g} s"
    _begin(settings, "clock", CLOCK_TIMEOUTS, what, is_supervised=is_supervised)
    readers = Readers(settings.metrics_token, settings.metrics_networks)
    # What the clock does on its own is part of no request's trace.
    telemetry.start("clock", settings.release, has_traces=False, sentry_dsn=settings.sentry_dsn)
    try:
        with served(settings.host, settings.metrics_port, readers):
            asyncio.run(_clock(settings))
    finally:
        telemetry.stop()
    return 0


async def _clock(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sender = MessageSender(redis_broker(settings.redis_url))
    database = await Database.open(
        settings.database_url,
        deliver=sender.deliver,
        wake=sender.wake,
        pool_size=CLOCK_POOL_SIZE,
        name="eventhub clock",
        timeouts=CLOCK_TIMEOUTS,
        pooler=settings.database_pooler,
        slow_seconds=settings.slow_statement_seconds,
    )
    sampling = asyncio.create_task(keep_sampling(settings.commit, database.sample))
    try:
        await run_clock(settings, database, stop)
    finally:
        sampling.cancel()
        await database.close()
        sender.close()
