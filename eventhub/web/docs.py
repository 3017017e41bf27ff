"""The description of the API, and the page to read and try it: Swagger UI, whose files `make swagger-ui` renews."""

import gzip
import re
from functools import cache
from pathlib import Path

from aiohttp import web

from eventhub.errors import NotFound
from eventhub.web.call import HTML, Call, Route, tagged

DESCRIPTION = web.AppKey("description", bytes)

_OWN = Path(__file__).with_name("docs_page")
_SWAGGER_UI = _OWN / "swagger_ui"
_ASSETS = {
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_GZIP = re.compile(r"(?i)(?:^|[,\s])gzip\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))")
_PAGE_HEADERS = {
    "Cache-Control": "public, no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


async def schema(call: Call) -> web.Response:
    """Returns the OpenAPI document that you are reading."""
    return call.reply_bytes(call.request.app[DESCRIPTION], {})


async def find(_: web.Request) -> web.Response:
    """Lead whoever looks for the API from its root to the page."""
    return web.Response(status=302, headers={"Location": "/api/docs/"})


async def page(_: Call) -> web.Response:
    """Swagger UI, with a form to sign in."""
    return web.Response(text=_page(), content_type="text/html", headers=_PAGE_HEADERS)


@cache
def _page() -> str:
    version = (_SWAGGER_UI / "VERSION").read_text().strip()
    return (_OWN / "index.html").read_text().replace("{version}", version)


async def asset(call: Call) -> web.Response:
    """A script, style sheet or icon of that page."""
    name = call.request.match_info["name"]
    if name not in _ASSETS:
        raise NotFound
    kind = _ASSETS[name]
    headers = {"Cache-Control": "public, max-age=3600"}
    if not kind.startswith("text/"):
        return web.Response(body=_read(name), content_type=kind, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    if not _GZIP.search(call.request.headers.get("Accept-Encoding", "")):
        return web.Response(body=_read(name), content_type=kind, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return web.Response(body=_packed(name), content_type=kind, headers=headers)


def _read(name: str) -> bytes:
    own = _OWN / name
    return (own if own.exists() else _SWAGGER_UI / name).read_bytes()


@cache
def _packed(name: str) -> bytes:
    """Return the file compressed: once per process, which takes some 60 ms. Only so it is kept, in a quarter of the room."""
    return gzip.compress(_read(name), mtime=0)


ROUTES = tagged(
    "Documentation",
    Route("GET", "/api/schema/", schema, "Get this description of the API", is_public=True),
    Route("GET", "/api/docs/", page, "Page to read and try the API", is_public=True, produces=HTML),
    Route(
        "GET",
        "/api/docs/{name}",
        asset,
        "Get a file of that page",
        is_public=True,
        produces=("text/css", "text/javascript", "image/png"),
        headers=("Vary", "Content-Encoding"),
    ),
)
