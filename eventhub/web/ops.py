"""What load balancers ask."""

from aiohttp import web

from eventhub.web.call import Call


async def health(call: Call) -> web.Response:
    """200 while the database answers; the error middleware makes a 503 of anything else."""
    await call.database.fetch_value("SELECT 1")
    return call.reply({"status": "ok"})
