"""A booked event as a calendar file (RFC 5545, 5546) that mail programs and calendars add, move and remove again.

It is a REQUEST to its one attendee, who has accepted it by booking, and a CANCEL at the end. Google Calendar moves and
takes out only what came as a REQUEST with the reader as ATTENDEE, from the address that is its ORGANIZER; Outlook and
Apple Calendar do as well with that as with PUBLISH. RSVP=FALSE asks for no answer, and the entry says that none is read.
It stays an attachment, beside the mail: as an alternative of its text, Outlook would make a meeting of the mail, and
throw that away once it is answered.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from icalendar import Calendar, Event, vCalAddress

from eventhub import localized
from eventhub.gateways.mail.text import one_line
from eventhub.gateways.mail.vtimezone import clocks
from eventhub.services.links import display_name
from eventhub.services.ports.mail_contents import EventFacts

PRODUCT = "-//Event Hub//Event Hub//EN"
YEAR = timedelta(days=366)  # on both sides of an event: so its file has the zone's summer and winter
NOT_READ = "Answers to this entry are not read. To give up your seat, cancel your booking."


def booking_uid(booking_id: int, domain: str) -> str:
    """Return the UID of a booking's calendar entry, the same for ever: a later file replaces the entry."""
    return f"booking-{booking_id}@{domain}"


def method(*, is_cancelled: bool) -> str:
    """Return what a file asks of calendars, as its METHOD and as that of its content type, which have to agree."""
    return "CANCEL" if is_cancelled else "REQUEST"


def calendar_event(
    event: EventFacts,
    *,
    uid: str,
    sequence: int,
    stamped_at: datetime,
    organizer_address: str,
    attendee_name: str,
    attendee_address: str,
    url: str = "",
    is_cancelled: bool = False,
) -> bytes:
    """Return the `.ics` file of one event; with `is_cancelled`, one that takes its entry out of calendars.

    Its times are in the event's zone, whose clocks the file tells: a calendar shows them, and knows them as they are.

    The same arguments give the same bytes, in every try of a mail.

    A calendar takes the file for newer than the one it has when `sequence` is higher (0 at first, counted up with
    each change of the event), or with the same when `stamped_at` is later. `organizer_address` is the house's own
    sender, for the organizer's address is private. `url` is the booking's page; an online event's link stands in
    LOCATION where there is no place.
    """
    link = _url(event.online_url)
    zone = _zone_of(event)
    parts = [] if zone == "UTC" else [clocks(zone, event.start_at - YEAR, event.end_at + YEAR)]
    entry = Event.new(
        uid=one_line(uid),
        sequence=sequence,
        stamp=stamped_at.astimezone(UTC),
        start=localized.clock(event.start_at, zone),
        end=localized.clock(event.end_at, zone),
        summary=one_line(event.title),
        description=None if is_cancelled else "\n\n".join(filter(None, (link, NOT_READ))),
        location=one_line(event.location) or link or None,
        url=_url(url) or link or None,
        organizer=_person(display_name(event.organizer_name), organizer_address),
        attendees=[_attendee(display_name(attendee_name), attendee_address)],
    )
    entry.add("STATUS", "CANCELLED" if is_cancelled else "CONFIRMED")
    entry.add("TRANSP", "TRANSPARENT" if is_cancelled else "OPAQUE")
    calendar = Calendar.new(
        method=method(is_cancelled=is_cancelled),
        prodid=PRODUCT,
        subcomponents=[*parts, entry],
        uid=f"calendar-{one_line(uid)}",  # icalendar would take a random one
    )
    return bytes(calendar.to_ical())


def _zone_of(event: EventFacts) -> str:
    """Return the zone of the file's times; a time that comes twice would stand for the first (RFC 5545, 3.3.5)."""
    there = (localized.clock(at, event.timezone) for at in (event.start_at, event.end_at))
    return "UTC" if any(at.fold for at in there) else event.timezone


def _person(name: str, address: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{quote(address, safe='@+')}")  # RFC 6068: a URI
    if name := one_line(name):
        # A quoted parameter has no escape for it (RFC 5545, 3.2).
        person.params["CN"] = name.replace('"', "'")
    return person


def _attendee(name: str, address: str) -> vCalAddress:
    attendee = _person(name, address)
    attendee.params.update(CUTYPE="INDIVIDUAL", ROLE="REQ-PARTICIPANT", PARTSTAT="ACCEPTED", RSVP="FALSE")
    return attendee


def _url(text: str) -> str:
    url = one_line(text)
    return url if url.startswith(("http://", "https://")) and " " not in url else ""
