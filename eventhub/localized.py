"""Money, days and times as the currency and the language print them (CLDR, by Babel).

The language is that of all of Event Hub's texts: English, with the day before the month and 24 hours to the day. Times
are those of a `zone` (IANA), which is the event's where there is one. What JSON says is no matter of this: amounts there
have two places, times are ISO 8601 and in UTC.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from types import MappingProxyType
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_gmt, get_timezone_name
from babel.numbers import format_currency, get_currency_precision, is_currency

LOCALE = Locale("en", "GB")
_MONEY = "¤¤ #,##0.00;¤¤ -#,##0.00"  # the code, not the sign: "$" is the money of two dozen countries
_AMOUNT = "#,##0.00"
# Whose English knows the zone's abbreviation. IST or CST alone would be three zones' times: without one, it is GMT+05:30.
_ABBREVIATING = (LOCALE, Locale("en", "US"), Locale("en", "AU"))

__all__ = [
    "amount",
    "clock",
    "day",
    "find_zone",
    "has_places_for",
    "is_currency",
    "moment",
    "money",
    "month",
    "places",
    "rounded",
    "span",
    "time",
    "weekday",
    "zone_name",
]


def places(currency: str) -> int:
    """Return how many decimal places amounts of a currency have: 2 of USD, 0 of JPY."""
    return get_currency_precision(currency)


def rounded(value: Decimal, currency: str) -> Decimal:
    """Return `value` with the currency's places, rounded half up."""
    return value.quantize(Decimal(1).scaleb(-places(currency)), ROUND_HALF_UP)


def has_places_for(value: Decimal, currency: str) -> bool:
    """Tell whether the currency can express `value`: JPY has no 29.99."""
    return value == rounded(value, currency)


def money(value: Decimal, currency: str) -> str:
    """Return USD 1,299.00, or JPY 1,299."""
    return _printed(value, currency, _MONEY)


def amount(value: Decimal, currency: str) -> str:
    """Return 1,299.00 for USD, 1,299 for JPY: the currency stands elsewhere."""
    return _printed(value, currency, _AMOUNT)


def _printed(value: Decimal, currency: str, pattern: str) -> str:
    # What the currency has no places for is printed as it is all the same: no document may say another amount.
    as_usual = has_places_for(value, currency)
    return format_currency(value, currency, pattern, locale=LOCALE, currency_digits=as_usual)


def find_zone(name: str) -> str | None:
    """Return an IANA time zone as it is spelled, whatever the case of `name`; None where there is none.

    Those of the `tzdata` package are known: on every machine the same, and where no zone files are.
    """
    return _zones().get(name.casefold())


@cache
def _zones() -> Mapping[str, str]:
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    return MappingProxyType({name.casefold(): name for name in names if name != "Factory"})


def clock(value: datetime, zone: str) -> datetime:
    """Return `value` as the clocks of a zone show it."""
    return value.astimezone(ZoneInfo(zone))


def zone_name(value: datetime, zone: str) -> str:
    """Return what the time of a zone is called at that moment: UTC, CEST, GMT+05:30."""
    there = clock(value, zone)
    name = there.tzname() or ""
    is_known = any(get_timezone_name(there, "short", locale=locale) == name for locale in _ABBREVIATING)
    return (
        name
        if is_known and name.isalpha()
        else get_timezone_gmt(there, "long", locale=LOCALE).removesuffix("+00:00")
    )


def day(value: date, zone: str = "UTC") -> str:
    """Return 15 June 2026; of a datetime, its day in the zone."""
    return format_date(_there(value, zone), "long", locale=LOCALE)


def weekday(value: date, zone: str = "UTC") -> str:
    """Return Monday, 15 June 2026; of a datetime, its day in the zone."""
    return format_date(_there(value, zone), "full", locale=LOCALE)


def month(value: date, zone: str = "UTC") -> str:
    """Return Jun; of a datetime, that of its day in the zone."""
    return format_date(_there(value, zone), "MMM", locale=LOCALE)


def time(value: datetime, zone: str = "UTC") -> str:
    """Return 18:00, in the zone."""
    return format_time(clock(value, zone), "short", locale=LOCALE)


def moment(value: datetime, zone: str = "UTC") -> str:
    """Return 15 June 2026, 18:00 UTC."""
    return f"{day(value, zone)}, {time(value, zone)} {zone_name(value, zone)}"


def span(start: datetime, end: datetime, zone: str = "UTC") -> str:
    """Return Monday, 15 June 2026, 18:00 to 21:00 UTC, or both days where there are two.

    Where clocks change between start and end, it says for each what its time is called.
    """
    names = zone_name(start, zone), zone_name(end, zone)
    begins = f"{weekday(start, zone)}, {time(start, zone)}{'' if names[0] == names[1] else f' {names[0]}'}"
    is_one_day = _there(start, zone) == _there(end, zone)
    until = time(end, zone) if is_one_day else f"{weekday(end, zone)}, {time(end, zone)}"
    return f"{begins} to {until} {names[1]}"


def _there(value: date, zone: str) -> date:
    return clock(value, zone).date() if isinstance(value, datetime) else value
