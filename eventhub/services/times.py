"""Which times are accepted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from eventhub.errors import Invalid

FIRST_YEAR = 2000
LAST_YEAR = 2200


def check_years(values: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> None:
    """Raise Invalid for times that no event has: the zero times of programs, slips of the hand.

    What is `stored` already may stay: a client may send back what it got.
    """
    errors = {
        name: [f"Must be in the years {FIRST_YEAR} to {LAST_YEAR} (UTC)."]
        for name, value in values.items()
        if isinstance(value, datetime) and not FIRST_YEAR <= value.year <= LAST_YEAR
        if stored is None or stored.get(name) != value
    }
    if errors:
        raise Invalid(errors)
