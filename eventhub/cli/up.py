"""`eventhub up` runs all of Event Hub on this machine, with servers of its own and demo data."""

import argparse
import asyncio
import contextlib
import http.client
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from eventhub import __version__, demo, embedded, logs, supervisor
from eventhub.cli.data_dir import chosen_data_dir, kept_secret, up_environ
from eventhub.cli.processes import checked_settings, worker_command
from eventhub.database import migrate
from eventhub.embedded.locks import locked
from eventhub.models.jobs import Queue
from eventhub.processes import unwind_on_signals
from eventhub.settings import Settings, read_settings
from eventhub.settings.parsers import MIN_SECRET_BYTES
from eventhub.supervisor import Command
from eventhub.web.server import check_port

METRICS_PORT = "EVENTHUB_METRICS_PORT"
ANSWER_POLL_SECONDS = 0.05
# Stands in for the servers while the settings are checked, before those run.
PLACE_OF_SERVERS = embedded.Services(database_url="postgres://", redis_url="redis://")


def up(args: argparse.Namespace) -> int:
    data_dir = chosen_data_dir()
    if given := [name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name, "").strip()]:
        print(f"eventhub: up runs servers of its own: {' and '.join(given)} not used", file=sys.stderr)
    # Whatever is wrong with the settings or the port is said before anything is started.
    settings = checked_settings(up_environ(data_dir, PLACE_OF_SERVERS, secret="-" * MIN_SECRET_BYTES))
    logs.configure("up", "WARNING", settings.log_format)
    check_port(settings.host, settings.port)
    metrics_ports = _metrics_ports(settings)
    for port in metrics_ports.values():
        check_port(settings.host, int(port), METRICS_PORT)
    unwind_on_signals()
    with embedded.start(data_dir, revive=True) as servers, _only_one(data_dir):
        environ = up_environ(data_dir, servers, kept_secret(data_dir))
        settings = read_settings(environ)
        asyncio.run(migrate(settings.direct_url, pooler=settings.direct_pooler))
        if not args.no_demo:
            asyncio.run(demo.fill(settings))
        can_sign_in = asyncio.run(demo.has_documented_logins(settings))
        of_clock = {METRICS_PORT: metrics_ports["clock"]} if metrics_ports else {}
        eventhub = [sys.executable, "-m", "eventhub.cli"]
        return supervisor.run(
            [
                Command("web", [*eventhub, "web"], environ),
                _with_environ(worker_command(list(Queue), 1, 8), environ),
                Command("clock", [*eventhub, "clock"], {**environ, **of_clock}),
            ],
            announce=lambda stopping: (
                _banner(settings, can_sign_in) if _answers(settings, stopping) else None
            ),
        )


def _metrics_ports(settings: Settings) -> dict[str, str]:
    """Return where worker and clock serve metrics: side by side, since they share a machine."""
    port = settings.metrics_port
    return {} if port is None else {"worker": str(port), "clock": str(port + 1)}


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Keep a second `up` off the data dir: its mails and links would name another port."""
    with locked(data_dir / ".up", 0) as is_alone:
        if not is_alone:
            raise embedded.EmbeddedError(
                f"Event Hub is already up on {data_dir}: stop it, or set EVENTHUB_DATA_DIR."
            )
        yield


def _with_environ(command: Command, environ: dict[str, str]) -> Command:
    return Command(command.name, command.argv, {**environ, **command.env})


def _answers(settings: Settings, stopping: threading.Event) -> bool:
    """Wait until the API answers; False where that is no longer wanted."""
    while not stopping.wait(ANSWER_POLL_SECONDS):
        connection = http.client.HTTPConnection(_reachable_host(settings), settings.port, timeout=1)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/readyz/")
            if connection.getresponse().status == 200:
                return True
    return False


def _reachable_host(settings: Settings) -> str:
    """Return where this machine reaches the server, also one that listens on all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound


def _banner(settings: Settings, can_sign_in: bool) -> str:
    host = _reachable_host(settings)
    url = f"http://{f'[{host}]' if ':' in host else 'localhost' if host == '127.0.0.1' else host}:{settings.port}"
    if can_sign_in:
        who = "\n             ".join(
            f"{name} / {password} ({kind})" for name, password, kind in demo.logins()
        )
        sign_in = f"""\
    sign in  {who}

    curl -X POST {url}/api/auth/token/ \\
      -H "Content-Type: application/json" \\
      -d '{{"username": "admin", "password": "admin123"}}'"""
    else:
        sign_in = f"    curl {url}/api/events/"
    return f"""
  Event Hub {__version__} answers at {url}

    events   {url}/api/events/
    docs     {url}/api/docs/
    ops      {url}/ops/
{sign_in}

  Data is in {settings.data_dir}. Ctrl-C stops everything.
"""
