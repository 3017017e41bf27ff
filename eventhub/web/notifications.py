"""Notifications, and the page that ends mails about them."""

from aiohttp import web

from eventhub.schemas import notifications as schemas
from eventhub.services import notifications
from eventhub.web.call import HTML, Call, Route, tagged

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
    """Lists your own notifications."""
    return call.reply_page(
        await notifications.list_notifications(call.database, call.viewer, call.page_request())
    )


async def unread_count(call: Call) -> web.Response:
    """Returns how many of your own notifications are unread."""
    return call.reply({"unread_count": await notifications.count_unread(call.database, call.viewer)})


async def mark_all_as_read(call: Call) -> web.Response:
    """Marks all of your own unread notifications and returns how many there were."""
    async with call.transaction() as tx:
        marked = await notifications.mark_all_as_read(tx, call.viewer)
    return call.reply({"marked": marked})


async def detail(call: Call) -> web.Response:
    """Only the person it is for can read it."""
    return call.reply(await notifications.get(call.database, call.viewer, call.id()))


async def mark_as_read(call: Call) -> web.Response:
    """Only the person it is for can do this; marking it again is not an error."""
    async with call.transaction() as tx:
        notification = await notifications.mark_as_read(tx, call.viewer, call.id())
    return call.reply(notification)


async def ask_to_unsubscribe(call: Call) -> web.Response:
    """The link in a mail opens this page. It changes nothing by itself, because mail scanners follow links."""
    who = _unsubscribed(call)
    return _page(_QUESTION if isinstance(who, int) else _ADDRESS_QUESTION)


async def unsubscribe(call: Call) -> web.Response:
    """Turns off `notifications_enabled` for the person the mail was for; one POST without a sign-in is enough (RFC
    8058). The link in a mail to an address that nobody has verified ends the mails to that address instead, whatever
    the profile says, until it is verified.
    """
    who = _unsubscribed(call)
    async with call.transaction() as tx:
        may_resume = await notifications.unsubscribe(tx, who)
    return _page(_DONE if may_resume else _ADDRESS_DONE)


def _unsubscribed(call: Call) -> int | str:
    token = call.request.match_info["token"]
    return notifications.find_unsubscribed(token, secret_keys=call.settings.secret_keys)


def _page(body: str) -> web.Response:
    return web.Response(text=_PAGE.format(body=body), content_type="text/html", headers=_PAGE_HEADERS)


ROUTES = tagged(
    "Notifications",
    Route(
        "GET",
        "/api/notifications/",
        index,
        "List user's notifications",
        listing=notifications.NOTIFICATIONS,
        returns=schemas.Notification,
    ),
    Route(
        "GET",
        "/api/notifications/unread_count/",
        unread_count,
        "Get unread count",
        returns=schemas.UnreadCount,
    ),
    Route(
        "POST",
        "/api/notifications/mark_all_as_read/",
        mark_all_as_read,
        "Mark all notifications as read",
        returns=schemas.Marked,
    ),
    Route(
        "GET",
        "/api/notifications/unsubscribe/{token}/",
        ask_to_unsubscribe,
        "Page that asks whether to end notification mails",
        is_public=True,
        produces=HTML,
    ),
    Route(
        "POST",
        "/api/notifications/unsubscribe/{token}/",
        unsubscribe,
        "End notification mails by one click",
        is_public=True,
        produces=HTML,
    ),
    Route("GET", "/api/notifications/{id}/", detail, "Get notification", returns=schemas.Notification),
    Route(
        "POST",
        "/api/notifications/{id}/mark_as_read/",
        mark_as_read,
        "Mark notification as read",
        returns=schemas.Notification,
    ),
)
