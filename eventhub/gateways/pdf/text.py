"""Text, numbers and dates as they are printed. Pure functions; English, whatever the server's locale is."""

import re
import unicodedata
from datetime import date
from decimal import Decimal

from confusable_homoglyphs import categories

from eventhub import localized

# Joiners shape Persian and Indic words; every other control or format character only hides or reorders text.
JOINERS = "\u200c\u200d"
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Colour pictures and the marks that go with them: no font of ours draws them, and a box is worse than nothing.
PICTURES = re.compile("[\U0001f000-\U0001faff\ufe00-\ufe0f\u20e3]\u200d?")
KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
OF_ANY_SCRIPT = frozenset({"COMMON", "INHERITED"})
BLANK = "\u115f\u1160\u3164\uffa0"  # letters by their category, drawn as nothing: fillers of Hangul
# What the built-in fonts are made for. They have letters of others too, unjoined or of a typewriter: a last resort.
BUILT_IN_SCRIPTS = frozenset(
    {"LATIN", "GREEK", "CYRILLIC", "HEBREW", "HAN", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"}
)
MINUS = "\N{MINUS SIGN}"
EN_DASH = "\N{EN DASH}"


def one_line(text: str) -> str:
    """Return `text` composed (NFC), without invisible characters and pictures, each run of spaces as one."""
    composed = PICTURES.sub("", unicodedata.normalize("NFC", text))
    return " ".join("".join(map(_printed, composed)).split())


def name(full: str, username: str) -> str:
    """Return a person's full name as `one_line` makes it, or the username where nothing of it would be seen."""
    printed = one_line(full)
    is_seen = any(unicodedata.category(c)[0] in "LNP" and c not in BLANK for c in printed)
    return printed if is_seen else one_line(username)


def lines(text: str) -> list[str]:
    """Return the lines of `text` that have something on them, each as `one_line` makes it."""
    return [line for line in map(one_line, text.splitlines()) if line]


def _printed(character: str) -> str:
    if character in JOINERS or unicodedata.category(character) not in INVISIBLE:
        return character
    return " " if character.isspace() else ""


def han_language(*texts: str) -> str:
    """Return whose forms of Chinese characters fit a document of `texts`: `ja`, `ko` or `zh`.

    Unicode has one code for characters that the three write differently; kana or hangul anywhere tells.
    """
    text = "".join(texts)
    if KANA.search(text):
        return "ja"
    return "ko" if HANGUL.search(text) else "zh"


def scripts(text: str) -> set[str]:
    """Return the names of the scripts that `text` is written in, as Unicode has them: LATIN, THAI, DEVANAGARI."""
    return {categories.alias(character) for character in set(text)} - OF_ANY_SCRIPT


def font_families(names: set[str]) -> list[str]:
    """Return the families that are made for scripts, the first choice where they are installed."""
    return [f"Noto Sans {name.title()}" for name in sorted(names - BUILT_IN_SCRIPTS)]


def number(value: Decimal | float) -> str:
    """Return 2 for 2.0, 7.5 for 7.50, 1,200 for 1200."""
    text = f"{Decimal(str(value)):,f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def money(value: Decimal, currency: str) -> str:
    """Return 1,234.50 for USD, 1,234 for JPY, with a real minus sign where it is negative."""
    return localized.amount(value, currency).replace("-", MINUS)


day = localized.day


def days(first: date, last: date) -> str:
    """Return a span as short as it can be said: 3 to 5 November 2026, with a dash for the word."""
    if first >= last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{EN_DASH}{day(last)}"
    start = day(first) if first.year != last.year else day(first).removesuffix(f" {first.year}")
    return f"{start} {EN_DASH} {day(last)}"


def hours(value: Decimal | float) -> str:
    """Return 1 hour, 7.5 hours; more than two places are rounded."""
    said = number(round(Decimal(str(value)), 2))
    return f"{said} hour" if said == "1" else f"{said} hours"
