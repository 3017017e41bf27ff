"""Passwords and addresses of accounts: changed by the user who is signed in, or by a token that was mailed.

The row of a mailed token holds no secret. The token is the row's id and a proof: an HMAC, by a key for mailed tokens
alone, over the id, the purpose, the user and the address. It works once, until it expires, and only while the address is
the user's; a changed password ends the open reset tokens. Lock order: the user's row, then the token's.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eventhub import localized
from eventhub.database import Queries, Row, Transaction
from eventhub.errors import Invalid, NotFound
from eventhub.models.jobs import SEND_TOKEN, TELL_OF_PASSWORD, TELL_OF_ROLE, TELL_OLD_ADDRESS
from eventhub.models.users import TokenPurpose
from eventhub.services import addresses, auth, passwords, recipients
from eventhub.services.access import Viewer
from eventhub.services.keys import Purpose, checking_keys, signing_key
from eventhub.services.listing import MAX_ID

# The spellings of an address ({} is their place, a text[]), lowered as the index has them: `lower(email) = ANY(…)`.
LOWERED = "ARRAY(SELECT lower(spelling) FROM unnest({}::text[]) spelling)"

PAUSE_SECONDS = 60.0  # between two mails of one purpose to one user


@dataclass(frozen=True)
class Letter:
    """What a mail with a token says. `valid_seconds` is how long the token works, from when it was asked for.

    `is_verified` says that the address is known to be the user's.
    """

    purpose: TokenPurpose
    to_address: str
    to_name: str
    is_verified: bool
    token: str
    valid_seconds: int


@dataclass(frozen=True)
class Account:
    """What the passwords of somebody who is signed in are checked against."""

    password_hash: str
    own_words: tuple[str, ...]


async def get_account(queries: Queries, viewer: Viewer) -> Account:
    row = await queries.fetch_one(
        f"SELECT u.password_hash, {_OWN_WORDS} FROM users u WHERE u.id = $1", viewer.id
    )
    if row is None:
        raise NotFound
    return Account(row["password_hash"], tuple(row["own_words"]))


_OWN_WORDS = "ARRAY[u.username, u.email, u.first_name, u.last_name] AS own_words"


async def check_password(account: Account, password: str, field: str = "old_password") -> None:
    """Raise Invalid, naming the field that it came in, for a password that is not the account's."""
    if not await passwords.verify(account.password_hash, password):
        raise _wrong_password(field)


def password_needed() -> Invalid:
    """What is wrong with a new email that comes without the present password."""
    return Invalid({"current_password": ["Is required to change the email."]})


async def check_new_password(new_password: str, own_words: Sequence[str]) -> None:
    """Raise Invalid for a password that is easy to guess for a person known by these words; Busy."""
    if found := await passwords.problems(new_password, *own_words):
        raise Invalid({"new_password": found})


async def change_password(tx: Transaction, viewer: Viewer, old_hash: str, new_hash: str) -> None:
    """Change the viewer's password and end all their sign-ins. Raises Invalid where it was changed meanwhile."""
    email = await tx.fetch_value(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 RETURNING email",
        viewer.id,
        old_hash,
        new_hash,
    )
    if email is None:
        raise _wrong_password("old_password")
    await _end_what_the_old_password_opened(tx, viewer.id, email)


def _wrong_password(field: str) -> Invalid:
    return Invalid({field: ["Is not your password."]}, code="wrong_password")


async def _end_what_the_old_password_opened(tx: Transaction, user_id: int, email: str) -> None:
    """End sign-ins and reset tokens, and tell the user by mail: somebody else may have changed the password."""
    tx.enqueue(TELL_OF_PASSWORD, user_id=user_id, to_address=email, changed_at=_now())
    await auth.end_all_sign_ins(tx, user_id)
    await tx.execute(
        "UPDATE mailed_tokens SET used_at = now() WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL",
        user_id,
        TokenPurpose.PASSWORD_RESET.value,
    )


async def ask_reset(
    tx: Transaction, email: str, *, ttl_seconds: int, only_known_network: str | None = None
) -> None:
    """Mail a token to the active user with this address, at most one live one a minute; nothing to anybody else.

    With `only_known_network`, only to one who has signed in from there lately.
    """
    user = await tx.fetch_one(_WITH_ADDRESS, addresses.spellings(email))
    if user is None:
        return
    if only_known_network is not None and not await auth.is_known_network(tx, user["id"], only_known_network):
        return
    if await tx.fetch_value(_HAS_FRESH_ONE, user["id"], TokenPurpose.PASSWORD_RESET.value, PAUSE_SECONDS):
        return
    await _mail_token(tx, TokenPurpose.PASSWORD_RESET, user["id"], user["email"], ttl_seconds)


_WITH_ADDRESS = f"""
SELECT id, email FROM users WHERE lower(email) = ANY({LOWERED.format("$1")}) AND is_active
ORDER BY lower(email) = lower(($1::text[])[1]) DESC, id LIMIT 1 FOR NO KEY UPDATE
"""
_HAS_FRESH_ONE = """
SELECT true FROM mailed_tokens
WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL AND created_at > now() - make_interval(secs => $3)
LIMIT 1
"""


async def ask_verification(tx: Transaction, user_id: int, email: str, *, ttl_seconds: int) -> int:
    """Mail a token to a new address, which proves that the user reads it; return the token's id.

    A user causes at most one such mail a minute: the next one waits for its turn, and is not sent where the address
    has changed again by then.
    """
    free_at = await tx.fetch_value(_FREE_AT, user_id, TokenPurpose.EMAIL_VERIFICATION.value, PAUSE_SECONDS)
    return await _mail_token(
        tx, TokenPurpose.EMAIL_VERIFICATION, user_id, email, ttl_seconds, send_at=free_at
    )


_FREE_AT = """
SELECT max(created_at) + make_interval(secs => $3) FROM mailed_tokens
WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL AND created_at > now() - make_interval(secs => $3)
"""


async def ask_verification_again(tx: Transaction, viewer: Viewer, *, ttl_seconds: int) -> bool:
    """Mail the viewer another token, at most one live one a minute. False, and no mail, where they are verified."""
    user = await tx.fetch_one(
        "SELECT id, email, is_verified FROM users WHERE id = $1 FOR NO KEY UPDATE", viewer.id
    )
    if user is None:
        raise NotFound
    if user["is_verified"]:
        return False
    if not await tx.fetch_value(
        _HAS_FRESH_ONE, viewer.id, TokenPurpose.EMAIL_VERIFICATION.value, PAUSE_SECONDS
    ):
        await _mail_token(tx, TokenPurpose.EMAIL_VERIFICATION, viewer.id, user["email"], ttl_seconds)
    return True


async def _mail_token(
    tx: Transaction,
    purpose: TokenPurpose,
    user_id: int,
    email: str,
    ttl_seconds: int,
    *,
    send_at: datetime | None = None,
) -> int:
    token_id: int = await tx.fetch_value(
        "INSERT INTO mailed_tokens (user_id, purpose, email, created_at, expires_at) "
        "VALUES ($1, $2, $3, now(), now() + make_interval(secs => $4)) RETURNING id",
        user_id,
        purpose.value,
        email,
        float(ttl_seconds),
    )
    tx.enqueue(SEND_TOKEN, run_at=send_at, token_id=token_id)
    return token_id


async def change_email(
    tx: Transaction, user_id: int, old_email: str, new_email: str, *, was_verified: bool, ttl_seconds: int
) -> None:
    """Mail a token to the new address, and to the old one that it was left: somebody else may have done it.

    `was_verified` says that the old address was known to be the user's.
    """
    token_id = await ask_verification(tx, user_id, new_email, ttl_seconds=ttl_seconds)
    tx.enqueue(TELL_OLD_ADDRESS, token_id=token_id, old_email=old_email, was_verified=was_verified)


def tell_of_role(tx: Transaction, user_id: int, email: str, old: str, new: str) -> None:
    """Mail a user that an admin has changed their role."""
    tx.enqueue(TELL_OF_ROLE, user_id=user_id, to_address=email, old=old, new=new, changed_at=_now())


def _now() -> str:
    return localized.moment(datetime.now(UTC))


async def find_names(queries: Queries, user_id: int, address: str) -> tuple[str, str]:
    """Return username and full name for a mail to this address; empty unless it is the user's, and verified.

    Whoever reads another address did not ask for what a stranger chose to call themselves.
    """
    row = await queries.fetch_one(
        "SELECT username, full_name FROM users WHERE id = $1 AND email = $2 AND is_verified", user_id, address
    )
    return (row["username"], row["full_name"]) if row else ("", "")


async def find_change(queries: Queries, token_id: int) -> Row | None:
    """Return `username`, `full_name` and `created_at` of the change of address that this token was made for."""
    return await queries.fetch_one(
        "SELECT u.username, u.full_name, t.created_at FROM mailed_tokens t JOIN users u ON u.id = t.user_id "
        "WHERE t.id = $1",
        token_id,
    )


async def find_letter(queries: Queries, token_id: int, *, secret_keys: Sequence[str]) -> Letter | None:
    """Return what to mail, or None where the token has become worthless since it was asked for."""
    row = await queries.fetch_one(f"SELECT {_FACTS} FROM {_LIVE} AND t.id = $1", token_id)
    if row is None:
        return None
    return Letter(
        purpose=TokenPurpose(row["purpose"]),
        to_address=row["email"],
        to_name=row["full_name"],
        is_verified=row["is_verified"],
        token=_token(signing_key(secret_keys, Purpose.MAILED_TOKEN), row),
        valid_seconds=row["valid_seconds"],
    )


_LIVE = """
mailed_tokens t JOIN users u ON u.id = t.user_id
WHERE t.used_at IS NULL AND t.expires_at > now() AND u.is_active AND u.email = t.email
"""
_FACTS = f"""
t.id, t.purpose, t.user_id, t.email, u.full_name, u.is_verified, {_OWN_WORDS},
round(extract(epoch FROM t.expires_at - t.created_at))::int AS valid_seconds
"""


def _token(key: bytes, row: Row) -> str:
    facts = f"mailed-token:{row['id']}:{row['purpose']}:{row['user_id']}:{row['email']}"
    return f"{row['id']}-{hmac.new(key, facts.encode(), hashlib.sha256).hexdigest()}"


async def find_token(
    queries: Queries, token: str, purpose: TokenPurpose, *, secret_keys: Sequence[str]
) -> Row:
    """Return id, user_id and own_words of a live token. Raises Invalid, in the same words whatever is wrong."""
    text = token.strip()
    number = text.partition("-")[0]
    if not (number.isascii() and number.isdigit() and len(number) <= 19 and int(number) <= MAX_ID):
        raise _bad_token()
    row = await queries.fetch_one(
        f"SELECT {_FACTS} FROM {_LIVE} AND t.id = $1 AND t.purpose = $2", int(number), purpose.value
    )
    if row is None or not any(
        hmac.compare_digest(_token(key, row).encode(), text.encode())
        for key in checking_keys(secret_keys, Purpose.MAILED_TOKEN)
    ):
        raise _bad_token()
    return row


async def reset_password(tx: Transaction, token: Row, new_hash: str) -> None:
    """Use a reset token up: its user has the new password, and all their sign-ins end. Raises Invalid."""
    await _use(tx, token)
    await tx.execute("UPDATE users SET password_hash = $2 WHERE id = $1", token["user_id"], new_hash)
    await _end_what_the_old_password_opened(tx, token["user_id"], token["email"])


async def verify_email(tx: Transaction, token: Row) -> None:
    """Use a verification token up: its user's address is verified, and may be mailed again. Raises Invalid."""
    await _use(tx, token)
    await tx.execute("UPDATE users SET is_verified = true WHERE id = $1", token["user_id"])
    await recipients.resume_mails(tx, token["email"])


async def _use(tx: Transaction, token: Row) -> None:
    await tx.fetch_one("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", token["user_id"])
    used = await tx.execute(
        "UPDATE mailed_tokens t SET used_at = now() FROM users u WHERE t.id = $1 AND u.id = t.user_id "
        "AND t.used_at IS NULL AND t.expires_at > now() AND u.is_active AND u.email = t.email",
        token["id"],
    )
    if not used:
        raise _bad_token()


def _bad_token() -> Invalid:
    return Invalid(
        {"token": ["Is wrong, has expired or was already used: ask for a new one."]}, code="token_not_valid"
    )
