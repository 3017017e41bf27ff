"""The description of the API (OpenAPI 3.1), made from the route table: what it says is what the routes do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from apispec import APISpec

from eventhub.schemas.base import picture_uploads
from eventhub.services.listing import (
    DEFAULT_PAGE_SIZE,
    MAX_ID,
    MAX_PAGE_SIZE,
    Listing,
    Parser,
    boolean,
    search_parser,
    whole_number,
)
from eventhub.web.call import Route
from eventhub.web.http.errors import CLASSES
from eventhub.web.openapi.examples import CREATED, EXAMPLES, NOT_FOUND
from eventhub.web.openapi.schemas import Components, doc_of, make_plugin
from eventhub.web.operations import CODES, WORDS

JSON = "application/json"
FORM = "multipart/form-data"
TAGS: Mapping[str, str] = {
    "auth": "Authentication",
    "users": "Users",
    "events": "Events",
    "sessions": "Sessions",
    "bookings": "Bookings",
    "waitlist": "Waitlist",
    "payments": "Payments",
    "invoices": "Invoices",
    "notifications": "Notifications",
    "reviews": "Reviews",
    "certificates": "Certificates",
    "media": "Media",
    "schema": "Documentation",
    "docs": "Documentation",
    "healthz": "Operations",
    ".well-known": "Operations",
}
DESCRIPTION = """\
Sign in with `POST /api/auth/token/` and send `Authorization: Bearer {access}`.

Lists are bare arrays; the next page is in the header `Link`. Times are ISO 8601 in UTC, money is a decimal text with
two places. Unknown and read-only keys of a body are ignored. Every error has the one format, and every answer the
header `X-Request-ID`. A path without its last slash is redirected (308) to the one with it.
"""
_SIGNED_IN: dict[str, list[str]] = {"bearerAuth": []}
_NAMES = {"index": "list", "detail": "get"}


def build(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the description of `routes`."""
    plugin = make_plugin()
    spec = APISpec(
        title="Event Hub",
        version=version("eventhub"),
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": DESCRIPTION},
        servers=[{"url": "/"}],
        # Of the public ones, which say nothing else: generators take an operation with a list of its own for one that
        # needs a sign-in.
        security=[{}, _SIGNED_IN],
    )
    for tag in dict.fromkeys(_tag(route) for route in routes):
        spec.tag({"name": tag})
    components = Components(spec, plugin, routes)
    _add_shared(spec)
    names = _operation_ids(routes)
    for route in routes:
        operation = _operation(route, components, names[route.method, route.path])
        spec.path(path_of(route), operations={route.method.lower(): operation})
    described: dict[str, Any] = spec.to_dict()
    return described


def path_of(route: Route) -> str:
    """Return the route's path as OpenAPI writes it, without the patterns of its parameters."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)


def _tag(route: Route) -> str:
    return TAGS[route.path.removeprefix("/api").split("/")[1]]


def _operation_ids(routes: Sequence[Route]) -> dict[tuple[str, str], str]:
    """Return a name for each route: the feature and the handler, and the method where that names two routes."""
    ids: dict[tuple[str, str], str] = {}
    for route in sorted(routes, key=lambda route: route.method == "PUT"):
        feature = route.handler.__module__.rpartition(".")[2]
        handler = route.handler.__name__
        name = f"{feature}_{_NAMES.get(handler, handler)}"
        ids[route.method, route.path] = f"{name}_put" if name in ids.values() else name
    return ids


def _operation(route: Route, components: Components, name: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "tags": [_tag(route)],
        "summary": route.summary,
        "description": _description(route),
        **({} if route.is_public else {"security": [_SIGNED_IN]}),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, components),
    }
    body = _request_body(route, components)
    return operation | ({"requestBody": body} if body else {})


def _description(route: Route) -> str:
    """Return what happens, and by which codes the present state may refuse it."""
    name = f"{route.method} {route.path}"
    words = WORDS.get(name) or doc_of(route.handler)
    codes = [*CODES.get(name, ()), *(["idempotency_key_in_use"] if route.is_idempotent else [])]
    return f"{words}\n\n409 with `code`: {', '.join(f'`{code}`' for code in codes)}." if codes else words


# --- what is asked ------------------------------------------------------------------------------------------------


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)", route.path):
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if name == "id":
            schema = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(route: Route) -> Iterator[dict[str, Any] | str]:
    """Yield each parameter, or the name of a shared one."""
    listing = route.listing
    if listing is None:
        return
    for name, query_filter in listing.filters.items():
        words = query_filter.doc or _FILTERS.get(name, f"Only those with this `{name}`.")
        yield _query(name, words, query_filter.parse)
    if listing.search:
        yield _query("search", listing.search_doc, search_parser(listing))
    yield _ordering(listing)
    yield from ("page_size", "cursor", "count")


_FILTERS = {
    "price_min": "Only those that cost this or more.",
    "price_max": "Only those that cost this or less.",
    "is_online": "Only those that take place online, or only those that do not.",
    "is_read": "Only those that are read, or only those that are not.",
    "is_sent": "Only those that are marked as sent, or only those that are not.",
    "is_downloaded": "Only those that were downloaded, or only those that were not.",
    "event": "Only those of the event with this id.",
    "booking": "Only those for the booking with this id.",
}


def _query(name: str, description: str, parser: Parser, **more: object) -> dict[str, Any]:
    schema = {**parser.schema, **more}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _ordering(listing: Listing) -> dict[str, Any]:
    allowed = [sign + name for name in listing.orderings for sign in ("", "-")]
    return {
        "name": "ordering",
        "in": "query",
        "description": "What to order by, most important first; `-` for descending.",
        "style": "form",
        "explode": False,
        "schema": {
            "type": "array",
            "items": {"type": "string", "enum": allowed},
            "minItems": 1,
            "default": listing.default_ordering.split(","),
        },
    }


def _header_parameters(route: Route) -> Iterator[str]:
    if route.is_idempotent:
        yield "Idempotency-Key"
    if _has_etag(route):
        yield "If-None-Match"
    yield "X-Request-ID"


def _has_etag(route: Route) -> bool:
    return route.is_public and route.method == "GET" and route.produces[0] == JSON


def _request_body(route: Route, components: Components) -> dict[str, Any] | None:
    if _takes_raw(route):
        return {"required": True, "content": {JSON: {"schema": {"type": "object"}, "example": _EVENT}}}
    if route.body is None:
        return None
    example = EXAMPLES.get(route.body)
    shown = {"example": dict(example)} if example else {}
    content = {JSON: {"schema": components.ref(route.body, is_partial=route.is_partial), **shown}}
    if picture_uploads(route.body):
        form = components.ref(route.body, is_partial=route.is_partial, is_form=True)
        content[FORM] = {"schema": form, **shown}
    return {"required": not route.is_partial, "content": content}


_EVENT = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {"id": "cs_1"}}}


def _takes_raw(route: Route) -> bool:
    """Say whether the handler reads the body by itself: a provider signs the very bytes."""
    return "webhook" in route.path


# --- what is answered ---------------------------------------------------------------------------------------------


def _responses(route: Route, components: Components) -> dict[str, Any]:
    answers: dict[str, Any] = {str(route.status): _success(route, components)}
    if _has_etag(route):
        answers["304"] = {"$ref": "#/components/responses/304"}
    return answers | {str(status): {"$ref": f"#/components/responses/{status}"} for status in _errors(route)}


def _success(route: Route, components: Components) -> dict[str, Any]:
    names = ["X-Request-ID", "Cache-Control", *([] if route.is_unlimited else _LIMITS)]
    if _has_etag(route):
        names += ["ETag", "Vary"]
    if "text/css" in route.produces:
        names += ["Vary", "Content-Encoding"]
    if "application/pdf" in route.produces:
        names.append("Content-Disposition")
    if route.listing:
        names += ["Link", "X-Total-Count"]
    if route.is_idempotent:
        names.append("Idempotency-Replayed")
    answer: dict[str, Any] = {
        "description": doc_of(route.returns) or route.summary,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    return answer if route.status == 204 else answer | {"content": _content(route, components)}


def _content(route: Route, components: Components) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for kind in route.produces:
        if kind == JSON:
            made[kind] = _json(route, components)
        else:
            is_text = kind.startswith("text/")
            made[kind] = {"schema": {"type": "string"} if is_text else {"type": "string", "format": "binary"}}
    return made


def _json(route: Route, components: Components) -> dict[str, Any]:
    if route.returns is None:
        return {"schema": {"type": "object"}}
    example = (CREATED if route.status == 201 else {}).get(route.returns) or EXAMPLES.get(route.returns)
    if route.listing:
        shown = {"example": [dict(example)]} if example else {}
        return {"schema": {"type": "array", "items": components.ref(route.returns)}, **shown}
    return {"schema": components.ref(route.returns), **({"example": dict(example)} if example else {})}


def _errors(route: Route) -> list[int]:
    """Return the statuses by which the route may refuse or fail."""
    found = {401, 500, 503, *route.refuses}
    if not route.is_unlimited:
        found.add(429)
    reads_body = bool(route.body) or _takes_raw(route)
    if reads_body or route.listing or route.is_idempotent:
        found.add(400)
    if "{" in route.path:
        found.add(404)
    if reads_body or route.is_idempotent:
        found |= {408, 413, 415}
    if route.is_idempotent:
        found |= {409, 422}
    return sorted(found)


# --- what many operations share -----------------------------------------------------------------------------------

_TEXT = {"type": "string"}
_HEADERS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "X-Request-ID": ("The request's id: the client's own, where it sent a sane one.", _TEXT),
    "Cache-Control": ("Whether and for how long the answer may be kept.", _TEXT),
    "ETag": ("Stands for the very bytes; send it back in `If-None-Match`.", _TEXT),
    "Vary": ("By which headers of a request answers differ.", _TEXT),
    "Content-Encoding": ("`gzip`, where the request's `Accept-Encoding` takes it.", _TEXT),
    "Content-Disposition": ("The name to keep the file by, for a PDF.", _TEXT),
    "RateLimit-Limit": (
        "How many requests the limit that counted this one allows. Of answers to passwords only 429 has the three.",
        {"type": "integer", "minimum": 1},
    ),
    "RateLimit-Remaining": ("How many of them are left.", {"type": "integer", "minimum": 0}),
    "RateLimit-Reset": ("In how many seconds the window ends.", {"type": "integer", "minimum": 1}),
    "Accept-Encoding": ("`identity`, where the body came encoded.", _TEXT),
    "Link": ('The next page, where there is one: `<url>; rel="next"`.', _TEXT),
    "X-Total-Count": (
        "How many there are on all pages, with `count=true`.",
        {"type": "integer", "minimum": 0},
    ),
    "Idempotency-Replayed": (
        "There where this is the stored answer to an earlier request with this key.",
        {"type": "string", "const": "true"},
    ),
    "Retry-After": ("After how many seconds to try again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to authenticate.", _TEXT),
}
_REPLAYED = ["Idempotency-Replayed"]  # refusals by the rules are answers too, and come again
_LIMITS = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
_ERROR_HEADERS = {
    400: _REPLAYED,
    401: ["WWW-Authenticate"],
    403: _REPLAYED,
    404: _REPLAYED,
    409: [*_REPLAYED, "Retry-After"],
    415: ["Accept-Encoding"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}
_ERROR = {
    "type": "object",
    "description": "What went wrong, for a person and for a program.",
    "properties": {
        "detail": {**_TEXT, "description": "What happened."},
        "error": {**_TEXT, "description": "The class of the status."},
        "code": {**_TEXT, "description": "A slug for programs."},
        "errors": {
            "type": "object",
            "description": "For bad input: what is wrong with each field.",
            "additionalProperties": {"type": "array", "items": _TEXT},
        },
    },
    "required": ["detail", "error", "code"],
}


def _add_shared(spec: APISpec) -> None:
    spec.components.security_scheme(
        "bearerAuth",
        {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."},
    )
    spec.components.schema("Error", _ERROR)
    for name, (description, schema) in _HEADERS.items():
        spec.components.header(name, {"description": description, "schema": dict(schema)})
    for parameter in _shared_parameters():
        spec.components.parameter(parameter["name"], parameter["in"], parameter)
    headers = {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in ("X-Request-ID", "ETag", "Vary", "Cache-Control", *_LIMITS)
    }
    spec.components.response("304", {"description": "The client has these very bytes.", "headers": headers})
    for status, (sentence, code) in CLASSES.items():
        if status not in {405, 417}:  # no operation answers these
            spec.components.response(str(status), _error(status, sentence, code))


def _shared_parameters() -> Iterator[dict[str, Any]]:
    yield _query(
        "page_size", "How many to answer at most.", whole_number(1, MAX_PAGE_SIZE), default=DEFAULT_PAGE_SIZE
    )
    yield {
        "name": "cursor",
        "in": "query",
        "description": "Where the page begins; take it from the header `Link`. Good for the same ordering alone.",
        "schema": _TEXT,
    }
    yield _query("count", "Whether to answer the header `X-Total-Count`.", boolean, default=False)
    yield _header(
        "Idempotency-Key",
        "A text of the client's own: a repeated request with it within 24 hours has no further effect and gets "
        "the first answer, also where that was a refusal. With another body or path it is refused (422).",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
    )
    yield _header("If-None-Match", "An `ETag` that the client has an answer for.", _TEXT)
    yield _header(
        "X-Request-ID",
        "An id for this request: 1 to 64 letters, digits and `._:-`. Any other is replaced.",
        _TEXT,
    )


def _header(name: str, description: str, schema: Mapping[str, object]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": dict(schema)}


def _error(status: int, sentence: str, code: str) -> dict[str, Any]:
    names = ["X-Request-ID", *_LIMITS, *_ERROR_HEADERS.get(status, ())]
    example: dict[str, Any] = {"detail": sentence, "error": sentence, "code": code}
    if status == 400:
        example["errors"] = {"title": ["Missing data for required field."]}
    if status == 404:
        example |= NOT_FOUND
    return {
        "description": sentence,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}},
    }
