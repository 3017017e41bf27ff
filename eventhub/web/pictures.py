"""The pictures that come with a form: each is made fit to serve when its turn comes, and stored."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from eventhub.gateways import images
from eventhub.services.ports import storage
from eventhub.web.call import STORAGE, Call
from eventhub.web.http.uploads import UPLOADS

AVATARS = "avatars"
COVERS = "covers"

Shape = Callable[[bytearray, str], Awaitable[images.StoredImage]]
Upload = AbstractAsyncContextManager[storage.Replacement | None]


def avatar(call: Call) -> Upload:
    """Let the block run with the stored `avatar` of the body, None where it brings none. Raises Invalid."""
    return _uploaded(call, "avatar", images.avatar, AVATARS)


def cover(call: Call) -> Upload:
    """Let the block run with the stored `cover_image` of the body, None where it brings none. Raises Invalid."""
    return _uploaded(call, "cover_image", images.cover, COVERS)


@asynccontextmanager
async def _uploaded(
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
