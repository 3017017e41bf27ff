"""Sending a mail from a job: what is temporary is tried again, what is final is kept for a person to see."""

from collections.abc import Sequence

from eventhub import metrics
from eventhub.services import notifications, recipients
from eventhub.services.ports.mail import Attachment, MailRefused, MailTemporarilyFailed
from eventhub.services.ports.mail_contents import Content
from eventhub.workers.context import JobContext, PermanentFailure, Retry


async def admit_notice(context: JobContext, address: str, key: str, *, is_verified: bool) -> None:
    """Count a mail of news in the budget of its address before it leaves, the same in every try. Raises NotMailed."""
    async with context.database.transaction() as tx:
        await recipients.admit_notice(
            tx,
            address,
            key,
            is_verified=is_verified,
            budget=context.settings.mail_budget,
            budget_unverified=context.settings.mail_budget_unverified,
        )


async def admit_token(
    context: JobContext, address: str, key: str, *, purpose: str, is_verified: bool
) -> None:
    """Count a mail with a token before it leaves, likewise. Raises NotMailed."""
    async with context.database.transaction() as tx:
        await recipients.admit_token(tx, address, key, purpose=purpose, is_verified=is_verified)


def unsubscribe_url(context: JobContext, who: int | str) -> str:
    """Return the link that ends the mails of a user (the id), or those to an address that nobody has verified."""
    base_url, secret_keys = context.settings.links_base, context.settings.secret_keys
    return notifications.unsubscribe_url(who, base_url=base_url, secret_keys=secret_keys)


async def send(
    context: JobContext,
    content: Content,
    *,
    key: str,
    to_address: str,
    unsubscribe_url: str | None = None,
    attachments: Sequence[Attachment] = (),
) -> None:
    """Send a mail with this content, without a transaction; `key` makes its Message-ID.

    Raises Retry, PermanentFailure, and LeaseLost where another worker sends it.
    """
    mail = context.resources.composer.compose(
        content, key=key, to_address=to_address, unsubscribe_url=unsubscribe_url, attachments=attachments
    )
    await context.hold()
    try:
        await context.resources.mailer.send(mail)
        metrics.MAILS.inc("sent")
    except MailTemporarilyFailed as error:
        metrics.MAILS.inc("retried")
        raise Retry(error.detail) from error
    except MailRefused as error:
        metrics.MAILS.inc("refused")
        # This mail will never leave: the one who has an eye on failed jobs may think of another address.
        raise PermanentFailure(error.detail, is_settled=True) from error
