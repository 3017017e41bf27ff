"""Paths and queries as logs may hold them."""

import re
from urllib.parse import unquote_plus

_SECRET_NAME = re.compile(
    r"(?i)token|secret|password|api_?key|authorization|access|refresh|jwt|key|code|signature|email|phone"
)
_SECRET_SEGMENT = re.compile(r"(?<=/unsubscribe/)[^/]+|(?<![^/])[^/]*(?:@|%40)[^/]*")


def masked(path: str) -> str:
    """Return a path and query for the log, without what could be a secret, and without addresses of mail.

    What is searched for stays, unless it is such an address; so do usernames, which are public.
    """
    path, mark, query = path.partition("?")
    parts = "&".join(_masked(part) for part in query.split("&"))
    return f"{_SECRET_SEGMENT.sub('***', path)}{mark}{parts}"


def _masked(part: str) -> str:
    name, is_given, value = part.partition("=")
    if "@" in unquote_plus(name):
        return "***"
    if is_given and (_SECRET_NAME.search(unquote_plus(name)) or "@" in unquote_plus(value)):
        return f"{name}=***"
    return part
