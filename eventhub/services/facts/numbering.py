"""Numbers for facts, which are given after their commit: gap-free, and none below one that anybody can have read.

Whoever has read up to a number has missed nothing below it, because all that is below it became visible with it or before
it: docs/decisions/0006-facts-are-numbered-after-the-commit.md.
"""

import asyncio

from eventhub.database import Database, Queries, Transaction

NUMBERING_LOCK = 0x46414354  # "FACT": any number that nobody else locks on this database
BATCH = 1000


async def number_all(database: Database, *, pause_seconds: float = 0.0) -> int:
    """Number what is committed, in batches; return how many. Where somebody else is at it, leave it to them.

    They look again once they have let go, and so find what was committed before this process was refused: after a pause,
    since under load there is always one more.
    """
    done = 0
    while await database.fetch_value(_IS_ANY_LEFT):
        async with database.transaction() as tx:
            numbered = await number(tx)
        if numbered is None:
            break
        done += numbered
        if numbered < BATCH:
            await asyncio.sleep(pause_seconds)
    return done


_IS_ANY_LEFT = "SELECT EXISTS (SELECT FROM facts WHERE seq IS NULL)"


async def number(tx: Transaction, limit: int = BATCH) -> int | None:
    """Number up to `limit` committed facts, the lowest ids first; return how many, None where somebody else is at it.

    The lock is asked for in a statement of its own: the next one sees all that its last holder has committed.
    """
    if not await tx.fetch_value("SELECT pg_try_advisory_xact_lock($1)", NUMBERING_LOCK):
        return None
    numbered: int | None = await tx.fetch_value(_NUMBER, limit)
    return numbered or 0


# Here it also follows whose event it was, which nothing else would have to look up. The facts to be updated are not asked
# for their numbers again: the planner takes those without one for few, and would look through all of them for each.
_NUMBER = """
WITH oldest AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM (SELECT id FROM facts WHERE seq IS NULL ORDER BY id LIMIT $1) AS waiting
), numbered AS (
    UPDATE facts
    SET seq = last.seq + oldest.place,
        organizer_id = coalesce(facts.organizer_id, (SELECT organizer_id FROM events WHERE events.id = facts.event_id))
    FROM oldest, fact_cursors AS last
    WHERE facts.id = oldest.id AND last.name = 'numbered'
    RETURNING facts.id
)
UPDATE fact_cursors SET seq = seq + (SELECT count(*) FROM numbered)
WHERE name = 'numbered' AND EXISTS (SELECT FROM numbered)
RETURNING (SELECT count(*) FROM numbered)
"""


async def unnumbered(queries: Queries) -> tuple[int, float]:
    """Return how many facts have no number yet, and for how many seconds the oldest has been waiting for one."""
    row = await queries.fetch_one(
        "SELECT count(*) AS number, coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8 AS seconds "
        "FROM facts WHERE seq IS NULL"
    )
    assert row is not None  # noqa: S101 - counts of nothing are a row
    return row["number"], max(0.0, row["seconds"])


async def keep_organizer(tx: Transaction, event_id: int, organizer_id: int) -> None:
    """Let what has happened to an event so far stay its organizer's: it is about to go, or to be another's."""
    await tx.execute(
        "UPDATE facts SET organizer_id = $2 WHERE event_id = $1 AND seq IS NULL AND organizer_id IS NULL",
        event_id,
        organizer_id,
    )


async def purge(tx: Transaction, limit: int = 5000, *, kept_days: int) -> int:
    """Drop up to `limit` of the first facts, as far as they are older than `kept_days`; return how many.

    What is left has no gap: whoever reads on from a number that is gone finds that out by the next one.
    """
    return await tx.execute(_PURGE, kept_days, limit)


_PURGE = """
WITH first AS MATERIALIZED (SELECT seq, occurred_at FROM facts WHERE seq IS NOT NULL ORDER BY seq LIMIT $2)
DELETE FROM facts WHERE seq = ANY(ARRAY(
    SELECT seq FROM first WHERE seq < coalesce(
        (SELECT min(seq) FROM first WHERE occurred_at >= now() - make_interval(days => $1)), 9223372036854775807)))
"""
