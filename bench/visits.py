"""What people do on an event site, as requests: they browse, search, book, pay, cancel, join waitlists and write reviews."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

ANSWER_SECONDS = 30
WORDS = ("python", "garden", "finance", "music", "writing", "evening", "community", "market")


@dataclass
class Log:
    """What was asked, by route: seconds of each answer, statuses, and what was wrong with requests that had none."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    broken: Counter[str] = field(default_factory=Counter)
    bookings: list[int] = field(default_factory=list)  # acknowledged by 201
    payments: list[int] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Requests without an answer, and answers that say that this side is at fault."""
        wrong = sum(
            n for statuses in self.statuses.values() for status, n in statuses.items() if status >= 500
        )
        return wrong + self.broken.total()


class Site:
    """The addresses of the web processes that take requests now, as a balancer knows them."""

    def __init__(self, session: aiohttp.ClientSession, ports: list[int], log: Log) -> None:
        self.session = session
        self.ports = ports
        self.log = log

    async def ask(self, route: str, path: str, token: str | None = None, body: object = None) -> Any:
        """Return the JSON that `route` (a method and a template, for the log) answered; None for a refusal."""
        method = route.partition(" ")[0]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{random.choice(self.ports)}{path}"
        began = time.perf_counter()
        try:
            async with self.session.request(method, url, json=body, headers=headers) as response:
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.log.broken[f"{route}: {type(error).__name__}"] += 1
            return None
        self.log.seconds[route].append(time.perf_counter() - began)
        self.log.statuses[route][response.status] += 1
        return answer if response.status < 400 else None


class Visit:
    """One person's visit, from the list of events to whatever they come to do."""

    def __init__(self, site: Site, token: str, events: int) -> None:
        self.site = site
        self.token = token
        self.events = events

    async def go(self) -> None:
        """Look around, then do one thing or another."""
        await self.browse()
        doings = (self.look, self.search, self.book, self.my_things, self.review)
        [doing] = random.choices(doings, weights=(30, 20, 35, 10, 5))
        await doing()

    def any_event(self) -> int:
        """Return an event; some are far more popular than others."""
        return 1 + int(self.events * random.random() ** 6)

    async def browse(self) -> None:
        category = random.choice(("", "&category=workshop", "&category=meetup&status=published"))
        await self.site.ask("GET /api/events/", f"/api/events/?page_size=20{category}")

    async def look(self) -> None:
        event = self.any_event()
        await self.site.ask("GET /api/events/{id}/", f"/api/events/{event}/")
        await self.site.ask("GET /api/events/{id}/statistics/", f"/api/events/{event}/statistics/")
        await self.site.ask("GET /api/reviews/", f"/api/reviews/?event={event}")

    async def search(self) -> None:
        word = random.choice(WORDS)
        await self.site.ask("GET /api/events/?search", f"/api/events/?search={word}&page_size=20", self.token)

    async def my_things(self) -> None:
        await self.site.ask("GET /api/bookings/", "/api/bookings/?page_size=20", self.token)
        await self.site.ask("GET /api/notifications/", "/api/notifications/?page_size=20", self.token)

    async def review(self) -> None:
        body = {
            "event": self.any_event(),
            "rating": random.randint(1, 5),
            "title": "Well done",
            "review": "Again",
        }
        await self.site.ask("POST /api/reviews/", "/api/reviews/", self.token, body)

    async def book(self) -> None:
        event = self.any_event()
        await self.site.ask("GET /api/events/{id}/", f"/api/events/{event}/", self.token)
        body = {"event": event, "number_of_tickets": random.choice((1, 1, 1, 2, 4))}
        booking = await self.site.ask("POST /api/bookings/", "/api/bookings/", self.token, body)
        if booking is None:
            await self.site.ask("POST /api/waitlist/", "/api/waitlist/", self.token, {"event": event})
            return
        self.site.log.bookings.append(booking["id"])
        if float(booking["total_price"]) and random.random() < 0.85:
            payment = await self.site.ask(
                "POST /api/payments/", "/api/payments/", self.token, {"booking": booking["id"]}
            )
            if payment is not None:
                self.site.log.payments.append(payment["id"])
        await asyncio.sleep(random.uniform(0.1, 3))
        path = f"/api/bookings/{booking['id']}/"
        await self.site.ask("GET /api/bookings/{id}/", path, self.token)
        if random.random() < 0.2:
            await self.site.ask("POST /api/bookings/{id}/cancel/", f"{path}cancel/", self.token)


async def keep_coming(
    site: Site, tokens: list[str], events: int, per_second: float, is_over: Callable[[], bool]
) -> None:
    """Let people come at `per_second`, whether or not those before have gone, until it is over; wait for the last."""
    visits: set[asyncio.Task[None]] = set()
    next_at = time.perf_counter()
    while not is_over():
        visit = asyncio.create_task(Visit(site, random.choice(tokens), events).go())
        visits.add(visit)
        visit.add_done_callback(visits.discard)
        next_at += random.expovariate(per_second)
        await asyncio.sleep(max(0.0, next_at - time.perf_counter()))
    await asyncio.gather(*visits)
