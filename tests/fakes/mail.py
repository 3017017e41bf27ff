"""A mailer that keeps what it was given."""

from collections import deque
from datetime import UTC, datetime

from eventhub.gateways.mail.mime import Mailbox, message_bytes
from eventhub.services.ports.mail import Mail, MailError

SENDER = Mailbox("Event Hub", "no-reply@eventhub.test")


class RecordingMailer:
    """Keeps each mail in `sent`; `fail_next(error, …)` lets the next sends raise these errors, in turn."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.is_closed = False
        self._errors: deque[MailError] = deque()

    def fail_next(self, *errors: MailError) -> None:
        self._errors.extend(errors)

    async def send(self, mail: Mail) -> None:
        """Keep `mail`, or raise what a test asked for; what cannot be a message is refused as by the real ones."""
        message_bytes(mail, SENDER, datetime.now(UTC))
        if self._errors:
            raise self._errors.popleft()
        self.sent.append(mail)

    async def check(self) -> str:
        if self._errors:
            raise self._errors.popleft()
        return "it answers"

    async def close(self) -> None:
        self.is_closed = True
