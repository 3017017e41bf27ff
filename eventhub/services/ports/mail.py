"""A mail as the business sees it, and the interfaces through which it gets its words and leaves. Knows no SMTP and no MIME."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from eventhub.services.ports.mail_contents import CalendarEntry, Content

# RFC 5322, 3.6.4, without quoted strings and literals: what every server and client takes.
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,150}@[A-Za-z0-9.-]{1,255}>")


class MailError(Exception):
    """Base of both ways in which a mail does not leave; `detail` names the server's answer, never a password.

    Deliberately no EventHubError: a job that does not expect it has failed, and was not refused by a rule.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class MailTemporarilyFailed(MailError):
    """Raised when the same mail may well leave later: try again with a back-off.

    `maybe_sent` is true where the connection was lost between the end of the mail and the server's answer: the
    server may have it. Its Message-ID is the same on the next try, so the receiving side can tell.
    """

    def __init__(self, detail: str, *, maybe_sent: bool = False) -> None:
        super().__init__(detail)
        self.maybe_sent = maybe_sent


class MailRefused(MailError):
    """Raised when this mail will never leave as it is: a bad address, or a final no to recipient or message."""


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file inside a mail. `content_type` may carry parameters: `text/calendar; method=PUBLISH`."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail to one person. Names, subject and bodies may hold any text; the gateway makes it safe to send.

    `message_id` (see `message_id()`) is chosen once per mail and kept for every try. `unsubscribe_url` must
    accept the POST of RFC 8058. Raises ValueError for a Message-ID or an unsubscribe URL that code, not a user, got
    wrong.
    """

    message_id: str
    to_address: str
    subject: str
    text: str
    html: str | None = None
    to_name: str = ""
    attachments: tuple[Attachment, ...] = ()
    unsubscribe_url: str | None = None

    def __post_init__(self) -> None:
        if not _MESSAGE_ID.fullmatch(self.message_id):
            raise ValueError(f"not a Message-ID of the form <key@domain>: {self.message_id!r}")
        if self.unsubscribe_url and not re.fullmatch(r"https?://[!-;=?-~]{1,900}", self.unsubscribe_url):
            raise ValueError(f"not a URL that fits a header: {self.unsubscribe_url!r}")


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID of the mail with this key (`notification-12`), the same one each time."""
    return f"<{key}@{domain}>"


def pdf_attachment(filename: str, pdf: bytes) -> Attachment:
    return Attachment(filename=filename, content_type="application/pdf", content=pdf)


class MailComposer(Protocol):
    """Puts into words what a mail is to say, in the name of this installation."""

    def compose(
        self,
        content: Content,
        *,
        key: str,
        to_address: str,
        unsubscribe_url: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Mail:
        """Return the finished mail; `key` (`notification-12`) makes its Message-ID, the same on every try."""
        ...

    def calendar_file(self, entry: CalendarEntry) -> Attachment:
        """Return a file that calendars offer to take in; the same entry gives the same bytes."""
        ...


class Mailer(Protocol):
    """Takes mails out of the house. One object per process; safe to share between tasks."""

    async def send(self, mail: Mail) -> None:
        """Hand `mail` over, or raise MailTemporarilyFailed or MailRefused. Never call it inside a transaction."""

    async def check(self) -> str:
        """Return how mails would leave, having tried all but a mail; raise MailTemporarilyFailed where they would not."""
        ...

    async def close(self) -> None:
        """Give back what is held open; the mailer may be used again afterwards."""
