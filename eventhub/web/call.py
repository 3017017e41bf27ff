"""One request to one route: its user, its body, and the ways to answer it; and what a route says of itself."""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import orjson
from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL, IF_NONE_MATCH, VARY
from multidict import istr

from eventhub.database import Actor, Database, Queries, Transaction
from eventhub.errors import NotFound
from eventhub.models.facts import Via
from eventhub.schemas.base import Base, picture_urls
from eventhub.services import auth, locking
from eventhub.services.access import ANONYMOUS, Viewer
from eventhub.services.auth import SignInCache
from eventhub.services.bookings import Doors
from eventhub.services.listing import (
    MAX_ID,
    MAX_PAGE_BYTES,
    Listing,
    Page,
    PageRequest,
    Parameter,
    parse_parameters,
    parse_request,
)
from eventhub.services.ports.documents import DocumentRenderer
from eventhub.services.ports.payments import PaymentGateway, by_name
from eventhub.services.ports.storage import FileStorage
from eventhub.services.tokens import TokenSigner
from eventhub.settings import Settings
from eventhub.web.http.cache import AnonymousCache
from eventhub.web.http.proxies import PROXIES
from eventhub.web.http.urls import quoted

BYTES = "application/octet-stream"
JSON = "application/json"
# What routes produce.
HTML = ("text/html",)
PDF = ("application/pdf", BYTES)
JSON_OR_PDF = (JSON, "application/pdf")

SETTINGS = web.AppKey("settings", Settings)
DATABASE = web.AppKey("database", Database)
SIGNER = web.AppKey("signer", TokenSigner)
SIGN_INS = web.AppKey("sign_ins", SignInCache)
CACHE = web.AppKey("cache", AnonymousCache)
GATEWAYS = web.AppKey("gateways", Mapping[str, PaymentGateway])
DOORS = web.AppKey("doors", Doors)
DOCUMENTS = web.AppKey[DocumentRenderer]("documents")
STORAGE = web.AppKey("storage", FileStorage)

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
ETAG = istr("ETag")  # as it has always been spelled here
_JSON = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


@dataclass(frozen=True)
class Route:
    """An operation: everything that is said of it, but its effect.

    Its description is the first paragraph of the handler's docstring. `body` is checked before the handler runs;
    `is_partial` makes every field of it optional. `raw_body` is an example of a body that the handler reads by itself.
    `returns` is the JSON that it answers (an array of them, where `is_array`), with an `example` of its own where the
    schema's does not fit, `listing` the list that it shows, `query` the parameters of its query beside those of the list,
    `produces` the types that it answers in, `headers` those of its answer that do not follow from the rest.

    `refuses` has the statuses among 403, 404, 409 and 410 by which the rules may refuse it, each with the codes that say more
    than the status does; other statuses follow from the rest. `locks` names a thing as `locking.find_event` knows it: the
    operation locks the row of that thing's event. Its id is in the path, or in the body under this name.

    A `public` read may be answered from a copy at most a second old where nobody is signed in. An `is_idempotent` route
    takes the header Idempotency-Key. An `is_sensitive` route changes rights, passwords, addresses or money: its
    transaction begins with a fresh look at who asks. Rate limits count all but `is_unlimited` routes. An `is_probe` route
    is asked by machines: with and without its last slash, without a sign-in, and never from a copy.
    """

    method: str
    path: str
    handler: "Handler"
    summary: str
    tag: str = ""
    is_public: bool = False
    body: type[Base] | None = None
    is_partial: bool = False
    raw_body: Mapping[str, object] | None = None
    listing: Listing | None = None
    query: Mapping[str, Parameter] = field(default_factory=dict)
    returns: type[Base] | None = None
    is_array: bool = False
    example: Mapping[str, object] | None = None
    produces: tuple[str, ...] = (JSON,)
    headers: tuple[str, ...] = ()
    status: int = 200
    refuses: Mapping[int, list[str]] = field(default_factory=dict)
    is_idempotent: bool = False
    is_sensitive: bool = False
    is_unlimited: bool = False
    is_probe: bool = False
    locks: str | None = None


def tagged(tag: str, *routes: Route) -> list[Route]:
    """Return the routes of one feature, which the API's description shows under this heading."""
    return [replace(route, tag=tag) for route in routes]


class Call:
    """What a handler gets."""

    def __init__(self, request: web.Request, route: Route) -> None:
        self.request = request
        self.route = route
        self.viewer: Viewer = ANONYMOUS
        self.body: dict[str, Any] = {}
        self._joined: Transaction | None = None

    @property
    def settings(self) -> Settings:
        return self.request.app[SETTINGS]

    @property
    def signer(self) -> TokenSigner:
        return self.request.app[SIGNER]

    @property
    def database(self) -> Database:
        return self.request.app[DATABASE]

    @property
    def gateways(self) -> Collection[PaymentGateway]:
        """The gateways that payments can go to, each once."""
        return by_name(self.request.app[GATEWAYS].values()).values()

    @property
    def queries(self) -> Queries:
        """Where to read what anybody may: without a sign-in, where that costs nobody else time."""
        return self.database if self.viewer.id else self.database.public

    @asynccontextmanager
    async def transaction(self, *, changing: int | None = None) -> AsyncIterator[Transaction]:
        """Yield the request's one writing transaction. A HEAD is answered as a GET is, and changes nothing.

        On a sensitive route `viewer` is who the rows say it is from here on, and `changing` the user whose row changes.
        """
        if self._joined is not None:
            await self._look_again(self._joined, changing)
            yield self._joined
            return
        async with self.open_transaction() as tx:
            await self._look_again(tx, changing)
            if self.request.method != "HEAD":
                yield tx
                return
            async with tx.savepoint() as before:
                yield tx
                await before.undo()

    @asynccontextmanager
    async def open_transaction(self) -> AsyncIterator[Transaction]:
        """Yield a new transaction for this request. Raises RowBusy where its event's row is held, or many wait for it."""
        async with self.database.transaction(await self._event_changed(), actor=self.actor) as tx:
            yield tx

    async def _event_changed(self) -> int | None:
        """Return the event whose row this request is going to lock."""
        thing = self.route.locks
        if thing is None:
            return None
        thing_id = self.id() if "{id}" in self.route.path else self.body[thing]
        return await locking.find_event(self.database, thing, thing_id)

    async def _look_again(self, tx: Transaction, changing: int | None) -> None:
        if self.route.is_sensitive:
            self.viewer = await auth.look_again(tx, self.viewer, changing)

    @property
    def actor(self) -> Actor:
        return Actor(Via.USER, self.viewer.id or None)

    @property
    def is_joined(self) -> bool:
        """Whether the handler's transaction is a part of another, which stores its answer."""
        return self._joined is not None

    def join(self, tx: Transaction) -> None:
        """Let the handler's transaction be a part of this one."""
        self._joined = tx

    def id(self) -> int:
        """Return the id in the path. Raises NotFound where it is no positive 64-bit integer."""
        text = self.request.match_info["id"]
        if not (text.isascii() and text.isdigit() and len(text) <= 19 and 0 < int(text) <= MAX_ID):
            raise NotFound
        return int(text)

    def token(self) -> str:
        """Return the access token that was sent."""
        return self.request.headers["Authorization"].partition(" ")[2].strip()

    def parameters(self) -> dict[str, Any]:
        """Return what the query says of the route's own parameters. Raises Invalid."""
        return parse_parameters(self.route.query, self.request.query)

    def page_request(self) -> PageRequest:
        """Return what the query asks of the route's list. Raises Invalid."""
        assert self.route.listing is not None  # noqa: S101 - only handlers of lists ask
        return parse_request(self.route.listing, self.request.query)

    def reply(self, data: object, headers: Mapping[str, str] | None = None) -> web.Response:
        """Answer `data` as JSON with the route's status; public reads carry an ETag and may become a 304."""
        if isinstance(data, dict):
            self._name_pictures([data])
        return self.reply_bytes(orjson.dumps(data, option=_JSON), dict(headers or {}))

    def reply_pdf(self, pdf: bytes, name: str) -> web.Response:
        """Answer a PDF for one person's eyes, to be kept as `name`.pdf."""
        kind = self.binary_kind("application/pdf")
        headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "no-store"}
        return web.Response(body=pdf, content_type=kind, headers=headers)

    def binary_kind(self, kind: str) -> str:
        """Return `kind`, or BYTES where nothing else is asked for: some makers of clients know no other for files."""
        return BYTES if self.request.headers.get("Accept", "").strip() == BYTES else kind

    def no_content(self) -> web.Response:
        return web.Response(status=204)

    def reply_page(self, page: Page) -> web.Response:
        """Answer a list: a bare array, the next page in `Link`, the total in `X-Total-Count` where asked for."""
        self._name_pictures(page.rows)
        body = orjson.dumps(page.rows, option=_JSON)
        if len(body) > MAX_PAGE_BYTES:
            page, body = _shortened(page)
        headers = {}
        if page.next_cursor is not None:
            headers["Link"] = f'<{self._next_url(page.next_cursor)}>; rel="next"'
        if page.total is not None:
            headers["X-Total-Count"] = str(page.total)
        return self.reply_bytes(body, headers)

    def _name_pictures(self, rows: Sequence[dict[str, Any]]) -> None:
        """Turn the names of stored pictures into URLs."""
        start = ""
        for name in picture_urls(self.route.returns) if self.route.returns else ():
            for row in rows:
                if row[name] is not None:
                    start = start or f"{self.base_url()}/media/"
                    row[name] = start + row[name]

    def base_url(self) -> str:
        """Return where links in this answer begin: EVENTHUB_BASE_URL, or the host that was asked.

        Empty for what is no host, and where none was said (HTTP/1.0), so that links are relative.
        """
        if self.settings.base_url:
            return self.settings.base_url.rstrip("/")
        host = self.request.headers.get("Host", "")
        return f"{self.request.app[PROXIES].scheme(self.request)}://{host}" if _HOST.match(host) else ""

    def _next_url(self, cursor: str) -> str:
        kept = [part for part in self.request.rel_url.raw_query_string.split("&") if part]
        query = "&".join([*(part for part in kept if not part.startswith("cursor=")), f"cursor={cursor}"])
        return f"{self.base_url()}{quoted(f'{self.request.rel_url.raw_path}?{query}')}"

    def reply_bytes(self, body: bytes, headers: dict[str, str]) -> web.Response:
        """Answer JSON that is made already."""
        if self.route.is_public and not self.route.is_probe and self.request.method in {"GET", "HEAD"}:
            headers[ETAG] = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            headers[VARY] = "Authorization"
            headers[CACHE_CONTROL] = "private, no-cache" if self.viewer.id else "public, max-age=0"
            # What nobody limits would push out the others' copies.
            if not self.viewer.id and not self.route.is_unlimited:
                self.request.app[CACHE].put(self.request, body, headers)
        else:
            headers[CACHE_CONTROL] = "no-store"
        return respond(self.request, self.route.status, body, headers)


def _shortened(page: Page) -> tuple[Page, bytes]:
    """Return the page with as many of its rows as fit, at least one, and their JSON."""
    parts = [orjson.dumps(row, option=_JSON) for row in page.rows]
    # The brackets, and a comma behind each but the last.
    ends = accumulate((len(part) + 1 for part in parts), initial=1)
    kept = max(1, sum(end <= MAX_PAGE_BYTES for end in ends) - 1)
    body = b"[%b]" % b",".join(parts[:kept])
    if kept == len(parts):
        return page, body
    return replace(page, rows=page.rows[:kept], next_cursor=page.cursor_after(kept)), body


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


def respond(request: web.Request, status: int, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """Return the response, or a 304 where the client has these very bytes."""
    etag = headers.get(ETAG)
    known = request.headers.get(IF_NONE_MATCH)
    if etag and known and (known.strip() == "*" or etag in known):
        kept = {name: value for name, value in headers.items() if name in {ETAG, VARY, CACHE_CONTROL}}
        return web.Response(status=304, headers=kept)
    return web.Response(status=status, body=body, headers=headers, content_type="application/json")
