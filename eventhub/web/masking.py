"""Paths and queries as logs may hold them."""

import re

_NAMES = "token|secret|password|api_?key|authorization|refresh|jwt|key|code|signature"
_SECRET_PARAMETER = re.compile(rf"(?i)((?:{_NAMES})[^=&]*=)[^&]*")
_SECRET_PATH = re.compile(r"(?<=/unsubscribe/)[^/?]+")


def masked(path: str) -> str:
    """Return a path and query for the log, without what could be a secret."""
    return _SECRET_PATH.sub("***", _SECRET_PARAMETER.sub(r"\1***", path))
