"""What is said of the database: reachable, its schema, its clock, who runs, and an admin whose password is public."""

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from uuid import uuid4

import asyncpg
import orjson
import pytest

from eventhub import demo
from eventhub.checks import database as checks
from eventhub.database import Database
from eventhub.findings import Severity
from eventhub.models.jobs import Queue
from eventhub.services import passwords, users
from eventhub.settings import Settings


async def found(settings: Settings) -> list[tuple[str, str]]:
    return [(finding.severity.value, finding.text) for finding in await checks.look(settings)]


async def test_a_database_that_is_as_it_should_be(settings: Settings, empty_database: None) -> None:
    assert {severity for severity, _ in await found(settings)} == {"ok"}


async def test_one_that_is_away_or_has_an_older_schema(settings: Settings) -> None:
    nowhere = replace(settings, database_url="postgres://eventhub@127.0.0.1:1/eventhub")
    [(severity, text)] = await found(nowhere)
    assert (severity, text.startswith("the database cannot be reached: ")) == (Severity.AWAY, True)
    connection = await asyncpg.connect(settings.database_url)
    newest = await connection.fetchrow("SELECT * FROM aerich ORDER BY id DESC LIMIT 1")
    await connection.execute("DELETE FROM aerich WHERE id = $1", newest["id"])
    try:
        *_, (severity, text) = await found(settings)
    finally:
        await connection.execute(
            "INSERT INTO aerich (id, version, app, content) VALUES ($1, $2, $3, $4)",
            *(newest[name] for name in ("id", "version", "app", "content")),
        )
        await connection.close()
    assert severity == Severity.REFUSAL
    assert text == f"The database lacks {newest['version']}: run `eventhub migrate`, then start again."


class _Clock(datetime):
    """This machine's clock, wrong by some seconds."""

    wrong_by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.wrong_by


@pytest.mark.parametrize(("seconds", "told"), [(-90, "90.0 s behind"), (90, "90.0 s ahead of")])
async def test_clocks_that_differ(
    settings: Settings, empty_database: None, monkeypatch: pytest.MonkeyPatch, seconds: int, told: str
) -> None:
    monkeypatch.setattr(_Clock, "wrong_by", timedelta(seconds=seconds))
    monkeypatch.setattr(checks, "datetime", _Clock)
    [text] = [text for severity, text in await found(settings) if severity == Severity.WARNING]
    assert f"this machine's clock is {told[:2]}" in text
    assert told.partition(" s ")[2] in text


async def test_who_runs_is_said_and_is_no_fault(settings: Settings, database: Database) -> None:
    async def texts() -> str:
        return " | ".join(text for severity, text in await found(settings) if severity == Severity.OK)

    async def run(kind: str, queues: str = "[]") -> None:
        async with database.transaction() as tx:
            await tx.execute(
                "INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at) "
                "VALUES ($1, $2, 'here', 1, '1', $3, now(), now())",
                uuid4(),
                kind,
                queues,
            )

    assert "no process of Event Hub was seen" in await texts()
    await run("worker", '["bookings", "payments"]')
    assert "there runs no worker for waitlist, no worker for notifications" in await texts()
    assert "no clock" in await texts()
    await run("clock")
    await run("worker", orjson.dumps(list(Queue)).decode())
    assert "3 processes run, a clock and a worker for each queue" in await texts()


async def test_an_admin_whose_password_is_in_the_documents(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    username, password, _ = demo.logins()[0]

    async def warned() -> list[str]:
        return [text for severity, text in await found(settings) if severity == Severity.WARNING]

    async with database.transaction() as tx:
        await users.create_admin(
            tx, username, "admin@example.com", await passwords.hash_password("another password")
        )
    assert await warned() == []
    known = await passwords.hash_password(password)
    async with database.transaction() as tx:
        await tx.execute("UPDATE users SET password_hash = $1", known)
    assert ["can sign in with the password that the documents print" in text for text in await warned()] == [
        True
    ]
    async with database.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = false")
    assert await warned() == []
