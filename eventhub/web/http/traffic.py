"""What is counted of requests."""

from aiohttp import web

from eventhub import metrics

UNMATCHED = "unmatched"  # a path that no route has
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Traffic:
    """How many requests are being worked on. One per process."""

    in_flight = 0


TRAFFIC = web.AppKey("traffic", Traffic)


def count(request: web.Request, status: int, seconds: float) -> None:
    """Count an answer. Labels are of this code: a client can make up methods and paths."""
    resource = request.match_info.route.resource
    route = UNMATCHED if resource is None else resource.canonical
    method = request.method if request.method in _METHODS else "other"
    metrics.REQUESTS.observe(seconds, route, method, str(status))
