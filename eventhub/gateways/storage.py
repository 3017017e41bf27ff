"""Stored files in a local folder, and the choice between it and a bucket."""

import asyncio
from pathlib import Path

from eventhub.errors import NotFound
from eventhub.gateways.files import write_atomically
from eventhub.services.storage import FileStorage, is_name, require_name
from eventhub.settings import Settings


class LocalStorage:
    """Files under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        require_name(name, content_type)
        await asyncio.to_thread(write_atomically, self.folder / name, data)

    async def get(self, name: str) -> bytes:
        if not is_name(name):
            raise NotFound
        try:
            return await asyncio.to_thread((self.folder / name).read_bytes)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFound from None

    async def delete(self, name: str) -> None:
        if is_name(name):
            await asyncio.to_thread((self.folder / name).unlink, missing_ok=True)


def build_storage(settings: Settings) -> FileStorage:
    """Return the storage that `storage_url` names: the folder `media` in the data directory, or a bucket."""
    if settings.storage_url.startswith("s3:"):
        from eventhub.gateways.s3 import S3Storage  # noqa: PLC0415 - an extra: settings say whether it is there

        return S3Storage(settings.storage_url)
    return LocalStorage(settings.data_dir / "media")
