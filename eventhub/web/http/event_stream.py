"""An answer that goes on: Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import contextlib
from collections.abc import AsyncGenerator

from aiohttp import web

EVENT_STREAM = "text/event-stream"
HEADERS = {
    "Content-Type": EVENT_STREAM,
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # proxies of nginx's kind hand on each event at once
}


class EventStream(web.StreamResponse):
    """What `parts` yield, sent as it comes.

    It begins once all middlewares are through with it: its head has what they add, and to them, as to whoever counts
    requests and their time, it is answered by then. Its connection serves nothing else afterwards, so that the end of this
    process cannot come between it and another request.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers=HEADERS)
        self.force_close()
        self._parts = parts

    async def write_eof(self, data: bytes = b"") -> None:
        async with contextlib.aclosing(self._parts) as parts:
            async for part in parts:
                await self.write(part)
        await super().write_eof(data)
