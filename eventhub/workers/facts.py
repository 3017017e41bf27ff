"""Numbers facts once their commit is seen: woken by messages that have no job's row, which may be lost, and by the clock."""

import logging

from eventhub.database import ContentionErrors, Database, UnavailableErrors
from eventhub.models.jobs import Queue
from eventhub.services import facts

ACTOR = "number_facts"
# Whoever scales queues alone has workers for this one: without them no booking would be confirmed.
QUEUE = Queue.BOOKINGS
TIME_LIMIT_SECONDS = 60
PAUSE_SECONDS = 0.05  # between two batches that are not full

log = logging.getLogger("eventhub.facts")


async def number(database: Database) -> None:
    """Number what is committed. What goes wrong is tried again with the next message, or by the clock."""
    try:
        await facts.number_all(database, pause_seconds=PAUSE_SECONDS)
    except (*ContentionErrors, *UnavailableErrors) as error:
        log.warning("facts are not numbered yet: %r", error)
    except Exception:
        log.exception("facts are not numbered")
