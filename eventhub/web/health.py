"""What load balancers ask."""

import asyncio

from aiohttp import web

from eventhub.database import Database
from eventhub.schemas.health import Health
from eventhub.web.call import Call, Route, tagged

LOOK_SECONDS = 1.0


class Pulse:
    """Whether the database answers. One per process, which asks it once a second at most, however many want to know."""

    def __init__(self) -> None:
        self._looked_at = 0.0
        self._look: asyncio.Task[object] | None = None

    async def feel(self, database: Database) -> None:
        """Return if it answers; raise what it raised else."""
        loop = asyncio.get_running_loop()
        if self._look is None or (self._look.done() and loop.time() - self._looked_at >= LOOK_SECONDS):
            self._looked_at = loop.time()
            self._look = loop.create_task(database.fetch_value("SELECT 1"))
        await asyncio.shield(self._look)


PULSE = web.AppKey("pulse", Pulse)


async def health(call: Call) -> web.Response:
    """200 while the database answers, and 503 otherwise."""
    await call.request.app[PULSE].feel(call.database)
    return call.reply({"status": "ok"})


ROUTES = tagged(
    "Operations",
    Route(
        "GET",
        "/healthz/",
        health,
        "Check whether this process can serve requests",
        is_public=True,
        is_unlimited=True,
        returns=Health,
    ),
)
