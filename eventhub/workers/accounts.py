"""Jobs of accounts: the mails that carry tokens, and the one about a changed address."""

from eventhub.database import Row
from eventhub.gateways.mail.contents import Content, EmailVerification, PasswordReset, SystemAnnouncement
from eventhub.gateways.mail.render import compose
from eventhub.models.jobs import SEND_TOKEN, TELL_OLD_ADDRESS
from eventhub.models.users import TokenPurpose
from eventhub.services import accounts, recipients
from eventhub.services.notifications import unsubscribe_address_url
from eventhub.settings import Settings
from eventhub.workers.kinds import does
from eventhub.workers.outgoing import admit_account_mail, send
from eventhub.workers.runner import Run


@does(SEND_TOKEN)
async def send_token(run: Run, token_id: int) -> None:
    """Mail a token that still works, with a Message-ID that is the same in every try."""
    letter = await accounts.find_letter(run.database, run.settings, token_id)
    if letter is None:
        return
    key, address = f"token-{token_id}", letter.to_address
    await admit_account_mail(run, address, key, is_verified=letter.is_verified)
    mail = compose(
        _content(run.settings, letter),
        run.resources.site,
        key=key,
        to_address=address,
        unsubscribe_url=None if letter.is_verified else unsubscribe_address_url(run.settings, address),
    )
    await send(run.resources.mailer, mail)


@does(TELL_OLD_ADDRESS)
async def tell_old_address(run: Run, token_id: int, old_email: str, was_verified: bool = False) -> None:
    """Tell an address that its account has another one now, with a Message-ID that is the same in every try.

    One that was never verified may be a stranger's: it reads no name. Version 1 of these jobs did not know.
    """
    change = await accounts.find_change(run.database, token_id)
    if change is None or (not was_verified and await recipients.has_ended_mails(run.database, old_email)):
        return
    key = f"left-address-{token_id}"
    await admit_account_mail(run, old_email, key, is_verified=was_verified)
    mail = compose(
        _left_address(change, was_verified=was_verified),
        run.resources.site,
        key=key,
        to_address=old_email,
        unsubscribe_url=None if was_verified else unsubscribe_address_url(run.settings, old_email),
    )
    await send(run.resources.mailer, mail)


def _left_address(change: Row, *, was_verified: bool) -> Content:
    account = f"The account {change['username']}" if was_verified else "The account that had this address"
    return SystemAnnouncement(
        recipient_name=change["full_name"] if was_verified else "",
        title="Your email address was changed",
        message=f"{account} has a new email address since "
        f"{change['created_at']:%Y-%m-%d %H:%M} UTC. Mails about it, a new password's too, go there now.\n\n"
        "If you did not do this, somebody else uses your account: change its password at once, which signs everybody "
        "else out, or answer this mail if you cannot sign in.",
    )


def _content(settings: Settings, letter: accounts.Letter) -> Content:
    if letter.purpose == TokenPurpose.PASSWORD_RESET:
        return PasswordReset(
            recipient_name=letter.to_name if letter.is_verified else "",
            valid_seconds=letter.valid_seconds,
            reset_url=settings.password_reset_page.replace("{token}", letter.token),
            token=letter.token,
        )
    return EmailVerification(
        valid_seconds=letter.valid_seconds,
        verify_url=settings.email_verification_page.replace("{token}", letter.token),
        token=letter.token,
    )
