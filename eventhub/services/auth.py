"""Signing in and out. A token names its sign-in, and a sign-in can be ended: see docs/security.md."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from eventhub.database import Database, Queries, Transaction
from eventhub.errors import NotFound, Unauthenticated
from eventhub.models.users import UserType
from eventhub.services import addresses, passwords, usernames
from eventhub.services.access import Viewer
from eventhub.services.listing import Listing, Order, Page, PageRequest, Params, fetch_page
from eventhub.services.periodic import PeriodicTask
from eventhub.services.tokens import OPS_SESSION_SECONDS, TokenSigner, bad_token

# Access tokens of an ended sign-in die within 30 s on every process: this copy may be at most so old.
REMEMBERED_SECONDS = 15.0
REMEMBERED_SIGN_INS = 20_000
RIGHTS_LOCK = 0x52474854  # "RGHT": any number that nobody else locks on this database


@dataclass(frozen=True)
class TokenPair:
    """What a login answers."""

    access: str
    refresh: str


@dataclass(frozen=True)
class Device:
    """Where a sign-in was opened from, for its owner to know it again."""

    network: str = ""
    user_agent: str = ""


@dataclass(frozen=True)
class Account:
    """Whom a username or email names, and what their password is checked against."""

    user_id: int
    password_hash: str


@dataclass(frozen=True)
class Login:
    """What was typed to sign in: the name as names are counted, whom it names, and whether they know the network."""

    name: str
    account: Account | None
    is_from_known_network: bool


async def find_account(queries: Queries, login: str, network: str) -> Login:
    """Return the active user with this username or email, and whether they have signed in from `network` lately."""
    row = await queries.fetch_one(_FIND, _spellings(login), _one_form(login), network)
    assert row is not None  # noqa: S101 - there is always a name
    account = Account(row["id"], row["password_hash"]) if row["id"] else None
    return Login(row["name"], account, row["is_known"])


def _spellings(login: str) -> list[str]:
    """Return how a username or an address may be stored: as it was typed, then in other forms."""
    return addresses.spellings(login) if "@" in login else [login, usernames.plain(login)]


def _one_form(login: str) -> str:
    return addresses.one_form(login) if "@" in login else usernames.plain(login)


_IS_KNOWN = "network <> '' AND network = {}"
# Rows are found, and tries counted, in the database's own idea of lower case: İ is i there. Whoever typed it exactly
# comes first.
_FIND = f"""
SELECT lower($2::text) AS name, u.id, u.password_hash,
       EXISTS (SELECT FROM sign_ins WHERE user_id = u.id AND {_IS_KNOWN.format("$3")}) AS is_known
FROM (SELECT ARRAY(SELECT lower(spelling) FROM unnest($1::text[]) spelling) AS spellings) typed
LEFT JOIN LATERAL (
    SELECT id, password_hash FROM users
    WHERE is_active AND (lower(username) = ANY(spellings) OR lower(email) = ANY(spellings))
    ORDER BY least(array_position(spellings, lower(username)), array_position(spellings, lower(email))), id LIMIT 1
) u ON true
"""


async def counted_name(queries: Queries, login: str) -> str:
    """Return the name under which tries with this username or address count: one, however it is spelled."""
    name: str = await queries.fetch_value("SELECT lower($1::text)", _one_form(login))
    return name


async def names(queries: Queries, user_id: int) -> list[str]:
    """Return what a user can sign in by, as names are counted."""
    row = await queries.fetch_one("SELECT username, email FROM users WHERE id = $1", user_id)
    return [await counted_name(queries, name) for name in (row["username"], row["email"])] if row else []


async def is_known_network(queries: Queries, user_id: int, network: str) -> bool:
    """Return whether the user has signed in from `network` lately."""
    return bool(
        await queries.fetch_value(
            f"SELECT EXISTS (SELECT FROM sign_ins WHERE user_id = $1 AND {_IS_KNOWN.format('$2')})",
            user_id,
            network,
        )
    )


async def log_in(
    database: Database, signer: TokenSigner, account: Account | None, password: str, device: Device
) -> TokenPair:
    """Return tokens for the account. Raises Unauthenticated: where there is none, in the same words and time."""
    tokens = None
    if await passwords.verify(account.password_hash if account else None, password) and account is not None:
        tokens = await open_sign_in(database, signer, account.user_id, account.password_hash, device)
    if tokens is None:
        raise _no_account()
    return tokens


def _no_account() -> Unauthenticated:
    return Unauthenticated("No active account found with the given credentials.", code="invalid_credentials")


async def log_in_for_ops(
    database: Database, signer: TokenSigner, account: Account | None, password: str, device: Device
) -> str:
    """Return the token of a new session of the ops page, for an admin's account.

    Raises Unauthenticated: for anybody else, in the same words and time as `log_in`.
    """
    sign_in_id = None
    if await passwords.verify(account.password_hash if account else None, password) and account is not None:
        who = account.user_id, account.password_hash
        sign_in_id = await _open(database, *who, device, OPS_SESSION_SECONDS, only_admins=True)
    if sign_in_id is None or account is None:
        raise _no_account()
    return signer.sign("ops", account.user_id, sign_in_id)


async def open_sign_in(
    queries: Queries, signer: TokenSigner, user_id: int, password_hash: str, device: Device
) -> TokenPair | None:
    """Return tokens of a new sign-in, None where the user's password is another by now or they are deactivated."""
    sign_in_id = await _open(queries, user_id, password_hash, device, signer.refresh_ttl_seconds)
    if sign_in_id is None:
        return None
    return TokenPair(
        access=signer.sign("access", user_id, sign_in_id),
        refresh=signer.sign("refresh", user_id, sign_in_id),
    )


async def _open(
    queries: Queries,
    user_id: int,
    password_hash: str,
    device: Device,
    ttl_seconds: int,
    *,
    only_admins: bool = False,
) -> int | None:
    """Return the id of a new sign-in, None where the user's row says that there can be none."""
    where = device.network, device.user_agent
    sign_in_id: int | None = await queries.fetch_value(
        _OPEN, user_id, float(ttl_seconds), password_hash, *where, only_admins
    )
    return sign_in_id


# Waits for a change of the password that is under way, which ends the sign-ins that it sees: none slips through.
_OPEN = f"""
INSERT INTO sign_ins (user_id, created_at, expires_at, network, user_agent)
SELECT u.id, now(), now() + make_interval(secs => $2), $4, $5
FROM (
    SELECT id FROM users
    WHERE id = $1 AND password_hash = $3 AND is_active AND (NOT $6 OR user_type = '{UserType.ADMIN}') FOR SHARE
) u
RETURNING id
"""


async def refresh(database: Database, signer: TokenSigner, token: str) -> str:
    """Return a new access token for a refresh token whose sign-in is still open. Raises Unauthenticated."""
    read = signer.read(token, "refresh")
    if not await database.execute(_USE, read.sign_in_id, read.user_id):
        raise bad_token()
    return signer.sign("access", read.user_id, read.sign_in_id)


_USE = """
UPDATE sign_ins s SET last_used_at = now() FROM users u
WHERE s.id = $1 AND s.user_id = $2 AND s.ended_at IS NULL AND s.expires_at > now() AND u.id = s.user_id AND u.is_active
"""

_OPEN_SIGN_IN = """
sign_ins s JOIN users u ON u.id = s.user_id
WHERE s.id = $1 AND s.user_id = $2 AND s.ended_at IS NULL AND s.expires_at > now() AND u.is_active
"""
_IS_OPEN = f"SELECT u.user_type FROM {_OPEN_SIGN_IN}"


async def find_open_sign_ins(queries: Queries, sign_in_ids: Sequence[int]) -> Mapping[int, str]:
    """Return those of the sign-ins that are open, each with the type that its user has now."""
    rows = await queries.fetch(_ARE_OPEN, sign_in_ids)
    return {row["id"]: row["user_type"] for row in rows}


async def _find_open(queries: Queries, asked: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], str]:
    """Return the same by the ids of sign-in and user that tokens name."""
    rows = await queries.fetch(_ARE_OPEN, [sign_in_id for sign_in_id, _ in asked])
    return {(row["id"], row["user_id"]): row["user_type"] for row in rows}


# The planner does not see how many there are: it would plan each statement anew.
_ARE_OPEN = """
SELECT s.id, s.user_id, u.user_type FROM sign_ins s JOIN users u ON u.id = s.user_id
WHERE s.id = ANY((SELECT $1::bigint[])::bigint[]) AND s.ended_at IS NULL AND s.expires_at > now() AND u.is_active
"""


@dataclass(frozen=True)
class OpsSession:
    """An admin at the ops page: who they are, and what they are called."""

    viewer: Viewer
    username: str


async def find_ops_session(queries: Queries, signer: TokenSigner, token: str) -> OpsSession:
    """Return the session of an admin whose sign-in is still open: asked anew each time. Raises Unauthenticated."""
    read = signer.read(token, "ops")
    row = await queries.fetch_one(
        f"SELECT u.username, u.user_type FROM {_OPEN_SIGN_IN}", read.sign_in_id, read.user_id
    )
    if row is None or row["user_type"] != UserType.ADMIN:
        raise bad_token()
    return OpsSession(Viewer(read.user_id, row["user_type"], read.sign_in_id), row["username"])


async def look_again_at_admin(tx: Transaction, viewer: Viewer) -> None:
    """Raise Unauthenticated unless the viewer is an admin whose sign-in is open, which stands still until the commit."""
    if not (await look_again(tx, viewer)).is_admin:
        raise bad_token()


async def look_again(tx: Transaction, viewer: Viewer, changing: int | None = None) -> Viewer:
    """Return the viewer as the rows say now, which stand still until the commit. Raises Unauthenticated.

    `changing` is the user whose row is about to change, their own or another's. Rows are locked in the order of their
    ids, and a change of somebody else's rights waits for other such changes: of two admins who demote each other, the
    second finds out here that they are none any more.
    """
    if changing is None:
        await tx.execute("SELECT FROM users WHERE id = $1 FOR SHARE", viewer.id)
    else:
        if changing != viewer.id:
            await tx.execute("SELECT pg_advisory_xact_lock($1)", RIGHTS_LOCK)
        await tx.execute(_LOCK_USERS, [viewer.id, changing])
    user_type = await tx.fetch_value(_IS_OPEN, viewer.sign_in_id, viewer.id)
    if user_type is None:
        raise bad_token()
    return replace(viewer, user_type=user_type)


_LOCK_USERS = "SELECT FROM users WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE"


async def log_out(tx: Transaction, signer: TokenSigner, token: str) -> None:
    """End the sign-in of a refresh token; ending it again is no error. Raises Unauthenticated for a bad token."""
    read = signer.read(token, "refresh")
    await tx.execute(
        "UPDATE sign_ins SET ended_at = now() WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
        read.sign_in_id,
        read.user_id,
    )


SIGN_INS = Listing(
    columns="s.id, s.created_at, s.last_used_at, s.network, s.user_agent, s.id = $2 AS is_current",
    source="sign_ins s",
    id="s.id",
    orderings={
        "created_at": Order("s.created_at", "timestamptz", "created_at"),
        "last_used_at": Order("coalesce(s.last_used_at, s.created_at)", "timestamptz"),
        "id": Order("s.id", "bigint", "id"),
    },
    default_ordering="-created_at",
    filters={},
)


async def list_sign_ins(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of the viewer's open sign-ins."""
    params = Params(viewer.id, viewer.sign_in_id)
    mine = "s.user_id = $1 AND s.ended_at IS NULL AND s.expires_at > now()"
    return await fetch_page(queries, SIGN_INS, request, params=params, where=[mine])


async def end_sign_in(tx: Transaction, viewer: Viewer, sign_in_id: int) -> None:
    """End one of the viewer's sign-ins; ending it again is no error. Raises NotFound for another's."""
    if not await tx.execute(
        "UPDATE sign_ins SET ended_at = coalesce(ended_at, now()) WHERE id = $1 AND user_id = $2",
        sign_in_id,
        viewer.id,
    ):
        raise NotFound


async def end_other_sign_ins(tx: Transaction, viewer: Viewer) -> None:
    """End every sign-in of the viewer but the one that asks."""
    await tx.execute(
        "UPDATE sign_ins SET ended_at = now() WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL",
        viewer.id,
        viewer.sign_in_id,
    )


async def end_all_sign_ins(tx: Transaction, user_id: int) -> None:
    """End every sign-in of a user whose password was changed or who was deactivated."""
    await tx.execute("UPDATE sign_ins SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL", user_id)


async def purge_spent(queries: Queries, limit: int = 5000) -> int:
    """Drop up to `limit` each of sign-ins and mailed tokens that expired over a day ago; return how many."""
    dropped = 0
    for table in ("sign_ins", "mailed_tokens"):
        dropped += await queries.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires_at < now() - interval '1 day' "
            "ORDER BY expires_at LIMIT $1)",
            limit,
        )
    return dropped


PERIODIC = (PeriodicTask("purge tokens", purge_spent, at_once=5000, is_seldom=True),)


class SignInCache:
    """The user behind an access token: a short-lived copy per process, so that most requests need not ask the database."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer
        self._known: OrderedDict[str, tuple[float, Viewer]] = OrderedDict()

    async def viewer(self, queries: Queries, token: str) -> Viewer:
        """Return the user of an access token. Raises Unauthenticated."""
        now = time.monotonic()
        known = self._known.get(token)
        if known is not None and known[0] > now:
            return known[1]
        self._known.pop(token, None)
        read = self._signer.read(token, "access")
        user_type = await queries.gathered(_find_open, (read.sign_in_id, read.user_id))
        if user_type is None:
            raise bad_token()
        viewer = Viewer(read.user_id, user_type, read.sign_in_id)
        # To look at the signature again would take longer than all else here.
        self._known[token] = (now + min(REMEMBERED_SECONDS, read.expires_at - time.time()), viewer)
        if len(self._known) > REMEMBERED_SIGN_INS:
            self._known.popitem(last=False)
        return viewer

    def drop_spent(self) -> None:
        """Forget from the front who would be asked for anew: ten thousand of them take 5 MB."""
        now = time.monotonic()
        while self._known and next(iter(self._known.values()))[0] <= now:
            self._known.popitem(last=False)
