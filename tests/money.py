"""What tests of money share: people made quickly, bookings that are paid for, and the books checked as a whole."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import jwt

from eventhub.gateways.payments.mock import Entry, EntryKind
from eventhub.models.jobs import JobKind
from eventhub.services import payments
from eventhub.services.invoices import Terms
from eventhub.services.keys import Purpose, derive
from eventhub.services.ports.payments import (
    ANY_AMOUNT,
    Charge,
    GatewayPayment,
    GatewayRefund,
    GatewayRefundState,
    GatewayState,
    GatewayUnavailable,
    Limits,
    MovedElsewhere,
    PaymentRef,
    Refund,
    WebhookEvent,
)
from eventhub.workers.runner import run_jobs
from tests.api import Api, Person
from tests.cluster import _PEOPLE
from tests.fakes.ledger import read_ledger
from tests.rows import HELD, WRONG_COUNTERS

PRICE = "29.99"
TERMS = Terms(("Event Hub",))

Sql = Callable[..., Awaitable[Sequence[Mapping[str, Any]]]]


async def people(api: Api, number: int, user_type: str = "attendee") -> list[Person]:
    """Return so many new people who are signed in, without the cost of their passwords."""
    rows = await api.database.fetch(_PEOPLE, number, user_type)
    secret = api.resources.settings.secret_key
    return [Person(api, _token(secret, row["user_id"], row["id"]), {"id": row["user_id"]}) for row in rows]


def _token(secret: str, user_id: int, sign_in_id: int) -> str:
    now = int(time.time())
    claims = {"sub": str(user_id), "sid": sign_in_id, "use": "access", "iat": now, "exp": now + 3600}
    return jwt.encode(claims, derive(secret, Purpose.ACCESS_TOKEN), "HS256")


async def organizer_and_payer(api: Api) -> tuple[Person, Person]:
    (organizer,) = await people(api, 1, "organizer")
    (payer,) = await people(api, 1)
    return organizer, payer


async def reserve(person: Person, event: Mapping[str, Any], tickets: int = 1) -> dict[str, Any]:
    """Return a new pending booking; no job runs."""
    made = await person.post("/api/bookings/", {"event": event["id"], "number_of_tickets": tickets})
    assert made.status == 201, made.data
    return dict(made.data)


async def start_paying(person: Person, booking: Mapping[str, Any], **body: object) -> dict[str, Any]:
    """Return a new pending payment; no job runs."""
    made = await person.post("/api/payments/", {"booking": booking["id"], **body})
    assert made.status == 201, made.data
    return dict(made.data)


async def status(person: Person, kind: str, thing: Mapping[str, Any]) -> str:
    """Return the status of a booking or payment as the person sees it now."""
    return str((await person.get(f"/api/{kind}/{thing['id']}/")).data["status"])


async def titles(person: Person) -> list[str]:
    """Return the titles of the person's notifications, sorted."""
    return sorted(note["title"] for note in (await person.get("/api/notifications/?page_size=200")).data)


async def make_jobs_due(api: Api) -> None:
    """Let the back-off of every queued job be over."""
    await api.database.execute(
        "UPDATE jobs SET run_at = now(), attempts = least(attempts, 4) WHERE state = 'queued'"
    )


async def let_hold_run_out(api: Api, booking: Mapping[str, Any]) -> None:
    """Move the end of a booking's hold, and of its payment's time, into the past; the clock sees it, no job runs."""
    await end_hold(api, booking["id"])
    await api.database.execute(
        "UPDATE payments SET wait_until = now() - interval '1 second' WHERE booking_id = $1", booking["id"]
    )
    await tick(api)


async def end_hold(api: Api, booking_id: int | None) -> None:
    """Move the end of a booking's own hold into the past; a payment under way keeps its time."""
    await api.database.execute(
        "UPDATE bookings SET expires_at = now() - interval '1 second' WHERE id = $1", booking_id
    )


async def provider_reports(
    api: Api, key: str, state: GatewayState | GatewayRefundState = GatewayState.PENDING
) -> None:
    """Take a provider's webhook about the payment with this transaction id; no job runs."""
    _events.append(key)
    news = WebhookEvent(f"evt_{len(_events)}", key, state)
    async with api.database.transaction() as tx:
        await payments.take_webhook(tx, "mock", news)


_events: list[str] = []


async def run_kind(api: Api, kind: JobKind) -> None:
    """Run the due jobs of one kind alone, and none that they cause."""
    rows = await api.database.fetch("SELECT id FROM jobs WHERE kind = $1 AND state = 'queued'", kind.name)
    await run_jobs(api.resources, kind.name, [row["id"] for row in rows])


async def tick(api: Api) -> None:
    """Do what a round of the clock does for holds."""
    from eventhub.services import bookings  # noqa: PLC0415

    async with api.database.transaction() as tx:
        await bookings.expire_overdue(tx)


class FakeGateway:
    """A provider that keeps one charge per key, and does what a test tells it to.

    `outcomes` are what calls of a method do next: an exception to raise, or the state that the payment gets. Times out
    after a charge with `charge_then_fail`.
    """

    name = "mock"

    def __init__(self) -> None:
        self.states: dict[str, GatewayState] = {}
        self.charges: list[str] = []
        self.refunds: dict[str, str] = {}
        self.moved: dict[str, MovedElsewhere] = {}
        self.asked_refunds: list[str] = []
        self.calls: list[str] = []
        self.next_state = GatewayState.SUCCEEDED
        self.refund_state = GatewayRefundState.SUCCEEDED
        self.is_down = False
        self.loses_answers = False
        self.cannot_stop = False

    def limits(self, currency: str) -> Limits:
        return ANY_AMOUNT

    async def charge(self, charge: Charge) -> GatewayPayment:
        self._called("charge")
        if charge.key not in self.states:
            self.states[charge.key] = self.next_state
            self.charges.append(charge.key)
        self._answer()
        return self._payment(charge.key)

    async def look_up(self, ref: PaymentRef) -> GatewayPayment | None:
        self._called("look_up")
        self._answer()
        return self._payment(ref.key) if ref.key in self.states else None

    async def cancel(self, ref: PaymentRef) -> GatewayPayment:
        self._called("cancel")
        state = self.states.get(ref.key)
        if state is GatewayState.PENDING and not self.cannot_stop:
            self.states[ref.key] = GatewayState.CANCELLED
        self._answer()
        # Of what was never made here nothing is kept, as at Stripe: a charge that comes later is made.
        return GatewayPayment(GatewayState.CANCELLED) if state is None else self._payment(ref.key)

    async def refund(self, refund: Refund) -> GatewayRefund:
        self._called("refund")
        self.asked_refunds.append(refund.key)
        assert self.states[refund.payment.key] in {GatewayState.SUCCEEDED, GatewayState.REFUNDED}
        if self.refund_state is not GatewayRefundState.FAILED:
            self.refunds[refund.key] = str(refund.amount)
            self.states[refund.payment.key] = GatewayState.REFUNDED
        self._answer()
        return GatewayRefund(self.refund_state, failure="account closed")

    async def moved_elsewhere(self, ref: PaymentRef) -> MovedElsewhere | None:
        self._called("moved_elsewhere")
        return self.moved.get(ref.key)

    async def find_key(self, reference: str) -> str | None:
        self._called("find_key")
        return reference.removeprefix("fake_") if reference.startswith("fake_") else None

    async def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> None:
        raise NotImplementedError

    async def check(self) -> str:
        self._called("check")
        return "it answers"

    async def close(self) -> None:
        pass

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if self.is_down:
            raise GatewayUnavailable("no answer")

    def _answer(self) -> None:
        if self.loses_answers:
            raise GatewayUnavailable("it broke off")

    def _payment(self, key: str) -> GatewayPayment:
        state = self.states[key]
        url = f"https://pay.example/{key}" if state is GatewayState.PENDING else None
        failure = "Your card was declined." if state is GatewayState.FAILED else None
        return GatewayPayment(state, provider_id=f"fake_{key}", checkout_url=url, failure=failure)


# Each returns rows only where the books are wrong.
_WRONG = {
    "an event's revenue is not the sum of its completed payments": """
        SELECT e.id, e.revenue, sum(p.amount) AS paid FROM events e
        LEFT JOIN bookings b ON b.event_id = e.id LEFT JOIN payments p ON p.booking_id = b.id AND p.status = 'completed'
        GROUP BY e.id HAVING e.revenue <> coalesce(sum(p.amount), 0)""",
    "a profile's total_spent is not the sum of its completed payments": """
        SELECT f.user_id, f.total_spent, sum(p.amount) AS paid FROM profiles f
        LEFT JOIN payments p ON p.user_id = f.user_id AND p.status = 'completed'
        GROUP BY f.user_id, f.total_spent HAVING f.total_spent <> coalesce(sum(p.amount), 0)""",
    "a payment is not its booking's price": """
        SELECT p.id FROM payments p JOIN bookings b ON b.id = p.booking_id
        WHERE p.amount <> b.total_price OR p.user_id <> b.user_id""",
    "a booking with a price is confirmed and not paid": """
        SELECT b.id FROM bookings b WHERE b.status = 'confirmed' AND b.total_price > 0 AND NOT b.id = ANY($1::bigint[])
        AND NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id AND p.status = 'completed')""",
    "a cancelled booking's payment is kept": """
        SELECT p.id, b.cancel_reason FROM payments p JOIN bookings b ON b.id = p.booking_id
        JOIN events e ON e.id = b.event_id
        WHERE p.status = 'completed' AND b.status = 'cancelled'
          AND NOT (b.cancel_reason = 'by_owner' AND b.cancelled_at >= e.registration_deadline)""",
    "a pending booking's payment is completed": """
        SELECT p.id FROM payments p JOIN bookings b ON b.id = p.booking_id
        WHERE p.status = 'completed' AND b.status = 'pending'""",
    "a completed payment has not one invoice": """
        SELECT p.id, count(i.id) FROM payments p LEFT JOIN invoices i ON i.payment_id = p.id AND i.kind = 'invoice'
        WHERE p.status = 'completed' GROUP BY p.id HAVING count(i.id) <> 1""",
    "a payment that was never completed has an invoice": """
        SELECT p.id, p.status FROM payments p JOIN invoices i ON i.payment_id = p.id
        WHERE p.status NOT IN ('completed', 'refunded')""",
    "a refunded invoice has not one credit note, or another has one": """
        SELECT p.id, p.status, sum((i.kind = 'credit_note')::int) AS notes
        FROM payments p JOIN invoices i ON i.payment_id = p.id
        GROUP BY p.id HAVING sum((i.kind = 'credit_note')::int) <> (p.status = 'refunded')::int OR sum(i.amount)
            <> CASE WHEN p.status = 'refunded' THEN 0 ELSE p.amount END""",
    "numbers do not run from 1 without gaps": """
        SELECT series, numbers FROM (
            SELECT left(invoice_number, 8) AS series, array_agg(substr(invoice_number, 10)::int ORDER BY id) AS numbers
            FROM invoices GROUP BY 1) AS found
        WHERE (SELECT array_agg(n ORDER BY n) FROM unnest(numbers) AS n)
            <> (SELECT array_agg(n) FROM generate_series(1, cardinality(numbers)) AS n)""",
    "a counter is not its series' last number": """
        SELECT c.* FROM invoice_counters c
        WHERE c.last_number <> (SELECT count(*) FROM invoices WHERE left(invoice_number, 8) = c.series)""",
    "a refund is owed for nothing, or not": """
        SELECT id, status, refund_state FROM payments WHERE (status = 'refunded') <> (refund_state <> 'none')""",
    "a ticket type's seats or a promo code's uses are not those of its bookings": WRONG_COUNTERS,
    "an event's seats are not those of its bookings": f"""
        SELECT e.id, e.seats_held, e.seats_confirmed, e.max_attendees FROM events e LEFT JOIN bookings b
            ON b.event_id = e.id AND b.status IN ('pending', 'confirmed')
        GROUP BY e.id HAVING e.seats_held <> {HELD}
            OR e.seats_confirmed <> coalesce(sum(b.number_of_tickets) FILTER (WHERE b.status = 'confirmed'), 0)
            OR e.seats_held > e.max_attendees""",
    "an event's line is not as long as it counts": """
        SELECT e.id, e.waiting_count FROM events e LEFT JOIN waitlist_entries w
            ON w.event_id = e.id AND w.status = 'waiting'
        GROUP BY e.id HAVING e.waiting_count <> count(w.id)""",
    "an offer stands without its booking": """
        SELECT w.id, b.status FROM waitlist_entries w LEFT JOIN bookings b ON b.id = w.booking_id
        WHERE w.status = 'offered' AND b.status IS DISTINCT FROM 'pending'""",
}


async def assert_money_balances(
    sql: Sql, *, confirmed_by_organizer: Sequence[int] = (), ledger: Path | None = None
) -> None:
    """Fail, saying where, unless seats, payments, revenue, totals and documents agree with each other.

    With the mock's `ledger`, also with what moved there: once no job is left, one charge for each settled payment and
    one refund for each refunded one. `confirmed_by_organizer` are bookings confirmed without money.
    """
    found = {}
    for claim, statement in _WRONG.items():
        arguments = (list(confirmed_by_organizer),) if "$1" in statement else ()
        if rows := [dict(row) for row in await sql(statement, *arguments)]:
            found[claim] = rows
    assert not found, found
    if ledger is not None:
        _assert_ledger(await sql("SELECT * FROM payments WHERE gateway = 'mock'"), read_ledger(ledger))


def _assert_ledger(rows: Sequence[Mapping[str, Any]], entries: Sequence[Entry]) -> None:
    def total(kind: EntryKind, key: str) -> tuple[int, Decimal]:
        amounts = [
            Decimal(entry.amount)
            for entry in entries
            if (entry.kind, entry.key) == (kind, key) and (entry.succeeded or kind is EntryKind.REFUND)
        ]
        return len(amounts), sum(amounts, Decimal(0))

    for payment in rows:
        key, amount = payment["transaction_id"], payment["amount"]
        once = (1, amount) if amount else (0, Decimal(0))
        charged, returned = total(EntryKind.CHARGE, key), total(EntryKind.REFUND, key)
        expected = {
            "completed": (once, (0, Decimal(0))),
            "refunded": (once, once),
        }.get(payment["status"], ((0, Decimal(0)), (0, Decimal(0))))
        assert (charged, returned) == expected, (dict(payment), charged, returned)
