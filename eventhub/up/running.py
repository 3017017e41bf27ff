"""The process that `eventhub up` stays: it starts the servers and everything on them, and watches."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

from eventhub import __version__, embedded, logs, supervisor
from eventhub.embedded.locks import locked
from eventhub.processes import SUPERVISOR_PID, stop_signals, unwind_on_signals
from eventhub.up.commands import eventhub_command, worker_command
from eventhub.up.data_dir import chosen_data_dir, kept_secret, up_environ

METRICS_PORT = "EVENTHUB_METRICS_PORT"
ANSWER_POLL_SECONDS = 0.05

Logins = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plan:
    """What to run, and where it listens."""

    host: str
    port: int
    metrics_port: int | None
    has_demo: bool
    queues: Sequence[str]
    log_format: str

    @property
    def metrics_ports(self) -> Sequence[int]:
        """Where worker and clock serve metrics, if they do: side by side, since they share a machine."""
        return () if self.metrics_port is None else (self.metrics_port, self.metrics_port + 1)

    @property
    def reachable_host(self) -> str:
        """Where this machine reaches the server, also one that listens on all addresses."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound


def become(plan: Plan) -> NoReturn:
    """Run `plan` in place of this process, which has loaded what only its checks need: 120 MB less."""
    # A stop signal waits until the new program can clean up.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    os.execv(sys.executable, [sys.executable, "-m", "eventhub.up.running", json.dumps(asdict(plan))])  # noqa: S606


def run(plan: Plan) -> int:
    """Run everything until a stop signal, and return the exit code. Raises EmbeddedError."""
    data_dir = chosen_data_dir()
    with embedded.start(data_dir, revive=True) as servers, _only_one(data_dir):
        environ = up_environ(data_dir, servers, kept_secret(data_dir))
        logins = _done_once(environ, has_demo=plan.has_demo)
        if logins is None:
            return 1
        clock = eventhub_command("clock")
        if plan.metrics_ports:
            clock = replace(clock, env={METRICS_PORT: str(plan.metrics_ports[1])})
        commands = [eventhub_command("web"), worker_command(plan.queues, 1, 8), clock]
        return supervisor.run(
            [replace(command, env={**environ, **command.env}) for command in commands],
            announce=lambda stopping: _banner(plan, data_dir, logins) if _answers(plan, stopping) else None,
        )


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Keep a second `up` off the data dir: its mails and links would name another port."""
    with locked(data_dir / ".up", 0) as is_alone:
        if not is_alone:
            raise embedded.EmbeddedError(
                f"Event Hub is already up on {data_dir}: stop it, or set EVENTHUB_DATA_DIR."
            )
        yield


def _done_once(environ: Mapping[str, str], *, has_demo: bool) -> Logins | None:
    """Return who can sign in once the database is ready, or None where it cannot be, which has been said."""
    argv = [sys.executable, "-m", "eventhub.up.once", *([] if has_demo else ["--no-demo"])]
    # In a session of its own: a Ctrl-C goes to the terminal's whole group, and it is this process that ends that one.
    with subprocess.Popen(  # noqa: S603 - this program's own
        argv,
        env={**environ, SUPERVISOR_PID: str(os.getpid())},
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(supervisor.STOP_SECONDS)
            process.kill()
            raise
    if process.returncode != 0:
        return None
    logins: Logins = json.loads(said)
    return logins


def _answers(plan: Plan, stopping: threading.Event) -> bool:
    """Wait until the API answers; False where that is no longer wanted."""
    while not stopping.wait(ANSWER_POLL_SECONDS):
        connection = http.client.HTTPConnection(plan.reachable_host, plan.port, timeout=1)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/readyz/")
            if connection.getresponse().status == 200:
                return True
    return False


def _banner(plan: Plan, data_dir: Path, logins: Logins) -> str:
    host = plan.reachable_host
    url = f"http://{f'[{host}]' if ':' in host else 'localhost' if host == '127.0.0.1' else host}:{plan.port}"
    if logins:
        who = "\n             ".join(f"{name} / {password} ({kind})" for name, password, kind in logins)
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

  Data is in {data_dir}. Ctrl-C stops everything.
"""


def main() -> int:
    plan = Plan(**json.loads(sys.argv[1]))
    logs.configure("up", "WARNING", plan.log_format)
    unwind_on_signals()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stop_signals())
    try:
        return run(plan)
    except embedded.EmbeddedError as error:
        print(f"eventhub: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
