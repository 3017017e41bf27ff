"""The application opens what it needs, and closes all of it."""

import pytest
from aiohttp.test_utils import TestServer

from eventhub.database import Database
from eventhub.settings import Settings
from eventhub.web.app import create_app
from eventhub.web.call import GATEWAYS


async def test_a_failure_to_close_one_thing_keeps_nothing_else_open(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings, lambda _: None)
    closed: list[str] = []
    close_database = Database.close

    async def fail(database: Database) -> None:
        await close_database(database)
        raise OSError("it will not close")

    monkeypatch.setattr(Database, "close", fail)

    async def close_gateway() -> None:
        closed.append("gateway")

    for gateway in app[GATEWAYS].values():
        monkeypatch.setattr(gateway, "close", close_gateway)
    server = TestServer(app)
    await server.start_server()
    with pytest.raises(OSError, match="it will not close"):
        await server.close()
    assert set(closed) == {"gateway"}
