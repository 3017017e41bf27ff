"""Connections that wait for nobody for long, and that speak the error format also where a request is no HTTP."""

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from eventhub.web.errors import error_response
from eventhub.web.middlewares import CONTENT_SECURITY_POLICY, SECURITY_HEADERS, new_request_id

HEADER_SECONDS = 15.0  # from the first byte of a request to the end of its headers
MAX_LINE_BYTES = 8190
MAX_HEADERS = 100

log = logging.getLogger("eventhub.web")


class Connection(RequestHandler):
    """aiohttp's, with a limit on how long headers may take."""

    header_seconds = HEADER_SECONDS
    _deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_waiting = self._waiter is not None and not self._waiter.done()
        if is_waiting and self._deadline is None:
            self._deadline = self._loop.call_later(self.header_seconds, self.force_close)
        elif not is_waiting and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - aiohttp calls this by position
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Return the answer to what is no request. What else comes here is a failure of this server's."""
        if status >= 500:
            log.error("a request failed outside the application", exc_info=exc)
            response = error_response(500, "Something went wrong.")
        elif isinstance(exc, LineTooLong):
            response = error_response(400, "The request line or a header is too long.", code="bad_request")
        else:
            response = error_response(400, "This is not a valid HTTP request.", code="bad_request")
        response.headers.update(SECURITY_HEADERS)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Request-ID"] = new_request_id()
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's, with connections of the kind above."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(
            app,
            access_log=None,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            **options,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        return server
