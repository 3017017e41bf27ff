"""Calendar files, read back by a parser."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from icalendar import Calendar

from eventhub.gateways.mail.ics import booking_uid, calendar_event
from eventhub.services.ports.mail_contents import EventFacts
from tests.gateways.mail_contents import BASE, EVENT

STAMP = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)


def made(event: EventFacts = EVENT, **more: Any) -> bytes:
    facts: dict[str, Any] = {
        "uid": booking_uid(42, "events.example.com"),
        "sequence": 0,
        "stamped_at": STAMP,
        "organizer_address": "no-reply@events.example.com",
        "attendee_name": "Ann Lee",
        "attendee_address": "ann@example.com",
    }
    return calendar_event(event, **{**facts, **more})


def entry(ics: bytes) -> Any:
    calendar = Calendar.from_ical(ics)
    (event,) = calendar.walk("VEVENT")
    assert not event.errors
    return event


def test_a_calendar_reads_what_was_meant() -> None:
    ics = made(sequence=3, url=f"{BASE}/bookings/42/")
    calendar = Calendar.from_ical(ics)
    event = entry(ics)
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "REQUEST")
    assert calendar["PRODID"]
    assert event["UID"] == "booking-42@events.example.com"
    assert event["SEQUENCE"] == 3
    assert event["SUMMARY"] == EVENT.title
    assert event["LOCATION"] == EVENT.location
    assert event["URL"] == f"{BASE}/bookings/42/"
    assert event["STATUS"] == "CONFIRMED"
    assert event["ORGANIZER"] == "mailto:no-reply@events.example.com"
    assert event["ORGANIZER"].params["CN"] == "Jane Smith"
    assert event["DESCRIPTION"].startswith("https://meet.example.com/python\n\n")
    assert "To give up your seat, cancel your booking." in event["DESCRIPTION"]


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_the_reader_is_the_one_attendee_and_is_asked_for_no_answer(is_cancelled: bool) -> None:
    event = entry(made(is_cancelled=is_cancelled))
    assert event["ATTENDEE"] == "mailto:ann@example.com"
    assert dict(event["ATTENDEE"].params) == {
        "CN": "Ann Lee",
        "CUTYPE": "INDIVIDUAL",
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "ACCEPTED",
        "RSVP": "FALSE",
    }


def test_an_address_is_a_uri() -> None:
    event = entry(made(attendee_address="ann+events%x@bücher.example"))
    assert event["ATTENDEE"] == "mailto:ann+events%25x@b%C3%BCcher.example"


def test_times_are_utc_whatever_zone_they_came_in() -> None:
    moved = replace(EVENT, start_at=datetime.fromisoformat("2026-06-15T20:00:00+02:00"))
    lines = made(moved).decode().split("\r\n")
    assert "DTSTART:20260615T180000Z" in lines
    assert "DTEND:20260615T210000Z" in lines
    assert "DTSTAMP:20260601T093000Z" in lines
    assert not any("TZID" in line for line in lines)


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "America/New_York",
        "Europe/Dublin",
        "Africa/Casablanca",
        "Asia/Kolkata",
    ],
)
def test_the_file_of_an_event_elsewhere_tells_how_the_clocks_run_there(zone: str) -> None:
    """Dateutil takes the rules from the file; icalendar would take its own by the name."""
    ics = made(replace(EVENT, timezone=zone))
    told: Any
    told, clocks = tzical(StringIO(ics.decode().replace("\r\n", "\n"))).get(zone), ZoneInfo(zone)
    moment = EVENT.start_at - timedelta(days=366)
    while moment < EVENT.end_at + timedelta(days=366):
        there = moment.astimezone(clocks)
        if not there.fold:  # of a time that comes twice, files mean the first
            assert told.utcoffset(there.replace(tzinfo=None)) == there.utcoffset(), there
        moment += timedelta(minutes=30)
    event = entry(ics)
    for name, at in (("DTSTART", EVENT.start_at), ("DTEND", EVENT.end_at)):
        assert event[name].params["TZID"] == zone
        assert event[name].to_ical().decode() == f"{at.astimezone(clocks):%Y%m%dT%H%M%S}"
        assert event[name].dt == at
    assert made(replace(EVENT, timezone=zone)) == ics


def test_a_change_of_clocks_is_told_by_the_clock_before_it() -> None:
    """RFC 5545, 3.6.5: `DTSTART:20270328T020000` from +0100 to +0200."""
    zone: Any
    (zone,) = Calendar.from_ical(made(replace(EVENT, timezone="Europe/Berlin"))).walk("VTIMEZONE")
    onsets = [
        (part.name, part["DTSTART"].to_ical().decode(), part["TZOFFSETTO"].to_ical())
        for part in zone.subcomponents[1:]
    ]
    assert onsets == [
        ("STANDARD", "20251026T030000", "+0100"),
        ("DAYLIGHT", "20260329T020000", "+0200"),
        ("STANDARD", "20261025T030000", "+0100"),
        ("DAYLIGHT", "20270328T020000", "+0200"),
    ]


@pytest.mark.parametrize("minutes", [-30, 30])
def test_a_time_that_comes_twice_is_told_in_utc(minutes: int) -> None:
    """From 01:00 to 02:00 UTC, clocks in Berlin show for the second time what they showed an hour before."""
    start = datetime(2026, 10, 25, 1, 0, tzinfo=UTC) + timedelta(minutes=minutes)
    event = replace(EVENT, start_at=start, end_at=start + timedelta(hours=3), timezone="Europe/Berlin")
    found = entry(made(event))
    assert found["DTSTART"].dt.astimezone(UTC) == start
    assert ("TZID" in found["DTSTART"].params) is (minutes < 0)


def test_a_file_in_another_zone_replaces_the_one_before() -> None:
    before, after = (entry(made(replace(EVENT, timezone=zone))) for zone in ("UTC", "Asia/Tokyo"))
    assert (before["UID"], before["DTSTART"].dt) == (after["UID"], after["DTSTART"].dt)


def test_a_cancelled_event_frees_the_time() -> None:
    ics = made(is_cancelled=True, sequence=1)
    event = entry(ics)
    assert Calendar.from_ical(ics)["METHOD"] == "CANCEL"
    assert (event["STATUS"], event["TRANSP"], event["SEQUENCE"]) == ("CANCELLED", "TRANSPARENT", 1)
    assert event["UID"] == entry(made())["UID"], "the entry that it takes out"
    assert "DESCRIPTION" not in event


def test_every_try_of_a_mail_has_the_same_file() -> None:
    assert made() == made()
    assert made() != made(sequence=1)


def test_an_online_event_has_its_link_for_a_place() -> None:
    event = entry(made(replace(EVENT, location="")))
    assert event["LOCATION"] == event["URL"] == "https://meet.example.com/python"


def test_what_is_unknown_is_left_out() -> None:
    event = entry(made(replace(EVENT, location="", online_url="", organizer_name="")))
    assert not {"LOCATION", "URL"} & set(event)
    assert "http" not in event["DESCRIPTION"]
    assert "CN" not in event["ORGANIZER"].params


@pytest.mark.parametrize(
    "nasty",
    [
        "a, b; c \\ d: e",
        'say "hi"; CN=x:y, z',
        "line\r\nCONTACT:mailto:eve@example.com\r\nEND:VEVENT",
        "東京のイベントへようこそ" * 20,
        "مرحبا 👩‍👩‍👧‍👦 ü" * 20,
        "\x00\x07\u2028x",
    ],
)
def test_no_words_of_a_user_become_a_property(nasty: str) -> None:
    ics = made(replace(EVENT, title=nasty, location=nasty, organizer_name=nasty), attendee_name=nasty)
    event = entry(ics)
    assert event["ATTENDEE"] == "mailto:ann@example.com"
    assert "CONTACT" not in event
    assert ics.count(b"\nBEGIN:VEVENT") == 1
    assert all(
        len(line) <= 75 for line in ics.split(b"\r\n")
    )  # RFC 5545, 3.1: octets, folded between characters
    assert ics.count(b"\n") == ics.count(b"\r\n")
    assert event["SUMMARY"].split()[0] == nasty.replace("\x00", "").replace("\x07", "").split()[0]


@pytest.mark.parametrize("url", ["https://example.com/a b", "ftp://example.com/", "example.com"])
def test_what_is_no_address_of_a_page_is_no_link(url: str) -> None:
    event = entry(made(replace(EVENT, online_url=url, location=""), url=url))
    assert "URL" not in event
    assert "LOCATION" not in event
