"""What surrounds every request: its id, its log line, the headers of every answer."""

import itertools
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web
from aiohttp.typedefs import Middleware
from multidict import istr

from eventhub import logs
from eventhub.web.http.proxies import Proxies
from eventhub.web.http.redaction import masked
from eventhub.web.http.traffic import Traffic, count
from eventhub.web.rate_limits.limits import STATE

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("eventhub.access")

_PROBES = {"/healthz", "/readyz", "/metrics"}
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_counter = itertools.count(1)

# Names of headers that every answer has are `istr`: text is put in lower case each time that it is compared.
SECURITY_HEADERS = {
    istr("X-Content-Type-Options"): "nosniff",
    istr("X-Frame-Options"): "DENY",
    istr("Referrer-Policy"): "no-referrer",
    istr("Server"): "Event Hub",  # or aiohttp names its version
}
_REQUEST_ID = istr("X-Request-ID")
_CSP = istr("Content-Security-Policy")
# Answers are data: a browser that opens one loads and runs nothing. Pages say for themselves what they need.
CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"


def observe(traffic: Traffic, proxies: Proxies, *, hsts_seconds: int, has_access_log: bool) -> Middleware:
    """Return the middleware that gives a request its id and its answer the headers of every answer; it logs a line.

    The id is the client's own, where that is sane.
    """

    @web.middleware
    async def observed(request: web.Request, handler: Next) -> web.StreamResponse:
        given = request.headers.get(_REQUEST_ID)
        request_id = given if given is not None and _SANE_ID.match(given) else new_request_id()
        token = logs.begin(request_id=request_id)
        started_at = time.perf_counter()
        traffic.in_flight += 1
        try:
            response = await handler(request)
            headers = response.headers
            headers[_REQUEST_ID] = request_id
            if (state := request.get(STATE)) is not None and response.status != 429:
                headers.update(state.headers())
            headers.update(SECURITY_HEADERS)
            headers.setdefault(_CSP, CONTENT_SECURITY_POLICY)
            if hsts_seconds and proxies.scheme(request) == "https":
                headers["Strict-Transport-Security"] = f"max-age={hsts_seconds}"
            took_seconds = time.perf_counter() - started_at
            count(request, response.status, took_seconds)
            if has_access_log:
                _log(request, response, took_seconds)
            return response
        finally:
            traffic.in_flight -= 1
            logs.end(token)

    return observed


def _log(request: web.Request, response: web.StreamResponse, took_seconds: float) -> None:
    # Whoever watches this process asks every few seconds.
    level = logging.DEBUG if request.path.rstrip("/") in _PROBES else logging.INFO
    path, took_ms = masked(request.path_qs), took_seconds * 1000
    log.log(level, "%s %s %s %.1fms", request.method, path, response.status, took_ms)


def new_request_id() -> str:
    """Return an id that no other request has. uuid4 would show in the profile."""
    return f"{_process_name()}-{next(_counter):x}"


@cache
def _process_name() -> str:
    return f"{time.time_ns() // 1_000_000 & 0xFFFFFFFF:08x}-{os.getpid():x}"


os.register_at_fork(after_in_child=_process_name.cache_clear)
