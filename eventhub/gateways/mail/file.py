"""Mails as files, for machines that send none: one `.eml`, which any mail program opens."""

import asyncio
import hashlib
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from eventhub.gateways.files import write_atomically
from eventhub.gateways.mail.mime import Mailbox, message_bytes
from eventhub.services.ports.mail import Mail, MailTemporarilyFailed


class FileMailer:
    """Writes each mail into `folder`, under a name made from its Message-ID: a repeat overwrites."""

    def __init__(self, folder: Path, sender: Mailbox) -> None:
        self.folder = folder
        self.sender = sender

    async def send(self, mail: Mail) -> None:
        """Write `mail`, whole or not at all; MailTemporarilyFailed where the folder takes no file."""
        data = message_bytes(mail, self.sender, datetime.now(UTC))
        try:
            await asyncio.to_thread(write_atomically, self.folder / file_name(mail.message_id), data)
        except OSError as error:
            raise MailTemporarilyFailed(f"mail folder {self.folder}: {error.strerror}") from error

    async def check(self) -> str:
        """Return where the files go; MailTemporarilyFailed where the folder takes none."""
        probe = self.folder / f".{secrets.token_hex(8)}.check"
        try:
            await asyncio.to_thread(write_atomically, probe, b"")
            await asyncio.to_thread(probe.unlink)
        except OSError as error:
            raise MailTemporarilyFailed(f"mail folder {self.folder}: {error.strerror}") from error
        return f"mails are written to {self.folder}"

    async def close(self) -> None:
        """Nothing is held open."""


def file_name(message_id: str) -> str:
    """Return the name of the mail's file: readable, and different for different Message-IDs."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", message_id).strip("-")[:80]
    return f"{readable}-{hashlib.sha256(message_id.encode()).hexdigest()[:10]}.eml"
