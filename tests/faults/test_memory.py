"""What a web and a worker process hold once they have done everything: little, and no more after as much again."""

import asyncio
import sys
from collections.abc import Awaitable, Iterable
from itertools import count
from typing import Any

import psutil
import pytest

from eventhub.allocator import GIVE_BACK_SECONDS
from tests.cluster import Cluster, Http
from tests.web.test_uploads import form, picture

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process holds is read from /proc")

MOST_MB = 90.0
GROWTH_MB = 3.0  # what is free lies in pieces between what is not, and never in the same ones
ROUNDS, READS = 3, 4000
EVENTS, PEOPLE, ADDRESSES, BUYERS, AT_ONCE = 200, 1000, 3000, 100, 32
PASSWORD, NEXT_PASSWORD = "a wise old tortoise", "an even older tortoise"
PDF = {"Accept": "application/pdf"}

_numbers = count(1)


def held_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_full_info().pss / 1e6)


async def all_of(requests: Iterable[Awaitable[Any]]) -> list[Any]:
    """Return what they give, so many at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(request: Awaitable[Any]) -> Any:
        async with slots:
            return await request

    return await asyncio.gather(*map(one, requests))


def elsewhere() -> dict[str, str]:
    """Return the header of a proxy for one of many clients."""
    number = next(_numbers) % ADDRESSES
    return {"X-Forwarded-For": f"10.0.{number >> 8}.{number & 255}"}


class Users:
    """People who use all of it."""

    def __init__(self, cluster: Cluster, http: Http, organizer: str, people: list[str]) -> None:
        self.cluster = cluster
        self.http = http
        self.organizer = organizer
        self.people = people

    async def ask(
        self, expected: int, method: str, path: str, token: str | None = None, body: object = None
    ) -> Any:
        status, data = await self.http.request(method, path, token, body, elsewhere())
        assert status == expected, (method, path, status, data)
        return data

    async def read(self, events: list[int]) -> None:
        """Read different pages: each path is another, half of them with a sign-in."""

        def path(number: int) -> str:
            event = events[number % len(events)]
            return (
                f"/api/events/{event}/?number={number}",
                f"/api/events/{event}/statistics/?number={number}",
                f"/api/events/?page_size=100&page={number % 2 + 1}",
                f"/api/events/?search=workshop+{number}&ordering=-start_date",
                f"/api/users/?page_size=100&number={number}",
                f"/api/events/{event}/attendees/?number={number}",
                "/api/docs/swagger-ui-bundle.js" if number % 70 == 6 else "/api/docs/",
            )[number % 7]

        tokens = [None, *self.people]
        await all_of(
            self.ask(200, "GET", path(number), tokens[number % len(tokens)] if number % 2 else None)
            for number in range(READS)
        )

    async def sign_up(self) -> None:
        """Register, sign in many times at once, change the password, show a face."""
        name = f"tortoise{next(_numbers)}"
        account = {"username": name, "email": f"{name}@example.com", "first_name": "T", "last_name": "T"}
        await self.ask(201, "POST", "/api/users/", None, {**account, "password": PASSWORD})
        login = {"username": name, "password": PASSWORD}
        tokens = await all_of(self.ask(200, "POST", "/api/auth/token/", None, login) for _ in range(16))
        token = tokens[0]["access"]
        await self.ask(200, "GET", "/api/users/me/", token)
        change = {"old_password": PASSWORD, "new_password": NEXT_PASSWORD}
        token = (await self.ask(200, "POST", "/api/auth/password/change/", token, change))["access"]
        headers = {"Authorization": f"Bearer {token}", **elsewhere()}
        face = form(picture(size=(3000, 2000)))
        async with self.http.session.patch(
            f"{self.http.url}/api/users/me/", data=face, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()

    async def look_after_it(self) -> None:
        """Read the ops page as an admin does."""
        name = f"tortoise{next(_numbers)}"
        account = {"username": name, "email": f"{name}@example.com", "first_name": "T", "last_name": "T"}
        await self.ask(201, "POST", "/api/users/", None, {**account, "password": PASSWORD})
        await self.cluster.sql("UPDATE users SET user_type = 'admin' WHERE username = $1", name)
        here = {"Sec-Fetch-Site": "same-origin", **elsewhere()}
        # Cookies of a secure site are kept by hand: the test's is none.
        async with self.http.session.post(
            f"{self.http.url}/ops/sign-in/",
            data={"username": name, "password": PASSWORD},
            headers=here,
            allow_redirects=False,
        ) as answer:
            assert answer.status == 303, await answer.text()
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        for _ in range(20):
            async with self.http.session.get(
                f"{self.http.url}/ops/", headers={"Cookie": cookie}, allow_redirects=False
            ) as answer:
                assert answer.status == 200

    async def buy(self) -> None:
        """Book and pay: an invoice is mailed, and read as a PDF; a certificate is drawn when the event is over."""
        event = await self.cluster.event(self.organizer, price="10.00", max_attendees=BUYERS)
        buyers = self.people[:BUYERS]
        booked = await all_of(
            self.ask(201, "POST", "/api/bookings/", token, {"event": event}) for token in buyers
        )
        await all_of(
            self.ask(201, "POST", "/api/payments/", token, {"booking": booking["id"], "method": "mock"})
            for token, booking in zip(buyers, booked, strict=True)
        )
        invoiced = "SELECT count(*) FROM invoices i JOIN payments p ON p.id = i.payment_id JOIN bookings b ON b.id = p.booking_id WHERE b.event_id = $1 AND NOT i.mail_owed"
        await self.cluster.eventually(invoiced, BUYERS, event, seconds=60)
        await all_of(map(self.read_invoice, buyers[:20]))
        await self.cluster.sql(
            "UPDATE events SET registration_deadline = now() - interval '4 hours', "
            "start_date = now() - interval '150 minutes', end_date = now() WHERE id = $1",
            event,
        )
        await self.ask(200, "POST", f"/api/events/{event}/complete/", self.organizer)
        drawn = "SELECT count(*) FROM certificates WHERE event_id = $1 AND pdf_name IS NOT NULL"
        await self.cluster.eventually(drawn, BUYERS, event, seconds=60)
        await self.cluster.eventually("SELECT count(*) FROM notifications WHERE mail_owed", 0, seconds=60)

    async def read_invoice(self, token: str) -> None:
        invoice = (await self.ask(200, "GET", "/api/invoices/?page_size=1", token))[0]
        headers = {"Authorization": f"Bearer {token}", **PDF, **elsewhere()}
        async with self.http.session.get(
            f"{self.http.url}/api/invoices/{invoice['id']}/", headers=headers
        ) as answer:
            assert (await answer.read()).startswith(b"%PDF")

    async def use_everything(self, events: list[int]) -> None:
        await self.read(events)
        for _ in range(3):
            await self.sign_up()
        await self.look_after_it()
        await self.buy()


@pytest.mark.timeout(600)
async def test_web_and_worker_hold_little_and_after_as_much_again_no_more(cluster: Cluster) -> None:
    cluster.start(
        "web",
        "worker",
        "clock",
        WEB_CONCURRENCY="1",
        EVENTHUB_RATE_LIMIT="on",
        EVENTHUB_RATE_LIMIT_LOGIN="1000/minute",
        EVENTHUB_RATE_LIMIT_WRITE="1000/minute",
        EVENTHUB_TRUSTED_PROXIES="127.0.0.1",
    )
    (organizer,) = await cluster.people(1, "organizer")
    people = await cluster.people(PEOPLE)
    events = [await cluster.event(organizer) for _ in range(EVENTS)]
    processes = {"web": cluster.processes["web"][0].pid, "worker": cluster.workers("worker")[-1]}
    held: list[dict[str, float]] = []
    async with cluster.http(AT_ONCE) as http:
        users = Users(cluster, http, organizer, people)
        for _ in range(ROUNDS):
            await users.use_everything(events)
            await asyncio.sleep(2 * GIVE_BACK_SECONDS)
            held.append({name: held_mb(pid) for name, pid in processes.items()})
    print("", *held, sep="\n")
    for name in processes:
        # The first round fills what is remembered for long: addresses, templates, prepared statements.
        _, before, after = (each[name] for each in held)
        assert after <= MOST_MB, name
        assert after <= before + GROWTH_MB, name
