"""Random lives of two events and their money: after every step, seats, line and books agree with each other.

By default a few that are always the same, so that a failure is a change's. EVENTHUB_PROPERTY_LIVES=400 draws so many
new and longer ones, as `make fuzz` does.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from eventhub.database import SentJob
from eventhub.gateways.mail.composer import build_composer
from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.services import invoices, payments
from eventhub.services.operations import checks, doctor
from eventhub.services.ports.payments import GatewayState
from eventhub.settings import Settings
from eventhub.web.app import create_app
from eventhub.web.call import DATABASE, DOCUMENTS, STORAGE
from eventhub.workers.context import Resources
from tests import recorded
from tests.api import Answer, Api, Person
from tests.fakes.mail import RecordingMailer
from tests.money import (
    FakeGateway,
    assert_money_balances,
    end_hold,
    let_hold_run_out,
    make_jobs_due,
    people,
    provider_reports,
    tick,
)

PEOPLE = 5
LIVES = int(os.environ.get("EVENTHUB_PROPERTY_LIVES", "20"))
IS_LONG = LIVES > 20
STEPS = 60 if IS_LONG else 40
OPEN = {200, 201, 204}
REFUSED = {400, 403, 404, 409}
Got = TypeVar("Got")

# A payment under way for a booking that is gone is some job's business at once, not first the clock's.
_FORGOTTEN = """
SELECT p.id FROM payments p JOIN bookings b ON b.id = p.booking_id
WHERE p.status = 'pending' AND b.status = 'cancelled' AND p.amount > 0
  AND NOT EXISTS (SELECT FROM jobs j WHERE (j.payload->>'payment_id')::bigint = p.id)
"""

_TRANSFER_UNDER_WAY = (
    "SELECT id FROM payments WHERE booking_id = $1 AND status = 'pending' AND gateway = 'offline'"
)

TYPES: list[dict[str, Any]] = [
    {"name": "Student", "price": "5.05", "capacity": 2},
    {"name": "Dinner", "price": "3.00", "capacity": 1, "is_reserved": True},
]
CODES: list[dict[str, Any]] = [
    {"code": "HALF", "kind": "percent", "value": "50", "max_uses": 4},
    {"code": "FREE", "kind": "free", "max_per_booking": 1},
]
# What is booked: so many standard tickets, or lines, with a promo code or without.
Order = tuple[int | list[tuple[str, int]], str | None]
lines = st.lists(
    st.tuples(st.sampled_from(["Standard", "Student", "Dinner"]), st.integers(1, 2)),
    min_size=1,
    unique_by=lambda line: line[0],
)
orders = st.tuples(st.integers(1, 2), st.none()) | st.tuples(
    st.integers(1, 2) | lines, st.sampled_from([None, "HALF", "FREE"])
)
persons = st.integers(0, PEOPLE - 1)
events = st.sampled_from(["priced", "free"])
anybody = st.integers(0, 10**6)


class World:
    """The application on an event loop of its own, with one organizer and a few people."""

    def __init__(self, configured: Settings) -> None:
        self.settings = configured
        self.loop = asyncio.new_event_loop()
        self.run(self._open())

    def run(self, step: Awaitable[Got]) -> Got:
        return self.loop.run_until_complete(step)

    async def _open(self) -> None:
        sent: list[SentJob] = []
        app = create_app(self.settings, sent.extend)
        self.client: TestClient[Any, Any] = TestClient(TestServer(app))
        await self.client.start_server()
        self.gateway = FakeGateway()
        resources = Resources(
            settings=self.settings,
            database=app[DATABASE],
            mailer=RecordingMailer(),
            composer=build_composer(self.settings),
            gateways={"mock": self.gateway, "offline": OfflineGateway()},
            documents=app[DOCUMENTS],
            storage=app[STORAGE],
        )
        self.api = Api(self.client, resources, sent)

    async def begin(self) -> None:
        """Empty the books, and open two events of three seats, each with ticket types and promo codes beside."""
        await self.api.database.execute(
            "TRUNCATE users, profiles, events, bookings, payments, invoices, invoice_counters, waitlist_entries, "
            "notifications, certificates, jobs, job_log, webhook_events, sign_ins, facts CASCADE"
        )
        self.gateway = FakeGateway()
        self.api.resources = replace(
            self.api.resources, gateways={"mock": self.gateway, "offline": OfflineGateway()}
        )
        (self.organizer,) = await people(self.api, 1, "organizer")
        self.people = await people(self.api, PEOPLE)
        for person in self.people[1:]:  # the first one cannot pay by a transfer
            await person.verify()
        self.events = {
            "priced": await self.organizer.create_event(price="10.10", max_attendees=4),
            "free": await self.organizer.create_event(price="0.00", max_attendees=4),
        }
        for event in self.events.values():
            path = f"/api/events/{event['id']}/"
            for ticket_type in TYPES:
                made = await self.organizer.post(f"{path}ticket_types/", ticket_type)
                event[ticket_type["name"]] = made.data["id"]
            for code in CODES:
                assert (await self.organizer.post(f"{path}promo_codes/", code)).status == 201
        self.confirmed_by_organizer: set[int] = set()

    def order(self, event: str, order: Order) -> dict[str, Any]:
        """Return the body that books an order."""
        sold, (tickets, code) = self.events[event], order
        body = {"event": sold["id"], "promo_code": code}
        if isinstance(tickets, int):
            return {**body, "number_of_tickets": tickets}
        items = [{"ticket_type": sold.get(name), "quantity": quantity} for name, quantity in tickets]
        return {**body, "items": items}

    async def close(self) -> None:
        await self.client.close()

    async def one_of(self, table: str, number: int, condition: str = "true") -> int | None:
        """Return the id of one of the rows, by a number that hypothesis has drawn; None where there is none."""
        rows = await self.api.database.fetch(f"SELECT id FROM {table} WHERE {condition} ORDER BY id")
        return rows[number % len(rows)]["id"] if rows else None


class Books(RuleBasedStateMachine):
    """What people, organizers, gateways and time do, in any order."""

    world: World

    def do(self, step: Callable[[], Awaitable[object]]) -> None:
        self.world.run(step())

    @initialize(booked=st.lists(st.tuples(events, orders), min_size=3, max_size=PEOPLE))
    def begin(self, booked: list[tuple[str, Order]]) -> None:
        """Everything begins with some who book: there is little to happen before."""
        self.do(self.world.begin)
        for person, (event, order) in enumerate(booked):
            self.book_order(person, event, order)

    async def ask(self, person: Person, path: str, body: object = None, method: str = "POST") -> Answer:
        answer = await person.request(method, path, body)
        assert answer.status in OPEN | REFUSED, (path, answer.data)
        return answer

    @rule(person=persons, event=events, order=orders)
    def book(self, person: int, event: str, order: Order) -> None:
        self.book_order(person, event, order)

    def book_order(self, person: int, event: str, order: Order) -> None:
        body = self.world.order(event, order)
        self.do(lambda: self.ask(self.world.people[person], "/api/bookings/", body))

    @rule(
        event=events,
        name=st.sampled_from(["Student", "Dinner"]),
        change=st.sampled_from(
            [{"capacity": 1}, {"capacity": 2}, {"price": "4.00"}, {"is_active": False}, {"is_active": True}]
        ),
    )
    def organizer_changes_a_type(self, event: str, name: str, change: dict[str, Any]) -> None:
        path = f"/api/ticket_types/{self.world.events[event][name]}/"
        self.do(lambda: self.ask(self.world.organizer, path, change, "PATCH"))

    @rule(number=anybody, change=st.sampled_from([{"max_uses": 1}, {"max_uses": 3}, {"max_uses": None}]))
    def organizer_changes_a_code(self, number: int, change: dict[str, Any]) -> None:
        async def step() -> None:
            code = await self.world.one_of("promo_codes", number)
            await self.ask(self.world.organizer, f"/api/promo_codes/{code}/", change, "PATCH")

        self.do(step)

    @rule(person=persons, event=events)
    def join(self, person: int, event: str) -> None:
        body = {"event": self.world.events[event]["id"]}
        self.do(lambda: self.ask(self.world.people[person], "/api/waitlist/", body))

    @rule(number=anybody)
    def leave(self, number: int) -> None:
        async def step() -> None:
            entry = await self.world.one_of("waitlist_entries", number, "status IN ('waiting', 'offered')")
            if entry is not None:
                await self.ask(await self._owner("waitlist_entries", entry), f"/api/waitlist/{entry}/leave/")

        self.do(step)

    async def _owner(self, table: str, row_id: int) -> Person:
        user_id = await self.world.api.database.fetch_value(
            f"SELECT user_id FROM {table} WHERE id = $1", row_id
        )
        return next(person for person in self.world.people if person.id == user_id)

    @rule(number=anybody, method=st.sampled_from(["mock", "mock", "credit_card", "bank_transfer"]))
    def pay(self, number: int, method: str) -> None:
        async def step() -> None:
            booking = await self.world.one_of("bookings", number, "status IN ('pending', 'confirmed')")
            if booking is not None:
                body = {"booking": booking, "method": method}
                await self.ask(await self._owner("bookings", booking), "/api/payments/", body)

        self.do(step)

    @rule(state=st.sampled_from([GatewayState.SUCCEEDED, GatewayState.SUCCEEDED, *GatewayState]))
    def gateway_will_say(self, state: GatewayState) -> None:
        self.world.gateway.next_state = state

    @rule(
        number=anybody,
        state=st.sampled_from([GatewayState.SUCCEEDED, GatewayState.FAILED, GatewayState.CANCELLED]),
    )
    def payer_or_bank_acts(self, number: int, state: GatewayState) -> None:
        states = self.world.gateway.states
        pending = sorted(key for key, now in states.items() if now is GatewayState.PENDING)
        if pending:
            states[pending[number % len(pending)]] = state

    @rule(trouble=st.sampled_from(["is_down", "loses_answers", "cannot_stop"]))
    def gateway_stumbles(self, trouble: str) -> None:
        setattr(self.world.gateway, trouble, True)

    @rule()
    def gateway_recovers(self) -> None:
        gateway = self.world.gateway
        gateway.is_down = gateway.loses_answers = gateway.cannot_stop = False

    @rule(number=anybody)
    def run_one_job(self, number: int) -> None:
        async def step() -> None:
            job = await self.world.one_of("jobs", number, "state = 'queued'")
            if job is not None:
                await self.world.api.database.execute(
                    "UPDATE jobs SET run_at = CASE WHEN id = $1 THEN now() ELSE now() + interval '1 hour' END "
                    "WHERE state = 'queued'",
                    job,
                )
                await self.world.api.run_jobs(may_fail=True)

        self.do(step)

    @rule()
    def run_all_jobs(self) -> None:
        async def step() -> None:
            await make_jobs_due(self.world.api)
            await self.world.api.run_jobs(may_fail=True)

        self.do(step)

    @rule(person=persons, order=orders, state=st.sampled_from([GatewayState.SUCCEEDED, GatewayState.PENDING]))
    def book_and_pay(self, person: int, order: Order, state: GatewayState) -> None:
        """The usual way, in one step: so that lives get far in few steps."""
        who = self.world.people[person]

        async def step() -> None:
            self.world.gateway.next_state = state
            booked = await self.ask(who, "/api/bookings/", self.world.order("priced", order))
            if booked.status == 201:
                await self.ask(who, "/api/payments/", {"booking": booked.data["id"]})
                await self.world.api.run_jobs(may_fail=True)

        self.do(step)

    @rule(number=anybody, by_organizer=st.booleans())
    def cancel(self, number: int, by_organizer: bool) -> None:
        async def step() -> None:
            booking = await self.world.one_of("bookings", number)
            if booking is not None:
                who = self.world.organizer if by_organizer else await self._owner("bookings", booking)
                await self.ask(who, f"/api/bookings/{booking}/cancel/")

        self.do(step)

    @rule(number=anybody)
    def organizer_confirms(self, number: int) -> None:
        async def step() -> None:
            database = self.world.api.database
            booking = await self.world.one_of("bookings", number, "status IN ('pending', 'confirmed')")
            if booking is None:
                return
            before = await database.fetch_value("SELECT status FROM bookings WHERE id = $1", booking)
            answer = await self.ask(self.world.organizer, f"/api/bookings/{booking}/confirm/")
            if answer.status == 200:
                if before == "pending":
                    self.world.confirmed_by_organizer.add(booking)
                assert not await database.fetch(_TRANSFER_UNDER_WAY, booking)

        self.do(step)

    @rule(number=anybody, by_organizer=st.booleans())
    def refund(self, number: int, by_organizer: bool) -> None:
        async def step() -> None:
            payment = await self.world.one_of("payments", number)
            if payment is not None:
                who = self.world.organizer if by_organizer else await self._owner("payments", payment)
                await self.ask(who, f"/api/payments/{payment}/refund/")

        self.do(step)

    @rule(number=anybody)
    def payer_gives_a_payment_up(self, number: int) -> None:
        async def step() -> None:
            payment = await self.world.one_of("payments", number, "status = 'pending'")
            if payment is not None:
                await self.ask(await self._owner("payments", payment), f"/api/payments/{payment}/cancel/")

        self.do(step)

    @rule(number=anybody, action=st.sampled_from(["complete", "mark_returned"]))
    def organizer_says_of_a_transfer(self, number: int, action: str) -> None:
        async def step() -> None:
            payment = await self.world.one_of("payments", number, "gateway = 'offline'")
            if payment is not None:
                await self.ask(self.world.organizer, f"/api/payments/{payment}/{action}/")

        self.do(step)

    @rule(number=anybody)
    def somebody_was_there_after_all(self, number: int) -> None:
        async def step() -> None:
            booking = await self.world.one_of("bookings", number, "status = 'no_show'")
            if booking is not None:
                await self.ask(self.world.organizer, f"/api/bookings/{booking}/attended/")

        self.do(step)

    @rule(number=anybody, is_payments_time_over=st.booleans())
    def hold_ends(self, number: int, is_payments_time_over: bool) -> None:
        async def step() -> None:
            booking = await self.world.one_of("bookings", number, "status = 'pending'")
            if booking is not None and is_payments_time_over:
                await let_hold_run_out(self.world.api, {"id": booking})
            await end_hold(self.world.api, booking)
            await tick(self.world.api)

        self.do(step)

    @rule(number=anybody)
    def money_comes_after_all(self, number: int) -> None:
        """The provider had said that no money can come, and reports some."""
        gateway = self.world.gateway
        over = {GatewayState.CANCELLED, GatewayState.FAILED}
        ended = [key for key in gateway.charges if gateway.states[key] in over]
        if ended:
            key = ended[number % len(ended)]
            gateway.states[key] = GatewayState.SUCCEEDED
            self.do(lambda: provider_reports(self.world.api, key))

    @rule(event=events, seats=st.integers(1, 5))
    def change_capacity(self, event: str, seats: int) -> None:
        path = f"/api/events/{self.world.events[event]['id']}/"
        self.do(lambda: self.ask(self.world.organizer, path, {"max_attendees": seats}, "PATCH"))

    @rule(event=events)
    def registration_ends(self, event: str) -> None:
        self.do(
            lambda: self.world.api.database.execute(
                "UPDATE events SET registration_deadline = least(registration_deadline, now()) WHERE id = $1",
                self.world.events[event]["id"],
            )
        )

    @rule(event=events, number=anybody)
    def event_starts_and_somebody_is_away(self, event: str, number: int) -> None:
        async def step() -> None:
            if number % 3:
                return  # seldom: nothing much can happen afterwards
            await self.world.api.database.execute(
                "UPDATE events SET registration_deadline = least(registration_deadline, now()), "
                "start_date = now() WHERE id = $1",
                self.world.events[event]["id"],
            )
            booking = await self.world.one_of("bookings", number, "status = 'confirmed'")
            if booking is not None:
                await self.ask(self.world.organizer, f"/api/bookings/{booking}/no_show/")

        self.do(step)

    @rule(event=events, number=anybody, end=st.sampled_from(["cancel", "complete"]))
    def event_ends(self, event: str, number: int, end: str) -> None:
        if number % 5 == 0:
            path = f"/api/events/{self.world.events[event]['id']}/{end}/"
            self.do(lambda: self.ask(self.world.organizer, path))

    @invariant()
    def all_agrees(self) -> None:
        async def step() -> None:
            api, gateway = self.world.api, self.world.gateway
            await assert_money_balances(
                api.database.fetch, confirmed_by_organizer=sorted(self.world.confirmed_by_organizer)
            )
            for check in (*checks.COUNTERS, *checks.BOOKS):
                examined = await doctor.examine(api.database, check)
                assert examined.verdict is doctor.Verdict.OK, examined
            assert len(set(gateway.charges)) == len(gateway.charges)
            untold = await api.database.fetch(recorded.NOT_AS_RECORDED)
            assert not untold, [dict(row) for row in untold]
            failed = await api.database.fetch("SELECT kind, error FROM jobs WHERE state = 'failed'")
            assert not failed, [dict(job) for job in failed]
            forgotten = await api.database.fetch(_FORGOTTEN)
            assert not forgotten, [dict(payment) for payment in forgotten]
            settled = await api.database.fetch(
                "SELECT transaction_id FROM payments WHERE status = 'completed' AND gateway = 'mock' AND amount > 0"
            )
            assert {row["transaction_id"] for row in settled} <= set(gateway.charges)

        if hasattr(self.world, "events"):
            self.do(step)

    def teardown(self) -> None:
        """In the end the gateway recovers and every job is done: then nothing is owed and nothing is kept."""

        async def step() -> None:
            api, gateway = self.world.api, self.world.gateway
            for _ in range(4):
                await make_jobs_due(api)
                await api.run_jobs(may_fail=True)
            # Webhooks that never came: the clock looks.
            await api.database.execute("UPDATE payments SET checked_at = now() - interval '1 day'")
            async with api.database.transaction() as tx:
                for look in (payments.check_pending, payments.follow_news, invoices.mail_stalled):
                    await look(tx)
            await api.run_jobs()
            states = {
                row["transaction_id"]: row
                for row in await api.database.fetch("SELECT * FROM payments WHERE amount > 0")
            }
            for key, payment in states.items():
                if payment["gateway"] == "offline":
                    continue
                expected = {"completed": {GatewayState.SUCCEEDED}, "refunded": {GatewayState.REFUNDED}}
                assert gateway.states.get(key, GatewayState.CANCELLED) in expected.get(
                    payment["status"], set(GatewayState) - {GatewayState.SUCCEEDED}
                ), (dict(payment), gateway.states.get(key))
            left = await api.database.fetch("SELECT kind, error FROM jobs")
            assert not left, [dict(job) for job in left]

        if hasattr(self.world, "events"):
            self.gateway_recovers()
            self.do(step)
            self.all_agrees()


# Its own loop runs in this thread, so the test is no coroutine.
@pytest.mark.usefixtures("empty_database")
@pytest.mark.timeout(max(600, LIVES * 30))
def test_no_sequence_of_events_unbalances_the_books(settings_of_process: Settings) -> None:
    world = World(settings_of_process)
    Books.world = world
    try:
        run_state_machine_as_test(
            Books,
            settings=settings(
                max_examples=LIVES,
                stateful_step_count=STEPS,
                deadline=None,
                # Explaining traces every line of the application: a failure would first be told after many minutes.
                phases=(Phase.generate, Phase.shrink),
                derandomize=not IS_LONG,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        world.run(world.close())
        world.loop.close()


@pytest.fixture
def settings_of_process(request: pytest.FixtureRequest) -> Settings:
    """The `settings` of this test process; hypothesis has a name of its own for that word."""
    found: Settings = request.getfixturevalue("settings")
    return found
