"""How the text of a variable becomes the value of a setting, or is refused with a sentence for the person who set it."""

import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, urlsplit

from eventhub import database_url, localized
from eventhub.networks import Network

PAYMENT_METHODS = ("credit_card", "debit_card", "paypal", "bank_transfer", "mock")
GATEWAYS = ("mock", "offline", "stripe")
MIN_SECRET_BYTES = 32
MIN_TOKEN_BYTES = 16
MONEY_PLACES = 2  # of amounts in the database and in JSON

T = TypeVar("T")
N = TypeVar("N", int, float)
E = TypeVar("E", bound=StrEnum)


class Unusable(Exception):
    """Raised by a parser; its text continues the line that begins with the variable's name."""


def number(kind: type[N], low: float, high: float) -> Callable[[str], N]:
    def parse(text: str) -> N:
        try:
            value = kind(text)
        except ValueError:
            raise Unusable(f"Not a valid {'integer' if kind is int else 'number'}.") from None
        if not math.isfinite(value):
            raise Unusable("Special numeric values (nan or infinity) are not permitted.")
        if not low <= value <= high:
            raise Unusable(f"must be between {low:g} and {high:g}, got {value:g}")
        return value

    return parse


def seconds(low: int = 1, high: int = 31_536_000) -> Callable[[str], int]:
    return number(int, low, high)


def kept_days(low: int, high: int = 36_500) -> Callable[[str], int]:
    """Read for how many days something is kept, at least `low`; 0 stands for ever."""

    def parse(text: str) -> int:
        days = number(int, 0, high)(text)
        if 0 < days < low:
            raise Unusable(f"must be 0 (for ever) or at least {low}, got {days}")
        return days

    return parse


def boolean(text: str) -> bool:
    if text.lower() not in {"t", "true", "on", "y", "yes", "1", "f", "false", "off", "n", "no", "0"}:
        raise Unusable("Not a valid boolean.")
    return text.lower() in {"t", "true", "on", "y", "yes", "1"}


def one_of(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise Unusable(f"must be one of {', '.join(values)}, got {text}")
        return text

    return parse


def member(kind: type[E]) -> Callable[[str], E]:
    """Return the parser of an enum's values."""
    return lambda text: kind(one_of(*kind)(text))


def optional(parse: Callable[[str], str]) -> Callable[[str], str]:
    """Return `parse` for a variable that may be empty."""
    return lambda text: parse(text) if text else ""


def switch(text: str) -> bool:
    return one_of("on", "off")(text) == "on"


def url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if split(text).scheme not in schemes:
            raise Unusable(f"must be a URL that starts with {' or '.join(f'{s}:' for s in schemes)}")
        return text

    return parse


def split(url: str) -> SplitResult:
    """Return the parts of a URL whose host and port can be used; where it has none, others judge that."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host.encode("idna")
        is_usable = parts.port != 0 and not re.search(r"\s", host)
    except ValueError:  # its text may quote a piece of the password, as in postgres://user:pa/ss@host
        is_usable = False
    if not is_usable:
        raise Unusable("has no valid host or port; percent-encode : / ? # [ ] @ in user and password")
    return parts


def database(text: str) -> str:
    try:
        database_url.parse(text)
    except database_url.BadUrl as error:
        raise Unusable(str(error)) from None
    return text


def base_url(text: str) -> str | None:
    return url("http", "https")(text) if text else None


def page(name: str) -> Callable[[str], str]:
    place = f"{{{name}}}"

    def parse(text: str) -> str:
        parts = split(text)
        if text and not (parts.scheme in {"http", "https"} and parts.hostname and place in text):
            raise Unusable(
                f"must be the URL of a page, as in https://events.example.com/{place}, with {place} where "
                f"the {name} goes"
            )
        return text

    return parse


def fonts(text: str) -> tuple[Path, ...] | None:
    parts = [part.strip() for part in text.split(os.pathsep)]
    folders = tuple(Path(part).expanduser() for part in parts if part)
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise Unusable(f"has {missing[0]}, which is no folder; several are parted by {os.pathsep}")
    return folders or None


def is_commit(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is not None


def commit(text: str) -> str:
    if text and not is_commit(text):
        raise Unusable("must be a commit or another name of a build, of letters, digits and . _ -")
    return text


def otlp_endpoint(text: str) -> str:
    if text:
        if not split(url("http", "https")(text)).hostname:
            raise Unusable("names no host, as http://collector:4318 does")
        _require_extra("otel", "opentelemetry.exporter.otlp.proto.http", "opentelemetry.sdk")
    return text


def sentry_dsn(text: str) -> str:
    if text:
        parts = split(text)
        if not (parts.scheme in {"http", "https"} and parts.hostname and parts.username and parts.path[1:]):
            raise Unusable("must be a DSN such as https://key@sentry.example.com/1")
        _require_extra("sentry", "sentry_sdk")
    return text


def _require_extra(extra: str, *modules: str) -> None:
    """Raise Unusable where a library is missing that `pip install 'eventhub[extra]'` brings."""
    for module in modules:
        # The finder of a module below a package imports the package, which may be missing as well.
        try:
            is_there = find_spec(module) is not None
        except ModuleNotFoundError:
            is_there = False
        if not is_there:
            raise Unusable(f"needs the extra {extra}: pip install 'eventhub[{extra}]'")


def storage(text: str) -> str:
    if text == "file:":
        return text
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-]+)*/?(\?.*)?", text):
        raise Unusable(
            "must be file: or s3://bucket/prefix?endpoint=…&region=… (credentials come from AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY)"
        )
    options = dict(parse_qsl(urlsplit(text).query, keep_blank_values=True))
    if unknown := options.keys() - {"endpoint", "region"}:
        raise Unusable(f"has {', '.join(sorted(unknown))}; the options are endpoint and region")
    if "endpoint" in options and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/?", options["endpoint"]):
        raise Unusable("has an endpoint that is no URL such as https://s3.example.com")
    _require_extra("s3", "obstore")
    return text


def secret(text: str) -> str:
    if len(text.encode()) < MIN_SECRET_BYTES:
        raise Unusable(f"must be at least {MIN_SECRET_BYTES} bytes long, e.g. from `openssl rand -hex 32`")
    return text


def token(text: str) -> str:
    """Return what a header may bear."""
    if text and not re.fullmatch(rf"[\x21-\x7e]{{{MIN_TOKEN_BYTES},}}", text):
        raise Unusable(
            f"must be at least {MIN_TOKEN_BYTES} printable ASCII characters without spaces, e.g. from "
            "`openssl rand -hex 16`"
        )
    return text


def port(text: str) -> int | None:
    return number(int, 1, 65535)(text) if text else None


def each(parse: Callable[[str], T], separator: str = ",") -> Callable[[str], tuple[T, ...]]:
    def parse_each(text: str) -> tuple[T, ...]:
        return tuple(parse(part.strip()) for part in text.split(separator) if part.strip())

    return parse_each


lines = each(str, "|")  # a text in which | stands for a line break, as in a one-line .env value


def network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise Unusable(f"must be addresses or networks such as 10.0.0.0/8, got {text}") from None


def origin(text: str) -> str:
    parts = split(text)
    if text != "*" and (parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != text):
        raise Unusable(f"must be * or origins such as https://events.example.com, got {text}")
    return text


def contact(text: str) -> str:
    if text and not re.fullmatch(r"(?:mailto:[!-~]+@[!-~]+|https://[!-~]+)", text):
        raise Unusable("must be mailto:security@example.com or the https: URL of a page")
    return text


_ONE_RATE = r"[1-9][0-9]{0,8}/(?:second|minute|hour|day)"


def rate(text: str) -> str:
    if not re.fullmatch(f"{_ONE_RATE}(?:;{_ONE_RATE})*", text):
        raise Unusable(f"must be limits such as 5/minute;20/hour, by second, minute, hour or day, got {text}")
    return text


def currency(text: str) -> str:
    code = text.upper()
    if not localized.is_currency(code):
        raise Unusable(f"must be a currency's three letters (ISO 4217), such as USD, got {text}")
    if (places := localized.places(code)) > MONEY_PLACES:
        raise Unusable(
            f"must be a currency with at most {MONEY_PLACES} decimal places, and {code} has {places}"
        )
    return code


def time_zone(text: str) -> str:
    zone = localized.find_zone(text)
    if zone is None:
        raise Unusable(f"must be an IANA time zone, such as Europe/Berlin or UTC, got {text}")
    return zone


def tax_rate(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Unusable("Not a valid number.") from None
    if not value.is_finite():
        raise Unusable("Special numeric values (nan or infinity) are not permitted.")
    if not 0 <= value <= 100:
        raise Unusable(f"must be between 0 and 100, got {value}")
    if value != round(value, 3):
        raise Unusable(f"must have at most three decimal places, got {value}")
    return value


def gateways(text: str) -> Mapping[str, str]:
    found = {}
    for pair in each(str)(text):
        method, _, gateway = (part.strip() for part in pair.partition("="))
        if method not in PAYMENT_METHODS or gateway not in GATEWAYS:
            raise Unusable(
                f"'{pair}' must be method=gateway, with a method of {', '.join(PAYMENT_METHODS)} "
                f"and a gateway of {', '.join(GATEWAYS)}"
            )
        found[method] = gateway
    return found
