"""Jobs of accounts: the mails that carry tokens, and the one about a changed address."""

from eventhub.gateways.mail.contents import Content, EmailVerification, PasswordReset, SystemAnnouncement
from eventhub.gateways.mail.render import compose
from eventhub.models.jobs import SEND_TOKEN, TELL_OLD_ADDRESS
from eventhub.models.users import TokenPurpose
from eventhub.services import accounts
from eventhub.settings import Settings
from eventhub.workers.kinds import does
from eventhub.workers.outgoing import send
from eventhub.workers.runner import Run


@does(SEND_TOKEN)
async def send_token(run: Run, token_id: int) -> None:
    """Mail a token that still works, with a Message-ID that is the same in every try."""
    letter = await accounts.find_letter(run.database, run.settings, token_id)
    if letter is None:
        return
    mail = compose(
        _content(run.settings, letter),
        run.resources.site,
        key=f"token-{token_id}",
        to_address=letter.to_address,
    )
    await send(run.resources.mailer, mail)


@does(TELL_OLD_ADDRESS)
async def tell_old_address(run: Run, token_id: int, old_email: str) -> None:
    """Tell an address that its account has another one now, with a Message-ID that is the same in every try."""
    change = await accounts.find_change(run.database, token_id)
    if change is None:
        return
    content = SystemAnnouncement(
        recipient_name=change["full_name"],
        title="Your email address was changed",
        message=f"The account {change['username']} has a new email address since "
        f"{change['created_at']:%Y-%m-%d %H:%M} UTC. Mails about it, a new password's too, go there now.\n\n"
        "If you did not do this, somebody else uses your account: change its password at once, which signs everybody "
        "else out, or answer this mail if you cannot sign in.",
    )
    mail = compose(content, run.resources.site, key=f"left-address-{token_id}", to_address=old_email)
    await send(run.resources.mailer, mail)


def _content(settings: Settings, letter: accounts.Letter) -> Content:
    if letter.purpose == TokenPurpose.PASSWORD_RESET:
        return PasswordReset(
            recipient_name=letter.to_name,
            valid_seconds=letter.valid_seconds,
            reset_url=settings.password_reset_page.replace("{token}", letter.token),
            token=letter.token,
        )
    return EmailVerification(
        recipient_name=letter.to_name,
        valid_seconds=letter.valid_seconds,
        verify_url=settings.email_verification_page.replace("{token}", letter.token),
        token=letter.token,
    )
