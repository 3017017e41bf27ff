"""Pages of a list: the statements, and the way to run them."""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eventhub.database import Queries
from eventhub.models.words import folded_words
from eventhub.services.listing.declaration import Listing, Order, Words
from eventhub.services.listing.requests import PageRequest, make_cursor
from eventhub.services.listing.words import search_words

# How many rows, first in the order asked for, a search by words looks at before it asks the indexes for all hits:
# frequent words fill a page from there, rare ones are few in the indexes.
LOOKED_AT_FIRST = 400


# How large a page's JSON may be.
MAX_PAGE_BYTES = 2 * 1024 * 1024
MAX_TEXT_BYTES = 80_000  # the long texts of a row: 20,000 characters of four bytes


@dataclass(frozen=True)
class Page:
    """One page of rows; `next_cursor` is None on the last, `total` where it was asked for.

    `cursor_after` makes the cursor for a page that ends after so many of these rows.
    """

    rows: list[dict[str, Any]]
    next_cursor: str | None
    total: int | None
    cursor_after: Callable[[int], str]


class Params:
    """The parameters of one statement; `add` returns the placeholder."""

    def __init__(self, *values: object) -> None:
        self.values: list[object] = list(values)

    def add(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


@dataclass(frozen=True)
class _Search:
    """A word, or all of a search where there is one vector; the placeholders of its tsquery and of whole words."""

    tsquery: str
    wholes: Sequence[str]

    def in_(self, vector: str, text: str) -> str:
        """Return the condition that the words of `text`, which `vector` holds, have it."""
        checks = [f"strpos({folded_words(text)}, {whole}::text) > 0" for whole in self.wholes]
        return f"({' AND '.join([f'{vector} @@ {self.tsquery}::text::tsquery', *checks])})"


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
    searches = _searches(listing, request, params)
    is_costly = bool(searches) or (request.count and listing.is_public)
    async with queries.costly() if is_costly else contextlib.nullcontext(queries) as reads:
        return await _fetch(reads, listing, request, params, conditions, searches)


async def _fetch(
    queries: Queries,
    listing: Listing,
    request: PageRequest,
    params: Params,
    conditions: list[str],
    searches: Sequence[_Search],
) -> Page:
    total = None
    if request.count:
        sql = _count_sql(listing, conditions, searches)
        total = await queries.fetch_value(sql, *params.values)
    if request.after is not None:
        conditions.append(after(listing, request, params))
    if searches:
        sql = _search_sql(listing, request, conditions, searches)
    else:
        sql = page_sql(listing, request, conditions)
    sql = listing.around.replace("{}", _bounded(listing, request, sql))
    rows = await queries.fetch(sql, *params.values)
    return make_page(listing, request, rows, total)


def _count_sql(listing: Listing, conditions: Sequence[str], searches: Sequence[_Search]) -> str:
    if searches:
        assert isinstance(listing.search, Words)  # noqa: S101 - others have no such searches
        found = f"{listing.id} = ANY(ARRAY({_hits(listing.search, searches)}))"
        return f"SELECT count(*) FROM {listing.search.source} {where_sql([*conditions, found])}"
    # PostgreSQL wants every parameter used, also those of the columns, which it skips here.
    return f"SELECT count(*) FROM (SELECT {listing.columns} FROM {listing.source} {where_sql(conditions)}) AS counted"


def page_sql(listing: Listing, request: PageRequest, conditions: Sequence[str]) -> str:
    """Return the statement for one page and one row more, which tells whether another page follows."""
    extra = extra_columns(listing, request)
    return (
        f"SELECT {listing.columns}{extra} FROM {listing.source} {where_sql(conditions)} "
        # A literal: with a parameter here PostgreSQL finds no general plan cheap enough, and plans at every execution.
        f"ORDER BY {order_by(listing, request)} LIMIT {request.size + 1}"
    )


def _bounded(listing: Listing, request: PageRequest, sql: str) -> str:
    """Let no row be read that begins behind what fits a page. The long texts themselves are not read for that."""
    if not _may_pass_a_page(listing, request):
        return sql
    return f"""
        SELECT * FROM (
            SELECT *, sum(_bytes) OVER (ROWS UNBOUNDED PRECEDING) AS _bytes_so_far FROM ({sql}) AS page
        ) AS page WHERE _bytes_so_far - _bytes <= {MAX_PAGE_BYTES}
    """


def _search_sql(
    listing: Listing,
    request: PageRequest,
    conditions: Sequence[str],
    searches: Sequence[_Search],
) -> str:
    """The planner misjudges prefix queries, so the order of looking is spelled out: near rows first, then the indexes.

    It takes an array for a few ids, whatever it holds, and so finds their rows by the primary key.
    """
    words = listing.search
    assert isinstance(words, Words)  # noqa: S101 - others have no such searches
    passes, order = where_sql(conditions), order_by(listing, request)
    columns = [f"{vector} AS words_{i}" for i, vector in enumerate(words.vectors)]
    if any(search.wholes for search in searches):
        columns += [f"{text} AS text_{i}" for i, text in enumerate(words.vectors.values())]
    matches = [
        f"({' OR '.join(search.in_(f'words_{i}', f'text_{i}') for i in range(len(words.vectors)))})"
        for search in searches
    ]
    limit = request.size + 1  # a literal, as above
    return f"""
        WITH near AS MATERIALIZED (
            SELECT {listing.id} AS id, {", ".join(columns)} FROM {words.source} {passes}
            ORDER BY {order} LIMIT {LOOKED_AT_FIRST}
        ), near_hits AS MATERIALIZED (
            SELECT id FROM near {where_sql(matches)}
        ), far AS MATERIALIZED (
            SELECT id FROM ({_hits(words, searches)}) AS found
            WHERE (SELECT count(*) FROM near_hits) < {limit} AND (SELECT count(*) FROM near) = {LOOKED_AT_FIRST}
        ), hits AS (
            SELECT id FROM near_hits UNION SELECT id FROM far
        )
        SELECT {listing.columns}{extra_columns(listing, request)}
        FROM {listing.source} {where_sql([f"{listing.id} = ANY(ARRAY(SELECT id FROM hits))", *conditions])}
        ORDER BY {order} LIMIT {limit}
    """


def _hits(words: Words, searches: Sequence[_Search]) -> str:
    """Return the SELECT of the ids of all rows that have every word."""
    selects = []
    for search in searches:
        select = words.hits
        for i, (vector, text) in enumerate(words.vectors.items()):
            select = select.replace(f"{{{i}}}", search.in_(vector, text))
        selects.append(f"({select})")
    return " INTERSECT ".join(selects)


def extra_columns(listing: Listing, request: PageRequest) -> str:
    """Return the ordering values that the rows do not hold anyway, for the cursor, and the bytes of long texts."""
    keys = "".join(
        f", ({listing.orderings[name].value()})::text AS _key_{name}"
        for name, _ in request.ordering
        if listing.orderings[name].key is None
    )
    return f"{keys}, {listing.text_bytes} AS _bytes" if _may_pass_a_page(listing, request) else keys


def _may_pass_a_page(listing: Listing, request: PageRequest) -> bool:
    """Whether the long texts of so many rows, and of the one behind them, can be more than a page holds."""
    return listing.text_bytes is not None and (request.size + 1) * MAX_TEXT_BYTES > MAX_PAGE_BYTES


def order_by(listing: Listing, request: PageRequest) -> str:
    parts = [f"{listing.orderings[name].value()}{' DESC' if down else ''}" for name, down in request.ordering]
    return ", ".join([*parts, f"{listing.id}{' DESC' if request.ordering[-1][1] else ''}"])


def make_page(listing: Listing, request: PageRequest, rows: Sequence[Any], total: int | None) -> Page:
    """Cut the row beyond the page off and make the cursor from the last row that stays."""
    items = [dict(row) for row in rows[: request.size]]
    has_more = len(rows) > request.size
    extra = [f"_key_{name}" for name, _ in request.ordering if listing.orderings[name].key is None]
    if _may_pass_a_page(listing, request) and rows:
        # Rows behind these may have been left out.
        has_more = has_more or rows[-1]["_bytes_so_far"] > MAX_PAGE_BYTES
        extra += ["_bytes", "_bytes_so_far"]
    for name in extra:
        for item in items:
            del item[name]

    def cursor_after(number: int) -> str:
        return make_cursor(listing, request, rows[number - 1])

    return Page(items, cursor_after(len(items)) if has_more else None, total, cursor_after)


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


def _searches(listing: Listing, request: PageRequest, params: Params) -> list[_Search]:
    """Return what a row has to match, each somewhere: all words at once where there is one vector."""
    if not isinstance(listing.search, Words):
        return []
    words = [[word] for word in search_words(request.search)]
    if len(listing.search.vectors) == 1 and words:
        words = [[word for (word,) in words]]
    return [
        _Search(
            tsquery=params.add(" & ".join(word.tsquery for word in together)),
            wholes=[params.add(word.whole) for word in together if word.whole is not None],
        )
        for together in words
    ]


def after(listing: Listing, request: PageRequest, params: Params) -> str:
    assert request.after is not None  # noqa: S101 - the caller asked
    fields = [(listing.orderings[name], down) for name, down in request.ordering]
    fields.append((Order(listing.id, "bigint"), request.ordering[-1][1]))
    columns = [(order.value(), down) for order, down in fields]
    places = [
        order.value(f"{params.add(value)}::text::{order.type}")
        for value, (order, _) in zip(request.after, fields, strict=True)
    ]
    if len({down for _, down in columns}) == 1:
        sign = "<" if columns[0][1] else ">"
        return f"({', '.join(sql for sql, _ in columns)}) {sign} ({', '.join(places)})"
    steps = []
    for depth, (sql, down) in enumerate(columns):
        same = [f"{columns[i][0]} = {places[i]}" for i in range(depth)]
        sign = "<" if down else ">"
        steps.append(f"({' AND '.join([*same, f'{sql} {sign} {places[depth]}'])})")
    return f"({' OR '.join(steps)})"
