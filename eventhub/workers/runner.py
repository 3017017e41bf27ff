"""Runs claimed jobs: each ends exactly once in the database, whatever dies meanwhile."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from eventhub import logs, metrics
from eventhub.database import Database, Transaction, UnavailableErrors
from eventhub.errors import Busy, EventHubError
from eventhub.models.jobs import JobKind
from eventhub.services import jobs
from eventhub.telemetry import tracing
from eventhub.workers.context import LEASE_LOST, JobContext, PermanentFailure, Resources, Retry
from eventhub.workers.kinds import HANDLERS

# What a job is tried again after at most, where the database was away or another transaction in its way.
DATABASE_PAUSE_SECONDS = 15
# A wait for a lock, or for the server, is no fault of the job's.
IN_THE_WAY = (
    *UnavailableErrors,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    Busy,
)

# Between tries to record how a job ended; together less than any lease.
END_PAUSES_SECONDS = (1, 2, 4, 8)
FAILED_FOR_GOOD = "failed_for_good"

log = logging.getLogger("eventhub.jobs")


def declare_outcomes() -> None:
    """Let Prometheus know of what is rare before it happens: of a number that begins with 1 it sees no increase."""
    for kind in HANDLERS:
        for outcome in (FAILED_FOR_GOOD, LEASE_LOST):
            metrics.JOBS.of(kind, outcome)


async def run_jobs(resources: Resources, kind_name: str, ids: Sequence[int]) -> int:
    """Claim and run those of `ids` that are due; return how many. A duplicate message finds nothing to claim.

    When the worker stops, what runs finishes; what has not begun goes back.
    """
    kind, _ = HANDLERS[kind_name]
    try:
        claimed = await jobs.claim(resources.database, kind, ids, resources.process_id)
    except UnavailableErrors as error:
        log.warning("%s jobs %s: not taken, the clock sends them again: %r", len(ids), kind.name, error)
        return 0
    if not claimed:
        return 0
    slots = asyncio.Semaphore(kind.at_once)

    not_begun: list[jobs.ClaimedJob] = []

    async def run_in_a_slot(job: jobs.ClaimedJob) -> None:
        async with slots:
            if resources.stopping.is_set():
                not_begun.append(job)
            else:
                with tracing.span(
                    f"process {job.kind}", "CONSUMER", _attributes(kind, job), parent=job.trace
                ):
                    await _run_job(resources, kind, job)

    renewer = asyncio.create_task(_keep_leases(resources.database, kind, claimed))
    try:
        await asyncio.gather(*(run_in_a_slot(job) for job in claimed))
        if not_begun:
            await _give_back(resources.database, not_begun)
    finally:
        renewer.cancel()
    return len(claimed) - len(not_begun)


def _attributes(kind: JobKind, job: jobs.ClaimedJob) -> tracing.Attributes:
    return {
        "messaging.system": "eventhub",
        "messaging.operation.type": "process",
        "messaging.destination.name": kind.queue.value,
        "messaging.message.id": str(job.id),
        "eventhub.attempt": job.attempts,
    }


async def _give_back(database: Database, not_begun: Sequence[jobs.ClaimedJob]) -> None:
    log.info("stopping: %s jobs are left for other workers", len(not_begun))
    try:
        async with database.transaction() as tx:
            await jobs.give_back(tx, not_begun)
    except UnavailableErrors as error:
        # As below: their leases run out.
        log.warning("%s jobs could not be given back: %r", len(not_begun), error)
    except Exception:
        log.exception("%s jobs could not be given back", len(not_begun))


async def _keep_leases(database: Database, kind: JobKind, claimed: Sequence[jobs.ClaimedJob]) -> None:
    while True:
        await asyncio.sleep(kind.lease_seconds / 3)
        try:
            await jobs.renew(database, kind, claimed)
        except Exception as error:  # noqa: BLE001 - whatever it is, the lease may run out, which is its purpose
            log.warning("%s jobs %s: their leases could not be renewed: %r", len(claimed), kind.name, error)


async def _run_job(resources: Resources, kind: JobKind, job: jobs.ClaimedJob) -> None:
    ids = {name: value for name, value in job.payload.items() if name in logs.IDS}
    logs.begin(request_id=job.request_id, job_id=job.id, job_kind=job.kind, **ids)
    context = JobContext(resources, job)
    metrics.JOB_DELAY.observe(job.delay_seconds, kind.name)
    began_at = time.perf_counter()
    limit = asyncio.timeout(kind.time_limit_seconds)
    try:
        _, handler = HANDLERS[kind.name]
        async with limit:
            await handler(context, **job.payload)
            if not context.ended:
                async with context.transaction():
                    pass
    except IN_THE_WAY as error:
        # A statement, or all of it, that takes too long may be the job's own fault.
        if limit.expired() or isinstance(error, asyncpg.QueryCanceledError):
            await _fail(context, error)
        else:
            log.warning("job %s %s found others in its way: %r", job.id, job.kind, error)
            await _put_off(context, error, DATABASE_PAUSE_SECONDS)
    except EventHubError as refusal:
        await _end_refused(context, refusal)
    except jobs.LeaseLost as lost:
        log.warning("%s", lost)
    except Retry as error:
        log.warning("job %s %s not done in attempt %s: %s", job.id, job.kind, job.attempts, error)
        if kind.outage_days is not None and job.age_seconds > kind.outage_days * 86_400:
            await _end_failed(
                context, PermanentFailure(f"not done in {kind.outage_days} days: {error}", is_settled=True)
            )
        else:
            await _put_off(context, error, jobs.BACKOFF_CAP_SECONDS)
    except Exception as error:  # noqa: BLE001 - logged there
        await _fail(context, error)
    else:
        context.outcome = "done"
        log.info("job %s %s done", job.id, job.kind)
    finally:
        metrics.JOBS.observe(time.perf_counter() - began_at, kind.name, context.outcome)


async def _fail(context: JobContext, error: Exception) -> None:
    job = context.job
    tracing.note_failure(error)
    if not isinstance(error, PermanentFailure):
        log.error(
            "job %s %s failed in attempt %s of %s",
            job.id,
            job.kind,
            job.attempts,
            job.max_attempts,
            exc_info=error,
        )
    await _end_failed(context, error)


async def _end_refused(context: JobContext, refusal: EventHubError) -> None:
    """A refusal that the rules foresee (sold out meanwhile, booking gone) is an end, not a failure."""
    log.info("job %s %s refused: %s", context.job.id, context.job.kind, refusal.detail)

    async def end(tx: Transaction) -> None:
        await context.settle(tx)
        await jobs.finish(tx, context.job, f"refused: {refusal.detail}")
        context.outcome = "refused"

    await _end(context, end)


async def _put_off(context: JobContext, error: Exception, cap_seconds: int) -> None:
    tracing.note_failure(error)

    async def end(tx: Transaction) -> None:
        await jobs.put_off(tx, context.job, _words(error), cap_seconds)
        context.outcome = "retried"

    await _end(context, end)


async def _end_failed(context: JobContext, error: Exception) -> None:
    async def end(tx: Transaction) -> None:
        if isinstance(error, PermanentFailure) and error.is_settled:
            await context.settle(tx)
        state = await jobs.record_failure(
            tx, context.job, _words(error), is_final=isinstance(error, PermanentFailure)
        )
        context.outcome = FAILED_FOR_GOOD if state == "failed" else "failed"

    await _end(context, end)
    if context.outcome == FAILED_FOR_GOOD:
        log.error("job %s %s failed for good; see `eventhub jobs`", context.job.id, context.job.kind)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


async def _end(context: JobContext, write: Callable[[Transaction], Awaitable[None]]) -> None:
    """Let `write` end a job otherwise than by its handler.

    A database that is away, for which many a job ends so, is often back before the lease runs out.
    """
    for pause in (*END_PAUSES_SECONDS, None):
        try:
            async with context.database.transaction() as tx:
                await write(tx)
        except jobs.LeaseLost as lost:
            log.warning("%s", lost)
            break
        except UnavailableErrors as error:
            if pause is None or context.resources.stopping.is_set():
                # The lease runs out, and the job is due again.
                log.warning(
                    "job %s %s: its end could not be recorded: %r", context.job.id, context.job.kind, error
                )
                break
            await asyncio.sleep(pause)
        except Exception:
            log.exception("job %s %s: its end could not be recorded", context.job.id, context.job.kind)
            break
        else:
            return
    context.outcome = LEASE_LOST
