"""A `Mail` as the bytes that travel (RFC 5322, MIME), safe whatever users wrote into it.

The header lines are written here, not by `email.message`: that parses what it is given (a title of the form
`=?utf-8?q?a=0D=0ABcc:…?=` becomes a line break again) and breaks long URLs into encoded words.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from eventhub.gateways.mail.text import many_lines, one_line
from eventhub.services import addresses
from eventhub.services.ports.mail import Attachment, Mail, MailRefused

MAX_NAME = 100
MAX_SUBJECT = 250
_SEVEN_BIT = SMTP.clone(cte_type="7bit")  # every server takes it, with 8BITMIME or without
_CONTENT_TYPE = re.compile(
    r"(?P<main>[a-z]+)/(?P<sub>[a-z0-9.+-]+)(?P<parameters>(?:; [a-z]+=[A-Za-z0-9-]+)*)"
)


@dataclass(frozen=True)
class Mailbox:
    """A name (may be empty) and an address whose domain is ASCII; the part before the @ may be any UTF-8."""

    name: str
    address: str

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take the address."""
        return not self.address.isascii()

    def header(self) -> str:
        return f"{_phrase(self.name)} <{self.address}>" if self.name else f"<{self.address}>"


def mailbox(name: str, address: str) -> Mailbox:
    """Return the checked mailbox, its domain as IDNA spells it; ValueError names what is wrong."""
    try:
        checked = addresses.parse(address)
    except addresses.BadAddress as error:
        raise ValueError(f"{one_line(address)!r} is not a mail address: {error}") from None
    return Mailbox(one_line(name)[:MAX_NAME].rstrip(), f"{checked.local}@{checked.ascii_domain}")


def parse_mailbox(text: str) -> Mailbox:
    """Return the mailbox written as `Name <address>` or `address`, as in a setting; ValueError where it is none."""
    match = re.fullmatch(
        r"\s*(?:\"?(?P<name>[^<>\"]*?)\"?\s*<(?P<address>[^<>]+)>|(?P<bare>[^<>]+))\s*", text
    )
    if not match:
        raise ValueError(f"{one_line(text)!r} is not of the form Name <address>")
    return mailbox(match["name"] or "", match["address"] or match["bare"])


def recipient(mail: Mail) -> Mailbox:
    """Return whom `mail` goes to, or raise MailRefused where no server could take the address."""
    try:
        return mailbox(mail.to_name, mail.to_address)
    except ValueError as error:
        raise MailRefused(str(error)) from None


def message_bytes(mail: Mail, sender: Mailbox, now: datetime) -> bytes:
    """Return the whole message, lines ended by CRLF; MailRefused for an address that is none."""
    headers = {
        "Date": format_datetime(now),
        "From": sender.header(),
        "To": recipient(mail).header(),
        "Message-ID": mail.message_id,
        "Subject": _unstructured(one_line(mail.subject)[:MAX_SUBJECT], len("Subject: ")),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers, please
        **_unsubscribe(mail.unsubscribe_url),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return lines.encode() + _body(mail).as_bytes(policy=_SEVEN_BIT)


def _unsubscribe(url: str | None) -> dict[str, str]:
    if not url:
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}  # RFC 8058


def _body(mail: Mail) -> EmailMessage:
    body = EmailMessage(policy=_SEVEN_BIT)
    body.set_content(many_lines(mail.text) + "\n")
    if mail.html is not None:
        body.add_alternative(many_lines(mail.html) + "\n", subtype="html")
    for attachment in mail.attachments:
        _attach(body, attachment)
    return body


def _attach(body: EmailMessage, attachment: Attachment) -> None:
    match = _CONTENT_TYPE.fullmatch(attachment.content_type)
    if not match:
        raise ValueError(f"not a content type: {attachment.content_type!r}")
    pairs = (pair.partition("=") for pair in match["parameters"].split("; ") if pair)
    body.add_attachment(
        attachment.content,
        match["main"],
        match["sub"],
        filename=re.sub(r"[/\\]", "-", one_line(attachment.filename)),
        params={name: value for name, _, value in pairs},
    )


def _phrase(name: str) -> str:
    """Return `name` as RFC 5322's display-name: quoted where ASCII, encoded words elsewhere."""
    if _is_plain(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return _encoded_words(name, len("From: "))


def _unstructured(text: str, used: int) -> str:
    if _is_plain(text) and used + len(text) <= 900:  # RFC 5322, 2.1.1: at most 998 a line
        return text
    return _encoded_words(text, used)


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _encoded_words(text: str, used: int) -> str:
    words = Header(maxlinelen=75, header_name="x" * max(used - 2, 1))
    words.append(text, charset="utf-8")
    return words.encode(linesep="\r\n")
