"""How money, days and times are printed."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

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


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "15 June 2026, 18:00 UTC"),
        ("Europe/Berlin", "15 June 2026, 20:00 CEST"),
        ("Europe/London", "15 June 2026, 19:00 BST"),
        ("America/New_York", "15 June 2026, 14:00 EDT"),
        ("Pacific/Honolulu", "15 June 2026, 08:00 HST"),
        ("Australia/Lord_Howe", "16 June 2026, 04:30 GMT+10:30"),
        # IST is also India's and Israel's, PST also California's; of Dublin's summer time CLDR thinks that it is none.
        ("Europe/Dublin", "15 June 2026, 19:00 GMT+01:00"),
        ("Asia/Kolkata", "15 June 2026, 23:30 GMT+05:30"),
        ("Asia/Manila", "16 June 2026, 02:00 GMT+08:00"),
        ("Atlantic/Reykjavik", "15 June 2026, 18:00 GMT"),
    ],
)
def test_a_moment_is_said_by_the_clocks_of_a_zone(zone: str, said: str) -> None:
    assert localized.moment(datetime(2026, 6, 15, 18, tzinfo=UTC), zone) == said


def test_no_two_zones_call_different_times_the_same() -> None:
    offsets = defaultdict(set)
    for zone in localized._zones().values():
        for month in range(1, 13):
            moment = datetime(2026, month, 15, 18, tzinfo=UTC)
            offsets[localized.zone_name(moment, zone)].add(moment.astimezone(ZoneInfo(zone)).utcoffset())
    assert len(offsets) > 50
    assert {name: found for name, found in offsets.items() if len(found) > 1} == {}


def test_a_span_over_a_change_of_clocks_names_both_times() -> None:
    start = datetime(2027, 3, 27, 21, tzinfo=UTC)
    said = "Saturday, 27 March 2027, 22:00 CET to Sunday, 28 March 2027, 06:00 CEST"
    assert localized.span(start, start + timedelta(hours=7), "Europe/Berlin") == said
    # In New York it is one day and no change.
    said = "Saturday, 27 March 2027, 17:00 to Sunday, 28 March 2027, 00:00 EDT"
    assert localized.span(start, start + timedelta(hours=7), "America/New_York") == said


def test_a_zone_is_found_in_any_case_and_only_if_it_is_one() -> None:
    assert localized.find_zone("europe/BERLIN") == "Europe/Berlin"
    assert [localized.find_zone(name) for name in ("", "Berlin", "Factory", "../UTC")] == [None] * 4
    for name in localized._zones().values():
        assert ZoneInfo(name).key == name
