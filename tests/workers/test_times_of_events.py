"""What people read of an event's times: by the clocks of its zone, in whatever is sent to them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from eventhub import localized
from eventhub.services import events
from tests.api import Api, Person
from tests.money import organizer_and_payer, people, reserve, start_paying
from tests.rows import move_event
from tests.web.test_transfers import told

ZONE = "Australia/Lord_Howe"
CLOCKS = ZoneInfo(ZONE)
# 18:00 UTC on 15 June is 04:30 on the 16th there.
TIMES = {"start_date": "2031-06-15T18:00:00Z", "end_date": "2031-06-15T21:00:00Z"}
SPAN = "Monday, 16 June 2031, 04:30 to 07:30 GMT+10:30"


async def create(organizer: Person, **details: Any) -> dict[str, Any]:
    event = await organizer.create_event(**{**TIMES, **details})
    await set_zone(organizer, event, ZONE)
    return event


async def set_zone(organizer: Person, event: dict[str, Any], zone: str) -> None:
    answer = await organizer.patch(f"/api/events/{event['id']}/settings/", {"timezone": zone})
    assert answer.status == 200, answer.data


@pytest.fixture
async def pair(api: Api) -> tuple[Person, Person]:
    """An organizer and an attendee, who is mailed to."""
    organizer, person = await organizer_and_payer(api)
    await person.verify()
    await api.database.execute("UPDATE profiles SET notifications_enabled = true")
    return organizer, person


def only_mail(api: Api, subject: str) -> Any:
    (mail,) = [mail for mail in api.mailer.sent if mail.subject.startswith(subject)]
    api.mailer.sent.clear()
    return mail


def entry(mail: Any) -> Any:
    (event,) = Calendar.from_ical(mail.attachments[0].content).walk("VEVENT")
    return event


async def test_a_confirmation_and_its_calendar_file_follow_the_zone(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    event = await create(organizer)
    await person.book(event)
    mail = only_mail(api, "Booking Confirmation")
    assert f"When: {SPAN}\n" in mail.text
    assert "UTC" not in mail.html
    before = entry(mail)
    assert before["DTSTART"].to_ical() == b"20310616T043000"
    # Another zone tells nobody; what is sent later has it, and takes the place of what was sent before.
    await set_zone(organizer, event, "Europe/Berlin")
    await api.run_jobs()
    assert api.mailer.sent == []
    await organizer.patch(f"/api/events/{event['id']}/", {"location": "Elsewhere"})
    await api.database.execute("UPDATE jobs SET run_at = now()")
    await api.run_jobs()
    mail = only_mail(api, "Event Updated")
    assert "When: Sunday, 15 June 2031, 20:00 to 23:00 CEST\n" in mail.text
    after = entry(mail)
    assert after["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert (after["UID"], after["DTSTART"].dt) == (before["UID"], before["DTSTART"].dt)
    assert after["SEQUENCE"] > before["SEQUENCE"]


async def test_changes_and_reminders_say_local_times(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await create(organizer, price="5.00", start_date="2031-06-14T18:00:00Z")
    await start_paying(person, await reserve(person, event))
    await api.run_jobs()
    await organizer.patch(f"/api/events/{event['id']}/", TIMES)
    await api.database.execute("UPDATE jobs SET run_at = now()")
    await api.run_jobs()
    (news,) = await told(person, "Event Updated")
    assert f"it now takes place on {SPAN}." in news
    assert re.search(r"full refund until \d+ \w+ \d{4}, \d\d:\d\d GMT\+1[01]:[03]0\.", news)
    await move_event(api.database, event["id"], starts_in_hours=20)
    async with api.database.transaction() as tx:
        await events.remind_due(tx)
    await api.run_jobs()
    starts = await api.database.fetch_value("SELECT start_date FROM events")
    (reminder,) = await told(person, "Event Reminder")
    assert f"starts at {localized.moment(starts, ZONE)}." in reminder
    assert f"{starts.astimezone(CLOCKS):%H:%M} GMT+1" in reminder


async def test_offers_and_transfers_are_due_by_local_times(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    (first,) = await people(api, 1)
    event = await create(organizer, price="5.00", max_attendees=1)
    booking = await reserve(first, event)
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).status == 201
    await first.post(f"/api/bookings/{booking['id']}/cancel/")
    await api.run_jobs()
    (offer,) = await told(person, "A Seat Is Yours")
    assert f"({SPAN}, place: Test Location)" in offer
    expires = await api.database.fetch_value("SELECT max(expires_at) FROM bookings")
    assert f"pay by {localized.moment(expires, ZONE)} to keep it" in offer
    mail = only_mail(api, "A Seat Is Yours")
    assert f"Held for you until: {localized.moment(expires, ZONE)}\n" in mail.text
    (offered,) = (await person.get("/api/bookings/?status=pending")).data
    await start_paying(person, offered, method="bank_transfer")
    await api.run_jobs()
    wait_until = await api.database.fetch_value("SELECT wait_until FROM payments")
    for who, title in ((person, "Transfer to Make"), (organizer, "Transfer Under Way")):
        (message,) = await told(who, title)
        assert f"by {localized.moment(wait_until, ZONE)}." in message
    sooner = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=30)
    await organizer.patch(f"/api/events/{event['id']}/", {"registration_deadline": sooner.isoformat()})
    (message,) = await told(person, "Transfer Due Sooner")
    assert f"must arrive by {localized.moment(sooner, ZONE)}." in message


async def test_a_payment_is_acknowledged_by_the_local_clock(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await create(organizer, price="5.00")
    await start_paying(person, await reserve(person, event))
    await api.run_jobs()
    paid_at = await api.database.fetch_value("SELECT processed_at FROM payments")
    assert f"Paid: {localized.moment(paid_at, ZONE)}\n" in only_mail(api, "Payment Received").text
