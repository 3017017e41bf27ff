"""Mails as text on the terminal, for development."""

import sys
from datetime import UTC, datetime
from typing import TextIO

from eventhub.gateways.mail.mime import Mailbox, message_bytes
from eventhub.gateways.mail.text import many_lines, one_line
from eventhub.services.ports.mail import Mail


class ConsoleMailer:
    """Prints the plain-text side of each mail to `stream` (the process's stdout by default)."""

    def __init__(self, sender: Mailbox, stream: TextIO | None = None) -> None:
        self.sender = sender
        self.stream = stream

    async def send(self, mail: Mail) -> None:
        """Print `mail`; refuse what a real server would refuse."""
        message_bytes(mail, self.sender, datetime.now(UTC))
        stream = self.stream or sys.stdout
        stream.write(self._as_text(mail))
        stream.flush()

    async def check(self) -> str:
        """Return that all it does is print."""
        return "mails are printed"

    async def close(self) -> None:
        """Nothing is held open."""

    def _as_text(self, mail: Mail) -> str:
        head = {
            "From": f"{self.sender.name} <{self.sender.address}>",
            "To": f"{mail.to_name} <{mail.to_address}>",
            "Message-ID": mail.message_id,
            "Subject": mail.subject,
            "Attached": ", ".join(attachment.filename for attachment in mail.attachments),
        }
        lines = [f"{name}: {one_line(value)}" for name, value in head.items() if value]
        return "\n".join(["-" * 72, *lines, "", many_lines(mail.text), "-" * 72, ""])
