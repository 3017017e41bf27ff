"""The words of a search, folded like the columns in which they are looked for (models/words.py)."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from eventhub.models.words import (
    GRAM,
    MARKS,
    MAX_WORD,
    ONE_FOR_ONE,
    SEPARATOR,
    SPACELESS,
    TWO_FOR_ONE,
    WITHIN_WORDS,
)

_LETTERS = str.maketrans({**ONE_FOR_ONE, **TWO_FOR_ONE})


@dataclass(frozen=True)
class Word:
    """A word that was typed: the tsquery of a text's words that it begins.

    `whole` is the word where it is longer than a lexeme of its script: the tsquery finds its parts alone, in any place.
    """

    tsquery: str
    whole: str | None = None


def composed(text: str) -> str:
    """Return `text` with each letter and its accents as one character (NFC), as it is stored: macOS may split them."""
    return unicodedata.normalize("NFC", text)


def typed_words(text: str) -> list[str]:
    """Return the runs of letters and digits in `text`, which is composed."""
    return [word for word in re.split(f"{SEPARATOR}+", text) if word]


def search_words(text: str) -> list[Word]:
    """Return what to look for: each word of `text` must begin a word; nothing typed is an operator."""
    words = (re.sub(WITHIN_WORDS, "", folded(word)) for word in typed_words(text))
    return [_beginning_with(word) for word in words if word]


def folded(text: str) -> str:
    """Return `text` in small letters without their marks, as SQL's `folded` does.

    PostgreSQL's lower() takes each character by itself.
    """
    letters = "".join(character.lower()[0] for character in unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFC", re.sub(MARKS, "", letters).translate(_LETTERS))


def _beginning_with(word: str) -> Word:
    units = re.findall(rf"{SPACELESS}|(?:(?!{SPACELESS}).)+", word)
    if len(units) <= GRAM:
        return Word(_prefix(units))
    inner = [f"'{_lexeme(units[i : i + GRAM])}'" for i in range(0, len(units) - GRAM, GRAM)]
    return Word(" & ".join([*inner, _prefix(units[-GRAM:])]), whole=word)


def _prefix(units: Sequence[str]) -> str:
    return f"'{_lexeme(units)}':*"


def _lexeme(units: Sequence[str]) -> str:
    return "".join(units)[:MAX_WORD]
