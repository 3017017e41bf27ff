"""Answers, which no schema makes, have just the keys of the schemas that the route table promises, in their order."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from marshmallow import Schema, fields

from eventhub.schemas import bookings as booking_schemas
from eventhub.schemas import ticket_types as ticket_type_schemas
from eventhub.schemas import users as user_schemas
from eventhub.web.call import Route
from eventhub.web.routes import ROUTES
from tests.api import PASSWORD, Api, Person, event_details, in_days
from tests.conftest import MakeApi
from tests.rows import insert_notification, insert_review

# Those that need no money and no mailed token; tests/web/test_openapi.py holds all answers against their description.
SCOPE = tuple(
    f"/api/{name}"
    for name in "auth/token users events sessions bookings waitlist notifications reviews ticket_types promo_codes".split()
)
ANSWERING = [route for route in ROUTES if route.returns is not None and route.path.startswith(SCOPE)]
# Settings and totals in a profile are there for the user and admins alone, a type's counter for who may edit its event,
# what belongs to lines where a booking was made with them.
OPTIONAL: dict[type[Schema], list[str]] = {
    user_schemas.Profile: "newsletter_subscribed notifications_enabled total_events_attended total_spent".split(),
    ticket_type_schemas.TicketType: ["seats_held"],
    booking_schemas.Booking: ["items", "discount", "promo_code"],
    booking_schemas.CancelledBooking: ["items", "discount", "promo_code"],
}


def check_holds(schema: type[Schema], data: Any) -> None:
    """Assert that `data` has exactly the schema's keys in its order, and loads with it."""
    declared = list(schema().fields)
    optional = OPTIONAL.get(schema, [])
    allowed = [declared, [name for name in declared if name not in optional]]
    assert list(data) in allowed, schema.__name__
    assert schema().validate(data) == {}
    for name, field in schema().fields.items():
        match field:
            case fields.Nested() if name in data:
                check_holds(type(field.schema), data[name])
            case fields.List(inner=fields.Nested() as inner) if name in data:
                for item in data[name]:
                    check_holds(type(inner.schema), item)


# What each route is asked, where its path and no body do not do: (path, body).
ASKED: dict[str, tuple[str, object]] = {
    "POST /api/auth/token/": ("/api/auth/token/", {"username": "asker", "password": PASSWORD}),
    "POST /api/users/": (
        "/api/users/",
        {"username": "new", "email": "new@example.com", "password": PASSWORD},
    ),
    "POST /api/events/": ("/api/events/", event_details()),
    "PUT /api/events/{id}/": ("/api/events/1/", event_details()),
    "POST /api/events/{id}/hand_over/": ("/api/events/4/hand_over/", {"organizer": 3}),
    "POST /api/events/{id}/copy/": ("/api/events/2/copy/", {"starts": [in_days(20)]}),
    "POST /api/events/{id}/publish/": ("/api/events/2/publish/", None),
    "POST /api/events/{id}/cancel/": ("/api/events/2/cancel/", None),
    "POST /api/events/{id}/complete/": ("/api/events/3/complete/", None),
    "POST /api/sessions/": (
        "/api/sessions/",
        {"event": 1, "title": "Talk", "start_time": in_days(1), "end_time": in_days(2)},
    ),
    "PUT /api/sessions/{id}/": (
        "/api/sessions/1/",
        {"event": 1, "title": "Talk", "start_time": in_days(1), "end_time": in_days(2)},
    ),
    "POST /api/events/{id}/ticket_types/": ("/api/events/1/ticket_types/", {"name": "New"}),
    "POST /api/events/{id}/promo_codes/": ("/api/events/1/promo_codes/", {"code": "NEW", "kind": "free"}),
    "POST /api/events/{id}/promo_codes/batch/": (
        "/api/events/1/promo_codes/batch/",
        {"count": 2, "kind": "free"},
    ),
    "POST /api/events/{id}/quote/": ("/api/events/6/quote/", {}),
    "POST /api/bookings/": ("/api/bookings/", {"event": 4}),
    "POST /api/reviews/": ("/api/reviews/", {"event": 6, "rating": 5, "title": "T", "review": "R"}),
    "PUT /api/reviews/{id}/": ("/api/reviews/1/", {"rating": 5, "title": "T", "review": "R"}),
    "POST /api/reviews/{id}/mark_helpful/": ("/api/reviews/2/mark_helpful/", None),
    "POST /api/reviews/{id}/mark_unhelpful/": ("/api/reviews/2/mark_unhelpful/", None),
    "POST /api/waitlist/": ("/api/waitlist/", {"event": 5}),
    "POST /api/bookings/{id}/no_show/": ("/api/bookings/2/no_show/", None),
    "POST /api/bookings/{id}/attended/": ("/api/bookings/2/attended/", None),
    "POST /api/bookings/{id}/cancel/": ("/api/bookings/1/cancel/", None),
}


@pytest.fixture
async def world(make_api: MakeApi) -> Api:
    """An admin (1) with events 1 (booked, reviewed twice, waited for), 2 (draft), 3 (started), 4 and 5; event 6 is another's."""
    api = await make_api(security_contact="mailto:security@example.com")
    admin = await api.person("admin", username="asker")
    for publish in (True, False, True, True, True):
        await admin.create_event(publish=publish, max_attendees=5, price="5.00")
    for event_id in (1, 3):
        await admin.post("/api/bookings/", {"event": event_id})
        await admin.post(f"/api/bookings/{1 if event_id == 1 else 2}/confirm/")
    await admin.post(
        "/api/sessions/",
        {"event": 1, "title": "T", "start_time": in_days(1), "end_time": in_days(2), "speaker": 1},
    )
    await admin.post("/api/events/1/ticket_types/", {"name": "Student"})
    await admin.post(
        "/api/events/1/promo_codes/", {"code": "FRIENDS", "kind": "free", "ticket_types": [None, 1]}
    )
    await api.database.execute(
        "UPDATE events SET start_date = now() - interval '1 hour', registration_deadline = now() - interval '1 hour' "
        "WHERE id = 3"
    )
    await api.database.execute("UPDATE events SET seats_held = max_attendees WHERE id IN (1, 5)")
    await (await api.person()).post("/api/waitlist/", {"event": 1})
    await admin.post("/api/waitlist/", {"event": 5})
    await admin.post("/api/waitlist/1/leave/")
    await insert_review(api.database, 1, admin.id, helpful_count=1, unhelpful_count=2)
    other = await api.person("organizer")
    await other.create_event()
    await insert_review(api.database, 1, other.id)
    await insert_notification(api.database, admin.id, "a", event_id=1)
    return api


async def walk(world: Api, admin: Person) -> AsyncIterator[tuple[Route, str, object]]:
    """Yield each route with a path and a body that it takes, those that end things last."""
    asked_last = {
        "POST /api/events/{id}/cancel/",
        "POST /api/bookings/{id}/cancel/",
        "POST /api/bookings/{id}/no_show/",
    }
    by_name = {f"{route.method} {route.path}": route for route in ANSWERING}
    for name in sorted(by_name, key=lambda name: (name in asked_last, name.startswith("POST /api/waitlist"))):
        route = by_name[name]
        path, body = ASKED.get(name, (route.path.replace("{id}", "1"), {} if route.body else None))
        if path == "/api/waitlist/" and route.method == "POST":
            await world.database.execute("UPDATE waitlist_entries SET status = 'left' WHERE user_id = 1")
        if path == "/api/waitlist/1/":
            path = "/api/waitlist/2/"
        if path == "/api/auth/token/refresh/":
            body = {"refresh": admin.refresh}
        yield route, path, body


async def test_answers_hold_against_their_schemas_key_by_key(world: Api) -> None:
    admin = await world.sign_in("asker")
    async for route, path, body in walk(world, admin):
        answer = await admin.request(route.method, path, body)
        assert answer.status == route.status, (path, answer.data)
        check_answer(route, answer.data)


def check_answer(route: Route, data: Any) -> None:
    assert route.returns is not None
    if route.listing is None and not route.is_array:
        check_holds(route.returns, data)
        return
    assert isinstance(data, list)
    assert data, route.path
    for item in data:
        check_holds(route.returns, item)


async def test_public_answers_hold_for_everybody(world: Api) -> None:
    stranger = await world.person()
    for reader in (world.anonymous, stranger):
        for route in ANSWERING:
            if route.is_public and route.method == "GET":
                answer = await reader.get(route.path.replace("{id}", "1"))
                assert answer.status == 200
                check_answer(route, answer.data)
    (attendee,) = (await world.anonymous.get("/api/events/1/attendees/")).data
    assert booking_schemas.Attendee().validate(attendee) == {}
