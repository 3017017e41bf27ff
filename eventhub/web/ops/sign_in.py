"""Signing in to the ops page, and out of it."""

import re

from aiohttp import web

from eventhub.errors import EventHubError, Forbidden, Unauthenticated
from eventhub.schemas.auth import TokenRequest
from eventhub.services import auth
from eventhub.web.call import DATABASE, SIGNER
from eventhub.web.devices import device_of
from eventhub.web.http.bodies import load
from eventhub.web.http.errors import to_response
from eventhub.web.ops import render, session
from eventhub.web.ops.visit import HOME, SIGN_IN, Visit, find_session, read_form, redirect
from eventhub.web.rate_limits import limits
from eventhub.web.rate_limits.limiter import Throttled

_OWN_PAGE = re.compile(r"/ops/[\w./?&=%+-]*\Z", re.ASCII)
NEEDS_HTTPS = (
    "The ops page is signed in to over https, or on this machine. If a proxy ends TLS in front of Event Hub, name it in "
    "EVENTHUB_TRUSTED_PROXIES, and have it send X-Forwarded-Proto."
)


async def form(request: web.Request) -> web.Response:
    """The form to sign in with; whoever is signed in already goes on."""
    limits.count_read(request)
    after = _after(request.query.get("next", ""))
    try:
        await find_session(request)
    except Unauthenticated:
        return _form(after)
    return redirect(after)


async def sign_in(request: web.Request) -> web.Response:
    """Opens a session for an admin. Whatever else is sent has the answers of `POST /api/auth/token/`."""
    limits.count_write(request, 0)
    sent = await read_form(request)
    after = _after(sent.get("next", ""))
    if not (session.is_secure(request) or session.is_local(request)):
        raise Forbidden(NEEDS_HTTPS)
    try:
        token = await _open(request, sent)
    except (EventHubError, Throttled) as refusal:
        answer = to_response(refusal, request)
        return _form(after, sent.get("username", ""), refusal.detail, answer)
    response = redirect(after)
    session.keep_token(request, response, token)
    return response


async def _open(request: web.Request, sent: dict[str, str]) -> str:
    known = load(TokenRequest, {name: sent.get(name, "") for name in ("username", "password")})
    network = limits.network_of(request)
    database = request.app[DATABASE]
    login = await auth.find_account(database, known["username"].strip(), network)
    async with limits.guarding_sign_in(
        request, login.name, is_from_known_network=login.is_from_known_network
    ) as may_succeed:
        account = login.account if may_succeed else None
        return await auth.log_in_for_ops(
            database, request.app[SIGNER], account, known["password"], device_of(request)
        )


def _form(
    after: str, username: str = "", problem: str = "", answer: web.Response | None = None
) -> web.Response:
    status = answer.status if answer is not None else 200
    facts = {"after": after, "username": username, "problem": problem, "action": SIGN_IN}
    page = render.page("sign_in", facts, status=status)
    if answer is not None and "Retry-After" in answer.headers:
        page.headers["Retry-After"] = answer.headers["Retry-After"]
    return page


def _after(wanted: str) -> str:
    """Return where to go once signed in: a page of this one site, whoever wrote the link."""
    return wanted if _OWN_PAGE.match(wanted) and not wanted.startswith(SIGN_IN) else HOME


async def sign_out(visit: Visit) -> web.Response:
    """Ends this session, here and in the person's list of sign-ins."""
    viewer = visit.session.viewer
    async with visit.transaction() as tx:
        await auth.end_sign_in(tx, viewer, viewer.sign_in_id)
    response = redirect(SIGN_IN)
    session.drop_token(visit.request, response)
    return response
