"""Links in what users wrote: mail programs and pages make them clickable by themselves."""

import re
import unicodedata

# A scheme, www., or a domain (labels of ASCII letters, digits and hyphens, or of anything beyond ASCII, the last one
# beginning with a letter) with a path: in words that Python and PostgreSQL read alike, whatever the locale.
_IN_LABEL = r"[^\u0001-\u002c\u002e\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f]"
_LETTER = r"[^\u0001-\u0040\u005b-\u0060\u007b-\u007f]"
_PATTERN = rf"://|[Ww][Ww][Ww]\.|{_IN_LABEL}[.\u3002]{_LETTER}{_IN_LABEL}+\.?(:[0-9]+)?/"
_LINK = re.compile(_PATTERN)
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_link(text: str) -> bool:
    """Return whether `text` holds a URL, `www.` or a domain with a path (`evil.example/x`)."""
    return _LINK.search(unicodedata.normalize("NFKC", text)) is not None


def has_link_sql(column: str) -> str:
    """Return the SQL of what `has_link` says of a column."""
    return f"(normalize({column}, NFKC) ~ '{_PATTERN}')"


def without_link_sql(column: str, *, unless: str) -> str:
    """Return the SQL of a column that is empty where it has a link, unless the condition `unless` holds."""
    return f"CASE WHEN NOT {has_link_sql(column)} OR {unless} THEN {column} ELSE '' END"


def display_name(name: str) -> str:
    """Return a name as a mail may bear it: empty where it has a link or a line break, so is rather a message."""
    return "" if has_link(name) or _BREAKS.search(name) else name
