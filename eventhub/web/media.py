"""Pictures: taken in with a form, and served to everybody under names that nobody can guess."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from eventhub.errors import NotFound
from eventhub.gateways.images import StoredImage
from eventhub.services.ports import storage
from eventhub.web.call import STORAGE, Call
from eventhub.web.http.uploads import UPLOADS

AVATARS = "avatars"
COVERS = "covers"
# Invoices and certificates lie in the same storage; those are for their owners, through routes of their own.
PUBLIC_FOLDERS = (AVATARS, COVERS)

Shape = Callable[[bytearray, str], Awaitable[StoredImage]]


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


@asynccontextmanager
async def uploaded(
    call: Call, field: str, shape: Shape, folder: str
) -> AsyncIterator[storage.Replacement | None]:
    """Yield the picture that the body brings, taken out of it and stored; None where it brings none.

    The transaction belongs inside: the file that was replaced goes after the commit. Raises Invalid for no picture.
    """
    if field not in call.body:
        yield None
        return
    data = call.body.pop(field)
    picture = None
    if data is not None:
        async with call.request.app[UPLOADS].decoding(call.request, call.viewer.id, len(data)):
            picture = await shape(data, field)
    del data  # up to 10 MiB, which the rest does not need
    async with storage.replacement(call.request.app[STORAGE], folder, picture) as replacement:
        yield replacement
