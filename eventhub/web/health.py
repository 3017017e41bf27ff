"""What load balancers and those who watch ask: whether this process lives, whether it can serve, what it counts."""

import orjson
from aiohttp import web

from eventhub import metrics
from eventhub.schemas.health import Health, Ready
from eventhub.web.call import Call, Route, tagged
from eventhub.web.http.errors import error_response
from eventhub.web.http.proxies import PROXIES
from eventhub.web.readiness import READINESS, Status, status_of

READERS = web.AppKey("readers", metrics.Readers)
RETRY_SECONDS = 5


async def health(call: Call) -> web.Response:
    """200 while this process lives. It asks nobody else for that, also not the database."""
    return call.reply({"status": "ok"})


async def ready(call: Call) -> web.Response:
    """Whether this process can answer requests: `ok`, `degraded` where something is away that is waited for (Redis,
    the storage, workers, a clock), or 503 and `down` where the database, or a migration of it, is missing.

    Who bears the token of metrics, or comes from a network that may read them, is told of each part.
    """
    parts = await call.request.app[READINESS].look()
    status = status_of(parts)
    answer: dict[str, object] = {"status": status.value}
    if _may_read(call.request):
        answer["parts"] = {name: part.described() for name, part in parts.items()}
    if status is not Status.DOWN:
        return call.reply(answer)
    refusal = error_response(
        503,
        "This process cannot answer requests at the moment.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
    assert isinstance(refusal.body, bytes)  # noqa: S101 - as it was just made
    refusal.body = orjson.dumps(answer | orjson.loads(refusal.body))
    return refusal


async def read_metrics(request: web.Request) -> web.Response:
    """Return what the processes of this master counted, in Prometheus' format; to strangers 401, or 404."""
    if not _may_read(request):
        readers = request.app[READERS]
        if readers.token:
            detail = "Send the token of metrics."
            return error_response(401, detail, headers={"WWW-Authenticate": metrics.CHALLENGE})
        return error_response(404, "Not found.")
    text, content_type = await metrics.exposed(request.headers.get("Accept", ""))
    return web.Response(body=text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _may_read(request: web.Request) -> bool:
    address = request.app[PROXIES].address(request)
    return request.app[READERS].admit(address, request.headers.get("Authorization"))


ROUTES = tagged(
    "Operations",
    Route(
        "GET",
        "/healthz/",
        health,
        "Check whether this process lives",
        is_public=True,
        is_unlimited=True,
        is_probe=True,
        returns=Health,
    ),
    Route(
        "GET",
        "/readyz/",
        ready,
        "Check whether this process can serve requests",
        is_public=True,
        is_unlimited=True,
        is_probe=True,
        returns=Ready,
    ),
)
