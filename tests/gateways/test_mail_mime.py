"""The bytes of a message: right for any mail program, and under nobody's control but ours."""

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventhub.gateways.mail.mime import (
    MAX_NAME,
    MAX_SUBJECT,
    Mailbox,
    mailbox,
    message_bytes,
    parse_mailbox,
)
from eventhub.gateways.mail.text import one_line
from eventhub.services.ports.mail import Attachment, Mail, MailRefused, message_id

NOW = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
SENDER = Mailbox("Event Hub", "no-reply@eventhub.test")
MAIL = Mail(
    message_id=message_id("notification-1", "eventhub.test"),
    to_address="ann@example.com",
    to_name="Ann Example",
    subject="Your booking is confirmed",
    text="See you there.\n",
    html="<p>See you there.</p>",
)
HEADERS = {"Date", "From", "To", "Message-ID", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"}
NASTY = [
    "a\r\nBcc: eve@example.com",
    "a\nBcc: eve@example.com\n\nbody",
    "a\rBcc: eve@example.com",
    "a\x0bBcc: eve\x0cX: y\x85Z: w\u2028V: u\u2029T: s\x1cR: q",
    "=?utf-8?q?a=0D=0ABcc:_eve@example.com?=",
    "=?utf-8?b?YQ0KQmNjOiBldmVAZXhhbXBsZS5jb20=?=",
    '"quoted" \\back\\ <eve@example.com>, eve@example.com',
    "<script>alert('x')</script>",
    "مرحبا بالعالم",
    "שלום עולם, \u202eevil",
    "東京のイベント" * 12,
    "👩‍👩‍👧‍👦🎉" * 20,
    "x" * 3000,
    "word " * 200,
    "\x00\x07null and bell",
    "lone \ud800 surrogate",
    "",
]


def parsed(mail: Mail, sender: Mailbox = SENDER) -> EmailMessage:
    return email.message_from_bytes(message_bytes(mail, sender, NOW), policy=email.policy.default)


def lines_of_header(mail: Mail) -> list[bytes]:
    return message_bytes(mail, SENDER, NOW).partition(b"\r\n\r\n")[0].split(b"\r\n")


def test_a_mail_has_the_headers_that_servers_and_people_expect() -> None:
    message = parsed(MAIL)
    assert set(message.keys()) == HEADERS
    assert message["Date"] == "Mon, 01 Jun 2026 09:30:00 +0000"
    assert message["From"] == "Event Hub <no-reply@eventhub.test>"
    assert message["To"] == "Ann Example <ann@example.com>"
    assert message["Message-ID"] == "<notification-1@eventhub.test>"
    assert message["Subject"] == "Your booking is confirmed"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_subjects_and_names_are_cut() -> None:
    message = parsed(replace(MAIL, subject="s" * 251, to_name=f"{'n' * 99} x{'y' * 20}"))
    assert message["Subject"] == "s" * 250
    assert message["To"].addresses[0].display_name == "n" * 99


def test_a_mail_can_be_unsubscribed_from_with_one_click() -> None:
    url = "https://events.example.com/unsubscribe/" + "t" * 300 + "?a=1&b=2"
    raw = message_bytes(replace(MAIL, unsubscribe_url=url), SENDER, NOW)
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in raw
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


def test_attachments_keep_their_bytes_names_and_types() -> None:
    pdf = bytes(range(256)) * 20
    mail = replace(
        MAIL,
        attachments=(
            Attachment(filename="../Rechnung für\r\n東京.pdf", content_type="application/pdf", content=pdf),
            Attachment(
                filename="event.ics",
                content_type="text/calendar; method=PUBLISH; charset=utf-8",
                content="BEGIN:VCALENDAR ü\r\n".encode(),
            ),
        ),
    )
    message = parsed(mail)
    assert message.get_content_type() == "multipart/mixed"
    first, second = message.iter_attachments()
    assert (first.get_filename(), first.get_content()) == ("..-Rechnung für 東京.pdf", pdf)
    assert second.get_content_type() == "text/calendar"
    assert (second.get_param("method"), second.get_content_charset()) == ("PUBLISH", "utf-8")
    assert second.get_payload(decode=True) == "BEGIN:VCALENDAR ü\r\n".encode()
    body = message.get_body(("html",))
    assert body is not None
    assert body.get_content_type() == "text/html"


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_adds_a_header_or_a_recipient(nasty: str) -> None:
    mail = replace(MAIL, subject=nasty, to_name=nasty, text=nasty, html=nasty)
    message = parsed(mail, mailbox(nasty, "no-reply@eventhub.test"))
    assert set(message.keys()) == HEADERS
    assert [address.addr_spec for address in message["To"].addresses] == ["ann@example.com"]
    assert [address.addr_spec for address in message["From"].addresses] == ["no-reply@eventhub.test"]


@pytest.mark.parametrize("nasty", NASTY)
def test_lines_keep_to_the_limits_and_encoded_words_to_theirs(nasty: str) -> None:
    for line in lines_of_header(replace(MAIL, subject=nasty, to_name=nasty)):
        assert len(line) <= 998
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f-\xff]", line)
        assert all(len(word) <= 75 for word in re.findall(rb"=\?[^ ]*\?=", line))


@given(st.text(max_size=120), st.text(max_size=120))
@settings(max_examples=150, deadline=None)
def test_any_subject_and_name_arrive_as_one_line(subject: str, name: str) -> None:
    message = parsed(replace(MAIL, subject=subject, to_name=name))
    assert set(message.keys()) == HEADERS
    [address] = message["To"].addresses
    assert address.addr_spec == "ann@example.com"
    # Python's parser puts spaces where a long text was folded.
    for arrived, sent in (
        (message["Subject"], one_line(subject)[:MAX_SUBJECT]),
        (address.display_name, one_line(name)[:MAX_NAME]),
    ):
        assert "".join(arrived.split()) == "".join(sent.split())


@pytest.mark.parametrize(
    "subject",
    ["Grüße aus Köln", "東京のイベント", "مرحبا", "🎉 Party", "=?utf-8?q?not_decoded?=", "a, b; <c>"],
)
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    raw = message_bytes(replace(MAIL, subject=subject, to_name=subject), SENDER, NOW)
    value = email.message_from_bytes(raw)["Subject"]
    decoded = email.header.make_header(email.header.decode_header(value))
    assert str(decoded) == subject
    assert parsed(replace(MAIL, to_name=subject))["To"].addresses[0].display_name == subject


def test_the_whole_message_is_ascii_unless_the_address_is_not() -> None:
    assert message_bytes(replace(MAIL, text="ü" * 2000, html="東" * 2000), SENDER, NOW).isascii()
    assert "<jürgen@example.com>".encode() in message_bytes(
        replace(MAIL, to_address="jürgen@example.com"), SENDER, NOW
    )


def test_every_line_ends_with_cr_and_lf() -> None:
    raw = message_bytes(replace(MAIL, text="a\nb\r\nc\rd" + "e" * 2000), SENDER, NOW)
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_times_of_other_zones_are_fine() -> None:
    later = NOW.astimezone(tz=None) + timedelta(hours=1)
    assert b"Date: " in message_bytes(MAIL, SENDER, later)


@pytest.mark.parametrize(
    "address", ["", "x", "@x", "x@", "a b@c", "a@b..c", "a@-b", "a@b_c", 'a"b@c', "ä@ö@c", "a@\u3002"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(MailRefused):
        message_bytes(replace(MAIL, to_address=address), SENDER, NOW)


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("Event Hub <no-reply@localhost>", "Event Hub", "no-reply@localhost"),
        ('"Hub, Event" <a@b.example>', "Hub, Event", "a@b.example"),
        ("Veranstaltungen Köln <a@köln.example>", "Veranstaltungen Köln", "a@xn--kln-sna.example"),
        (" a@b.example ", "", "a@b.example"),
        ("<a@b.example>", "", "a@b.example"),
    ],
)
def test_a_sender_is_read_from_a_setting(text: str, name: str, address: str) -> None:
    assert parse_mailbox(text) == Mailbox(name, address)


@pytest.mark.parametrize("text", ["", "Event Hub", "a@b <c@d> e", "Event Hub <>", "Event Hub <nobody>"])
def test_a_sender_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"mail address|form Name"):
        parse_mailbox(text)


@pytest.mark.parametrize(
    "bad", ["no brackets@x", "<a b@c>", "<a@b>\r\nX: y", "<a@b\n>", "<@b>", "<" + "a" * 999 + "@b>"]
)
def test_a_message_id_is_checked_where_it_is_made(bad: str) -> None:
    with pytest.raises(ValueError, match="Message-ID"):
        replace(MAIL, message_id=bad)


@pytest.mark.parametrize(
    "bad", ["ftp://x", "https://x y", "https://x>\r\nBcc: a", "javascript:x", "https://ü", "https://x\n"]
)
def test_an_unsubscribe_url_is_checked_where_it_is_made(bad: str) -> None:
    with pytest.raises(ValueError, match="fits a header"):
        replace(MAIL, unsubscribe_url=bad)
