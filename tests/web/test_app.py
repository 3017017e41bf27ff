"""The application opens what it needs, and closes all of it."""

import pytest
from aiohttp.test_utils import TestServer

from eventhub.database import Database
from eventhub.settings import Settings
from eventhub.web.app import create_app
from eventhub.web.call import DOCUMENTS


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
    monkeypatch.setattr(app[DOCUMENTS], "close", lambda: closed.append("documents"))
    server = TestServer(app)
    await server.start_server()
    with pytest.raises(OSError, match="it will not close"):
        await server.close()
    assert closed == ["documents"]
