"""Mails to an address that nobody has verified: few, without a word of any user, and ended by one click for good."""

import email
import email.policy
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from eventhub.gateways.mail.mime import message_bytes
from eventhub.models.jobs import SEND_NOTIFICATION
from eventhub.services import events
from eventhub.services.ports.mail import Mail, MailTemporarilyFailed
from tests.api import PASSWORD, Api, Person
from tests.conftest import MakeApi
from tests.fakes.mail import SENDER
from tests.money import make_jobs_due, people, reserve, run_kind, start_paying, titles
from tests.rows import move_event
from tests.web.test_accounts import TOKEN

VICTIM = "victim@example.org"
WORDS = "Locked: visit https://evil.example/unlock"
MARK = "evil"
RESET = "/api/auth/password/reset/"


async def stranger(api: Api) -> Person:
    """Return somebody who registered with an address that is not theirs, under names that are a message."""
    return await api.person(email=VICTIM, first_name=f"{MARK} says: you have won", last_name="500 USD")


async def evil_event(api: Api, **changes: object) -> tuple[Person, dict[str, Any]]:
    """Return an organizer, and their event, whose every text is a message."""
    organizer = await api.person("organizer", first_name=WORDS, last_name=MARK)
    details: dict[str, Any] = {
        "title": WORDS,
        "description": WORDS,
        "location": WORDS,
        "online_url": "https://evil.example/",
        "tags": MARK,
        **changes,
    }
    return organizer, await organizer.create_event(**details)


def read(mail: Mail) -> str:
    """Return all that a reader of a mail can see: headers, texts, names and contents of files."""
    message = email.message_from_bytes(
        message_bytes(mail, SENDER, datetime.now(UTC)), policy=email.policy.default
    )
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
    names = [part.get_filename() or "" for part in message.walk()]
    return "\n".join([str(message.items()), *names, *map(str, parts)])


def to_victim(api: Api) -> list[Mail]:
    return [mail for mail in api.mailer.sent if mail.to_address.lower() == VICTIM]


async def click(api: Api, mail: Mail) -> str:
    """Follow a mail's link to unsubscribe as a mail program does; return the page."""
    assert mail.unsubscribe_url is not None
    path = mail.unsubscribe_url.partition("://")[2].partition("/")[2]
    done = await api.anonymous.post(f"/{path}", data={"List-Unsubscribe": "One-Click"})
    assert done.status == 200
    return done.text


async def test_no_word_of_a_user_reaches_an_address_that_nobody_verified(make_api: MakeApi) -> None:
    api = await make_api(
        mail_budget_unverified=1000,
        booking_page="https://b.example/{id}",
        payment_page="https://p.example/{id}",
    )
    person = await stranger(api)
    organizer, event = await evil_event(api)
    body = {"event": event["id"], "special_requirements": WORDS}
    booking = (await person.post("/api/bookings/", body)).data
    await api.run_jobs()
    await organizer.patch(f"/api/events/{event['id']}/", {"location": f"{WORDS}/2"})
    await make_jobs_due(api)
    await api.run_jobs()
    await organizer.post(f"/api/bookings/{booking['id']}/cancel/")
    for price in ("0.00", "5.00"):
        _, other = await evil_event(api, price=price)
        await start_paying(person, await reserve(person, other), billing_address=WORDS)
        await api.run_jobs()
        await move_event(api.database, other["id"], starts_in_hours=23)
        async with api.database.transaction() as tx:
            await events.remind_due(tx)
        await api.run_jobs()
    organizer, full = await evil_event(api, max_attendees=1)
    (first,) = await people(api, 1)
    held = await first.book(full)
    await person.post("/api/waitlist/", {"event": full["id"]})
    await first.post(f"/api/bookings/{held['id']}/cancel/")
    await api.run_jobs()
    await organizer.post(f"/api/events/{full['id']}/cancel/")
    await api.anonymous.post(RESET, {"email": VICTIM})
    await api.run_jobs()
    await person.patch("/api/users/me/", {"email": "elsewhere@example.org", "current_password": PASSWORD})
    await api.run_jobs()

    mails = to_victim(api)
    assert {mail.subject.split(" INV")[0] for mail in mails} == {
        "Confirm your email address",
        "A booking of yours is confirmed",
        "An event has changed",
        "There is news in your account",
        "A payment of yours has arrived",
        "Invoice",
        "An event that you booked starts soon",
        "A seat came free for you",
        "An event was cancelled",
        "Reset your password",
        "Your email address was changed",
    }
    for mail in mails:
        seen = read(mail)
        assert MARK not in seen, mail.subject
        assert person.user["username"] not in seen, mail.subject
        assert (mail.to_name, mail.attachments) == ("", ()), mail.subject
        assert "Hello,\n" in mail.text
        assert mail.unsubscribe_url is not None
        assert "List-Unsubscribe-Post" in seen


async def test_what_is_over_the_budget_stays_in_the_list_of_notifications(api: Api) -> None:
    person = await stranger(api)
    _, event = await evil_event(api)
    for _ in range(4):
        booking = await person.book(event)
        assert (await person.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
        await api.run_jobs()
    news = [mail for mail in to_victim(api) if mail.subject != "Confirm your email address"]
    assert len(news) == 5
    assert sorted(await titles(person)) == ["Booking Cancelled"] * 4 + ["Booking Confirmation"] * 4
    outcomes = await api.database.fetch(
        "SELECT outcome FROM job_log WHERE kind = 'send_notification' AND outcome <> 'done'"
    )
    assert [row["outcome"] for row in outcomes] == [
        "refused: The address has had its 5 mails of 24 hours."
    ] * 3
    # The mail that verifies is not in it.
    await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '61 seconds'")
    await person.post("/api/auth/email/verify/resend/")
    await api.run_jobs()
    assert to_victim(api)[-1].subject == "Confirm your email address"


async def test_an_invoice_counts_too(api: Api) -> None:
    person = await stranger(api)
    for _ in range(3):
        _, event = await evil_event(api)
        await start_paying(person, await reserve(person, event))
        await api.run_jobs()
    news = [mail.subject.split(" INV")[0] for mail in to_victim(api)]
    assert len(news) == 6
    assert "Invoice" in news
    assert len((await person.get("/api/invoices/")).data) == 3


async def test_tries_of_one_mail_count_once(api: Api) -> None:
    person = await stranger(api)
    await api.run_jobs()
    for key in range(6):
        await api.database.execute(
            "INSERT INTO notifications (user_id, notification_type, title, message, key, is_read, created_at) "
            "VALUES ($1, 'system_announcement', 'T', 'M', $2, false, now())",
            person.id,
            f"news:{key}",
        )
    ids = [row["id"] for row in await api.database.fetch("SELECT id FROM notifications ORDER BY id")]
    async with api.database.transaction() as tx:
        tx.enqueue(SEND_NOTIFICATION, notification_id=ids[0])
    for _ in range(7):
        api.mailer.fail_next(MailTemporarilyFailed("away"))
        await run_kind(api, SEND_NOTIFICATION)
        await make_jobs_due(api)
    async with api.database.transaction() as tx:
        for notification_id in ids[1:]:
            tx.enqueue(SEND_NOTIFICATION, notification_id=notification_id)
    api.mailer.sent.clear()
    await api.run_jobs()
    assert len(to_victim(api)) == 5
    assert f"<notification-{ids[0]}@localhost>" in {mail.message_id for mail in to_victim(api)}


async def test_one_click_ends_the_news_whatever_the_account_is_set_to(api: Api) -> None:
    person = await stranger(api)
    await api.run_jobs()
    (verification,) = to_victim(api)
    page = await click(api, verification)
    assert "until someone confirms that the address is theirs" in page
    profile = await person.put("/api/users/update_profile/", {"notifications_enabled": True})
    assert profile.data["notifications_enabled"] is True
    _, event = await evil_event(api)
    await person.book(event)
    await start_paying(person, await reserve(person, (await evil_event(api))[1]))
    await api.run_jobs()
    assert to_victim(api) == [verification]
    assert "Booking Confirmation" in await titles(person)


async def test_the_address_stays_ended_for_the_next_account_that_names_it(api: Api) -> None:
    first = await stranger(api)
    await api.run_jobs()
    await click(api, to_victim(api)[0])
    assert (
        await first.patch("/api/users/me/", {"email": "own@example.org", "current_password": PASSWORD})
    ).status == 200
    second = await stranger(api)
    await api.run_jobs()
    assert [mail.subject for mail in to_victim(api)] == ["Confirm your email address"] * 2
    api.mailer.sent.clear()
    await second.book((await evil_event(api))[1])
    assert to_victim(api) == []


async def test_accounts_that_take_turns_at_an_address_cannot_mail_it_without_end(api: Api) -> None:
    for number in range(22):
        person = await stranger(api)
        assert (
            await person.patch(
                "/api/users/me/", {"email": f"own{number}@example.org", "current_password": PASSWORD}
            )
        ).status == 200
        await make_jobs_due(api)
        await api.run_jobs()
        person = await stranger(api)
        await api.run_jobs()
        assert (
            await person.patch(
                "/api/users/me/", {"email": f"next{number}@example.org", "current_password": PASSWORD}
            )
        ).status == 200
        await api.run_jobs()
    subjects = Counter(mail.subject for mail in to_victim(api))
    assert subjects == {"Confirm your email address": 20, "Your email address was changed": 5}


async def test_a_password_that_goes_to_and_fro_is_told_a_stranger_a_few_times(api: Api) -> None:
    person, passwords = await stranger(api), [PASSWORD, "another-good-password-2"]
    for number in range(8):
        old, new = passwords[number % 2], passwords[1 - number % 2]
        body = {"old_password": old, "new_password": new}
        changed = await person.post("/api/auth/password/change/", body)
        assert changed.status == 200
        person = Person(api, changed.data["access"], person.user)
    await api.run_jobs()
    subjects = Counter(mail.subject for mail in to_victim(api))
    assert subjects == {"Confirm your email address": 1, "Your password was changed": 5}


async def test_verifying_the_address_brings_the_mails_back_and_the_words_with_them(api: Api) -> None:
    person = await api.person(email=VICTIM, first_name="Ann", last_name="Lee")
    await api.run_jobs()
    (verification,) = to_victim(api)
    await click(api, verification)
    (token,) = TOKEN.findall(verification.text)
    assert (await api.anonymous.post("/api/auth/email/verify/", {"token": token})).status == 200
    assert await api.database.fetch("SELECT FROM mail_suppressions") == []
    api.mailer.sent.clear()
    organizer = await api.person("organizer")
    await person.book(await organizer.create_event(title="Rust Nights"))
    (mail,) = to_victim(api)
    assert mail.to_name == "Ann Lee"
    assert mail.subject.startswith("Booking Confirmation: Rust Nights (")
    assert "Your booking for Rust Nights has been confirmed." in mail.text
    assert [file.filename for file in mail.attachments] == ["event.ics"]


async def test_a_link_of_before_ends_the_mails_of_who_has_verified_since_until_they_turn_them_on(
    api: Api,
) -> None:
    person = await api.person(email=VICTIM)
    await api.run_jobs()
    (verification,) = to_victim(api)
    await person.verify()
    assert "You can turn them on again" in await click(api, verification)
    assert (await person.get("/api/users/me/")).data["profile"]["notifications_enabled"] is False
    organizer = await api.person("organizer")
    await person.book(await organizer.create_event())
    assert to_victim(api) == [verification]
    await person.put("/api/users/update_profile/", {"notifications_enabled": True})
    await person.book(await organizer.create_event())
    assert len(to_victim(api)) == 2


@pytest.mark.parametrize("who", ["organizer", "attendee"])
async def test_a_name_with_a_link_in_it_greets_nobody(api: Api, who: str) -> None:
    names = {"first_name": "you have won, see", "last_name": "https://evil.example/claim"}
    organizer = await api.person("organizer", **(names if who == "organizer" else {}))
    person = await api.person(email=VICTIM, **(names if who == "attendee" else {}))
    await person.verify()
    await api.run_jobs()
    api.mailer.sent.clear()
    await person.book(await organizer.create_event())
    (mail,) = to_victim(api)
    assert mail.subject.startswith("Booking Confirmation: ")
    assert MARK not in read(mail)
