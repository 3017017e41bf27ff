"""Bad input of every kind in every field of every body: 400 that names the field, and nothing changed."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import orjson
import pytest
from marshmallow import Schema, fields, validate

from eventhub.errors import Invalid
from eventhub.schemas import base
from eventhub.web.call import Route
from eventhub.web.http.bodies import load
from eventhub.web.routes import ROUTES
from tests.api import PASSWORD, Api, Person, event_details, in_days
from tests.rows import insert_event, insert_review

WITH_BODY = [route for route in ROUTES if route.body is not None]


class Raw(NamedTuple):
    """A JSON text as it stands, for what no value of Python becomes."""

    text: str


# No field of any body takes these.
NEVER: list[object] = [
    [],
    {},
    ["x"],
    {"a": 1},
    "a\0b",
    Raw("NaN"),
    Raw("-Infinity"),
    Raw('"\\ud800"'),
    Raw("1e999"),
]
NOT_TEXT: list[object] = [None, 1, 1.5, True, *NEVER]
NOT_A_NUMBER: list[object] = [None, True, "", "1", "x", 1.5, -1, 0, 10**20, 10**400, 2**63, *NEVER]
NOT_A_TIME: list[object] = [
    None,
    True,
    0,
    1767225600,
    "",
    "x",
    "now",
    "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00+25:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00",
    "0001-01-01T00:00:00.0000000+00:00",
    "1999-12-31T23:59:59.999999Z",
    "2000-01-01T00:30:00+01:00",
    "2200-12-31T23:30:00-01:00",
    "2201-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59.9999999",
    "9999-12-31T23:59:59.999999999Z",
    "2026-12-27",
    "20261227",
    "2026-W01-1",
    "2026-w01-1",
    "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "2026-01-01T00:00:00 02:00",
    "٢٠٢٦-01-01T00:00:00Z",
    *NEVER,
]
NOT_MONEY: list[object] = [
    None,
    True,
    "",
    "x",
    "-0.01",
    -1,
    "1.001",
    0.001,
    "100000000.00",
    1e300,
    10**30,
    "NaN",
    "Infinity",
    "1,00",
    "$1",
    "1_000",
    "\uff11",
    "0x1",
    "1e-9999999999999999999",
    "9" * 100,
    *NEVER,
]
NOT_A_FLAG: list[object] = [None, 0, 1, "", "true", "false", "yes", 1.0, *NEVER]
NOT_A_URL: list[object] = [
    "x",
    "example.com",
    "javascript:alert(1)",
    "ftp://example.com/",
    "//example.com",
    "http://",
    "https://exa mple.com",
    "https://example.com/" + "x" * 500,
    *NOT_TEXT,
]


def bad_values(field: fields.Field[Any]) -> list[object]:
    """Return values that a field of this kind must refuse."""
    bad = _bad_lists(field) if isinstance(field, fields.List) else _bad_of_kind(field)
    if isinstance(field, base.Name) and field.required:
        bad = [*bad, "", "  "]
    return [value for value in bad if not (value is None and field.allow_none)]


def _bad_of_kind(field: fields.Field[Any]) -> list[object]:
    match field:
        case base.WebAddress():
            bad = NOT_A_URL
        case base.Text():
            bad = [*NOT_TEXT, "x" * (_longest(field) + 1)]
        case base.Money():
            bad = [value for value in NOT_MONEY if value != "100000000.00" or field.maximum < 10**8]
        case base.Moment():
            bad = NOT_A_TIME
        case base.Flag():
            bad = NOT_A_FLAG
        case base.PictureUpload():
            bad = []  # all but null and a file is ignored, as the URL that was sent out
        case base.Whole():
            bad = [value for value in NOT_A_NUMBER if value != 0 or _least(field) > 0]
        case fields.Nested():
            assert isinstance(field.schema, base.Base)
            good = field.schema.example
            bad = [*NOT_TEXT, *(Raw(body) for _, _, body in bodies(good, field.schema))]
        case fields.String():
            bad = ["", "nonsense", "x" * 300, *NOT_TEXT]
        case _:
            raise AssertionError(f"no bad values are known for {field!r}")
    return bad


def _bad_lists(field: fields.List[Any]) -> list[object]:
    items = [Raw(f"[{_text(item)}]") for item in bad_values(field.inner)]
    is_bounded = any(isinstance(check, validate.Length) and check.min for check in field.validators)
    return [None, True, 1, "x", {}, {"a": 1}, Raw("NaN"), *items, *([[]] if is_bounded else [])]


def _least(field: base.Whole) -> int:
    return min(int(check.min) for check in field.validators)  # type: ignore[attr-defined]


def _longest(field: fields.Field[Any]) -> int:
    return min(int(check.max) for check in field.validators if getattr(check, "max", None))  # type: ignore[attr-defined]


def bodies(good: Mapping[str, object], schema: Schema) -> Iterator[tuple[str, object, str]]:
    """Yield (field, bad value, body), each body good but for that one field."""
    for name, field in schema.fields.items():
        for bad in bad_values(field):
            text = _text(bad)
            rest = "".join(f", {_json(key)}: {_json(value)}" for key, value in good.items() if key != name)
            yield name, bad, f"{{{_json(name)}: {text}{rest}}}"


def _text(value: object) -> str:
    return value.text if isinstance(value, Raw) else _json(value)


def _json(value: object) -> str:
    return (
        str(value) if isinstance(value, int) and not isinstance(value, bool) else orjson.dumps(value).decode()
    )


@pytest.fixture
async def world(api: Api) -> "World":
    """An admin who has an event, a session, a booking and a review, all with id 1, and a good body for each schema."""
    admin = await api.person("admin")
    await insert_event(api.database, admin.id)
    await admin.post("/api/sessions/", session_details())
    await admin.post("/api/events/1/ticket_types/", {"name": "Student"})
    await admin.post("/api/events/1/promo_codes/", promo_code_details())
    await admin.book({"id": 1})
    await insert_event(api.database, admin.id)
    await api.person()
    organizer = await api.person("organizer")
    for _ in range(2):
        await insert_event(api.database, organizer.id)
    await insert_review(api.database, 3, admin.id)
    return World(api, admin)


def session_details() -> dict[str, object]:
    return {"event": 1, "title": "Talk", "start_time": in_days(1), "end_time": in_days(2), "speaker": 1}


def ticket_type_details() -> dict[str, object]:
    return {"name": f"Type {next(_numbers)}", "sales_start": in_days(1), "sales_end": in_days(2)}


def promo_code_details() -> dict[str, object]:
    return {"code": f"CODE-{next(_numbers)}", "kind": "percent", "value": "20.00"}


_numbers = count(1)


REVIEW: dict[str, object] = {"rating": 5, "title": "Good", "review": "Very good"}

GOOD: Mapping[str, Callable[[Person], dict[str, object]]] = {
    "TokenRequest": lambda admin: {"username": admin.user["username"], "password": PASSWORD},
    "RefreshRequest": lambda admin: {"refresh": admin.refresh},
    "PasswordChange": lambda _: {"old_password": PASSWORD, "new_password": "another-good-password-2"},
    "PasswordResetRequest": lambda _: {"email": "nobody@example.com"},
    "PasswordReset": lambda _: {"token": "1-x", "new_password": "another-good-password-2"},
    "MailedToken": lambda _: {"token": "1-x"},
    "Registration": lambda _: {
        "username": "newuser",
        "email": "newuser@example.com",
        "password": PASSWORD,
        "password_confirm": PASSWORD,
    },
    "AccountChanges": lambda _: {"current_password": PASSWORD},
    "EventDetails": lambda _: event_details(),
    "SessionDetails": lambda _: session_details(),
    "SessionChanges": lambda _: session_details(),
    "TicketTypeDetails": lambda _: ticket_type_details(),
    "PromoCodeDetails": lambda _: promo_code_details(),
    "PromoCodeBatch": lambda _: {"count": 2, "kind": "percent", "value": "20.00"},
    "BookingRequest": lambda _: {"event": 2, "number_of_tickets": 1},
    "QuoteRequest": lambda _: {"number_of_tickets": 1},
    "WaitlistRequest": lambda _: {"event": 2},
    "EventCopies": lambda _: {"starts": [in_days(20)]},
    "HandOver": lambda _: {"organizer": 3},
    "PaymentRequest": lambda _: {"booking": 1},
    "NewReview": lambda _: {"event": 4, **REVIEW},
    "ReviewChanges": lambda _: REVIEW,
}


class World:
    """The application with something in it."""

    def __init__(self, api: Api, admin: Person) -> None:
        self.api = api
        self.admin = admin

    def good(self, route: Route) -> dict[str, object]:
        assert route.body is not None
        make = GOOD.get(route.body.__name__)
        return make(self.admin) if make else {}

    async def send(self, route: Route, body: str) -> tuple[int, Any]:
        who = self.api.anonymous if route.is_public and route.method == "POST" else self.admin
        path = route.path.replace("{id}", "2" if route.path == "/api/users/{id}/" else "1")
        answer = await who.request(
            route.method, path, data=body.encode(), headers={"Content-Type": "application/json"}
        )
        return answer.status, answer.data

    async def state(self) -> list[Any]:
        """Return all that a request could have changed."""
        tables = (
            "users profiles events sessions ticket_types promo_codes bookings waitlist_entries payments reviews notifications jobs "
            "sign_ins".split()
        )
        return [
            await self.api.database.fetch_value(
                f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
            )
            for table in tables
        ]


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: f"{route.method} {route.path}")
async def test_every_bad_value_is_refused_by_name_and_changes_nothing(world: World, route: Route) -> None:
    assert route.body is not None
    good = world.good(route)
    before = await world.state()
    wrong = []
    for name, bad, body in bodies(good, route.body()):
        status, data = await world.send(route, body)
        if status == 401 and name == "refresh" and isinstance(bad, str):
            continue  # any text may be tried as a token
        named = set(data.get("errors", ())) if isinstance(data, dict) else set()
        if status != 400 or not named & {name, "body"}:
            wrong.append((name, str(bad)[:60], status, str(data)[:200]))
    assert wrong == []
    assert await world.state() == before


GOOD_VALUES: Mapping[tuple[str, str], list[object]] = {
    ("EventDetails", "title"): ["x", "x" * 200, "名前 🎉", "  padded  ", "' OR 1=1 --", "<script>"],
    ("EventDetails", "description"): ["", "x" * 20_000, "a\r\n\tb", "\u202eabc"],
    ("EventDetails", "category"): [*"workshop webinar conference masterclass meetup training".split()],
    ("EventDetails", "price"): [
        0,
        1,
        29.99,
        "29.99",
        "29.9",
        "0",
        "1.10",
        "99999999.99",
        99999999.99,
        1.000,
    ],
    ("EventDetails", "max_attendees"): [1, 1_000_000],
    ("EventDetails", "online_url"): [
        "",
        "https://zoom.us/...",
        "http://localhost:8000/x",
        "https://bücher.example/ä?x=y#z",
    ],
    ("EventDetails", "end_date"): [
        "2200-12-31T23:59:59Z",
        "2200-12-31T23:59:59.9999999Z",
        "2200-12-31T23:59:59.999999999z",
        "2199-01-01t00:00:00+14:00",
        "2199-01-01T00:00:00.123456",
        "21990101T000000Z",
    ],
    ("EventSettings", "timezone"): ["UTC", "europe/berlin", "America/Argentina/ComodRivadavia"],
    ("EventSettings", "standard_ticket"): ["x", "x" * 100, "名前 🎉", "  padded  "],
    ("EventSettings", "organizer_news"): ["none", "daily", "each"],
    ("EventCopies", "starts"): [["2001-01-01T00:00:00Z"], ["2199-01-01t00:00:00+14:00"] * 50],
    ("EventCopies", "title"): ["x", "x" * 200],
    ("SessionDetails", "start_time"): ["2000-01-01T00:00:00Z", "2000-01-01 00:00"],
    ("SessionDetails", "speaker"): [None, 1],
    ("TicketTypeDetails", "name"): ["x", "x" * 100, "名前 🎉", "' OR 1=1 --"],
    ("TicketTypeDetails", "description"): ["", "x" * 2_000],
    ("TicketTypeDetails", "price"): [0, "0.00", "29.99", 99999999.99],
    ("TicketTypeDetails", "capacity"): [None, 1, 1_000_000],
    ("TicketTypeDetails", "sales_start"): [None, "2000-01-01T00:00:00Z"],
    ("TicketTypeDetails", "sales_end"): [None, "2200-12-31T23:59:59Z"],
    ("TicketTypeDetails", "min_per_booking"): [1, 100],
    ("TicketTypeDetails", "max_per_booking"): [1, 100],
    ("TicketTypeDetails", "position"): [0, 1_000],
    ("PromoCodeDetails", "code"): ["abc", "x" * 40, "A-b_9", " padded "],
    ("PromoCodeDetails", "value"): ["0.01", 100, "100.00", 33.33],
    ("PromoCodeDetails", "ticket_types"): [[], [None], [1, None], [1, 1, 1], [None] * 51],
    ("PromoCodeDetails", "max_uses"): [None, 1, 1_000_000],
    ("PromoCodeDetails", "max_per_booking"): [None, 1, 100],
    ("PromoCodeDetails", "valid_from"): [None, "2000-01-01T00:00:00Z"],
    ("PromoCodeDetails", "valid_until"): [None, "2200-12-31T23:59:59Z"],
    ("PromoCodeDetails", "is_active"): [True, False],
    ("PromoCodeDetails", "comment"): ["", "x" * 200, "名前 🎉", "' OR 1=1 --"],
    ("PromoCodeBatch", "count"): [1, 1_000],
    ("PromoCodeBatch", "prefix"): ["", "-", "x" * 20],
    ("BookingRequest", "number_of_tickets"): [1],
    ("QuoteRequest", "number_of_tickets"): [1, 40],
    ("QuoteRequest", "items"): [
        None,
        [{"ticket_type": None, "quantity": 1}],
        [{"ticket_type": 1, "quantity": 1}],
        [{"ticket_type": None, "quantity": 1, "unit_price": "0.00", "attendees": [], "discount": "x"}],
        [{"ticket_type": None, "quantity": 1, "attendees": [{"name": "x" * 400, "email": None}]}],
    ],
    ("QuoteRequest", "promo_code"): [None, "", "  "],
    ("QuoteRequest", "expected_total"): [None, 0, "0.00"],
    ("AccountChanges", "phone"): ["", "+1234567890", "x" * 40],
    ("AccountChanges", "bio"): ["", "x" * 20_000],
    ("AccountChanges", "website"): ["", "https://johndoe.com"],
    ("AccountChanges", "email"): ["new@example.com", "a.b+c@sub.example.org"],
    ("ProfileChanges", "newsletter_subscribed"): [True, False],
}


async def test_good_values_at_the_bounds_are_taken(world: World) -> None:
    for (schema, name), values in GOOD_VALUES.items():
        route = next(route for route in WITH_BODY if route.body is not None and route.body.__name__ == schema)
        for value in values:
            body = {**world.good(route), name: value}
            status, data = await world.send(route, _json(body))
            assert status in {200, 201}, (name, value, data)


async def test_unknown_and_read_only_keys_are_ignored(world: World) -> None:
    extra = {
        "id": 77,
        "created_at": [],
        "nonsense": {"a": None},
        "": 1,
        "organizer": 2,
        "user": 2,
        "status": "x",
    }
    for route in WITH_BODY:
        if route.path in {"/api/auth/logout/", "/api/auth/password/change/", "/api/waitlist/"}:
            continue  # two end the sign-in, one follows a booking
        if route.path in {"/api/auth/password/reset/confirm/", "/api/auth/email/verify/"}:
            continue  # there is no token
        body = {**extra, **world.good(route)}
        status, data = await world.send(route, _json(body))
        assert status in {200, 201}, (route.path, data)
        if route.path != "/api/auth/token/":
            made = data[0] if isinstance(data, list) else data
            assert "77" not in str(made.get("id", "")), route.path


async def test_what_a_required_field_lacks_is_named(world: World) -> None:
    for route in WITH_BODY:
        assert route.body is not None
        if route.is_partial:
            continue
        good = world.good(route)
        for name, field in route.body().fields.items():
            if not field.required:
                continue
            body = {key: value for key, value in good.items() if key != name}
            status, data = await world.send(route, _json(body))
            assert status == 400, (route.path, name)
            assert list(data["errors"]) == [name]


async def test_a_refusal_names_all_that_is_wrong(api: Api) -> None:
    organizer = await api.person("organizer")
    answer = await organizer.post("/api/events/", event_details(title="", price="29.999", max_attendees=0))
    assert answer.status == 400
    assert answer.data["detail"] == "Invalid input: title, max_attendees, price."
    assert answer.data["errors"]["max_attendees"] == ["Must be a whole number from 1 to 1000000."]
    nul = await organizer.post("/api/events/", event_details(title="a\0b"))
    assert nul.data["errors"] == {"title": ["Must not hold NUL characters."]}
    booking = await organizer.post("/api/bookings/", {"event": 0})
    assert booking.data["errors"] == {"event": ["Must be an id: a whole number from 1."]}


def test_lists_in_bodies_have_bounds() -> None:
    """Items of one without them would all be looked at, and a body has room for hundreds of thousands."""
    schemas: list[Schema] = [route.body() for route in WITH_BODY if route.body]
    arrays = 0
    while schemas:
        for field in schemas.pop().fields.values():
            inner = field.inner if isinstance(field, fields.List) else field
            assert isinstance(field, base.Array) or inner is field, field
            arrays += inner is not field
            if isinstance(inner, fields.Nested):
                schemas.append(inner.schema)
    assert arrays


def test_what_is_wrong_in_a_list_is_said_of_its_place() -> None:
    class Line(Schema):
        quantity = base.Whole(1, 100)

    class Order(Schema):
        ids = fields.List(base.Id())
        lines = fields.List(fields.Nested(Line))

    with pytest.raises(Invalid) as refused:
        load(Order, {"ids": [1, 0], "lines": [{}, {"quantity": 0}]})
    assert refused.value.errors == {
        "ids": ["Item 2: Must be an id: a whole number from 1."],
        "lines": ["Item 2, quantity: Must be a whole number from 1 to 100."],
    }


async def test_what_is_made_was_not_edited_yet(api: Api) -> None:
    organizer = await api.person("organizer")
    event = await organizer.create_event(publish=False)
    session = {"event": event["id"], "title": "Talk", "start_time": in_days(10), "end_time": in_days(11)}
    for made in (event, (await organizer.post("/api/sessions/", session)).data):
        assert made["created_at"] == made["updated_at"]
