"""What an event costs in which currency, who can pay that, and what of it a changed setting changes: nothing."""

from collections.abc import Sequence
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from tests.api import Api, Person, event_details
from tests.conftest import MakeApi
from tests.money import PRICE, assert_money_balances, organizer_and_payer, people, reserve, start_paying

STRIPE = {"stripe_api_key": "sk_test", "stripe_webhook_secret": "whsec"}
STRIPE_ALONE = {"payment_gateways": {"credit_card": "stripe"}, **STRIPE}
STRIPE_OR_TRANSFER = {"payment_gateways": {"credit_card": "stripe", "bank_transfer": "offline"}, **STRIPE}


def at(api: Api, *persons: Person) -> Sequence[Person]:
    for person in persons:
        person.api = api
    return persons


async def test_a_changed_setting_redenominates_nothing(make_api: MakeApi) -> None:
    francs = await make_api(currency="CHF")
    organizer, payer = await organizer_and_payer(francs)
    (second, third) = await people(francs, 2)
    event = await organizer.create_event(price="100.00", max_attendees=2)
    booking = await reserve(payer, event)
    assert (event["currency"], booking["currency"]) == ("CHF", "CHF")
    yen = await make_api(currency="JPY")
    at(yen, organizer, payer, second, third)
    later = await reserve(second, event)
    assert later["currency"] == "CHF"
    await third.post("/api/waitlist/", {"event": event["id"]})
    for person, booked in ((payer, booking), (second, later)):
        assert (await start_paying(person, booked))["currency"] == "CHF"
    await yen.run_jobs()
    # The one who waits gets an offer in the event's currency too.
    await second.post(f"/api/bookings/{later['id']}/cancel/")
    await yen.run_jobs()
    (offer,) = (await third.get("/api/bookings/")).data
    assert (await third.get(f"/api/bookings/{offer['id']}/")).data["currency"] == "CHF"
    assert (await start_paying(third, offer))["currency"] == "CHF"
    changed = await organizer.patch(f"/api/events/{event['id']}/", {"price": "29.99"})
    assert (changed.status, changed.data["currency"]) == (200, "CHF")
    assert (await organizer.create_event(price="3000"))["currency"] == "JPY"
    await yen.run_jobs()
    assert [invoice["currency"] for invoice in (await payer.get("/api/invoices/")).data] == ["CHF"]
    await assert_money_balances(yen.database.fetch)


async def test_a_client_sets_no_currency(api: Api) -> None:
    organizer, _ = await organizer_and_payer(api)
    event = await organizer.create_event(currency="EUR", price=PRICE)
    changed = await organizer.put(f"/api/events/{event['id']}/", {**event, "currency": "EUR"})
    assert (event["currency"], changed.data["currency"]) == ("USD", "USD")


async def test_lists_have_the_documented_keys_alone(api: Api) -> None:
    organizer, payer = await organizer_and_payer(api)
    event = await organizer.create_event()
    booking = await reserve(payer, event)
    assert list(booking)[-2:] == ["cancelled_at", "currency"]
    assert list(event)[-3:] == ["updated_at", "currency", "timezone"]
    for path in ("/api/events/", "/api/bookings/", f"/api/events/{event['id']}/attendees/"):
        assert not [item for item in (await payer.get(path)).data if "currency" in item]


# What somebody can pay


@pytest.mark.parametrize("price", ["29.99", 0.5, "1.10"])
@pytest.mark.parametrize("currency", ["JPY", "KRW", "VND", "CLP"])
async def test_a_currency_without_minor_units_has_no_fractions(
    make_api: MakeApi, currency: str, price: object
) -> None:
    api = await make_api(currency=currency)
    organizer, _ = await organizer_and_payer(api)
    refused = await organizer.post("/api/events/", event_details(price=price))
    assert (refused.status, list(refused.data["errors"])) == (400, ["price"])
    assert refused.data["errors"]["price"] == [f"Must be a whole number: {currency} has no decimal places."]


async def test_whole_amounts_of_such_a_currency_are_taken_in_every_form(make_api: MakeApi) -> None:
    api = await make_api(currency="JPY")
    organizer, payer = await organizer_and_payer(api)
    for price in ("3000", "3000.00", 3000, 3000.0):
        event = await organizer.create_event(price=price)
        assert event["price"] == "3000.00"
    booking = await reserve(payer, event, 2)
    assert booking["total_price"] == "6000.00"
    refused = await payer.post("/api/payments/", {"booking": booking["id"], "amount": "6000.50"})
    assert refused.data["errors"] == {"amount": ["Must be a whole number: JPY has no decimal places."]}
    paid = await start_paying(payer, booking, amount="6000")
    assert (paid["amount"], paid["currency"]) == ("6000.00", "JPY")
    bad = await organizer.patch(f"/api/events/{event['id']}/", {"price": "29.99"})
    assert (bad.status, list(bad.data["errors"])) == (400, ["price"])


@pytest.mark.parametrize(
    ("currency", "price", "span"),
    [
        ("USD", "0.30", "from USD 0.50 to USD 999,999.99"),
        ("USD", "1000000", "from USD 0.50 to USD 999,999.99"),
        ("JPY", "49", "from JPY 50 to JPY 99,999,999"),
        ("GBP", "0.29", "from GBP 0.30 to GBP 999,999.99"),
    ],
)
async def test_a_price_that_no_gateway_takes_is_refused_at_the_event(
    make_api: MakeApi, currency: str, price: str, span: str
) -> None:
    api = await make_api(currency=currency, **STRIPE_ALONE)
    organizer, _ = await organizer_and_payer(api)
    refused = await organizer.post("/api/events/", event_details(price=price))
    assert refused.status == 400
    assert refused.data["errors"] == {
        "price": [f"No payment method takes this amount. Must be 0, or {span}."]
    }
    for free in ("0", "0.00", 0):
        event = await organizer.create_event(price=free)
    bad = await organizer.patch(f"/api/events/{event['id']}/", {"price": price})
    assert (bad.status, list(bad.data["errors"])) == (400, ["price"])
    least = span.split()[2]
    assert (await organizer.patch(f"/api/events/{event['id']}/", {"price": least})).status == 200


async def test_one_gateway_that_takes_a_price_is_enough(make_api: MakeApi) -> None:
    api = await make_api(**STRIPE_OR_TRANSFER)
    organizer, _ = await organizer_and_payer(api)
    for price in ("0.30", "99999999.99"):
        await organizer.create_event(price=price)


async def test_an_old_price_is_never_newly_refused(make_api: MakeApi) -> None:
    before = await make_api(currency="JPY")
    organizer, _ = await organizer_and_payer(before)
    event = await organizer.create_event(price="30")
    await before.database.execute("UPDATE events SET price = 29.99")
    after = await make_api(currency="JPY", **STRIPE_ALONE)
    at(after, organizer)
    same = await organizer.put(f"/api/events/{event['id']}/", {**event, "price": "29.99", "title": "New"})
    assert (same.status, same.data["title"]) == (200, "New")
    other = await organizer.patch(f"/api/events/{event['id']}/", {"price": "29.98"})
    assert (other.status, list(other.data["errors"])) == (400, ["price"])


# On paper and in mails


async def test_yen_have_no_places_on_paper_and_in_mails(make_api: MakeApi) -> None:
    api = await make_api(currency="JPY", tax_rate=Decimal(10))
    organizer, payer = await organizer_and_payer(api)
    event = await organizer.create_event(price="333")
    booking = await reserve(payer, event, 3)
    await api.database.execute("UPDATE users SET is_verified = true")
    await start_paying(payer, booking)
    await api.run_jobs()
    texts = [mail.text for mail in api.mailer.sent]
    assert len(texts) == 3
    assert [text for text in texts if "JPY 999" in text] == texts
    assert not [text for text in texts if "999.00" in text]
    (invoice,) = (await payer.get("/api/invoices/")).data
    drawn = [
        attachment.content
        for mail in api.mailer.sent
        for attachment in mail.attachments
        if attachment.content_type == "application/pdf"
    ]
    (printed,) = ("".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages) for pdf in drawn)
    printed = " ".join(printed.split())
    assert "3 333 999 Total JPY 999 Net amount 908 VAT 10% (included) 91" in printed
    assert (invoice["amount"], invoice["currency"]) == ("999.00", "JPY")
