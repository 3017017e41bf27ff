"""People: who they are to others and to themselves, registration, and what they may change."""

from collections.abc import Mapping
from typing import Any

from eventhub.database import IntegrityErrors, Queries, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from eventhub.models.users import Profile, User, UserType
from eventhub.services import accounts, addresses, auth, passwords
from eventhub.services.access import Viewer, require
from eventhub.services.events.selling import follow_organizer
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    fetch_page,
    parser,
    words_or_text,
)
from eventhub.services.ports.storage import Replacement

# $1 is the viewer's id, $2 whether they are an admin: an address and a phone number are for the user and admins alone.
_MAY_SEE_CONTACT = "($2::boolean OR u.id = $1)"
_EMAIL = f"CASE WHEN {_MAY_SEE_CONTACT} THEN u.email END AS email"


@parser(**words_or_text.schema)
def _address(value: str) -> list[str]:
    """Return how the address may be stored."""
    return addresses.spellings(words_or_text(value.strip()))


@parser(**words_or_text.schema)
def _username(value: str) -> str:
    text: str = words_or_text(value)
    return text.strip()


USERS = Listing(
    columns=f"u.id, u.username, {_EMAIL}, u.full_name, u.user_type, u.avatar, u.organization",
    source="users u",
    id="u.id",
    orderings={
        "date_joined": Order("u.date_joined", "timestamptz"),
        "username": Order("u.username", "text", folds=True),
        "id": Order("u.id", "bigint", "id"),
    },
    default_ordering="-date_joined",
    filters={
        "username": Filter(
            _username, "lower(u.username) = lower({})", "Only the user with exactly this name, in any case."
        ),
        "email": Filter(
            _address,
            f"({_MAY_SEE_CONTACT} AND lower(u.email) = ANY({accounts.LOWERED}))",
            "Only the user with exactly this address, in any spelling, and only if you can see the address.",
        ),
    },
    is_public=True,
)

_PROFILE_FIELDS = (
    "twitter linkedin github facebook newsletter_subscribed notifications_enabled total_events_attended"
).split()
_FULL = f"""
SELECT u.id, u.username, {_EMAIL}, u.first_name, u.last_name, u.full_name, u.user_type, u.bio,
       CASE WHEN {_MAY_SEE_CONTACT} THEN u.phone END AS phone, u.avatar, u.website, u.organization,
       u.is_verified, u.is_active, u.user_type IN ('organizer', 'admin') AS is_organizer, u.date_joined,
       {", ".join(f"p.{name}" for name in _PROFILE_FIELDS)}, p.total_spent::text
FROM users u JOIN profiles p ON p.user_id = u.id
WHERE u.id = $3 AND (u.is_active OR $2::boolean)
"""


async def list_users(queries: Queries, viewer: Viewer, request: PageRequest) -> Page:
    """Return a page of users; deactivated ones only to admins."""
    params = Params(viewer.id, viewer.is_admin)
    return await fetch_page(queries, USERS, request, params=params, where=["(u.is_active OR $2::boolean)"])


async def get(queries: Queries, viewer: Viewer, user_id: int) -> dict[str, Any]:
    """Return a user with their profile; settings and totals of the profile only to the user and admins."""
    row = await queries.fetch_one(_FULL, viewer.id, viewer.is_admin, user_id)
    if row is None and viewer.id == user_id:
        raise Unauthenticated("This account was deactivated.", code="token_not_valid")
    if row is None:
        raise NotFound
    user = dict(row)
    profile = {name: user.pop(name) for name in [*_PROFILE_FIELDS, "total_spent"]}
    if not viewer.is_admin and viewer.id != user_id:
        profile = {name: profile[name] for name in ("twitter", "linkedin", "github", "facebook")}
    date_joined = user.pop("date_joined")
    return {**user, "profile": profile, "date_joined": date_joined}


async def register(tx: Transaction, password_hash: str, **details: Any) -> dict[str, Any]:
    """Make an account and return it. Raises Conflict where the username or email is taken."""
    user = await _create(tx, password_hash=password_hash, **details)
    return await get(tx, Viewer(user.id, user.user_type), user.id)


async def _create(tx: Transaction, **details: Any) -> User:
    await _check_is_free(tx, details["email"])
    try:
        user = await User.create(**details)
        await Profile.create(user=user)
    except IntegrityErrors as error:
        raise _taken(error) from None
    return user


async def check_registration(details: Mapping[str, str], password: str, password_confirm: str | None) -> None:
    """Raise Invalid for a password that will not do, Forbidden for a role that is not to be had; Busy."""
    require(details["user_type"] != UserType.ADMIN, "Nobody can register as an admin.")
    errors: dict[str, list[str]] = {}
    own_words = (details[name] for name in ("username", "email", "first_name", "last_name"))
    if found := await passwords.problems(password, *own_words):
        errors["password"] = found
    if password_confirm is not None and password_confirm != password:
        errors["password_confirm"] = ["Does not match the password."]
    if errors:
        raise Invalid(errors)


async def new_email(queries: Queries, viewer: Viewer, email: str) -> str | None:
    """Return the address in its one form, None where this very address is the viewer's own already. Raises Invalid."""
    if await queries.fetch_value("SELECT email = $2 FROM users WHERE id = $1", viewer.id, email):
        return None
    try:
        address = addresses.of_person(email)
    except addresses.BadAddress as error:
        raise Invalid({"email": [f"Not a valid email address. {error}"]}) from None
    own = await queries.fetch_value("SELECT email = $2 FROM users WHERE id = $1", viewer.id, address)
    return None if own else address


async def _check_is_free(tx: Transaction, email: str, *, but_for: int = 0) -> None:
    """Raise Conflict where an account from before addresses had one form holds this one in another.

    Two accounts that are made now meet at the unique index: their addresses are stored alike.
    """
    others = addresses.spellings(email)[1:]
    if others and await tx.fetch_value(
        f"SELECT true FROM users WHERE lower(email) = ANY({accounts.LOWERED.format('$1')}) AND id <> $2 LIMIT 1",
        others,
        but_for,
    ):
        raise _email_taken()


async def update_me(
    tx: Transaction,
    viewer: Viewer,
    changes: Mapping[str, Any],
    *,
    verification_ttl_seconds: int,
    verified_hash: str | None = None,
    avatar: Replacement | None = None,
) -> dict[str, Any]:
    """Change the viewer's own account and return it.

    A new address is to be verified anew and gets a mail for that; the old one gets one that says so. It takes the
    present password, whose hash is `verified_hash` where the viewer has given it.

    Raises Conflict where a new email is taken, Invalid where it comes without the password.
    """
    before = await tx.fetch_one(
        "SELECT email, is_verified, password_hash, avatar FROM users WHERE id = $1 FOR NO KEY UPDATE",
        viewer.id,
    )
    if before is None:
        raise NotFound
    if avatar is not None:
        avatar.replaced = before["avatar"]
        changes = {**changes, "avatar": avatar.name}
    is_new_address = changes.get("email", before["email"]) != before["email"]
    if is_new_address:
        if before["password_hash"] != verified_hash:
            raise accounts.password_needed()
        await _check_is_free(tx, changes["email"], but_for=viewer.id)
        changes = {**changes, "is_verified": False}
    if changes:
        try:
            await User.filter(id=viewer.id).update(**changes)
        except IntegrityErrors as error:
            raise _taken(error) from None
    if is_new_address:
        await accounts.change_email(
            tx,
            viewer.id,
            before["email"],
            changes["email"],
            was_verified=before["is_verified"],
            ttl_seconds=verification_ttl_seconds,
        )
    return await get(tx, viewer, viewer.id)


async def update_profile(tx: Transaction, viewer: Viewer, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change the viewer's own profile and return it."""
    if changes:
        await Profile.filter(user_id=viewer.id).update(**changes)
    user = await get(tx, viewer, viewer.id)
    profile: dict[str, Any] = user["profile"]
    return profile


async def check_may_administer(queries: Queries, viewer: Viewer, user_id: int) -> None:
    """Raise what `administer` would raise for anybody but an admin, before anything is locked for it."""
    if not viewer.is_admin:
        await get(queries, viewer, user_id)
        raise Forbidden("Only admins can change other users.")


async def administer(
    tx: Transaction, viewer: Viewer, user_id: int, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Change a user's role or flags as an admin and return the user.

    A user who is deactivated is signed out everywhere, and their events sell nothing until they are active again.

    Raises Conflict for the viewer's own role or `is_active`, and if no active admin would be left.
    """
    await check_may_administer(tx, viewer, user_id)
    before = await tx.fetch_one(
        "SELECT email, user_type, is_active, is_verified FROM users WHERE id = $1 FOR NO KEY UPDATE", user_id
    )
    if before is None:
        raise NotFound
    changed = {name: value for name, value in changes.items() if value != before[name]}
    if changed.keys() & {"user_type", "is_active"}:
        if user_id == viewer.id:
            raise Conflict(
                "You cannot change your own role or is_active: ask another admin.", code="own_account"
            )
        await _check_an_admin_stays(tx, user_id, before, changed)
    if changed:
        await User.filter(id=user_id).update(**changed)
    if changes.get("is_active") is False:
        await auth.end_all_sign_ins(tx, user_id)
    if "user_type" in changed:
        accounts.tell_of_role(tx, user_id, before["email"], before["user_type"], changed["user_type"])
    if "is_active" in changed:
        await follow_organizer(tx, user_id)
    return await get(tx, viewer, user_id)


async def _check_an_admin_stays(
    tx: Transaction, user_id: int, before: Row, changed: Mapping[str, Any]
) -> None:
    after = {**before, **changed}
    was_one, is_one = (row["is_active"] and row["user_type"] == UserType.ADMIN for row in (before, after))
    if was_one and not is_one and not await tx.fetch_value(_HAS_ANOTHER_ADMIN, user_id):
        raise Conflict(f"User {user_id} is the last active admin: make another one first.", code="last_admin")


_HAS_ANOTHER_ADMIN = "SELECT EXISTS (SELECT FROM users WHERE user_type = 'admin' AND is_active AND id <> $1)"


async def create_admin(tx: Transaction, username: str, email: str, password_hash: str) -> int:
    """Make an admin's account and return its id. Raises Conflict where the username or email is taken."""
    user = await _create(
        tx, username=username, email=email, password_hash=password_hash, user_type=UserType.ADMIN.value
    )
    return int(user.id)


def _taken(error: BaseException) -> Exception:
    match violated_constraint(error):
        case "users_username_unique":
            return Conflict("A user with this username already exists.", code="username_taken")
        case "users_email_unique":
            return _email_taken()
    return error if isinstance(error, Exception) else RuntimeError(error)


def _email_taken() -> Conflict:
    return Conflict("A user with this email already exists.", code="email_taken")
