"""Connections that wait for no client for long, and answer in the error format even what is not HTTP.

aiohttp by itself keeps a connection for as long as its client likes: here one ends that sends its headers too slowly
or takes nothing of what is sent to it, and a process holds a bounded number of them (web/http/bounds.py).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from eventhub.web.http.bounds import Bounds, Room
from eventhub.web.http.errors import error_response
from eventhub.web.http.middlewares import CONTENT_SECURITY_POLICY, SECURITY_HEADERS, new_request_id
from eventhub.web.http.proxies import PROXIES

HEADER_SECONDS = 15.0  # from the first byte of a request to the end of its headers
WRITE_SECONDS = 30.0  # in which a client takes some of what waits to be sent to it
LINGER_SECONDS = (
    1.0  # for the rest of a body whose request has been answered, so that its client reads the answer
)
HEAR_OUT_SECONDS = 0.5  # in which a connection may still send a request when its server closes
MAX_CONNECTIONS = 1000
JOINED_BYTES = 64 * 1024  # of an answer that is sent in one piece with its head
MAX_LINE_BYTES = 8190
MAX_HEADERS = 100
MAX_HEAD_BYTES = 64 * 1024  # of all headers: an idle connection keeps those of its last request

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = logging.getLogger("eventhub.web")


class Connection(RequestHandler):
    """aiohttp's, with limits on how long headers may take and how long an answer may wait to be read."""

    header_seconds = HEADER_SECONDS
    write_seconds = WRITE_SECONDS
    when_answered: Callable[[], object] | None = None
    who = ""
    rooms: Sequence[Room] = ()
    heard_at = 0.0
    received = 0
    _deadline: asyncio.TimerHandle | None = None
    _write_check: asyncio.TimerHandle | None = None
    _is_answered_early = False

    def __init__(self, server: "Server", bounds: Bounds, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._bounds = bounds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.who = self._bounds.who((transport.get_extra_info("peername") or ("",))[0])
        self.heard_at = self._loop.time()
        if not self._bounds.let_in(self):
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)
        # Paused as soon as a byte cannot be handed on, so that every answer that is not read is noticed.
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=0)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way, a half-sent one apart."""
        return self._waiter is not None and not self._waiter.done()

    @property
    def is_silent(self) -> bool:
        """Whether no request of it has come, or none since its last answer."""
        return self.is_idle or self._request_count == 0

    @property
    def is_half_sent(self) -> bool:
        """Whether its client has yet to send something: a request, the rest of one, or of one that was answered."""
        if self.is_idle:
            return self._deadline is not None or self._request_count == 0
        if self._request_in_progress:
            return self._current_request is not None and not self._current_request.content.is_eof()
        return self._is_answered_early or self._request_count == 0

    def evict(self) -> None:
        """Close at once, to make room for another."""
        lingers = self._is_answered_early and not self._request_in_progress
        self.force_close()
        if lingers and self._task_handler is not None:
            self._task_handler.cancel()

    async def _handle_request(
        self, request: web.BaseRequest, *options: Any
    ) -> tuple[web.StreamResponse, bool]:
        self._is_answered_early = False
        try:
            return await super()._handle_request(request, *options)
        finally:
            self._is_answered_early = not request.content.is_eof()
            self._bounds.count(self, -self.received)
            if self.when_answered is not None:
                self.when_answered()
                self.when_answered = None

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer, and keep neither it nor the request's body while the connection is idle."""
        if isinstance(resp, web.Response) and isinstance(resp.body, bytes) and len(resp.body) > JOINED_BYTES:
            resp._send_headers_immediately = True  # noqa: SLF001 - joined with its head, it would be there twice
        if self._server.is_closing:
            resp.force_close()
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            request._read_bytes = None  # noqa: SLF001 - aiohttp forgets them with the next request only
            if isinstance(resp, web.Response):
                resp.body = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.heard_at = self._loop.time()
        self._bounds.heard_from(self, len(data))
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
        self._bounds.let_out(self)
        self.evict()  # what lingers would wait for the rest all the same
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


class Server(web.Server):
    """aiohttp's, whose connections are of the kind above and held within bounds."""

    def __init__(self, answer: Handler, bounds: Bounds, **options: Any) -> None:
        super().__init__(answer, **options)
        self.bounds = bounds
        self.is_closing = False

    def __call__(self) -> RequestHandler:
        return Connection(self, self.bounds, loop=self._loop, **self._kwargs)

    async def hear_out(self) -> None:
        """Wait a moment for what connections on which nothing is under way may be sending: each gets its last answer.

        A proxy repeats no POST that it has sent, whether or not it was read.
        """
        self.is_closing = True
        for _ in range(50):
            if not any(cast("Connection", each).is_silent for each in self.connections):
                break
            await asyncio.sleep(HEAR_OUT_SECONDS / 50)


class Runner(web.AppRunner):
    """aiohttp's, with connections of the kind above: at most `max_connections`, and `max_per_address` of one address."""

    def __init__(
        self,
        app: web.Application,
        *,
        max_connections: int = MAX_CONNECTIONS,
        max_per_address: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
            # A body of 1 MB can unpack to 1 GB, also after it was refused: compressed ones are taken by no route.
            auto_decompress=False,
            lingering_time=LINGER_SECONDS,
            **options,
        )
        self._max_connections = max_connections
        self._max_per_address = max_per_address

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return Server(
            _refusing(plain.request_handler),
            Bounds(
                self.app[PROXIES],
                max_connections=self._max_connections,
                max_per_address=self._max_per_address,
            ),
            request_factory=plain.request_factory,
            handler_cancellation=plain.handler_cancellation,
            **plain._kwargs,  # noqa: SLF001 - an application makes aiohttp's own kind of server, and no other
        )


def _refusing(answer: Handler) -> Handler:
    """Return a handler that refuses what the application cannot judge, before any middleware runs."""

    async def answer_or_refuse(request: web.BaseRequest) -> web.StreamResponse:
        if sum(map(len, chain.from_iterable(request.raw_headers))) > MAX_HEAD_BYTES:
            return _refusal(400, "The headers are too long.", "bad_request")
        try:
            return await answer(request)
        except web.HTTPExpectationFailed:
            return _refusal(417, "No expectation but 100-continue is met here.", "expectation_failed")

    return answer_or_refuse
