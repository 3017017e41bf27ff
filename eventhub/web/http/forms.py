"""Bodies of multipart/form-data: texts, and files where the schema takes them."""

from collections.abc import AsyncIterator
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError
from marshmallow import Schema

from eventhub.errors import Invalid
from eventhub.schemas.base import from_form, picture_uploads

MAX_FORM_BYTES = 10 * 1024 * 1024
MAX_TEXT_BYTES = 1024 * 1024
MAX_PARTS = 200
CHUNK_BYTES = 64 * 1024
# What aiohttp's reader raises on what is no form, or not all of one.
BROKEN = (ValueError, AssertionError, LookupError, TypeError, HttpProcessingError, web.RequestPayloadError)


async def read_form(request: web.Request, schema: type[Schema]) -> dict[str, Any]:
    """Return what the form holds, as JSON would: a bytearray for a file, a text's value for all else.

    A file input that was left empty changes nothing; an empty text in its place removes the picture. Raises Invalid
    for what is no form, HTTPRequestEntityTooLarge over 10 MiB, or 1 MiB of texts.
    """
    if (request.content_length or 0) > MAX_FORM_BYTES:
        raise _too_large(MAX_FORM_BYTES, request.content_length or 0)
    pictures = picture_uploads(schema)
    texts: dict[str, str] = {}
    files: dict[str, bytearray | None] = {}
    try:
        async for part, data in _parts(request):
            name = part.name or ""
            if name in pictures and part.filename is not None:
                if data or part.filename:
                    files[name] = data
            elif name in pictures:
                if not data:
                    files[name] = None
            elif part.filename is None:
                texts[name] = data.decode()
    except BROKEN:
        raise Invalid({"body": ["Not a valid form."]}, code="bad_form") from None
    return {**from_form(schema, texts), **files}


async def _parts(request: web.Request) -> AsyncIterator[tuple[BodyPartReader, bytearray]]:
    reader = await request.multipart()
    total = texts = count = 0
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise TypeError("a form inside a form")
        data = bytearray()
        while chunk := await part.read_chunk(CHUNK_BYTES):
            data += chunk
            total += len(chunk)
            texts += len(chunk) if part.filename is None else 0
            if total > MAX_FORM_BYTES:
                raise _too_large(MAX_FORM_BYTES, total)
            if texts > MAX_TEXT_BYTES:
                raise _too_large(MAX_TEXT_BYTES, texts)
        count += 1
        if count > MAX_PARTS:
            raise ValueError("too many parts")
        yield part, data


def _too_large(allowed: int, got: int) -> web.HTTPRequestEntityTooLarge:
    return web.HTTPRequestEntityTooLarge(max_size=allowed, actual_size=got)
