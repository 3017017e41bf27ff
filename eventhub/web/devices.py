"""Where a sign-in is opened from."""

from aiohttp import web

from eventhub.services.auth import Device
from eventhub.web.http.proxies import PROXIES, network

MAX_USER_AGENT = 300


def device_of(request: web.Request) -> Device:
    """Return the network and the program that the request comes from, for the owner of a sign-in to know it again."""
    agent = request.headers.get("User-Agent", "")
    printable = "".join(character for character in agent if character.isprintable())
    return Device(network(request.app[PROXIES].address(request)), printable[:MAX_USER_AGENT])
