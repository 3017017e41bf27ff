"""How commands open the database: for a moment, with few connections, and without any time limit."""

import contextlib
from collections.abc import AsyncIterator

from eventhub import logs
from eventhub.database import Database
from eventhub.settings import Settings
from eventhub.workers.broker import MessageSender, redis_broker


@contextlib.asynccontextmanager
async def open_database(settings: Settings, *, sends: bool = False) -> AsyncIterator[Database]:
    """Yield the database; where the block `sends`, messages for the jobs that it makes or retries leave at once.

    Otherwise the clock sends them.
    """
    logs.configure("command", "WARNING", settings.log_format)
    sender = MessageSender(redis_broker(settings.redis_url)) if sends else None
    try:
        database = await Database.open(
            settings.database_url,
            deliver=sender.deliver if sender else lambda _: None,
            wake=sender.wake if sender else None,
            pool_size=2,
            pooler=settings.database_pooler,
        )
        try:
            yield database
        finally:
            await database.close()
    finally:
        if sender is not None:
            sender.close()
