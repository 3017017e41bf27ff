"""Stored files in a local folder."""

import asyncio
import os
from pathlib import Path

from eventhub.errors import NotFound
from eventhub.gateways.files import write_atomically
from eventhub.services.ports.storage import StorageUnavailable, is_name, require_name

LEAST_FREE_BYTES = 16 * 2**20  # of a disk that counts as not full


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

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        # The first file makes the folder.
        existing = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        if not existing.is_dir() or not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"{existing} is no folder that this account may write to")
        room = os.statvfs(existing)
        if room.f_bavail * room.f_frsize < LEAST_FREE_BYTES:
            raise OSError(f"less than {LEAST_FREE_BYTES // 2**20} MiB are free on the disk of {existing}")
