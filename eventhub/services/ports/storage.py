"""Where stored files live, as the business sees it: names in, bytes out."""

import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from eventhub.errors import EventHubError

log = logging.getLogger("eventhub.storage")

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "png": "image/png",
    "webp": "image/webp",
}
_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,64}/){0,4}[A-Za-z0-9_-]{1,100}\.(?P<extension>[a-z0-9]{1,8})")


class StorageUnavailable(OSError):
    """Raised when a storage does not do its part, or has no room; trying again later may help."""


class FileStorage(Protocol):
    """Keeps files under names that this code generated (`new_name`); a name never changes its content's meaning.

    All of its methods raise OSError where the storage fails.
    """

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        """Store `data`, whole or not at all, over what was there. ValueError for a bad name or type."""

    async def get(self, name: str) -> bytes:
        """Return what was put, or raise NotFound, also for a name that could never have been given out."""

    async def delete(self, name: str) -> None:
        """Remove the file; one that is not there is fine."""

    async def check(self) -> None:
        """Return if files can be stored and read, as far as that is seen without storing one."""


def new_name(folder: str, extension: str) -> str:
    """Return a name nobody can guess, `avatars/4f…c1.webp`; ValueError where it would be no valid one."""
    name = f"{folder}/{secrets.token_hex(16)}.{extension}"
    if not is_name(name):
        raise ValueError(f"not a folder and extension for stored files: {folder!r}, {extension!r}")
    return name


def is_name(name: str) -> bool:
    """Say whether `name` is one that a storage takes: no dots but before the extension, so no way out."""
    return content_type(name) is not None


def require_name(name: str, given_type: str) -> None:
    """Raise ValueError for a name that no storage takes, or a type that its extension denies."""
    expected = content_type(name)
    if expected is None:
        raise ValueError(f"not a name for a stored file: {name!r}")
    if expected != given_type:
        raise ValueError(f"{name} is {expected} by its name, not {given_type}")


def content_type(name: str) -> str | None:
    """Return the type that the extension of `name` stands for, None for what is never stored."""
    match = _NAME.fullmatch(name)
    return CONTENT_TYPES.get(match["extension"]) if match else None


class Picture(Protocol):
    """An encoded picture, ready to be stored."""

    @property
    def data(self) -> bytes: ...

    @property
    def content_type(self) -> str: ...

    @property
    def extension(self) -> str: ...


@dataclass
class Replacement:
    """A file that takes the place of another in a column: `name` is the new one's, None where there is to be none.

    The caller, who changes the row, says in `replaced` which one it was.
    """

    name: str | None = None
    replaced: str | None = None


@asynccontextmanager
async def replacement(
    storage: FileStorage, folder: str, picture: Picture | None
) -> AsyncIterator[Replacement]:
    """Store `picture` and yield the change; the transaction belongs inside.

    The replaced file is deleted after the block, the new one where a rule refused the change. Any other failure
    leaves both, since the commit may have happened.
    """
    change = Replacement()
    if picture is not None:
        change.name = new_name(folder, picture.extension)
        await storage.put(change.name, picture.data, picture.content_type)
    try:
        yield change
    except EventHubError:
        await discard(storage, change.name)
        raise
    await discard(storage, change.replaced)


async def discard(storage: FileStorage, name: str | None) -> None:
    """Delete a file that nothing names any more; one that cannot be deleted is only logged."""
    if name is None:
        return
    try:
        await storage.delete(name)
    except OSError:
        log.exception("%s could not be deleted", name)
