"""The description of the API, and the page to read and try it: Swagger UI out of an installed package."""

import gzip
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import orjson
from aiohttp import web

from eventhub.errors import NotFound
from eventhub.web.call import Call

DESCRIPTION = web.AppKey("description", orjson.Fragment)

_OWN = Path(__file__).with_name("docs_page")
# Its Python code, which needs Flask, is never imported: only the files beside it are served.
_PACKAGE = "flask_swagger_ui"
_ASSETS = {
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_PAGE_HEADERS = {
    "Cache-Control": "public, no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


async def schema(call: Call) -> web.Response:
    """The OpenAPI document that you are reading."""
    return call.reply(call.request.app[DESCRIPTION])


async def page(_: Call) -> web.Response:
    """Swagger UI with a form to sign in by."""
    return web.Response(text=_page(), content_type="text/html", headers=_PAGE_HEADERS)


@cache
def _page() -> str:
    return (_OWN / "index.html").read_text().replace("{version}", version("flask-swagger-ui"))


async def asset(call: Call) -> web.Response:
    """A script, style or icon."""
    name = call.request.match_info["name"]
    if name not in _ASSETS:
        raise NotFound
    headers = {"Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}
    if "gzip" in call.request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=_read_gzipped(name), content_type=_ASSETS[name], headers=headers)
    return web.Response(body=_read(name), content_type=_ASSETS[name], headers=headers)


@cache
def _read(name: str) -> bytes:
    own = _OWN / name
    return (own if own.exists() else _swagger_ui() / name).read_bytes()


@cache
def _read_gzipped(name: str) -> bytes:
    return gzip.compress(_read(name), mtime=0)


def _swagger_ui() -> Path:
    """Return the folder of Swagger UI's files."""
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(f"{_PACKAGE} is not installed: pip install -c constraints.txt -e .")
    return Path(found.submodule_search_locations[0], "dist")
