"""Which route a request is for, and whether it says by which codes it refuses."""

import re
from functools import cache
from urllib.parse import urlsplit

from eventhub.web.call import Route
from eventhub.web.routes import ROUTES


@cache
def find_route(method: str, path: str) -> Route | None:
    """Return the route that answers this path; a fixed path comes before a pattern that would match it too."""
    found = [
        route
        for route in ROUTES
        if route.method == method and _pattern(route.path).fullmatch(urlsplit(path).path)
    ]
    return min(found, key=lambda route: "{" in route.path, default=None)


@cache
def _pattern(route_path: str) -> re.Pattern[str]:
    pattern = re.escape(route_path).replace(r"\{name:\.\+\}", ".+")
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern))


def check_refusal(method: str, path: str, status: int, code: str) -> None:
    """Assert that the route names this code, where the rules refuse: 403, 409 or 410."""
    route = find_route(method, path)
    if route is None or status not in {403, 409, 410}:
        return
    named = [*route.refuses.get(status, ["not named"])] or ["permission_denied"]
    if status == 409 and route.is_idempotent:
        named.append("idempotency_key_in_use")
    assert code in named, f"{method} {route.path} answers {status} with {code}, but says {named}"
