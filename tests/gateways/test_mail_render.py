"""The words of every mail: golden for plain texts, and harmless whatever users wrote.

After a wanted change of words: `UPDATE_GOLDEN=1 pytest tests/gateways/test_mail_render.py`, then read the diff.
"""

import email
import email.policy
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from eventhub.gateways.mail.mime import Mailbox, message_bytes
from eventhub.gateways.mail.render import (
    TEMPLATES,
    calendar_attachment,
    compose,
    duration,
    moment,
    money,
    render,
    when,
)
from eventhub.gateways.mail.text import one_line, shortened
from eventhub.services.ports.mail import pdf_attachment
from eventhub.services.ports.mail_contents import (
    Content,
    EventReminder,
    Invoice,
    Money,
    PaymentReceived,
    SystemAnnouncement,
    UnverifiedNotice,
    WaitlistAvailable,
)
from tests.gateways.mail_contents import BASE, END, EVENT, SITE, START, contents

GOLDEN = Path(__file__).parent / "golden_mails"
UNSUBSCRIBE = f"{BASE}/unsubscribe/abc/"
NASTY = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\"><a href='javascript:alert(1)'>x</a>",
    "title\r\nBcc: eve@example.com\r\n\r\n<b>body</b>",
    "{{ 7*7 }} {% include 'x' %} ${x}",
    "مرحبا بالعالم \u202eevil",
    "東京のイベントへようこそ",
    "👩‍👩‍👧‍👦🎉 & < > \" '",
    "w" * 500,
    "\x00\x1b[2J\u2028\ud800",
    "",
]
NAMELESS = {"email_verification", "unverified_notice"}  # to whom nobody knows whether they asked
VOID = {"meta", "br", "img", "hr", "link"}


class Page(HTMLParser):
    """Checks that what is opened is closed, and collects tags and links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def by_name(content: Content) -> str:
    return content.template


@pytest.mark.parametrize("content", contents(), ids=by_name)
def test_plain_texts_are_as_agreed(content: Content) -> None:
    text = render(content, SITE, unsubscribe_url=UNSUBSCRIBE).text
    golden = GOLDEN / f"{content.template}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_every_template_has_a_content_and_both_sides() -> None:
    names = {path.name.split(".")[0] for path in TEMPLATES.iterdir()} - {"base", "parts"}
    assert names == {content.template for content in contents()}
    assert all((TEMPLATES / f"{name}.{kind}.j2").is_file() for name in names for kind in ("html", "txt"))


@pytest.mark.parametrize("content", contents(), ids=by_name)
def test_pages_say_the_same_as_the_texts(content: Content) -> None:
    page = render(content, SITE, unsubscribe_url=UNSUBSCRIBE).html
    assert Page(page).tags <= {
        "html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "h1", "p", "br", "a", "span",
    }  # fmt: skip
    assert f'href="{BASE}/x/1/"' in page
    assert UNSUBSCRIBE in page
    assert ("John Doe" in page) == (content.template not in NAMELESS)
    assert len(page.encode()) < 100_000  # Gmail cuts off what is longer than 102 KB


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("url", [f"{BASE}/x/", "javascript:alert(1)", '"><script>', "data:text/html,x", ""])
def test_no_words_of_a_user_become_markup_or_a_link(nasty: str, url: str) -> None:
    event = replace(EVENT, title=nasty, location=nasty, online_url=url, organizer_name=nasty)
    plain = Page("".join(render(content, SITE).html for content in contents()))
    for content in contents(event, nasty, url):
        page = Page(render(content, SITE).html)
        assert page.tags <= plain.tags
        assert page.attributes <= plain.attributes
        assert all(link.startswith("https://") for link in page.links)


@pytest.mark.parametrize("nasty", NASTY)
def test_no_words_of_a_user_become_a_header(nasty: str) -> None:
    event = replace(EVENT, title=nasty, location=nasty, organizer_name=nasty)
    for content in contents(event, nasty):
        mail = compose(content, SITE, key="notification-1", to_address="ann@example.com")
        raw = message_bytes(mail, Mailbox("Event Hub", "no-reply@events.example.com"), START)
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert message["Bcc"] is None
        assert message["To"].addresses[0].addr_spec == "ann@example.com"
        text, html = (part.get_content() for part in message.iter_parts())
        assert "Event Hub" in text
        assert "</html>" in html


@pytest.mark.parametrize("nasty", NASTY)
def test_a_title_stays_one_line_of_the_text(nasty: str) -> None:
    event = replace(EVENT, title=f"{nasty}x\n\nTotal: Free")
    for content in contents(event):
        assert "\nTotal: Free" not in render(content, SITE).text


def test_what_a_template_misses_fails_loudly() -> None:
    class Wrong(Content):
        template = "event_reminder"

    with pytest.raises(UndefinedError):
        render(Wrong(recipient_name="x", title="y"), SITE)


def test_an_online_link_is_no_longer_given_once_cancelled() -> None:
    cancelled = next(content for content in contents() if content.template == "event_cancelled")
    rendered = render(cancelled, SITE)
    assert "meet.example.com" not in rendered.text + rendered.html


def test_an_offer_that_needs_no_payment_says_so() -> None:
    content = WaitlistAvailable(
        recipient_name="Ann",
        title="You are in",
        event=EVENT,
        tickets=1,
        total=Money(amount=Decimal(0)),
        booking_url=f"{BASE}/b/1/",
    )
    text = render(content, SITE).text
    assert "Total: Free" in text
    assert "View your booking:" in text
    assert "Held" not in text


def test_a_mail_without_a_link_has_no_button() -> None:
    content = EventReminder(
        recipient_name="", title="Tomorrow", event=replace(EVENT, online_url=""), tickets=1
    )
    rendered = render(content, SITE)
    assert "Hello,\n" in rendered.text
    assert [link for link in Page(rendered.html).links if link != BASE] == []


def test_compose_makes_a_mail_that_is_the_same_on_every_try() -> None:
    content = contents()[1]
    attachments = [calendar_attachment(b"BEGIN:VCALENDAR"), pdf_attachment("INV-2026-000001.pdf", b"%PDF")]
    mails = [
        compose(content, SITE, key="notification-7", to_address="a@b.example", attachments=attachments)
        for _ in range(2)
    ]
    assert mails[0] == mails[1]
    assert mails[0].message_id == "<notification-7@events.example.com>"
    assert [each.filename for each in mails[0].attachments] == ["event.ics", "INV-2026-000001.pdf"]


def test_every_class_has_colours_for_dark_mode_or_measures_for_small_screens() -> None:
    page = "".join(render(content, SITE, unsubscribe_url=UNSUBSCRIBE).html for content in contents())
    used = {name for names in re.findall(r'class="([^"]*)"', page) for name in names.split()}
    styles = page.partition("@media")[2].partition("</style>")[0]
    assert used == set(re.findall(r"\.([a-z-]+)[ ,{]", styles))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 minute"),
        (60, "1 minute"),
        (5400, "90 minutes"),
        (3600, "1 hour"),
        (172_800, "2 days"),
        (3599, "60 minutes"),
    ],
)
def test_durations_read_well(seconds: int, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    "content", contents(replace(EVENT, timezone="Pacific/Auckland")), ids=lambda content: content.template
)
def test_the_times_of_an_event_are_said_by_its_clocks(content: Content) -> None:
    if isinstance(content, PaymentReceived):
        content = replace(content, timezone="Pacific/Auckland")
    words = render(content, SITE)
    if isinstance(content, Invoice):  # whose day is that of its number
        assert "15 June 2026, 18:00 UTC" in words.text
        return
    for text in (words.text, words.html):
        assert "UTC" not in text
        assert "15 June" not in text
        assert ("16 June 2026, 06:00" in text) is ("2026, 0" in text)
    if "When: " in words.text:
        assert "When: Tuesday, 16 June 2026, 06:00 to 09:00 NZST\n" in words.text
        assert ">16</td>" in words.html


def test_times_are_shown_in_utc() -> None:
    elsewhere = datetime.fromisoformat("2026-06-15T23:30:00+05:30")
    assert moment(elsewhere) == "15 June 2026, 18:00 UTC"
    assert when(elsewhere, END) == "Monday, 15 June 2026, 18:00 to 21:00 UTC"
    assert when(START, datetime(2026, 6, 17, 9, 5, tzinfo=UTC)) == (
        "Monday, 15 June 2026, 18:00 to Wednesday, 17 June 2026, 09:05 UTC"
    )
    assert when(START, START + timedelta(hours=6)).endswith("to Tuesday, 16 June 2026, 00:00 UTC")


@pytest.mark.parametrize(
    ("amount", "words"), [("0", "Free"), ("0.00", "Free"), ("29.9", "USD 29.90"), ("1299", "USD 1,299.00")]
)
def test_money_reads_well(amount: str, words: str) -> None:
    assert money(Money(amount=Decimal(amount))) == words


def subject_of(event: str, booking: str = "12", title: str = "Booking Confirmation") -> str:
    content = SystemAnnouncement(recipient_name="Ann", title=title, about_event=event, about_booking=booking)
    return render(content, SITE).subject


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ("PyCon 2026", "PyCon 2026"),
        ("  Rust\r\nBcc: eve@example.com ", "Rust Bcc: eve@example.com"),
        ("\u202eevil\u202c gpj.exe", "evil gpj.exe"),
        ("كيف حالك \u2067x", "كيف حالك x"),
        ("word " * 40, "word " * 11 + "word…"),
        ("W" * 200, "W" * 59 + "…"),
        ("あ" * 200, "あ" * 59 + "…"),
        ("e\u0301" * 100, "e\u0301" * 29 + "…"),
        ("👩\u200d👩\u200d👧\u200d👦" * 30, "👩\u200d👩\u200d👧\u200d👦" * 8 + "…"),
        ("👍\U0001f3fd" * 50, "👍\U0001f3fd" * 29 + "…"),
        ("x" + "🇩🇪" * 50, "x…"),
        ("a" * 58 + "👩\u200d🚀 in space", "a" * 58 + "…"),
        ("a" + "\u0300" * 300, "…"),
    ],
)
def test_a_subject_names_the_event_in_what_fits(event: str, shown: str) -> None:
    assert subject_of(event) == f"Booking Confirmation: {shown} (booking 12)"
    assert subject_of(event, booking="", title="How Was It?") == f"How Was It? {shown}"


def test_a_subject_without_an_event_is_the_title() -> None:
    assert subject_of("", booking="") == "Booking Confirmation"
    assert render(UnverifiedNotice(title="There is news in your account"), SITE).subject == (
        "There is news in your account"
    )


@given(st.text(max_size=400), st.integers(min_value=1, max_value=80))
@settings(max_examples=300, deadline=None)
def test_what_is_shortened_fits_and_says_nothing_else(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert one_line(text) == short or (short[-1] == "…" and one_line(text).startswith(short[:-1]))
    assert one_line(short) == short
