"""DATABASE_URL as libpq reads it: one server or several, and what its options ask for."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TARGETS = ("any", "primary", "standby", "prefer-standby", "read-write", "read-only")
SYSTEM_ROOTS = "system"  # as sslrootcert: the certificates that this machine trusts


class BadUrl(ValueError):
    """Raised with a sentence for the person who set the URL, without a piece of the password."""


class Pooler(StrEnum):
    """What stands between this process and PostgreSQL, and what it keeps of a session."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


@dataclass(frozen=True)
class Host:
    """A server's name or the folder of its socket, and its port; where a URL names none, the driver's defaults."""

    name: str | None
    port: int | None

    def __str__(self) -> str:
        return f"{self.name or 'this machine'}{'' if self.port is None else f':{self.port}'}"


@dataclass(frozen=True)
class Address:
    """What a URL says: the servers, who signs in to which database, and the options by their names in libpq."""

    hosts: tuple[Host, ...]
    user: str | None
    password: str | None
    database: str | None
    options: Mapping[str, str]


def parse(text: str) -> Address:
    """Return what a `postgres://` URL says. Raises BadUrl, without a piece of the password."""
    scheme, separator, rest = text.partition("://")
    if scheme not in {"postgres", "postgresql"} or not separator:
        raise BadUrl("must be a URL that starts with postgres: or postgresql:")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    login, _, listed = authority.rpartition("@")
    user, _, password = login.partition(":")
    # What follows the servers, read as if there were none.
    tail = urlsplit(f"{scheme}://{rest[len(authority) :]}")
    options = dict(parse_qsl(tail.query, keep_blank_values=True))
    if tail.fragment:
        raise BadUrl("has a # that is not percent-encoded")
    if listed and options.get("host"):
        raise BadUrl("names servers twice: before the path, and as host=")
    address = Address(
        hosts=_hosts(listed, options.pop("host", ""), options.pop("port", "")),
        user=options.pop("user", None) or unquote(user) or None,
        password=options.pop("password", None) or unquote(password) or None,
        database=options.pop("dbname", None) or unquote(tail.path.removeprefix("/")) or None,
        options=options,
    )
    _require_known(options)
    return address


def _hosts(listed: str, folders: str, ports: str) -> tuple[Host, ...]:
    """Return the servers of `a:1,b:2`, or of `host=a,b` with `port=1,2` or one port for all."""
    texts = (listed or folders).split(",")
    given = ports.split(",") if ports else [""]
    if len(given) not in {1, len(texts)}:
        raise BadUrl(f"has {len(given)} ports for {len(texts)} hosts")
    given = given * len(texts) if len(given) == 1 else given
    found = tuple(_host(text, port) for text, port in zip(texts, given, strict=True))
    if len(found) > 1 and not all(host.name for host in found):
        raise BadUrl("names several servers, and one of them is empty")
    return found


def _host(text: str, port: str) -> Host:
    name = unquote(text)
    if not name.startswith("/"):
        name, port = _name_and_port(text, port)
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise BadUrl("has no valid host or port; ports are numbers from 1 to 65535")
    return Host(name or None, int(port) if port else None)


def _name_and_port(text: str, port: str) -> tuple[str, str]:
    try:
        parts = urlsplit(f"postgres://{text}")
        name = parts.hostname or ""
        name.encode("idna")
        is_usable = parts.port != 0 and not parts.path and not re.search(r"[\s@]", parts.netloc)
        port = str(parts.port or port)
    except ValueError:  # its text may quote a piece of the password, as in postgres://user:pa/ss@host
        is_usable = False
    if not is_usable:
        raise BadUrl("has no valid host or port; percent-encode : / ? # [ ] @ in user and password")
    return name, port


def _number(low: int) -> Callable[[str], str | None]:
    def problem(value: str) -> str | None:
        return None if re.fullmatch(r"\d{1,9}", value) and int(value) >= low else f"a whole number from {low}"

    return problem


def _one_of(values: Sequence[str]) -> Callable[[str], str | None]:
    return lambda value: None if value in values else f"one of {', '.join(values)}"


def _file(value: str) -> str | None:
    return None if os.access(value, os.R_OK) and Path(value).is_file() else "a file that can be read"


def _roots(value: str) -> str | None:
    return None if value == SYSTEM_ROOTS else _file(value)


def _any(_: str) -> None:
    return None


# What may follow the `?`, and what a value has to be.
OPTIONS: Mapping[str, Callable[[str], str | None]] = {
    "target_session_attrs": _one_of(_TARGETS),
    "connect_timeout": _number(1),
    "application_name": _any,
    "options": _any,
    "passfile": _file,
    "sslmode": _one_of(_SSL_MODES),
    "sslrootcert": _roots,
    "sslcert": _file,
    "sslkey": _file,
    "sslpassword": _any,
    "sslcrl": _file,
    "sslnegotiation": _one_of(("postgres", "direct")),
    "ssl_min_protocol_version": _one_of(("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
    "ssl_max_protocol_version": _one_of(("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")),
    "krbsrvname": _any,
    "gsslib": _any,
    "keepalives_idle": _number(1),
    "keepalives_interval": _number(1),
    "keepalives_count": _number(1),
    "tcp_user_timeout": _number(0),
    # The driver has neither; what merely prefers them gets along without.
    "channel_binding": _one_of(("prefer", "disable")),
    "gssencmode": _one_of(("prefer", "disable")),
}


def _require_known(options: Mapping[str, str]) -> None:
    if unknown := sorted(options.keys() - OPTIONS.keys()):
        # What is no name at all may be the rest of a password with a ? in it.
        names = ", ".join(name if name.isidentifier() else "something unreadable" for name in unknown)
        raise BadUrl(f"has {names} after the ?; the options are {', '.join(OPTIONS)}")
    for name, value in options.items():
        if (wanted := OPTIONS[name](value)) is not None:
            raise BadUrl(f"has {name}={value}, which must be {wanted}")
    if (
        options.get("sslmode", "").startswith("verify-")
        and not (options.get("sslrootcert") or os.environ.get("PGSSLROOTCERT"))
        and not Path("~/.postgresql/root.crt").expanduser().is_file()
    ):
        raise BadUrl(
            f"has sslmode={options['sslmode']}, which needs sslrootcert=: a file of certificates (PEM), "
            f"or {SYSTEM_ROOTS} for those that this machine trusts"
        )
