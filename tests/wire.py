"""What crosses the wire to PostgreSQL: a proxy that passes everything on and notes what the server did."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, quote, urlsplit

_COMMAND_COMPLETE, _PORTAL_SUSPENDED, _READY, _IN_NO_TRANSACTION = b"C", b"s", b"Z", b"I"
_FLUSH = b"SELECT pg_stat_force_next_flush()\0"
_QUERY = b"Q" + struct.pack("!i", 4 + len(_FLUSH)) + _FLUSH


class Wire:
    """The commands that the server has completed, by their tags: BEGIN, SELECT 20, INSERT 0 1, …

    Where only one row is fetched, and there is one, the server says no tag: that is a SELECT 1 here.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.commands: list[str] = []
        self._connections: set[_Connection] = set()

    async def settle(self) -> None:
        """Wait until nothing is under way, and let the server say in its statistics what has been done."""
        await asyncio.gather(*(connection.flush() for connection in self._connections))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: str) -> None:
        """Connect a client with the server at `socket` until one of them leaves."""
        connection = _Connection(self.commands, reader, writer, *await asyncio.open_unix_connection(socket))
        self._connections.add(connection)
        await connection.pass_on()
        self._connections.discard(connection)


class _Connection:
    """One client's connection; `rest` is set while neither side owes the other anything."""

    def __init__(
        self,
        commands: list[str],
        from_client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        self.commands = commands
        self.from_client, self.to_client = from_client, to_client
        self.from_server, self.to_server = from_server, to_server
        self.rest = asyncio.Event()
        self.is_own = False

    async def flush(self) -> None:
        """Ask the server to say what this connection did, which the client does not get to know."""
        async with asyncio.timeout(10):
            await self.rest.wait()
            self.rest.clear()
            self.is_own = True
            self.to_server.write(_QUERY)
            await self.rest.wait()

    async def pass_on(self) -> None:
        ways = [asyncio.ensure_future(self._ask()), asyncio.ensure_future(self._answer())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (self.to_client, self.to_server):
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

    async def _ask(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await self.from_client.read(65_536):
                self.rest.clear()
                self.to_server.write(data)

    async def _answer(self) -> None:
        """Pass on what the server says, message by message: a letter, the length of the rest with itself, the rest."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await self.from_server.readexactly(5)
                rest = await self.from_server.readexactly(struct.unpack("!i", head[1:])[0] - 4)
                if not self.is_own:
                    self._note(head[:1], rest)
                    self.to_client.write(head + rest)
                if (head[:1], rest) == (_READY, _IN_NO_TRANSACTION):
                    self.is_own = False
                    self.rest.set()

    def _note(self, kind: bytes, rest: bytes) -> None:
        if kind == _COMMAND_COMPLETE:
            self.commands.append(rest[:-1].decode())
        elif kind == _PORTAL_SUSPENDED:
            self.commands.append("SELECT 1")


@asynccontextmanager
async def watched(database_url: str) -> AsyncIterator[Wire]:
    """Yield what crosses a proxy before the server of `database_url`, which is at `wire.url`."""
    at = parse_qs(urlsplit(database_url).query)
    name = f".s.PGSQL.{at['port'][0]}"
    # Short: the path of a socket has to fit into 107 bytes.
    with TemporaryDirectory(prefix="wire-") as folder:
        wire = Wire(database_url.replace(quote(at["host"][0], safe=""), quote(folder, safe="")))
        socket = str(Path(at["host"][0]) / name)
        passing: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            passing.add(asyncio.create_task(wire.pass_on(reader, writer, socket)))

        async with await asyncio.start_unix_server(connected, Path(folder) / name):
            yield wire
            await asyncio.wait_for(asyncio.gather(*passing), 10)
