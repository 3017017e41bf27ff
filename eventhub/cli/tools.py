"""The commands that do one thing to the database and end: `migrate`, `createadmin` and `demo`."""

import argparse
import asyncio
import getpass
import sys

from marshmallow import ValidationError

from eventhub import demo, logs
from eventhub.cli.data_dir import settings_for_tools
from eventhub.database import Database, migrate
from eventhub.errors import EventHubError
from eventhub.schemas.users import Registration
from eventhub.services import passwords, users
from eventhub.settings import Settings


def run_migrations(_: argparse.Namespace) -> int:
    with settings_for_tools() as settings:
        applied = asyncio.run(migrate(settings.direct_url, pooler=settings.direct_pooler))
    print(f"Applied {', '.join(applied)}." if applied else "The schema is up to date.")
    return 0


def create_admin(args: argparse.Namespace) -> int:
    password = args.password or _ask_password()
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


def _ask_password() -> str:
    try:
        return getpass.getpass("Password: ")
    except EOFError:
        raise EventHubError("Give --password, or run this in a terminal.") from None


async def _create_admin(settings: Settings, username: str, email: str, password: str) -> None:
    database = await Database.open(
        settings.database_url, deliver=lambda _: None, pool_size=2, pooler=settings.database_pooler
    )
    try:
        password_hash = await passwords.hash_password(password)
        async with database.transaction() as tx:
            await users.create_admin(tx, username, email, password_hash)
    finally:
        await database.close()


def fill_with_demo(_: argparse.Namespace) -> int:
    logs.configure("demo", "WARNING")
    with settings_for_tools() as settings:
        filled = asyncio.run(demo.fill(settings))
    print("Demo data is in." if filled else "The database is not empty: nothing was changed.")
    return 0
