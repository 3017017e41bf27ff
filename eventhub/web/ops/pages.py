"""What the pages read."""

from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from eventhub.models.jobs import JobState
from eventhub.services.operations import actions, open_jobs, search, stats, story
from eventhub.services.operations.actions import Action
from eventhub.web.ops import overview
from eventhub.web.ops.visit import Visit

LISTED = 100
RECENT_ACTS = 10
MOST_TYPED = 254


async def home(visit: Visit) -> web.Response:
    """What runs, what waits, what was sold, and what is wrong."""
    backlogs, processes = await visit.figure(stats.backlogs), await visit.figure(stats.processes)
    for_people = await visit.figure(stats.waiting_for_people)
    return await visit.page(
        "overview",
        concerns=overview.concerns(processes, backlogs, for_people),
        processes=processes,
        queues=overview.queue_lines(backlogs, await visit.figure(stats.rates), datetime.now(UTC)),
        kinds=backlogs.kinds,
        sales=await visit.figure(stats.sales),
        money=await visit.figure(stats.money),
        for_people=for_people,
        owed=await visit.figure(stats.owed),
        store=await visit.figure(stats.store),
    )


async def failed(visit: Visit) -> web.Response:
    """Jobs that failed, of one kind or of all, and what was last done by hand."""
    kind = visit.request.query.get("kind", "").replace("\0", "") or None
    queries = visit.database
    kinds = [each for each in (await visit.figure(stats.backlogs)).kinds if each.failed]
    jobs = await open_jobs.list_jobs(queries, kind, JobState.FAILED, LISTED)
    recent = await actions.list_actions(queries, RECENT_ACTS)
    return await visit.page(
        "failed",
        kind=kind,
        kinds=kinds,
        jobs=jobs,
        listed=LISTED,
        acts=recent,
        done=_done(visit, recent),
        money_kinds=actions.MONEY_KINDS,
    )


def _done(visit: Visit, recent: Sequence[Action]) -> Action | None:
    """Return what this admin has just done, if the path says that they come from there."""
    request_id = visit.request.query.get("done")
    mine = visit.session.viewer.id
    return next((act for act in recent if act.user_id == mine and act.request_id == request_id), None)


async def job(visit: Visit) -> web.Response:
    """One job: all that is known of it, and what else its request caused."""
    shown = await open_jobs.show(visit.database, visit.id())
    acts = await actions.list_actions(visit.database, LISTED, subjects=[f"job {visit.id()}"])
    return await visit.page("job", id=visit.id(), shown=shown, acts=acts, money_kinds=actions.MONEY_KINDS)


async def booking(visit: Visit) -> web.Response:
    """One booking's story."""
    return await visit.page("booking", story=await story.tell(visit.database, visit.id()))


async def waiting(visit: Visit) -> web.Response:
    """What only a person can do."""
    return await visit.page("waiting", for_people=await stats.waiting_for_people(visit.database))


async def find(visit: Visit) -> web.Response:
    """What an id, a name, an address or a number leads to."""
    text = visit.request.query.get("q", "").replace("\0", "").strip()[:MOST_TYPED]
    found = await search.find(visit.database, text) if text else search.Found()
    return await visit.page("search", text=text, found=found)


async def acts(visit: Visit) -> web.Response:
    """What was done by hand, newest first, a page at a time."""
    before = visit.request.query.get("before", "")
    is_number = before.isascii() and before.isdigit() and len(before) < 19
    listed = await actions.list_actions(visit.database, LISTED, before=int(before) if is_number else None)
    return await visit.page("acts", acts=listed, listed=LISTED)
