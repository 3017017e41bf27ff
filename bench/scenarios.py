"""What is asked again and again, of whom, and how much it may cost at most as a multiple of the ceiling."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.seed import EVENT_WITH_A_LINE, PASSWORD, Size
from bench.system import request

CONNECTIONS = 32
CEILING, ANONYMOUS, SIGNED_IN = "ceiling", "anonymous", "signed in"
Ask = Callable[[Size, random.Random, int | None], bytes]


@dataclass(frozen=True)
class Scenario:
    """A kind of request. `targets` are the ratios that Event Hub has to keep, by who asks; None where none is set.

    `ask` makes one request of a signed-in user, or of nobody where the user is None; without it, each request is a booking
    that was never made before. The ceiling is asked as nobody is, where that is allowed. Where `is_compared` is false, the
    ceiling does not have it.
    """

    name: str
    text: str
    ask: Ask | None
    targets: dict[str, float | None]
    connections: int = CONNECTIONS
    is_compared: bool = True

    @property
    def due(self) -> int:
        """The status of each answer."""
        return 201 if self.ask is None else 200

    def requests(self, size: Size, number: int, *, seed: int, signed_in: bool, first: int) -> Sequence[bytes]:
        """Return so many requests, the same for each target; `first` is the number of the first booking."""
        if self.ask is None:
            return [booking(size, first + each) for each in range(number)]
        chance, users = random.Random(seed), random.Random(seed)
        return [
            self.ask(size, chance, users.randint(1, size.users) if signed_in else None) for _ in range(number)
        ]


def _get(path: str) -> Ask:
    return lambda _size, _chance, user: request("GET", path, user)


def _event(suffix: str = "") -> Ask:
    def ask(size: Size, chance: random.Random, user: int | None) -> bytes:
        return request("GET", f"/api/events/{chance.randint(1, size.events)}/{suffix}", user)

    return ask


def _with_sessions(size: Size, chance: random.Random, user: int | None) -> bytes:
    return request("GET", f"/api/events/{100 * chance.randint(1, size.events // 100)}/", user)


def _sign_in(size: Size, chance: random.Random, _user: int | None) -> bytes:
    body = {"username": f"user{chance.randint(1, size.users)}", "password": PASSWORD}
    return request("POST", "/api/auth/token/", None, body)


def _line(_size: Size, chance: random.Random, _user: int | None) -> bytes:
    ordering = chance.choice(["position", "-position", "joined_at", "-joined_at"])
    return request("GET", f"/api/waitlist/?event={EVENT_WITH_A_LINE}&ordering={ordering}", 1)


def booking(size: Size, number: int) -> bytes:
    """Return the booking of a pair of a user and a roomy event that no other number has; neighbours have other events."""
    roomy = size.events // 5
    event, lap = 2 + 5 * (number % roomy), number // roomy
    return request(
        "POST", "/api/bookings/", 1 + (number + lap) % size.users, {"event": event, "number_of_tickets": 1}
    )


LIST, SEARCH = "/api/events/?page_size=20", "/api/events/?search=quokka&page_size=20"
FILTER = "/api/events/?category=workshop&status=published&search=python&ordering=-start_date&page_size=20"
BOOKINGS = "/api/bookings/?page_size=20"

_READS: dict[str, float | None] = {ANONYMOUS: 1.0, SIGNED_IN: 2.0}
_SEARCHES: dict[str, float | None] = {ANONYMOUS: 1.0, SIGNED_IN: 1.5}
_MISSES: dict[str, float | None] = {ANONYMOUS: 1.2, SIGNED_IN: 2.0}
_OWN: dict[str, float | None] = {SIGNED_IN: None}
SCENARIOS = [
    Scenario("list", "list of events, 20 rows", _get(LIST), _READS),
    Scenario("filter", "filter, search and order", _get(FILTER), _SEARCHES),
    Scenario("rare", "search for a rare word", _get(SEARCH), _SEARCHES),
    Scenario("detail", "an event, of all events", _event(), _MISSES),
    Scenario("sessions", "an event with 20 sessions", _with_sessions, _READS),
    Scenario("statistics", "statistics, of all events", _event("statistics/"), _MISSES),
    Scenario("mine", "my bookings, 20 rows", _get(BOOKINGS), {SIGNED_IN: 2.0}),
    Scenario("login", "sign in (Argon2id)", _sign_in, {ANONYMOUS: 1.2}, connections=8),
    Scenario("book", "book a seat", None, {SIGNED_IN: 2.3}),
]
# Event Hub's alone: asked for by name.
MORE = [
    Scenario("told", "my notifications", _get("/api/notifications/?page_size=20"), _OWN, is_compared=False),
    Scenario(
        "reviews", "reviews, best first", _get("/api/reviews/?ordering=-rating"), _OWN, is_compared=False
    ),
    Scenario(
        "frequent",
        "search a frequent word in them",
        _get("/api/reviews/?search=great"),
        _OWN,
        is_compared=False,
    ),
    Scenario(
        "middling",
        "search a middling word in them",
        _get("/api/reviews/?search=venue"),
        _OWN,
        is_compared=False,
    ),
    Scenario(
        "seldom", "search a rare word in them", _get("/api/reviews/?search=capybara"), _OWN, is_compared=False
    ),
    Scenario("line", "a page of a long line", _line, _OWN, is_compared=False),
]
