"""Whether PostgreSQL is what Event Hub needs, and what its rows say: who runs, which time it is, which admins there are."""

from datetime import UTC, datetime

from eventhub import demo
from eventhub.database import Database, SchemaBehind, Timeouts, UnavailableErrors, migrations
from eventhub.findings import Finding, Severity, away, ok, refusal, warning
from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.services.operations import stats
from eventhub.settings import Settings

TIMEOUTS = Timeouts(statement_seconds=5, lock_seconds=2, turn_seconds=5)
# Tokens, holds and webhooks count by the clocks of several machines.
DRIFT_SECONDS = 2.0


async def look_at_server(settings: Settings) -> list[Finding]:
    """Return whether the server can be reached, written to, and has the schema of this code."""
    try:
        await migrations.check_at(settings.database_url)
    except SchemaBehind as error:
        return [refusal(str(error))]
    except (OSError, *UnavailableErrors) as error:
        return [away(f"the database cannot be reached: {str(error) or type(error).__name__}")]
    return [ok("the schema is that of this version")]


async def look(settings: Settings) -> list[Finding]:
    """Return the same, and what the rows say where there are any to read."""
    found = await look_at_server(settings)
    if any(finding.severity in {Severity.AWAY, Severity.REFUSAL} for finding in found):
        return found
    database = await Database.open(
        settings.database_url, deliver=lambda _: None, pool_size=2, name="eventhub check", timeouts=TIMEOUTS
    )
    try:
        return [
            *found,
            await _of_clocks(database),
            await _of_processes(database),
            *await _of_admins(database),
        ]
    finally:
        await database.close()


async def _of_clocks(database: Database) -> Finding:
    before = datetime.now(UTC)
    now = (await stats.store(database)).now
    after = datetime.now(UTC)
    seconds = max((before - now).total_seconds(), (now - after).total_seconds(), 0.0)
    if seconds > DRIFT_SECONDS:
        which = "behind" if now > after else "ahead of"
        return warning(
            f"this machine's clock is {seconds:.1f} s {which} the server's: synchronize both (NTP)"
        )
    return ok("the clocks of the server and of this machine agree")


async def _of_processes(database: Database) -> Finding:
    """Return who runs; what does not is no fault before a deploy."""
    live = [process for process in await stats.processes(database) if process.is_live]
    served = {queue for process in live for queue in process.queues}
    missing = [
        *(f"worker for {queue}" for queue in Queue if queue not in served),
        *(["clock"] if all(process.kind != ProcessKind.CLOCK for process in live) else []),
    ]
    if not live:
        return ok("no process of Event Hub was seen in the last seconds")
    if missing:
        return ok(f"there runs no {', no '.join(missing)}")
    return ok(f"{len(live)} processes run, a clock and a worker for each queue among them")


async def _of_admins(database: Database) -> list[Finding]:
    if not await demo.has_known_admin(database):
        return []
    return [
        warning(
            "the admin of the demo can sign in with the password that the documents print: change it, or set is_active to "
            "false"
        )
    ]
