"""One request to the ops page: whose it is, what it may read and change, and how it is answered."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl, quote

import orjson
from aiohttp import web

from eventhub import logs
from eventhub.database import Database, Transaction
from eventhub.errors import Forbidden, Invalid, NotFound, Unauthenticated
from eventhub.services import auth
from eventhub.services.auth import OpsSession
from eventhub.services.listing import MAX_ID
from eventhub.services.operations import stats
from eventhub.services.operations.actions import Actor
from eventhub.web.call import DATABASE, SETTINGS, SIGNER
from eventhub.web.http.bodies import Unsupported, read_raw
from eventhub.web.http.errors import to_response
from eventhub.web.ops import render, session
from eventhub.web.ops.figures import FIGURES, Ask
from eventhub.web.rate_limits import limits

T = TypeVar("T")

HOME = "/ops/"
SIGN_IN = "/ops/sign-in/"
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 10
NOTHING_HERE = "Nothing has this id. Jobs that ended are known for as long as their log is kept."
STRANGE_FORM = "This form did not come from a page of this session. Open the page anew and try again."


_TITLES = {
    403: "Refused",
    404: "Not found",
    409: "Not done",
    429: "Too many requests",
    503: "Not available at the moment",
}


@dataclass(frozen=True)
class Visit:
    """What a page's handler gets: an admin who is signed in, and the form that they sent, if it is their own."""

    request: web.Request
    session: OpsSession
    form: dict[str, str]

    @property
    def database(self) -> Database:
        return self.request.app[DATABASE]

    @property
    def actor(self) -> Actor:
        return Actor(self.session.username, self.session.viewer.id)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Yield a transaction of an admin who is one still, until the commit. Raises Unauthenticated."""
        async with self.database.transaction() as tx:
            await auth.look_again_at_admin(tx, self.session.viewer)
            yield tx

    def id(self) -> int:
        """Return the id in the path. Raises NotFound where there can be none such."""
        number = int(self.request.match_info["id"][:20])
        if not 0 < number <= MAX_ID:
            raise NotFound
        return number

    async def figure(self, ask: Ask[T]) -> T:
        """Return one of the figures of now, a few seconds old at most."""
        return await self.request.app[FIGURES].get(ask, self.database)

    async def page(self, template: str, **facts: object) -> web.Response:
        """Return the page that the template makes of the facts, with what every page shows."""
        keys = self.request.app[SETTINGS].secret_keys
        backlogs, for_people = await self.figure(stats.backlogs), await self.figure(stats.waiting_for_people)
        about = {
            "username": self.session.username,
            "form_token": session.form_token(keys, self.session.viewer.sign_in_id),
            "path": self.request.path,
            "counts": {
                "failed": sum(queue.failed for queue in backlogs.queues),
                "waiting": sum(for_people.counts.values()),
            },
        }
        return render.page(template, {**about, **facts})


Page = Callable[[Visit], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def for_admins(show: Page) -> Handler:
    """Return the aiohttp handler of a page: strangers are led to the sign-in, forms of strangers refused."""

    async def handle(request: web.Request) -> web.StreamResponse:
        is_form = request.method == "POST"
        if not is_form:
            limits.count_read(request)
        try:
            with limits.counting_refusals(request, is_on=is_form):
                opened = await find_session(request)
            logs.add(user_id=opened.viewer.id)
            visit = Visit(request, opened, await _own_form(request, opened) if is_form else {})
            return await show(visit)
        except Unauthenticated:
            return to_sign_in(request)

    return in_html(handle)


async def _own_form(request: web.Request, opened: OpsSession) -> dict[str, str]:
    """Return the fields of a form that a page of this session has sent. Raises Forbidden for others."""
    limits.count_write(request, opened.viewer.id)
    form = await read_form(request)
    keys = request.app[SETTINGS].secret_keys
    if not session.is_form_token(keys, opened.viewer.sign_in_id, form.get("token", "")):
        raise Forbidden(STRANGE_FORM)
    return form


async def find_session(request: web.Request) -> OpsSession:
    """Return the session whose cookie the browser sent. Raises Unauthenticated."""
    token = session.find_token(request)
    if token is None:
        raise Unauthenticated("Nobody is signed in.")
    return await auth.find_ops_session(request.app[DATABASE], request.app[SIGNER], token)


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form that this site's own page sent. Raises Forbidden for others, Unsupported, Invalid."""
    if not session.is_from_here(request):
        raise Forbidden(STRANGE_FORM)
    if request.content_type != FORM:
        raise Unsupported
    try:
        fields = parse_qsl(
            (await read_raw(request)).decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise Invalid({"body": ["Not a valid form."]}) from None
    return dict(fields)


def to_sign_in(request: web.Request) -> web.Response:
    """Lead to the sign-in, and from there back to this page."""
    there = "" if request.path == HOME else f"?next={quote(request.path_qs, safe='/')}"
    return redirect(SIGN_IN + there)


def redirect(path: str) -> web.Response:
    """Return a 303: what was done is not done again when the page is loaded again."""
    return web.Response(status=303, headers={**render.HEADERS, "Location": path})


def in_html(handle: Handler) -> Handler:
    """Return the handler, with its errors as pages."""

    async def handled(request: web.Request) -> web.StreamResponse:
        try:
            return await handle(request)
        except Exception as error:  # noqa: BLE001 - as in `answer`, which would answer JSON
            return _error_page(to_response(error, request))

    return handled


def _error_page(answer: web.Response) -> web.Response:
    assert isinstance(answer.body, bytes)  # noqa: S101 - it is JSON
    title = _TITLES.get(answer.status, HTTPStatus(answer.status).phrase)
    detail = NOTHING_HERE if answer.status == 404 else orjson.loads(answer.body)["detail"]
    page = render.page("error", {"title": title, "detail": detail}, status=answer.status)
    if "Retry-After" in answer.headers:
        page.headers["Retry-After"] = answer.headers["Retry-After"]
    return page
