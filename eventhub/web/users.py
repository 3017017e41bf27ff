"""People."""

from aiohttp import web

from eventhub.gateways import images
from eventhub.services import accounts, auth, events, passwords, users
from eventhub.services import reviews as review_service
from eventhub.web import limits, media
from eventhub.web.call import Call


async def index(call: Call) -> web.Response:
    return call.reply_page(await users.list_users(call.database, call.viewer, call.page_request()))


async def register(call: Call) -> web.Response:
    await limits.count_registration(call.request)
    details = call.body
    password, confirm = details.pop("password"), details.pop("password_confirm", None)
    users.check_registration(details["username"], password, confirm, details["user_type"])
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
    if (email := call.body.pop("email", None)) is not None:
        email = await users.new_email(call.database, call.viewer, email)
    if email is not None:
        name = await auth.counted_name(call.database, email)
        await limits.count_new_email(call.request, call.viewer.id, name)
        call.body["email"] = email
    async with (
        media.uploaded(call, "avatar", images.avatar, media.AVATARS) as avatar,
        call.transaction() as tx,
    ):
        user = await users.update_me(
            tx,
            call.viewer,
            call.body,
            verification_ttl_seconds=call.settings.email_verification_ttl_seconds,
            avatar=avatar,
        )
    return call.reply(user)


async def profile(call: Call) -> web.Response:
    user = await users.get(call.database, call.viewer, call.viewer.id)
    return call.reply(user["profile"])


async def update_profile(call: Call) -> web.Response:
    async with call.transaction() as tx:
        changed = await users.update_profile(tx, call.viewer, call.body)
    return call.reply(changed)


async def detail(call: Call) -> web.Response:
    return call.reply(await users.get(call.database, call.viewer, call.id()))


async def administer(call: Call) -> web.Response:
    async with call.transaction() as tx:
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
