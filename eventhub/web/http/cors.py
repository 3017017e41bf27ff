"""Lets pages of other origins use the API from a browser, where ops name them (EVENTHUB_CORS_ORIGINS)."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

EXPOSED = (
    "Link, X-Total-Count, ETag, X-Request-ID, Retry-After, Idempotency-Replayed, "
    "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Last-Seq"
)
ALLOWED_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-ID"
PREFLIGHT_SECONDS = "600"


def cors(origins: Sequence[str]) -> Middleware:
    """Return the middleware for these origins. No cookies are taken, so none are allowed."""
    is_open = "*" in origins

    @web.middleware
    async def allow(request: web.Request, handler: Next) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        is_allowed = origin is not None and (is_open or origin in origins)
        # The ops page takes a cookie, and is for no page but its own.
        is_allowed = is_allowed and not request.path.startswith("/ops")
        if is_allowed and request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response: web.StreamResponse = web.Response(status=204, headers=_PREFLIGHT)
        else:
            response = await handler(request)
        if not is_open:
            response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("Vary"), "Origin")))
        if is_allowed and origin is not None:
            response.headers["Access-Control-Allow-Origin"] = "*" if is_open else origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED
        return response

    return allow


_PREFLIGHT = {
    "Access-Control-Allow-Methods": ALLOWED_METHODS,
    "Access-Control-Allow-Headers": ALLOWED_HEADERS,
    "Access-Control-Max-Age": PREFLIGHT_SECONDS,
}
