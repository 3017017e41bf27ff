"""How this process connects to PostgreSQL: which server, its time limits, and the configuration of Tortoise."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import asyncpg

from eventhub import database_url
from eventhub.database.errors import UnavailableErrors
from eventhub.database_url import Address, Host, Pooler
from eventhub.telemetry import tracing

ANSWER_SECONDS = 2.0
IDLE_IN_TRANSACTION_SECONDS = 30.0  # between two statements nothing is waited for, so it is stuck
CONNECT_SECONDS = 5.0
# Of several servers, one that does not even refuse must leave time for the next within a request's patience.
CONNECT_SECONDS_OF_SEVERAL = 2.0
# A server whose machine is gone sends no end of the connection: the kernel asks, and gives up after these together.
_PROBES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 5_000}
_SOCKET_OPTIONS = {
    "keepalives_idle": "TCP_KEEPIDLE",
    "keepalives_interval": "TCP_KEEPINTVL",
    "keepalives_count": "TCP_KEEPCNT",
    "tcp_user_timeout": "TCP_USER_TIMEOUT",
}
# Options of a URL that asyncpg reads from a URL as well; it has no arguments for most of them.
_OF_ASYNCPG = database_url.OPTIONS.keys() - {
    *("target_session_attrs", "application_name", "connect_timeout", "options"),
    *("channel_binding", "gssencmode"),
    *_SOCKET_OPTIONS,
}


@dataclass(frozen=True)
class Timeouts:
    """How long this process waits for the database: for a statement, for a lock in it, for a connection of the pool.

    What runs into a limit raises one of `UnavailableErrors`, and its transaction is rolled back.
    """

    statement_seconds: float
    lock_seconds: float
    turn_seconds: float

    @property
    def command_seconds(self) -> float:
        """How long this side waits for an answer; the server is to give up first, and to say why."""
        return self.statement_seconds + ANSWER_SECONDS

    @property
    def server_settings(self) -> dict[str, str]:
        """What the server is told at connect: nothing has to SET it."""
        return {
            "statement_timeout": _milliseconds(self.statement_seconds),
            "lock_timeout": _milliseconds(self.lock_seconds),
            "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_SECONDS),
        }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    def __init__(self, *made_of: Any) -> None:
        super().__init__(*made_of)
        if tracing.is_on():
            self.add_query_logger(tracing.note_statement)

    def get_reset_query(self) -> str:
        """Spare a round trip at every release: nothing here SETs anything outside a transaction."""
        return ""


class Connector:
    """Makes connections to the database at a URL: to the server that answered last, else to the next that will do."""

    def __init__(
        self,
        url: str,
        pooler: Pooler = Pooler.NONE,
        name: str = "eventhub",
        timeouts: Timeouts | None = None,
        *,
        names_statements: bool = True,
        plans_once: bool = False,
    ) -> None:
        self.address = database_url.parse(url)
        self.pooler = pooler
        self.server_settings = _server_settings(self.address, pooler, name, timeouts)
        if plans_once and pooler is Pooler.NONE:
            # Else each connection plans a statement six times before it keeps a plan: a booking's costs 2 ms each time.
            self.server_settings["plan_cache_mode"] = "force_generic_plan"
        several = len(self.address.hosts) > 1
        self.target = self.address.options.get("target_session_attrs", "read-write" if several else "any")
        self._first = 0
        self._seconds = _connect_seconds(self.address)
        self._arguments = {
            **_arguments(self.address),
            "target_session_attrs": self.target,
            "connection_class": _Connection,
            "max_cached_statement_lifetime": 0,
            "command_timeout": timeouts.command_seconds if timeouts else None,
            "server_settings": self.server_settings,
        }
        if pooler is Pooler.TRANSACTION or not names_statements:
            # A named statement would stay with a server that the next transaction does not get.
            self._arguments["statement_cache_size"] = 0

    async def connect(self, *_: object, **__: object) -> asyncpg.Connection:
        """Return a new connection, whatever a pool says of it. Raises one of UnavailableErrors or OSError where no server will do."""
        hosts = self.address.hosts
        failures = []
        for index in (*range(self._first, len(hosts)), *range(self._first)):
            try:
                connection = await self._connect_to(hosts[index])
            except asyncio.CancelledError:
                # Its caller has waited for long enough: the next one asks another server first.
                self._first = (index + 1) % len(hosts)
                raise
            except (OSError, *UnavailableErrors) as error:
                failures.append((hosts[index], error))
            else:
                self._first = index
                return connection
        if len(failures) == 1:
            raise failures[0][1]
        said = ", ".join(f"{host}: {self._said(error)}" for host, error in failures)
        raise ConnectionError(f"no server will do ({said})") from failures[-1][1]

    def _said(self, error: Exception) -> str:
        if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
            return f"not {self.target}"
        return str(error) or type(error).__name__

    async def _connect_to(self, host: Host) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            **self._arguments, host=host.name, port=host.port, timeout=self._seconds
        )
        _probe(connection, self.address)
        return connection


async def connect(
    url: str, *, pooler: Pooler = Pooler.NONE, name: str = "eventhub", timeouts: Timeouts | None = None
) -> asyncpg.Connection:
    """Return a connection of the caller's own, made as those of a pool are; close it."""
    return await Connector(url, pooler, name, timeouts).connect()


def _connect_seconds(address: Address) -> float:
    """Return how long one server may take: as libpq's option says, else by how many there are."""
    default = CONNECT_SECONDS if len(address.hosts) == 1 else CONNECT_SECONDS_OF_SEVERAL
    return float(address.options.get("connect_timeout", default))


def _arguments(address: Address) -> dict[str, Any]:
    """Return what asyncpg is told of an address, but for the server."""
    options = {name: value for name, value in address.options.items() if name in _OF_ASYNCPG}
    arguments: dict[str, Any] = {}
    if options.get("sslrootcert") == database_url.SYSTEM_ROOTS:
        del options["sslrootcert"]
        arguments["ssl"] = True  # asyncpg's word for them, with the server's name verified
    return {
        "dsn": f"postgres:///?{urlencode(options)}" if options else None,
        "user": address.user,
        "password": address.password,
        "database": address.database,
        **arguments,
    }


def _server_settings(
    address: Address, pooler: Pooler, name: str, timeouts: Timeouts | None
) -> dict[str, str]:
    """Return what the server is told at connect: through a pooler what each of them takes, and the role has the rest."""
    settings = {"application_name": address.options.get("application_name", name)}
    if pooler is not Pooler.NONE:
        return settings
    if "options" in address.options:
        settings["options"] = address.options["options"]
    return settings | {"jit": "off", "timezone": "UTC", **(timeouts.server_settings if timeouts else {})}


def _probe(connection: asyncpg.Connection, address: Address) -> None:
    """Let the kernel find out, within seconds, that the server's machine is gone."""
    tcp = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg has no option for it
    if tcp is None or tcp.family == socket.AF_UNIX:
        return
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, option in _SOCKET_OPTIONS.items():
        if hasattr(socket, option):  # not every system has each of them
            value = int(address.options.get(name, _PROBES[name]))
            tcp.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def tortoise_config(
    url: str,
    pool_size: int = 10,
    name: str = "eventhub",
    timeouts: Timeouts | None = None,
    pooler: Pooler = Pooler.NONE,
) -> dict[str, Any]:
    """Return Tortoise's configuration for the database at `url`."""
    connector = Connector(url, pooler, name, timeouts)
    credentials = {
        "database": connector.address.database,
        "minsize": min(2, pool_size),
        "maxsize": pool_size,
        "connection_class": _Connection,
        "connect": connector.connect,
    }
    return {
        "connections": {"default": {"engine": "tortoise.backends.asyncpg", "credentials": credentials}},
        "apps": {"models": {"models": ["eventhub.models"], "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }
