"""Whatever becomes of a request is an answer: what its handler returns or raises, and a path that lacks its last slash."""

import re

from aiohttp import web

from eventhub.errors import Invalid
from eventhub.web.http.errors import to_response
from eventhub.web.http.middlewares import Next
from eventhub.web.http.unsent import fitted
from eventhub.web.http.urls import quoted
from eventhub.web.rate_limits.limits import count_read


@web.middleware
async def answer(request: web.Request, handler: Next) -> web.StreamResponse:
    """Return an answer whatever the handler raises."""
    try:
        _check_target(request)
        try:
            response = await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            response = await _slash_appended(request, error)
        return fitted(request, response)
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


async def _slash_appended(
    request: web.Request, error: web.HTTPNotFound | web.HTTPMethodNotAllowed
) -> web.StreamResponse:
    """Send a path that only lacks its last slash to the one with it, by 308, which keeps method and body; else raise."""
    count_read(request)  # what no route counts
    if error.status == 405 or request.path.endswith("/") or not await _would_match(request):
        raise error
    query = request.rel_url.raw_query_string
    location = f"{request.rel_url.raw_path}/{'?' if query else ''}{query}"
    return web.Response(status=308, headers={"Location": quoted(location)})


async def _would_match(request: web.Request) -> bool:
    slashed = request.clone(rel_url=request.rel_url.with_path(f"{request.rel_url.raw_path}/", encoded=True))
    match = await request.app.router.resolve(slashed)
    return match.http_exception is None or match.http_exception.status == 405
