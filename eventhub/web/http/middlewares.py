"""What surrounds every request: its id, its log line, its errors, and a missing slash."""

import itertools
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from eventhub import logs
from eventhub.errors import Invalid
from eventhub.web.http.errors import to_response
from eventhub.web.http.proxies import PROXIES
from eventhub.web.http.redaction import masked
from eventhub.web.http.traffic import TRAFFIC, count
from eventhub.web.http.urls import quoted
from eventhub.web.rate_limits.limits import STATE, count_read

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("eventhub.access")

_PROBES = {"/healthz", "/readyz", "/metrics"}
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_counter = itertools.count(1)
_started_at = f"{time.time_ns() // 1_000_000 & 0xFFFFFFFF:08x}"

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Server": "Event Hub",  # or aiohttp names its version
}
# Answers are data: a browser that opens one loads and runs nothing. Pages say for themselves what they need.
CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"


def observe(*, hsts_seconds: int, has_access_log: bool) -> Middleware:
    """Return the middleware that gives a request its id and its answer the headers of every answer; it logs a line.

    The id is the client's own, where that is sane.
    """

    @web.middleware
    async def observed(request: web.Request, handler: Next) -> web.StreamResponse:
        given = request.headers.get("X-Request-ID")
        request_id = given if given is not None and _SANE_ID.match(given) else new_request_id()
        token = logs.begin(request_id=request_id)
        started_at = time.perf_counter()
        traffic = request.app[TRAFFIC]
        traffic.in_flight += 1
        try:
            response = await handler(request)
            response.headers["X-Request-ID"] = request_id
            if (state := request.get(STATE)) is not None and response.status != 429:
                response.headers.update(state.headers())
            response.headers.update(SECURITY_HEADERS)
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            if hsts_seconds and request.app[PROXIES].scheme(request) == "https":
                response.headers["Strict-Transport-Security"] = f"max-age={hsts_seconds}"
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


@web.middleware
async def answer_errors(request: web.Request, handler: Next) -> web.StreamResponse:
    """Return an answer whatever the handler raises."""
    try:
        _check_target(request)
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the one place where errors become responses
        return to_response(error, request)


def _check_target(request: web.Request) -> None:
    """Raise Invalid where a target such as `http://a/` names another host than the header, which counts in links."""
    if not request.raw_path.startswith("/") and "://" in request.raw_path:
        named = re.split(r"[/?#]", request.raw_path.split("://", 1)[1], maxsplit=1)[0]
        if _without_default_port(named) != _without_default_port(request.headers.get("Host", "")):
            raise Invalid({"Host": ["Must be the host that the request's target names."]}, code="bad_host")


def _without_default_port(authority: str) -> str:
    return re.sub(r":(?:80|443)?\Z", "", authority.lower())


def new_request_id() -> str:
    """Web processes are forked, so the process is asked each time; uuid4 would show in the profile."""
    return f"{_started_at}-{os.getpid():x}-{next(_counter):x}"


@web.middleware
async def append_slash(request: web.Request, handler: Next) -> web.StreamResponse:
    """Send a path that only lacks its last slash to the one with it, by 308, which keeps method and body."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed:
        count_read(request)  # what no route counts
        raise
    except web.HTTPNotFound:
        count_read(request)
        if request.path.endswith("/") or not await _would_match(request):
            raise
        query = request.rel_url.raw_query_string
        location = f"{request.rel_url.raw_path}/{'?' if query else ''}{query}"
        return web.Response(status=308, headers={"Location": quoted(location)})


async def _would_match(request: web.Request) -> bool:
    slashed = request.clone(rel_url=request.rel_url.with_path(f"{request.rel_url.raw_path}/", encoded=True))
    match = await request.app.router.resolve(slashed)
    return match.http_exception is None or match.http_exception.status == 405
