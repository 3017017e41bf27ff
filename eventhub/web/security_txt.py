"""What people who have found a vulnerability ask."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from eventhub.errors import NotFound
from eventhub.web.call import Call, Route, tagged

CONTACT_DAYS = 90  # RFC 9116 wants less than a year: a later reader is to look again


async def security_txt(call: Call) -> web.Response:
    """Where to report a vulnerability (RFC 9116); 404 if no contact is configured."""
    contact = call.settings.security_contact
    if not contact:
        raise NotFound
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=CONTACT_DAYS)
    return web.Response(
        text=f"Contact: {contact}\nExpires: {until:%Y-%m-%dT%H:%M:%SZ}\n",
        content_type="text/plain",
        charset="utf-8",
        headers={"Cache-Control": "public, max-age=86400"},
    )


ROUTES = tagged(
    "Operations",
    Route(
        "GET",
        "/.well-known/security.txt",
        security_txt,
        "Where to report a security vulnerability",
        is_public=True,
        produces=("text/plain",),
        refuses={404: []},
    ),
)
