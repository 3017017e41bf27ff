"""Times that move with an event's start, on the clock of its zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventhub.services.times import moved

BERLIN = "Europe/Berlin"


def at(zone: str, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "start", "value", "to", "there"),
    [
        ("UTC", "2027-03-27T10:00", "2027-03-28T18:00", "2027-04-03T10:00", "2027-04-04T18:00"),
        (BERLIN, "2027-03-20T10:00", "2027-03-21T18:00", "2027-03-27T10:00", "2027-03-28T18:00"),
        (BERLIN, "2027-10-23T10:00", "2027-10-24T18:00", "2027-10-30T10:00", "2027-10-31T18:00"),
        ("America/New_York", "2027-03-06T22:00", "2027-03-07T01:00", "2027-03-13T22:00", "2027-03-14T01:00"),
        (
            "Australia/Lord_Howe",
            "2027-04-03T10:00",
            "2027-04-04T10:00",
            "2027-04-10T10:00",
            "2027-04-11T10:00",
        ),
        # What clocks skip is as much later: half an hour on Lord Howe.
        (BERLIN, "2027-03-20T10:00", "2027-03-21T02:30", "2027-03-27T10:00", "2027-03-28T03:30"),
        (
            "Australia/Lord_Howe",
            "2027-09-25T10:00",
            "2027-09-26T02:15",
            "2027-10-02T10:00",
            "2027-10-03T02:45",
        ),
    ],
)
def test_it_is_as_late_as_it_was(zone: str, start: str, value: str, to: str, there: str) -> None:
    result = moved(at(zone, value), start=at(zone, start), to=at(zone, to), zone=zone)
    assert result == at(zone, there)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_that_comes_twice_is_the_first_unless_the_start_is_the_second(fold: int) -> None:
    start, value = at(BERLIN, "2027-10-24T02:10"), at(BERLIN, "2027-10-24T02:40")
    result = moved(value, start=start, to=at(BERLIN, "2027-10-31T02:10", fold), zone=BERLIN)
    assert result == at(BERLIN, "2027-10-31T02:40", fold)
    # Not of another day, where the second would be the clock before a skip.
    spring = moved(
        at(BERLIN, "2027-05-23T02:30"), start=start, to=at(BERLIN, "2026-10-25T02:10", fold), zone=BERLIN
    )
    assert spring.astimezone(ZoneInfo(BERLIN)).hour in {2, 3}
    before = moved(
        at(BERLIN, "2027-10-24T01:30"), start=start, to=at(BERLIN, "2027-10-31T02:10", fold), zone=BERLIN
    )
    assert before == at(BERLIN, "2027-10-31T01:30")


moments = st.datetimes(datetime(2001, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(
    [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "UTC"]
)


@given(start=moments, to=moments, zone=zones)
def test_the_start_itself_moves_exactly_there(start: datetime, to: datetime, zone: str) -> None:
    assert moved(start, start=start, to=to, zone=zone) == to


@given(start=moments, to=moments, zone=zones, minutes=st.integers(-100_000, 100_000))
def test_the_clock_shows_what_it_showed_or_what_it_skips_to(
    start: datetime, to: datetime, zone: str, minutes: int
) -> None:
    value = start + timedelta(minutes=minutes)
    place = ZoneInfo(zone)
    old, new, began, begins = (
        at.astimezone(place).replace(tzinfo=None, fold=0)
        for at in (value, moved(value, start=start, to=to, zone=zone), start, to)
    )
    skipped = (new - begins) - (old - began)
    assert skipped in {timedelta(), timedelta(minutes=30), timedelta(hours=1)}
