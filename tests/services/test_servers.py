"""Which of several servers is taken, what a server that takes no writes costs, and what a start says of a database."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import asyncpg
import pytest

from eventhub.database import Database, UnavailableErrors, connect, startup
from eventhub.database.connection import Connector
from eventhub.database_url import parse
from eventhub.findings import Finding, Severity
from eventhub.settings import Settings

NOBODY = 1  # a port that nobody listens on


def after(settings: Settings, port: int, options: str = "") -> str:
    """Return the URL of the tests' database behind a server of 127.0.0.1 that is asked first."""
    address = parse(settings.database_url)
    (host,) = address.hosts
    hosts = f"127.0.0.1,{quote(host.name or '', safe='')}"
    return f"postgres://{address.user}@/{address.database}?host={hosts}&port={port},{host.port}{options}"


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Yield the port of a server that takes connections and says nothing."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@asynccontextmanager
async def read_only(settings: Settings) -> AsyncIterator[None]:
    """Let the database take no writes of sessions that begin in this block."""
    name = parse(settings.database_url).database
    connection = await connect(settings.database_url)
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        yield
    finally:
        await connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await connection.close()


async def test_a_server_that_refuses_is_passed_over(settings: Settings) -> None:
    opened = await Database.open(after(settings, NOBODY), deliver=lambda _: None)
    try:
        assert await opened.fetch_value("SELECT 1") == 1
    finally:
        await opened.close()


async def test_a_silent_server_is_passed_over_in_time_and_asked_last_from_then_on(settings: Settings) -> None:
    async with silent_server() as port:
        connector = Connector(after(settings, port, "&connect_timeout=1"))
        taken = []
        for _ in range(2):
            began = time.monotonic()
            await (await connector.connect()).close()
            taken.append(time.monotonic() - began)
    assert 1 <= taken[0] < 2
    assert taken[1] < 0.9


async def test_a_server_without_writes_is_none_of_several(settings: Settings) -> None:
    async with read_only(settings):
        with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:1: .*111.*, .*: not read-write"):
            await connect(after(settings, NOBODY))
        await (await connect(after(settings, NOBODY, "&target_session_attrs=any"))).close()


@pytest.mark.parametrize("through_the_orm", [False, True])
async def test_a_connection_that_refuses_a_write_is_not_kept(
    settings: Settings, *, through_the_orm: bool
) -> None:
    async def write() -> None:
        async with database.transaction() as tx:
            if through_the_orm:
                await tx.client.execute_query("UPDATE users SET bio = ''")
            else:
                await tx.execute("UPDATE users SET bio = ''")

    async with read_only(settings):
        database = await Database.open(settings.database_url, deliver=lambda _: None, pool_size=2)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await write()
    try:
        # Now each server that is asked anew takes writes. The pool may have made a connection by itself before that, which
        # refuses a write as well, once.
        for _ in range(3):
            with contextlib.suppress(asyncpg.ReadOnlySQLTransactionError):
                await write()
                break
        await write()
    finally:
        await database.close()


@pytest.mark.parametrize(
    "state",
    "08006 25006 25P04 53100 53200 53300 53400 57000 57P01 57P02 57P03 57P05 58000 58030 58P01".split(),
)
async def test_a_server_without_room_or_on_its_way_down_is_unavailable(
    database: Database, state: str
) -> None:
    said = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(UnavailableErrors):
        await database.execute(said)
    with pytest.raises(UnavailableErrors):
        async with database.transaction() as tx:
            await tx.client.execute_query(said)


async def test_a_process_says_who_it_is_and_a_url_may_say_it_for_it(settings: Settings) -> None:
    for url, name in (
        (settings.database_url, "eventhub web"),
        (f"{settings.database_url}&application_name=tickets", "tickets"),
    ):
        connection = await connect(url, name="eventhub web")
        assert await connection.fetchval("SHOW application_name") == name
        await connection.close()


def said(found: list[Finding], severity: Severity) -> str:
    return "\n".join(finding.text for finding in found if finding.severity is severity)


async def test_a_database_as_it_should_be_has_nothing_but_ok(settings: Settings) -> None:
    found = await startup.examine(settings.database_url, connections=10)
    assert {finding.severity for finding in found} == {Severity.OK}
    assert "reached in" in found[0].text
    assert "the schema is at" in found[-1].text


async def test_a_database_that_is_away_or_takes_no_writes_is_waited_for(settings: Settings) -> None:
    found = await startup.examine("postgres://nobody@127.0.0.1:1/nothing")
    assert [finding.severity for finding in found] == [Severity.AWAY]
    async with read_only(settings):
        assert "takes no writes" in said(await startup.examine(settings.database_url), Severity.AWAY)


async def test_more_connections_than_the_server_has_are_warned_of(settings: Settings) -> None:
    found = await startup.examine(settings.database_url, connections=100_000)
    assert "may open 100000 connections, and the server allows" in said(found, Severity.WARNING)


@pytest.mark.parametrize(
    ("encoding", "severity", "told"),
    [
        ("LATIN1", Severity.REFUSAL, "the database is encoded in LATIN1: make one with ENCODING 'UTF8'"),
        ("UTF8", Severity.WARNING, "knows no upper and lower case beyond ASCII"),
    ],
)
async def test_a_database_that_cannot_hold_names_of_people_is_told(
    settings: Settings, encoding: str, severity: Severity, told: str
) -> None:
    name = f"{parse(settings.database_url).database}_{encoding}".lower()
    connection = await connect(settings.database_url)
    await connection.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C'"
    )
    try:
        path = f"/{parse(settings.database_url).database}?"
        found = await startup.examine(settings.database_url.replace(path, f"/{name}?"))
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()
    assert told in said(found, severity)
    assert "run `eventhub migrate`" in said(found, Severity.REFUSAL)
