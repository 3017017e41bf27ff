"""What may be mailed to an address: a budget for 24 hours, and no news after its reader has ended them.

Each address has budgets. News and documents (notices) are what others can cause, so they are few until the address is
verified; what tells an unverified address of its account counts there too. Mails with tokens have limits where they are
asked for, and one budget for each purpose, which holds for an unverified address whichever accounts name it, one after
the other.
"""

from eventhub.database import Queries, Transaction
from eventhub.errors import EventHubError
from eventhub.services.periodic import PeriodicTask

TOKEN_MAILS = 20
TOKEN_MAILS_WHERE_ENDED = 3  # who wants no mails may still want to verify the address
_LOCK = 0x4D41494C  # "MAIL": the first of two keys; nobody else locks with it on this database


class NotMailed(EventHubError):
    """Raised when a mail is not to leave; what it tells is to be found in the application."""

    code = "not_mailed"


async def admit_notice(
    tx: Transaction, address: str, key: str, *, is_verified: bool, budget: int, budget_unverified: int
) -> None:
    """Count a mail of news in its address's budget; raise NotMailed where it has no place there.

    `key` names the mail: another try of it keeps its place. An address that nobody has verified has
    `budget_unverified`.
    """
    if not is_verified and await has_ended_mails(tx, address):
        raise NotMailed("The reader of this address has ended its mails.")
    await _take_place(tx, "notice", address, key, budget if is_verified else budget_unverified)


async def admit_token(tx: Transaction, address: str, key: str, *, purpose: str, is_verified: bool) -> None:
    """Count a mail with a token in its address's budget for this purpose. Raises NotMailed.

    To a verified address goes whatever is let through where it is asked for: strangers who ask use up nothing that its
    owner needs.
    """
    if not is_verified:
        has_ended = await has_ended_mails(tx, address)
        limit = TOKEN_MAILS_WHERE_ENDED if has_ended else TOKEN_MAILS
        await _take_place(tx, purpose, address, key, limit)


async def _take_place(tx: Transaction, budget: str, address: str, key: str, limit: int) -> None:
    # Two statements: the second sees what those have counted that held the lock before.
    await tx.execute("SELECT pg_advisory_xact_lock($1, hashtext(lower($2)))", _LOCK, address)
    if not await tx.execute(_TAKE_PLACE, address, f"{budget}:{key}", limit, f"{budget}:%"):
        raise NotMailed(f"The address has had its {limit} mails of 24 hours.")


# A mail that is tried again counts from its last try: that is the one which may have left.
_TAKE_PLACE = """
INSERT INTO mailed_notices (address, key, sent_at)
SELECT lower($1), $2::text, now()
WHERE (SELECT count(*) FROM mailed_notices WHERE address = lower($1) AND key LIKE $4 AND key <> $2::text
       AND sent_at > now() - interval '24 hours') < $3
ON CONFLICT (address, key) DO UPDATE SET sent_at = excluded.sent_at
"""


async def has_ended_mails(queries: Queries, address: str) -> bool:
    """Return whether the reader of an address ended its mails by a link; that counts until the address is verified."""
    return bool(
        await queries.fetch_value("SELECT true FROM mail_suppressions WHERE address = lower($1)", address)
    )


async def end_mails(tx: Transaction, address: str) -> None:
    """Let no more news be mailed to an address until it is verified; ending them again is no error."""
    await tx.execute(
        "INSERT INTO mail_suppressions (address, created_at) VALUES (lower($1), now()) ON CONFLICT DO NOTHING",
        address,
    )


async def resume_mails(tx: Transaction, address: str) -> None:
    """Forget that an address ended its mails: its reader has verified it."""
    await tx.execute("DELETE FROM mail_suppressions WHERE address = lower($1)", address)


async def purge(queries: Queries, limit: int = 5000) -> int:
    """Drop up to `limit` mails that count in no budget any more; return how many."""
    return await queries.execute(
        "DELETE FROM mailed_notices WHERE id IN (SELECT id FROM mailed_notices "
        "WHERE sent_at < now() - interval '24 hours' ORDER BY sent_at LIMIT $1)",
        limit,
    )


PERIODIC = (PeriodicTask("purge mailed", purge, at_once=5000, is_seldom=True),)
