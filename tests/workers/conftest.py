"""Jobs of a kind that only these tests know, whose effect is a line in a table of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from eventhub.database import Database, Row, Transaction
from eventhub.models.jobs import JobKind, Queue
from eventhub.services import jobs
from eventhub.settings import Settings
from eventhub.workers.context import JobContext, Resources
from eventhub.workers.kinds import HANDLERS, handles
from eventhub.workers.runner import run_jobs
from tests.api import make_resources

WORK = JobKind(
    name="test_work",
    queue=Queue.NOTIFICATIONS,
    payload=("text",),
    is_unique=False,
    max_attempts=3,
    lease_seconds=60,
    time_limit_seconds=30,
)
UNIQUE_WORK = replace(WORK, is_unique=True)

Handler = Callable[..., Awaitable[None]]


class Work:
    """What tests do with jobs: enqueue, run, look."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.database = resources.database

    async def enqueue(self, *texts: str, kind: JobKind = WORK) -> list[int]:
        """Return the ids of new jobs, one for each text."""
        async with self.database.transaction() as tx:
            for text in texts:
                tx.enqueue(kind, text=text)
        rows = await self.database.fetch(
            "SELECT id FROM jobs WHERE payload->>'text' = ANY($1::text[]) ORDER BY id", list(texts)
        )
        return [row["id"] for row in rows]

    async def run(self, *ids: int, kind: JobKind = WORK) -> int:
        """Do what a worker does with a message of these ids."""
        return await run_jobs(self.resources, kind.name, ids or await self.ids())

    async def claim_one(self, job_id: int, kind: JobKind = WORK) -> jobs.ClaimedJob:
        [claimed] = await jobs.claim(self.database, kind, [job_id])
        return claimed

    async def ids(self) -> list[int]:
        return [row["id"] for row in await self.database.fetch("SELECT id FROM jobs ORDER BY id")]

    async def rows(self) -> list[Row]:
        return await self.database.fetch("SELECT * FROM jobs ORDER BY id")

    async def row(self) -> Row:
        [row] = await self.rows()
        return row

    async def log(self) -> list[tuple[str, str, int]]:
        """Return (kind, outcome, attempts) of each line of the log."""
        rows = await self.database.fetch("SELECT kind, outcome, attempts FROM job_log ORDER BY id")
        return [(row["kind"], row["outcome"], row["attempts"]) for row in rows]

    async def effects(self) -> list[str]:
        rows = await self.database.fetch("SELECT text FROM effects ORDER BY text")
        return [row["text"] for row in rows]

    async def let_lease_run_out(self) -> None:
        await self.database.execute("UPDATE jobs SET lease_until = now() - interval '1 second'")

    async def make_due(self) -> None:
        await self.database.execute("UPDATE jobs SET run_at = now() WHERE state = 'queued'")


async def write(tx: Transaction, text: str) -> None:
    """The effect of a job: a line in the table `effects`."""
    await tx.execute("INSERT INTO effects (text) VALUES ($1)", text)


@pytest.fixture
async def work(settings: Settings, database: Database) -> AsyncIterator[Work]:
    """Jobs of the kind WORK, which write their text, and the table that they write to."""
    await database.execute("CREATE TABLE effects (text text NOT NULL)")

    @handles(WORK)
    async def do_work(run: JobContext, text: str) -> None:
        async with run.transaction() as tx:
            await write(tx, text)

    yield Work(make_resources(settings, database))
    del HANDLERS[WORK.name]
    await database.execute("DROP TABLE effects")


MakeKind = Callable[..., JobKind]


@pytest.fixture
def make_kind(work: Work) -> Iterator[MakeKind]:
    """Register a handler for a variant of WORK and return the kind."""
    made: list[str] = []

    def make(handler: Handler, name: str = "test_variant", **changes: object) -> JobKind:
        kind = replace(WORK, name=name, **changes)  # type: ignore[arg-type]
        handles(kind)(handler)
        made.append(name)
        return kind

    yield make
    for name in made:
        del HANDLERS[name]


def texts(number: int) -> Sequence[str]:
    return [f"{n:03}" for n in range(number)]
