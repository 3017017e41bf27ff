"""How the ops page looks: its templates, its two files, and the headers of its answers."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from eventhub import localized
from eventhub.web.ops import charts

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent
_KINDS = {"ops.css": "text/css", "ops.js": "text/javascript", "ops.svg": "image/svg+xml"}
_MAILBOX = re.compile(r"[^\s<>()\[\]\"',:;@]+@(?=\w)")
NOTHING = "\N{EN DASH}"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


def page(template: str, facts: Mapping[str, object], *, status: int = 200) -> web.Response:
    """Return the page that a template makes of the facts."""
    text = _environment().get_template(f"{template}.html.j2").render(facts, now=datetime.now(UTC))
    return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - few processes are looked at

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "age": age,
        "duration": duration,
        "clock": clock,
        "amount": amount,
        "size": size,
        "words": words,
        "value": value,
        "masked": masked,
        "counted": counted,
    }
    environment.globals |= {"asset": asset_path, "bars": charts.bars, "is_moment": is_moment}
    return environment


def clock(moment: datetime) -> str:
    """Return a time as the page writes it, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def age(moment: datetime, now: datetime) -> str:
    """Return how long ago, or in how long, a time is: "3 min ago"."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{duration(seconds)} ago" if seconds > 0 else f"in {duration(-seconds)}"


def duration(seconds: float) -> str:
    """Return a span of time in the one or two units that matter: "1.2 s", "3 min", "5 h 10 min", "12 d"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d"


def amount(sum_: Decimal, currency: str) -> str:
    return localized.money(sum_, currency)


def size(count: int) -> str:
    """Return a number of bytes as people say it."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def words(name: str) -> str:
    """Return a name of the code as people read it."""
    return name.replace("_", " ")


def counted(number: int, one: str, many: str = "") -> str:
    """Return "1 job", or "1,200 jobs"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def masked(text: str) -> str:
    """Return a text without what stands before the @ of addresses: whose they are, a booking's page and the search say."""
    return _MAILBOX.sub("***@", text)


def is_moment(given: object) -> bool:
    return isinstance(given, datetime)


def value(given: object) -> str:
    """Return a detail of a row, or of a job's payload, in one line."""
    match given:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if given else "no"
        case Mapping():
            return ", ".join(f"{name} {value(one)}" for name, one in given.items()) or NOTHING
        case list() | tuple():
            return ", ".join(map(value, given)) or NOTHING
    return str(given)


def asset_path(name: str) -> str:
    """Return the path of a file of the page, which changes with its bytes: it may be kept for good."""
    return f"/ops/assets/{_asset(name)[1]}/{name}"


def asset(name: str, mark: str) -> web.Response | None:
    """Return a file of the page; None where there is no such file.

    A process of another version may have named it by another mark: that one is not to be kept.
    """
    if name not in _KINDS:
        return None
    body, own_mark = _asset(name)
    kept = "public, max-age=31536000, immutable" if mark == own_mark else "no-store"
    headers = {"Cache-Control": kept, "Cross-Origin-Resource-Policy": "same-origin"}
    return web.Response(body=body, content_type=_KINDS[name], headers=headers)


@cache
def _asset(name: str) -> tuple[bytes, str]:
    body = (_FOLDER / "assets" / name).read_bytes()
    return body, hashlib.blake2b(body, digest_size=8).hexdigest()
