"""Who gets what: every route for every role, in one table, and nothing told about what one may not see."""

import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
import pytest

from eventhub.models.users import TokenPurpose
from eventhub.services import accounts, passwords
from eventhub.services.keys import Purpose, signing_key
from eventhub.web.call import SIGNER, Route
from eventhub.web.routes import ROUTES
from tests.api import PASSWORD, Answer, Api, Person, event_details, in_days
from tests.conftest import _EMPTY
from tests.routes import find_route

# The columns of the table. Person 1 owns the booking, payment, review …; 2 organizes the events; 4 other events.
ROLES = ("anonymous", "stranger", "owner", "organizer", "rival", "admin", "deactivated")
IDS = {"owner": 1, "organizer": 2, "stranger": 3, "rival": 4, "admin": 5, "deactivated": 6}
TYPES = {"organizer": "organizer", "rival": "organizer", "admin": "admin"}
PDF = f"certificates/{'c' * 32}.pdf"
ABSENT = 999_999

Body = dict[str, Any] | None


class Case(NamedTuple):
    """A request and what each role of ROLES gets for it."""

    method: str
    path: str
    statuses: str
    body: Body = None

    def expected(self, role: str) -> int:
        return int(self.statuses.split()[ROLES.index(role)])


EVENT = event_details()
SESSION = {"title": "Talk", "start_time": in_days(10), "end_time": in_days(10.05)}
CODE = {"code": "NEW", "kind": "free"}
REVIEW = {"rating": 4, "title": "Good", "review": "Very good"}
REGISTRATION = {"username": "new", "email": "new@example.com", "password": PASSWORD}

#        anonymous, stranger, owner, organizer, rival, admin, deactivated
ANYONE = "200 200 200 200 200 200 401"
PROBE = "200 200 200 200 200 200 200"  # nobody signs in there
SIGNED_IN = "401 200 200 200 200 200 401"
OWNER = "401 404 200 404 404 404 401"
OWNER_AND_ORGANIZER = "401 404 200 200 404 200 401"
ORGANIZER = "401 403 403 200 403 200 401"
ORGANIZER_OF_DRAFT = "401 404 404 200 404 200 401"

CASES = [
    # Authentication
    Case("POST", "/api/auth/token/", ANYONE, {"username": "owner", "password": PASSWORD}),
    Case("POST", "/api/auth/token/", "401 401 401 401 401 401 401", {"username": "deactivated", "password": PASSWORD}),
    Case("POST", "/api/auth/token/refresh/", ANYONE, {"refresh": "{refresh}"}),
    Case("POST", "/api/auth/token/refresh/", "401 401 401 401 401 401 401", {"refresh": "{refresh_deactivated}"}),
    Case("POST", "/api/auth/token/refresh/", "401 401 401 401 401 401 401", {"refresh": "{access}"}),
    Case("POST", "/api/auth/logout/", "204 204 204 204 204 204 401", {"refresh": "{refresh}"}),
    Case("GET", "/api/auth/sign_ins/", SIGNED_IN),
    Case("DELETE", "/api/auth/sign_ins/", "401 204 204 204 204 204 401"),
    Case("DELETE", "/api/auth/sign_ins/1/", "401 404 204 404 404 404 401"),
    Case("POST", "/api/auth/password/change/", SIGNED_IN, {"old_password": PASSWORD, "new_password": "another-good-1"}),
    Case("POST", "/api/auth/password/change/", "401 400 400 400 400 400 401", {"old_password": "wrong", "new_password": "another-good-1"}),
    Case("POST", "/api/auth/password/reset/", ANYONE, {"email": "owner@example.com"}),
    Case("POST", "/api/auth/password/reset/confirm/", ANYONE, {"token": "{reset}", "new_password": "another-good-1"}),
    Case("POST", "/api/auth/password/reset/confirm/", "400 400 400 400 400 400 401", {"token": "{verify}", "new_password": "another-good-1"}),
    Case("POST", "/api/auth/email/verify/", ANYONE, {"token": "{verify}"}),
    Case("POST", "/api/auth/email/verify/", "400 400 400 400 400 400 401", {"token": "{reset}"}),
    Case("POST", "/api/auth/email/verify/resend/", SIGNED_IN),
    # Users
    Case("GET", "/api/users/", ANYONE),
    Case("POST", "/api/users/", "201 201 201 201 201 201 401", REGISTRATION),
    Case("POST", "/api/users/", "403 403 403 403 403 403 401", {**REGISTRATION, "user_type": "admin"}),
    Case("GET", "/api/users/me/", SIGNED_IN),
    Case("PUT", "/api/users/me/", SIGNED_IN, {"bio": "Hello"}),
    Case("PATCH", "/api/users/me/", SIGNED_IN, {"bio": "Hello"}),
    Case("GET", "/api/users/update_profile/", SIGNED_IN),
    Case("PUT", "/api/users/update_profile/", SIGNED_IN, {"github": "https://github.com/x"}),
    Case("PATCH", "/api/users/update_profile/", SIGNED_IN, {"github": "https://github.com/x"}),
    Case("GET", "/api/users/1/", ANYONE),
    Case("GET", "/api/users/6/", "404 404 404 404 404 200 401"),
    Case("PATCH", "/api/users/1/", "401 403 403 403 403 200 401", {"is_verified": True}),
    Case("PATCH", "/api/users/5/", "401 403 403 403 403 409 401", {"user_type": "attendee"}),
    Case("PATCH", "/api/users/5/", "401 403 403 403 403 409 401", {"is_active": False}),
    Case("PATCH", "/api/users/5/", "401 403 403 403 403 200 401", {"user_type": "admin", "is_active": True}),
    Case("PATCH", "/api/users/me/", "401 400 400 400 400 400 401", {"email": "new@example.com"}),
    Case("PATCH", "/api/users/me/", SIGNED_IN, {"email": "new@example.com", "current_password": PASSWORD}),
    Case("PATCH", "/api/users/6/", "401 404 404 404 404 200 401", {"is_active": True}),
    Case("GET", "/api/users/2/events_organized/", SIGNED_IN),
    Case("GET", "/api/users/6/events_organized/", "401 404 404 404 404 200 401"),
    Case("GET", "/api/users/1/reviews/", SIGNED_IN),
    Case("GET", "/api/users/6/reviews/", "401 404 404 404 404 200 401"),
    # Events: 1 has bookings, 2 is a draft, 3 has started, 4 is free, 5 has a line, 6 is empty
    Case("GET", "/api/events/", ANYONE),
    Case("POST", "/api/events/", "401 403 403 201 201 201 401", EVENT),
    Case("GET", "/api/events/1/", ANYONE),
    Case("GET", "/api/events/2/", "404 404 404 200 404 200 401"),
    Case("PUT", "/api/events/1/", ORGANIZER, EVENT),
    Case("PUT", "/api/events/2/", ORGANIZER_OF_DRAFT, EVENT),
    Case("PATCH", "/api/events/1/", ORGANIZER, {"title": "New"}),
    Case("PATCH", "/api/events/2/", ORGANIZER_OF_DRAFT, {"title": "New"}),
    Case("DELETE", "/api/events/1/", "401 403 403 409 403 409 401"),
    Case("DELETE", "/api/events/2/", "401 404 404 409 404 409 401"),
    Case("DELETE", "/api/events/7/", "401 404 404 204 404 204 401"),
    Case("DELETE", "/api/events/6/", "401 403 403 204 403 204 401"),
    Case("POST", "/api/events/1/publish/", "401 403 403 409 403 409 401"),
    Case("POST", "/api/events/2/publish/", ORGANIZER_OF_DRAFT),
    Case("POST", "/api/events/1/cancel/", ORGANIZER),
    Case("POST", "/api/events/2/cancel/", ORGANIZER_OF_DRAFT),
    Case("POST", "/api/events/3/complete/", ORGANIZER),
    Case("POST", "/api/events/2/complete/", "401 404 404 409 404 409 401"),
    Case("POST", "/api/events/1/hand_over/", "401 403 403 403 403 200 401", {"organizer": 4}),
    Case("POST", "/api/events/2/hand_over/", "401 404 404 403 404 200 401", {"organizer": 4}),
    Case("GET", "/api/events/1/settings/", ORGANIZER),
    Case("GET", "/api/events/2/settings/", ORGANIZER_OF_DRAFT),
    Case("PATCH", "/api/events/1/settings/", ORGANIZER, {"timezone": "Europe/Berlin"}),
    Case("PATCH", "/api/events/2/settings/", ORGANIZER_OF_DRAFT, {"timezone": "Europe/Berlin"}),
    Case("POST", "/api/events/1/copy/", "401 403 403 201 403 201 401", {"starts": [in_days(20)]}),
    Case("POST", "/api/events/2/copy/", "401 404 404 201 404 201 401", {"starts": [in_days(20)]}),
    Case("GET", "/api/events/1/attendees/", ANYONE),
    Case("GET", "/api/events/2/attendees/", "404 404 404 200 404 200 401"),
    Case("GET", "/api/events/1/statistics/", ANYONE),
    Case("GET", "/api/events/2/statistics/", "404 404 404 200 404 200 401"),
    # Sessions: 1 is of event 1, 2 of the draft
    Case("GET", "/api/sessions/", ANYONE),
    Case("POST", "/api/sessions/", "401 403 403 201 403 201 401", {**SESSION, "event": 1}),
    Case("POST", "/api/sessions/", "401 400 400 201 400 201 401", {**SESSION, "event": 2}),
    Case("GET", "/api/sessions/1/", ANYONE),
    Case("GET", "/api/sessions/2/", "404 404 404 200 404 200 401"),
    Case("PUT", "/api/sessions/1/", ORGANIZER, {**SESSION, "event": 1}),
    Case("PUT", "/api/sessions/2/", ORGANIZER_OF_DRAFT, {**SESSION, "event": 2}),
    Case("PATCH", "/api/sessions/1/", ORGANIZER, {"title": "New"}),
    Case("PATCH", "/api/sessions/2/", ORGANIZER_OF_DRAFT, {"title": "New"}),
    Case("DELETE", "/api/sessions/1/", "401 403 403 204 403 204 401"),
    Case("DELETE", "/api/sessions/2/", "401 404 404 204 404 204 401"),
    # Ticket types: 1 is of event 1, 2 of the draft, 3 hidden, 4 inactive
    Case("GET", "/api/events/1/ticket_types/", ANYONE),
    Case("GET", "/api/events/2/ticket_types/", "404 404 404 200 404 200 401"),
    Case("POST", "/api/events/1/ticket_types/", "401 403 403 201 403 201 401", {"name": "New"}),
    Case("POST", "/api/events/2/ticket_types/", "401 404 404 201 404 201 401", {"name": "New"}),
    Case("GET", "/api/ticket_types/1/", ANYONE),
    Case("GET", "/api/ticket_types/2/", "404 404 404 200 404 200 401"),
    Case("GET", "/api/ticket_types/3/", "404 404 404 200 404 200 401"),
    Case("GET", "/api/ticket_types/4/", "404 404 404 200 404 200 401"),
    Case("PATCH", "/api/ticket_types/1/", ORGANIZER, {"name": "New"}),
    Case("PATCH", "/api/ticket_types/2/", ORGANIZER_OF_DRAFT, {"name": "New"}),
    Case("PATCH", "/api/ticket_types/3/", ORGANIZER_OF_DRAFT, {"name": "New"}),
    Case("PATCH", "/api/ticket_types/4/", ORGANIZER_OF_DRAFT, {"name": "New"}),
    Case("DELETE", "/api/ticket_types/1/", "401 403 403 204 403 204 401"),
    Case("DELETE", "/api/ticket_types/2/", "401 404 404 204 404 204 401"),
    Case("DELETE", "/api/ticket_types/3/", "401 404 404 204 404 204 401"),
    Case("DELETE", "/api/ticket_types/4/", "401 404 404 204 404 204 401"),
    # Promo codes
    Case("GET", "/api/events/1/promo_codes/", ORGANIZER),
    Case("GET", "/api/events/2/promo_codes/", ORGANIZER_OF_DRAFT),
    Case("POST", "/api/events/1/promo_codes/", "401 403 403 201 403 201 401", CODE),
    Case("POST", "/api/events/2/promo_codes/", "401 404 404 201 404 201 401", CODE),
    Case("POST", "/api/events/1/promo_codes/batch/", "401 403 403 201 403 201 401", {"count": 2, "kind": "free"}),
    Case("POST", "/api/events/2/promo_codes/batch/", "401 404 404 201 404 201 401", {"count": 2, "kind": "free"}),
    Case("GET", "/api/promo_codes/1/", ORGANIZER),
    Case("GET", "/api/promo_codes/2/", ORGANIZER_OF_DRAFT),
    Case("PATCH", "/api/promo_codes/1/", ORGANIZER, {"value": "10.00"}),
    Case("PATCH", "/api/promo_codes/2/", ORGANIZER_OF_DRAFT, {"value": "10.00"}),
    Case("DELETE", "/api/promo_codes/1/", "401 403 403 204 403 204 401"),
    Case("DELETE", "/api/promo_codes/2/", "401 404 404 204 404 204 401"),
    # Bookings of the owner: 1 is paid for, 2 pending and free, 3 of the event that has started
    Case("GET", "/api/bookings/", SIGNED_IN),
    Case("POST", "/api/bookings/", "401 201 201 201 201 201 401", {"event": 6}),
    Case("POST", "/api/bookings/", "401 400 400 409 400 409 401", {"event": 2}),
    Case("POST", "/api/events/6/quote/", ANYONE, {"number_of_tickets": 2}),
    Case("POST", "/api/events/2/quote/", "404 404 404 409 404 409 401", {}),
    Case("GET", "/api/bookings/1/", OWNER_AND_ORGANIZER),
    Case("PATCH", "/api/bookings/1/", "401 404 200 403 404 403 401", {"special_requirements": "x"}),
    Case("POST", "/api/bookings/2/confirm/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/bookings/1/cancel/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/bookings/3/cancel/", "401 404 409 200 404 200 401"),
    Case("POST", "/api/bookings/3/no_show/", "401 404 403 200 404 200 401"),
    Case("POST", "/api/bookings/3/attended/", "401 404 403 200 404 200 401"),
    # Waitlist
    Case("GET", "/api/waitlist/", SIGNED_IN),
    Case("POST", "/api/waitlist/", "401 201 201 201 201 201 401", {"event": 6}),
    Case("POST", "/api/waitlist/", "401 400 400 409 400 409 401", {"event": 2}),
    Case("GET", "/api/waitlist/1/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/waitlist/1/leave/", "401 404 204 403 404 403 401"),
    # Payments
    Case("GET", "/api/payments/", SIGNED_IN),
    Case("POST", "/api/payments/", "401 400 201 400 400 400 401", {"booking": 2, "method": "mock"}),
    Case("POST", "/api/payments/", "401 400 403 400 400 400 401", {"booking": 2, "method": "bank_transfer"}),
    Case("GET", "/api/payments/1/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/payments/1/refund/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/payments/1/cancel/", "401 404 409 403 404 403 401"),
    Case("POST", "/api/payments/1/complete/", "401 404 403 409 404 409 401"),
    Case("POST", "/api/payments/1/mark_returned/", "401 404 403 409 404 409 401"),
    Case("GET", "/api/payments/1/receipt/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/payments/webhook/nobody/", "404 404 404 404 404 404 401"),
    # Invoices
    Case("GET", "/api/invoices/", SIGNED_IN),
    Case("GET", "/api/invoices/1/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/invoices/1/mark_as_sent/", OWNER_AND_ORGANIZER),
    # Notifications
    Case("GET", "/api/notifications/", SIGNED_IN),
    Case("GET", "/api/notifications/unread_count/", SIGNED_IN),
    Case("POST", "/api/notifications/mark_all_as_read/", SIGNED_IN),
    Case("GET", "/api/notifications/unsubscribe/{unsubscribe}/", ANYONE),
    Case("GET", "/api/notifications/unsubscribe/1.forged/", "404 404 404 404 404 404 401"),
    Case("POST", "/api/notifications/unsubscribe/{unsubscribe}/", ANYONE),
    Case("POST", "/api/notifications/unsubscribe/1.forged/", "404 404 404 404 404 404 401"),
    Case("GET", "/api/notifications/1/", OWNER),
    *(
        Case("GET", f"/api/changes/{path}", statuses)
        for path, statuses in (
            (f"{kind}{query}", statuses)
            for kind in ("", "stream/")
            for query, statuses in (
                ("", SIGNED_IN),
                ("?event=1", ORGANIZER),
                ("?event=2", ORGANIZER_OF_DRAFT),
                ("?event=999999", "401 404 404 404 404 404 401"),
                ("?organized=true", "401 403 403 200 200 200 401"),
                ("?all=true", "401 403 403 403 403 200 401"),
            )
        )
    ),
    Case("POST", "/api/notifications/1/mark_as_read/", OWNER),
    # Reviews of the owner: 1 is of event 1, 2 of the draft
    Case("GET", "/api/reviews/", ANYONE),
    Case("POST", "/api/reviews/", "401 201 201 403 201 201 401", {**REVIEW, "event": 4}),
    Case("POST", "/api/reviews/", "401 400 400 403 400 201 401", {**REVIEW, "event": 7}),
    Case("GET", "/api/reviews/1/", ANYONE),
    Case("GET", "/api/reviews/2/", "404 404 404 200 404 200 401"),
    Case("PUT", "/api/reviews/1/", "401 403 200 403 403 403 401", REVIEW),
    Case("PUT", "/api/reviews/2/", "401 404 404 403 404 403 401", REVIEW),
    Case("PATCH", "/api/reviews/1/", "401 403 200 403 403 403 401", {"rating": 1}),
    Case("DELETE", "/api/reviews/1/", "401 403 204 403 403 204 401"),
    Case("DELETE", "/api/reviews/2/", "401 404 404 403 404 204 401"),
    Case("POST", "/api/reviews/1/mark_helpful/", "401 200 403 200 200 200 401"),
    Case("POST", "/api/reviews/2/mark_helpful/", "401 404 404 200 404 200 401"),
    Case("POST", "/api/reviews/1/mark_unhelpful/", "401 200 403 200 200 200 401"),
    # Certificates
    Case("GET", "/api/certificates/", SIGNED_IN),
    Case("GET", "/api/certificates/verify/CERT-3-1-ABCDEF/", ANYONE),
    Case("GET", "/api/certificates/verify/CERT-3-1-FORGED/", "404 404 404 404 404 404 401"),
    Case("GET", "/api/certificates/1/", OWNER_AND_ORGANIZER),
    Case("GET", "/api/certificates/1/download/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/certificates/1/mark_as_downloaded/", OWNER_AND_ORGANIZER),
    Case("POST", "/api/certificates/1/reissue/", "401 404 200 403 404 403 401"),
    # Media and operations
    Case("GET", f"/media/{PDF}", "404 404 404 404 404 404 401"),
    Case("GET", "/api/schema/", ANYONE),
    Case("GET", "/api/docs/", ANYONE),
    Case("GET", "/api/docs/docs.css", ANYONE),
    Case("GET", "/healthz/", PROBE),
    Case("GET", "/readyz/", PROBE),
    Case("GET", "/.well-known/security.txt", "404 404 404 404 404 404 401"),
]  # fmt: skip


def _cases_of(route: Route) -> list[Case]:
    return [case for case in CASES if find_route(case.method, case.path) is route]


def test_every_route_has_its_rows() -> None:
    assert [f"{route.method} {route.path}" for route in ROUTES if not _cases_of(route)] == []
    assert all(len(case.statuses.split()) == len(ROLES) for case in CASES)


def test_403_is_described_just_where_a_role_gets_it() -> None:
    for route in ROUTES:
        answered = any("403" in case.statuses.split() for case in _cases_of(route))
        assert answered == (403 in route.refuses), f"{route.method} {route.path}"


class World:
    """One event of each kind and one of everything that belongs to somebody; made again after each change."""

    def __init__(self, api: Api, connection: asyncpg.Connection) -> None:
        self.api = api
        self.connection = connection
        self.settings = api.resources.settings
        self.signer = api.client.app[SIGNER]
        self.hash = passwords._hasher.hash(PASSWORD)
        self.words: dict[str, str] = {}

    def person(self, role: str) -> Person:
        number = IDS.get(role)
        token = self.signer.sign("access", number, number) if number else None
        return Person(self.api, token)

    async def build(self) -> None:
        await self._reset()
        await self.api.resources.storage.put(PDF, b"%PDF-1.7", "application/pdf")
        token = {
            "id": 0,
            "purpose": TokenPurpose.PASSWORD_RESET.value,
            "user_id": 1,
            "email": "owner@example.com",
        }
        key = signing_key(self.settings.secret_keys, Purpose.MAILED_TOKEN)
        verify = {**token, "purpose": TokenPurpose.EMAIL_VERIFICATION.value}
        self.words = {
            "refresh": self.signer.sign("refresh", 1, 1),
            "refresh_deactivated": self.signer.sign("refresh", 6, 6),
            "access": self.signer.sign("access", 1, 1),
            "reset": accounts._token(key, {**token, "id": 1}),
            "verify": accounts._token(key, {**verify, "id": 2}),
            "unsubscribe": self.api.unsubscribe_path(1).split("/")[-2],
        }

    async def ask(self, person: Person, case: Case) -> Answer:
        """Return the answer to a case; what it changed is undone."""
        body = case.body and {name: self._filled(value) for name, value in case.body.items()}
        answer = await person.request(case.method, self._filled(case.path), body)
        if case.method != "GET" and answer.status < 400:
            await self._reset()
        return answer

    def _filled(self, value: Any) -> Any:
        return value.format(**self.words) if isinstance(value, str) else value

    async def _reset(self) -> None:
        people = ", ".join(
            f"({number}, '{role}', '{role}@example.com', '{self.hash}', '{role}', 'Person', "
            f"'{TYPES.get(role, 'attendee')}', {role != 'deactivated'}, now())"
            for role, number in IDS.items()
        )
        # What a request adds has ids beyond those of the table.
        empty = _EMPTY.replace("start_value", "1000")
        await self.connection.execute(f"{empty}; {_WORLD.format(people=people, pdf=PDF)}")


@pytest.fixture
async def world(api: Api) -> AsyncIterator[World]:
    connection = await asyncpg.connect(api.resources.settings.database_url)
    made = World(api, connection)
    await made.build()
    yield made
    await connection.close()


@pytest.mark.parametrize("role", ROLES)
async def test_role_gets_what_the_table_says(role: str, world: World) -> None:
    me = world.person(role)
    wrong = []
    for case in CASES:
        answer = await world.ask(me, case)
        if answer.status != case.expected(role):
            wrong.append(f"{case.method} {case.path} {case.body}: {answer.status} {answer.text[:200]}")
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
async def test_what_one_may_not_see_is_told_as_if_it_were_absent(role: str, world: World) -> None:
    me = world.person(role)
    asked = 0
    for case in CASES:
        twin = _absent(case, case.expected(role))
        if twin is None:
            continue
        hidden, absent = await world.ask(me, case), await world.ask(me, twin)
        assert (hidden.status, hidden.text) == (absent.status, absent.text), case
        assert set(hidden.headers) == set(absent.headers), case
        asked += 1
    assert asked > 5 or role in {"admin", "deactivated"}


def _absent(case: Case, status: int) -> Case | None:
    """Return the same request for an id that no row has; None where the case is no refusal to see."""
    path, found = re.subn(r"/\d+/", f"/{ABSENT}/", case.path)
    if status == 404:
        return case._replace(path=path) if found else None
    named = {"event", "booking"} & set(case.body or ())
    if status == 400 and named and case.body is not None and not found:
        return case._replace(body={**case.body, named.pop(): ABSENT})
    return None


_WORLD = """
INSERT INTO users (id, username, email, password_hash, first_name, last_name, user_type, is_active, date_joined,
                   bio, phone, website, organization, is_verified)
SELECT *, '', '', '', '', column1 <> 1 FROM (VALUES {people}) p;
INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, notifications_enabled,
                      total_events_attended, total_spent)
SELECT id, '', '', '', '', false, true, 0, 10 FROM users;
INSERT INTO sign_ins (id, user_id, created_at, expires_at) SELECT id, id, now(), now() + interval '1 day' FROM users;
INSERT INTO mailed_tokens (id, user_id, purpose, email, created_at, expires_at)
VALUES (1, 1, 'password_reset', 'owner@example.com', now() - interval '5 minutes', now() + interval '1 hour'),
       (2, 1, 'email_verification', 'owner@example.com', now(), now() + interval '1 hour');
INSERT INTO events (id, status, price, seats_held, seats_confirmed, waiting_count, reviews_count, rating_sum, revenue,
                    last_line_number, start_date, end_date, registration_deadline, organizer_id, title, description,
                    category, location, is_online, online_url, max_attendees, tags, created_at, updated_at, published_at)
SELECT e.*, now() + days, now() + days + interval '1 hour', now() + days, 2, 'Event ' || id, 'About', 'workshop',
       'Here', false, '', 50, 'python', now(), now(), CASE WHEN column2 <> 'draft' THEN now() END
FROM (VALUES (1, 'published', 10, 1, 1, 0, 1, 5, 10, 0), (2, 'draft', 0, 0, 0, 0, 1, 5, 0, 0),
             (3, 'ongoing', 0, 1, 1, 0, 0, 0, 0, 0), (4, 'published', 0, 1, 0, 0, 0, 0, 0, 0),
             (5, 'published', 0, 0, 0, 1, 0, 0, 0, 1), (6, 'published', 0, 0, 0, 0, 0, 0, 0, 0),
             (7, 'draft', 0, 0, 0, 0, 0, 0, 0, 0)) e (id),
     LATERAL (SELECT CASE id WHEN 3 THEN interval '-30 minutes' ELSE interval '10 days' END) d (days);
INSERT INTO sessions (id, event_id, title, description, start_time, end_time, room_or_link, created_at, updated_at)
SELECT n, n, 'Talk', '', now(), now() + interval '1 hour', '', now(), now() FROM generate_series(1, 2) n;
INSERT INTO ticket_types (id, event_id, name, price, is_hidden, is_active, created_at, updated_at)
SELECT t.*, now(), now() FROM (VALUES (1, 1, 'Student', 5, false, true), (2, 2, 'Student', 5, false, true),
                                      (3, 1, 'Hidden', 5, true, true), (4, 1, 'Inactive', 5, false, false)) t;
INSERT INTO promo_codes (id, event_id, code, kind, value, created_at, updated_at)
SELECT n, n, 'RIVER20', 'percent', 20, now(), now() FROM generate_series(1, 2) n;
INSERT INTO bookings (id, event_id, status, total_price, user_id, number_of_tickets, special_requirements,
                      registered_at, expires_at)
SELECT b.*, 1, 1, '', now(), now() + interval '1 hour'
FROM (VALUES (1, 1, 'confirmed', 10), (2, 4, 'pending', 0), (3, 3, 'confirmed', 0)) b;
INSERT INTO waitlist_entries (id, event_id, user_id, status, line_number, joined_at)
VALUES (1, 5, 1, 'waiting', 1, now());
INSERT INTO payments (id, booking_id, user_id, amount, currency, status, method, gateway, transaction_id, created_at,
                      processed_at, checked_at)
VALUES (1, 1, 1, 10, 'USD', 'completed', 'mock', 'mock', 'EVH-ABCDEFGHIJKL', now(), now(), now());
INSERT INTO invoices (id, kind, invoice_number, payment_id, event_title, user_name, tickets, issued_at, amount, currency)
VALUES (1, 'invoice', 'INV-2026-000001', 1, 'Event 1', 'owner Person', 1, now(), 10, 'USD');
INSERT INTO reviews (id, event_id, user_id, rating, title, review, attended, created_at, updated_at)
SELECT n, n, 1, 5, 'Fine', 'Very fine', false, now(), now() FROM generate_series(1, 2) n;
INSERT INTO notifications (id, user_id, notification_type, title, message, key, is_read, created_at)
VALUES (1, 1, 'system_announcement', 'Hello', 'A message', 'hello', false, now());
INSERT INTO certificates (id, event_id, user_id, certificate_number, hours_completed, skill_tags, pdf_name, issued_date)
VALUES (1, 3, 1, 'CERT-3-1-ABCDEF', 1, 'python', '{pdf}', now());
"""
