"""Where a rule begins and ends: the value on each side of the border, and the one that stands on it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from eventhub.database import Database
from eventhub.errors import Invalid
from eventhub.gateways.payments.mock import MockGateway
from eventhub.services import certificates, invoices, prices, refunds, seats
from eventhub.services.access import Viewer
from eventhub.services.ports.payments import Limits
from eventhub.services.times import check_years
from tests.rows import NOW, insert, insert_booking, insert_event, insert_payment, insert_users

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("event", "booking", "may"),
    [
        ({"is_before_deadline": True}, {"status": "no_show"}, True),
        ({}, {}, False),
        ({"refunds_until": NOW}, {}, True),
        ({"refunds_until": NOW}, {"status": "pending"}, True),
        ({"refunds_until": NOW}, {"status": "cancelled"}, False),
        ({"refunds_until": NOW}, {"status": "no_show"}, False),
        ({"refunds_until": NOW}, {"registered_at": NOW}, False),
        ({"refunds_until": NOW}, {"registered_at": NOW + HOUR}, False),
    ],
)
def test_until_when_an_owner_has_the_right_to_their_money(
    event: dict[str, Any], booking: dict[str, Any], may: bool
) -> None:
    rows: tuple[Any, Any] = (
        {"is_before_deadline": False, "refunds_until": None, "terms_changed_at": NOW, **event},
        {"status": "confirmed", "registered_at": NOW - HOUR, **booking},
    )
    assert refunds.is_owners_right(*rows) is may


class Takes(MockGateway):
    """A gateway that takes amounts between two."""

    def __init__(self, least: str, greatest: str) -> None:
        super().__init__()
        self._limits = Limits(Decimal(least), Decimal(greatest))

    def limits(self, currency: str) -> Limits:
        return self._limits


@pytest.mark.parametrize(
    ("price", "is_taken"),
    [
        ("0", True),
        ("0.49", False),
        ("0.50", True),
        ("10", True),
        ("10.01", False),
        ("20", True),
        ("30", True),
        ("30.01", False),
    ],
)
def test_a_price_is_nothing_or_what_some_gateway_takes(price: str, is_taken: bool) -> None:
    gateways = [Takes("0.50", "10"), Takes("20", "30")]
    prices.check(Decimal(price), "USD", [])
    if is_taken:
        prices.check(Decimal(price), "USD", gateways)
        return
    with pytest.raises(Invalid) as refused:
        prices.check(Decimal(price), "USD", gateways)
    assert "from USD 0.50 to USD 30.00" in refused.value.errors["price"][0]


@pytest.mark.parametrize(("year", "is_one"), [(1999, False), (2000, True), (2200, True), (2201, False)])
def test_the_first_and_the_last_year_of_events(year: int, is_one: bool) -> None:
    time = datetime(year, 7, 1, tzinfo=UTC)
    check_years({"start_date": time, "title": "x"}, {"start_date": time})
    if is_one:
        check_years({"start_date": time})
        return
    for stored in (None, {}, {"start_date": time + HOUR}, {"end_date": time}):
        with pytest.raises(Invalid):
            check_years({"start_date": time}, stored)


@pytest.fixture
async def organizer(database: Database) -> int:
    (user_id, _) = await insert_users(database, 2)
    await database.execute("UPDATE users SET user_type = 'organizer' WHERE id = $1", user_id)
    return user_id


@pytest.mark.parametrize(
    ("event", "tickets", "is_taken"),
    [
        ({"seats_held": 3}, 2, True),
        ({"seats_held": 4}, 2, False),
        ({"seats_held": 3, "waiting_count": 1}, 2, False),
        ({"seats_held": 3, "waiting_count": 1, "registration_deadline": NOW - HOUR}, 2, True),
        ({"seats_held": 3, "waiting_count": 1, "status": "ongoing"}, 2, True),
        ({"seats_held": 3, "status": "completed"}, 2, True),
        ({"seats_held": 4, "status": "completed"}, 2, False),
        ({"seats_held": 3, "status": "cancelled"}, 2, False),
        ({"seats_held": 3, "is_selling": False}, 2, True),
    ],
)
async def test_seats_that_late_money_takes_again(
    database: Database, organizer: int, event: dict[str, Any], tickets: int, is_taken: bool
) -> None:
    event_id = await insert_event(database, organizer, max_attendees=5, **event)
    booking_id = await insert_booking(
        database, event_id, organizer + 1, status="cancelled", number_of_tickets=tickets
    )
    booking = await database.fetch_one("SELECT * FROM bookings WHERE id = $1", booking_id)
    assert booking is not None
    async with database.transaction() as tx:
        assert await seats.take_again(tx, event_id, booking) is is_taken
    held = await database.fetch_value("SELECT seats_held FROM events")
    assert held == event["seats_held"] + (tickets if is_taken else 0)


@pytest.mark.parametrize(
    ("event", "is_taken", "most"),
    [
        ({"seats_held": 3}, True, 5),
        ({"seats_held": 4}, False, 5),
        ({"seats_held": 4, "status": "ongoing"}, False, 5),
        ({"seats_held": 4, "status": "completed"}, True, 6),
        ({"seats_held": 2, "status": "completed"}, True, 5),
    ],
)
async def test_seats_of_who_was_there_after_all(
    database: Database, organizer: int, event: dict[str, Any], is_taken: bool, most: int
) -> None:
    event_id = await insert_event(database, organizer, max_attendees=5, **event)
    booking_id = await insert_booking(
        database, event_id, organizer + 1, status="no_show", number_of_tickets=2
    )
    booking = await database.fetch_one("SELECT * FROM bookings WHERE id = $1", booking_id)
    assert booking is not None
    async with database.transaction() as tx:
        assert await seats.take_back(tx, event_id, booking) is is_taken
    row = await database.fetch_one("SELECT seats_held, seats_confirmed, max_attendees FROM events")
    assert row is not None
    taken = 2 * is_taken
    assert tuple(row.values()) == (event["seats_held"] + taken, taken, most)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"seats_held": 4},
        {"status": "ongoing"},
        {"is_selling": False},
        {"registration_deadline": NOW - HOUR},
    ],
)
async def test_seats_for_the_waitlist(database: Database, organizer: int, change: dict[str, Any]) -> None:
    event_id = await insert_event(
        database, organizer, **{"max_attendees": 5, "seats_held": 3, "waiting_count": 9, **change}
    )
    async with database.transaction() as tx:
        assert await seats.take_for_waitlist(tx, event_id, 2, places=2) is (not change)


async def insert_invoice(database: Database, payment: int, kind: str, number: str) -> int:
    text = dict.fromkeys(("event_title", "user_name", "user_email", "billing_address", "seller", "notes"), "")
    values = {**text, "kind": kind, "invoice_number": number, "payment_id": payment, "tickets": 1}
    values |= {"issued_at": NOW, "amount": Decimal(5), "currency": "USD", "mail_owed": True}
    return await insert(database, "invoices", values)


async def test_what_is_recorded_of_an_invoice_is_its_own_and_its_first(
    database: Database, organizer: int
) -> None:
    payer = organizer + 1
    event = await insert_event(database, organizer)
    booking = await insert_booking(database, event, payer, status="cancelled")
    payment = await insert_payment(database, booking, payer, status="refunded", refund_state="returned")
    invoice = await insert_invoice(database, payment, "invoice", "INV-2026-000001")
    note = await insert_invoice(database, payment, "credit_note", "CRN-2026-000001")
    viewer = Viewer(payer, "attendee")
    assert (await invoices.get_receipt(database, viewer, payment))["id"] == invoice
    assert await invoices.id_of_payment(database, payment, "credit_note") == note
    sent = []
    for _ in range(2):
        async with database.transaction() as tx:
            sent.append(await invoices.mark_as_sent(tx, viewer, invoice))
            await invoices.mailed(tx, payment, "credit_note")
    assert sent[0]["sent_at"] == sent[1]["sent_at"]
    owed = await database.fetch("SELECT kind, mail_owed, is_sent FROM invoices ORDER BY id")
    assert [tuple(row.values()) for row in owed] == [("invoice", True, True), ("credit_note", False, False)]
    document = await invoices.document(database, note, seller=("Seller",), as_receipt=True)
    assert (document.kind.value, document.refers_to) == ("credit_note", "INV-2026-000001")


async def test_a_download_is_its_owners_and_its_first(database: Database, organizer: int) -> None:
    owner = organizer + 1
    event = await insert_event(database, organizer)
    values = {"event_id": event, "user_id": owner, "user_name": "A", "certificate_number": "CERT-1"}
    values |= {"hours_completed": Decimal(2), "skill_tags": "", "issued_date": NOW, "pdf_name": "a.pdf"}
    certificate = await insert(database, "certificates", values)

    async def download(user: int, user_type: str) -> dict[str, Any]:
        async with database.transaction() as tx:
            return await certificates.mark_as_downloaded(tx, Viewer(user, user_type), "", certificate)

    assert (await download(organizer, "organizer"))["is_downloaded"] is False
    first = await download(owner, "attendee")
    again = await download(owner, "attendee")
    assert first["is_downloaded"] is True
    assert again["downloaded_at"] == first["downloaded_at"]
