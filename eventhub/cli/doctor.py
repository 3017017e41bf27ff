"""`eventhub doctor` looks at settings, servers and rows, says what is wrong, and repairs what it may."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from eventhub.cli import surroundings
from eventhub.cli.data_dir import settings_for_tools
from eventhub.cli.jobs import command_line_actor
from eventhub.cli.opening import open_database
from eventhub.cli.tables import as_json, cell
from eventhub.database import Database, SchemaBehind, UnavailableErrors
from eventhub.gateways.payments import build_gateways_by_name
from eventhub.models.payments import OFFLINE
from eventhub.services.operations import at_gateway, checks, doctor, server
from eventhub.services.operations.doctor import Result, Verdict
from eventhub.settings import Settings, SettingsError
from eventhub.workers.clock import TASKS

# How long a round of the clock may take, and what lies between two.
ROUND_SECONDS = 5.0


def examine(args: argparse.Namespace) -> int:
    report = _Report(is_silent=args.json)
    try:
        with settings_for_tools() as settings:
            report.add(Result("settings", Verdict.OK, "can all be read: `eventhub config` lists them"))
            asyncio.run(_examine(settings, report, repair=args.repair, gateway=args.gateway))
    except SettingsError as error:
        for problem in error.problems:
            report.add(Result("settings", Verdict.WRONG, problem))
    if args.json:
        print(as_json(report.results))
    return int(any(result.verdict is Verdict.WRONG for result in report.results))


@dataclass
class _Report:
    """What was found so far; each result is printed as it comes, and a terminal says what is being looked at."""

    is_silent: bool
    results: list[Result] = field(default_factory=list)

    def looking_at(self, what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[Klooking at {what} …", end="", file=sys.stderr, flush=True)

    def add(self, *results: Result) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        self.results += results
        if not self.is_silent:
            print(*map(_described, results), sep="\n", flush=True)


def _described(result: Result) -> str:
    lines = [f"{result.verdict:<8} {result.name:<17} {result.text}"]
    lines += [f"{'':26} {cell(dict(row))}" for row in result.rows]
    lines += [f"repaired {'':17} {what}" for what in result.repaired]
    return "\n".join(lines)


async def _examine(settings: Settings, report: _Report, *, repair: bool, gateway: bool) -> None:
    report.looking_at("Redis and files")
    report.add(*await surroundings.examine_redis(settings))
    report.add(await surroundings.examine_storage(settings))
    report.add(surroundings.examine_disk("data dir's disk", settings.data_dir))
    report.looking_at("the database")
    try:
        async with open_database(settings, sends=repair) as database:
            report.add(Result("database", Verdict.OK, "can be reached, with the schema of this version"))
            await _examine_server(database, report)
            await _examine_rows(database, report, repair=repair)
            await _examine_promises(database, report, settings.clock_interval_seconds, repair=repair)
            if gateway:
                report.looking_at("gateways")
                report.add(await _examine_gateways(settings, database))
    except SchemaBehind as error:
        report.add(Result("database", Verdict.WRONG, error.detail))
    except UnavailableErrors as error:
        report.add(Result("database", Verdict.WRONG, f"cannot be reached: {error or repr(error)}"))


async def _examine_server(database: Database, report: _Report) -> None:
    report.add(*await server.examine_server(database))
    report.add(await server.examine_writing(database, command_line_actor()))
    report.add(await surroundings.examine_database_clock(database))
    report.add(await surroundings.examine_database_disk(database))
    report.add(await doctor.examine_processes(database))


async def _examine_rows(database: Database, report: _Report, *, repair: bool) -> None:
    for check in (*checks.COUNTERS, *checks.BOOKS, *checks.FACTS, *checks.JOBS):
        report.looking_at(check.name)
        if repair:
            report.add(await doctor.repair_counters(database, command_line_actor(), check))
        else:
            report.add(await doctor.examine(database, check))
    report.add(await doctor.examine_failed_jobs(database))


async def _examine_promises(
    database: Database, report: _Report, clock_interval_seconds: float, *, repair: bool
) -> None:
    report.looking_at("promises")
    said: Sequence[str] = ()
    grace_seconds = clock_interval_seconds + ROUND_SECONDS
    if repair:
        said = await doctor.repair_promises(database, command_line_actor(), TASKS)
        grace_seconds = 0
    found = await doctor.examine_promises(database, TASKS, grace_seconds=grace_seconds)
    report.add(replace(found, repaired=tuple(said)))


async def _examine_gateways(settings: Settings, database: Database) -> Result:
    gateways = dict(build_gateways_by_name(settings))
    # Nobody can ask a transfer, nor a mock that remembers nothing of what it did in another process.
    forgetful = {OFFLINE} if settings.mock_payment_ledger else {OFFLINE, "mock"}
    try:
        asked = {name: gateway for name, gateway in gateways.items() if name not in forgetful}
        return await at_gateway.examine_gateways(database, asked)
    finally:
        for gateway in gateways.values():
            await gateway.close()
