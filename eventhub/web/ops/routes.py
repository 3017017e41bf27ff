"""The paths of the ops page. None is in the API's description, and none answers other origins."""

from aiohttp import web

from eventhub.errors import NotFound
from eventhub.web.ops import acts, pages, render, sign_in
from eventhub.web.ops.figures import FIGURES, Figures
from eventhub.web.ops.visit import SIGN_IN, Page, for_admins, in_html
from eventhub.web.rate_limits import limits

_ID = "{id:[0-9]+}"
_READ: dict[str, Page] = {
    "/ops/": pages.home,
    "/ops/failed/": pages.failed,
    "/ops/failed/{kind:[a-z_]+}/retry/": acts.ask_to_retry_all,
    f"/ops/jobs/{_ID}/": pages.job,
    f"/ops/jobs/{_ID}/retry/": acts.ask_to_retry,
    f"/ops/jobs/{_ID}/discard/": acts.ask_to_discard,
    f"/ops/bookings/{_ID}/": pages.booking,
    "/ops/waiting/": pages.waiting,
    "/ops/acts/": pages.acts,
    "/ops/search/": pages.find,
}
_DO: dict[str, Page] = {
    "/ops/failed/{kind:[a-z_]+}/retry/": acts.retry_all,
    f"/ops/jobs/{_ID}/retry/": acts.retry,
    f"/ops/jobs/{_ID}/discard/": acts.discard,
    "/ops/sign-out/": sign_in.sign_out,
}


def add_routes(app: web.Application) -> None:
    """Let the application answer them."""
    app[FIGURES] = Figures()
    app.router.add_get("/ops/assets/{mark}/{name}", _asset)
    app.router.add_get(SIGN_IN, in_html(sign_in.form))
    app.router.add_post(SIGN_IN, in_html(sign_in.sign_in))
    for path, show in _READ.items():
        app.router.add_get(path, for_admins(show))
    for path, act in _DO.items():
        app.router.add_post(path, for_admins(act))


async def _asset(request: web.Request) -> web.StreamResponse:
    limits.count_read(request)
    found = render.asset(request.match_info["name"], request.match_info["mark"])
    if found is None:
        raise NotFound
    return found
