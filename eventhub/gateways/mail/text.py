"""Cleaning of what users wrote, before it stands in a header, a page or a terminal."""

import re

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
