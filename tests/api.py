"""A client of the API as tests use it: people who are signed in, events, and jobs run when the test says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from aiohttp.test_utils import TestClient

from eventhub.database import Database, SentJob
from eventhub.gateways.mail.composer import build_composer
from eventhub.gateways.payments import build_gateways_by_name
from eventhub.gateways.pdf import TypstDocumentRenderer
from eventhub.gateways.storage import build_storage
from eventhub.services import passwords
from eventhub.services.notifications import unsubscribe_url
from eventhub.settings import Settings
from eventhub.workers import actors
from eventhub.workers.context import Resources
from eventhub.workers.kinds import HANDLERS
from eventhub.workers.runner import run_jobs
from tests.fakes.mail import RecordingMailer
from tests.routes import check_refusal

assert actors  # importing it registers the handlers

PASSWORD = "a-good-password-1"
_numbers = count(1)


def in_days(days: float) -> str:
    """Return the time so many days from now, as a client writes it."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat().replace("+00:00", "Z")


def event_details(**changes: object) -> dict[str, Any]:
    """Return a good body for POST /api/events/: a free event in ten days with 50 seats."""
    return {
        "title": "Test Workshop",
        "description": "A test workshop",
        "category": "workshop",
        "location": "Test Location",
        "start_date": in_days(10),
        "end_date": in_days(10.1),
        "max_attendees": 50,
        "price": "0.00",
        **changes,
    }


def make_resources(settings: Settings, database: Database) -> Resources:
    """Return what handlers work with, with mail kept in a list (`mailer.sent`) and all else real."""
    return Resources(
        settings=settings,
        database=database,
        mailer=RecordingMailer(),
        composer=build_composer(settings),
        gateways=build_gateways_by_name(settings),
        documents=_documents,
        storage=build_storage(settings),
    )


_documents = TypstDocumentRenderer()


@dataclass
class Answer:
    """A response, read."""

    status: int
    data: Any
    headers: Mapping[str, str]
    text: str = ""


class Person:
    """A user who is signed in, or nobody (without a token)."""

    def __init__(
        self, api: "Api", token: str | None = None, user: dict[str, Any] | None = None, refresh: str = ""
    ) -> None:
        self.api = api
        self.token = token
        self.user = user or {}
        self.refresh = refresh

    @property
    def id(self) -> int:
        return int(self.user["id"])

    async def request(self, method: str, path: str, json: object = None, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if json is not None:
            options["json"] = json
        async with self.api.client.request(
            method, path, headers=headers, allow_redirects=False, **options
        ) as response:
            is_json = response.content_type == "application/json"
            data = await response.json() if is_json else None
            text = ""
            if response.content_type == "text/event-stream":  # which has no end: as it begins
                text = (await response.content.readany()).decode()
            elif response.content_type.startswith(("text/", "application/json")):
                text = await response.text()
            if data and response.status in {403, 409, 410}:
                check_refusal(method, path, response.status, data["code"])
            return Answer(response.status, data, response.headers, text)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: object = None, **options: Any) -> Answer:
        return await self.request("POST", path, json, **options)

    async def put(self, path: str, json: object = None, **options: Any) -> Answer:
        return await self.request("PUT", path, json, **options)

    async def patch(self, path: str, json: object = None, **options: Any) -> Answer:
        return await self.request("PATCH", path, json, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.request("DELETE", path, **options)

    async def verify(self) -> None:
        """Let this person's address be verified, as by the token that was mailed to it."""
        await self.api.database.execute("UPDATE users SET is_verified = true WHERE id = $1", self.id)

    async def create_event(self, *, publish: bool = True, **changes: object) -> dict[str, Any]:
        """Return a new event of this organizer, published unless asked otherwise."""
        made = await self.post("/api/events/", event_details(**changes))
        assert made.status == 201, made.data
        event: dict[str, Any] = made.data
        if publish:
            published = await self.post(f"/api/events/{event['id']}/publish/")
            assert published.status == 200, published.data
            event = published.data
        return event

    async def book(self, event: Mapping[str, Any], tickets: int = 1) -> dict[str, Any]:
        """Return a new booking of this person, with the jobs that it caused run."""
        made = await self.post("/api/bookings/", {"event": event["id"], "number_of_tickets": tickets})
        assert made.status == 201, made.data
        await self.api.run_jobs()
        return dict((await self.get(f"/api/bookings/{made.data['id']}/")).data)


class Api:
    """The application under test."""

    def __init__(self, client: TestClient[Any, Any], resources: Resources, sent: list[SentJob]) -> None:
        self.client = client
        self.resources = resources
        self.sent = sent
        self.anonymous = Person(self)

    @property
    def database(self) -> Database:
        return self.resources.database

    @property
    def mailer(self) -> RecordingMailer:
        """What the jobs sent; `mailer.sent` holds each mail."""
        assert isinstance(self.resources.mailer, RecordingMailer)
        return self.resources.mailer

    def unsubscribe_path(self, who: int | str) -> str:
        """Return the path of the link that ends the mails of a user (the id), or those to an address."""
        return unsubscribe_url(who, base_url="", secret_keys=self.resources.settings.secret_keys)

    async def person(self, user_type: str = "attendee", **details: object) -> Person:
        """Register and sign in somebody new. An admin is made as `eventhub createadmin` makes one."""
        number = next(_numbers)
        body = {
            "username": f"person{number}",
            "email": f"person{number}@example.com",
            "password": PASSWORD,
            "first_name": "Person",
            "last_name": str(number),
            "user_type": "organizer" if user_type == "admin" else user_type,
            **details,
        }
        made = await self.anonymous.post("/api/users/", body)
        assert made.status == 201, made.data
        if user_type == "admin":
            await self.database.execute("UPDATE users SET user_type = 'admin' WHERE id = $1", made.data["id"])
        return await self.sign_in(str(body["username"]), str(body["password"]))

    async def sign_in(self, login: str, password: str = PASSWORD) -> Person:
        tokens = await self.anonymous.post("/api/auth/token/", {"username": login, "password": password})
        assert tokens.status == 200, tokens.data
        person = Person(self, tokens.data["access"], refresh=tokens.data["refresh"])
        person.user = (await person.get("/api/users/me/")).data
        return person

    async def run_jobs(self, *, may_fail: bool = False) -> int:
        """Run every job that is due, and those that they cause, as a worker does; return how many.

        Each of them has to end well, unless the test says that they `may_fail`.
        """
        done, ids, kinds = 0, set[int](), list[str]()
        for _ in range(200):
            rows = await self.database.fetch(
                # One that was begun before travels alone.
                "SELECT kind, array_agg(id ORDER BY id) AS ids FROM jobs "
                "WHERE state = 'queued' AND run_at <= now() GROUP BY kind, CASE WHEN attempts > 0 THEN id END"
            )
            known = [row for row in rows if row["kind"] in HANDLERS]
            ids.update(job_id for row in known for job_id in row["ids"])
            ran = sum([await run_jobs(self.resources, row["kind"], row["ids"]) for row in known])
            if not ran:
                break
            done += ran
            kinds = [row["kind"] for row in known]
        else:
            raise AssertionError(f"jobs go on making jobs: {kinds}")
        left = await self.database.fetch(
            "SELECT kind, state, error FROM jobs WHERE id = ANY($1::bigint[])", list(ids)
        )
        assert may_fail or not left, [tuple(row.values()) for row in left]
        return done


async def fast_user(database: Database, number: int, user_type: str = "attendee") -> int:
    """Return the id of a new user made in the database, for tests that need hundreds; the password is PASSWORD."""
    user_id: int = await database.fetch_value(
        "INSERT INTO users (username, email, password_hash, first_name, last_name, user_type, bio, phone, website, "
        "organization, is_verified, is_active, date_joined) "
        "VALUES ($1, $2, $3, 'Fast', $4, $5, '', '', '', '', false, true, now()) RETURNING id",
        f"fast{number}",
        f"fast{number}@example.com",
        passwords._hasher.hash(PASSWORD) if number == 0 else "-",
        str(number),
        user_type,
    )
    await database.execute(
        "INSERT INTO profiles (user_id, twitter, linkedin, github, facebook, newsletter_subscribed, "
        "notifications_enabled, total_events_attended, total_spent) VALUES ($1, '', '', '', '', false, true, 0, 0)",
        user_id,
    )
    return user_id
