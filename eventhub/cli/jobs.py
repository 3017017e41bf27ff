"""`eventhub jobs` lists, retries and discards the jobs that failed for good."""

import argparse
import asyncio
import sys

from eventhub.cli.data_dir import settings_for_tools
from eventhub.database import Database
from eventhub.errors import EventHubError, NotFound
from eventhub.models.jobs import JobState
from eventhub.services import jobs
from eventhub.settings import Settings
from eventhub.workers.broker import MessageSender, redis_broker

_DONE = {"retry": "queued again", "discard": "discarded"}


def failed_jobs(args: argparse.Namespace) -> int:
    chosen = [args.id is not None, args.kind is not None, args.all]
    if args.action != "list" and sum(chosen) != 1:
        print(
            f"eventhub: jobs {args.action} needs one of a job's id, --kind and --all",
            file=sys.stderr,
        )
        return 2
    with settings_for_tools() as settings:
        asyncio.run(_failed_jobs(settings, args.action, args.id, args.kind))
    return 0


async def _failed_jobs(settings: Settings, action: str, job_id: int | None, kind: str | None) -> None:
    sender = MessageSender(redis_broker(settings.redis_url))
    database = await Database.open(
        settings.database_url, deliver=sender.deliver, pool_size=2, pooler=settings.database_pooler
    )
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
