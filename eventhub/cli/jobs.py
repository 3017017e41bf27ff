"""`eventhub jobs` lists and shows jobs, retries and discards those that failed for good."""

import argparse
import asyncio
import getpass
import socket
import sys

from eventhub.cli.data_dir import settings_for_tools
from eventhub.cli.opening import open_database
from eventhub.cli.tables import as_json, cell, moment, table
from eventhub.database import Transaction
from eventhub.errors import EventHubError, NotFound
from eventhub.models.jobs import JobState
from eventhub.services.operations import actions, open_jobs
from eventhub.services.operations.actions import Actor
from eventhub.services.operations.open_jobs import EndedJob, OpenJob, Shown
from eventhub.settings import Settings

_DONE = {"retry": "queued again", "discard": "discarded"}


def command_line_actor() -> Actor:
    """Return who types this: the name of the user and of the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = "unknown"
    return Actor(f"cli:{user}@{socket.gethostname()}")


def list_jobs(args: argparse.Namespace) -> int:
    state = JobState(args.state) if args.state else None
    with settings_for_tools() as settings:
        found = asyncio.run(_list(settings, args.kind, state))
    if args.json:
        print(as_json(found))
    elif not found:
        print("No job has failed." if state is None else f"No job is {state}.")
    else:
        print(*map(_line, found), sep="\n")
    return 0


async def _list(settings: Settings, kind: str | None, state: JobState | None) -> tuple[OpenJob, ...]:
    async with open_database(settings) as database:
        return await open_jobs.list_jobs(database, kind, state)


def _line(job: OpenJob) -> str:
    state = "failed" if job.state == JobState.FAILED else f"again at {job.due_at:%Y-%m-%d %H:%M} UTC"
    if job.state == JobState.RUNNING:
        state = "running"
    return "\t".join(
        [str(job.id), job.kind, cell(job.payload), f"attempts {job.attempts}", state, cell(job.error)]
    )


def show_job(args: argparse.Namespace) -> int:
    with settings_for_tools() as settings:
        shown = asyncio.run(_show(settings, args.id))
    print(as_json(shown) if args.json else _described(shown))
    return 0


async def _show(settings: Settings, job_id: int) -> Shown:
    async with open_database(settings) as database:
        try:
            return await open_jobs.show(database, job_id)
        except NotFound:
            raise EventHubError(
                f"No job has the id {job_id}, nor had one in the time that the log is kept."
            ) from None


def _described(shown: Shown) -> str:
    parts = []
    if (job := shown.job) is not None:
        facts = {
            "job": job.id,
            "kind": job.kind,
            "queue": job.queue,
            "state": job.state,
            "payload": job.payload,
            "attempts": f"{job.attempts} of {job.max_attempts}",
            "created": job.created_at,
            "due" if job.state == JobState.QUEUED else "rests until": job.due_at,
            "request": job.request_id,
        }
        if job.state == JobState.RUNNING:
            facts["leased until"] = facts.pop("rests until")
        parts += [table(facts.items()), *(["", job.error] if job.error else [])]
    if shown.ended:
        parts += ["", "Ended:", _log(shown.ended)]
    if shown.same_request:
        parts += ["", f"Of the same request ({shown.same_request[0].request_id}):", _log(shown.same_request)]
    return "\n".join(parts).strip("\n")


def _log(lines: tuple[EndedJob, ...]) -> str:
    return table(
        (
            moment(line.finished_at),
            line.id,
            line.kind,
            line.payload,
            f"attempts {line.attempts}",
            line.outcome,
        )
        for line in lines
    )


def act_on_jobs(args: argparse.Namespace) -> int:
    chosen = [args.id is not None, args.kind is not None, args.all]
    if sum(chosen) != 1:
        print(f"eventhub: jobs {args.action} needs one of a job's id, --kind and --all", file=sys.stderr)
        return 2
    with settings_for_tools() as settings:
        print(asyncio.run(_act(settings, args.action, args.id, args.kind)))
    return 0


async def _act(settings: Settings, action: str, job_id: int | None, kind: str | None) -> str:
    async with open_database(settings, sends=True) as database, database.transaction() as tx:
        if job_id is not None:
            await _act_on_one(tx, action, job_id)
            return f"Job {job_id} is {_DONE[action]}."
        act = actions.retry_all if action == "retry" else actions.discard_all
        number = await act(tx, command_line_actor(), kind)
    what = "job" if kind is None else f"{kind} job"
    return f"{number} failed {what}{'' if number == 1 else 's'} {_DONE[action]}."


async def _act_on_one(tx: Transaction, action: str, job_id: int) -> None:
    actor = command_line_actor()
    try:
        if action == "retry":
            await actions.retry(tx, actor, job_id)
        else:
            # Whoever is at the machine may take a refund on: it is made by hand from then on.
            await actions.discard(tx, actor, job_id, with_money=True)
    except NotFound:
        raise EventHubError(f"No failed job has the id {job_id}.") from None
