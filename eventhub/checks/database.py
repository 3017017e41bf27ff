"""Whether PostgreSQL is what Event Hub needs, and what its rows say: who runs, which time it is, which admins there are."""

from datetime import UTC, datetime

from eventhub import demo
from eventhub.database import Database, Timeouts, startup
from eventhub.database_url import Pooler
from eventhub.findings import Finding, Severity, ok, warning
from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.services.operations import stats
from eventhub.settings import Settings
from eventhub.web.database_bounds import PUBLIC
from eventhub.workers.clock import POOL_SIZE as CLOCK_POOL_SIZE

TIMEOUTS = Timeouts(statement_seconds=5, lock_seconds=2, turn_seconds=5)
# Tokens, holds and webhooks count by the clocks of several machines.
DRIFT_SECONDS = 2.0
HEARTBEAT_CONNECTIONS = 1  # of each process (`Database.reserved`)


async def look_at_server(settings: Settings, name: str, timeouts: Timeouts) -> list[Finding]:
    """Return whether the server can be reached and written to, as a process of this name would, and has the schema."""
    is_direct = settings.database_pooler is Pooler.NONE
    return await startup.examine(
        settings.database_url,
        pooler=settings.database_pooler,
        name=f"eventhub {name}",
        timeouts=timeouts,
        connections=one_of_each(settings) if is_direct else 0,
    )


def one_of_each(settings: Settings) -> int:
    """Return how many connections to PostgreSQL the web processes, one worker process and one clock may open."""
    web_process = settings.database_pool_size + PUBLIC.pool_size + HEARTBEAT_CONNECTIONS
    others = settings.database_pool_size + CLOCK_POOL_SIZE + 2 * HEARTBEAT_CONNECTIONS
    return settings.web_concurrency * web_process + others


async def look(settings: Settings) -> list[Finding]:
    """Return the same, and what the rows say where they can be read."""
    found = await look_at_server(settings, "check", TIMEOUTS)
    if any(finding.severity in {Severity.AWAY, Severity.REFUSAL} for finding in found):
        return found
    database = await Database.open(
        settings.database_url,
        deliver=lambda _: None,
        pool_size=2,
        name="eventhub check",
        timeouts=TIMEOUTS,
        pooler=settings.database_pooler,
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
