"""People."""

from aiohttp import web

from eventhub.services import accounts, auth, events, passwords, users
from eventhub.services import reviews as review_service
from eventhub.web import pictures
from eventhub.web.call import Call
from eventhub.web.http.turns import judging
from eventhub.web.rate_limits import limits


async def index(call: Call) -> web.Response:
    return call.reply_page(await users.list_users(call.queries, call.viewer, call.page_request()))


async def register(call: Call) -> web.Response:
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
    return call.reply(await users.get(call.database, call.viewer, call.viewer.id))


async def update_me(call: Call) -> web.Response:
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
    user = await users.get(call.database, call.viewer, call.viewer.id)
    return call.reply(user["profile"])


async def update_profile(call: Call) -> web.Response:
    async with call.transaction() as tx:
        changed = await users.update_profile(tx, call.viewer, call.body)
    return call.reply(changed)


async def detail(call: Call) -> web.Response:
    return call.reply(await users.get(call.queries, call.viewer, call.id()))


async def administer(call: Call) -> web.Response:
    await users.check_may_administer(call.database, call.viewer, call.id())
    async with call.transaction(changing=call.id()) as tx:
        user = await users.administer(tx, call.viewer, call.id(), call.body)
    return call.reply(user)


async def events_organized(call: Call) -> web.Response:
    return call.reply_page(
        await events.list_organized(call.database, call.viewer, call.id(), call.page_request())
    )


async def reviews(call: Call) -> web.Response:
    return call.reply_page(
        await review_service.list_of_user(call.database, call.viewer, call.id(), call.page_request())
    )
