"""Connections that wait for nobody for long, and that speak the error format also where a request is no HTTP.

aiohttp by itself keeps a connection for as long as its client likes: here one ends that sends its headers too slowly
or takes nothing of what is sent to it, and a process holds a bounded number of them.
"""

import asyncio
import logging
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from eventhub.web.errors import error_response
from eventhub.web.middlewares import CONTENT_SECURITY_POLICY, SECURITY_HEADERS, new_request_id

HEADER_SECONDS = 15.0  # from the first byte of a request to the end of its headers
WRITE_SECONDS = 30.0  # in which a client takes some of what waits to be sent to it
MAX_CONNECTIONS = 1000
MAX_LINE_BYTES = 8190
MAX_HEADERS = 100

log = logging.getLogger("eventhub.web")


class Connection(RequestHandler):
    """aiohttp's, with limits on how long headers may take and how long an answer may wait to be read."""

    header_seconds = HEADER_SECONDS
    write_seconds = WRITE_SECONDS
    _deadline: asyncio.TimerHandle | None = None
    _write_check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Paused as soon as a byte cannot be handed on, so that every answer that is not read is noticed.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=0)
        if isinstance(self._manager, _Server):
            self._manager.make_room(self)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, a half-sent one apart."""
        return self._waiter is not None and not self._waiter.done()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Bytes that come with the connection come before anybody waits for them.
        is_waiting = self.is_idle or self._request_count == 0
        if is_waiting and self._deadline is None:
            self._deadline = self._loop.call_later(self.header_seconds, self.force_close)
        elif not is_waiting and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.transport is not None:
            self._check_writing_later(self.transport)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_check is not None:
            self._write_check.cancel()

    def _check_writing_later(self, transport: asyncio.Transport) -> None:
        left = transport.get_write_buffer_size()
        self._write_check = self._loop.call_later(self.write_seconds, self._check_writing, transport, left)

    def _check_writing(self, transport: asyncio.Transport, left: int) -> None:
        """Drop the client that took nothing since `left` bytes waited for it."""
        if transport.get_write_buffer_size() < left:
            self._check_writing_later(transport)
        else:
            transport.abort()  # close() would wait for the client

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in (self._deadline, self._write_check):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def log_exception(self, *args: Any, **options: Any) -> None:
        """Pass over a body that cannot be read to its end: its request has been answered."""
        if not isinstance(options.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **options)

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
            return _refusal(500, "Something went wrong.", "server_error")
        if isinstance(exc, LineTooLong):
            return _refusal(400, "The request line or a header is too long.", "bad_request")
        return _refusal(400, "This is not a valid HTTP request.", "bad_request")


def _refusal(status: int, detail: str, code: str) -> web.Response:
    """Return an answer to what the application, and so its middlewares, never saw."""
    response = error_response(status, detail, code=code)
    response.headers.update(SECURITY_HEADERS)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Request-ID"] = new_request_id()
    response.force_close()
    return response


class _Server(web.Server):
    max_connections = MAX_CONNECTIONS

    def make_room(self, newest: Connection) -> None:
        """Close the oldest idle connection where there are too many, or the newest where all are at work."""
        if len(self._connections) > self.max_connections:
            others = (held for held in self._connections if isinstance(held, Connection) and held.is_idle)
            next(others, newest).force_close()

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's, with connections of the kind above, and at most `max_connections` of them."""

    def __init__(
        self, app: web.Application, *, max_connections: int = MAX_CONNECTIONS, **options: Any
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            # A body of 1 MB can unpack to 1 GB, also after it was refused: compressed ones are taken by no route.
            auto_decompress=False,
            **options,
        )
        self._max_connections = max_connections

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        server.max_connections = self._max_connections  # type: ignore[attr-defined]
        answer = server.request_handler

        async def answer_or_refuse(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await answer(request)
            except web.HTTPExpectationFailed:  # raised before any middleware runs
                return _refusal(417, "No expectation but 100-continue is met here.", "expectation_failed")

        server.request_handler = answer_or_refuse
        return server
