"""Money as card networks count it: whole numbers of a currency's minor unit."""

from decimal import Decimal

from eventhub.services.ports.payments import GatewayRefused, Limits

# https://docs.stripe.com/currencies#zero-decimal: the amount is the number of whole units.
ZERO_DECIMAL = frozenset({"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"}) | frozenset(
    {"PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
# https://docs.stripe.com/currencies#special-cases: whole units alone, but sent as hundredths. UGX stands in the list
# of zero-decimal currencies too; the special case is the later word (5 UGX are sent as 500).
WHOLE_UNITS_AS_HUNDREDTHS = frozenset({"ISK", "UGX"})
# https://docs.stripe.com/currencies#three-decimal: thousandths, whose last digit must be 0.
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts: in major units. The least amount is that of the
# currency in which Stripe pays out; of currencies that are not listed it depends on the day's rate, and Stripe's word
# comes with the payment.
LEAST = {
    currency: Decimal(amount)
    for amount, currencies in {
        "0.30": "GBP",
        "0.50": "USD AUD BRL CAD CHF EUR INR NZD SGD",
        "1": "BGN",
        "2": "AED MYR PLN RON",
        "2.50": "DKK",
        "3": "NOK SEK",
        "4": "HKD",
        "10": "MXN THB",
        "15": "CZK",
        "50": "JPY",
        "175": "HUF",
    }.items()
    for currency in currencies.split()
}
MOST_DIGITS = 8  # of the amount in minor units
MORE_DIGITS = {"INR": 9, "COP": 10, "HUF": 10, "IDR": 12}


def limits(currency: str) -> Limits:
    """Return what Stripe takes in one payment."""
    scale, step = _scale_and_step(currency)
    digits = MORE_DIGITS.get(currency, MOST_DIGITS)
    greatest = (10**digits - 1) // step * step
    return Limits(LEAST.get(currency, Decimal(step) / scale), Decimal(greatest) / scale)


def minor_units(amount: Decimal, currency: str) -> int:
    """Return `amount` (major units: 29.99) as the whole number that Stripe takes: 2999 for USD.

    Raises GatewayRefused where the currency cannot express it exactly; never rounds.
    """
    scale, step = _scale_and_step(currency.upper())
    units = amount * scale
    if not units.is_finite() or units % step:
        raise GatewayRefused(f"{amount} {currency} cannot be charged: {currency} has no such fractions.")
    return int(units)


def major_units(units: int, currency: str) -> Decimal:
    """Return what Stripe calls `units` in the currency's major unit: 29.99 for 2999 of USD."""
    return Decimal(units) / _scale_and_step(currency.upper())[0]


def _scale_and_step(currency: str) -> tuple[int, int]:
    if currency in ZERO_DECIMAL:
        return 1, 1
    if currency in WHOLE_UNITS_AS_HUNDREDTHS:
        return 100, 100
    if currency in THREE_DECIMAL:
        return 1000, 10
    return 100, 1
