"""How the clocks of a time zone run, as calendar files tell it (VTIMEZONE; RFC 5545, 3.6.5).

icalendar makes one too, but in spring says the time after the change where the RFC wants the one before: an hour of that
day would be another in calendars that believe it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

from eventhub import localized

_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)


def clocks(zone: str, first: datetime, last: datetime) -> Timezone:
    """Return how the clocks of `zone` run from `first` to `last`: what they show at first, and each change."""
    told = Timezone()
    told.add("TZID", zone)
    for onset in (first, *_changes(zone, first, last)):
        told.add_component(_observance(zone, onset))
    return told


def _observance(zone: str, onset: datetime) -> TimezoneStandard | TimezoneDaylight:
    there = localized.clock(onset, zone)
    before = _offset(zone, onset - _SECOND)
    observance = TimezoneDaylight() if there.dst() else TimezoneStandard()
    observance.add("DTSTART", (onset.astimezone(UTC) + before).replace(tzinfo=None))
    observance.add("TZOFFSETFROM", before)
    observance.add("TZOFFSETTO", _offset(zone, onset))
    observance.add("TZNAME", there.tzname())
    return observance


def _changes(zone: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield when the clocks change, to the second."""
    while first < last:
        low, high = first.replace(microsecond=0), first.replace(microsecond=0) + _DAY
        before = _offset(zone, low)
        if before != _offset(zone, high):
            while high - low > _SECOND:
                middle = low + (high - low) // (2 * _SECOND) * _SECOND
                low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
            yield high
        first += _DAY


def _offset(zone: str, at: datetime) -> timedelta:
    offset = localized.clock(at, zone).utcoffset()
    assert offset is not None  # noqa: S101 - of an aware time
    return offset
