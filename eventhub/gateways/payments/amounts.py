"""Money as card networks count it: whole numbers of a currency's minor unit."""

from decimal import Decimal

from eventhub.services.payment_gateway import GatewayRefused

# https://docs.stripe.com/currencies#zero-decimal: the amount is the number of whole units.
ZERO_DECIMAL = frozenset({"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"}) | frozenset(
    {"PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
# https://docs.stripe.com/currencies#special-cases: whole units alone, but sent as hundredths. UGX stands in the list
# of zero-decimal currencies too; the special case is the later word (5 UGX are sent as 500).
WHOLE_UNITS_AS_HUNDREDTHS = frozenset({"ISK", "UGX"})
# https://docs.stripe.com/currencies#three-decimal: thousandths, whose last digit must be 0.
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


def minor_units(amount: Decimal, currency: str) -> int:
    """Return `amount` (major units: 29.99) as the whole number that Stripe takes: 2999 for USD.

    Raises GatewayRefused where the currency cannot express it exactly; never rounds.
    """
    scale, step = _scale_and_step(currency.upper())
    units = amount * scale
    if not units.is_finite() or units % step:
        raise GatewayRefused(f"{amount} {currency} cannot be charged: {currency} has no such fractions.")
    return int(units)


def _scale_and_step(currency: str) -> tuple[int, int]:
    if currency in ZERO_DECIMAL:
        return 1, 1
    if currency in WHOLE_UNITS_AS_HUNDREDTHS:
        return 100, 100
    if currency in THREE_DECIMAL:
        return 1000, 10
    return 100, 1
