"""What each mail says, to whom, and what comes with it: from the request that causes it to the mailer."""

import asyncio
import email
import email.policy
from datetime import UTC, datetime
from typing import Any

import pytest
from icalendar import Calendar

from eventhub import localized
from eventhub.gateways.mail.mime import message_bytes
from eventhub.models.notifications import NotificationType
from eventhub.services import bookings, events
from eventhub.services.ports.mail import Mail, MailTemporarilyFailed
from tests.api import Api, Person
from tests.fakes.mail import SENDER
from tests.money import make_jobs_due, organizer_and_payer, people, reserve, start_paying, titles
from tests.rows import NOW, move_event

TIMES: dict[str, Any] = {"start_date": "2031-06-15T18:00:00Z", "end_date": "2031-06-15T21:00:00Z"}
EVENT: dict[str, Any] = {"location": "Hall 7", "title": "Rust Nights"}


@pytest.fixture
async def pair(api: Api) -> tuple[Person, Person]:
    """An organizer, and an attendee who can be written to at a verified address."""
    organizer, person = await organizer_and_payer(api)
    await api.database.execute(
        "UPDATE users SET first_name = 'Ann', last_name = 'Lee', email = 'ann@example.com', is_verified = true "
        "WHERE id = $1",
        person.id,
    )
    await api.database.execute(
        "UPDATE profiles SET notifications_enabled = true WHERE user_id = $1", person.id
    )
    return organizer, person


def mails(api: Api, to: str = "ann@example.com") -> list[Mail]:
    """Return what was mailed to an address since the last look, after checking what all mails have."""
    sent = [mail for mail in api.mailer.sent if mail.to_address == to]
    api.mailer.sent.clear()
    for mail in sent:
        assert mail.to_name == "Ann Lee"
        assert "Hello Ann Lee," in mail.text
        assert "Hello Ann Lee," in (mail.html or "")
    return sent


def kinds(sent: list[Mail]) -> list[str]:
    """Return what the subjects say before they name the event."""
    return [mail.subject.partition(":")[0] for mail in sent]


def entry(mail: Mail, method: str = "REQUEST") -> Any:
    """Return the event of the one calendar file that comes with a mail, as it travels."""
    message = email.message_from_bytes(
        message_bytes(mail, SENDER, datetime.now(UTC)), policy=email.policy.default
    )
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert (part.get_filename(), part.get_param("method")) == ("event.ics", method)
    calendar = Calendar.from_ical(str(part.get_content()))
    assert calendar["METHOD"] == method
    (event,) = calendar.walk("VEVENT")
    assert (event["ATTENDEE"], event["ORGANIZER"]) == ("mailto:ann@example.com", "mailto:no-reply@localhost")
    return event


def check_entry(event: Any, booking: int, *, sequence: int, status: str = "CONFIRMED") -> None:
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (
        f"booking-{booking}@localhost",
        sequence,
        status,
    )
    assert event["DTSTART"].to_ical() == b"20310615T180000Z"
    assert event["DTEND"].to_ical() == b"20310615T210000Z"
    assert (event["SUMMARY"], event["LOCATION"]) == ("Rust Nights", "Hall 7")


async def test_a_confirmation_goes_with_a_calendar_entry(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, **TIMES, online_url="https://meet.example.com/r")
    booking = await person.book(event, 2)
    (mail,) = mails(api)
    assert mail.subject == f"Booking Confirmation: Rust Nights (booking {booking['id']})"
    assert "Your booking for Rust Nights has been confirmed." in mail.text
    assert (
        "When: Sunday, 15 June 2031, 18:00 to 21:00 UTC\nWhere: Hall 7\nOnline: https://meet.example.com/r"
        in mail.text
    )
    assert f"Booking: {booking['id']}\nTickets: 2\nTotal: Free" in mail.text
    check_entry(entry(mail), booking["id"], sequence=0)
    assert mail.unsubscribe_url is not None
    assert (await api.client.post(mail.unsubscribe_url.partition("8000")[2])).status == 200
    await person.post(f"/api/bookings/{booking['id']}/cancel/")
    await person.book(event)
    assert mails(api) == [], "mails are ended"


async def test_a_payment_is_acknowledged_and_its_invoice_sent(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, **TIMES, price="29.99")
    payment = await start_paying(person, await reserve(person, event))
    await api.run_jobs()
    sent = mails(api)
    assert len(sent) == 3
    received, confirmed, invoice = (
        next(mail for mail in sent if mail.subject.startswith(subject))
        for subject in ("Payment Received", "Booking Confirmation", "Invoice INV-")
    )
    assert f"USD 29.99 for Rust Nights (transaction {payment['transaction_id']})" in received.text
    assert "Total: USD 29.99" in confirmed.text
    assert entry(confirmed)["STATUS"] == "CONFIRMED"
    assert received.attachments == ()
    assert [attachment.content_type for attachment in invoice.attachments] == ["application/pdf"]
    assert invoice.attachments[0].content.startswith(b"%PDF")


async def test_who_wants_no_mail_gets_the_invoice_alone(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    answer = await person.put("/api/users/update_profile/", {"notifications_enabled": False})
    assert answer.status == 200, answer.data
    event = await organizer.create_event(price="29.99")
    await start_paying(person, await reserve(person, event))
    await api.run_jobs()
    (mail,) = mails(api)
    assert mail.subject.startswith("Invoice INV-")
    assert await titles(person) == ["Booking Confirmation", "Payment Received"]


async def test_who_stops_mails_while_they_wait_gets_none_of_them(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    event = await organizer.create_event()
    api.mailer.fail_next(MailTemporarilyFailed("away"))
    await reserve(person, event)
    await api.run_jobs(may_fail=True)
    await person.put("/api/users/update_profile/", {"notifications_enabled": False})
    await make_jobs_due(api)
    await api.run_jobs()
    assert mails(api) == []


async def test_who_is_deactivated_while_mails_wait_gets_none_of_them(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    await reserve(person, await organizer.create_event())
    await api.database.execute("UPDATE users SET is_active = false WHERE id = $1", person.id)
    await api.run_jobs()
    assert mails(api) == []


async def remind(api: Api) -> None:
    async with api.database.transaction() as tx:
        await events.remind_due(tx)


async def test_a_reminder_comes_a_day_before_with_the_present_times(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT)
    booking = await person.book(event)
    changed = await organizer.patch(f"/api/events/{event['id']}/", TIMES)
    assert changed.status == 200, changed.data
    await api.run_jobs()
    api.mailer.sent.clear()
    await move_event(api.database, event["id"], starts_in_hours=23)
    await remind(api)
    await api.run_jobs()
    (mail,) = mails(api)
    starts = await api.database.fetch_value("SELECT start_date FROM events")
    assert mail.subject == f"Event Reminder: Rust Nights (booking {booking['id']})"
    assert f"Rust Nights starts at {localized.moment(starts)}." in mail.text
    assert "Your tickets: 1" in mail.text
    ics = entry(mail)
    assert (ics["UID"], ics["SEQUENCE"]) == (f"booking-{booking['id']}@localhost", 1)
    assert ics["DTSTART"].dt == starts.replace(microsecond=0)


@pytest.mark.parametrize(
    ("change", "said", "unsaid"),
    [
        (
            {"online_url": "https://meet.example.com/new"},
            "there is a new link to join it.",
            ["takes place", "place is"],
        ),
        ({"online_url": ""}, "the link to join it is gone.", ["takes place", "place is"]),
        ({"location": "Hall 9"}, "the place is now Hall 9.", ["takes place", "link"]),
        (TIMES, "it now takes place on Sunday, 15 June 2031, 18:00 to 21:00 UTC.", ["place is", "link"]),
        (
            {**TIMES, "location": ""},
            "it now takes place on Sunday, 15 June 2031, 18:00 to 21:00 UTC, the place is now to be announced.",
            ["link"],
        ),
    ],
)
async def test_a_change_says_what_is_new(
    api: Api, pair: tuple[Person, Person], change: dict[str, Any], said: str, unsaid: list[str]
) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, online_url="https://meet.example.com/old")
    booking = await person.book(event)
    api.mailer.sent.clear()
    assert (await organizer.patch(f"/api/events/{event['id']}/", change)).status == 200
    await make_jobs_due(api)
    await api.run_jobs()
    (mail,) = mails(api)
    assert mail.subject == f"Event Updated: Rust Nights (booking {booking['id']})"
    assert (entry(mail)["UID"], entry(mail)["SEQUENCE"]) == (f"booking-{booking['id']}@localhost", 1)
    assert f"Rust Nights has changed: {said}" in mail.text
    message = mail.text.partition("has changed")[2].partition("\n")[0]
    assert not [words for words in unsaid if words in message]
    assert ("https://meet.example.com/new" in mail.text) == ("new" in str(change.get("online_url")))
    assert "meet.example.com" not in message


async def test_a_job_of_the_version_before_says_all_of_it(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, **TIMES)
    await person.book(event)
    api.mailer.sent.clear()
    await api.database.execute(
        "INSERT INTO jobs (kind, version, queue, payload, run_at, max_attempts, created_at) VALUES "
        "('notify_event_updated', 1, 'notifications', jsonb_build_object('event_id', $1::bigint, 'after_booking', 0, "
        "'version', NULL), now(), 8, now())",
        event["id"],
    )
    await api.run_jobs()
    (mail,) = mails(api)
    assert (
        "it now takes place on Sunday, 15 June 2031, 18:00 to 21:00 UTC, the place is now Hall 7" in mail.text
    )


async def test_a_cancelled_event_takes_its_entry_out_and_names_the_refund(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, **TIMES, price="29.99")
    booking = await reserve(person, event)
    await start_paying(person, booking)
    await api.run_jobs()
    api.mailer.sent.clear()
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    await api.run_jobs()
    sent = mails(api)
    assert sorted(kinds(sent)) == [f"Credit note CRN-{NOW.year}-000001", "Event Cancelled"]
    cancelled = sent[kinds(sent).index("Event Cancelled")]
    assert "Rust Nights has been cancelled. Your booking was cancelled with it." in cancelled.text
    assert "Refund: USD 29.99" in cancelled.text
    assert "USD 29.99 is on its way back to you." in cancelled.text
    assert "USD 29.99 is on its way back to you." in (cancelled.html or "")
    check_entry(entry(cancelled, "CANCEL"), booking["id"], sequence=1, status="CANCELLED")
    assert (await titles(person)).count("Payment Refunded") == 1


async def test_who_only_waited_for_a_cancelled_event_has_no_entry_to_take_out(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    (first,) = await people(api, 1)
    event = await organizer.create_event(max_attendees=1)
    await first.book(event)
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).status == 201
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    await api.run_jobs()
    (mail,) = mails(api)
    assert (kinds([mail]), mail.attachments) == (["Event Cancelled"], ())
    assert "Refund" not in mail.text


@pytest.mark.parametrize("by", ["owner", "organizer"])
async def test_a_cancelled_booking_is_told_to_its_owner_and_takes_its_entry_out(
    api: Api, pair: tuple[Person, Person], by: str
) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, **TIMES)
    booking = await person.book(event)
    api.mailer.sent.clear()
    who = person if by == "owner" else organizer
    for _ in range(2):
        assert (await who.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.run_jobs()
    (mail,) = mails(api)
    assert mail.subject == f"Booking Cancelled: Rust Nights (booking {booking['id']})"
    says = "You have" if by == "owner" else "The organizer has"
    assert f"{says} cancelled your booking for Rust Nights.\n" in mail.text
    check_entry(entry(mail, "CANCEL"), booking["id"], sequence=1, status="CANCELLED")
    assert (await titles(person)).count("Booking Cancelled") == 1


async def paid_booking(api: Api, organizer: Person, person: Person) -> tuple[Any, Any, Any]:
    """Return an event, its confirmed booking and the payment; what was mailed so far is forgotten."""
    event = await organizer.create_event(**EVENT, **TIMES, price="29.99")
    booking = await reserve(person, event)
    payment = await start_paying(person, booking)
    await api.run_jobs()
    api.mailer.sent.clear()
    return event, booking, payment


@pytest.mark.parametrize("by", ["owner", "organizer"])
async def test_one_mail_tells_of_a_cancelled_booking_and_its_money(
    api: Api, pair: tuple[Person, Person], by: str
) -> None:
    organizer, person = pair
    _, booking, _ = await paid_booking(api, organizer, person)
    who = person if by == "owner" else organizer
    assert (await who.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.run_jobs()
    sent = mails(api)
    assert sorted(kinds(sent)) == ["Booking Cancelled", f"Credit note CRN-{NOW.year}-000001"]
    cancelled = sent[kinds(sent).index("Booking Cancelled")]
    assert "cancelled your booking for Rust Nights. USD 29.99 is on its way back to you." in cancelled.text
    check_entry(entry(cancelled, "CANCEL"), booking["id"], sequence=1, status="CANCELLED")
    assert {"Booking Cancelled", "Payment Refunded"} <= set(await titles(person))


async def test_who_cancels_after_the_deadline_is_told_that_no_money_comes_back_until_it_does(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    event, booking, payment = await paid_booking(api, organizer, person)
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() - interval '1 minute' WHERE id = $1", event["id"]
    )
    assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.run_jobs()
    (mail,) = mails(api)
    assert (
        "You have cancelled your booking for Rust Nights. The registration deadline has passed" in mail.text
    )
    assert "USD 29.99 is not refunded" in mail.text
    assert entry(mail, "CANCEL")["SEQUENCE"] == 1
    assert (await organizer.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    await api.run_jobs()
    sent = mails(api)
    assert sorted(kinds(sent)) == [f"Credit note CRN-{NOW.year}-000001", "Payment Refunded"]
    refunded = sent[kinds(sent).index("Payment Refunded")]
    assert refunded.attachments == (), "the entry was taken out before"
    assert "your booking is cancelled" not in refunded.text


@pytest.mark.parametrize("by", ["payer", "organizer"])
async def test_a_refund_that_ends_the_booking_says_so_and_takes_its_entry_out(
    api: Api, pair: tuple[Person, Person], by: str
) -> None:
    organizer, person = pair
    _, booking, payment = await paid_booking(api, organizer, person)
    who = person if by == "payer" else organizer
    assert (await who.post(f"/api/payments/{payment['id']}/refund/")).status == 200
    await api.run_jobs()
    sent = mails(api)
    assert sorted(kinds(sent)) == [f"Credit note CRN-{NOW.year}-000001", "Payment Refunded"]
    refunded = sent[kinds(sent).index("Payment Refunded")]
    assert refunded.subject == f"Payment Refunded: Rust Nights (booking {booking['id']})"
    assert "has been refunded, and your booking is cancelled. USD 29.99 is on its way back" in refunded.text
    check_entry(entry(refunded, "CANCEL"), booking["id"], sequence=1, status="CANCELLED")


async def test_an_end_without_a_confirmed_seat_has_no_entry_to_take_out(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, price="5.00")
    held = await reserve(person, event)
    assert (await person.post(f"/api/bookings/{held['id']}/cancel/")).status == 200
    expiring = await reserve(person, event)
    await api.database.execute("UPDATE bookings SET expires_at = now() WHERE id = $1", expiring["id"])
    async with api.database.transaction() as tx:
        await bookings.expire_overdue(tx)
    await api.run_jobs()
    await reserve(person, event)
    assert (await organizer.post(f"/api/events/{event['id']}/cancel/")).status == 200
    await api.run_jobs()
    sent = mails(api)
    assert kinds(sent) == ["Booking Cancelled", "Booking Expired", "Event Cancelled"]
    assert [mail.attachments for mail in sent] == [()] * 3


async def test_a_seat_in_an_event_that_moves_and_is_given_up_has_one_entry_with_rising_sequences(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT, **TIMES)
    first = await person.book(event)
    for place in ("Hall 8", "Hall 9"):
        assert (await organizer.patch(f"/api/events/{event['id']}/", {"location": place})).status == 200
        await make_jobs_due(api)
        await api.run_jobs()
    assert (await person.post(f"/api/bookings/{first['id']}/cancel/")).status == 200
    second = await person.book(event)
    told = mails(api)
    assert kinds(told) == [
        *("Booking Confirmation", "Event Updated", "Event Updated"),
        *("Booking Cancelled", "Booking Confirmation"),
    ]
    entries = [entry(mail, "CANCEL" if "Cancelled" in mail.subject else "REQUEST") for mail in told]
    uid, other = (f"booking-{booking['id']}@localhost" for booking in (first, second))
    assert [(ics["UID"], ics["SEQUENCE"], ics["LOCATION"]) for ics in entries] == [
        *((uid, 0, "Hall 7"), (uid, 1, "Hall 8"), (uid, 2, "Hall 9"), (uid, 3, "Hall 9")),
        (other, 2, "Hall 9"),
    ]
    stamps = [ics["DTSTAMP"].dt for ics in entries]
    assert stamps == sorted(stamps)


async def test_changes_at_once_are_one_mail(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT)
    await person.book(event)
    api.mailer.sent.clear()
    path = f"/api/events/{event['id']}/"
    changes: list[dict[str, Any]] = [TIMES, {"location": "Hall 9"}, {"online_url": "https://meet.example/x"}]
    answers = await asyncio.gather(*(organizer.patch(path, change) for change in changes))
    assert {answer.status for answer in answers} == {200}
    await make_jobs_due(api)
    await api.run_jobs()
    (mail,) = mails(api)
    for news in (
        "takes place on Sunday, 15 June 2031, 18:00",
        "the place is now Hall 9",
        "a new link to join it",
    ):
        assert news in mail.text
    assert entry(mail)["SEQUENCE"] == 3


async def test_who_waits_for_a_changed_event_gets_no_entry(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    (first,) = await people(api, 1)
    event = await organizer.create_event(**EVENT, max_attendees=1)
    await first.book(event)
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).status == 201
    assert (await organizer.patch(f"/api/events/{event['id']}/", {"location": "Hall 9"})).status == 200
    await make_jobs_due(api)
    await api.run_jobs()
    (mail,) = mails(api)
    assert (mail.subject, mail.attachments) == ("Event Updated: Rust Nights", ())


async def test_mails_of_two_bookings_have_different_subjects(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    for _ in range(2):
        event = await organizer.create_event(**EVENT)
        booking = await person.book(event)
        assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
        await person.book(event)
    subjects = [mail.subject for mail in mails(api)]
    assert len(subjects) == len(set(subjects)) == 6
    assert all("Rust Nights" in subject for subject in subjects)


async def test_an_offer_from_the_line_says_until_when(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    (first,) = await people(api, 1)
    event = await organizer.create_event(**EVENT, max_attendees=1, price="5.00")
    taken = await reserve(first, event)
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).status == 201
    assert (await first.post(f"/api/bookings/{taken['id']}/cancel/")).status == 200
    await api.run_jobs()
    (mail,) = mails(api)
    until = await api.database.fetch_value("SELECT expires_at FROM bookings WHERE status = 'pending'")
    assert mail.attachments == ()
    assert f"{until:%H:%M} UTC" in mail.text
    assert "Rust Nights" in mail.text
    assert await titles(person) == kinds([mail])


async def test_announcements_are_mailed_too(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await organizer.create_event(**EVENT)
    await person.book(event)
    api.mailer.sent.clear()
    await move_event(api.database, event["id"], starts_in_hours=-1)
    assert (await organizer.post(f"/api/events/{event['id']}/complete/")).status == 200
    await api.run_jobs()
    said = {mail.subject.partition(" (")[0]: mail.text for mail in mails(api)}
    assert set(said) == {"Certificate Issued: Rust Nights", "How Was It? Rust Nights"}
    assert "is ready to download." in said["Certificate Issued: Rust Nights"]


async def test_a_mail_is_the_same_in_every_try(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    await person.book(await organizer.create_event(**EVENT))
    note = await api.database.fetch_value("SELECT id FROM notifications WHERE user_id = $1", person.id)
    await api.database.execute(
        "INSERT INTO jobs (kind, queue, version, payload, run_at, max_attempts, created_at) VALUES "
        "('send_notification', 'notifications', 1, jsonb_build_object('notification_id', $1::bigint), now(), 20, now())",
        note,
    )
    await api.run_jobs()
    first, second = mails(api)
    assert first == second


async def held_up(api: Api, person: Person, event: dict[str, Any]) -> dict[str, Any]:
    """Return a confirmed booking whose mail waits, because the mail server is away."""
    api.mailer.fail_next(MailTemporarilyFailed("away"))
    booking = await reserve(person, event)
    await api.run_jobs(may_fail=True)
    assert api.mailer.sent == []
    return booking


async def test_a_confirmation_that_is_no_longer_true_is_not_mailed(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    booking = await held_up(api, person, await organizer.create_event())
    assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await make_jobs_due(api)
    await api.run_jobs()
    assert kinds(mails(api)) == ["Booking Cancelled"]
    outcomes = await api.database.fetch("SELECT outcome FROM job_log WHERE kind = 'send_notification'")
    assert [row["outcome"] for row in outcomes] == ["done"] * 2


async def test_a_confirmation_that_is_still_true_is_mailed_late(
    api: Api, pair: tuple[Person, Person]
) -> None:
    organizer, person = pair
    await held_up(api, person, await organizer.create_event())
    await make_jobs_due(api)
    await api.run_jobs()
    assert kinds(mails(api)) == ["Booking Confirmation"]


@pytest.mark.parametrize("meanwhile", ["cancelled", "started", "moved"])
async def test_a_reminder_that_is_no_longer_true_is_not_mailed(
    api: Api, pair: tuple[Person, Person], meanwhile: str
) -> None:
    organizer, person = pair
    event = await organizer.create_event()
    booking = await person.book(event)
    api.mailer.sent.clear()
    await move_event(api.database, event["id"], starts_in_hours=23)
    await remind(api)
    api.mailer.fail_next(MailTemporarilyFailed("away"))
    await api.run_jobs(may_fail=True)
    if meanwhile == "cancelled":
        assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    else:
        await move_event(api.database, event["id"], starts_in_hours=-1 if meanwhile == "started" else 22)
    await make_jobs_due(api)
    await api.run_jobs()
    assert "Event Reminder" not in kinds(mails(api))


async def test_an_offer_that_has_run_out_is_not_mailed(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    (first,) = await people(api, 1)
    event = await organizer.create_event(max_attendees=1, price="5.00")
    taken = await reserve(first, event)
    await first.put("/api/users/update_profile/", {"notifications_enabled": False})
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).status == 201
    assert (await first.post(f"/api/bookings/{taken['id']}/cancel/")).status == 200
    api.mailer.fail_next(MailTemporarilyFailed("away"))
    await api.run_jobs(may_fail=True)
    await api.database.execute(
        "UPDATE bookings SET expires_at = now() - interval '1 second' WHERE status = 'pending'"
    )
    await make_jobs_due(api)
    await api.run_jobs()
    assert mails(api) == []


def test_every_type_of_notification_has_a_test_here() -> None:
    tests = {
        "booking_confirmation": test_a_confirmation_goes_with_a_calendar_entry,
        "event_cancelled": test_a_cancelled_event_takes_its_entry_out_and_names_the_refund,
        "event_reminder": test_a_reminder_comes_a_day_before_with_the_present_times,
        "event_updated": test_a_change_says_what_is_new,
        "payment_received": test_a_payment_is_acknowledged_and_its_invoice_sent,
        "system_announcement": test_announcements_are_mailed_too,
        "waitlist_available": test_an_offer_from_the_line_says_until_when,
    }
    assert set(tests) == set(NotificationType)


async def test_who_has_left_reads_nothing_of_an_events_changes(api: Api, pair: tuple[Person, Person]) -> None:
    organizer, person = pair
    event = await organizer.create_event()
    booking = await reserve(person, event)
    await api.run_jobs()
    await organizer.patch(f"/api/events/{event['id']}/", {"location": "Elsewhere"})
    async with api.database.transaction() as tx:
        await events.tell(tx, event["id"])
    assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.run_jobs()
    assert kinds(mails(api)) == ["Booking Confirmation", "Booking Cancelled"]
