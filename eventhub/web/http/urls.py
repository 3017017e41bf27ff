"""Paths and queries as a URL that goes back to a client may contain them."""

from urllib.parse import quote


def quoted(path: str) -> str:
    """Return a path and query as a URL may hold them: what a client sent as it stands could end a header's value."""
    return quote(path, safe="%!$&'()*+,;=:@/?", errors="surrogateescape")
