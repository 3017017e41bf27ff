"""Stored files: whole or absent, under our names, in one folder."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from eventhub.errors import NotFound
from eventhub.gateways.storage import LocalStorage, build_storage, local
from eventhub.services.ports.storage import FileStorage, content_type, is_name, new_name
from eventhub.settings import read_settings

WEBP = "image/webp"
BAD_NAMES = [
    "../x.webp",
    "a/../../x.webp",
    "/etc/passwd",
    "/x.webp",
    "a//x.webp",
    "a/.x.webp",
    ".webp",
    "x",
    "x.",
    "x.exe",
    "x.webp/",
    "x.webp\n",
    "x\x00.webp",
    "x.tar.webp",
    "a\\x.webp",
    "C:x.webp",
    "%2e%2e/x.webp",
    "a" * 300 + ".webp",
    "",
]


@pytest.fixture
def storage(tmp_path: Path) -> FileStorage:
    return LocalStorage(tmp_path / "media")


async def test_what_is_put_can_be_got_replaced_and_deleted(storage: FileStorage) -> None:
    name = new_name("avatars", "webp")
    await storage.put(name, b"one", WEBP)
    assert await storage.get(name) == b"one"
    await storage.put(name, b"two", WEBP)
    assert await storage.get(name) == b"two"
    await storage.delete(name)
    await storage.delete(name)
    with pytest.raises(NotFound):
        await storage.get(name)


def test_names_cannot_be_guessed_and_are_valid() -> None:
    names = {new_name("avatars", "webp") for _ in range(100)}
    assert len(names) == 100
    assert all(re.fullmatch(r"avatars/[0-9a-f]{32}\.webp", name) for name in names)
    with pytest.raises(ValueError, match="folder"):
        new_name("../avatars", "webp")


def test_names_of_certificates_are_fine() -> None:
    assert content_type("certificates/CERT-1-2-ABC123.pdf") == "application/pdf"


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_no_name_leads_out_of_the_folder(storage: FileStorage, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "x.webp"
    secret.write_bytes(b"secret")
    assert not is_name(name)
    with pytest.raises(NotFound):
        await storage.get(name)
    with pytest.raises(ValueError, match="not a name"):
        await storage.put(name, b"x", WEBP)
    await storage.delete(name)
    assert secret.read_bytes() == b"secret"


async def test_a_type_that_the_name_denies_is_a_mistake(storage: FileStorage) -> None:
    with pytest.raises(ValueError, match="image/webp"):
        await storage.put("avatars/x.webp", b"%PDF", "application/pdf")


async def test_a_folder_is_not_a_file(storage: FileStorage, tmp_path: Path) -> None:
    (tmp_path / "media" / "x.webp").mkdir(parents=True)
    with pytest.raises(NotFound):
        await storage.get("x.webp")


async def test_readers_never_see_a_part_of_a_file(storage: FileStorage) -> None:
    wholes = [bytes([digit]) * 300_000 for digit in range(8)]
    await storage.put("x.webp", wholes[0], WEBP)

    writing = asyncio.gather(*(storage.put("x.webp", whole, WEBP) for whole in wholes))
    seen = {await storage.get("x.webp") for _ in range(20)}
    await writing
    assert seen <= set(wholes)


async def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(
    storage: FileStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.put("x.webp", b"old", WEBP)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        await storage.put("x.webp", b"new", WEBP)
    assert await storage.get("x.webp") == b"old"
    assert [path.name for path in (tmp_path / "media").iterdir()] == ["x.webp"]


async def test_the_storage_of_an_installation_is_in_its_data_dir(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": "postgres://x", "REDIS_URL": "redis://x", "EVENTHUB_SECRET_KEY": "x" * 32}
    storage = build_storage(read_settings(environ | {"EVENTHUB_DATA_DIR": str(tmp_path)}))
    await storage.put("covers/x.webp", b"x", WEBP)
    assert (tmp_path / "media" / "covers" / "x.webp").read_bytes() == b"x"


async def test_a_check_passes_before_there_is_a_file_and_makes_no_folder(tmp_path: Path) -> None:
    await LocalStorage(tmp_path / "data" / "media").check()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - asked of nothing that blocks


async def test_a_check_finds_a_file_in_the_folders_place_and_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "media").write_text("no folder")
    with pytest.raises(OSError, match="no folder that this account may write to"):
        await LocalStorage(tmp_path / "media").check()
    monkeypatch.setattr(local, "LEAST_FREE_BYTES", 2**62)
    with pytest.raises(OSError, match="free on the disk"):
        await LocalStorage(tmp_path / "elsewhere").check()
