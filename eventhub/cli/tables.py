"""How commands print: aligned columns for people, JSON for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

import orjson


def table(rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> str:
    """Return the rows under their heads in columns, two spaces apart; the last column is as long as it likes."""
    lines = [tuple(map(cell, row)) for row in rows]
    if head:
        lines.insert(0, tuple(head))
    widths = [max(map(len, column)) for column in zip(*(line[:-1] for line in lines), strict=True)]
    return "\n".join(
        "  ".join(
            [*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[-1]]
        ).rstrip()
        for line in lines
    )


def cell(value: object) -> str:
    """Return a value as one line of text."""
    match value:
        case None:
            return "-"
        case datetime():
            return moment(value)
        case dict():
            return " ".join(
                cell(each) if isinstance(each, dict) else f"{name}={cell(each)}"
                for name, each in value.items()
            )
        case list() | tuple():
            return ",".join(map(cell, value))
        case _:
            return " ".join(str(value).split())


def moment(value: datetime) -> str:
    """Return a moment to the millisecond, in UTC."""
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"


def age(seconds: float | None) -> str:
    """Return a span of time as people say it: 4 s, 12 min, 3 h, 5 d."""
    if seconds is None:
        return "-"
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def size(number: int) -> str:
    """Return a number of bytes as people say it: 12 MB."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= length:
            return f"{number / length:.3g} {unit}"
    return f"{number} bytes"


def as_json(value: object) -> str:
    """Return a dataclass, or any of them in lists, as indented JSON; amounts and what JSON does not know are texts."""
    return orjson.dumps(
        asdict(value) if is_dataclass(value) and not isinstance(value, type) else value,
        default=_text,
        option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z,
    ).decode()


def _text(value: Any) -> str:
    return str(value)
