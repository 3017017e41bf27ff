"""Payments' amounts and lists, receipts, invoices, credit notes and their numbers over HTTP."""

import io
from decimal import Decimal

import asyncpg
import pypdf
import pytest

from eventhub.models.payments import PaymentMethod
from eventhub.services.invoices import Terms
from eventhub.services.ports.payments import GatewayState
from tests.api import Api, Person
from tests.conftest import MakeApi
from tests.money import (
    PRICE,
    assert_money_balances,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
    status,
)
from tests.services.test_payments import settle
from tests.web.test_errors import check_error

PDF = {"Accept": "application/pdf"}


@pytest.mark.parametrize("amount", [PRICE, 29.99, "2.999e1"])
async def test_an_amount_may_be_text_or_number(api: Api, amount: object) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    assert (await start_paying(person, booking, amount=amount))["amount"] == PRICE


@pytest.mark.parametrize("amount", [29.98, "30", -29.99, True, "NaN", "1e400", [], "29.99 USD", " 29.99 "])
async def test_another_amount_than_the_price_is_refused(api: Api, amount: object) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    answer = await person.post("/api/payments/", {"booking": booking["id"], "amount": amount})
    assert (answer.status, list(answer.data["errors"])) == (400, ["amount"])


async def test_a_free_booking_may_be_paid_for_a_receipt(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event())
    payment = await start_paying(person, booking, amount=0)
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert (await person.get(f"/api/payments/{payment['id']}/receipt/")).data["amount"] == "0.00"
    refunded = await person.post(f"/api/bookings/{booking['id']}/cancel/")
    assert refunded.data["refund_status"] == "refunded"
    await api.run_jobs()
    assert await api.database.fetch_value("SELECT refund_state FROM payments") == "returned"
    await assert_money_balances(api.database.fetch)


@pytest.mark.parametrize("first", ["organizer", "job"])
async def test_a_transfer_of_nothing_is_completed_by_the_organizer_or_by_its_job_whoever_is_first(
    api: Api, first: str
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price="0.00"))
    await person.verify()
    payment = await start_paying(person, booking, method="bank_transfer")
    if first == "job":
        await api.run_jobs()
        assert await status(person, "payments", payment) == "completed"
    assert (await organizer.post(f"/api/bookings/{booking['id']}/confirm/")).status == 200
    assert await status(person, "payments", payment) == "completed"
    await api.run_jobs()
    assert await status(person, "payments", payment) == "completed"
    assert len((await person.get("/api/invoices/")).data) == 1
    await assert_money_balances(api.database.fetch)


async def test_a_payment_of_nothing_for_a_booking_that_is_gone_is_cancelled_without_a_word_of_money(
    api: Api,
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event())
    payment = await start_paying(person, booking)
    await person.post(f"/api/bookings/{booking['id']}/cancel/")
    await api.run_jobs()
    assert await status(person, "payments", payment) == "cancelled"
    (told,) = (await person.get("/api/notifications/")).data
    assert told["message"] == "You have cancelled your booking for Test Workshop."


async def test_without_a_method_the_first_configured_one_serves(make_api: MakeApi) -> None:
    api = await make_api(payment_gateways={"bank_transfer": "offline", "mock": "mock"})
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    await person.verify()
    assert (await start_paying(person, booking))["method"] == "bank_transfer"


async def test_without_any_gateway_every_method_is_refused(make_api: MakeApi) -> None:
    api = await make_api(payment_gateways={})
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    for method in ({}, *({"method": method.value} for method in PaymentMethod)):
        answer = await person.post("/api/payments/", {"booking": booking["id"], **method})
        assert (answer.status, list(answer.data["errors"])) == (400, ["method"])


async def test_a_receipt_is_there_once_the_payment_is_completed_as_json_and_pdf(make_api: MakeApi) -> None:
    api = await make_api(tax_rate=Decimal(19), seller=("Example Events Ltd", "VAT ID EX123"))
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    payment = await start_paying(person, booking)
    path = f"/api/payments/{payment['id']}/receipt/"
    assert (await person.get(path)).status == 404
    await api.run_jobs()
    assert (await person.get(path)).data == (await organizer.get(path)).data
    async with api.client.get(path, headers={"Authorization": f"Bearer {person.token}", **PDF}) as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
        text = "".join(
            page.extract_text() for page in pypdf.PdfReader(io.BytesIO(await response.read())).pages
        )
    assert "4.79" in text
    assert "Example Events Ltd" in text
    refunded = await person.post(f"/api/payments/{payment['id']}/refund/")
    assert refunded.status == 200
    assert (await person.get(path)).data["amount"] == PRICE, (
        "the receipt stays, a credit note stands beside it"
    )


async def test_a_refund_adds_a_credit_note_and_leaves_the_invoice_as_it_was(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await settle(api, payment, GatewayState.SUCCEEDED)
    (invoice,) = (await person.get("/api/invoices/")).data
    sent = await person.post(f"/api/invoices/{invoice['id']}/mark_as_sent/")
    assert (sent.status, sent.data["is_sent"], bool(sent.data["sent_at"])) == (200, True, True)
    again = await organizer.post(f"/api/invoices/{invoice['id']}/mark_as_sent/")
    assert again.data == sent.data
    await organizer.post(f"/api/payments/{payment['id']}/refund/")
    note, same = (await person.get("/api/invoices/")).data
    assert {**same, "lines": sent.data["lines"]} == sent.data
    assert (note["amount"], note["is_sent"]) == (f"-{PRICE}", False)
    assert note["notes"] == f"Credit note for {invoice['invoice_number']}"
    assert note["invoice_number"].startswith("CRN-")
    assert note["invoice_number"].endswith("-000001")
    assert (await person.get(f"/api/invoices/{note['id']}/", headers=PDF)).status == 200


async def read_pdf(api: Api, person: Person, path: str) -> str:
    async with api.client.get(path, headers={"Authorization": f"Bearer {person.token}", **PDF}) as response:
        assert response.status == 200
        pages = pypdf.PdfReader(io.BytesIO(await response.read())).pages
        return "".join(page.extract_text() for page in pages)


async def test_an_invoice_stays_as_it_was_issued_whatever_changes_later(make_api: MakeApi) -> None:
    api = await make_api(tax_rate=Decimal("7.725"), seller=("Example Events Ltd", "VAT ID EX123"))
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    payment = await start_paying(person, await reserve(person, event))
    await settle(
        api, payment, GatewayState.SUCCEEDED, Terms(("Example Events Ltd", "VAT ID EX123"), Decimal("7.725"))
    )
    (invoice,) = (await person.get("/api/invoices/")).data
    path = f"/api/invoices/{invoice['id']}/"
    before = await read_pdf(api, person, path)
    address = await api.database.fetch_value("SELECT email FROM users WHERE id = $1", person.id)
    for fact in ("Example Events Ltd", "VAT ID EX123", address, "7.725%"):
        assert fact in before
    await api.database.execute(
        "UPDATE users SET email = 'new@example.com', first_name = 'New' WHERE id = $1", person.id
    )
    await api.database.execute("UPDATE events SET title = 'Another Title'")
    later = await make_api(tax_rate=None, seller=("Another Seller",))
    assert await read_pdf(later, person, path) == before
    await settle(later, payment, GatewayState.REFUNDED, Terms(("Another Seller",)))
    note = (await person.get("/api/invoices/")).data[0]
    credit = await read_pdf(later, person, f"/api/invoices/{note['id']}/")
    for fact in (note["invoice_number"], "Example Events Ltd", "VAT ID EX123", address, "7.725%"):
        assert fact in credit


async def test_the_billing_address_of_a_payment_is_on_its_invoice_and_credit_note(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    address = "Acme Ltd\nMain Street 1\n12345 Springfield"
    for bad in (1, ["x"], "x" * 501, "a\0b"):
        answer = await person.post("/api/payments/", {"booking": booking["id"], "billing_address": bad})
        check_error(answer, 400, "invalid", "billing_address")
    payment = await start_paying(person, booking, billing_address=address)
    await settle(api, payment, GatewayState.SUCCEEDED)
    await person.post(f"/api/payments/{payment['id']}/refund/")
    note, invoice = (await person.get("/api/invoices/")).data
    assert (invoice["billing_address"], note["billing_address"]) == (address, address)
    for row in (note, invoice):
        text = await read_pdf(api, person, f"/api/invoices/{row['id']}/")
        assert all(line in text for line in address.split("\n"))


async def test_an_invoice_from_before_rows_kept_their_seller_has_the_settings_one(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await settle(api, payment, GatewayState.SUCCEEDED)
    await api.database.execute("UPDATE invoices SET seller = ''")
    assert "Event Hub" in await read_pdf(api, person, f"/api/payments/{payment['id']}/receipt/")


async def test_a_credit_note_is_mailed_as_an_invoice_is(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    payment = await start_paying(person, await reserve(person, await organizer.create_event(price=PRICE)))
    await api.run_jobs()
    await organizer.post(f"/api/payments/{payment['id']}/refund/")
    await api.run_jobs()
    note, invoice = (row["invoice_number"] for row in (await person.get("/api/invoices/")).data)
    mails = {
        mail.subject: mail for mail in api.mailer.sent if "INV-" in mail.subject or "CRN-" in mail.subject
    }
    about = "Test Workshop, 1 ticket"
    assert set(mails) == {f"Invoice {invoice}: {about}", f"Credit note {note}: {about}"}
    mail = mails[f"Credit note {note}: {about}"]
    assert "The credit note is attached as a PDF." in mail.text
    assert [file.filename for file in mail.attachments] == [f"{note}.pdf"]


async def test_invoices_are_their_payers_and_organizers_alone(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    (stranger,), (rival,) = await people(api, 1), await people(api, 1, "organizer")
    (admin,) = await people(api, 1, "admin")
    event = await organizer.create_event(price=PRICE)
    payment = await start_paying(person, await reserve(person, event))
    await settle(api, payment, GatewayState.SUCCEEDED)
    (invoice,) = (await person.get("/api/invoices/")).data
    for who, code, seen in (
        (person, 200, 1),
        (organizer, 200, 1),
        (admin, 200, 1),
        (stranger, 404, 0),
        (rival, 404, 0),
    ):
        assert (await who.get(f"/api/invoices/{invoice['id']}/")).status == code
        assert (await who.post(f"/api/invoices/{invoice['id']}/mark_as_sent/")).status == code
        for kind in ("invoices", "payments"):
            assert len((await who.get(f"/api/{kind}/?event={event['id']}")).data) == seen
            assert len((await who.get(f"/api/{kind}/")).data) == (who is person)


async def test_lists_filter_order_and_search(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    cheap = await organizer.create_event(price="5.00")
    dear = await organizer.create_event(price="50.00")
    first = await start_paying(person, await reserve(person, cheap), method="credit_card")
    second = await start_paying(person, await reserve(person, dear))
    await settle(api, first, GatewayState.SUCCEEDED)
    await settle(api, second, GatewayState.FAILED)

    async def found(query: str) -> list[int]:
        answer = await person.get(f"/api/payments/{query}")
        assert answer.status == 200, answer.data
        return [payment["id"] for payment in answer.data]

    assert await found("") == [second["id"], first["id"]]
    assert await found("?status=failed") == [second["id"]]
    assert await found("?method=credit_card") == [first["id"]]
    assert await found(f"?booking={first['booking']}") == [first["id"]]
    assert await found(f"?event={dear['id']}") == [second["id"]]
    assert await found("?ordering=amount") == [first["id"], second["id"]]
    assert await found("?ordering=-amount&page_size=1") == [second["id"]]
    assert (await person.get("/api/payments/?status=lost")).status == 400

    number = (await person.get("/api/invoices/")).data[0]["invoice_number"]
    for query in (number[4:].lower(), first["transaction_id"][2:9].lower(), number):
        assert len((await person.get(f"/api/invoices/?search={query}")).data) == 1
    for query in ("search=%25", "search=_", "search=EVH-XX-", "is_sent=true", f"event={dear['id']}"):
        assert (await person.get(f"/api/invoices/?{query}")).data == []
    assert len((await person.get("/api/invoices/?is_sent=false")).data) == 1


async def test_numbers_begin_at_one_every_year_and_grow_past_six_digits(api: Api, make_api: MakeApi) -> None:
    """The year is frozen by a now() that stands before PostgreSQL's own."""
    settings = api.resources.settings
    connection = await asyncpg.connect(settings.database_url)
    name = settings.database_url.rpartition("/")[2].partition("?")[0]
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event(price="1.00")
    pending = [await start_paying(each, await reserve(each, event)) for each in await people(api, 4)]
    await settle(api, pending[0], GatewayState.SUCCEEDED)
    year = await api.database.fetch_value("SELECT extract(year FROM now())::int")
    try:
        await connection.execute(
            "CREATE SCHEMA frozen; CREATE FUNCTION frozen.now() RETURNS timestamptz LANGUAGE sql STABLE AS "
            f"$$SELECT '{year + 1}-01-01 00:00:00+00'::timestamptz$$; "
            f'ALTER DATABASE "{name}" SET search_path = frozen, pg_catalog, public'
        )
        later = await make_api()
        await settle(later, pending[1], GatewayState.SUCCEEDED)
        await later.database.execute(
            "UPDATE invoice_counters SET last_number = 999999 WHERE series = $1", f"INV-{year + 1}"
        )
        await settle(later, pending[2], GatewayState.SUCCEEDED)
        await settle(later, pending[2], GatewayState.REFUNDED)
    finally:
        await connection.execute(f'ALTER DATABASE "{name}" RESET search_path; DROP SCHEMA frozen CASCADE')
        await connection.close()
    rows = await api.database.fetch("SELECT invoice_number FROM invoices ORDER BY id")
    assert [row["invoice_number"] for row in rows] == [
        f"INV-{year}-000001",
        f"INV-{year + 1}-000001",
        f"INV-{year + 1}-1000000",
        f"CRN-{year + 1}-000001",
    ]
