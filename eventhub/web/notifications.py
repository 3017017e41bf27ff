"""What a user was told, and the end of mails about it."""

from aiohttp import web

from eventhub.services import notifications
from eventhub.web.call import Call

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Notification mails</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem }}
button {{ font: inherit; padding: .5rem 1rem }}
</style>
</head>
<body>{body}</body>
</html>
"""
_QUESTION = """
<h1>Stop notification mails?</h1>
<p>You will still find your notifications in your account.</p>
<form method="post"><button>Stop the mails</button></form>
"""
_DONE = """
<h1>No more notification mails</h1>
<p>You can turn them on again in your profile settings.</p>
"""
_ADDRESS_QUESTION = """
<h1>Stop the mails to this address?</h1>
<p>Someone gave it when signing up, and nobody has confirmed it. Once they are stopped, news of that account stays there
until the address is confirmed.</p>
<form method="post"><button>Stop the mails</button></form>
"""
_ADDRESS_DONE = """
<h1>No more of these mails</h1>
<p>They stay stopped, whatever the account is set to, until someone confirms that the address is theirs with a code that is
mailed to it.</p>
"""
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


async def index(call: Call) -> web.Response:
    return call.reply_page(
        await notifications.list_notifications(call.database, call.viewer, call.page_request())
    )


async def unread_count(call: Call) -> web.Response:
    return call.reply({"unread_count": await notifications.count_unread(call.database, call.viewer)})


async def mark_all_as_read(call: Call) -> web.Response:
    async with call.transaction() as tx:
        marked = await notifications.mark_all_as_read(tx, call.viewer)
    return call.reply({"marked": marked})


async def detail(call: Call) -> web.Response:
    return call.reply(await notifications.get(call.database, call.viewer, call.id()))


async def mark_as_read(call: Call) -> web.Response:
    async with call.transaction() as tx:
        notification = await notifications.mark_as_read(tx, call.viewer, call.id())
    return call.reply(notification)


async def ask_to_unsubscribe(call: Call) -> web.Response:
    """200 with a page and a button; mail scanners follow links, so the link alone changes nothing."""
    who = _unsubscribed(call)
    return _page(_QUESTION if isinstance(who, int) else _ADDRESS_QUESTION)


async def unsubscribe(call: Call) -> web.Response:
    """200: the user or the address of the link gets no more notification mails (RFC 8058: one POST, no sign-in)."""
    who = _unsubscribed(call)
    async with call.transaction() as tx:
        may_resume = await notifications.unsubscribe(tx, who)
    return _page(_DONE if may_resume else _ADDRESS_DONE)


def _unsubscribed(call: Call) -> int | str:
    token = call.request.match_info["token"]
    return notifications.find_unsubscribed(token, secret_keys=call.settings.secret_keys)


def _page(body: str) -> web.Response:
    return web.Response(text=_PAGE.format(body=body), content_type="text/html", headers=_PAGE_HEADERS)
