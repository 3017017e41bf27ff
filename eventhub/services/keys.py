"""A key of its own for each purpose, derived from the secret: what proves one thing proves nothing else."""

import hmac
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache


class Purpose(StrEnum):
    """What a key is for. The text is a part of the key: another text is another key."""

    ACCESS_TOKEN = "access token"  # noqa: S105 - the name of a purpose, as are the others
    REFRESH_TOKEN = "refresh token"  # noqa: S105
    MAILED_TOKEN = "mailed token"  # noqa: S105
    UNSUBSCRIBE_LINK = "unsubscribe link"
    OPS_SESSION = "ops session"
    OPS_FORM = "ops form"


def signing_key(secret_keys: Sequence[str], purpose: Purpose) -> bytes:
    """Return the one key that signs for this purpose, derived from the first of the secrets."""
    return derive(secret_keys[0], purpose)


def checking_keys(secret_keys: Sequence[str], purpose: Purpose) -> tuple[bytes, ...]:
    """Return the keys that may have signed for this purpose, the present one first.

    The last are the secrets themselves, which signed everything before there were purposes, and sign nothing now. What
    they signed ends by its own time; a refresh TTL after the upgrade only links that end mails are left of it.
    """
    derived = [derive(secret, purpose) for secret in secret_keys]
    return (*derived, *(secret.encode() for secret in secret_keys))


@lru_cache(64)
def derive(secret: str, purpose: Purpose) -> bytes:
    """Return the key for a purpose: an HMAC over its name, which begins as nothing does that a secret ever signed."""
    return hmac.digest(secret.encode(), f"eventhub key: {purpose}".encode(), "sha256")
