"""What load balancers ask, and who has found a hole."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from eventhub.errors import NotFound
from eventhub.web.call import Call

CONTACT_DAYS = 90  # RFC 9116 wants less than a year: who reads it later is to look again


async def health(call: Call) -> web.Response:
    """200 while the database answers; the error middleware makes a 503 of anything else."""
    await call.database.fetch_value("SELECT 1")
    return call.reply({"status": "ok"})


async def security_txt(call: Call) -> web.Response:
    """Where to report a hole (RFC 9116); 404 where ops have not set it."""
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
