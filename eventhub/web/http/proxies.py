"""The client's address and scheme: what the socket says, or a proxy that ops trust."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from aiohttp import web

from eventhub.networks import Network, is_within, parse

REMEMBERED = 10_000


class Proxies:
    """The addresses whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody else's are."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self.is_trusted = lru_cache(REMEMBERED)(self._find)

    def address(self, request: web.Request) -> str:
        """Return the client's address: the rightmost that no trusted proxy has."""
        address = request.remote or ""
        if not self._networks or not self.is_trusted(address):
            return address
        for hop in _hops(request.headers.getall("X-Forwarded-For", ())):
            if parse(hop) is None:
                break
            address = hop
            if not self.is_trusted(hop):
                break
        return address

    def scheme(self, request: web.Request) -> str:
        """Return http or https, as the client asked."""
        if self._networks and self.is_trusted(request.remote or ""):
            said = request.headers.get("X-Forwarded-Proto", "").strip().lower()
            if said in {"http", "https"}:
                return said
        return request.scheme

    def _find(self, address: str) -> bool:
        return is_within(address, self._networks)


PROXIES = web.AppKey("proxies", Proxies)


def _hops(values: Iterable[str]) -> Iterable[str]:
    """Yield the addresses of X-Forwarded-For headers, the nearest first."""
    for value in reversed(list(values)):
        yield from (_without_port(hop.strip()) for hop in reversed(value.split(",")))


def _without_port(hop: str) -> str:
    """Return the address of 1.2.3.4:5678 or [2001:db8::1]:5678, as some proxies write it."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


@lru_cache(REMEMBERED)
def bucket(address: str) -> str:
    """Return what one person can hold of addresses: an IPv4 address, or the /64 network of an IPv6 one."""
    parsed = parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
    return str(parsed or address)


@lru_cache(REMEMBERED)
def network(address: str) -> str:
    """Return where somebody is, more or less: the /24 network of an IPv4 address, the /48 one of an IPv6 address."""
    parsed = parse(address)
    if parsed is None:
        return ""
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))
