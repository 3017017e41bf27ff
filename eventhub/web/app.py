"""The aiohttp application."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import cache

import orjson
from aiohttp import web

from eventhub import metrics, redis_clients
from eventhub.database import Database, Deliver, Wake
from eventhub.gateways.payments import build_gateways, preload
from eventhub.gateways.pdf import TypstDocumentRenderer
from eventhub.gateways.storage import build_storage
from eventhub.metrics import Readers
from eventhub.services import payments
from eventhub.services.auth import SignInCache
from eventhub.services.bookings import Doors
from eventhub.services.ports.payments import by_name
from eventhub.services.tokens import TokenSigner
from eventhub.settings import Settings
from eventhub.telemetry import tracing
from eventhub.web import database_bounds, docs, health
from eventhub.web.call import (
    CACHE,
    DATABASE,
    DOCUMENTS,
    DOORS,
    GATEWAYS,
    SETTINGS,
    SIGN_INS,
    SIGNER,
    STORAGE,
)
from eventhub.web.change_streams import CHANGE_STREAMS, ChangeStreams
from eventhub.web.endpoint import endpoint, probe
from eventhub.web.http.answers import answer
from eventhub.web.http.cache import AnonymousCache
from eventhub.web.http.cors import cors
from eventhub.web.http.middlewares import observe
from eventhub.web.http.paths import Paths
from eventhub.web.http.proxies import PROXIES, Proxies
from eventhub.web.http.traced import traced
from eventhub.web.http.traffic import TRAFFIC, Traffic
from eventhub.web.http.turns import JUDGING, Turns
from eventhub.web.http.unsent import UNSENT, Unsent
from eventhub.web.http.uploads import UPLOADS, Uploads
from eventhub.web.openapi import document
from eventhub.web.ops import routes as ops
from eventhub.web.rate_limits.limiter import Limiter
from eventhub.web.rate_limits.limits import LIMITER
from eventhub.web.readiness import READINESS, Readiness
from eventhub.web.routes import ROUTES

MAX_BODY_BYTES = 1024 * 1024
REDIS_SECONDS = 1.0  # that it has to answer whether it is there
JUDGEMENTS_WAITING = 50  # new passwords from one address


@cache
def _describe() -> bytes:
    return orjson.dumps(document.build(ROUTES))


def _add_routes(app: web.Application) -> None:
    paths = Paths()
    for route in ROUTES:
        if route.is_probe:
            for path in (route.path, route.path.rstrip("/")):
                app.router.add_get(path, probe(route))
            continue
        add = paths.add if paths.can_have(route.path) else app.router.add_route
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            add(method, route.path, endpoint(route, app))
    app.router.register_resource(paths)
    for path in ("/metrics/", "/metrics"):
        app.router.add_get(path, health.read_metrics)
    for path in ("/", "/api/"):
        app.router.add_get(path, docs.find)
    ops.add_routes(app)


def load(settings: Settings) -> None:
    """Load what the application of these settings needs beyond this module, before processes are forked."""
    preload(settings)


def create_app(settings: Settings, deliver: Deliver, wake: Wake | None = None) -> web.Application:
    """Return the application; it opens its database when it starts. `deliver` sends the messages of commits.

    `wake` has the facts of commits numbered.
    """
    # Outside of the errors, so that a browser may read refusals too.
    allowing = [cors(settings.cors_origins)] if settings.cors_origins else []
    tracers = [traced] if tracing.is_on() else []
    traffic, proxies = Traffic(), Proxies(settings.trusted_proxies)
    observed = observe(
        traffic, proxies, hsts_seconds=settings.hsts_seconds, has_access_log=settings.access_log
    )
    app = web.Application(
        middlewares=[observed, *tracers, *allowing, answer],
        client_max_size=MAX_BODY_BYTES,
    )
    app[SETTINGS] = settings
    app[SIGNER] = TokenSigner(
        settings.secret_keys,
        access_ttl_seconds=settings.access_ttl_seconds,
        refresh_ttl_seconds=settings.refresh_ttl_seconds,
    )
    app[SIGN_INS] = SignInCache(app[SIGNER])
    app[CACHE] = AnonymousCache(proxies)
    app[DOORS] = Doors(database_bounds.TIMEOUTS.turn_seconds)
    app[GATEWAYS] = build_gateways(settings)
    for gateway in by_name(app[GATEWAYS].values()):
        metrics.WEBHOOKS.of(gateway, "refused")  # known before there is one, so that its alert sees the first
    app[DOCUMENTS] = TypstDocumentRenderer(settings.font_dirs)
    app[STORAGE] = tracing.traced(build_storage(settings), "storage")
    app[docs.DESCRIPTION] = _describe()
    app[PROXIES] = proxies
    app[UPLOADS] = Uploads()
    app[JUDGING] = Turns(waiting=JUDGEMENTS_WAITING, seconds=database_bounds.TIMEOUTS.turn_seconds)
    app[LIMITER] = Limiter(settings) if settings.rate_limit else None
    app[health.READERS] = Readers(settings.metrics_token, settings.metrics_networks)
    app[TRAFFIC] = traffic
    app[UNSENT] = Unsent(settings.web_unsent_bytes)
    _add_routes(app)

    async def opened(app: web.Application) -> AsyncIterator[None]:
        # A failure to close one thing must not keep the others open.
        async with AsyncExitStack() as stack:
            database = await Database.open(
                settings.database_url,
                deliver=deliver,
                wake=wake,
                pool_size=settings.database_pool_size,
                name="eventhub web",
                timeouts=database_bounds.TIMEOUTS,
                public=database_bounds.PUBLIC,
                pooler=settings.database_pooler,
                slow_seconds=settings.slow_statement_seconds,
            )
            app[DATABASE] = database
            await payments.warn_of_absent_gateways(database, by_name(app[GATEWAYS].values()))
            for gateway in app[GATEWAYS].values():
                stack.push_async_callback(gateway.close)
            stack.push_async_callback(database.close)
            app[CHANGE_STREAMS] = ChangeStreams(database, max_streams=settings.web_connections // 2)
            client = redis_clients.async_client(settings.redis_url, timeout_seconds=REDIS_SECONDS)
            app[READINESS] = Readiness(database, app[STORAGE], client)
            stack.push_async_callback(app[READINESS].close)
            if (limiter := app[LIMITER]) is not None:
                stack.push_async_callback(limiter.close)
                await limiter.open()
            yield

    async def end_streams(app: web.Application) -> None:
        await app[CHANGE_STREAMS].close()

    app.cleanup_ctx.append(opened)
    app.on_shutdown.append(end_streams)
    return app
