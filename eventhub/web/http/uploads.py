"""How many pictures a web process takes in at once: any more are refused for the moment, before they are read."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from aiohttp import web

from eventhub.errors import Busy
from eventhub.web.http.forms import MAX_FORM_BYTES
from eventhub.web.http.turns import FairQueue, Turns, address_of

# Under way in one process, from the first byte of a form until it is answered; one address has half of both at most.
MAX_UPLOADS = 32
MAX_UPLOAD_BYTES = 64 * 1024 * 1024
# Of one user one is under way. So many more wait, unread, as from a page that sends several files at once.
WAITING_OF_ONE_USER = 3
WAIT_SECONDS = 30.0  # longer than any one picture takes, so that who comes next gets their turn


class Uploads:
    """The forms with pictures that one process has under way."""

    def __init__(self) -> None:
        self._users = Turns(waiting=WAITING_OF_ONE_USER, seconds=WAIT_SECONDS)
        self._decoding = FairQueue(seconds=WAIT_SECONDS)
        self._under_way: list[tuple[str, int]] = []

    @asynccontextmanager
    async def admitted(self, request: web.Request, user_id: int) -> AsyncIterator[None]:
        """Let the block read the request's form and use it. Raises Busy."""
        size = request.content_length
        if size is None or size > MAX_FORM_BYTES:
            size = MAX_FORM_BYTES
        async with self._users.of(user_id):
            with self._room(address_of(request), size):
                yield

    def decoding(self, request: web.Request, user_id: int, size: int) -> AbstractAsyncContextManager[None]:
        """Let the block have a picture decoded when it is its turn. Raises Busy."""
        address = address_of(request)
        return self._decoding.turn(address, (address, user_id), size=size)

    @contextmanager
    def _room(self, address: str, size: int) -> Iterator[None]:
        everybody = [held for _, held in self._under_way]
        same_address = [held for whose, held in self._under_way if whose == address]
        if _is_full([*everybody, size], share=1) or _is_full([*same_address, size], share=2):
            raise Busy("Too many pictures are being processed at the moment.")
        self._under_way.append((address, size))
        try:
            yield
        finally:
            self._under_way.remove((address, size))


def _is_full(sizes: Sequence[int], share: int) -> bool:
    return len(sizes) > MAX_UPLOADS // share or sum(sizes) > MAX_UPLOAD_BYTES // share


UPLOADS = web.AppKey("uploads", Uploads)
