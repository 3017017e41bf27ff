"""What every test may ask for: a real PostgreSQL and Valkey, the application over HTTP, jobs run on demand."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis.asyncio
from argon2 import PasswordHasher
from pytest_aiohttp import AiohttpClient

from eventhub import embedded
from eventhub.database import Database, SentJob, migrate
from eventhub.services import passwords
from eventhub.settings import Settings, read_settings
from eventhub.web.app import create_app
from eventhub.web.call import DATABASE
from tests import moves, recorded
from tests.api import Api, make_resources
from tests.cluster import Cluster

SECRET = "a secret for tests only, of more than 32 bytes"


_HOME = "EVENTHUB_TEST_HOME"


def pytest_configure(config: pytest.Config) -> None:
    """Make one folder for the servers of this run, which all its processes share.

    Not pytest's own: each pytest that starts closes the folder above those to other accounts, and so to PostgreSQL
    where root runs the tests.
    """
    if not hasattr(config, "workerinput"):
        os.environ[_HOME] = tempfile.mkdtemp(prefix="eventhub-test-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_HOME), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run no race and no drawn sequence twice: one that is lost once in a hundred runs is lost."""
    for item in items:
        if item.path.parent.name in {"races", "property"}:
            item.add_marker(pytest.mark.flaky(reruns=0))


@pytest.fixture(scope="session")
def servers() -> Iterator[embedded.Services]:
    """One PostgreSQL and one Valkey for all test processes of this run."""
    with embedded.start(Path(os.environ[_HOME]), durable=False) as services:
        yield services


@pytest.fixture(scope="session")
def settings(
    servers: embedded.Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings on a database and a Redis number of this test process's own, migrated."""
    number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    database_url = asyncio.run(fresh_database(servers.database_url, f"test_{worker_id}"))
    return read_settings(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url(servers.redis_url, number),
            "EVENTHUB_SECRET_KEY": SECRET,
            "EVENTHUB_HOST": "127.0.0.1",
            "EVENTHUB_DATA_DIR": str(tmp_path_factory.mktemp("data")),
            "EVENTHUB_PAYMENT_GATEWAYS": "mock=mock,credit_card=mock,bank_transfer=offline",
            "EVENTHUB_ACCESS_LOG": "false",
            "EVENTHUB_RATE_LIMIT": "off",
        }
    )


def redis_url(url: str, number: int) -> str:
    return f"{url}{'&' if '?' in url else '?'}db={number}"


async def fresh_database(admin_url: str, name: str) -> str:
    """Return the URL of a new, migrated database beside the one of `admin_url`, where no state moves as none may."""
    connection = await asyncpg.connect(admin_url)
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.execute(
        f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' "
        "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    )
    await connection.close()
    url = urlsplit(admin_url)._replace(path=f"/{name}").geturl()
    await migrate(url)
    connection = await asyncpg.connect(url)
    await connection.execute(moves.triggers())
    await connection.execute(recorded.triggers())
    await connection.close()
    return url


@pytest.fixture
async def empty_database(settings: Settings) -> AsyncIterator[None]:
    """Leave nothing behind for the next test, and start its ids at 1."""
    yield
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(_EMPTY)
    await connection.close()


# Deleting a few rows takes a fraction of what truncating two dozen tables with their indexes does.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('aerich', 'fact_cursors') LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    UPDATE fact_cursors SET seq = 0;
    PERFORM setval(format('%I', sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE schemaname = 'public' AND sequencename <> 'aerich_id_seq';
END $$
"""


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """Sign people up in a fraction of the time; tests/services/test_passwords.py holds the real costs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
async def database(settings: Settings, empty_database: None) -> AsyncIterator[Database]:
    """An open database; messages go nowhere, so jobs wait until a test runs them."""
    opened = await Database.open(settings.database_url, deliver=lambda _: None)
    yield opened
    await opened.close()


MakeApi = Callable[..., Awaitable[Api]]


@pytest.fixture
async def make_api(settings: Settings, empty_database: None, aiohttp_client: AiohttpClient) -> MakeApi:
    """The application with other settings than the usual ones: call it with what is to change."""

    async def make(**changes: object) -> Api:
        changed = replace(settings, **changes)  # type: ignore[arg-type]
        if changed.rate_limit:
            await _forget_limits(settings.redis_url)
        sent: list[SentJob] = []
        app = create_app(changed, sent.extend)
        return Api(await aiohttp_client(app), make_resources(changed, app[DATABASE]), sent)

    return make


async def _forget_limits(redis_url: str) -> None:
    """Let nobody be over a limit because of a test before: people have the same ids again."""
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        for key in [key async for key in client.scan_iter("LIMITS:*")]:
            await client.delete(key)


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    """The application over HTTP, with ways to register people and to run the jobs that requests left."""
    return await make_api()


@pytest.fixture
def cluster(servers: embedded.Services, worker_id: str, tmp_path: Path) -> Iterator[Cluster]:
    """Real processes on a database of their own: several web processes, a worker, a clock."""
    with Cluster(servers, f"cluster_{worker_id}", tmp_path) as started:
        yield started
