"""The description of the API (OpenAPI 3.1), made from the route table: what it says is what the routes do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import orjson
from apispec import APISpec

from eventhub.errors import NotFound
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
from eventhub.web.call import JSON, Route
from eventhub.web.http.errors import CLASSES
from eventhub.web.http.event_stream import EVENT_STREAM
from eventhub.web.openapi.schemas import Components, doc_of, make_plugin

FORM = "multipart/form-data"
DESCRIPTION = """\
Sign in with `POST /api/auth/token/` and send `Authorization: Bearer {access}`.

Lists are bare arrays, and the header `Link` leads to the next page. Times are ISO 8601 in UTC; amounts of money are
decimal strings with two places. Unknown and read-only keys in a body are ignored. All errors have the same format, and
every answer has the header `X-Request-ID`. A path without its trailing slash is redirected (308) to the one with it.

An event's `price` and `max_attendees` are those of its standard ticket and of its seats. Beside it there may be ticket types
and promo codes: a booking that asks for neither is of standard tickets, one with `items` has a line for each type.
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
    for tag in dict.fromkeys(route.tag for route in routes):
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
        "tags": [route.tag],
        "summary": route.summary,
        "description": _description(route),
        **({} if route.is_public else {"security": [_SIGNED_IN]}),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, components),
    }
    body = _request_body(route, components)
    return operation | ({"requestBody": body} if body else {})


def _description(route: Route) -> str:
    """Return what the operation does, what of a body it takes, and by which codes the rules may refuse it."""
    words = doc_of(route.handler)
    if route.is_partial:
        words += " Changes only the keys that are sent."
    elif route.method == "PUT":
        words += " Takes the whole object; keys that may be left out fall back to their defaults."
    refusals = {status: codes for status, codes in sorted(route.refuses.items()) if codes}
    if route.is_idempotent:
        refusals[409] = [*refusals.get(409, ()), "idempotency_key_in_use"]
    lines = (
        f"{status} with `code`: {', '.join(f'`{code}`' for code in codes)}."
        for status, codes in refusals.items()
    )
    return "\n\n".join((words, *lines))


# --- what is asked ------------------------------------------------------------------------------------------------


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)", route.path):
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        if name == "id":
            schema = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(route: Route) -> Iterator[dict[str, Any] | str]:
    """Yield each parameter, or the name of a shared one."""
    for name, parameter in route.query.items():
        yield _query(name, parameter.doc, parameter.parse)
    listing = route.listing
    if listing is None:
        return
    for name, query_filter in listing.filters.items():
        yield _query(name, query_filter.doc, query_filter.parse)
    if listing.search:
        yield _query("search", listing.search_doc, search_parser(listing))
    yield _ordering(listing)
    yield from ("page_size", "cursor", "count")


def _query(name: str, description: str, parser: Parser, **more: object) -> dict[str, Any]:
    schema = {**parser.schema, **more}
    style = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return {"name": name, "in": "query", "description": description, **style, "schema": schema}


def _ordering(listing: Listing) -> dict[str, Any]:
    allowed = [sign + name for name in listing.orderings for sign in ("", "-")]
    return {
        "name": "ordering",
        "in": "query",
        "description": "The fields to order by, the most important first; `-` means descending.",
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
    if EVENT_STREAM in route.produces:
        yield "Last-Event-ID"
    yield "X-Request-ID"


def _has_etag(route: Route) -> bool:
    return route.is_public and not route.is_probe and route.method == "GET" and route.produces[0] == JSON


def _request_body(route: Route, components: Components) -> dict[str, Any] | None:
    if route.raw_body is not None:
        content = {JSON: {"schema": {"type": "object"}, "example": dict(route.raw_body)}}
        return {"required": True, "content": content}
    if route.body is None:
        return None
    example = dict(route.body.example)
    content = {JSON: {"schema": components.ref(route.body, is_partial=route.is_partial), "example": example}}
    if picture_uploads(route.body):
        form = components.ref(route.body, is_partial=route.is_partial, is_form=True)
        content[FORM] = {"schema": form, "example": example}
    return {"required": not route.is_partial, "content": content}


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
    names += route.headers
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
        elif kind == EVENT_STREAM:
            made[kind] = _events(route)
        else:
            is_text = kind.startswith("text/")
            made[kind] = {"schema": {"type": "string"} if is_text else {"type": "string", "format": "binary"}}
    return made


def _events(route: Route) -> dict[str, Any]:
    assert route.returns is not None  # noqa: S101 - what each event's data is
    data = orjson.dumps(route.returns.example).decode()
    example = f"id: {route.returns.example['seq']}\ndata: {data}\n\n: ping\n\n"
    words = f"Events without end; the `data` of each is a {route.returns.__name__} as JSON, on one line."
    return {"schema": {"type": "string", "description": words}, "example": example}


def _json(route: Route, components: Components) -> dict[str, Any]:
    if route.returns is None:
        return {"schema": {"type": "object"}}
    example = dict(route.returns.example if route.example is None else route.example)
    if route.listing or route.is_array:
        return {"schema": {"type": "array", "items": components.ref(route.returns)}, "example": [example]}
    return {"schema": components.ref(route.returns), "example": example}


def _errors(route: Route) -> list[int]:
    """Return the statuses by which the route may refuse or fail."""
    found = {500, 503, *route.refuses}
    if not route.is_probe:
        found.add(401)
    if not route.is_unlimited:
        found.add(429)
    reads_body = route.body is not None or route.raw_body is not None
    if reads_body or route.listing or route.query or route.is_idempotent:
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
    "X-Request-ID": ("The id of the request: the client's own, if it sent a valid one.", _TEXT),
    "Cache-Control": ("Whether, and for how long, the answer may be cached.", _TEXT),
    "ETag": ("Identifies the exact bytes of the answer; send it back in `If-None-Match`.", _TEXT),
    "Vary": ("The request headers that the answer depends on.", _TEXT),
    "Content-Encoding": ("`gzip`, if the request's `Accept-Encoding` allows it.", _TEXT),
    "Content-Disposition": ("The file name to save a PDF under.", _TEXT),
    "RateLimit-Limit": (
        "How many requests the limit that counted this one allows. Among the answers to passwords, only a 429 has these three headers.",
        {"type": "integer", "minimum": 1},
    ),
    "RateLimit-Remaining": ("How many requests are left.", {"type": "integer", "minimum": 0}),
    "RateLimit-Reset": ("The number of seconds until the window ends.", {"type": "integer", "minimum": 1}),
    "Accept-Encoding": ("`identity`, if the body was sent encoded.", _TEXT),
    "Link": ('The next page, if there is one: `<url>; rel="next"`.', _TEXT),
    "X-Total-Count": (
        "How many items there are on all pages, if `count=true` was sent.",
        {"type": "integer", "minimum": 0},
    ),
    "X-Last-Seq": (
        "From where to go on if the answer is empty: the last number there is, or the last that was looked at for `types`.",
        {"type": "integer", "minimum": 0},
    ),
    "Idempotency-Replayed": (
        "Present if this is the stored answer to an earlier request with this key.",
        {"type": "string", "const": "true"},
    ),
    "Retry-After": ("The number of seconds to wait before trying again.", {"type": "integer", "minimum": 1}),
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
        "error": {**_TEXT, "description": "What the status means."},
        "code": {**_TEXT, "description": "What went wrong, as a fixed word for programs."},
        "errors": {
            "type": "object",
            "description": "What is wrong with each field, for invalid input.",
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
    spec.components.response(
        "304", {"description": "The client already has these exact bytes.", "headers": headers}
    )
    for status, (sentence, code) in CLASSES.items():
        if status not in {405, 417}:  # no operation answers these
            spec.components.response(str(status), _error(status, sentence, code))


def _shared_parameters() -> Iterator[dict[str, Any]]:
    yield _query(
        "page_size",
        "The largest number of items to return.",
        whole_number(1, MAX_PAGE_SIZE),
        default=DEFAULT_PAGE_SIZE,
    )
    yield {
        "name": "cursor",
        "in": "query",
        "description": "Where the page begins; take it from the header `Link`. It is valid only for the same ordering.",
        "schema": _TEXT,
    }
    yield _query("count", "Whether to return the header `X-Total-Count`.", boolean, default=False)
    yield _header(
        "Idempotency-Key",
        "A string of the client's choice. A request that is repeated with it within 24 hours has no further effect "
        "and gets the first answer again, even if that was a refusal. With another body or path, it is refused (422).",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
    )
    yield _header("Last-Event-ID", "The `id` of the last event that the client got.", _TEXT)
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
        example["detail"] = NotFound().detail
    return {
        "description": sentence,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}},
    }
