"""The worker process: what `dramatiq eventhub.workers.main:setup` boots. `eventhub worker` starts it."""

import asyncio
import logging
import uuid
from collections.abc import Sequence

import dramatiq
import uvloop
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware

from eventhub import allocator, logs, telemetry
from eventhub.database import Database, Timeouts
from eventhub.database.migrations import SchemaBehind
from eventhub.gateways.mail import build_mailer
from eventhub.gateways.mail.composer import build_composer
from eventhub.gateways.payments import build_gateways_by_name
from eventhub.gateways.pdf import TypstDocumentRenderer
from eventhub.gateways.storage import build_storage
from eventhub.metrics.sampling import keep_sampling
from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.processes import exit_with_supervisor
from eventhub.services import payments
from eventhub.services.heartbeat import Heartbeat
from eventhub.settings import Settings, SettingsError, read_settings
from eventhub.telemetry import tracing
from eventhub.workers.actors import declare_actors
from eventhub.workers.broker import FETCH_TIMEOUT_SECONDS, MessageSender, redis_broker
from eventhub.workers.context import Resources
from eventhub.workers.runner import declare_outcomes
from eventhub.workers.threads import KeepThreads

# A job that runs into it is tried again. Several jobs share a connection of the pool, so a turn may be long in coming.
TIMEOUTS = Timeouts(statement_seconds=30, lock_seconds=2, turn_seconds=30)

log = logging.getLogger("eventhub.worker")


def build_resources(settings: Settings, database: Database, process_id: uuid.UUID) -> Resources:
    """Return what handlers work with: the real outside, as the settings name it."""
    return Resources(
        settings=settings,
        database=database,
        mailer=tracing.traced(build_mailer(settings), "mail"),
        composer=build_composer(settings),
        gateways={
            name: tracing.traced(gateway, name) for name, gateway in build_gateways_by_name(settings).items()
        },
        documents=TypstDocumentRenderer(settings.font_dirs),
        storage=tracing.traced(build_storage(settings), "storage"),
        process_id=process_id,
    )


class OpenResources(Middleware):
    """Opens this process's database on Dramatiq's event loop, and its sender; closes both after the last job."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sender: MessageSender | None = None
        self._resources: Resources | None = None
        self._heartbeat: Heartbeat | None = None
        self._background: list[asyncio.Task[None]] = []

    def resources(self) -> Resources:
        if self._resources is None:
            raise RuntimeError("the worker has not booted")
        return self._resources

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        try:
            # Dramatiq's worker knows its queues if it was given some.
            self._open(sorted(worker.consumer_whitelist or Queue))
        except Exception as error:
            # Dramatiq would log it and go on, with a worker that can do nothing. Its master ends with this process.
            log.critical(
                "the worker cannot start: %s",
                error,
                exc_info=not isinstance(error, SettingsError | SchemaBehind),
            )
            telemetry.stop()
            # The loop's thread would keep the process alive.
            if (loop := get_event_loop_thread()) is not None:
                loop.stop()  # type: ignore[no-untyped-call]
            raise SystemExit(1) from None
        log.info("worker ready")

    def _open(self, queues: Sequence[str]) -> None:
        self.sender = MessageSender(redis_broker(self.settings.redis_url))
        loop = get_event_loop_thread()
        assert loop is not None  # noqa: S101 - the AsyncIO middleware comes first
        database = loop.run_coroutine(
            Database.open(
                self.settings.database_url,
                deliver=self.sender.deliver,
                wake=self.sender.wake,
                pool_size=self.settings.database_pool_size,
                name="eventhub worker",
                timeouts=TIMEOUTS,
                pooler=self.settings.database_pooler,
                slow_seconds=self.settings.slow_statement_seconds,
                waits_for_trials=False,  # a job that waits keeps a thread, and comes again by itself
            )
        )
        self._heartbeat = Heartbeat(
            database, ProcessKind.WORKER, version=self.settings.release, queues=queues
        )
        self._resources = build_resources(self.settings, database, self._heartbeat.id)
        loop.run_coroutine(self._heartbeat.start())
        loop.run_coroutine(self._start_background(database))
        loop.run_coroutine(payments.warn_of_absent_gateways(database, self._resources.gateways))

    async def _start_background(self, database: Database) -> None:
        self._background += [
            asyncio.create_task(keep_sampling(self.settings.commit, database.sample)),
            asyncio.create_task(allocator.keep_giving_back()),
        ]

    # Before, because the AsyncIO middleware stops the loop after the shutdown.
    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        log.info("worker finishes what runs")
        if self._resources is not None:
            self._resources.stopping.set()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(_cancel(self._background))
        if loop is not None and self._heartbeat is not None and self._resources is not None:
            loop.run_coroutine(self._heartbeat.stop())
            loop.run_coroutine(self._resources.close())
        if self.sender is not None:
            self.sender.close()
        telemetry.stop()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def setup() -> None:
    """Declare broker and actors for this process; an entry point, so it reads the environment."""
    exit_with_supervisor()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # Dramatiq's AsyncIO makes the loop
    settings = read_settings()
    logs.configure("worker", settings.log_level, settings.log_format)
    telemetry.start(
        "worker", settings.release, has_traces=bool(settings.otlp_endpoint), sentry_dsn=settings.sentry_dsn
    )
    opened = OpenResources(settings)
    broker = redis_broker(
        settings.redis_url,
        timeout_seconds=FETCH_TIMEOUT_SECONDS,
        middleware=[opened, KeepThreads()],
    )
    dramatiq.set_broker(broker)
    declare_actors(broker, opened.resources)
    declare_outcomes()
