from decimal import Decimal

import pytest

from eventhub.gateways.payments.amounts import limits, major_units, minor_units
from eventhub.services.ports.payments import GatewayRefused


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("29.99", "USD", 2999),
        ("29.99", "usd", 2999),
        ("0.07", "EUR", 7),
        ("0.29", "GBP", 29),  # 0.29 * 100 is 28.999999999999996 in floats
        ("99999999.99", "USD", 9_999_999_999),
        ("500.00", "JPY", 500),
        ("500", "KRW", 500),
        ("5.00", "ISK", 500),
        ("5.00", "UGX", 500),
        ("10.45", "HUF", 1045),  # whole units only when paid out
        ("5.12", "KWD", 5120),
        ("5.120", "BHD", 5120),
    ],
)
def test_amounts_become_whole_minor_units(amount: str, currency: str, units: int) -> None:
    assert minor_units(Decimal(amount), currency) == units


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("29.99", "JPY"),
        ("0.50", "VND"),
        ("5.50", "ISK"),
        ("5.50", "UGX"),
        ("1.005", "USD"),
        ("5.124", "KWD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
    ],
)
def test_what_a_currency_cannot_express_is_refused_and_never_rounded(amount: str, currency: str) -> None:
    with pytest.raises(GatewayRefused, match=currency):
        minor_units(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("units", "currency", "amount"),
    [
        (2999, "USD", "29.99"),
        (2999, "usd", "29.99"),
        (500, "JPY", "500"),
        (500, "ISK", "5"),
        (5120, "KWD", "5.12"),
    ],
)
def test_minor_units_are_read_back(units: int, currency: str, amount: str) -> None:
    assert major_units(units, currency) == Decimal(amount)
    assert minor_units(major_units(units, currency), currency.upper()) == units


@pytest.mark.parametrize(
    ("currency", "least", "greatest"),
    [
        ("USD", "0.50", "999999.99"),
        ("GBP", "0.30", "999999.99"),
        ("JPY", "50", "99999999"),
        ("HUF", "175", "99999999.99"),
        ("KRW", "1", "99999999"),
        ("UGX", "1", "999999"),
        ("TRY", "0.01", "999999.99"),
    ],
)
def test_a_currency_has_a_least_and_a_greatest_amount_that_stripe_takes(
    currency: str, least: str, greatest: str
) -> None:
    assert limits(currency).least == Decimal(least)
    assert limits(currency).greatest == Decimal(greatest)
    assert minor_units(limits(currency).greatest, currency) < 10**10
