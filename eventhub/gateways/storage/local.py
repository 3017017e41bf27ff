"""Stored files in a local folder."""

import asyncio
from pathlib import Path

from eventhub.errors import NotFound
from eventhub.gateways.files import write_atomically
from eventhub.services.ports.storage import StorageUnavailable, is_name, require_name


class LocalStorage:
    """Files under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        require_name(name, content_type)
        try:
            await asyncio.to_thread(write_atomically, self.folder / name, data)
        except OSError as error:  # a full disk, above all
            raise StorageUnavailable(f"{self.folder} takes no file: {error.strerror}") from error

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
