"""A feature is its own files: its routes say all of themselves, and one line of `routes.py` joins them."""

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

from eventhub import web
from eventhub.services.locking import _EVENT_OF
from eventhub.web import app, routes
from eventhub.web.call import Call, Route
from eventhub.web.openapi.schemas import doc_of
from eventhub.web.routes import ROUTES

MODULES = [
    import_module(found.name)
    for found in pkgutil.iter_modules(web.__path__, "eventhub.web.")
    if not found.ispkg
]
FEATURES = [module for module in MODULES if hasattr(module, "ROUTES") and module not in {app, routes}]
# What changes something of an event, and locks its row neither itself nor in a service.
APART = {
    "POST /api/events/",
    "POST /api/events/{id}/copy/",
    "POST /api/events/{id}/quote/",
    "PATCH /api/bookings/{id}/",
    "POST /api/payments/",
    "POST /api/payments/webhook/{gateway}/",
    "POST /api/reviews/{id}/mark_helpful/",
    "POST /api/reviews/{id}/mark_unhelpful/",
}


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_the_routes_of_every_feature_are_joined() -> None:
    assert sorted(map(name, ROUTES)) == sorted(name(route) for module in FEATURES for route in module.ROUTES)
    assert len(set(map(name, ROUTES))) == len(ROUTES)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_handler_has_a_route_in_its_own_module(module: ModuleType) -> None:
    handlers = {
        made
        for made in vars(module).values()
        if inspect.iscoroutinefunction(made)
        and made.__module__ == module.__name__
        and not made.__name__.startswith("_")
        and [parameter.annotation for parameter in inspect.signature(made).parameters.values()] == [Call]
    }
    routed = {route.handler for route in module.ROUTES} if module in FEATURES else set()
    assert handlers == routed


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_route_says_all_of_itself(route: Route) -> None:
    assert route.tag
    assert route.summary
    assert doc_of(route.handler)
    assert set(route.refuses) <= {403, 404, 409, 410}
    assert route.refuses.get(409, ["a code"]), "the status alone says nothing of what is in the way"
    assert len(route.refuses.get(409, ())) == len(set(route.refuses.get(409, ())))
    for schema in filter(None, (route.body, route.returns)):
        assert "example" in vars(schema), f"{schema.__name__} shows another's example"
    if route.locks is not None:
        assert route.locks in {"event", *_EVENT_OF}
        assert route.method != "GET"
        assert "{id}" in route.path or (route.body and route.body().fields[route.locks].required)


def test_every_feature_has_one_tag() -> None:
    assert all(len({route.tag for route in module.ROUTES}) == 1 for module in FEATURES)


def test_what_changes_something_of_an_event_waits_for_its_turn_at_its_row() -> None:
    """A route that is new locks the event's row, and says so, or belongs to `APART`."""
    of_events = {"Events", "Sessions", "Bookings", "Waitlist", "Payments", "Reviews"}
    changing = [route for route in ROUTES if route.tag in of_events and route.method != "GET"]
    assert {name(route) for route in changing if route.locks is None} == APART
