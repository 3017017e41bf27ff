"""The commands that do one thing to the database and end: `migrate`, `createadmin` and `demo`."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Mapping

from marshmallow import ValidationError

from eventhub import demo, logs
from eventhub.cli.data_dir import environ_for_tools, settings_for_tools
from eventhub.cli.opening import open_database
from eventhub.cli.tables import table
from eventhub.database import migrate, migrations
from eventhub.database_url import Pooler
from eventhub.errors import EventHubError
from eventhub.schemas.users import Registration
from eventhub.services import passwords, users
from eventhub.settings import Settings, read_some


def run_migrations(args: argparse.Namespace) -> int:
    with environ_for_tools() as environ:
        url, pooler = _database_to_migrate(environ)
        if args.status or args.plan:
            return asyncio.run(_tell_of_migrations(url, pooler, with_sql=args.plan))
        how = read_some(environ, "log_level", "log_format")
        logs.configure("migrate", how["log_level"], how["log_format"])
        applied = asyncio.run(migrate(url, pooler=pooler))
    print(f"Applied {', '.join(applied)}." if applied else "The schema is up to date.")
    return 0


def _database_to_migrate(environ: Mapping[str, str]) -> tuple[str, Pooler]:
    """Return where to migrate, and what stands before it, which needs no other setting and no secret."""
    where = read_some(environ, "database_url", "database_pooler", "database_direct_url")
    if where["database_direct_url"]:
        return where["database_direct_url"], Pooler.NONE
    return where["database_url"], where["database_pooler"]


async def _tell_of_migrations(url: str, pooler: Pooler, *, with_sql: bool) -> int:
    """Say which migrations are applied and which are missing, or what the missing ones would do; change nothing."""
    applied = await migrations.find_applied(url, pooler=pooler)
    known = migrations.versions()
    missing = [version for version in known if version not in applied]
    if with_sql:
        for version in missing:
            print(f"-- {version}\n{await migrations.sql_of(version)}")
        if not missing:
            print("-- The schema is up to date.")
        return 0
    newer = [version for version in applied if version not in known]
    states = {True: "missing", False: "applied"}
    print(table([(states[version in missing], version) for version in known]))
    print(
        *(f"applied  {version} (of a newer version)" for version in newer),
        sep="\n",
        end="\n" if newer else "",
    )
    return int(bool(missing))


def create_admin(args: argparse.Namespace) -> int:
    password = args.password or _read_password(is_piped=args.password_stdin)
    asked = {"username": args.username, "email": args.email, "password": password}
    # By the rules of a registration, but that a weak password is taken.
    try:
        admin = Registration(only=tuple(asked)).load(asked)
    except ValidationError as error:
        for name, messages in error.messages_dict.items():
            print(f"eventhub: --{name}: {' '.join(messages)}", file=sys.stderr)
        return 2
    for problem in asyncio.run(passwords.warnings(password, admin["username"], admin["email"])):
        print(f"Warning: --password: {problem}", file=sys.stderr)
    with settings_for_tools() as settings:
        asyncio.run(_create_admin(settings, admin["username"], admin["email"], password))
    print(f"Admin {admin['username']} created.")
    return 0


def _read_password(*, is_piped: bool) -> str:
    """Return the password that is typed, or the first line of standard input where that is no terminal."""
    if sys.stdin.isatty() and not is_piped:
        return getpass.getpass("Password: ")
    if password := sys.stdin.readline().rstrip("\r\n"):
        return password
    raise EventHubError("No password came: pipe it to standard input, give --password, or use a terminal.")


async def _create_admin(settings: Settings, username: str, email: str, password: str) -> None:
    password_hash = await passwords.hash_password(password)
    async with open_database(settings) as database, database.transaction() as tx:
        await users.create_admin(tx, username, email, password_hash)


def fill_with_demo(_: argparse.Namespace) -> int:
    with settings_for_tools() as settings:
        filled = asyncio.run(demo.fill(settings))
    print("Demo data is in." if filled else "The database is not empty: nothing was changed.")
    return 0
