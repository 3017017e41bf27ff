"""What admins do to failed jobs: each act is asked about first, done by one form, and written down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from eventhub import logs
from eventhub.database import Transaction
from eventhub.errors import Conflict, NotFound
from eventhub.models.jobs import JobState
from eventhub.services.operations import actions, open_jobs
from eventhub.services.operations.open_jobs import OpenJob
from eventhub.web.ops.figures import FIGURES
from eventhub.web.ops.visit import Visit, redirect

GONE = (
    "No such job stands as failed any more: somebody else has seen to it, or the clock has made it anew. "
    "Look at the list again."
)
_LISTED = 1000


async def ask_to_retry(visit: Visit) -> web.Response:
    """Asks whether a failed job is to be tried again."""
    return await visit.page("confirm", act="retry", job=await _failed(visit), kind=None, number=1)


async def ask_to_discard(visit: Visit) -> web.Response:
    """Asks whether a failed job is to be dropped; not of what moves money."""
    job = await _failed(visit)
    if job.kind in actions.MONEY_KINDS:
        raise actions.MovesMoney(job.kind)
    return await visit.page("confirm", act="discard", job=job, kind=None, number=1)


async def ask_to_retry_all(visit: Visit) -> web.Response:
    """Asks whether all failed jobs of a kind are to be tried again."""
    kind = visit.request.match_info["kind"]
    jobs = await open_jobs.list_jobs(visit.database, kind, JobState.FAILED, _LISTED)
    if not jobs:
        raise Conflict(GONE)
    return await visit.page("confirm", act="retry", job=jobs[0], kind=kind, number=len(jobs))


async def _failed(visit: Visit) -> OpenJob:
    """Return the job that the path names. Raises Conflict where it is none that has failed."""
    try:
        job = (await open_jobs.show(visit.database, visit.id())).job
    except NotFound:
        job = None
    if job is None or job.state != JobState.FAILED:
        raise Conflict(GONE)
    return job


async def retry(visit: Visit) -> web.Response:
    """Queues a failed job again."""
    async with _acting(visit) as tx:
        await actions.retry(tx, visit.actor, visit.id())
    return _done()


async def discard(visit: Visit) -> web.Response:
    """Drops a failed job; not of what moves money."""
    async with _acting(visit) as tx:
        await actions.discard(tx, visit.actor, visit.id())
    return _done()


async def retry_all(visit: Visit) -> web.Response:
    """Queues all failed jobs of a kind again."""
    async with _acting(visit) as tx:
        if not await actions.retry_all(tx, visit.actor, visit.request.match_info["kind"]):
            raise NotFound
    return _done()


@asynccontextmanager
async def _acting(visit: Visit) -> AsyncIterator[Transaction]:
    """Yield the transaction of an act. Raises Conflict where there is nothing left to do it to."""
    try:
        async with visit.transaction() as tx:
            yield tx
    except NotFound:
        raise Conflict(GONE) from None
    visit.request.app[FIGURES].forget()


def _done() -> web.Response:
    """Lead back to the list, which says what was done, from what was written down."""
    return redirect(f"/ops/failed/?done={logs.request_id()}")
