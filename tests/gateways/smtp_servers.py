"""SMTP servers on a local socket: a real one (aiosmtpd), and one whose every answer a test chooses."""

import asyncio
import shutil
import ssl
import subprocess
import warnings
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "us:er@example.com", "p@ss/w%rd ü"
DROP = "<drop the connection>"
SILENCE = "<say nothing>"
DEFAULTS = {
    "GREETING": "220 fake.test ESMTP",
    "EHLO": "250-fake.test\r\n250 SIZE 1000000",
    "HELO": "250 fake.test",
    "MAIL": "250 sender ok",
    "RCPT": "250 recipient ok",
    "RSET": "250 forgotten",
    "DATA": "354 go on",
    "BODY": "",
    "END": "250 kept",
    "QUIT": "221 bye",
}


class ScriptedServer:
    """Answers from `script[verb]` in turn, then politely; BODY is asked at the first line of a mail, END at its dot."""

    def __init__(self) -> None:
        self.script: defaultdict[str, list[str]] = defaultdict(list)
        self.mails: list[bytes] = []
        self.commands: list[str] = []
        self.connections = 0
        self.open_connections = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    def drop_all(self) -> None:
        """Close every connection, as a server does with those that rest."""
        while self._writers:
            self._writers.pop().close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        self._writers.append(writer)
        try:
            if await self._answer("GREETING", writer):
                while line := await reader.readline():
                    if not await self._command(line.decode().strip(), reader, writer):
                        break
        except ConnectionError:
            pass
        finally:
            self.open_connections -= 1
            writer.close()

    async def _command(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        verb = line.split(" ", maxsplit=1)[0].upper()
        self.commands.append(line)
        code = await self._answer(verb, writer)
        if code != "354":
            return bool(code) and verb != "QUIT"
        mail = b""
        while not mail.endswith(b"\r\n.\r\n"):
            line_of_mail = await reader.readline()
            if not line_of_mail:
                return False
            mail += line_of_mail
            if self.script["BODY"] and self.script["BODY"].pop(0) == DROP:
                return False
        self.mails.append(mail)
        return bool(await self._answer("END", writer))

    async def _answer(self, verb: str, writer: asyncio.StreamWriter) -> str:
        """Write the answer; returns its code, or nothing where the connection has to go."""
        answer = self.script[verb].pop(0) if self.script[verb] else DEFAULTS[verb]
        if answer == DROP:
            return ""
        if answer == SILENCE:
            await asyncio.sleep(30)
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return answer[:3]


@asynccontextmanager
async def scripted_server() -> AsyncIterator[ScriptedServer]:
    fake = ScriptedServer()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(fake.serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        fake.drop_all()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        server.close()


class Inbox:
    """What a real server took: each envelope with its whole message."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.users: list[str] = []
        self.sessions: set[int] = set()
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        self.sessions.add(id(session))
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        is_known = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=is_known, handled=is_known)


@asynccontextmanager
async def real_server(
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    with_login: bool = False,
) -> AsyncIterator[Inbox]:
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    protocols: list[SMTP] = []

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # aiosmtpd's advice on AUTH without STARTTLS
            smtp = SMTP(
                inbox,
                loop=loop,
                hostname="real.test",
                enable_SMTPUTF8=True,
                tls_context=starttls,
                require_starttls=bool(starttls),
                authenticator=inbox.authenticate if with_login else None,
                auth_required=with_login,
                auth_require_tls=bool(starttls),
            )
        protocols.append(smtp)
        return smtp

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    inbox.port = server.sockets[0].getsockname()[1]
    try:
        yield inbox
    finally:
        server.close()
        for each in protocols:
            if each.transport:
                each.transport.close()
        await asyncio.sleep(0)


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, Path] | None:
    """Return a server's context with a certificate for 127.0.0.1, and its file; None without openssl."""
    openssl = shutil.which("openssl")
    if not openssl:
        return None
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    extension = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *extension, *files], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context, certificate
