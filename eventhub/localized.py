"""Money, days and times as the currency and the language print them (CLDR, by Babel).

The language is that of all of Event Hub's texts: English, with the day before the month and 24 hours to the day. What
JSON says is no matter of this: amounts there have two places, times are ISO 8601.
"""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, get_currency_precision, is_currency

LOCALE = Locale("en", "GB")
_MONEY = "¤¤ #,##0.00;¤¤ -#,##0.00"  # the code, not the sign: "$" is the money of two dozen countries
_AMOUNT = "#,##0.00"

__all__ = [
    "amount",
    "day",
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


def day(value: date) -> str:
    """Return 15 June 2026; of a datetime, its day in UTC."""
    return format_date(_in_utc(value), "long", locale=LOCALE)


def weekday(value: date) -> str:
    """Return Monday, 15 June 2026; of a datetime, its day in UTC."""
    return format_date(_in_utc(value), "full", locale=LOCALE)


def month(value: date) -> str:
    """Return Jun; of a datetime, that of its day in UTC."""
    return format_date(_in_utc(value), "MMM", locale=LOCALE)


def time(value: datetime) -> str:
    """Return 18:00, in UTC."""
    return format_time(value.astimezone(UTC), "short", locale=LOCALE)


def moment(value: datetime) -> str:
    """Return 15 June 2026, 18:00 UTC."""
    return f"{day(value)}, {time(value)} UTC"


def span(start: datetime, end: datetime) -> str:
    """Return Monday, 15 June 2026, 18:00 to 21:00 UTC, or both days where there are two."""
    until = time(end) if _in_utc(start) == _in_utc(end) else f"{weekday(end)}, {time(end)}"
    return f"{weekday(start)}, {time(start)} to {until} UTC"


def _in_utc(value: date) -> date:
    return value.astimezone(UTC).date() if isinstance(value, datetime) else value
