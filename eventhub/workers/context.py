"""What a handler gets, and how it says that its job is not done."""

import contextlib
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from eventhub.database import Database, Transaction
from eventhub.services import jobs, locking
from eventhub.services.ports.documents import DocumentRenderer
from eventhub.services.ports.mail import MailComposer, Mailer
from eventhub.services.ports.payments import PaymentGateway
from eventhub.services.ports.storage import FileStorage
from eventhub.settings import Settings
from eventhub.workers.rounds import Rounds


class Retry(Exception):
    """Raised when the outside is away, or not done yet: tried again after its back-off, with the attempt uncounted."""


class PermanentFailure(Exception):
    """Raised when trying again is of no use: the job ends as failed at once, for a person to look at.

    What its rows promise is tried again by the clock, in an hour, unless the promise `is_settled` with it.
    """

    def __init__(self, detail: str, *, is_settled: bool = False) -> None:
        super().__init__(detail)
        self.is_settled = is_settled


@dataclass(frozen=True)
class Resources:
    """What handlers work with; opened once per worker process. `gateways` are the payment gateways by name."""

    settings: Settings
    database: Database
    mailer: Mailer
    composer: MailComposer
    gateways: Mapping[str, PaymentGateway]
    documents: DocumentRenderer
    storage: FileStorage
    process_id: uuid.UUID | None = None  # of this process's row in `processes`
    rounds: Rounds = field(default_factory=Rounds)
    stopping: threading.Event = field(default_factory=threading.Event)  # set, nothing more is begun

    async def close(self) -> None:
        await self.mailer.close()
        for gateway in self.gateways.values():
            await gateway.close()
        await self.database.close()


# How a try ended that recorded no end: others take the job over when its lease ends.
LEASE_LOST = "lease_lost"


class JobContext:
    """One attempt at one job: what a handler gets."""

    def __init__(self, resources: Resources, job: jobs.ClaimedJob) -> None:
        self.resources = resources
        self.job = job
        self.ended = False
        self.outcome = LEASE_LOST
        self._settles: list[Callable[[Transaction], Awaitable[None]]] = []

    @property
    def database(self) -> Database:
        return self.resources.database

    @property
    def settings(self) -> Settings:
        return self.resources.settings

    def settles(self, promise: Callable[[Transaction], Awaitable[None]]) -> None:
        """Let the transaction that ends the job, done or refused, also note that nothing is owed any more."""
        self._settles.append(promise)

    async def settle(self, tx: Transaction) -> None:
        for promise in self._settles:
            await promise(tx)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Yield the job's one transaction: its effects, the jobs that follow, and the job's own end, or nothing.

        Whatever goes outside (mail, gateways, PDFs) is done before the block, without a transaction.
        """
        async with self.database.transaction(await self.event_changed()) as tx:
            yield tx
            await self.settle(tx)
            await jobs.finish(tx, self.job)
        self.ended = True

    async def hold(self) -> None:
        """Make sure that the job is still this worker's before something leaves for good. Raises LeaseLost."""
        await jobs.hold(self.database, self.job, self.resources.process_id)

    async def event_changed(self) -> int | None:
        """Return the event whose row this job is going to lock, as far as its payload tells."""
        for name, value in self.job.payload.items():
            thing, _, rest = name.partition("_id")
            if not rest and (event_id := await locking.find_event(self.database, thing, value)) is not None:
                return event_id
        return None
