"""Jobs of accounts: the mails that carry tokens, and those about a changed address, password or role."""

from eventhub import localized
from eventhub.database import Row
from eventhub.models.jobs import SEND_TOKEN, TELL_OF_PASSWORD, TELL_OF_ROLE, TELL_OLD_ADDRESS
from eventhub.models.users import TokenPurpose
from eventhub.services import accounts
from eventhub.services.ports.mail_contents import (
    Content,
    EmailVerification,
    PasswordReset,
    SystemAnnouncement,
)
from eventhub.settings import Settings
from eventhub.workers.context import JobContext
from eventhub.workers.kinds import handles
from eventhub.workers.outgoing import admit_notice, admit_token, send, unsubscribe_url


@handles(SEND_TOKEN)
async def send_token(context: JobContext, token_id: int) -> None:
    """Mail a token that still works, with a Message-ID that is the same in every try."""
    letter = await accounts.find_letter(context.database, token_id, secret_keys=context.settings.secret_keys)
    if letter is None:
        return
    key, address = f"token-{token_id}", letter.to_address
    await admit_token(context, address, key, purpose=letter.purpose.value, is_verified=letter.is_verified)
    await send(
        context,
        _content(context.settings, letter),
        key=key,
        to_address=address,
        unsubscribe_url=None if letter.is_verified else unsubscribe_url(context, address),
    )


@handles(TELL_OLD_ADDRESS)
async def tell_old_address(
    context: JobContext, token_id: int, old_email: str, was_verified: bool = False
) -> None:
    """Tell an address that its account has another one now, with a Message-ID that is the same in every try.

    One that was never verified may be a stranger's: it reads no name. Version 1 of these jobs did not know.
    """
    change = await accounts.find_change(context.database, token_id)
    if change is None:
        return
    content = _left_address(change, was_verified=was_verified)
    await _tell(context, content, f"left-address-{token_id}", old_email, is_verified=was_verified)


def _left_address(change: Row, *, was_verified: bool) -> Content:
    account = f"The account {change['username']}" if was_verified else "The account that had this address"
    return SystemAnnouncement(
        recipient_name=change["full_name"] if was_verified else "",
        title="Your email address was changed",
        message=f"{account} has a new email address since "
        f"{localized.moment(change['created_at'])}. Mails about it, a new password's too, go there now.\n\n"
        "If you did not do this, somebody else uses your account: change its password at once, which signs everybody "
        "else out, or answer this mail if you cannot sign in.",
    )


@handles(TELL_OF_PASSWORD)
async def tell_of_password(context: JobContext, user_id: int, to_address: str, changed_at: str) -> None:
    """Tell the address that a user had then of their new password, with a Message-ID that is the same in every try."""
    username, full_name = await accounts.find_names(context.database, user_id, to_address)
    content = SystemAnnouncement(
        recipient_name=full_name,
        title="Your password was changed",
        message=f"{_account(username)} has a new password since {changed_at}. Whoever was signed in with the old one "
        "is signed out.\n\n"
        "If you did not do this, somebody else uses your account: ask for a new password at once, or answer this mail "
        "if no mail about it comes.",
    )
    await _tell(context, content, f"account-{context.job.id}", to_address, is_verified=bool(username))


@handles(TELL_OF_ROLE)
async def tell_of_role(
    context: JobContext, user_id: int, to_address: str, old: str, new: str, changed_at: str
) -> None:
    """Tell the address that a user had then of their new role, with a Message-ID that is the same in every try."""
    username, full_name = await accounts.find_names(context.database, user_id, to_address)
    content = SystemAnnouncement(
        recipient_name=full_name,
        title="Your role was changed",
        message=f"{_account(username)} has the role '{new}' since {changed_at}; before, it was '{old}'. An admin has "
        "changed it: answer this mail if you did not expect that.",
    )
    await _tell(context, content, f"account-{context.job.id}", to_address, is_verified=bool(username))


async def _tell(
    context: JobContext, content: Content, key: str, to_address: str, *, is_verified: bool
) -> None:
    """Mail what happened to an account. To an address that may be a stranger's it is news like any other."""
    if not is_verified:
        await admit_notice(context, to_address, key, is_verified=False)
    await send(
        context,
        content,
        key=key,
        to_address=to_address,
        unsubscribe_url=None if is_verified else unsubscribe_url(context, to_address),
    )


def _account(username: str) -> str:
    """Begin a sentence about an account, by its name where the reader may be told one."""
    return f"The account {username}" if username else "Your account"


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
