"""Stored files in a bucket, against a local server that speaks S3."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from eventhub.errors import NotFound
from eventhub.gateways.storage.s3 import S3Storage
from eventhub.services.ports.storage import StorageUnavailable, discard
from tests.conftest import MakeApi
from tests.fakes.s3_server import KEY_ID, SECRET, Fault, S3Server
from tests.gateways.test_images import encoded, halves
from tests.gateways.test_storage import BAD_NAMES
from tests.waiting import until

WEBP = "image/webp"
NAME = "avatars/x.webp"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[S3Server]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    async with S3Server() as started:
        yield started


@pytest.fixture
def bucket(server: S3Server) -> S3Storage:
    return S3Storage(server.url("media/files"), timeout_seconds=0.5)


async def test_what_is_put_can_be_got_replaced_and_deleted(bucket: S3Storage, server: S3Server) -> None:
    await bucket.put(NAME, b"one", WEBP)
    assert server.files == {f"media/files/{NAME}": (WEBP, b"one")}
    assert await bucket.get(NAME) == b"one"
    await bucket.put(NAME, b"two" * 3_000_000, WEBP)
    assert await bucket.get(NAME) == b"two" * 3_000_000
    await bucket.delete(NAME)
    await bucket.delete(NAME)
    assert server.files == {}
    with pytest.raises(NotFound):
        await bucket.get(NAME)


async def test_without_a_prefix_names_are_keys(server: S3Server) -> None:
    await S3Storage(server.url()).put(NAME, b"one", WEBP)
    assert list(server.files) == [NAME]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_no_name_but_ours_reaches_the_bucket(bucket: S3Storage, server: S3Server, name: str) -> None:
    with pytest.raises(NotFound):
        await bucket.get(name)
    with pytest.raises(ValueError, match="not a name"):
        await bucket.put(name, b"x", WEBP)
    await bucket.delete(name)
    assert server.requests == []


async def test_a_type_that_the_name_denies_is_a_mistake(bucket: S3Storage) -> None:
    with pytest.raises(ValueError, match="image/webp"):
        await bucket.put(NAME, b"%PDF", "application/pdf")


@pytest.mark.parametrize("fault", Fault)
async def test_a_bucket_that_fails_is_unavailable_and_not_empty(
    bucket: S3Storage, server: S3Server, fault: Fault
) -> None:
    server.fault = fault
    started = time.monotonic()
    for attempt in (bucket.put(NAME, b"x", WEBP), bucket.delete(NAME), bucket.get(NAME)):
        with pytest.raises(
            StorageUnavailable, match=f"bucket eventhub-files, (put|get|delete) {NAME}: "
        ) as raised:
            await attempt
        assert SECRET not in str(raised.value)
    assert time.monotonic() - started < 3 * 3 * (0.5 + 1)
    server.fault = None
    with pytest.raises(NotFound):
        await bucket.get(NAME)


async def test_a_short_failure_is_tried_again(bucket: S3Storage, server: S3Server) -> None:
    server.fault = Fault.SERVER_ERROR

    async def recover() -> None:
        await until(lambda: server.requests, "a first request has failed")
        server.fault = None

    await asyncio.gather(bucket.put(NAME, b"x", WEBP), recover())
    assert await bucket.get(NAME) == b"x"


async def test_wrong_credentials_are_told(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    with pytest.raises(StorageUnavailable, match="SignatureDoesNotMatch"):
        await S3Storage(server.url()).put(NAME, b"x", WEBP)


async def test_a_server_that_is_away_is_unavailable() -> None:
    bucket = S3Storage("s3://files?endpoint=http://127.0.0.1:9&region=x", timeout_seconds=0.3)
    with pytest.raises(StorageUnavailable):
        await bucket.get(NAME)


async def test_what_cannot_be_deleted_is_only_logged(
    bucket: S3Storage, server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    await bucket.put(NAME, b"x", WEBP)
    server.fault = Fault.SERVER_ERROR
    await discard(bucket, NAME)
    told = [record.getMessage() for record in caplog.records if record.name.startswith("eventhub")]
    assert told == [f"{NAME} could not be deleted"]
    server.fault = None
    assert await bucket.get(NAME) == b"x"


async def test_pictures_and_certificates_live_in_the_bucket(make_api: MakeApi, server: S3Server) -> None:
    api = await make_api(storage_url=server.url("hub"))
    person = await api.person()
    form = aiohttp.FormData()
    form.add_field("avatar", encoded(halves(), "PNG"), filename="me.png", content_type="image/png")
    changed = await person.patch("/api/users/me/", data=form)
    assert changed.status == 200, changed.data
    (key,) = server.files
    path = changed.data["avatar"].partition("/media/")[2]
    assert key == f"hub/{path}"
    async with api.client.get(f"/media/{path}") as served:
        assert (served.status, served.content_type) == (200, WEBP)
        assert await served.read() == server.files[key][1]
    server.fault = Fault.SERVER_ERROR
    async with api.client.get(f"/media/{path}") as served:
        answer = await served.json()
        assert (served.status, answer["code"]) == (503, "unavailable")
    server.fault = None
    assert (await person.patch("/api/users/me/", {"avatar": None})).data["avatar"] is None
    assert server.files == {}


async def test_a_check_asks_the_bucket_and_needs_no_right_to_list(
    bucket: S3Storage, server: S3Server
) -> None:
    await bucket.check()
    server.fault = Fault.DENIED  # as servers say of what is not there to who may not list
    await bucket.check()
    for fault in (Fault.NO_BUCKET, Fault.SERVER_ERROR, Fault.DROP):
        server.fault = fault
        with pytest.raises(StorageUnavailable):
            await bucket.check()


async def test_a_check_finds_credentials_that_are_wrong(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-elses")
    with pytest.raises(StorageUnavailable, match="SignatureDoesNotMatch"):
        await S3Storage(server.url()).check()
