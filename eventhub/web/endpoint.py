"""From a line of the route table to an aiohttp handler: copy, caller, body, idempotency key, then the handler."""

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION

from eventhub import logs
from eventhub.errors import EventHubError, Invalid, NotFound, Unauthenticated
from eventhub.schemas.base import picture_uploads
from eventhub.services import idempotency
from eventhub.services.access import Viewer
from eventhub.web.call import CACHE, DATABASE, SIGN_INS, Call, Route, respond
from eventhub.web.http.bodies import FORM, read_body, read_raw
from eventhub.web.http.errors import to_response
from eventhub.web.http.uploads import UPLOADS
from eventhub.web.rate_limits import limits

# What the `{id}` in a path is to the log.
_ID_NAMES = {f"/api/{thing}s/": f"{thing}_id" for thing in ("event", "booking", "payment")}
_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")


def endpoint(route: Route, app: web.Application) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the aiohttp handler of a route."""
    is_read = route.method == "GET"
    is_limited_read = is_read and not route.is_unlimited
    is_limited_write = not is_read and not route.is_unlimited
    takes_pictures = route.body is not None and bool(picture_uploads(route.body))
    before_id, has_id, _ = route.path.partition("{id}")
    id_name = _ID_NAMES.get(before_id) if has_id else None
    copies = app[CACHE] if is_read and route.is_public else None

    async def handle(request: web.Request) -> web.StreamResponse:
        logs.add(route=route.path, **({} if id_name is None else _id(id_name, request.match_info["id"])))
        _check_variables(request)
        authorization = request.headers.get(AUTHORIZATION)
        if is_limited_read:
            limits.count_read(request)
        if copies is not None and authorization is None:
            copy = copies.get(request)
            if copy is not None:
                return respond(request, 200, copy.body, copy.headers)
        call = Call(request, route)
        with limits.counting_refusals(request, is_on=is_limited_write):
            if authorization is not None:
                call.viewer = await _viewer(request, authorization)
                logs.add(user_id=call.viewer.id)
            elif not route.is_public:
                raise Unauthenticated("Authentication credentials were not provided.")
        if is_limited_write:
            limits.count_write(request, call.viewer.id)
        if takes_pictures and request.content_type == FORM:
            async with request.app[UPLOADS].admitted(request, call.viewer.id):
                return await _answer(call)
        return await _answer(call)

    return handle


def _check_variables(request: web.Request) -> None:
    """Raise NotFound where a part of the path has a NUL: nothing has such a name, and PostgreSQL takes no such text."""
    for value in request.match_info.values():
        if "\0" in value:
            raise NotFound


def probe(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the aiohttp handler of a route that machines ask: nobody signs in there, and nothing is counted."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await route.handler(Call(request, route))

    return handle


def _id(name: str, digits: str) -> dict[str, object]:
    """Return the id for the log, unless it is so long that it can be none: collectors take 64 bits."""
    return {name: int(digits)} if len(digits) < 19 else {}


async def _answer(call: Call) -> web.StreamResponse:
    route, request = call.route, call.request
    if route.body is not None:
        call.body = await read_body(request, route.body, is_partial=route.is_partial)
        logs.add(**{f"{thing}_id": call.body[thing] for thing in ("event", "booking") if thing in call.body})
    key = request.headers.get("Idempotency-Key") if route.is_idempotent else None
    return await (route.handler(call) if key is None else _once(call, key))


async def _viewer(request: web.Request, authorization: str) -> Viewer:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "Use the header 'Authorization: Bearer {access token}'.", code="token_not_valid"
        )
    app = request.app
    return await app[SIGN_INS].viewer(app[DATABASE], token.strip())


async def _once(call: Call, key: str) -> web.StreamResponse:
    """Answer as the first request with this key was answered; the first itself has its answer stored with its effect.

    Refusals by the rules are answers too, and come again. What went wrong on this side is not stored.
    """
    if not _KEY.match(key):
        raise Invalid({"Idempotency-Key": ["Must be 1 to 255 printable ASCII characters without spaces."]})
    request = call.request
    asked = idempotency.fingerprint(request.method, request.rel_url.raw_path_qs, await read_raw(request))
    async with call.open_transaction() as tx:
        stored = await idempotency.begin(
            tx, call.viewer.id, key, asked, kept_hours=call.settings.idempotency_kept_hours
        )
        if stored is not None:
            return _replayed(stored)
        async with tx.savepoint() as effect:
            call.join(tx)
            try:
                response = await call.route.handler(call)
            except Unauthenticated:  # says nothing of the request: with another token it may come again
                raise
            except EventHubError as refusal:
                await effect.undo()
                response = to_response(refusal, request)
        assert isinstance(response, web.Response)  # noqa: S101 - no idempotent route streams
        body = response.body if isinstance(response.body, bytes) else b""
        await idempotency.store(tx, call.viewer.id, key, asked, idempotency.Answer(response.status, body))
    return response


def _replayed(answer: idempotency.Answer) -> web.Response:
    headers = {"Idempotency-Replayed": "true", "Cache-Control": "no-store"}
    if not answer.body:
        return web.Response(status=answer.status, headers=headers)
    return web.Response(
        status=answer.status, body=answer.body, headers=headers, content_type="application/json"
    )
