"""The `eventhub` command: one subcommand per process, and what ops do by hand."""

import argparse
import sys
from collections.abc import Callable, Sequence

from eventhub import __version__
from eventhub.cli import check, config, doctor, jobs, processes, stats, tools, up
from eventhub.database import UnavailableErrors
from eventhub.embedded import EmbeddedError
from eventhub.errors import EventHubError
from eventhub.models.jobs import KINDS, JobState, Queue
from eventhub.settings import SettingsError
from eventhub.web.port import PortBusy

_Add = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; what ops can mend is said in one line each."""
    args = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except (SettingsError, check.CannotStart) as error:
        for problem in error.problems:
            print(f"eventhub: {problem}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError) else 1
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

    up_command = add("up", up.up, "Run all of Event Hub on this machine, with embedded PostgreSQL and Valkey")
    up_command.add_argument("--no-demo", action="store_true", help="leave a new database empty")
    add("web", processes.web, "Serve the API")
    worker_command = add("worker", processes.worker, "Do jobs")
    worker_command.add_argument(
        "--queues",
        default=",".join(Queue),
        help=f"which of {', '.join(Queue)}, separated by commas (default: all)",
    )
    worker_command.add_argument(
        "--processes", type=_positive, default=1, help="worker processes (default: 1)"
    )
    worker_command.add_argument("--threads", type=_positive, default=8, help="threads in each (default: 8)")
    add(
        "clock",
        processes.clock,
        "Do what time brings: expiries, event states, lost messages. Any number may run",
    )
    check_command = add(
        "check",
        check.check,
        "Look at all that the settings name, before a deploy: one line each, 1 for a refusal",
    )
    check_command.add_argument("--strict", action="store_true", help="a warning is as bad as a refusal")
    check_command.add_argument("--json", action="store_true", help="print it for programs")
    migrate = add(
        "migrate",
        tools.run_migrations,
        "Bring the database's schema up to date; safe to run several at once. Needs DATABASE_URL alone",
    )
    look = migrate.add_mutually_exclusive_group()
    look.add_argument(
        "--status",
        action="store_true",
        help="change nothing: list the migrations, applied or missing; exit code 1 where one is missing",
    )
    look.add_argument(
        "--plan", action="store_true", help="change nothing: print the SQL of the missing migrations"
    )
    admin = add("createadmin", tools.create_admin, "Make an admin's account")
    admin.add_argument("--username", required=True)
    admin.add_argument("--email", required=True)
    password = admin.add_mutually_exclusive_group()
    password.add_argument(
        "--password",
        help="asked for, or read from standard input, where it is not given: here others may see it",
    )
    password.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the first line of standard input; so is done anyway where that is no terminal",
    )
    add("demo", tools.fill_with_demo, "Put a dozen believable events into an empty database")
    _add_sight(add)
    _add_jobs(add("jobs", jobs.list_jobs, "List the jobs that failed, show one, retry or discard them"))
    return parser


def _add_sight(add: _Add) -> None:
    """Add the commands that look, and the one that repairs."""
    commands = [
        add("stats", stats.show_stats, "Print what runs, waits, was sold, is owed, and waits for a person"),
        booking := add(
            "booking", stats.show_booking, "Print one booking's story: what happened, when, by which request"
        ),
        actions := add(
            "actions", stats.show_actions, "List what people did by hand to jobs and rows, the newest first"
        ),
        add("config", config.show, "Print the settings that take effect here, without secrets"),
        examination := add(
            "doctor",
            doctor.examine,
            "Look at settings, servers and rows, and say what is wrong: exit code 1 where anything is",
        ),
    ]
    for command in commands:
        command.add_argument("--json", action="store_true", help="as JSON")
    booking.add_argument("id", type=_positive, help="the booking's id")
    actions.add_argument("--limit", type=_positive, default=100, help="how many (default: 100)")
    examination.add_argument(
        "--repair",
        action="store_true",
        help="count wrong counters again, and queue jobs for what rows promise; moves no money, and is written down",
    )
    examination.add_argument(
        "--gateway",
        action="store_true",
        help="ask the payment gateways about open payments, and those of the last days",
    )


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(kind=None, state=None, json=False)
    commands = parser.add_subparsers(metavar="[action]")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run, action=name)
        return command

    def add_kind(command: argparse.ArgumentParser, text: str) -> None:
        command.add_argument("--kind", choices=sorted(KINDS), metavar="KIND", help=text)

    listing = add(
        "list", jobs.list_jobs, "List jobs that failed, and those tried often that go on (the default)"
    )
    add_kind(listing, "only those of a kind, such as send_notification")
    listing.add_argument("--state", choices=list(JobState), help="all in this state, up to 1000")
    listing.add_argument("--json", action="store_true", help="as JSON")
    show = add(
        "show", jobs.show_job, "Show a job: payload, error, attempts, and what its request caused besides"
    )
    show.add_argument(
        "id", type=_positive, help="the job's id; one that ended is known for as long as its log is kept"
    )
    show.add_argument("--json", action="store_true", help="as JSON")
    for name, text in (
        ("retry", "Queue failed jobs again at once, with all their attempts"),
        ("discard", "Drop failed jobs; a refund then is one to make by hand"),
    ):
        command = add(name, jobs.act_on_jobs, f"{text}. Who did it is written down")
        command.add_argument("id", nargs="?", type=_positive, help="the id of one job")
        add_kind(command, "all of a kind, such as send_notification")
        command.add_argument("--all", action="store_true", help="all that failed")


def _positive(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return number
