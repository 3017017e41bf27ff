"""Stored files in a bucket of S3, or of anything that speaks its protocol (MinIO, R2, Ceph, …)."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError
from obstore.store import S3Store

from eventhub.errors import NotFound
from eventhub.services.ports.storage import StorageUnavailable, is_name, require_name

if TYPE_CHECKING:
    from obstore.store import S3Config

TIMEOUT_SECONDS = 10.0
RETRIES = 2


class S3Storage:
    """Files in the bucket of `url` (docs/operations.md, "Files"), served by this application.

    Credentials come from the variables that every S3 client reads: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or
    what the machine's role gives. The bucket may be private: nobody but this application reads it.
    """

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        config: S3Config = {
            "disable_bulk_delete": True
        }  # not every server knows how to delete several at once
        if "endpoint" in options:
            config["endpoint"] = options["endpoint"].rstrip("/")
        if "region" in options:
            config["region"] = options["region"]
        self._bucket = parts.netloc
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options={
                "allow_http": options.get("endpoint", "").startswith("http://"),
                "connect_timeout": timedelta(seconds=timeout_seconds),
                "timeout": timedelta(seconds=timeout_seconds),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=timeout_seconds * (RETRIES + 1)),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=50),
                    "max_backoff": timedelta(seconds=1),
                    "base": 2,
                },
            },
        )

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        require_name(name, content_type)
        with self._errors(f"put {name}"):
            await self._store.put_async(
                name, data, attributes={"Content-Type": content_type}, use_multipart=False
            )

    async def get(self, name: str) -> bytes:
        if not is_name(name):
            raise NotFound
        with self._errors(f"get {name}"):
            found = await self._store.get_async(name)
            return bytes(await found.bytes_async())

    async def delete(self, name: str) -> None:
        if is_name(name):
            with suppress(NotFound), self._errors(f"delete {name}"):
                await self._store.delete_async(name)

    async def check(self) -> None:
        with suppress(NotFound), self._errors("check"):
            try:
                await self._store.get_async("never-there")
            except PermissionDeniedError as error:
                # What is not there is forbidden, to who may not list; that right is not needed.
                if "AccessDenied" not in str(error):
                    raise

    @contextmanager
    def _errors(self, action: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            said = " ".join(str(error).split())[:500]
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in said:
                raise NotFound from None
            raise StorageUnavailable(f"bucket {self._bucket}, {action}: {said}") from None
