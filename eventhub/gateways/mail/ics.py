"""An event as a calendar file (RFC 5545) that mail programs and calendars take in."""

from datetime import UTC, datetime

from icalendar import Calendar, Event, vCalAddress

from eventhub.gateways.mail.contents import EventFacts
from eventhub.gateways.mail.text import one_line
from eventhub.services.links import display_name

PRODUCT = "-//Event Hub//Event Hub//EN"


def booking_uid(booking_id: int, domain: str) -> str:
    """Return the UID of a booking's calendar entry, the same for ever: a later file replaces the entry."""
    return f"booking-{booking_id}@{domain}"


def calendar_event(
    event: EventFacts,
    *,
    uid: str,
    sequence: int,
    stamped_at: datetime,
    organizer_address: str,
    url: str = "",
    is_cancelled: bool = False,
) -> bytes:
    """Return the `.ics` file of one event, times in UTC; with `is_cancelled`, one that takes its entry out of calendars.

    The same arguments give the same bytes, in every try of a mail.

    A calendar takes the file for newer than the one it has when `sequence` is higher (0 at first, counted up with
    each change of the event), or with the same when `stamped_at` is later. `organizer_address` is the house's own
    sender: RFC 5546, 3.2.1 wants an ORGANIZER in what is published, and the organizer's address is private.
    `url` is the booking's page; an online event's link stands in LOCATION where there is no place.
    """
    entry = Event.new(
        uid=one_line(uid),
        sequence=sequence,
        stamp=stamped_at.astimezone(UTC),
        start=event.start_at.astimezone(UTC),
        end=event.end_at.astimezone(UTC),
        summary=one_line(event.title),
        description=_url(event.online_url) or None,
        location=one_line(event.location) or _url(event.online_url) or None,
        url=_url(url) or _url(event.online_url) or None,
        organizer=_organizer(one_line(display_name(event.organizer_name)), organizer_address),
    )
    entry.add("STATUS", "CANCELLED" if is_cancelled else "CONFIRMED")
    entry.add("TRANSP", "TRANSPARENT" if is_cancelled else "OPAQUE")
    calendar = Calendar.new(
        method="CANCEL" if is_cancelled else "PUBLISH",
        prodid=PRODUCT,
        subcomponents=[entry],
        uid=f"calendar-{one_line(uid)}",  # icalendar would take a random one
    )
    return bytes(calendar.to_ical())


def _organizer(name: str, address: str) -> vCalAddress:
    organizer = vCalAddress(f"mailto:{address}")
    if name:
        organizer.params["CN"] = name.replace(
            '"', "'"
        )  # a quoted parameter has no escape for it (RFC 5545, 3.2)
    return organizer


def _url(text: str) -> str:
    url = one_line(text)
    return url if url.startswith(("http://", "https://")) and " " not in url else ""
