"""Sending a mail from a job: what is temporary is tried again, what is final is kept for a person to see."""

from eventhub.services.mail import Mail, Mailer, MailRefused, MailTemporarilyFailed
from eventhub.workers.runner import GiveUp, TryAgain


async def send(mailer: Mailer, mail: Mail) -> None:
    """Send `mail`, without a transaction. Raises TryAgain, GiveUp."""
    try:
        await mailer.send(mail)
    except MailTemporarilyFailed as error:
        raise TryAgain(error.detail) from error
    except MailRefused as error:
        raise GiveUp(error.detail) from error
