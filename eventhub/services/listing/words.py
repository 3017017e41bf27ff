"""The words of a search."""

import re
import unicodedata

from eventhub.models.events import WORD_SEPARATORS


def composed(text: str) -> str:
    """Return `text` with each letter and its accents as one character (NFC), as it is stored: macOS may split them."""
    return unicodedata.normalize("NFC", text)


def prefix_queries(text: str) -> list[str]:
    """Return a tsquery for each word of `text`, which must begin a word; nothing typed is an operator."""
    return [_begins_with(word) for word in re.split(WORD_SEPARATORS, _lower(text)) if word]


def _lower(text: str) -> str:
    """PostgreSQL's lower(), which takes each character by itself: İ becomes i, and a capital sigma is the middle one also where a word ends."""
    return "".join(character.lower()[0] for character in text)


_SIGMAS = ("\u03c3", "\u03c2")


def _begins_with(word: str) -> str:
    """A sigma that ends a word has a form of its own, which is lost where the word was written in capitals."""
    if not word.endswith(_SIGMAS):
        return f"'{word}':*"
    middle, final = (word[:-1] + sigma for sigma in _SIGMAS)
    return f"('{middle}':* | '{final}':*)"
