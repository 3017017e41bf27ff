"""Addresses and networks of machines, as settings and sockets write them."""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, an IPv4 one out of its IPv6 clothes, or None where it is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Return whether the address belongs to one of these."""
    parsed = parse(address)
    return parsed is not None and any(parsed in network for network in networks)
