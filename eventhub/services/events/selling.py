"""Events sell while their organizer is active: a flag on their rows, because every booking asks for it."""

from eventhub.database import Transaction
from eventhub.models.jobs import FOLLOW_ORGANIZER
from eventhub.services import seats
from eventhub.services.periodic import PeriodicTask

CHUNK = 200
AGAIN_SECONDS = 1.0


async def follow_organizer(tx: Transaction, organizer_id: int) -> None:
    """Let the next events of a user who was deactivated, or is active again, stop or go on selling; a job does the rest.

    What somebody else has locked is passed over for now: a busy event keeps nobody's account from being closed.
    """
    await _set(tx, _OF_ORGANIZER, organizer_id, CHUNK)
    if await tx.fetch_value(f"SELECT EXISTS ({_OF_ORGANIZER})", organizer_id):
        tx.enqueue(
            FOLLOW_ORGANIZER,
            run_at=await tx.fetch_value("SELECT now() + make_interval(secs => $1)", AGAIN_SECONDS),
            user_id=organizer_id,
        )


async def follow_organizers(tx: Transaction, limit: int = CHUNK) -> int:
    """Set the flag of events where it is not as their organizer is, up to `limit` of either kind; return how many."""
    return sum([await _set(tx, events, None, limit) for events in (_TO_STOP, _TO_GO_ON)])


async def _set(tx: Transaction, events: str, organizer_id: int | None, limit: int) -> int:
    arguments = [organizer_id] if organizer_id is not None else []
    rows = await tx.fetch(_SET.format(events=events, limit=limit), *arguments)
    for row in rows:
        # Its waitlist has stood still meanwhile.
        if row["is_selling"] and row["waiting_count"]:
            seats.enqueue_promotion(tx, row["id"])
    return len(rows)


# The inner array, so that the planner looks for all events first, where there is an index of few, and not for so many in
# the order of some other. The outer one, so that it picks so many once and not for each row that it joins.
_SET = """
UPDATE events e SET is_selling = u.is_active FROM users u
WHERE e.id = ANY(ARRAY(
    SELECT id FROM events WHERE id = ANY(ARRAY({events})) LIMIT {limit} FOR NO KEY UPDATE SKIP LOCKED))
  AND u.id = e.organizer_id AND e.is_selling <> u.is_active
RETURNING e.id, e.is_selling, e.waiting_count
"""
# What has begun or was cancelled sells nothing anyway, and a draft is looked at when it is published.
_OF_ORGANIZER = """
SELECT e.id FROM users u JOIN events e ON e.organizer_id = u.id
WHERE u.id = $1 AND e.is_selling <> u.is_active AND (u.is_active OR e.status = 'published')
"""
_TO_STOP = """
SELECT e.id FROM users u JOIN events e ON e.organizer_id = u.id
WHERE NOT u.is_active AND e.is_selling AND e.status = 'published'
"""
_TO_GO_ON = """
SELECT e.id FROM events e JOIN users u ON u.id = e.organizer_id WHERE NOT e.is_selling AND u.is_active
"""


PERIODIC = (PeriodicTask("follow organizers", follow_organizers),)
