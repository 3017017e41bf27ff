"""What hot paths ask of PostgreSQL, counted: each statement with the rows that it gave or changed, and all rows changed.

A time would tell more and be less certain: these numbers are the same on every machine, and whoever adds a statement to a
hot path changes its line here, knowingly. `UPDATE_GOLDEN=1 .venv/bin/pytest tests/web/test_statements.py` writes the table
as it is now, and `git diff` says what that means.
"""

import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from urllib.parse import quote, urlencode

import asyncpg
import pytest

from eventhub.services import auth
from eventhub.services.listing import pages
from eventhub.settings import Settings
from eventhub.workers.runner import run_jobs
from tests.api import PASSWORD, Api
from tests.conftest import MakeApi
from tests.money import people, reserve, start_paying
from tests.rows import insert_booking, insert_event
from tests.wire import Wire, watched

# One fetched row is SELECT 1 whatever the statement does: what it changes is in the number of rows behind it.
EXPECTED = {
    "list": "SELECT 6; 0 changed",
    "filtered list": "SELECT 6; 0 changed",
    "event": "SELECT 1; 0 changed",
    "statistics": "SELECT 1; 0 changed",
    "event, anonymous": "SELECT 1; 0 changed",
    "statistics, anonymous": "SELECT 1; 0 changed",
    "my bookings": "SELECT 6; 0 changed",
    "login": "2 x SELECT 1; 1 changed",
    "book, sold out": "SELECT 1; 0 changed",
    "book, free": "SELECT 1; 4 changed",
    "job confirm_booking": "UPDATE 1, SELECT 1, BEGIN, 3 x SELECT 1, 2 x INSERT 1, COMMIT; 8 changed",
    "job send_notification": "UPDATE 1, SELECT 1, BEGIN, SELECT 0, SELECT 1, INSERT 1, COMMIT, UPDATE 1, BEGIN, UPDATE 1, INSERT 1, COMMIT; 6 changed",
    "book, priced": "SELECT 1; 3 changed",
    "pay": "BEGIN, 2 x SELECT 1, INSERT 1, COMMIT; 3 changed",
    "job process_payment": "UPDATE 1, SELECT 1, BEGIN, 5 x SELECT 1, SELECT 0, UPDATE 1, SELECT 1, INSERT 1, INSERT 3, INSERT 1, COMMIT; 18 changed",
    "job send_invoice": "UPDATE 1, 3 x SELECT 1, BEGIN, SELECT 0, SELECT 1, INSERT 1, COMMIT, UPDATE 1, SELECT 1, BEGIN, UPDATE 1, INSERT 1, COMMIT; 6 changed",
}
FILTER = urlencode(
    {"category": "workshop", "status": "published", "search": "test", "ordering": "-start_date"}
)
# Rows are found as the planner finds them where tables are large.
_AS_IF_LARGE = "&options=" + quote(
    " ".join(f"-c enable_{way}=off" for way in ("seqscan", "hashjoin", "mergejoin", "sort"))
    + " -c cpu_tuple_cost=1 -c random_page_cost=0.1"
)
_ROWS = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS read, sum(n_tup_ins + n_tup_upd + n_tup_del)::int AS changed
FROM pg_stat_user_tables
"""
# Dead rows that are met, or not any more, and plans that differ in the last row.
READ_MORE = 10


class Counted:
    """The commands of each path, and how many rows it read: of its last run, since the first one prepares statements."""

    def __init__(self, api: Api, wire: Wire, beside: asyncpg.Connection) -> None:
        self.api = api
        self.wire = wire
        self.beside = beside  # not counted
        self.lines: dict[str, str] = {}
        self.read: dict[str, int] = {}

    @asynccontextmanager
    async def __call__(self, path: str) -> AsyncIterator[None]:
        read, changed = await self._rows()
        self.wire.commands.clear()
        yield
        read_now, changed_now = await self._rows()
        commands = ", ".join(_folded(self.wire.commands))
        self.lines[path] = f"{commands}; {changed_now - changed} changed"
        self.read[path] = read_now - read

    async def jobs(self) -> None:
        """Run what is due, one by one, and what follows from it."""
        due = "SELECT id, kind FROM jobs WHERE state = 'queued' AND run_at <= now() ORDER BY id"
        while rows := await self.beside.fetch(due):
            for row in rows:
                async with self(f"job {row['kind']}"):
                    assert await run_jobs(self.api.resources, row["kind"], [row["id"]]) == 1

    async def _rows(self) -> tuple[int, int]:
        """Return how many rows have been read and changed so far."""
        await self.wire.settle()
        row = await self.beside.fetchrow(_ROWS)
        return row["read"], row["changed"]


def _folded(commands: list[str]) -> Iterator[str]:
    for command, each in groupby(command.replace("INSERT 0 ", "INSERT ") for command in commands):
        times = len(list(each))
        yield command if times == 1 else f"{times} x {command}"


async def walk(api: Api, counted: Counted, size: int) -> None:
    """Go every hot path twice, where there are `size` events more, and as many bookings of a person and of an event."""
    database = api.database
    (organizer,) = await people(api, 1, "organizer")
    reader, *buyers = await people(api, 5)
    person = await api.person()
    events = [await insert_event(database, organizer.id, max_attendees=500) for _ in range(size)]
    for event in events:
        await insert_booking(database, event, reader.id, status="confirmed", total_price=0)
    for guest in await people(api, size):
        await insert_booking(database, events[0], guest.id, status="confirmed", total_price=0)
    sold_out = await insert_event(database, organizer.id, max_attendees=1, seats_held=1, seats_confirmed=1)
    priced = [await insert_event(database, organizer.id, price=10) for _ in range(2)]
    await api.run_jobs()
    await database.execute("ANALYZE")
    for buyer in buyers:
        await buyer.get("/api/users/me/")  # from here on its sign-in is known
    for lap in range(2):
        for name, query in {"list": "", "filtered list": f"{FILTER}&"}.items():
            async with counted(name):
                assert len((await reader.get(f"/api/events/?{query}page_size=5")).data) == 5
        for name, viewer in {"": reader, ", anonymous": api.anonymous}.items():
            async with counted(f"event{name}"):
                assert (await viewer.get(f"/api/events/{events[lap]}/")).status == 200
            async with counted(f"statistics{name}"):
                assert (await viewer.get(f"/api/events/{events[lap]}/statistics/")).status == 200
        async with counted("my bookings"):
            assert len((await reader.get("/api/bookings/?page_size=5")).data) == 5
        login = {"username": person.user["username"], "password": PASSWORD}
        async with counted("login"):
            assert (await api.anonymous.post("/api/auth/token/", login)).status == 200
        async with counted("book, sold out"):
            assert (await buyers[0].post("/api/bookings/", {"event": sold_out})).status == 409
        async with counted("book, free"):
            await reserve(buyers[lap], {"id": events[lap]})
        await counted.jobs()
        async with counted("book, priced"):
            booking = await reserve(buyers[2 + lap], {"id": priced[lap]})
        async with counted("pay"):
            await start_paying(buyers[2 + lap], booking)
        await counted.jobs()


def _write(lines: Mapping[str, str]) -> None:
    table = "".join(f'    "{path}": "{line}",\n' for path, line in lines.items())
    test = Path(__file__)
    test.write_text(
        re.sub(r"(?ms)^EXPECTED = {.*?}$", f"EXPECTED = {{\n{table}}}", test.read_text(), count=1)
    )


@pytest.fixture
async def wire(settings: Settings) -> AsyncIterator[Wire]:
    """What crosses to PostgreSQL. It is asked for before the application, which so leaves first."""
    async with watched(settings.database_url + _AS_IF_LARGE) as found:
        yield found


@pytest.fixture
async def beside(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.database_url)
    yield connection
    await connection.close()


async def test_hot_paths_take_these_statements_however_many_rows_there_are(
    wire: Wire, beside: asyncpg.Connection, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "REMEMBERED_SECONDS", 3600.0)
    monkeypatch.setattr(pages, "LOOKED_AT_FIRST", 8)  # a bound that ten events reach
    api = await make_api(database_url=wire.url)
    few, many = Counted(api, wire, beside), Counted(api, wire, beside)
    await walk(api, few, 10)
    await walk(api, many, 200)
    if os.environ.get("UPDATE_GOLDEN"):
        _write(few.lines)
    else:
        assert few.lines == EXPECTED
    assert many.lines == few.lines
    grown = {
        path: (few.read[path], read) for path, read in many.read.items() if read > few.read[path] + READ_MORE
    }
    assert not grown, "more rows are read where there are more"
