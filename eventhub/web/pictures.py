"""Pictures that come with a form."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from eventhub.gateways.images import StoredImage
from eventhub.services.ports import storage
from eventhub.web.call import STORAGE, Call
from eventhub.web.http.uploads import UPLOADS

AVATARS = "avatars"
COVERS = "covers"

Shape = Callable[[bytearray, str], Awaitable[StoredImage]]


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
