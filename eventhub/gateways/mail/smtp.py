"""Mails to an SMTP server, over connections that are kept between mails.

What may be tried again, and when: a mail that did not reach `DATA` was never sent, so a connection that the server
closed meanwhile is replaced, once, within the same call. From `DATA` on the server may have the mail, so the call
ends with an error and the job decides.
"""

import asyncio
import logging
import re
import socket
import ssl
import time
import weakref
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import aiosmtplib

from eventhub.gateways.mail.mime import Mailbox, message_bytes, recipient
from eventhub.gateways.mail.text import one_line
from eventhub.services.ports.mail import Mail, MailRefused, MailTemporarilyFailed

Tls = Literal["none", "starttls", "implicit"]
PORTS: Mapping[Tls, int] = {"none": 25, "starttls": 587, "implicit": 465}
# A connection that rested longer may be gone without a word (firewalls, NAT), so a new one is cheaper than waiting.
IDLE_SECONDS = 20.0
# What a 5xx can say about the session instead of the mail: bad sequence, authentication or encryption missing.
SESSION_CODES = frozenset({503, 530, 534, 535, 538})
TOO_LARGE = 552

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SmtpServer:
    """Where and how to connect. `timeout_seconds` bounds each step; four times that bounds a whole send."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    connections: int = 4
    helo: str = ""
    ca_file: Path | None = None


def parse_url(url: str) -> SmtpServer:
    """Return the server that `smtp://user:pass@host:port?tls=…` names; ValueError in words for whoever set it.

    User and password are percent-decoded. `tls` is `none`, `starttls` or `implicit`; without it 465 means
    implicit, this machine means none, everything else starttls. Further: `timeout` (seconds for a step, 30),
    `connections` (kept open by each process, 4), `helo` (the name given to the server), `ca` (a file of
    certificates to trust besides the system's).
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("has no host; use smtp://user:password@host:port?tls=starttls")
    if parts.path.strip("/") or parts.fragment:
        raise ValueError("has a part after the host; percent-encode / ? # in user and password")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - {"tls", "timeout", "connections", "helo", "ca"}:
        raise ValueError(f"has an unknown option {', '.join(sorted(unknown))}")
    port = _port(parts)
    tls = _tls(options.get("tls"), parts.hostname, port)
    return SmtpServer(
        host=parts.hostname,
        port=port or PORTS[tls],
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password is not None else None,
        timeout_seconds=_number(options, "timeout", 30.0, 0.05, 600.0),
        connections=int(_number(options, "connections", 4, 1, 32)),
        helo=_helo(options.get("helo", "")),
        ca_file=_ca_file(options.get("ca")),
    )


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:  # its text may quote a piece of the password, as in smtp://user:pa/ss@host
        raise ValueError("has no valid port; percent-encode : / ? # @ in user and password") from None


def _tls(value: str | None, host: str, port: int | None) -> Tls:
    if value is not None:
        if value not in get_args(Tls):
            raise ValueError(f"has tls={value}; it must be one of {', '.join(get_args(Tls))}")
        return cast("Tls", value)
    if port == PORTS["implicit"]:
        return "implicit"
    return "none" if host in {"localhost", "127.0.0.1", "::1"} else "starttls"


def _number(options: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    try:
        number = float(options.get(name, default))
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise ValueError(f"has {name}={options[name]}; it must be between {low:g} and {high:g}")
    return number


def _helo(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", value):
        raise ValueError(f"has helo={value}; it must be a host name or an address in brackets")
    return value


def _ca_file(value: str | None) -> Path | None:
    if value is not None and not Path(value).is_file():
        raise ValueError(f"has ca={value}; there is no such file")
    return Path(value) if value else None


class _ConnectionGone(Exception):
    """Raised when a kept connection turned out to be useless before the mail was handed over."""


class SmtpMailer:
    """Sends through one server. Each event loop has its own connections, at most `server.connections`."""

    def __init__(self, server: SmtpServer, sender: Mailbox, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.server = server
        self.sender = sender
        self.idle_seconds = idle_seconds
        self._context = _tls_context(server)
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = weakref.WeakKeyDictionary()

    async def send(self, mail: Mail) -> None:
        """Hand `mail` to the server; its 250 is the receipt.

        Takes at most four times the step's timeout from when a connection is free for it, and waits as long for that.
        """
        envelope = _Envelope(
            self.sender, recipient(mail), message_bytes(mail, self.sender, datetime.now(UTC))
        )
        async with self._turn() as pool:
            try:
                async with asyncio.timeout(self._patience_seconds):
                    await self._deliver(pool, envelope)
            except TimeoutError:
                raise MailTemporarilyFailed(
                    f"{self._name} did not take the mail in time", maybe_sent=envelope.is_handed_over
                ) from None

    async def check(self) -> str:
        """Connect, sign in, and ask whether mails may come from the sender; no mail is begun."""
        client = await self._connect()
        try:
            options, encoding = (["SMTPUTF8"], "utf-8") if self.sender.needs_utf8 else ([], "ascii")
            await client.mail(self.sender.address, options=options, encoding=encoding)
            await client.rset()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailTemporarilyFailed(f"{self._name}: {_words(error)}") from None
        finally:
            await self._quit(client)
        how = {"none": "without encryption", "starttls": "with STARTTLS", "implicit": "over TLS"}[
            self.server.tls
        ]
        user = " signed in," if self.server.user else ""
        return f"{self._name} takes mails from {self.sender.address},{user} {how}"

    async def close(self) -> None:
        """Say goodbye on the connections of this event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool:
            await asyncio.gather(*(self._quit(client) for client, _ in pool.idle))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator["_Pool"]:
        """Wait until one of the connections may be used, and keep the others from it in this block."""
        pool = self._pool()
        try:
            async with asyncio.timeout(self._patience_seconds):
                await pool.slots.acquire()
        except TimeoutError:
            count = self.server.connections
            raise MailTemporarilyFailed(f"{self._name}: no turn at its {count} connections in time") from None
        try:
            yield pool
        finally:
            pool.slots.release()

    @property
    def _patience_seconds(self) -> float:
        return 4 * self.server.timeout_seconds

    async def _deliver(self, pool: "_Pool", envelope: "_Envelope") -> None:
        client = self._resting(pool)
        if client:
            try:
                return await self._transact(pool, client, envelope, is_fresh=False)
            except _ConnectionGone as gone:
                logger.info("%s closed a resting connection (%s); connecting again", self._name, gone)
        await self._transact(pool, await self._connect(), envelope, is_fresh=True)
        return None

    def _pool(self) -> "_Pool":
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = _Pool(asyncio.Semaphore(self.server.connections))
        return self._pools[loop]

    def _resting(self, pool: "_Pool") -> aiosmtplib.SMTP | None:
        while pool.idle:
            client, since = pool.idle.pop()
            if client.is_connected and time.monotonic() - since < self.idle_seconds:
                return client
            client.close()
        return None

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self.server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=server.helo or _own_name(),
            timeout=server.timeout_seconds,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            tls_context=self._context,
        )
        try:
            await client.connect()
            await _greet(client)
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise MailTemporarilyFailed(f"{self._name}: {_words(error)}{self._hint(error)}") from None
        except BaseException:
            client.close()
            raise
        return client

    async def _transact(
        self, pool: "_Pool", client: aiosmtplib.SMTP, envelope: "_Envelope", *, is_fresh: bool
    ) -> None:
        async with self._verdict(client, envelope, is_fresh=is_fresh):
            await envelope.send(client)
        if client.is_connected and self._pool() is pool:
            pool.idle.append((client, time.monotonic()))
        else:
            client.close()

    @asynccontextmanager
    async def _verdict(
        self, client: aiosmtplib.SMTP, envelope: "_Envelope", *, is_fresh: bool
    ) -> AsyncIterator[None]:
        """Turn what the server did into one of the two errors; the connection is closed on any of them."""
        try:
            yield
        except BaseException as error:
            client.close()
            if not isinstance(error, aiosmtplib.SMTPException | OSError):
                raise
            if not is_fresh and not envelope.is_handed_over and _says_gone(error):
                raise _ConnectionGone(_words(error)) from None
            raise self._judge(error, envelope) from None

    def _judge(self, error: Exception, envelope: "_Envelope") -> MailTemporarilyFailed | MailRefused:
        detail = f"{self._name}: {_words(error)}"
        if isinstance(error, aiosmtplib.SMTPNotSupported) or _is_final(error):
            return MailRefused(detail)
        has_answer = isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0
        return MailTemporarilyFailed(detail, maybe_sent=envelope.is_handed_over and not has_answer)

    async def _quit(self, client: aiosmtplib.SMTP) -> None:
        with suppress(aiosmtplib.SMTPException, OSError, ValueError):
            await client.quit(timeout=min(2.0, self.server.timeout_seconds))
        client.close()

    @property
    def _name(self) -> str:
        return f"mail server {self.server.host}:{self.server.port}"

    def _hint(self, error: Exception) -> str:
        if self.server.tls == "starttls" and "STARTTLS extension not supported" in str(error):
            return " (for a server without encryption add ?tls=none to EVENTHUB_EMAIL_URL)"
        return ""


@dataclass
class _Pool:
    """The connections of one event loop: a slot for each that may be busy, and those that rest, since when."""

    slots: asyncio.Semaphore
    idle: list[tuple[aiosmtplib.SMTP, float]] = field(default_factory=list)


@dataclass
class _Envelope:
    """One mail on its way; `is_handed_over` from the moment that the server may have the whole of it."""

    sender: Mailbox
    recipient: Mailbox
    message: bytes
    is_handed_over: bool = False

    async def send(self, client: aiosmtplib.SMTP) -> None:
        encoding = "utf-8" if self.sender.needs_utf8 or self.recipient.needs_utf8 else "ascii"
        options = self._options(client, encoding)
        await client.mail(self.sender.address, options=options, encoding=encoding)
        await client.rcpt(self.recipient.address, encoding=encoding)
        self.is_handed_over = True
        # No timeout of its own: giving up on the answer to the last dot is what makes doubles (RFC 5321,
        # 4.5.3.2.6 asks for 10 minutes), so it may take what is left of the whole call.
        await client.data(self.message, timeout=None)

    def _options(self, client: aiosmtplib.SMTP, encoding: str) -> list[str]:
        options = [f"SIZE={len(self.message)}"] if client.supports_extension("size") else []
        if encoding == "utf-8":
            if not client.supports_extension("smtputf8"):
                raise aiosmtplib.SMTPNotSupported(
                    "the server takes no address with letters beyond ASCII before the @"
                )
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        return options


async def _greet(client: aiosmtplib.SMTP) -> None:
    """Learn the server's extensions, where connecting has not (after STARTTLS they are unknown again)."""
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _says_gone(error: Exception) -> bool:
    """Say whether the connection is at fault, and not the mail: lost, silent, or 421 (RFC 5321, 3.8)."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return error.code in {421, -1}
    return not isinstance(error, aiosmtplib.SMTPNotSupported)


def _is_final(error: Exception) -> bool:
    """Say whether the server said no for good, and meant the recipient or the message."""
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        return error.code == TOO_LARGE  # any other no to our own sender is a setting that someone will mend
    mail_errors = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)
    return isinstance(error, mail_errors) and 500 <= error.code < 600 and error.code not in SESSION_CODES


def _words(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return one_line(f"{error.code} {error.message}")[:500]
    return one_line(str(error) or type(error).__name__)[:500]


def _own_name() -> str:
    """Return what to say in EHLO: this host's full name, else an address literal (RFC 5321, 4.1.4). Asks no DNS."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"


def _tls_context(server: SmtpServer) -> ssl.SSLContext | None:
    if server.tls == "none":
        return None
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if server.ca_file:
        try:
            context.load_verify_locations(server.ca_file)
        except OSError:  # ssl.SSLError is one
            raise ValueError(f"has ca={server.ca_file}; that file holds no certificates in PEM") from None
    return context
