"""What a client asks of a list: filters, ordering, cursor and size, checked."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from eventhub.errors import Invalid
from eventhub.services.listing.declaration import BadValue, Listing, Parameter, Parser, Words
from eventhub.services.listing.values import (
    MAX_ID,
    boolean,
    few_words,
    parse_moment,
    whole_number,
    words_or_text,
)

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200

# Under a name: annotations of a function within a function are made anew at each call.
_Parse = Callable[[str], Any]


@dataclass(frozen=True)
class PageRequest:
    """What a client asked of a list, checked."""

    filters: Mapping[str, object]
    ordering: Sequence[tuple[str, bool]]
    ordering_text: str
    after: Sequence[str] | None
    size: int
    count: bool
    search: str


def parse_parameters(parameters: Mapping[str, Parameter], query: Mapping[str, str]) -> dict[str, Any]:
    """Return what `query` says of those of `parameters` that are in it. Raises Invalid as `parse_request`."""
    errors: dict[str, list[str]] = {}
    given = [name for name in parameters if name in query]
    values = {name: _read(query, name, parameters[name].parse, None, errors) for name in given}
    if errors:
        raise Invalid(errors)
    return values


def _read(
    query: Mapping[str, str], name: str, parse: _Parse, default: Any, errors: dict[str, list[str]]
) -> Any:
    """Return the value of a parameter, or `default`; what is wrong with it goes to `errors`."""
    if name not in query:
        return default
    try:
        # A query may hold a name several times, and a look-up finds the first.
        if list(query).count(name) > 1:
            raise BadValue("must be given once")
        return parse(query[name])
    except BadValue as error:
        errors[name] = [f"{str(error)[:1].upper()}{str(error)[1:]}."]
        return default


def parse_request(listing: Listing, query: Mapping[str, str]) -> PageRequest:
    """Return what `query` asks of `listing`; raise Invalid naming each bad parameter and what it may be."""
    errors: dict[str, list[str]] = {}

    def read(name: str, parse: _Parse, default: Any) -> Any:
        return _read(query, name, parse, default, errors)

    filters = {name: read(name, f.parse, None) for name, f in listing.filters.items() if name in query}
    ordering_text = query.get("ordering", listing.default_ordering)
    ordering = read("ordering", lambda text: _parse_ordering(listing, text), None) or _parse_ordering(
        listing, listing.default_ordering
    )
    request = PageRequest(
        filters=filters,
        ordering=ordering,
        ordering_text=ordering_text,
        after=read("cursor", lambda text: _parse_cursor(listing, text, ordering_text, ordering), None),
        size=read("page_size", whole_number(1, MAX_PAGE_SIZE), DEFAULT_PAGE_SIZE),
        count=read("count", boolean, False),
        search=read("search", search_parser(listing), "") if listing.search else "",
    )
    if errors:
        raise Invalid(errors)
    return request


def search_parser(listing: Listing) -> Parser:
    """Return how the text of a search is read: as a few words where each is looked for by itself."""
    return few_words if isinstance(listing.search, Words) else words_or_text


def _parse_ordering(listing: Listing, text: str) -> list[tuple[str, bool]]:
    fields: list[tuple[str, bool]] = []
    for part in text.split(","):
        name, down = part.strip().removeprefix("-"), part.strip().startswith("-")
        if name not in listing.orderings:
            allowed = ", ".join(sorted(listing.orderings))
            raise BadValue(
                f"'{part.strip()}' is no field to order by; allowed, with - for descending: {allowed}"
            )
        if name not in {seen for seen, _ in fields}:
            fields.append((name, down))
    return fields


def make_cursor(listing: Listing, request: PageRequest, row: Mapping[str, Any]) -> str:
    values = [_as_text(row[listing.orderings[name].key or f"_key_{name}"]) for name, _ in request.ordering]
    data = orjson.dumps([request.ordering_text, *values, str(row["id"])])
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _parse_cursor(
    listing: Listing, text: str, ordering_text: str, ordering: Sequence[tuple[str, bool]]
) -> list[str]:
    problem = BadValue("is not a cursor of this list in this ordering; take it from the Link header")
    if not re.fullmatch(r"[A-Za-z0-9_=-]+", text):  # base64 skips what is foreign to it
        raise problem
    try:
        made_for, *values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, TypeError):
        raise problem from None
    kinds = [*(listing.orderings[name].type for name, _ in ordering), "bigint"]
    if made_for != ordering_text or len(values) != len(kinds):
        raise problem
    if not all(isinstance(value, str) for value in values):
        raise problem
    try:
        return [_READS[kind](value) for value, kind in zip(values, kinds, strict=True)]
    except ValueError:
        raise problem from None


def _whole(limit: int) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not re.fullmatch(r"-?[0-9]{1,19}", value) or abs(int(value)) > limit:
            raise ValueError(value)
        return value

    return read


def _decimal(value: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,10})?", value):
        raise ValueError(value)
    return value


def _utc(value: str) -> str:
    return parse_moment(value).isoformat()


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError(value)
    return value


# A forged cursor must end as a 400, not as an error of the database: only what PostgreSQL surely reads goes there.
_READS: Mapping[str, Callable[[str], str]] = {
    "bigint": _whole(MAX_ID),
    "integer": _whole(2**31 - 1),
    "numeric": _decimal,
    "timestamptz": _utc,
    "text": _no_nul,
}
