"""Serves the application from several processes on one port."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import NoReturn, Protocol

import uvloop
from aiohttp import web

from eventhub import allocator, metrics, telemetry
from eventhub.database import Deliver, Wake
from eventhub.database.migrations import SchemaBehind
from eventhub.metrics import families
from eventhub.metrics.sampling import keep_sampling
from eventhub.models.operations import ProcessKind
from eventhub.processes import exit_with_parent
from eventhub.services.heartbeat import Heartbeat
from eventhub.settings import Settings
from eventhub.web.app import create_app, load
from eventhub.web.call import CACHE, DATABASE, SETTINGS, SIGN_INS
from eventhub.web.change_streams import CHANGE_STREAMS
from eventhub.web.http.bounds import Bounds
from eventhub.web.http.connection import Runner, Server
from eventhub.web.http.listener import MAX_WAITING, Listener, listen
from eventhub.web.http.traffic import TRAFFIC
from eventhub.web.http.unsent import UNSENT
from eventhub.web.rate_limits.limits import LIMITER

FINISH_SECONDS = 20.0
KEEPALIVE_SECONDS = 75.0
RESPAWN_SECONDS = 1.0
OTHER_FILES = 500  # that a process has open beside its clients' connections
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("eventhub.web")


class MessageSender(Protocol):
    """What sends the messages of commits."""

    @property
    def deliver(self) -> Deliver: ...

    @property
    def wake(self) -> Wake: ...

    def close(self) -> None: ...


OpenSender = Callable[[], MessageSender]


def serve(settings: Settings, open_sender: OpenSender) -> int:
    """Serve from WEB_CONCURRENCY processes until SIGTERM or SIGINT; return the exit code.

    Each process opens an sender of its own.
    """
    allocator.use_one_arena()
    if settings.web_concurrency == 1:
        _serve_in_this_process(settings, open_sender)
        return 0
    with families.shared():
        return _Master(settings, open_sender).run()


@dataclass(frozen=True)
class _Child:
    """A web process. It counts in the place of the one before it, where that died."""

    place: str
    started_at: float


class _Master:
    """Forks the web processes, starts one again that dies, passes SIGTERM on."""

    def __init__(self, settings: Settings, open_sender: OpenSender) -> None:
        self.settings = settings
        self.open_sender = open_sender
        self.children: dict[int, _Child] = {}
        self.is_stopping = False

    def run(self) -> int:
        for number in _STOP_SIGNALS:
            signal.signal(number, self._stop)
        load(self.settings)
        # What is loaded by now is no garbage: a child that looked through it for some would have a copy of all of it.
        gc.freeze()
        for place in range(self.settings.web_concurrency):
            self._fork(str(place))
        while self.children:
            try:
                pid, status = os.wait()
            except ChildProcessError:
                break
            child = self.children.pop(pid, None)
            # As the first process of a container, it also inherits what others leave behind.
            if child is not None and not self.is_stopping:
                families.leave_place(child.place)
                log.error(
                    "web process %s ended with %s, starting another", pid, os.waitstatus_to_exitcode(status)
                )
                if time.monotonic() - child.started_at < RESPAWN_SECONDS:
                    time.sleep(RESPAWN_SECONDS)
                if not self.is_stopping:
                    self._fork(child.place)
        return 0

    def _fork(self, place: str) -> None:
        parent = os.getpid()
        # Held back until the child is known or has its own handlers: a child that nobody tells to stop never would.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            if self.is_stopping:
                return
            if pid := os.fork():
                self.children[pid] = _Child(place, time.monotonic())
                return
            for number in _STOP_SIGNALS:
                signal.signal(number, signal.SIG_DFL)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        self._be_a_child(parent, place)

    def _be_a_child(self, parent: int, place: str) -> NoReturn:
        code = 1
        try:
            families.take_place(place)
            exit_with_parent(parent, grace_seconds=FINISH_SECONDS)
            _serve_in_this_process(self.settings, self.open_sender)
            code = 0
        except SchemaBehind as error:
            log.critical("the web process cannot start: %s", error)
        except Exception:
            log.exception("the web process failed")
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.is_stopping = True
        for pid in list(self.children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _serve_in_this_process(settings: Settings, open_sender: OpenSender) -> None:
    telemetry.start(
        "web", settings.release, has_traces=bool(settings.otlp_endpoint), sentry_dsn=settings.sentry_dsn
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, open_sender))
    finally:
        telemetry.stop()


def _allow_files(number: int) -> None:
    """Let this process have `number` files open at once, as far as its account may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _droppings(app: web.Application) -> list[Callable[[], None]]:
    limiter = app[LIMITER]
    return [app[CACHE].drop_spent, app[SIGN_INS].drop_spent, *([limiter.drop_spent] if limiter else [])]


def _sample(app: web.Application, bounds: Bounds) -> None:
    metrics.IN_FLIGHT.set(app[TRAFFIC].in_flight)
    metrics.CONNECTIONS.set(bounds.number)
    metrics.STREAMS.set(app[CHANGE_STREAMS].number)
    metrics.UNSENT.set(app[UNSENT].total)


async def _with_heartbeat(app: web.Application) -> AsyncIterator[None]:
    heartbeat = Heartbeat(app[DATABASE], ProcessKind.WEB, version=app[SETTINGS].release)
    await heartbeat.start()
    yield
    await heartbeat.stop()


async def _serve(settings: Settings, open_sender: OpenSender) -> None:
    _allow_files(settings.web_connections + MAX_WAITING + OTHER_FILES)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sender = open_sender()
    app = create_app(settings, sender.deliver, sender.wake)
    app.cleanup_ctx.append(_with_heartbeat)
    runner = Runner(
        app,
        shutdown_timeout=FINISH_SECONDS,
        keepalive_timeout=KEEPALIVE_SECONDS,
        max_connections=settings.web_connections,
        max_per_address=settings.web_connections_per_address if settings.rate_limit else None,
    )
    await runner.setup()
    assert isinstance(runner.server, Server)  # noqa: S101 - the kind that this Runner makes
    sampling = asyncio.create_task(
        keep_sampling(settings.commit, app[DATABASE].sample, partial(_sample, app, runner.server.bounds))
    )
    giving_back = asyncio.create_task(allocator.keep_giving_back(*_droppings(app)))
    try:
        await Listener(runner, listen(settings.host, settings.port)).start()
        log.info("listening on %s:%s", settings.host, settings.port)
        await stop.wait()
    finally:
        sampling.cancel()
        giving_back.cancel()
        await runner.cleanup()
        sender.close()
