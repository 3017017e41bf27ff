"""Whether a text has a link in it."""

import re

# What an address to open looks like, in words that Python and PostgreSQL read alike whatever the locale: a scheme, www.,
# or a domain (labels of ASCII letters, digits and hyphens, or of anything beyond ASCII, the last one beginning with a
# letter) with a path.
_IN_LABEL = r"[^\u0001-\u002c\u002e\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f]"
_LETTER = r"[^\u0001-\u0040\u005b-\u0060\u007b-\u007f]"
LINK = rf"://|[Ww][Ww][Ww]\.|{_IN_LABEL}\.{_LETTER}{_IN_LABEL}+\.?(:[0-9]+)?/"

_LINK = re.compile(LINK)


def has_link(text: str) -> bool:
    """Whether the text contains `://`, `www.` or a domain with a path."""
    return _LINK.search(text) is not None


def has_link_sql(column: str) -> str:
    """Return the SQL of what `has_link` says of a column."""
    return f"({column} ~ '{LINK}')"


def without_link_sql(column: str, *, unless: str) -> str:
    """Return the SQL of a column that is empty where it has a link, but for who satisfies the condition `unless`."""
    return f"CASE WHEN NOT {has_link_sql(column)} OR {unless} THEN {column} ELSE '' END"
