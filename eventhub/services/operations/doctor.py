"""A check-up of the rows, and the repair of what can be repaired without touching money.

What is found wrong is a mistake of the code, or of a hand at the database: all of it is said, row by row. Counters are
counted again under the lock under which the code changes them; promises that everybody has forgotten get jobs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from eventhub.database import ContentionErrors, Database, IntegrityErrors, Queries, Row, Transaction
from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.services import locking, promises
from eventhub.services.operations import actions, stats
from eventhub.services.operations.actions import Actor
from eventhub.services.operations.checks import Check, Recount
from eventhub.services.periodic import PeriodicTask

SHOWN = 100  # rows of one check


class Verdict(StrEnum):
    """What a check came to; only what is WRONG makes the check-up fail."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Result:
    """What one check found: `text` says it in a line, `rows` are those that are wrong (the first hundred).

    `repaired` says what was done, row by row.
    """

    name: str
    verdict: Verdict
    text: str
    rows: tuple[Mapping[str, Any], ...] = ()
    repaired: tuple[str, ...] = ()


async def examine(queries: Queries, check: Check) -> Result:
    """Return for which rows a check's claim is not true."""
    rows = tuple(dict(row) for row in await queries.fetch(check.wrong, SHOWN + 1))
    if not rows:
        return Result(check.name, Verdict.OK, check.claim)
    return Result(check.name, Verdict.WRONG, f"not so in {_many(rows)}: {check.claim}", rows[:SHOWN])


def _many(rows: Sequence[object]) -> str:
    if len(rows) > SHOWN:
        return f"more than {SHOWN} rows"
    return "1 row" if len(rows) == 1 else f"{len(rows)} rows"


async def examine_failed_jobs(queries: Queries) -> Result:
    """Return how many jobs of each kind wait for a person."""
    rows = await queries.fetch(
        "SELECT kind, count(*)::int AS jobs, min(created_at) AS oldest FROM jobs WHERE state = 'failed' "
        "GROUP BY kind ORDER BY kind"
    )
    if not rows:
        return Result("failed jobs", Verdict.OK, "no job has failed for good")
    number = sum(row["jobs"] for row in rows)
    text = f"{number} {'job has' if number == 1 else 'jobs have'} failed for good: see `eventhub jobs`"
    return Result("failed jobs", Verdict.WARNING, text, tuple(dict(row) for row in rows))


async def examine_processes(queries: Queries) -> Result:
    """Return what does not run: a web process, a clock, a worker for each queue."""
    live = [process for process in await stats.processes(queries) if process.is_live]
    kinds = {process.kind for process in live}
    queues = {queue for process in live for queue in process.queues}
    missing = [f"no {kind} process" for kind in (ProcessKind.WEB, ProcessKind.CLOCK) if kind not in kinds]
    if unserved := [queue for queue in Queue if queue not in queues]:
        missing.append(f"no worker for {', '.join(unserved)}")
    if not missing:
        return Result(
            "processes", Verdict.OK, "web, clock and a worker for each queue were heard of just now"
        )
    text = f"{', '.join(missing)}: not heard of in the last {stats.LIVE_SECONDS:g} s"
    return Result("processes", Verdict.WARNING, text)


async def examine_promises(
    queries: Queries, tasks: Sequence[PeriodicTask], *, grace_seconds: float
) -> Result:
    """Return what is owed by rows and forgotten: no job is queued for it, does it, or rests after it has failed.

    A clock finds such rows in its next round, so what is found is looked at again after `grace_seconds`.
    """
    forgotten = await _find_forgotten(queries, tasks)
    if forgotten:
        await asyncio.sleep(grace_seconds)
        again = await _find_forgotten(queries, tasks)
        forgotten = [row for row in forgotten if row in again]
    if not forgotten:
        return Result(
            "promises", Verdict.OK, "what rows owe has a job, or gets one in the clock's next round"
        )
    text = f"{_many(forgotten)} owed, and no job keeps that: does a clock run?"
    return Result("promises", Verdict.WRONG, text, tuple(forgotten[:SHOWN]))


async def _find_forgotten(queries: Queries, tasks: Sequence[PeriodicTask]) -> list[Mapping[str, Any]]:
    return [
        {"kind": promise.kind.name, **row}
        for task in tasks
        for promise in task.promises
        for row in await promises.find_forgotten(queries, promise, SHOWN + 1)
    ]


async def repair_promises(database: Database, actor: Actor, tasks: Sequence[PeriodicTask]) -> tuple[str, ...]:
    """Let jobs keep what rows owe and no job is about to keep, as a clock does; return how much each task found."""
    said = []
    for task in tasks:
        found = 0
        while task.promises:
            async with database.transaction() as tx:
                done = await task.step(tx, task.at_once)
                if done:
                    await actions.record(tx, actor, "repair", f"promises: {task.name}", {"found": done})
            found += done
            if done < task.at_once:
                break
        if found:
            said.append(f"{task.name}: {found} got jobs")
    return tuple(said)


async def repair_counters(database: Database, actor: Actor, check: Check) -> Result:
    """Count again what a check of counters finds wrong, each row in a transaction of its own, and write it down.

    The result is that of another look: what could not be repaired is still in it.
    """
    if check.recount is None:
        return await examine(database, check)
    done: dict[str, str] = {}
    while True:
        result = await examine(database, check)
        left = [row["id"] for row in result.rows if f"{check.subject} {row['id']}" not in done]
        if not left:
            return replace(result, repaired=tuple(f"{subject}: {what}" for subject, what in done.items()))
        for subject_id in left:
            done[f"{check.subject} {subject_id}"] = await _repair(
                database, actor, check, check.recount, subject_id
            )


async def _repair(database: Database, actor: Actor, check: Check, recount: Recount, subject_id: int) -> str:
    try:
        async with database.transaction() as tx:
            await _LOCKS[check.subject](tx, subject_id)
            row = await recount(tx, subject_id)
            changes = _changes(row) if row is not None else {}
            if changes:
                details = {"check": check.name, **changes}
                await actions.record(tx, actor, "repair", f"{check.subject} {subject_id}", details)
    except IntegrityErrors as error:
        return f"cannot be: {error}"
    except ContentionErrors as error:
        return f"is held by somebody else, try again: {error}"
    return (
        ", ".join(f"{name} {before} → {after}" for name, (before, after) in changes.items())
        or "is right by now"
    )


def _changes(row: Row) -> dict[str, tuple[str, str]]:
    return {
        name: (str(row[f"was_{name}"]), str(value))
        for name, value in row.items()
        if not name.startswith("was_") and row[f"was_{name}"] != value
    }


async def _lock_event(tx: Transaction, event_id: int) -> None:
    await locking.lock_event(tx, event_id)


async def _lock_event_of_type(tx: Transaction, type_id: int) -> None:
    await _lock_event_of(tx, "ticket_type", type_id)


async def _lock_event_of_code(tx: Transaction, code_id: int) -> None:
    await _lock_event_of(tx, "promo_code", code_id)


async def _lock_event_of(tx: Transaction, thing: str, thing_id: int) -> None:
    event_id = await locking.find_event(tx, thing, thing_id)
    if event_id is not None:
        await locking.lock_event(tx, event_id)


async def _lock_profile(tx: Transaction, user_id: int) -> None:
    await locking.lock_profiles(tx, [user_id])


async def _lock_review(tx: Transaction, review_id: int) -> None:
    await tx.execute("SELECT FROM reviews WHERE id = $1 FOR NO KEY UPDATE", review_id)


# As the code locks that changes them.
_LOCKS: Mapping[str, Callable[[Transaction, int], Awaitable[None]]] = {
    "event": _lock_event,
    "ticket type": _lock_event_of_type,
    "promo code": _lock_event_of_code,
    "user": _lock_profile,
    "review": _lock_review,
}
