"""Pictures, served to everybody under names that nobody can guess."""

from aiohttp import web

from eventhub.errors import NotFound
from eventhub.services.ports import storage
from eventhub.web.call import STORAGE, Call
from eventhub.web.pictures import AVATARS, COVERS

# Invoices and certificates lie in the same storage; those are for their owners, through routes of their own.
PUBLIC_FOLDERS = (AVATARS, COVERS)


async def serve(call: Call) -> web.Response:
    """200 with a picture, for good: a changed picture has a new name. As mere bytes it is not to be kept."""
    name = call.request.match_info["name"]
    kind = storage.content_type(name)
    if kind is None or name.partition("/")[0] not in PUBLIC_FOLDERS:
        raise NotFound
    data = await call.request.app[STORAGE].get(name)
    sent_as = call.binary_kind(kind)
    kept = "public, max-age=31536000, immutable" if sent_as == kind else "no-store"
    return web.Response(body=data, content_type=sent_as, headers={"Cache-Control": kept})
