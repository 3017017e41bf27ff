"""The schema that migrations make is the one that the models declare, up, down, and when five migrate at once."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

import eventhub
from eventhub import embedded
from eventhub.database.migrations import MIGRATIONS
from tests.waiting import until

pytestmark = pytest.mark.long  # each step is a process of its own

VERSIONS = sorted(
    (path.name for path in (MIGRATIONS / "models").glob("[0-9]*_*.py")),
    key=lambda name: int(name.partition("_")[0]),
)

# Each runs in a process of its own, because Tortoise and aerich keep their state in the process.
START = """
import asyncio, os, sys
from aerich import Command
from tortoise import Tortoise
from eventhub.database import migrate
from eventhub.database.migrations import MIGRATIONS, aerich_config
url = os.environ["DATABASE_URL"]
config = aerich_config(url)
"""
DOWN = """
async def main():
    async with Command(config, location=str(MIGRATIONS)) as command:
        print(await command.downgrade(int(sys.argv[1]), delete=False))
asyncio.run(main())
"""
UP_TO = """
from aerich.migrate import Migrate
async def main():
    async with Command(config, location=str(MIGRATIONS)) as command:
        modules = [m for m in Migrate.get_all_version_modules() if int(m.name.partition("_")[0]) <= int(sys.argv[1])]
        Migrate.get_all_version_modules = classmethod(lambda _: modules)
        print(await command.upgrade(run_in_transaction=True))
asyncio.run(main())
"""
DIFF = """
from pathlib import Path
from aerich.migrate import Migrate
async def main():
    async with Command(config, location=sys.argv[1]) as command:
        made = await command.migrate("drift", no_input=True)
        print(made or "nothing", Migrate.upgrade_operators)
asyncio.run(main())
"""
GENERATE = """
from eventhub.models.words import WORDS_OF
async def main():
    await Tortoise.init(config=config)
    client = Tortoise.get_connection("default")
    await client.execute_script(WORDS_OF)
    await Tortoise.generate_schemas(safe=False)
    for model in Tortoise.apps["models"].values():
        for constraint in getattr(model._meta, "constraints", ()):
            await client.execute_script(
                f'ALTER TABLE "{model._meta.db_table}" ADD CONSTRAINT "{constraint.name}" CHECK ({constraint.check})'
                if constraint.name not in sys.argv[1:] else "SELECT 1")
    await Tortoise.close_connections()
asyncio.run(main())
"""
MIGRATE = """
print(asyncio.run(migrate(url)))
"""
# Each waits after its look at what is applied until all have looked: what the lock of `migrate` rules out.
MIGRATE_WITHOUT_THE_LOCK = """
real = Command._upgrade
async def upgrade_after_the_others_looked(self, connection, *args):
    await connection.execute_script("SELECT pg_advisory_lock_shared(1)")
    await real(self, connection, *args)
async def main():
    Command._upgrade = upgrade_after_the_others_looked
    async with Command(config, location=str(MIGRATIONS)) as command:
        print(await command.upgrade(run_in_transaction=True))
asyncio.run(main())
"""


class Schema:
    """A database, empty at first, and what is in its catalog."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(eventhub.__file__).parent.parent),
            "DATABASE_URL": url,
            "REDIS_URL": "redis://",
            "EVENTHUB_SECRET_KEY": "a secret that is not used, of more than 32 bytes",
        }

    def start(self, code: str, *arguments: str) -> "subprocess.Popen[str]":
        return self.start_command("-c", START + textwrap.dedent(code), *arguments)

    def start_command(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *arguments],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, *arguments: str) -> str:
        out, error, status = finish(self.start(code, *arguments))
        assert status == 0, error
        return out

    async def catalog(self) -> dict[str, Any]:
        """Return every column, index and constraint, by name."""
        connection = await asyncpg.connect(self.url)
        try:
            return {
                name: {row[0]: tuple(row)[1:] for row in await connection.fetch(query)}
                for name, query in CATALOG.items()
            }
        finally:
            await connection.close()

    async def fetch(self, sql: str) -> list[Any]:
        connection = await asyncpg.connect(self.url)
        try:
            return [row[0] for row in await connection.fetch(sql)]
        finally:
            await connection.close()


def finish(process: "subprocess.Popen[str]") -> tuple[str, str, int]:
    out, error = process.communicate(timeout=120)
    return out.strip(), error, process.returncode


# Unnamed constraints get names from their table and columns on both ways; aerich's own table is not the models'.
CATALOG = {
    "columns": """
        SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated::text,
               a.attidentity::text, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
          AND c.relname <> 'aerich'""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'aerich'",
    "constraints": """
        SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('aerich'), 0)""",
    "comments": """
        SELECT c.relname, obj_description(c.oid) FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'aerich'""",
    "sequences": "SELECT sequencename, data_type::text FROM pg_sequences WHERE sequencename NOT LIKE 'aerich%'",
    "functions": """
        SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "extensions": "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'",
}


@pytest.fixture
async def make_schema(servers: embedded.Services, worker_id: str) -> AsyncIterator[Any]:
    """Return empty databases: call it with a name."""
    admin = await asyncpg.connect(servers.database_url)
    made = []

    async def make(name: str) -> Schema:
        database = f"schema_{name}_{worker_id}"
        await admin.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        await admin.execute(
            f"CREATE DATABASE \"{database}\" TEMPLATE template0 ENCODING 'UTF8' "
            "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
        )
        made.append(database)
        return Schema(urlsplit(servers.database_url)._replace(path=f"/{database}").geturl())

    yield make
    for database in made:
        await admin.execute(f'DROP DATABASE "{database}" WITH (FORCE)')
    await admin.close()


async def test_the_migrations_make_what_the_models_declare(make_schema: Any) -> None:
    migrated, generated = await make_schema("migrated"), await make_schema("generated")
    assert migrated.run(MIGRATE) == str(VERSIONS)
    generated.run(GENERATE)
    made, declared = await migrated.catalog(), await generated.catalog()
    assert set(made["columns"]) >= {"jobs.id", "bookings.status", "events.seats_held"}
    assert "events.events_never_oversold" in made["constraints"]
    for part in CATALOG:
        assert made[part] == declared[part], part


async def test_that_comparison_sees_a_missing_constraint(make_schema: Any) -> None:
    generated = await make_schema("generated")
    generated.run(GENERATE, "events_never_oversold")
    assert "events.events_never_oversold" not in (await generated.catalog())["constraints"]


async def test_aerich_finds_nothing_to_migrate(make_schema: Any, tmp_path: Path) -> None:
    schema = await make_schema("drift")
    schema.run(MIGRATE)
    # A copy, because what aerich finds it writes there.
    copy = tmp_path / "migrations" / "models"
    copy.mkdir(parents=True)
    for version in VERSIONS:
        (copy / version).write_bytes((MIGRATIONS / "models" / version).read_bytes())
    assert schema.run(DIFF, str(tmp_path / "migrations")) == "nothing []"
    assert sorted(path.name for path in copy.glob("*.py")) == sorted(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
async def test_each_migration_goes_up_down_and_up_again(make_schema: Any, version: str) -> None:
    schema = await make_schema("updown")
    number = int(version.partition("_")[0])
    before: dict[str, Any] = await schema.catalog()
    if number:
        schema.run(UP_TO, str(number - 1))
        before = await schema.catalog()
    schema.run(UP_TO, str(number))
    up = await schema.catalog()
    schema.run(DOWN, str(number))
    assert await schema.catalog() == before
    schema.run(UP_TO, str(number))
    assert await schema.catalog() == up


async def test_five_migrate_at_once_and_each_version_is_applied_once(make_schema: Any) -> None:
    schema = await make_schema("five")
    ended = [
        finish(process)
        for process in [schema.start_command("-m", "eventhub.cli", "migrate") for _ in range(5)]
    ]
    assert [status for _, _, status in ended] == [0] * 5, ended
    applied = f"Applied {', '.join(VERSIONS)}."
    assert sorted(out for out, _, _ in ended) == sorted([applied] + ["The schema is up to date."] * 4)
    assert await schema.fetch("SELECT version FROM aerich ORDER BY id") == VERSIONS


_WAITING = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_without_the_lock_migrations_at_once_would_break(make_schema: Any) -> None:
    """The lock is needed: five who looked before any of them wrote do not all succeed."""
    schema = await make_schema("nolock")
    connection = await asyncpg.connect(schema.url)
    await connection.execute("SELECT pg_advisory_lock(1)")
    processes = [schema.start(MIGRATE_WITHOUT_THE_LOCK) for _ in range(5)]
    # Waits there, or has ended already: the lock on one of aerich's own tables may come first.

    async def all_are_there() -> bool:
        ended_early = sum(process.poll() is not None for process in processes)
        return bool(await connection.fetchval(_WAITING) + ended_early == 5)

    await until(all_are_there, "five wait for the lock or have ended", seconds=100)
    await connection.close()
    ended = [finish(process) for process in processes]
    applied = await schema.fetch("SELECT version FROM aerich")
    assert any(status for _, _, status in ended) or len(applied) > len(VERSIONS), json.dumps(ended)


INFINITE = [
    ("-infinity", "1970-01-01", "2026-01-01"),
    ("-infinity", "-infinity", "1970-01-02"),
    ("-infinity", "-infinity", "infinity"),
    ("2400-01-01", "2500-01-01", "infinity"),
]


async def test_times_that_were_infinite_become_ones_in_order(make_schema: Any) -> None:
    schema = await make_schema("infinite")
    schema.run(UP_TO, "4")
    connection = await asyncpg.connect(schema.url)
    await connection.execute(
        "INSERT INTO users (id, username, email, password_hash, first_name, last_name, user_type, bio, phone, website, "
        "organization, is_verified, is_active, date_joined) "
        "VALUES (1, 'o', 'o@example.com', '-', '', '', 'organizer', '', '', '', '', true, true, now())"
    )
    for deadline, start, end in INFINITE:
        event = await connection.fetchval(
            "INSERT INTO events (title, description, category, organizer_id, location, is_online, online_url, status, "
            "start_date, end_date, registration_deadline, max_attendees, price, tags, created_at, updated_at) "
            "VALUES ('E', '', 'workshop', 1, '', false, '', 'draft', $1::text::timestamptz, $2::text::timestamptz, "
            "$3::text::timestamptz, 5, 0, '', now(), now()) RETURNING id",
            start, end, deadline,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO sessions (event_id, title, description, start_time, end_time, room_or_link, created_at, updated_at) "
            "VALUES ($1, 'S', '', $2::text::timestamptz, $3::text::timestamptz, '', now(), now())",
            event, start, end,
        )  # fmt: skip
    await connection.close()
    schema.run(MIGRATE)
    kept = "isfinite(start_date) AND isfinite(end_date) AND isfinite(registration_deadline) AND start_date < end_date"
    assert await schema.fetch(f"SELECT count(*) FROM events WHERE {kept}") == [len(INFINITE)]
    assert await schema.fetch(
        "SELECT count(*) FROM sessions WHERE isfinite(start_time) AND start_time < end_time"
    ) == [len(INFINITE)]


async def test_a_shop_in_another_currency_stays_in_it_also_for_processes_of_the_version_before(
    make_schema: Any,
) -> None:
    schema = await make_schema("currency")
    schema.environ["EVENTHUB_CURRENCY"] = "eur"
    schema.run(MIGRATE)
    assert (
        await schema.fetch(
            "SELECT column_default FROM information_schema.columns WHERE column_name = 'currency' "
            "AND table_name IN ('events', 'bookings')"
        )
        == ["'EUR'::character varying"] * 2
    )


async def test_a_migration_that_others_stand_in_the_way_of_is_tried_again(make_schema: Any) -> None:
    """A report reads two tables in the order in which they were never locked."""
    schema = await make_schema("deadlock")
    schema.run(UP_TO, "4")
    connection = await asyncpg.connect(schema.url)
    reading = connection.transaction()
    await reading.start()
    await connection.execute("LOCK TABLE payments IN ACCESS SHARE MODE")
    migrating = schema.start(MIGRATE)
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    await until(lambda: connection.fetchval(waits), "the migration waits for a lock", seconds=60)
    await connection.execute("SET deadlock_timeout = '1min'")
    await connection.execute("LOCK TABLE events IN ACCESS SHARE MODE")
    await reading.rollback()
    await connection.close()
    out, error, status = finish(migrating)
    assert status == 0, error
    assert VERSIONS[-1] in out
