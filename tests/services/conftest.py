"""Fixtures of tests of services."""

from dataclasses import replace
from typing import Any

import pytest

from eventhub.database import Database
from eventhub.gateways.payments.offline import OfflineGateway
from tests.api import Api
from tests.money import FakeGateway


@pytest.fixture
def gateway(api: Api) -> FakeGateway:
    fake = FakeGateway()
    api.resources = replace(api.resources, gateways={"mock": fake, "offline": OfflineGateway()})
    return fake


@pytest.fixture
async def sent(database: Database) -> list[str]:
    """The first word of every statement that the server was sent, in order; asyncpg tells of it in the next pass."""
    statements: list[str] = []

    def note(ran: Any) -> None:
        statements.append(ran.query.split()[0].rstrip(";"))

    connections = [await database.take() for _ in range(10)]
    for connection in connections:
        connection.add_query_logger(note)
        database.give_back(connection, None)
    return statements
