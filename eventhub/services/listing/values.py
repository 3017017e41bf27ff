"""Parsers of filter values: each reads a text or says what is allowed."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from eventhub.models.words import SEPARATOR_OF_16_BITS
from eventhub.services.listing.declaration import BadValue, Parser, parser
from eventhub.services.listing.words import composed, typed_words

MAX_ID = 2**63 - 1
MAX_WORDS = 12  # in a search: each one is looked for by itself
# Python reads more as a number than anyone means as one: 1_000, Arabic digits.
AMOUNT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


@parser(type="string", maxLength=200, pattern=r"^[^\u0000]*$")
def words_or_text(value: str) -> str:
    """Return the text composed (NFC); PostgreSQL cannot store NUL characters, so none can be found."""
    if "\0" in value:
        raise BadValue("must not hold NUL characters")
    if len(value) > 200:
        raise BadValue("must be at most 200 characters")
    return composed(value)


_SEPARATOR = SEPARATOR_OF_16_BITS
_WORD = rf"[^\u0000{_SEPARATOR[1:-1]}]+"


@parser(
    type="string", maxLength=200, pattern=f"^{_SEPARATOR}*(?:{_WORD}(?:{_SEPARATOR}+|$)){{0,{MAX_WORDS}}}$"
)
def few_words(value: str) -> str:
    """Return the text as `words_or_text` does, where a search finds no more words in it than it looks for."""
    text: str = words_or_text(value)
    if len(typed_words(text)) > MAX_WORDS:
        raise BadValue(f"must be at most {MAX_WORDS} words")
    return text


@parser(type="integer", format="int64", minimum=1, maximum=MAX_ID)
def identifier(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", value) or not 0 < int(value) <= MAX_ID:
        raise BadValue("must be an id: a whole number from 1")
    return int(value)


@parser(type="boolean")
def boolean(value: str) -> bool:
    try:
        return {"true": True, "false": False}[value.lower()]
    except KeyError:
        raise BadValue("must be true or false") from None


def choice(values: type[StrEnum]) -> Parser:
    allowed = [str(value.value) for value in values]

    @parser(type="string", enum=allowed)
    def parse(value: str) -> str:
        if value not in allowed:
            raise BadValue(f"must be one of {', '.join(allowed)}")
        return value

    return parse


def choices(values: type[StrEnum]) -> Parser:
    """Return how some of `values` are read, with commas between them."""
    allowed = [str(value.value) for value in values]

    @parser(type="array", items={"type": "string", "enum": allowed}, minItems=1)
    def parse(value: str) -> list[str]:
        found = [part.strip() for part in value.split(",")]
        if not set(found) <= set(allowed):
            raise BadValue(f"must be of {', '.join(allowed)}, with commas between them")
        return list(dict.fromkeys(found))

    return parse


def whole_number(low: int, high: int) -> Parser:
    @parser(type="integer", minimum=low, maximum=high)
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", value) or not low <= int(value) <= high:
            raise BadValue(f"must be a whole number from {low} to {high}")
        return int(value)

    return parse


@parser(type="number", minimum=-(10**10), maximum=10**10)
def money(value: str) -> Decimal:
    if len(value) > 30 or not AMOUNT.fullmatch(value) or abs(Decimal(value)) > Decimal(10) ** 10:
        raise BadValue("must be an amount such as 29.99")
    return Decimal(value)


@parser(type="string", format="date-time")
def moment(value: str) -> datetime:
    """Return an aware time, as `parse_moment` does; a space stands for the + that URLs turn into one."""
    return parse_moment(value.replace(" ", "+") if "T" in value.upper() else value)


# asyncpg takes Python's first and last moment for infinity, which no row holds.
_FIRST = datetime.min.replace(tzinfo=UTC) + timedelta.resolution
_LAST = datetime.max.replace(tzinfo=UTC) - timedelta.resolution


def parse_moment(value: str) -> datetime:
    """Return an aware time in UTC; one without an offset is UTC, a date its midnight. Raises BadValue.

    What lies beyond the calendar is its first or last moment, and of a second's fraction microseconds count.
    """
    problem = BadValue("must be a time such as 2026-12-27T14:00:00Z")
    if not value.isascii() or "\0" in value:  # which fromisoformat takes for a separator
        raise problem
    try:
        parsed = datetime.fromisoformat(value.upper())
    except ValueError:
        raise problem from None
    try:
        utc = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        utc = _FIRST if parsed.year == 1 else _LAST
    return min(max(utc, _FIRST), _LAST)
