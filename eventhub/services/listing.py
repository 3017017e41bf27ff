"""Lists: filters, ordering, keyset paging. One description per list, one way to run them all.

A page starts behind the last row of the page before (its ordering values and id), so page 1,000 costs what page 1
costs. The cursor is those values; it is only good for the ordering it was made with.
"""

import base64
import binascii
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson

from eventhub.database import Queries
from eventhub.errors import Invalid
from eventhub.models.events import WORD_SEPARATORS

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
MAX_ID = 2**63 - 1
# How many rows, first in the order asked for, a search by words looks at before it asks the indexes for all hits:
# frequent words fill a page from there, rare ones are few in the indexes.
LOOKED_AT_FIRST = 400
# Python reads more as a number than anyone means as one: 1_000, Arabic digits.
AMOUNT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class BadValue(ValueError):
    """Raised by a filter's parser; the text says what is allowed."""


@dataclass(frozen=True)
class Parser:
    """Reads a query parameter's text; `schema` says what it takes, as JSON Schema has it, for the API's description."""

    read: Callable[[str], Any]
    schema: Mapping[str, object]

    def __call__(self, value: str) -> Any:
        return self.read(value)


def parser(**schema: object) -> Callable[[Callable[[str], Any]], Parser]:
    """Make a function that reads texts a parser of what `schema` says."""
    return lambda read: Parser(read, schema)


@dataclass(frozen=True)
class Filter:
    """A query parameter: how its text is read and the condition it makes ({} is the value's place)."""

    parse: Parser
    condition: str
    doc: str = ""


@dataclass(frozen=True)
class Order:
    """A field to order by: its SQL, its type, and where the row already holds it, the key to find it under."""

    sql: str
    type: str
    key: str | None = None


@dataclass(frozen=True)
class Words:
    """Where a search finds its words: in the columns `vectors` of a row, each word in any of them.

    `source` is as much of the list's FROM clause as filters, orderings and vectors need. `hits` selects the ids of all
    rows with a word ({} is the place of its tsquery) out of the vectors' indexes.
    """

    source: str
    vectors: Sequence[str]
    hits: str


@dataclass(frozen=True)
class Listing:
    """What a list can do. `source` is the FROM clause, `id` the unique column that breaks ties.

    `search` looks for words, or, where that is a condition ({} is a LIKE pattern's place), for a substring. `around`
    is a statement that reads a page once it is found ({} is its place), keeps its order and adds to its columns.
    """

    columns: str
    source: str
    id: str
    orderings: Mapping[str, Order]
    default_ordering: str
    filters: Mapping[str, Filter] = field(default_factory=dict)
    search: Words | str | None = None
    search_doc: str = ""
    around: str = "{}"


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


@dataclass(frozen=True)
class Page:
    """One page of rows; `next_cursor` is None on the last, `total` where it was asked for."""

    rows: list[dict[str, Any]]
    next_cursor: str | None
    total: int | None


class Params:
    """The parameters of one statement; `add` returns the placeholder."""

    def __init__(self, *values: object) -> None:
        self.values: list[object] = list(values)

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def parse_request(listing: Listing, query: Mapping[str, str]) -> PageRequest:
    """Return what `query` asks of `listing`; raise Invalid naming each bad parameter and what it may be."""
    errors: dict[str, list[str]] = {}
    # A query may hold a name several times, and a look-up finds the first.
    times = Counter(iter(query))

    def read(name: str, parse: Callable[[str], Any], default: Any) -> Any:
        if name not in query:
            return default
        try:
            if times[name] > 1:
                raise BadValue("must be given once")
            if "\0" in query[name]:
                raise BadValue("must not contain NUL characters")
            return parse(query[name])
        except BadValue as error:
            errors[name] = [f"{str(error)[:1].upper()}{str(error)[1:]}."]
            return default

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
        search=read("search", words_or_text, "") if listing.search else "",
    )
    if errors:
        raise Invalid(errors)
    return request


async def fetch_page(
    queries: Queries,
    listing: Listing,
    request: PageRequest,
    *,
    params: Params | None = None,
    where: Sequence[str] = (),
) -> Page:
    """Return the page of `listing` that `request` names, among the rows that satisfy `where`.

    `where` (and the listing's columns) may use the placeholders of `params`, which this function extends.
    """
    params = params or Params()
    conditions = [*where, *conditions_of(listing, request, params)]
    tsqueries = _tsqueries(listing, request, params)
    total = None
    if request.count:
        sql = _count_sql(listing, conditions, tsqueries)
        total = await queries.fetch_value(sql, *params.values)
    if request.after is not None:
        conditions.append(after(listing, request, params))
    if tsqueries:
        sql = _search_sql(listing, request, conditions, tsqueries, params)
    else:
        sql = page_sql(listing, request, conditions, params)
    rows = await queries.fetch(listing.around.replace("{}", sql), *params.values)
    return make_page(listing, request, rows, total)


def _count_sql(listing: Listing, conditions: Sequence[str], tsqueries: Sequence[str]) -> str:
    if tsqueries:
        assert isinstance(listing.search, Words)  # noqa: S101 - others have no tsqueries
        found = f"{listing.id} = ANY(ARRAY({_hits(listing.search, tsqueries)}))"
        return f"SELECT count(*) FROM {listing.search.source} {where_sql([*conditions, found])}"
    # PostgreSQL wants every parameter used, also those of the columns, which it skips here.
    return f"SELECT count(*) FROM (SELECT {listing.columns} FROM {listing.source} {where_sql(conditions)}) AS counted"


def page_sql(listing: Listing, request: PageRequest, conditions: Sequence[str], params: Params) -> str:
    """Return the statement for one page and one row more, which tells whether another page follows."""
    extra = extra_columns(listing, request)
    return (
        f"SELECT {listing.columns}{extra} FROM {listing.source} {where_sql(conditions)} "
        f"ORDER BY {order_by(listing, request)} LIMIT {params.add(request.size + 1)}"
    )


def _search_sql(
    listing: Listing,
    request: PageRequest,
    conditions: Sequence[str],
    tsqueries: Sequence[str],
    params: Params,
) -> str:
    """The planner misjudges prefix queries, so the order of looking is spelled out: near rows first, then the indexes.

    It takes an array for a few ids, whatever it holds, and so finds their rows by the primary key.
    """
    words = listing.search
    assert isinstance(words, Words)  # noqa: S101 - others have no tsqueries
    passes, order = where_sql(conditions), order_by(listing, request)
    vectors = ", ".join(f"{vector} AS words_{i}" for i, vector in enumerate(words.vectors))
    matches = [
        f"({' OR '.join(f'words_{i} @@ {query}' for i in range(len(words.vectors)))})" for query in tsqueries
    ]
    limit = params.add(request.size + 1)
    return f"""
        WITH near AS MATERIALIZED (
            SELECT {listing.id} AS id, {vectors} FROM {words.source} {passes} ORDER BY {order} LIMIT {LOOKED_AT_FIRST}
        ), near_hits AS MATERIALIZED (
            SELECT id FROM near {where_sql(matches)}
        ), far AS MATERIALIZED (
            SELECT id FROM ({_hits(words, tsqueries)}) AS found
            WHERE (SELECT count(*) FROM near_hits) < {limit} AND (SELECT count(*) FROM near) = {LOOKED_AT_FIRST}
        ), hits AS (
            SELECT id FROM near_hits UNION SELECT id FROM far
        )
        SELECT {listing.columns}{extra_columns(listing, request)}
        FROM {listing.source} {where_sql([f"{listing.id} = ANY(ARRAY(SELECT id FROM hits))", *conditions])}
        ORDER BY {order} LIMIT {limit}
    """


def _hits(words: Words, tsqueries: Sequence[str]) -> str:
    """Return the SELECT of the ids of all rows that have every word."""
    return " INTERSECT ".join(f"({words.hits.replace('{}', query)})" for query in tsqueries)


def extra_columns(listing: Listing, request: PageRequest) -> str:
    """Return the ordering values that the rows do not hold anyway, for the cursor."""
    return "".join(
        f", ({listing.orderings[name].sql})::text AS _key_{name}"
        for name, _ in request.ordering
        if listing.orderings[name].key is None
    )


def order_by(listing: Listing, request: PageRequest) -> str:
    parts = [f"{listing.orderings[name].sql}{' DESC' if down else ''}" for name, down in request.ordering]
    return ", ".join([*parts, f"{listing.id}{' DESC' if request.ordering[-1][1] else ''}"])


def make_page(listing: Listing, request: PageRequest, rows: Sequence[Any], total: int | None) -> Page:
    """Cut the row beyond the page off and make the cursor from the last row that stays."""
    items = [dict(row) for row in rows]
    has_more = len(items) > request.size
    items = items[: request.size]
    cursor = _make_cursor(listing, request, items[-1]) if has_more else None
    for name, _ in request.ordering:
        if listing.orderings[name].key is None:
            for item in items:
                del item[f"_key_{name}"]
    return Page(items, cursor, total)


def where_sql(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def conditions_of(listing: Listing, request: PageRequest, params: Params) -> list[str]:
    """Return what the filters ask of a row, and the search where it is for a substring."""
    conditions = [
        listing.filters[name].condition.replace("{}", params.add(value))
        for name, value in request.filters.items()
    ]
    if isinstance(listing.search, str) and request.search:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", request.search) + "%"
        conditions.append(listing.search.replace("{}", params.add(pattern)))
    return conditions


def _tsqueries(listing: Listing, request: PageRequest, params: Params) -> list[str]:
    """Return the tsqueries that a row has to match, each somewhere: one for all words where there is one vector."""
    if not isinstance(listing.search, Words):
        return []
    words = prefix_queries(request.search)
    if len(listing.search.vectors) == 1 and words:
        words = [" & ".join(words)]
    return [f"{params.add(word)}::text::tsquery" for word in words]


def composed(text: str) -> str:
    """Return `text` with each letter and its accents as one character (NFC), as it is stored: macOS may split them."""
    return unicodedata.normalize("NFC", text)


def prefix_queries(text: str) -> list[str]:
    """Return a tsquery for each word of `text`, which must begin a word; nothing typed is an operator."""
    return [_begins_with(word) for word in re.split(WORD_SEPARATORS, _lower(text)) if word]


def _lower(text: str) -> str:
    """PostgreSQL's lower(), which takes each character by itself: İ becomes i, and a capital sigma is the middle one also where a word ends."""
    return "".join(character.lower()[0] for character in text)


_SIGMAS = ("\u03c3", "\u03c2")


def _begins_with(word: str) -> str:
    """A sigma that ends a word has a form of its own, which is lost where the word was written in capitals."""
    if not word.endswith(_SIGMAS):
        return f"'{word}':*"
    middle, final = (word[:-1] + sigma for sigma in _SIGMAS)
    return f"('{middle}':* | '{final}':*)"


def after(listing: Listing, request: PageRequest, params: Params) -> str:
    assert request.after is not None  # noqa: S101 - the caller asked
    columns = [
        (listing.orderings[name].sql, listing.orderings[name].type, down) for name, down in request.ordering
    ]
    columns.append((listing.id, "bigint", request.ordering[-1][1]))
    places = [
        f"{params.add(value)}::text::{kind}"
        for value, (_, kind, _) in zip(request.after, columns, strict=True)
    ]
    if len({down for _, _, down in columns}) == 1:
        sign = "<" if columns[0][2] else ">"
        return f"({', '.join(sql for sql, _, _ in columns)}) {sign} ({', '.join(places)})"
    steps = []
    for depth, (sql, _, down) in enumerate(columns):
        same = [f"{columns[i][0]} = {places[i]}" for i in range(depth)]
        sign = "<" if down else ">"
        steps.append(f"({' AND '.join([*same, f'{sql} {sign} {places[depth]}'])})")
    return f"({' OR '.join(steps)})"


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


def _make_cursor(listing: Listing, request: PageRequest, row: Mapping[str, Any]) -> str:
    values = [_as_text(row[listing.orderings[name].key or f"_key_{name}"]) for name, _ in request.ordering]
    data = orjson.dumps([request.ordering_text, *values, str(row["id"])])
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _parse_cursor(
    listing: Listing, text: str, ordering_text: str, ordering: Sequence[tuple[str, bool]]
) -> list[str]:
    problem = BadValue("is not a cursor of this list in this ordering; take it from the Link header")
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


# --- parsers of filter values -----------------------------------------------------------------------------------


@parser(type="string", maxLength=200)
def words_or_text(value: str) -> str:
    if len(value) > 200:
        raise BadValue("must be at most 200 characters")
    return composed(value)


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
    return parse_moment(value.replace(" ", "+") if "T" in value else value)


def parse_moment(value: str) -> datetime:
    """Return an aware time in UTC; one without an offset is UTC. Raises BadValue."""
    problem = BadValue("must be a time such as 2026-12-27T14:00:00Z")
    if not value.isascii():
        raise problem
    try:
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise problem from None
