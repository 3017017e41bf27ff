"""What load balancers ask, and what people who have found a vulnerability do."""

import asyncio
from datetime import UTC, datetime, timedelta

from aiohttp import web

from eventhub.database import Database
from eventhub.errors import NotFound
from eventhub.schemas.ops import Health
from eventhub.web.call import Call, Route, tagged

LOOK_SECONDS = 1.0
CONTACT_DAYS = 90  # RFC 9116 wants less than a year: who reads it later is to look again


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


async def security_txt(call: Call) -> web.Response:
    """Where to report a vulnerability (RFC 9116); 404 if no contact is configured."""
    contact = call.settings.security_contact
    if not contact:
        raise NotFound
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=CONTACT_DAYS)
    return web.Response(
        text=f"Contact: {contact}\nExpires: {until:%Y-%m-%dT%H:%M:%SZ}\n",
        content_type="text/plain",
        charset="utf-8",
        headers={"Cache-Control": "public, max-age=86400"},
    )


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
    Route(
        "GET",
        "/.well-known/security.txt",
        security_txt,
        "Where to report a security vulnerability",
        is_public=True,
        produces=("text/plain",),
        refuses={404: []},
    ),
)
