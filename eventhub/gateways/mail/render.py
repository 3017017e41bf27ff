"""The words of each mail: facts in, subject, plain text and HTML out (Jinja2; templates beside this file)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from eventhub import localized
from eventhub.gateways.mail import ics
from eventhub.gateways.mail.text import many_lines, one_line, shortened
from eventhub.services.links import display_name
from eventhub.services.ports.mail import Attachment, Mail, message_id
from eventhub.services.ports.mail_contents import Content, Money

TEMPLATES = Path(__file__).parent / "templates"
PREVIEW_LENGTH = 140
SUBJECT_TITLE_LENGTH = (
    60  # of an event; phones show some 40 characters of a subject, other screens twice that
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """The installation as mails name it: `url` without a trailing slash, `sender_address` as in From."""

    name: str
    url: str
    sender_address: str

    @property
    def domain(self) -> str:
        """The part after the @: what Message-IDs and calendar UIDs end in."""
        return self.sender_address.rpartition("@")[2]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(content: Content, site: Site, *, unsubscribe_url: str | None = None) -> Rendered:
    """Return the mail's words. StrictUndefined: a template that asks for a missing fact fails, loudly."""
    names = {"c": content, "site": site, "unsubscribe_url": unsubscribe_url or ""}
    environment = _environment()
    text = environment.get_template(f"{content.template}.txt.j2").render(names)
    return Rendered(
        subject=subject(content),
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        html=environment.get_template(f"{content.template}.html.j2").render(names),
    )


def subject(content: Content) -> str:
    """Return what a mail is about: its title, the event, and the booking where there is one.

    Mail programs show mails with the same subject as one conversation: those of two bookings have different ones.
    """
    title = one_line(content.title)
    event = shortened(content.about_event, SUBJECT_TITLE_LENGTH)
    if event:
        title = f"{title}{'' if title.endswith('?') else ':'} {event}"
    return f"{title} (booking {content.about_booking})" if content.about_booking else title


def compose(
    content: Content,
    site: Site,
    *,
    key: str,
    to_address: str,
    unsubscribe_url: str | None = None,
    attachments: Sequence[Attachment] = (),
) -> Mail:
    """Return the finished mail; `key` (`notification-12`) makes its Message-ID, the same on every try."""
    words = render(content, site, unsubscribe_url=unsubscribe_url)
    return Mail(
        message_id=message_id(key, site.domain),
        to_address=to_address,
        to_name=display_name(content.recipient_name),
        subject=words.subject,
        text=words.text,
        html=words.html,
        attachments=tuple(attachments),
        unsubscribe_url=unsubscribe_url,
    )


def calendar_attachment(file: bytes, *, is_cancelled: bool = False) -> Attachment:
    """Return what `ics.calendar_event` made as an attachment that calendars offer to take in."""
    method = ics.method(is_cancelled=is_cancelled)
    return Attachment(
        filename="event.ics", content_type=f"text/calendar; method={method}; charset=utf-8", content=file
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        line=one_line,
        name=shown_name,
        paragraphs=paragraphs,
        when=when,
        moment=moment,
        month=localized.month,
        day_of_month=day_of_month,
        money=money,
        duration=duration,
        preview=_preview,
    )
    environment.tests["web_url"] = is_web_url
    return environment


def shown_name(name: str) -> str:
    """Return somebody's name as one line; nothing of one that is rather a message."""
    return one_line(display_name(name))


def paragraphs(text: str) -> list[str]:
    """Return what stands between blank lines; line breaks inside a paragraph stay."""
    return [part.strip() for part in re.split(r"\n\s*\n", many_lines(text)) if part.strip()]


moment = localized.moment
when = localized.span


def money(value: Money) -> str:
    """Return `USD 1,299.00`, `JPY 1,299`, or `Free`."""
    return localized.money(value.amount, value.currency) if value.amount else "Free"


def duration(seconds: int) -> str:
    """Return a whole number of the largest unit that fits: `2 days`, `1 hour`, `90 minutes`."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def day_of_month(at: datetime, zone: str) -> int:
    return localized.clock(at, zone).day


def is_web_url(url: str) -> bool:
    """Say whether `url` may become a link: http or https and nothing else (`javascript:` is text)."""
    return re.fullmatch(r"https?://[^\s\"'<>]+", url) is not None


def _preview(text: str) -> str:
    return shortened(text, PREVIEW_LENGTH)
