"""Turns every error into the one error format, once."""

import logging
from collections.abc import Mapping

import orjson
from aiohttp import web

from eventhub import errors, logs, metrics
from eventhub.database import ContentionErrors, UnavailableErrors
from eventhub.services.idempotency import KeyInUse, KeyReused
from eventhub.services.ports.storage import StorageUnavailable
from eventhub.web.http.bodies import Encoded, Unsupported
from eventhub.web.http.redaction import masked
from eventhub.web.rate_limits.limiter import Throttled

log = logging.getLogger("eventhub.web")

# The status class, in a sentence, and the slug where nothing more exact is known.
CLASSES: Mapping[int, tuple[str, str]] = {
    400: ("The request data is invalid.", "invalid"),
    401: ("Authentication is missing or invalid.", "not_authenticated"),
    403: ("You do not have permission to do this.", "permission_denied"),
    404: ("The requested resource was not found.", "not_found"),
    405: ("This method is not allowed here.", "method_not_allowed"),
    408: ("The request took too long to arrive.", "request_timeout"),
    409: ("The request conflicts with the current state.", "conflict"),
    410: ("The requested data is not kept any more.", "gone"),
    422: ("The request cannot be taken as it is.", "unprocessable"),
    429: ("Too many requests.", "throttled"),
    417: ("The request cannot be taken as it is.", "expectation_failed"),
    413: ("The request is too large.", "too_large"),
    415: ("This content type is not supported.", "unsupported_media_type"),
    500: ("Something went wrong on our side.", "server_error"),
    503: ("The service is not available at the moment.", "unavailable"),
}

STATUSES: Mapping[type[errors.EventHubError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    KeyReused: 422,
}


def error_response(
    status: int,
    detail: str,
    *,
    code: str | None = None,
    fields: errors.FieldErrors | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return an error in the contract's format; `fields` is given for bad input alone."""
    sentence, slug = CLASSES.get(status, CLASSES[400 if status < 500 else 500])
    body: dict[str, object] = {"detail": detail, "error": sentence, "code": code or slug}
    if fields is not None:
        body["errors"] = fields
    return web.Response(
        status=status,
        body=orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def to_response(error: Exception, request: web.Request) -> web.Response:  # noqa: C901, PLR0911 - one return a class
    """Return the response for whatever a handler raised; no traceback, SQL or path ever reaches the client."""
    match error:
        case errors.Invalid():
            return error_response(400, error.detail, code=error.code, fields=error.errors)
        case errors.Unauthenticated():
            return error_response(401, error.detail, code=error.code, headers={"WWW-Authenticate": "Bearer"})
        case KeyInUse():
            retry_after = {"Retry-After": str(error.retry_after_seconds)}
            return error_response(409, error.detail, code=error.code, headers=retry_after)
        case errors.EventHubError():
            return error_response(_status(error), error.detail, code=error.code)
        case Throttled():
            metrics.LIMITED.inc(error.state.rule)
            headers = {"Retry-After": str(error.state.reset_seconds), **error.state.headers()}
            return error_response(429, error.detail, headers=headers)
        case Encoded():
            return error_response(
                415,
                "Send the body as it is, without a Content-Encoding.",
                headers={"Accept-Encoding": "identity"},
            )
        case Unsupported():
            return error_response(
                415,
                "Send the body as application/json, or as multipart/form-data where it may hold a picture.",
            )
        case web.HTTPException():
            return _http_error(error)
        case errors.Busy():
            return _busy(error)
        case _ if isinstance(error, ContentionErrors):
            log.warning("%s %s: others were in the way: %r", request.method, _path(request), error)
            return _busy(errors.Busy("Others are changing the same thing at the moment."))
        case _ if isinstance(error, (*UnavailableErrors, StorageUnavailable)):
            log.error("%s %s: database or storage is away or busy: %r", request.method, _path(request), error)
            return error_response(503, "Please try again in a moment.", headers={"Retry-After": "1"})
    log.error("%s %s failed", request.method, _path(request), exc_info=error)
    return error_response(500, f"The error was recorded as {logs.request_id()}.")


def _busy(error: errors.Busy) -> web.Response:
    retry_after = {"Retry-After": str(error.retry_after_seconds)}
    return error_response(503, error.detail, code=error.code, headers=retry_after)


def _path(request: web.Request) -> str:
    return masked(request.rel_url.raw_path)


def _status(error: errors.EventHubError) -> int:
    return next(STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES)


def _http_error(error: web.HTTPException) -> web.Response:
    match error.status:
        case 404:
            return error_response(404, "Not found.")
        case 405:
            allow = error.headers.get("Allow", "")
            return error_response(405, f"Allowed here: {allow}.", headers={"Allow": allow})
        case 408:
            return error_response(408, "The body did not arrive in time.", headers={"Connection": "close"})
        case 413:
            return error_response(413, "The request body is larger than allowed.")
    return error_response(error.status, error.reason or "The request cannot be answered.")
