"""The signed tokens of sign-ins: what they say, how they are made, and how they are read."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt

from eventhub.errors import Unauthenticated
from eventhub.services.keys import Purpose, checking_keys, signing_key

ALGORITHM = "HS256"
LEEWAY_SECONDS = 10  # that the clocks of two machines may differ
OPS_SESSION_SECONDS = 8 * 3600  # a shift

TokenUse = Literal["access", "refresh", "ops"]
_KEYS: Mapping[TokenUse, Purpose] = {
    "access": Purpose.ACCESS_TOKEN,
    "refresh": Purpose.REFRESH_TOKEN,
    "ops": Purpose.OPS_SESSION,
}


@dataclass(frozen=True)
class Token:
    """What a valid token says: of whom and which sign-in, and until when (seconds since the epoch, leeway included)."""

    user_id: int
    sign_in_id: int
    expires_at: float


@dataclass(frozen=True)
class TokenSigner:
    """Makes the tokens of sign-ins, and reads them. The first of the secrets signs; the others only verify."""

    secret_keys: tuple[str, ...] = field(repr=False)
    access_ttl_seconds: int
    refresh_ttl_seconds: int

    def sign(self, use: TokenUse, user_id: int, sign_in_id: int) -> str:
        now = int(time.time())
        ttls: Mapping[TokenUse, int] = {
            "access": self.access_ttl_seconds,
            "refresh": self.refresh_ttl_seconds,
            "ops": OPS_SESSION_SECONDS,
        }
        ttl = ttls[use]
        claims = {"sub": str(user_id), "sid": sign_in_id, "use": use, "iat": now, "exp": now + ttl}
        return jwt.encode(claims, signing_key(self.secret_keys, _KEYS[use]), ALGORITHM, sort_headers=False)

    def read(self, token: str, use: TokenUse) -> Token:
        """Return what a valid token of this use says. Raises Unauthenticated."""
        try:
            claims = _claims(token, checking_keys(self.secret_keys, _KEYS[use]))
            if claims.get("use") != use:
                raise bad_token()
            return Token(int(claims["sub"]), int(claims["sid"]), int(claims["exp"]) + LEEWAY_SECONDS)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.", code="token_expired") from None
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise bad_token() from None


def _claims(token: str, keys: Sequence[bytes]) -> dict[str, Any]:
    """Return what one of the keys signed. Raises jwt's errors, those of the last key that was tried."""
    *others, last = keys
    for key in others:
        with contextlib.suppress(jwt.InvalidSignatureError):
            return _decoded(token, key)
    return _decoded(token, last)


def _decoded(token: str, key: bytes) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=[ALGORITHM], options={"require": ["exp", "sub"]}, leeway=LEEWAY_SECONDS
    )
    return claims


def bad_token() -> Unauthenticated:
    return Unauthenticated("The token is invalid or no longer valid.", code="token_not_valid")
