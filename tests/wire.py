"""What crosses the wire to PostgreSQL: a proxy that passes everything on and notes what the server did."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, quote, urlsplit

_COMMAND_COMPLETE, _PORTAL_SUSPENDED = b"C", b"s"


class Wire:
    """The commands that the server has completed, by their tags: BEGIN, SELECT 20, INSERT 0 1, …

    Where only one row is fetched, and there is one, the server says no tag: that is a SELECT 1 here.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.commands: list[str] = []

    def forget(self) -> None:
        self.commands.clear()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: str) -> None:
        """Connect a client with the server at `socket` until one of them leaves."""
        from_server, to_server = await asyncio.open_unix_connection(socket)
        ways = [
            asyncio.ensure_future(_copy(reader, to_server)),
            asyncio.ensure_future(self._note(from_server, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, to_server):
            end.close()
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

    async def _note(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what the server says, message by message: a letter, the length of the rest with itself, the rest."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(5)
                rest = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
                if head[:1] == _COMMAND_COMPLETE:
                    self.commands.append(rest[:-1].decode())
                elif head[:1] == _PORTAL_SUSPENDED:
                    self.commands.append("SELECT 1")
                writer.write(head + rest)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)


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
