"""The `eventhub` command: one subcommand per process, and what ops do by hand."""

import argparse
import asyncio
import contextlib
import getpass
import http.client
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from marshmallow import ValidationError

from eventhub import __version__, demo, logs, supervisor
from eventhub.database import Database, UnavailableErrors, migrate, migrations
from eventhub.embedded import EmbeddedError, Services
from eventhub.embedded import start as start_embedded
from eventhub.embedded.locks import locked
from eventhub.errors import EventHubError, NotFound
from eventhub.gateways.mail import build_mailer
from eventhub.models.jobs import KINDS, JobState, Queue
from eventhub.processes import exit_with_supervisor, unwind_on_signals
from eventhub.schemas.users import Registration
from eventhub.services import jobs, passwords, users
from eventhub.settings import Settings, SettingsError, read_settings
from eventhub.settings.parsers import MIN_SECRET_BYTES
from eventhub.supervisor import Command
from eventhub.web.server import PortBusy, check_port, serve
from eventhub.workers.broker import MessageSender, redis_broker
from eventhub.workers.clock import TIMEOUTS as CLOCK_TIMEOUTS
from eventhub.workers.clock import run_clock

UP_GATEWAYS = "credit_card=mock,debit_card=mock,paypal=mock,bank_transfer=offline,mock=mock"
UP_BANK_DETAILS = "The demo's account: nothing can be sent there"
ANSWER_POLL_SECONDS = 0.05
# Dramatiq's threads look at least every so many ms whether they are to stop, and its delay queues whether a message is
# due; the other queues are looked at more often (workers/broker.py). And two dozen threads need no heap of their own.
WORKER_ENVIRON = {"dramatiq_worker_timeout": "250", "MALLOC_ARENA_MAX": "2"}
# Stands in for the servers while the settings are checked, before those run.
PLACE_OF_SERVERS = Services(database_url="postgres://", redis_url="redis://")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; what ops can mend is said in one line each."""
    args = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except SettingsError as error:
        for problem in error.problems:
            print(f"eventhub: {problem}", file=sys.stderr)
        return 2
    except (EventHubError, EmbeddedError, PortBusy) as error:
        print(f"eventhub: {getattr(error, 'detail', None) or error}", file=sys.stderr)
        return 1
    except UnavailableErrors as error:
        print(f"eventhub: cannot reach the database of DATABASE_URL: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="eventhub", description="A REST backend for events.")
    parser.add_argument("--version", action="version", version=f"Event Hub {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    up_command = add("up", up, "Run all of Event Hub on this machine, with embedded PostgreSQL and Valkey")
    up_command.add_argument("--no-demo", action="store_true", help="leave a new database empty")
    add("web", web, "Serve the API")
    worker_command = add("worker", worker, "Do jobs")
    worker_command.add_argument(
        "--queues",
        default=",".join(Queue),
        help=f"which of {', '.join(Queue)}, separated by commas (default: all)",
    )
    worker_command.add_argument(
        "--processes", type=_positive, default=1, help="worker processes (default: 1)"
    )
    worker_command.add_argument("--threads", type=_positive, default=8, help="threads in each (default: 8)")
    add("clock", clock, "Do what time brings: expiries, event states, lost messages. Any number may run")
    add("migrate", run_migrations, "Bring the database's schema up to date; safe to run several at once")
    admin = add("createadmin", create_admin, "Make an admin's account")
    admin.add_argument("--username", required=True)
    admin.add_argument("--email", required=True)
    admin.add_argument("--password", help="asked for where it is not given")
    add("demo", fill_with_demo, "Put a dozen believable events into an empty database")
    jobs_command = add("jobs", failed_jobs, "List the jobs that failed for good, retry or discard them")
    jobs_command.add_argument(
        "action",
        nargs="?",
        choices=["list", "retry", "discard"],
        default="list",
        help="list those that failed, and those tried often that go on; retry queues failed ones again; discard drops them",
    )
    jobs_command.add_argument("id", nargs="?", type=_positive, help="the job to retry or discard")
    jobs_command.add_argument(
        "--kind", choices=sorted(KINDS), metavar="KIND", help="all of a kind, such as send_notification"
    )
    jobs_command.add_argument("--all", action="store_true", help="all that failed")
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return number


def _checked_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a process that is to run on. SettingsError also for what only their users can judge."""
    settings = read_settings(environ)
    # Connects to nothing.
    build_mailer(settings)
    return settings


def _check_schema(settings: Settings) -> None:
    """Raise SchemaBehind here, in one line, rather than in each process that will be forked. What is away passes."""
    with contextlib.suppress(OSError, *UnavailableErrors):
        asyncio.run(migrations.check_at(settings.database_url))


def web(_: argparse.Namespace) -> int:
    exit_with_supervisor()
    settings = _checked_settings()
    _check_schema(settings)
    logs.configure("web", settings.log_level)
    return serve(settings, lambda: MessageSender(redis_broker(settings.redis_url)))


def worker(args: argparse.Namespace) -> int:
    queues = [name.strip() for name in args.queues.split(",") if name.strip()]
    if unknown := [name for name in queues if name not in set(Queue)]:
        print(f"eventhub: no queue named {', '.join(unknown)}; there are {', '.join(Queue)}", file=sys.stderr)
        return 2
    _check_schema(_checked_settings())
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
    exit_with_supervisor()
    settings = _checked_settings()
    logs.configure("clock", settings.log_level)
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


def run_migrations(_: argparse.Namespace) -> int:
    with _settings_for_tools() as settings:
        applied = asyncio.run(migrate(settings.database_url))
    print(f"Applied {', '.join(applied)}." if applied else "The schema is up to date.")
    return 0


def create_admin(args: argparse.Namespace) -> int:
    password = args.password or _ask_password()
    asked = {"username": args.username, "email": args.email, "password": password}
    # By the rules of a registration, but that a weak password is taken.
    try:
        admin = Registration(only=tuple(asked)).load(asked)
    except ValidationError as error:
        for name, messages in error.messages_dict.items():
            print(f"eventhub: --{name}: {' '.join(messages)}", file=sys.stderr)
        return 2
    for problem in asyncio.run(passwords.warnings(password, admin["username"], admin["email"])):
        print(f"Warning: --password: {problem}", file=sys.stderr)
    with _settings_for_tools() as settings:
        asyncio.run(_create_admin(settings, admin["username"], admin["email"], password))
    print(f"Admin {admin['username']} created.")
    return 0


def _ask_password() -> str:
    try:
        return getpass.getpass("Password: ")
    except EOFError:
        raise EventHubError("Give --password, or run this in a terminal.") from None


async def _create_admin(settings: Settings, username: str, email: str, password: str) -> None:
    database = await Database.open(settings.database_url, deliver=lambda _: None, pool_size=2)
    try:
        password_hash = await passwords.hash_password(password)
        async with database.transaction() as tx:
            await users.create_admin(tx, username, email, password_hash)
    finally:
        await database.close()


def fill_with_demo(_: argparse.Namespace) -> int:
    logs.configure("demo", "WARNING")
    with _settings_for_tools() as settings:
        filled = asyncio.run(demo.fill(settings))
    print("Demo data is in." if filled else "The database is not empty: nothing was changed.")
    return 0


def failed_jobs(args: argparse.Namespace) -> int:
    chosen = [args.id is not None, args.kind is not None, args.all]
    if args.action != "list" and sum(chosen) != 1:
        print(
            f"eventhub: jobs {args.action} needs one of a job's id, --kind and --all",
            file=sys.stderr,
        )
        return 2
    with _settings_for_tools() as settings:
        asyncio.run(_failed_jobs(settings, args.action, args.id, args.kind))
    return 0


async def _failed_jobs(settings: Settings, action: str, job_id: int | None, kind: str | None) -> None:
    sender = MessageSender(redis_broker(settings.redis_url))
    database = await Database.open(settings.database_url, deliver=sender.deliver, pool_size=2)
    try:
        if action == "list":
            await _list_jobs(database, kind)
        elif job_id is not None:
            async with database.transaction() as tx:
                await (jobs.retry if action == "retry" else jobs.discard)(tx, job_id)
            print(f"Job {job_id} is {_DONE[action]}.")
        else:
            async with database.transaction() as tx:
                number = await (jobs.retry_all if action == "retry" else jobs.discard_all)(tx, kind)
            what = "job" if kind is None else f"{kind} job"
            print(f"{number} failed {what}{'' if number == 1 else 's'} {_DONE[action]}.")
    except NotFound:
        raise EventHubError(f"No failed job has the id {job_id}.") from None
    finally:
        await database.close()
        sender.close()


_DONE = {"retry": "queued again", "discard": "discarded"}


async def _list_jobs(database: Database, kind: str | None) -> None:
    found = await jobs.list_troubled(database, kind)
    if not found:
        print("No job has failed.")
    for job in found:
        state = (
            "failed" if job["state"] == JobState.FAILED else f"again at {job['run_at']:%Y-%m-%d %H:%M} UTC"
        )
        facts = (job["id"], job["kind"], job["payload"], f"attempts {job['attempts']}", state, job["error"])
        print(*facts, sep="\t")


def up(args: argparse.Namespace) -> int:
    logs.configure("up", "WARNING")
    data_dir = _data_dir()
    if given := [name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name, "").strip()]:
        print(f"eventhub: up runs servers of its own: {' and '.join(given)} not used", file=sys.stderr)
    # Whatever is wrong with the settings or the port is said before anything is started.
    settings = _checked_settings(_up_environ(data_dir, PLACE_OF_SERVERS, secret="-" * MIN_SECRET_BYTES))
    check_port(settings.host, settings.port)
    unwind_on_signals()
    with start_embedded(data_dir, revive=True) as servers, _only_one(data_dir):
        environ = _up_environ(data_dir, servers, _kept_secret(data_dir))
        settings = read_settings(environ)
        asyncio.run(migrate(settings.database_url))
        if not args.no_demo:
            asyncio.run(demo.fill(settings))
        can_sign_in = asyncio.run(demo.has_documented_logins(settings))
        eventhub = [sys.executable, "-m", "eventhub.cli"]
        return supervisor.run(
            [
                Command("web", [*eventhub, "web"], environ),
                _with_environ(worker_command(list(Queue), 1, 8), environ),
                Command("clock", [*eventhub, "clock"], environ),
            ],
            announce=lambda stopping: (
                _banner(settings, can_sign_in) if _answers(settings, stopping) else None
            ),
        )


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data dir against a second `up`, whose mails and links would name another port."""
    with locked(data_dir / ".up", 0) as is_alone:
        if not is_alone:
            raise EmbeddedError(f"Event Hub is up on {data_dir} already: stop it, or set EVENTHUB_DATA_DIR.")
        yield


def _data_dir() -> Path:
    return Path(os.environ.get("EVENTHUB_DATA_DIR", "").strip() or "./var").absolute()


def _up_environ(data_dir: Path, servers: Services, secret: str) -> dict[str, str]:
    """Return the environment of the processes that `up` starts: its own, on the embedded servers."""
    return {
        "EVENTHUB_PAYMENT_GATEWAYS": UP_GATEWAYS,
        "EVENTHUB_BANK_DETAILS": UP_BANK_DETAILS,
        "EVENTHUB_HOST": "127.0.0.1",
        "EVENTHUB_SECRET_KEY": secret,
        **{name: value for name, value in os.environ.items() if value.strip()},
        "EVENTHUB_DATA_DIR": str(data_dir),
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
    }


@contextlib.contextmanager
def _settings_for_tools() -> Iterator[Settings]:
    """Yield the settings; without a DATABASE_URL those of the data dir that `up` made, with its servers running."""
    data_dir = _data_dir()
    if os.environ.get("DATABASE_URL", "").strip() or not (data_dir / "postgres").is_dir():
        yield read_settings()
        return
    unwind_on_signals()
    with start_embedded(data_dir) as servers:
        yield read_settings(_up_environ(data_dir, servers, _kept_secret(data_dir)))


def _with_environ(command: Command, environ: dict[str, str]) -> Command:
    return Command(command.name, command.argv, {**environ, **command.env})


def _kept_secret(data_dir: Path) -> str:
    """Return the secret key of this data dir, made on the first start."""
    path = data_dir / "secret_key"
    if not path.exists():
        # Whole or not at all, and one for all who start at the same time.
        made = data_dir / f"secret_key.{os.getpid()}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
    return path.read_text().strip()


def _answers(settings: Settings, stopping: threading.Event) -> bool:
    """Wait until the API answers; False where that is no longer wanted."""
    while not stopping.wait(ANSWER_POLL_SECONDS):
        connection = http.client.HTTPConnection(_reachable_host(settings), settings.port, timeout=1)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", "/healthz/")
            if connection.getresponse().status == 200:
                return True
    return False


def _reachable_host(settings: Settings) -> str:
    """A server on all addresses is asked on this machine's own."""
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
{sign_in}

  Data is in {settings.data_dir}. Ctrl-C stops everything.
"""


if __name__ == "__main__":
    sys.exit(main())
