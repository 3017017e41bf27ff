"""Which route answers a path: the table of paths finds what aiohttp's own router would."""

import pytest
from aiohttp.test_utils import make_mocked_request

from eventhub.settings import Settings
from eventhub.web.app import create_app
from eventhub.web.call import Route
from eventhub.web.http.paths import Paths
from eventhub.web.routes import ROUTES
from tests.api import Api

KNOWN = [route for route in ROUTES if Paths().can_have(route.path)]


async def test_each_path_is_answered_by_its_own_route(settings: Settings) -> None:
    router = create_app(settings, lambda _: None).router
    assert len(KNOWN) > 50
    for route in KNOWN:
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            asked = make_mocked_request(method, route.path.replace("{id}", "70"))
            found = await router.resolve(asked)
            assert found.http_exception is None, route
            assert found.route.resource is not None
            assert (found.route.method, found.route.resource.canonical) == (method, route.path)
            assert dict(found) == ({"id": "70"} if "{id}" in route.path else {})


def allowed(path: str) -> set[str]:
    methods = {route.method for route in ROUTES if route.path == path}
    return methods | ({"HEAD"} if "GET" in methods else set())


@pytest.mark.parametrize(
    "route", [route for route in KNOWN if route.method == "GET"], ids=lambda each: each.path
)
async def test_another_method_reads_which_there_are(api: Api, route: Route) -> None:
    answer = await api.anonymous.request("MKCOL", route.path.replace("{id}", "70"))
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(",")) == allowed(route.path)


@pytest.mark.parametrize(
    "path",
    [
        "/api/events/{id}/",
        "/api/events/%7Bid%7D/",
        "/api/events/-1/",
        "/api/events/1.0/",
        "/api/events/1%2F/",
        "/api/events/%EF%BC%91/",  # a digit, but not of ASCII
        "/api/events/1/2/",
        "/api/events//1/",
        "/api/events/1/statistics/2/",
        "/api/1/",
        "/api/events/mark_all_as_read/",
    ],
)
async def test_what_is_no_id_is_not_found(api: Api, path: str) -> None:
    assert (await api.anonymous.get(path)).status == 404


async def test_an_id_without_its_last_slash_is_sent_to_the_one_with_it(api: Api) -> None:
    answer = await api.client.get("/api/events/1?x=1", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (308, "/api/events/1/?x=1")
