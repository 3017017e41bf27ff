"""People."""

from aiohttp import web

from eventhub.schemas import users as schemas
from eventhub.schemas.events import EventListItem
from eventhub.schemas.reviews import Review
from eventhub.services import accounts, auth, events, passwords, users
from eventhub.services import reviews as review_service
from eventhub.web import pictures
from eventhub.web.call import Call, Route, tagged
from eventhub.web.http.turns import judging
from eventhub.web.rate_limits import limits


async def index(call: Call) -> web.Response:
    """Public. `email` is null, except for yourself and for admins. Admins also see deactivated users."""
    return call.reply_page(await users.list_users(call.queries, call.viewer, call.page_request()))


async def register(call: Call) -> web.Response:
    """Public. People register as `attendee` (the default) or `organizer`; nobody can register as `admin` (403). A job
    mails a token that verifies the address. All letters of a username are of one script. Username and address are
    returned in the form in which they are stored (NFKC; the domain in lower case and in its own script).
    """
    await limits.count_registration(call.request)
    details = call.body
    password, confirm = details.pop("password"), details.pop("password_confirm", None)
    async with judging(call.request):
        await users.check_registration(details, password, confirm)
    password_hash = await passwords.hash_password(password)
    async with call.transaction() as tx:
        user = await users.register(tx, password_hash, **details)
        await accounts.ask_verification(
            tx, user["id"], user["email"], ttl_seconds=call.settings.email_verification_ttl_seconds
        )
    return call.reply(user)


async def me(call: Call) -> web.Response:
    """Returns your own account, with your settings and totals."""
    return call.reply(await users.get(call.database, call.viewer, call.viewer.id))


async def update_me(call: Call) -> web.Response:
    """PUT and PATCH do the same. A new `email` needs `current_password` beside it; wrong passwords count as failed
    sign-ins do. The new address is unverified until the token that a job mails to it comes to
    `/api/auth/email/verify/`; a mail to the old address tells of the change. Changes of the address are limited as
    password resets are. A form may bring a picture (`avatar`).
    """
    verified_hash = await _check_new_email(call)
    async with (
        pictures.avatar(call) as avatar,
        call.transaction(changing=call.viewer.id) as tx,
    ):
        user = await users.update_me(
            tx,
            call.viewer,
            call.body,
            verification_ttl_seconds=call.settings.email_verification_ttl_seconds,
            verified_hash=verified_hash,
            avatar=avatar,
        )
    return call.reply(user)


async def _check_new_email(call: Call) -> str | None:
    """Leave a new email in the body in its one form, no other and no `current_password`.

    Returns the hash that the password was found to be of, None without a new email. Raises Invalid, and Throttled after
    too many wrong ones.
    """
    password, sent = call.body.pop("current_password", None), call.body.pop("email", None)
    email = None if sent is None else await users.new_email(call.database, call.viewer, sent)
    if email is None:
        return None
    if password is None:
        raise accounts.password_needed()
    account = await accounts.get_account(call.database, call.viewer)
    network = limits.network_of(call.request)
    is_known = await auth.is_known_network(call.database, call.viewer.id, network)
    async with limits.guarding_password(call.request, call.viewer.id, is_from_known_network=is_known):
        await accounts.check_password(account, password, "current_password")
    await limits.count_new_email(call.request, call.viewer.id, await auth.counted_name(call.database, email))
    call.body["email"] = email
    return account.password_hash


async def profile(call: Call) -> web.Response:
    """Returns your own profile: links, settings, and totals that bookings and payments change."""
    user = await users.get(call.database, call.viewer, call.viewer.id)
    return call.reply(user["profile"])


async def update_profile(call: Call) -> web.Response:
    """PUT and PATCH do the same. Without `notifications_enabled`, no notification is sent by mail."""
    async with call.transaction() as tx:
        changed = await users.update_profile(tx, call.viewer, call.body)
    return call.reply(changed)


async def detail(call: Call) -> web.Response:
    """Public. Only the user and admins see contact, settings and totals."""
    return call.reply(await users.get(call.queries, call.viewer, call.id()))


async def administer(call: Call) -> web.Response:
    """Only admins can do this. Deactivating a user ends their sign-ins: access tokens stop working within 30 seconds.
    Nobody can change their own `user_type` or `is_active`, and the last active admin remains an admin. A job mails the
    user about a new role. A user who is no longer an organizer no longer manages any events. The events of a
    deactivated user take no bookings until the user is active again, or the events are handed over.
    """
    await users.check_may_administer(call.database, call.viewer, call.id())
    async with call.transaction(changing=call.id()) as tx:
        user = await users.administer(tx, call.viewer, call.id(), call.body)
    return call.reply(user)


async def events_organized(call: Call) -> web.Response:
    """Requires a sign-in. Drafts are listed only for their organizer and admins."""
    return call.reply_page(
        await events.list_organized(call.database, call.viewer, call.id(), call.page_request())
    )


async def reviews(call: Call) -> web.Response:
    """Requires a sign-in. Lists what the user wrote about events that you can see."""
    return call.reply_page(
        await review_service.list_of_user(call.database, call.viewer, call.id(), call.page_request())
    )


# A new account shows what was registered, and what is empty at the beginning.
_REGISTERED = {
    **schemas.User.example,
    "id": 2,
    **{name: schemas.Registration.example[name] for name in ("username", "email", "first_name", "last_name")},
    "full_name": "John Doe",
    "user_type": "attendee",
    "is_organizer": False,
    "profile": {
        **schemas.Profile.example,
        **dict.fromkeys(("twitter", "linkedin", "github", "facebook"), ""),
    },
}
ROUTES = tagged(
    "Users",
    Route(
        "GET",
        "/api/users/",
        index,
        "List users",
        is_public=True,
        listing=users.USERS,
        returns=schemas.UserListItem,
    ),
    Route(
        "POST",
        "/api/users/",
        register,
        "Register new user",
        is_public=True,
        body=schemas.Registration,
        returns=schemas.User,
        example=_REGISTERED,
        status=201,
        refuses={403: [], 409: ["username_taken", "email_taken"]},
    ),
    Route("GET", "/api/users/me/", me, "Get current user", returns=schemas.User),
    Route(
        "PUT",
        "/api/users/me/",
        update_me,
        "Update current user",
        body=schemas.AccountChanges,
        is_partial=True,
        returns=schemas.User,
        is_sensitive=True,
        refuses={409: ["email_taken"]},
    ),
    Route(
        "PATCH",
        "/api/users/me/",
        update_me,
        "Update current user",
        body=schemas.AccountChanges,
        is_partial=True,
        returns=schemas.User,
        is_sensitive=True,
        refuses={409: ["email_taken"]},
    ),
    Route("GET", "/api/users/update_profile/", profile, "Get profile settings", returns=schemas.Profile),
    Route(
        "PUT",
        "/api/users/update_profile/",
        update_profile,
        "Update profile settings",
        body=schemas.ProfileChanges,
        is_partial=True,
        returns=schemas.Profile,
    ),
    Route(
        "PATCH",
        "/api/users/update_profile/",
        update_profile,
        "Update profile settings",
        body=schemas.ProfileChanges,
        is_partial=True,
        returns=schemas.Profile,
    ),
    Route("GET", "/api/users/{id}/", detail, "Get user", is_public=True, returns=schemas.User),
    Route(
        "PATCH",
        "/api/users/{id}/",
        administer,
        "Administer user",
        body=schemas.Administration,
        is_partial=True,
        returns=schemas.User,
        is_sensitive=True,
        refuses={403: [], 409: ["own_account", "last_admin"]},
    ),
    Route(
        "GET",
        "/api/users/{id}/events_organized/",
        events_organized,
        "Get user's organized events",
        listing=events.EVENTS,
        returns=EventListItem,
    ),
    Route(
        "GET",
        "/api/users/{id}/reviews/",
        reviews,
        "Get user's reviews",
        listing=review_service.REVIEWS,
        returns=Review,
    ),
)
