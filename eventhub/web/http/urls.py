"""Paths and queries as they may stand in a URL that goes back to a client."""

from urllib.parse import quote


def quoted(path: str) -> str:
    """Return a path and query as a URL may hold them: what a client sent as it stands could end a header's value."""
    return quote(path, safe="%!$&'()*+,;=:@/?", errors="surrogateescape")
