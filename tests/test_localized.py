"""How money, days and times are printed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from eventhub import localized


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("29.99", "USD", "USD 29.99"),
        ("1299", "EUR", "EUR 1,299.00"),
        ("-29.99", "USD", "USD -29.99"),
        ("999.00", "JPY", "JPY 999"),
        ("1234567", "KRW", "KRW 1,234,567"),
        ("0.00", "VND", "VND 0"),
        ("99999999.99", "USD", "USD 99,999,999.99"),
        # Kept from a time when such a price was taken: no document says another amount than what is owed.
        ("29.99", "JPY", "JPY 29.99"),
    ],
)
def test_money_has_the_places_of_its_currency(amount: str, currency: str, said: str) -> None:
    assert localized.money(Decimal(amount), currency) == said
    assert f"{currency} {localized.amount(abs(Decimal(amount)), currency)}" == said.replace("-", "")


@pytest.mark.parametrize(
    ("value", "currency", "rounded"),
    [("90.82", "JPY", "91"), ("90.5", "KRW", "91"), ("4.785", "USD", "4.79"), ("-90.5", "JPY", "-91")],
)
def test_amounts_are_rounded_half_up_to_their_places(value: str, currency: str, rounded: str) -> None:
    assert str(localized.rounded(Decimal(value), currency)) == rounded


def test_what_a_currency_can_express() -> None:
    assert localized.has_places_for(Decimal("29.00"), "JPY")
    assert not localized.has_places_for(Decimal("29.99"), "JPY")
    assert localized.has_places_for(Decimal("29.99"), "USD")


def test_days_and_times_are_said_in_english_and_in_utc() -> None:
    elsewhere = datetime.fromisoformat("2026-06-15T23:30:00-02:30")
    assert localized.day(elsewhere) == "16 June 2026"
    assert localized.day(date(2026, 6, 15)) == "15 June 2026"
    assert localized.weekday(elsewhere) == "Tuesday, 16 June 2026"
    assert localized.time(elsewhere) == "02:00"
    assert localized.moment(elsewhere) == "16 June 2026, 02:00 UTC"


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (3, "Monday, 15 June 2026, 18:00 to 21:00 UTC"),
        (6, "Monday, 15 June 2026, 18:00 to Tuesday, 16 June 2026, 00:00 UTC"),
    ],
)
def test_a_span_names_the_second_day_where_there_is_one(hours: int, said: str) -> None:
    start = datetime(2026, 6, 15, 18, tzinfo=UTC)
    assert localized.span(start, start.replace(day=15 + (18 + hours) // 24, hour=(18 + hours) % 24)) == said
