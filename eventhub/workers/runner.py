"""Runs claimed jobs: each ends exactly once in the database, whatever dies meanwhile."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from eventhub import logs
from eventhub.database import Database, Transaction
from eventhub.errors import EventHubError
from eventhub.gateways.mail.render import Site
from eventhub.models.jobs import JobKind
from eventhub.services import jobs, seats
from eventhub.services.documents import DocumentRenderer
from eventhub.services.mail import Mailer
from eventhub.services.payment_gateway import PaymentGateway
from eventhub.services.storage import FileStorage
from eventhub.settings import Settings
from eventhub.workers.kinds import HANDLERS

CONCURRENCY = 4  # jobs of one message at a time: several wait for the network while one computes

log = logging.getLogger("eventhub.jobs")


class TryAgain(Exception):
    """Raised when the outside is away, or not done yet: the job is tried again after its back-off."""


class GiveUp(Exception):
    """Raised when trying again is of no use: the job ends as failed at once, for a person to look at."""


@dataclass(frozen=True)
class Resources:
    """What handlers work with; opened once per worker process. `gateways` are the payment gateways by name."""

    settings: Settings
    database: Database
    mailer: Mailer
    site: Site
    gateways: Mapping[str, PaymentGateway]
    documents: DocumentRenderer
    storage: FileStorage
    stopping: threading.Event = field(default_factory=threading.Event)  # set, nothing more is begun

    async def close(self) -> None:
        await self.mailer.close()
        for gateway in self.gateways.values():
            await gateway.close()
        await self.database.close()


class Run:
    """One attempt at one job: what a handler gets."""

    def __init__(self, resources: Resources, job: jobs.ClaimedJob) -> None:
        self.resources = resources
        self.job = job
        self.ended = False

    @property
    def database(self) -> Database:
        return self.resources.database

    @property
    def settings(self) -> Settings:
        return self.resources.settings

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Yield the job's one transaction: its effects, the jobs that follow, and the job's own end, or nothing.

        Whatever goes outside (mail, gateways, PDFs) is done before the block, without a transaction.
        """
        async with self.database.transaction(await self._event_changed()) as tx:
            yield tx
            await jobs.finish(tx, self.job)
        self.ended = True

    async def _event_changed(self) -> int | None:
        """Return the event whose row this job is going to lock, as far as its payload tells."""
        for name, value in self.job.payload.items():
            thing, _, rest = name.partition("_id")
            if not rest and (event_id := await seats.find_event(self.database, thing, value)) is not None:
                return event_id
        return None


async def run_jobs(resources: Resources, kind_name: str, ids: Sequence[int]) -> int:
    """Claim and run those of `ids` that are due; return how many. A duplicate message finds nothing to claim.

    When the worker stops, what runs finishes; what has not begun goes back.
    """
    kind, _ = HANDLERS[kind_name]
    claimed = await jobs.claim(resources.database, kind, ids)
    if not claimed:
        return 0
    slots = asyncio.Semaphore(CONCURRENCY)

    not_begun: list[jobs.ClaimedJob] = []

    async def run_in_a_slot(job: jobs.ClaimedJob) -> None:
        async with slots:
            if resources.stopping.is_set():
                not_begun.append(job)
            else:
                await _run_job(resources, kind, job)

    renewer = asyncio.create_task(_keep_leases(resources.database, kind, claimed))
    try:
        await asyncio.gather(*(run_in_a_slot(job) for job in claimed))
        if not_begun:
            await _give_back(resources.database, not_begun)
    finally:
        renewer.cancel()
    return len(claimed) - len(not_begun)


async def _give_back(database: Database, not_begun: Sequence[jobs.ClaimedJob]) -> None:
    log.info("stopping: %s jobs are left for other workers", len(not_begun))
    try:
        async with database.transaction() as tx:
            await jobs.give_back(tx, not_begun)
    except Exception:
        # As below: their leases run out.
        log.exception("%s jobs could not be given back", len(not_begun))


async def _keep_leases(database: Database, kind: JobKind, claimed: Sequence[jobs.ClaimedJob]) -> None:
    while True:
        await asyncio.sleep(kind.lease_seconds / 3)
        try:
            await jobs.renew(database, kind, claimed)
        except Exception as error:  # noqa: BLE001 - whatever it is, the lease may run out, which is its purpose
            log.warning("%s jobs %s: their leases could not be renewed: %r", len(claimed), kind.name, error)


async def _run_job(resources: Resources, kind: JobKind, job: jobs.ClaimedJob) -> None:
    logs.request_id.set(job.request_id)
    run = Run(resources, job)
    try:
        _, handler = HANDLERS[kind.name]
        async with asyncio.timeout(kind.time_limit_seconds):
            await handler(run, **job.payload)
            if not run.ended:
                async with run.transaction():
                    pass
    except EventHubError as refusal:
        await _end_refused(resources.database, job, refusal)
    except jobs.LeaseLost as lost:
        log.warning("%s", lost)
    except TryAgain as error:
        log.warning("job %s %s not done in attempt %s: %s", job.id, job.kind, job.attempts, error)
        await _end_failed(resources.database, job, error)
    except GiveUp as error:
        await _end_failed(resources.database, job, error, is_final=True)
    except Exception as error:
        log.exception(
            "job %s %s failed in attempt %s of %s", job.id, job.kind, job.attempts, job.max_attempts
        )
        await _end_failed(resources.database, job, error)
    else:
        log.info("job %s %s done", job.id, job.kind)


async def _end_refused(database: Database, job: jobs.ClaimedJob, refusal: EventHubError) -> None:
    """A refusal that the rules foresee (sold out meanwhile, booking gone) is an end, not a failure."""
    log.info("job %s %s refused: %s", job.id, job.kind, refusal.detail)
    try:
        async with database.transaction() as tx:
            await jobs.finish(tx, job, f"refused: {refusal.detail}")
    except jobs.LeaseLost as lost:
        log.warning("%s", lost)
    except Exception:
        # As below: the lease runs out, and the job is refused again.
        log.exception("job %s %s: the refusal could not be recorded", job.id, job.kind)


async def _end_failed(
    database: Database, job: jobs.ClaimedJob, error: Exception, *, is_final: bool = False
) -> None:
    try:
        async with database.transaction() as tx:
            state = await jobs.record_failure(tx, job, f"{type(error).__name__}: {error}", is_final=is_final)
    except jobs.LeaseLost as lost:
        log.warning("%s", lost)
    except Exception:
        # The database is away: the lease runs out, and the job is due again.
        log.exception("job %s %s: the failure could not be recorded", job.id, job.kind)
    else:
        if state == "failed":
            log.error("job %s %s failed for good; see `eventhub jobs`", job.id, job.kind)
