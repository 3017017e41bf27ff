"""The span of a request."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from eventhub.telemetry import tracing
from eventhub.web.http.redaction import masked

# Whoever watches this process asks every few seconds.
PROBES = ("/healthz", "/readyz", "/metrics")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


@web.middleware
async def traced(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let a request be a span, in its client's trace where the header `traceparent` names one."""
    if request.path.rstrip("/") in PROBES:
        return await handler(request)
    resource = request.match_info.route.resource
    method = request.method if request.method in METHODS else "_OTHER"
    attributes = {
        "http.request.method": method,
        "url.path": masked(request.path),
        "url.scheme": request.scheme,
        **({"http.route": resource.canonical} if resource is not None else {}),
    }
    name = f"{method} {resource.canonical}" if resource is not None else method
    with tracing.span(name, "SERVER", attributes, parent=request.headers.get("traceparent")) as span:
        response = await handler(request)
        if span is not None:
            span.set_attribute("http.response.status_code", response.status)
        if response.status >= 500:
            tracing.note_failure(str(response.status))
        return response
