"""Outgoing mail: by SMTP, as files or on the console. What puts it into words is in `composer.py`, for workers alone."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from eventhub.gateways.mail.console import ConsoleMailer
from eventhub.gateways.mail.file import FileMailer
from eventhub.gateways.mail.mime import Mailbox, parse_mailbox
from eventhub.gateways.mail.smtp import SmtpMailer, parse_url
from eventhub.services.ports.mail import Mailer
from eventhub.settings import Settings, SettingsError


def build_mailer(settings: Settings) -> Mailer:
    """Return the mailer that `email_url` names (`file:`, `file:/folder`, `console:`, `smtp://…`).

    Connects to nothing yet. SettingsError, in one line, where `email_url` or `email_from` cannot be used.
    """
    sender = build_sender(settings)
    url = settings.email_url
    scheme = urlsplit(url).scheme
    if scheme == "console":
        return ConsoleMailer(sender)
    if scheme == "file":
        folder = unquote(urlsplit(url).path)
        return FileMailer(Path(folder) if folder else settings.data_dir / "mail", sender)
    return _smtp_mailer(url, sender)


def build_sender(settings: Settings) -> Mailbox:
    """Return whom the mails come from, or raise SettingsError."""
    try:
        return parse_mailbox(settings.email_from)
    except ValueError as error:
        raise SettingsError([f"EVENTHUB_EMAIL_FROM: {error}"]) from None


def _smtp_mailer(url: str, sender: Mailbox) -> Mailer:
    try:
        return SmtpMailer(parse_url(url), sender)
    except ValueError as error:
        raise SettingsError([f"EVENTHUB_EMAIL_URL: {error}"]) from None
