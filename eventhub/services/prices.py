"""What an event may cost: what its currency can express, and what somebody can pay."""

from collections.abc import Collection
from decimal import Decimal

from eventhub import localized
from eventhub.errors import Conflict, Invalid
from eventhub.services.ports.payments import PaymentGateway


def check(price: Decimal, currency: str, gateways: Collection[PaymentGateway]) -> None:
    """Raise Invalid for a price with places that its currency does not have, and for one that no gateway takes.

    Nothing is always a price, and so is everything where no gateway is configured yet.
    """
    check_places(price, currency, "price")
    limits = [gateway.limits(currency) for gateway in gateways]
    if price and limits and not any(limit.least <= price <= limit.greatest for limit in limits):
        least, greatest = min(limit.least for limit in limits), max(limit.greatest for limit in limits)
        span = f"from {localized.money(least, currency)} to {localized.money(greatest, currency)}"
        raise Invalid({"price": [f"No payment method takes this amount. Must be 0, or {span}."]})


def check_total(total: Decimal, currency: str, gateways: Collection[PaymentGateway]) -> None:
    """Raise Conflict for a booking's price that is less than any gateway takes, and more than nothing."""
    limits = [gateway.limits(currency) for gateway in gateways]
    if total > 0 and limits and total < (least := min(limit.least for limit in limits)):
        raise Conflict(
            f"This costs {localized.money(total, currency)}, and no payment method takes less than "
            f"{localized.money(least, currency)}.",
            code="total_too_small",
        )


def check_expected(total: Decimal, expected: Decimal, currency: str) -> None:
    """Raise Conflict where something costs another amount than its buyer was told."""
    if total != expected:
        raise Conflict(
            f"This costs {localized.money(total, currency)}, not {localized.money(expected, currency)}: nothing has "
            "been booked.",
            code="price_changed",
        )


def check_places(amount: Decimal, currency: str, field: str) -> None:
    """Raise Invalid, naming the field, for a fraction that the currency has no coins for."""
    if not localized.has_places_for(amount, currency):
        raise Invalid({field: [f"Must be a whole number: {currency} has no decimal places."]})
