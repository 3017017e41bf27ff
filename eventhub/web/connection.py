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
        answer = server.request_handler

        async def answer_or_refuse(request: web.BaseRequest) -> web.StreamResponse:
            try:
                return await answer(request)
            except web.HTTPExpectationFailed:  # raised before any middleware runs
                return _refusal(417, "No expectation but 100-continue is met here.", "expectation_failed")

        server.request_handler = answer_or_refuse
        return server
