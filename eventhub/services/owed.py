"""What jobs owe an event: on its row until it is done, so that the clock finds what failed and lost jobs have left.

Such a job does a bounded chunk of what its event's rows say is still to be done, and goes on in another; its payload is
the event, and how far the last one came, which spares it to look at the same rows again. Only one that looked at all of
them, and found nothing to do, settles what is owed.
"""

from collections.abc import Awaitable, Callable

from eventhub.database import Row, Transaction
from eventhub.models.events import Owed
from eventhub.models.jobs import (
    CANCEL_EVENT_BOOKINGS,
    ISSUE_CERTIFICATES,
    REMIND_ATTENDEES,
    SURVEY_ATTENDEES,
    JobKind,
)
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise, take_up

CHUNK = 200
JOBS: dict[Owed, JobKind] = {
    Owed.CANCELLATIONS: CANCEL_EVENT_BOOKINGS,
    Owed.CERTIFICATES: ISSUE_CERTIFICATES,
    Owed.SURVEY: SURVEY_ATTENDEES,
    Owed.REMINDER: REMIND_ATTENDEES,
}


async def owe(tx: Transaction, event_id: int, *work: Owed) -> None:
    """Note on the event's row that `work` is to be done for it, and let jobs do it."""
    await tx.execute(
        "UPDATE events SET owed = ARRAY(SELECT DISTINCT unnest(owed || $2::text[])) WHERE id = $1",
        event_id,
        [each.value for each in work],
    )
    for each in work:
        go_on(tx, event_id, each)


def go_on(tx: Transaction, event_id: int, work: Owed, **how_far: int) -> None:
    """Let a job do the next chunk; one queued job is enough."""
    tx.enqueue(JOBS[work], run_at=None, event_id=event_id, **how_far)


async def do_chunk(
    tx: Transaction,
    event_id: int,
    work: Owed,
    after_booking: int,
    left: str,
    *arguments: object,
    do: Callable[[list[Row]], Awaitable[None]],
) -> None:
    """Do the next chunk of `work`, and let a job go on; settle it where nothing is left.

    `left` selects what is left of the event's bookings ($1), after this one ($2), so many ($3), in the order of their
    ids; `arguments` are its further ones.
    """
    rows = await tx.fetch(left, event_id, after_booking, CHUNK, *arguments)
    if rows:
        await do(rows)
    if len(rows) == CHUNK:
        go_on(tx, event_id, work, after_booking=rows[-1]["id"])
    elif after_booking and await tx.fetch(left, event_id, 0, 1, *arguments):
        go_on(tx, event_id, work)  # confirmed meanwhile, by money that came late
    else:
        await settle(tx, event_id, work)


async def settle(tx: Transaction, event_id: int, work: Owed) -> None:
    """Note on the event's row that nothing of `work` is left. Its row is locked from here."""
    await tx.execute(
        "UPDATE events SET owed = array_remove(owed, $2) WHERE id = $1 AND $2 = ANY(owed)",
        event_id,
        work.value,
    )


async def take_up_all(tx: Transaction, limit: int) -> int:
    """Let jobs go on with what events are owed and no job is about to do; return of how much."""
    return sum([len(await take_up(tx, promise, limit)) for promise in _PROMISES])


_PROMISES = tuple(
    Promise(
        kind,
        f"SELECT id AS event_id FROM events WHERE owed <> '{{}}' AND '{work}' = ANY(owed) ORDER BY id",
    )
    for work, kind in JOBS.items()
)


PERIODIC = (PeriodicTask("see to what events owe", take_up_all, promises=_PROMISES),)
