"""The lines of invoices and credit notes: as they were booked, and adding up to the amount."""

import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pypdf
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eventhub.services.ports.payments import GatewayState
from tests.api import Api, Person
from tests.money import (
    assert_money_balances,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
)
from tests.services.test_payments import settle
from tests.web import document as doc

Line = tuple[str, int, str, str]  # name, quantity, unit price, discount of the whole line
THREE: list[Line] = [
    ("Early bird", 2, "149.00", "59.60"),
    ("Student", 1, "49.00", "0.00"),
    ("Speakers' dinner", 1, "85.00", "17.00"),
]


def total_of(line: Line) -> Decimal:
    _, quantity, unit_price, discount = line
    return Decimal(unit_price) * quantity - Decimal(discount)


async def book(api: Api, person: Person, event: Mapping[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    """Return a pending booking with these lines; its price is their sum."""
    booking = await reserve(person, event, sum(quantity for _, quantity, _, _ in lines))
    await api.database.execute(
        "UPDATE bookings SET is_itemized = true, total_price = $2, discount = $3 WHERE id = $1",
        booking["id"],
        sum(map(total_of, lines)),
        sum(Decimal(line[3]) for line in lines),
    )
    # A booking has each type once: so each line has one of its own.
    await api.database.execute(
        """
        WITH line AS (
            SELECT * FROM unnest($2::text[], $3::int[], $4::numeric[], $5::numeric[]) WITH ORDINALITY
                AS line(name, quantity, unit_price, discount, place)
        ), type AS (
            INSERT INTO ticket_types (event_id, name, price, seats_held, created_at, updated_at)
            SELECT b.event_id, 'Type ' || b.id || '-' || place, unit_price, quantity, now(), now() FROM bookings b, line WHERE b.id = $1
            RETURNING id, name
        )
        INSERT INTO booking_items (booking_id, ticket_type_id, position, name, quantity, unit_price, discount, total,
                                   attendees)
        SELECT $1, type.id, place, line.name, quantity, unit_price, discount, unit_price * quantity - discount, '[]'
        FROM line JOIN type ON type.name = 'Type ' || $1::bigint || '-' || place
        """,
        booking["id"],
        *map(list, zip(*lines, strict=True)),
    )
    return booking


async def order(organizer: Person, person: Person, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pending booking of THREE, as one is made: at the prices of three types, with a promo code for two."""
    path = f"/api/events/{event['id']}/"
    types = [
        (await organizer.post(f"{path}ticket_types/", {"name": name, "price": price})).data["id"]
        for name, _, price, _ in THREE
    ]
    code = {"code": "RIVER20", "kind": "percent", "value": 20, "ticket_types": [types[0], types[2]]}
    assert (await organizer.post(f"{path}promo_codes/", code)).status == 201
    items = [
        {"ticket_type": type_id, "quantity": quantity}
        for type_id, (_, quantity, _, _) in zip(types, THREE, strict=True)
    ]
    made = await person.post(
        "/api/bookings/", {"event": event["id"], "items": items, "promo_code": "RIVER20"}
    )
    assert made.status == 201, made.data
    return dict(made.data)


async def pay(api: Api, person: Person, booking: Mapping[str, Any]) -> dict[str, Any]:
    payment = await start_paying(person, booking)
    await settle(api, payment, GatewayState.SUCCEEDED)
    return payment


async def read_pdf(api: Api, person: Person, path: str) -> str:
    headers = {"Authorization": f"Bearer {person.token}", "Accept": "application/pdf"}
    async with api.client.get(path, headers=headers) as response:
        assert response.status == 200
        pages = pypdf.PdfReader(io.BytesIO(await response.read())).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())


async def test_every_single_invoice_has_its_lines_behind_the_documented_keys_and_no_list_has(
    api: Api,
) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price="29.99")
    payment = await pay(api, person, await reserve(person, event, 2))
    (listed,) = (await person.get("/api/invoices/")).data
    assert list(listed) == list(doc.INVOICE)
    path = f"/api/invoices/{listed['id']}/"
    answers = [
        await person.get(path),
        await person.get(f"/api/payments/{payment['id']}/receipt/"),
        await organizer.get(path),
        await person.post(f"{path}mark_as_sent/"),
    ]
    for answer in answers:
        assert answer.status == 200
        assert list(answer.data) == [*doc.INVOICE, "lines"]
        (line,) = answer.data["lines"]
        assert list(line.items()) == [
            ("description", "Test Workshop, 2 tickets"),
            ("quantity", 2),
            ("unit_price", "29.99"),
            ("discount", "0.00"),
            ("amount", "59.98"),
        ]


async def test_lines_are_those_of_the_booking_as_they_were_and_a_credit_note_takes_them_back(
    api: Api,
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await order(organizer, person, await organizer.create_event(price="199.00"))
    payment = await pay(api, person, booking)
    path = f"/api/payments/{payment['id']}/receipt/"
    receipt = (await person.get(path)).data
    assert receipt["amount"] == "355.40"
    assert receipt["lines"] == [
        {
            "description": name,
            "quantity": quantity,
            "unit_price": unit_price,
            "discount": discount,
            "amount": str(total_of((name, quantity, unit_price, discount))),
        }
        for name, quantity, unit_price, discount in THREE
    ]
    pdf = await read_pdf(api, person, path)
    for part in (
        "Test Workshop, 4 tickets",
        "QUANTITY UNIT PRICE DISCOUNT AMOUNT USD",
        "Early bird 2 149.00 \N{MINUS SIGN}59.60 238.40",
        "Student 1 49.00 49.00",
        "Speakers' dinner 1 85.00 \N{MINUS SIGN}17.00 68.00",
        "Total paid USD 355.40",
    ):
        assert part in pdf

    await api.database.execute(
        "UPDATE booking_items SET name = 'Another', unit_price = 0, discount = 0, total = 0"
    )
    await api.database.execute("UPDATE events SET title = 'Another'")
    assert (await person.get(path)).data == receipt
    assert await read_pdf(api, person, path) == pdf

    assert (await organizer.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    note = (await person.get("/api/invoices/")).data[0]
    assert list(note) == list(doc.INVOICE)
    path = f"/api/invoices/{note['id']}/"
    credit = (await person.get(path)).data
    assert credit["amount"] == "-355.40"
    assert credit["lines"] == [
        {
            "description": "Early bird",
            "quantity": 2,
            "unit_price": "-149.00",
            "discount": "-59.60",
            "amount": "-238.40",
        },
        {
            "description": "Student",
            "quantity": 1,
            "unit_price": "-49.00",
            "discount": "0.00",
            "amount": "-49.00",
        },
        {
            "description": "Speakers' dinner",
            "quantity": 1,
            "unit_price": "-85.00",
            "discount": "-17.00",
            "amount": "-68.00",
        },
    ]
    pdf = await read_pdf(api, person, path)
    assert "Early bird 2 \N{MINUS SIGN}149.00 59.60 \N{MINUS SIGN}238.40" in pdf
    assert "Total credited USD \N{MINUS SIGN}355.40" in pdf
    await assert_money_balances(api.database.fetch)


async def test_the_mail_of_an_invoice_with_lines_is_about_the_event(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    await start_paying(person, await book(api, person, await organizer.create_event(), THREE))
    await api.run_jobs()
    number = (await person.get("/api/invoices/")).data[0]["invoice_number"]
    (mail,) = [mail for mail in api.mailer.sent if number in mail.subject]
    assert mail.subject == f"Invoice {number}: Test Workshop, 4 tickets"


async def test_a_free_booking_with_lines_has_a_receipt_with_them(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    free: list[Line] = [("Member", 2, "0.00", "0.00"), ("Press", 1, "20.00", "20.00")]
    payment = await pay(api, person, await book(api, person, await organizer.create_event(), free))
    receipt = (await person.get(f"/api/payments/{payment['id']}/receipt/")).data
    assert (receipt["amount"], [line["amount"] for line in receipt["lines"]]) == ("0.00", ["0.00", "0.00"])
    await organizer.post(f"/api/payments/{payment['id']}/refund/")
    note = (await person.get("/api/invoices/")).data[0]
    lines = (await person.get(f"/api/invoices/{note['id']}/")).data["lines"]
    assert [(line["unit_price"], line["discount"], line["amount"]) for line in lines] == [
        ("0.00", "0.00", "0.00"),
        ("-20.00", "-20.00", "0.00"),
    ]


@st.composite
def _lines(draw: st.DrawFn) -> list[Line]:
    lines: list[Line] = []
    for _ in range(draw(st.integers(1, 20))):
        quantity = draw(st.integers(1, 5))
        cents = draw(st.integers(0, 9_999_999_999) | st.integers(0, 5000))
        discount = draw(st.integers(0, cents * quantity) | st.sampled_from([0, cents * quantity]))
        # Whatever one may call a type: it is text in JSON, and no code.
        name = draw(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100))
        lines.append((name, quantity, _money(cents), _money(discount)))
    return lines


def _money(cents: int) -> str:
    return f"{Decimal(cents).scaleb(-2):.2f}"


async def test_lines_always_add_up_to_the_amount(api: Api) -> None:
    drawn: list[list[Line]] = []

    @given(_lines())
    @hypothesis_settings(deadline=None, derandomize=True, max_examples=40, database=None)
    def draw(lines: list[Line]) -> None:
        if sum(map(total_of, lines)) < Decimal("9999999999.99"):
            drawn.append(lines)

    draw()
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event(max_attendees=100_000)
    for person, lines in zip(await people(api, len(drawn)), drawn, strict=True):
        payment = await pay(api, person, await book(api, person, event, lines))
        await settle(api, payment, GatewayState.REFUNDED)
        credit, invoice = (await person.get("/api/invoices/")).data
        for document, sign in ((invoice, 1), (credit, -1)):
            shown = (await person.get(f"/api/invoices/{document['id']}/")).data
            assert sum(Decimal(line["amount"]) for line in shown["lines"]) == Decimal(shown["amount"])
            assert [_fields(line) for line in shown["lines"]] == [
                (name, quantity, sign * Decimal(price), sign * Decimal(discount), sign * total_of(line))
                for line in lines
                for name, quantity, price, discount in [line]
            ]
    assert len(drawn) >= 30
    await assert_money_balances(api.database.fetch)


def _fields(line: Mapping[str, Any]) -> tuple[object, ...]:
    amounts = (Decimal(line[key]) for key in ("unit_price", "discount", "amount"))
    return (line["description"], line["quantity"], *amounts)
