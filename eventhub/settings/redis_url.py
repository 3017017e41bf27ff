"""What REDIS_URL says: one server, or the master that sentinels name; a password, an ACL user, TLS.

The options are those of redis-py, except its time-outs: how long Redis is waited for is this program's own decision.
"""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from eventhub.settings.parsers import Unusable, boolean, number, one_of, split

PORT = 6379
SENTINEL_PORT = 26379
SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_URL = re.compile(r"(?P<scheme>[a-z+]+):(?://(?P<place>[^/?#]*))?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?")

Address = tuple[str, int]


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise Unusable("there is no such file")
    return text


_database = number(int, 0, 1_000_000)
_EVERYWHERE: Mapping[str, Callable[[str], object]] = {
    "db": _database,
    "username": str,
    "password": str,
    "protocol": number(int, 2, 3),
}
_TLS: Mapping[str, Callable[[str], object]] = {
    "ssl_ca_certs": _file,
    "ssl_certfile": _file,
    "ssl_keyfile": _file,
    "ssl_password": str,
    "ssl_cert_reqs": one_of("none", "optional", "required"),
    "ssl_check_hostname": boolean,
}
_SENTINEL: Mapping[str, Callable[[str], object]] = {"sentinel_username": str, "sentinel_password": str}
_SECRETS = {"password", "ssl_password", "sentinel_password"}


@dataclass(frozen=True)
class RedisPlace:
    """Where Redis is; `options` and `sentinel_options` are arguments of redis-py's clients."""

    options: Mapping[str, Any] = field(repr=False)
    sentinels: tuple[Address, ...] = ()
    sentinel_options: Mapping[str, Any] = field(repr=False, default_factory=dict)
    master: str = ""  # what the sentinels call it

    @property
    def name(self) -> str:
        """What to call it in a line for people: no user, no password."""
        if self.sentinels:
            return f"{self.master} ({','.join(f'{host}:{port}' for host, port in self.sentinels)})"
        return str(self.options.get("unix_socket_path") or f"{self.options['host']}:{self.options['port']}")


def parse(text: str) -> RedisPlace:
    """Return what the URL says, or raise Unusable, which quotes no password."""
    match = _URL.fullmatch(text)
    scheme = match["scheme"] if match else ""
    if match is None or scheme not in SCHEMES:
        raise Unusable(f"must be a URL that starts with {' or '.join(f'{s}:' for s in SCHEMES)}")
    path, query = match["path"], match["query"] or ""
    user, _, hosts = (match["place"] or "").rpartition("@")
    if "@" in path + query:
        raise Unusable("has an @ after the host; percent-encode : / ? # [ ] @ in user and password")
    has_tls = scheme.startswith("rediss")
    given = _given(
        query, {**_EVERYWHERE, **(_TLS if has_tls else {}), **(_SENTINEL if "+" in scheme else {})}
    )
    name, _, password = user.partition(":")
    options = {
        **({"username": unquote(name)} if name else {}),
        **({"password": unquote(password)} if password else {}),
        **{option: value for option, value in given.items() if option not in _SENTINEL},
    }
    if has_tls:
        _check_certificates(given)
        options["ssl"] = True
    if scheme == "unix":
        if hosts or not path.strip("/"):
            raise Unusable("must be unix:///path/of/the/socket")
        return RedisPlace({**options, "unix_socket_path": unquote(path)})
    known = tuple(
        _address(host, SENTINEL_PORT if "+" in scheme else PORT)
        for host in (hosts.split(",") if "+" in scheme else [hosts])
    )
    parts = unquote(path).strip("/").split("/")
    master = parts.pop(0) if "+" in scheme else ""
    options = {"db": _of_path(parts), **options}
    if "+" not in scheme:
        [(host, port)] = known
        return RedisPlace({**options, "host": host or "localhost", "port": port})
    if not master or not all(host for host, _ in known):
        raise Unusable(f"must be {scheme}://user:password@host:26379,host:26379/name-of-the-master/0")
    tls = {option: value for option, value in options.items() if option.startswith("ssl")}
    own = {option.removeprefix("sentinel_"): value for option, value in given.items() if option in _SENTINEL}
    return RedisPlace(options, known, {**tls, **own}, master)


def check(text: str) -> str:
    """Return a URL that can be used as it is, or raise Unusable: the parser of the setting."""
    parse(text)
    return text


def _given(query: str, known: Mapping[str, Callable[[str], object]]) -> dict[str, Any]:
    found = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise Unusable(f"has the option {name}, which nobody knows; there are {', '.join(known)}")
        try:
            found[name] = known[name](text)
        except Unusable as error:
            shown = "…" if name in _SECRETS else text
            raise Unusable(f"has {name}={shown}: {error}") from None
    return found


def _address(text: str, port: int) -> Address:
    parts = split(f"redis://{text}")
    return parts.hostname or "", parts.port or port


def _of_path(parts: list[str]) -> int:
    """Return the database's number, which is the path; it is not quoted, since it may be a piece of a password."""
    if parts in ([], [""]):
        return 0
    try:
        return _database("/".join(parts))
    except Unusable:
        raise Unusable(
            "has a path that is no number of a database; percent-encode / ? # in the password"
        ) from None


def _check_certificates(given: Mapping[str, Any]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if "ssl_ca_certs" in given:
            context.load_verify_locations(given["ssl_ca_certs"])
    except OSError:  # ssl.SSLError is one
        raise Unusable(
            f"has ssl_ca_certs={given['ssl_ca_certs']}; that file holds no certificates in PEM"
        ) from None
    if "ssl_keyfile" in given and "ssl_certfile" not in given:
        raise Unusable("has ssl_keyfile without ssl_certfile")
    try:
        if "ssl_certfile" in given:
            # A password of any kind, or OpenSSL asks for one on the terminal.
            context.load_cert_chain(
                given["ssl_certfile"], given.get("ssl_keyfile"), given.get("ssl_password", "")
            )
    except OSError:
        raise Unusable(
            f"has ssl_certfile={given['ssl_certfile']}; it cannot be used with its key (ssl_keyfile, ssl_password)"
        ) from None
