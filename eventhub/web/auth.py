"""Signing in and out; passwords and addresses."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict

from aiohttp import web

from eventhub.models.users import TokenPurpose
from eventhub.schemas import auth as schemas
from eventhub.services import accounts, auth, passwords
from eventhub.web.call import Call, Route, tagged
from eventhub.web.devices import device_of
from eventhub.web.http.turns import judging
from eventhub.web.rate_limits import limits

# Longer than it takes to write a token and its job, so that the time tells nobody whether an address exists.
RESET_ANSWER_SECONDS = 0.15


async def log_in(call: Call) -> web.Response:
    """Takes a username or an email address, and opens a sign-in: an access token for minutes, a refresh token for
    days. After too many failures for a name from one network, or from one address, sign-ins are refused for a while
    (429). When too many networks fail with a name, all sign-ins with that name are refused, except from networks where
    the account was signed in before.
    """
    network = limits.network_of(call.request)
    login = await auth.find_account(call.database, call.body["username"].strip(), network)
    # Failures count for what was typed, whether it is a name or not: an account's other name shows nothing of them.
    is_known = login.is_from_known_network
    async with limits.guarding_sign_in(
        call.request, login.name, is_from_known_network=is_known
    ) as may_succeed:
        account = login.account if may_succeed else None
        tokens = await auth.log_in(
            call.database, call.signer, account, call.body["password"], device_of(call.request)
        )
    return call.reply(asdict(tokens))


async def refresh(call: Call) -> web.Response:
    """Returns a new access token for as long as the sign-in is open. The refresh token stays the same."""
    return call.reply({"access": await auth.refresh(call.database, call.signer, call.body["refresh"])})


async def log_out(call: Call) -> web.Response:
    """Ends the sign-in of the refresh token; ending it again is not an error. Its access tokens stop working within 30
    seconds.
    """
    async with call.transaction() as tx:
        await auth.log_out(tx, call.signer, call.body["refresh"])
    return call.no_content()


async def sign_ins(call: Call) -> web.Response:
    """Lists your own open sign-ins. `last_used_at` is when a token of the sign-in was last refreshed, and null before
    the first time. `is_current` marks the sign-in that this request uses.
    """
    return call.reply_page(await auth.list_sign_ins(call.database, call.viewer, call.page_request()))


async def end_sign_in(call: Call) -> web.Response:
    """Ends one of your own sign-ins, which may be the one that this request uses; ending it again is not an error. Its
    refresh token stops working at once, its access tokens within 30 seconds.
    """
    async with call.transaction(changing=call.viewer.id) as tx:
        await auth.end_sign_in(tx, call.viewer, call.id())
    return call.no_content()


async def end_other_sign_ins(call: Call) -> web.Response:
    """Ends all of your own sign-ins except the one that this request uses. Their refresh tokens stop working at once,
    their access tokens within 30 seconds.
    """
    async with call.transaction(changing=call.viewer.id) as tx:
        await auth.end_other_sign_ins(tx, call.viewer)
    return call.no_content()


async def change_password(call: Call) -> web.Response:
    """Returns the tokens of a new sign-in: you stay signed in here, and all other sign-ins end. A job tells you by
    mail that the password was changed.
    """
    account = await accounts.get_account(call.database, call.viewer)
    # First, because it tells nothing of the old password, and counts against nobody.
    async with judging(call.request):
        await accounts.check_new_password(call.body["new_password"], account.own_words)
    network = limits.network_of(call.request)
    is_known = await auth.is_known_network(call.database, call.viewer.id, network)
    async with limits.guarding_password(call.request, call.viewer.id, is_from_known_network=is_known):
        await accounts.check_password(account, call.body["old_password"])
    new_hash = await passwords.hash_password(call.body["new_password"])
    async with call.transaction(changing=call.viewer.id) as tx:
        await accounts.change_password(tx, call.viewer, account.password_hash, new_hash)
        tokens = await auth.open_sign_in(tx, call.signer, call.viewer.id, new_hash, device_of(call.request))
    assert tokens is not None  # noqa: S101 - the row is locked: active, with this password
    return call.reply(asdict(tokens))


async def ask_reset(call: Call) -> web.Response:
    """Sends a mail about a new password if an account has this address. The answer always has the same words and always
    takes the same time, so that it never tells whether the address exists.
    """
    email = call.body["email"]
    is_over = await limits.count_reset(call.request, await auth.counted_name(call.database, email))
    async with _taking(RESET_ANSWER_SECONDS), call.transaction() as tx:
        await accounts.ask_reset(
            tx,
            email,
            ttl_seconds=call.settings.password_reset_ttl_seconds,
            only_known_network=limits.network_of(call.request) if is_over else None,
        )
    return call.reply(
        {"detail": "If an account has this address, a mail about a new password is on its way."}
    )


@contextlib.asynccontextmanager
async def _taking(seconds: float) -> AsyncIterator[None]:
    """Let the block take `seconds` where it would be faster."""
    until = time.monotonic() + seconds
    yield
    await asyncio.sleep(max(0.0, until - time.monotonic()))


async def reset_password(call: Call) -> web.Response:
    """Sets the new password. Every sign-in with the old one ends, and a job tells the user by mail."""
    token = await accounts.find_token(
        call.database,
        call.body["token"],
        TokenPurpose.PASSWORD_RESET,
        secret_keys=call.settings.secret_keys,
    )
    async with judging(call.request):
        await accounts.check_new_password(call.body["new_password"], token["own_words"])
    new_hash = await passwords.hash_password(call.body["new_password"])
    async with call.transaction() as tx:
        await accounts.reset_password(tx, token, new_hash)
    names = await auth.names(call.database, token["user_id"])
    await limits.forgive_password_failures(call.request, token["user_id"], names)
    return call.reply({"detail": "The password has been changed. Sign in with the new one."})


async def ask_verification(call: Call) -> web.Response:
    """Sends another mail with a token, unless your address is verified already."""
    await limits.count_verification(call.request, call.viewer.id)
    async with call.transaction() as tx:
        is_open = await accounts.ask_verification_again(
            tx, call.viewer, ttl_seconds=call.settings.email_verification_ttl_seconds
        )
    detail = "A mail with a new token is on its way." if is_open else "The email address is already verified."
    return call.reply({"detail": detail})


async def verify_email(call: Call) -> web.Response:
    """Takes the token that was mailed to an address; `is_verified` becomes true. A token works once."""
    token = await accounts.find_token(
        call.database,
        call.body["token"],
        TokenPurpose.EMAIL_VERIFICATION,
        secret_keys=call.settings.secret_keys,
    )
    async with call.transaction() as tx:
        await accounts.verify_email(tx, token)
    return call.reply({"detail": "The email address is verified."})


ROUTES = tagged(
    "Authentication",
    Route(
        "POST",
        "/api/auth/token/",
        log_in,
        "Obtain JWT token",
        is_public=True,
        body=schemas.TokenRequest,
        returns=schemas.TokenPair,
    ),
    Route(
        "POST",
        "/api/auth/token/refresh/",
        refresh,
        "Refresh token",
        is_public=True,
        body=schemas.RefreshRequest,
        returns=schemas.AccessToken,
    ),
    Route(
        "POST",
        "/api/auth/logout/",
        log_out,
        "Log out",
        is_public=True,
        body=schemas.RefreshRequest,
        status=204,
    ),
    Route(
        "GET",
        "/api/auth/sign_ins/",
        sign_ins,
        "List your sign-ins",
        listing=auth.SIGN_INS,
        returns=schemas.SignIn,
    ),
    Route(
        "DELETE",
        "/api/auth/sign_ins/",
        end_other_sign_ins,
        "End all other sign-ins",
        status=204,
        is_sensitive=True,
    ),
    Route("DELETE", "/api/auth/sign_ins/{id}/", end_sign_in, "End a sign-in", status=204, is_sensitive=True),
    Route(
        "POST",
        "/api/auth/password/change/",
        change_password,
        "Change password",
        body=schemas.PasswordChange,
        returns=schemas.TokenPair,
        is_sensitive=True,
    ),
    Route(
        "POST",
        "/api/auth/password/reset/",
        ask_reset,
        "Request a password reset",
        is_public=True,
        body=schemas.PasswordResetRequest,
        returns=schemas.Message,
    ),
    Route(
        "POST",
        "/api/auth/password/reset/confirm/",
        reset_password,
        "Reset password",
        is_public=True,
        body=schemas.PasswordReset,
        returns=schemas.Message,
    ),
    Route(
        "POST",
        "/api/auth/email/verify/",
        verify_email,
        "Verify email address",
        is_public=True,
        body=schemas.MailedToken,
        returns=schemas.Message,
    ),
    Route(
        "POST",
        "/api/auth/email/verify/resend/",
        ask_verification,
        "Request another verification mail",
        returns=schemas.Message,
    ),
)
