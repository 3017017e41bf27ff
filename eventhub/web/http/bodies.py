"""Bodies of requests: in time, within bounds, in a format that the route takes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, TypeVar

import orjson
from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_TYPE
from marshmallow import Schema, ValidationError
from marshmallow.exceptions import SCHEMA

from eventhub.errors import Invalid
from eventhub.schemas.base import picture_uploads
from eventhub.web.http.forms import read_form

FORM = "multipart/form-data"
BODY_SECONDS = 60.0
MAX_JSON_DEPTH = 32

T = TypeVar("T")


class Unsupported(Exception):
    """Raised when a body is not in a format that the route takes (415)."""


class Encoded(Unsupported):
    """Raised when a body is compressed, or otherwise encoded."""


async def read_raw(request: web.Request) -> bytes:
    """Return the very bytes; asked for again, the same.

    Raises HTTPRequestTimeout where they take too long to arrive, HTTPRequestEntityTooLarge, Encoded, and Invalid.
    """
    return await _read(request, request.read)


async def _read(request: web.Request, read: Callable[[], Awaitable[T]]) -> T:
    if request.headers.get(CONTENT_ENCODING, "identity").strip().lower() not in {"identity", ""}:
        raise Encoded
    try:
        # Most are there as a whole by now, and nothing is waited for.
        async with asyncio.timeout(None if request.content.is_eof() else BODY_SECONDS):
            return await read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):  # the latter where the client goes away amid it
        raise Invalid({"body": ["Cannot be read: its length is wrong."]}, code="bad_body") from None


async def read_body(request: web.Request, schema: type[Schema], *, is_partial: bool) -> dict[str, Any]:
    """Return the body as `schema` loads it. JSON, or a form where it takes a picture.

    Raises Unsupported for other formats, Invalid for bad input, and what `read_raw` does.
    """
    if request.content_type == FORM and picture_uploads(schema):
        form = await _read(request, partial(read_form, request, schema))
        return load(schema, form, is_partial=is_partial)
    raw = await read_raw(request)
    if raw and CONTENT_TYPE in request.headers and request.content_type != "application/json":
        raise Unsupported
    try:
        data = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise Invalid(
            {"body": [f"Not valid JSON: {error}."]}, "The body is not valid JSON.", code="bad_json"
        ) from None
    if not isinstance(data, dict):
        raise Invalid({"body": ["Must be a JSON object."]})
    if _is_deeper(data, MAX_JSON_DEPTH):
        raise Invalid({"body": [f"Must not be nested deeper than {MAX_JSON_DEPTH}."]})
    return load(schema, data, is_partial=is_partial)


def _is_deeper(data: object, depth: int) -> bool:
    """Return whether lists and objects are nested deeper than so."""
    children = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return any(
        depth <= 1 or _is_deeper(child, depth - 1) for child in children if isinstance(child, dict | list)
    )


def load(schema: type[Schema], data: Mapping[str, Any], *, is_partial: bool = False) -> dict[str, Any]:
    """Return the data as `schema` takes it. Raises Invalid."""
    try:
        loaded: dict[str, Any] = _made(schema).load(data, partial=is_partial)
    except ValidationError as error:
        raise Invalid({name: list(_texts(said)) for name, said in error.messages_dict.items()}) from None
    return loaded


def _texts(said: Any, where: str = "") -> Iterator[str]:
    """Yield what is wrong with a field; of what is in it, with its place: `Item 2, quantity: …`."""
    if not isinstance(said, Mapping):
        yield from (f"{where}: {text}" if where else text for text in said)
        return
    for key, inner in said.items():
        # What is wrong with an object as a whole has no place of its own.
        place = f"Item {key + 1}" if isinstance(key, int) else "" if key == SCHEMA else key
        yield from _texts(inner, ", ".join(filter(None, (where, place))))


@cache
def _made(schema: type[Schema]) -> Schema:
    """Return one instance, to load with again and again: making it takes longer than loading, which leaves it as it is."""
    return schema()
