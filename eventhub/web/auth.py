"""Signing in and out; passwords and addresses."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict

from aiohttp import web

from eventhub.models.users import TokenPurpose
from eventhub.services import accounts, auth, passwords
from eventhub.web.call import Call
from eventhub.web.http.proxies import PROXIES, network
from eventhub.web.http.turns import judging
from eventhub.web.rate_limits import limits

# Longer than it takes to write a token and its job, so that the time tells nobody whether an address exists.
RESET_ANSWER_SECONDS = 0.15
MAX_USER_AGENT = 300


async def log_in(call: Call) -> web.Response:
    network = limits.network_of(call.request)
    login = await auth.find_account(call.database, call.body["username"].strip(), network)
    # Failures count for what was typed, whether it is a name or not: an account's other name shows nothing of them.
    is_known = login.is_from_known_network
    async with limits.guarding_sign_in(
        call.request, login.name, is_from_known_network=is_known
    ) as may_succeed:
        account = login.account if may_succeed else None
        tokens = await auth.log_in(call.database, call.signer, account, call.body["password"], _device(call))
    return call.reply(asdict(tokens))


def _device(call: Call) -> auth.Device:
    agent = call.request.headers.get("User-Agent", "")
    printable = "".join(character for character in agent if character.isprintable())
    return auth.Device(network(call.request.app[PROXIES].address(call.request)), printable[:MAX_USER_AGENT])


async def refresh(call: Call) -> web.Response:
    return call.reply({"access": await auth.refresh(call.database, call.signer, call.body["refresh"])})


async def log_out(call: Call) -> web.Response:
    async with call.transaction() as tx:
        await auth.log_out(tx, call.signer, call.body["refresh"])
    return call.no_content()


async def sign_ins(call: Call) -> web.Response:
    return call.reply_page(await auth.list_sign_ins(call.database, call.viewer, call.page_request()))


async def end_sign_in(call: Call) -> web.Response:
    async with call.transaction(changing=call.viewer.id) as tx:
        await auth.end_sign_in(tx, call.viewer, call.id())
    return call.no_content()


async def end_other_sign_ins(call: Call) -> web.Response:
    async with call.transaction(changing=call.viewer.id) as tx:
        await auth.end_other_sign_ins(tx, call.viewer)
    return call.no_content()


async def change_password(call: Call) -> web.Response:
    """200 with the tokens of a new sign-in: who changed the password stays signed in, everybody else is out.
    A job mails the user that it was changed.
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
        tokens = await auth.open_sign_in(tx, call.signer, call.viewer.id, new_hash, _device(call))
    assert tokens is not None  # noqa: S101 - the row is locked: active, with this password
    return call.reply(asdict(tokens))


async def ask_reset(call: Call) -> web.Response:
    """200, always in the same words and after the same time: it never tells whether the address exists."""
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
    """200: the password is the new one, every sign-in with the old one has ended, and a job mails the user of it."""
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
    """200, with a mail on its way where the address is not verified yet."""
    await limits.count_verification(call.request, call.viewer.id)
    async with call.transaction() as tx:
        is_open = await accounts.ask_verification_again(
            tx, call.viewer, ttl_seconds=call.settings.email_verification_ttl_seconds
        )
    detail = "A mail with a new token is on its way." if is_open else "The email address is verified already."
    return call.reply({"detail": detail})


async def verify_email(call: Call) -> web.Response:
    token = await accounts.find_token(
        call.database,
        call.body["token"],
        TokenPurpose.EMAIL_VERIFICATION,
        secret_keys=call.settings.secret_keys,
    )
    async with call.transaction() as tx:
        await accounts.verify_email(tx, token)
    return call.reply({"detail": "The email address is verified."})
