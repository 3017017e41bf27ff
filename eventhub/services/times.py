"""Which times are accepted, and how they move on the clock of a time zone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eventhub import localized
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


def moved(value: datetime, *, start: datetime, to: datetime, zone: str) -> datetime:
    """Return `value` as it is when `start` moves to `to`, on the clock of a zone: what began at 10:00 still does.

    A time that clocks skip on that day is as much later as they skip; one that they show twice is the first, unless `to`
    itself is in the hour that comes again. Raises OverflowError where the calendar ends.
    """
    begins = localized.clock(to, zone)
    there = _wall(begins) + (_wall(localized.clock(value, zone)) - _wall(localized.clock(start, zone)))
    first, again = (there.replace(tzinfo=begins.tzinfo, fold=fold) for fold in (0, 1))
    # A fold of 1 means the second where a time comes twice; where clocks skip it, it is the earlier one.
    return max(first.astimezone(UTC), again.astimezone(UTC)) if begins.fold else first.astimezone(UTC)


def _wall(there: datetime) -> datetime:
    return there.replace(tzinfo=None, fold=0)
