"""Stored files in a local folder."""

import asyncio
from pathlib import Path

from eventhub.errors import NotFound
from eventhub.gateways.files import write_atomically
from eventhub.services.storage import FileStorage, content_type, is_name
from eventhub.settings import Settings


class LocalStorage:
    """Files under `folder`, served by this application at `base_url` + `/media/<name>`."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        self.base_url = base_url.rstrip("/")

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        path = self._path(name, content_type)
        await asyncio.to_thread(write_atomically, path, data)

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

    def url(self, name: str) -> str:
        return f"{self.base_url}/media/{name}"

    def _path(self, name: str, given_type: str) -> Path:
        expected = content_type(name)
        if expected is None:
            raise ValueError(f"not a name for a stored file: {name!r}")
        if expected != given_type:
            raise ValueError(f"{name} is {expected} by its name, not {given_type}")
        return self.folder / name


def build_storage(settings: Settings) -> FileStorage:
    """Return the storage of this installation: the folder `media` in its data directory."""
    return LocalStorage(settings.data_dir / "media", settings.links_base)
