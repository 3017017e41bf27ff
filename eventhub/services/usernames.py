"""Usernames: how they are written, so that no two look alike by a trick of letters."""

import unicodedata

from confusable_homoglyphs import categories

# UTS 39, 5.2, Highly Restrictive: one script, or one of the three ways in which Chinese, Japanese and Korean are
# written, each with Latin letters among them.
_TOGETHER = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)
_OF_ANY_SCRIPT = {"COMMON", "INHERITED"}


def plain(text: str) -> str:
    """Return `text` in the letters that it stands for (NFKC): full width, ligatures and styles of maths are gone."""
    return unicodedata.normalize("NFKC", text).strip()


def is_of_one_script(text: str) -> bool:
    scripts = {categories.alias(character) for character in text} - _OF_ANY_SCRIPT
    return len(scripts) <= 1 or any(scripts <= together for together in _TOGETHER)
