"""A local S3 on a real socket: the part of its API that the storage uses, and the ways in which it can fail.

It follows https://docs.aws.amazon.com/AmazonS3/latest/API (PutObject, GetObject, DeleteObject, error responses), with
the bucket in the path. Use it as `async with S3Server() as s3` and give `s3.url("prefix")` as EVENTHUB_STORAGE_URL.
"""

import asyncio
import re
from enum import Enum
from typing import Self

from aiohttp import web

BUCKET = "eventhub-files"
KEY_ID, SECRET = "AKIATEST", "s3-secret"
REGION = "eu-west-1"


class Fault(Enum):
    """What goes wrong with every request while it is set."""

    SERVER_ERROR = "500, without effect"
    DENIED = "403 AccessDenied"
    NO_BUCKET = "404 NoSuchBucket"
    HANG = "no answer"
    DROP = "connection closed without an answer"


class S3Server:
    """`files` holds (content type, bytes) by key; `requests` what was asked, as `PUT key`."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        self.requests: list[str] = []
        self.fault: Fault | None = None
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_route("*", "/{bucket}/{key:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await self._site.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self._runner.cleanup()

    def url(self, prefix: str = "") -> str:
        port = self._runner.addresses[0][1]
        return f"s3://{BUCKET}/{prefix}?endpoint=http://127.0.0.1:{port}&region={REGION}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - one return an answer
        key = request.match_info["key"]
        self.requests.append(f"{request.method} {key}")
        if self.fault is not None:
            return await self._fail(request, self.fault)
        signed_by = rf"AWS4-HMAC-SHA256 Credential={KEY_ID}/\d{{8}}/{REGION}/s3/aws4_request, .*Signature=[0-9a-f]{{64}}"
        if not re.fullmatch(signed_by, request.headers.get("Authorization", "")):
            return _error(403, "SignatureDoesNotMatch")
        if request.match_info["bucket"] != BUCKET:
            return _error(404, "NoSuchBucket")
        if request.method == "PUT":
            self.files[key] = (request.content_type, await request.read())
            return web.Response(headers={"ETag": '"1"'})
        if request.method == "DELETE":
            self.files.pop(key, None)
            return web.Response(status=204)
        if key not in self.files:
            return _error(404, "NoSuchKey")
        content_type, data = self.files[key]
        headers = {"ETag": '"1"', "Last-Modified": "Mon, 23 Nov 2026 08:00:00 GMT"}
        return web.Response(body=data, content_type=content_type, headers=headers)

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault is Fault.HANG:
            await self._closing.wait()
        if fault in {Fault.HANG, Fault.DROP}:
            assert request.transport is not None
            request.transport.abort()
        if fault is Fault.DENIED:
            return _error(403, "AccessDenied")
        if fault is Fault.NO_BUCKET:
            return _error(404, "NoSuchBucket")
        return _error(500, "InternalError")


def _error(status: int, code: str) -> web.Response:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    )
    return web.Response(status=status, text=body, content_type="application/xml")
