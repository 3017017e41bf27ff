"""Cleans what users wrote before it goes into a header, a page or a terminal."""

import re
import unicodedata

# Controls, and the characters that some readers take for a line's end (NEL, LINE and PARAGRAPH SEPARATOR).
_BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Embeddings, overrides and isolates can turn round what follows them (Unicode UAX 9): "gpj.exe" reads as "exe.jpg".
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return `text` as one line of visible text: what would break a line or turn its direction is a space or gone."""
    return _TURNS.sub("", _BREAKS.sub(" ", _SURROGATES.sub("\ufffd", text))).strip()


def many_lines(text: str) -> str:
    r"""Return `text` without controls, its lines ended by `\n` alone."""
    lines = re.sub(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", _SURROGATES.sub("\ufffd", text))
    return _TURNS.sub("", _CONTROLS.sub("", lines)).strip()


def shortened(text: str, limit: int) -> str:
    """Return `text` as one line of at most `limit` characters, cut between words where one ends near enough."""
    line = one_line(text)
    if len(line) <= limit:
        return line
    cut = limit - 1
    while cut and _is_inside(line, cut):
        cut -= 1
    words = line[: cut + 1].rpartition(" ")[0]
    return f"{(words if len(words) > limit // 2 else line[:cut]).rstrip()}…"


def _is_inside(text: str, at: int) -> bool:
    """Return whether a cut at `at` would part what is drawn as one: a letter and its marks, an emoji, a flag."""
    before, after = text[at - 1], text[at]
    if _JOINER in {before, after} or unicodedata.category(after)[0] == "M" or after in _SKIN_TONES:
        return True
    return before in _FLAG_LETTERS and after in _FLAG_LETTERS


_JOINER = "\u200d"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_FLAG_LETTERS = {chr(0x1F1E6 + letter) for letter in range(26)}
