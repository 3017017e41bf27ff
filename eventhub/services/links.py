"""Links in what users wrote, which mail programs and pages make clickable by themselves."""

import re
import unicodedata

_LINK = re.compile(r"://|\bwww\.|[^\W_][.。][^\W\d_]{2,}(:\d+)?/", re.IGNORECASE)
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def has_link(text: str) -> bool:
    """Return whether `text` holds a URL, `www.` or a domain with a path (`evil.example/x`)."""
    return _LINK.search(unicodedata.normalize("NFKC", text)) is not None


def display_name(name: str) -> str:
    """Return a name as a mail may bear it: empty where it has a link or a line break, so is rather a message."""
    return "" if has_link(name) or _BREAKS.search(name) else name
