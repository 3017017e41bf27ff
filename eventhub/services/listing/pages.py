"""Pages of a list: the statements, and the way to run them."""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eventhub.database import Queries
from eventhub.services.listing.declaration import Listing, Words
from eventhub.services.listing.requests import PageRequest, make_cursor
from eventhub.services.listing.words import prefix_queries

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
    is_costly = bool(tsqueries) or (request.count and listing.is_public)
    async with queries.costly() if is_costly else contextlib.nullcontext(queries) as reads:
        return await _fetch(reads, listing, request, params, conditions, tsqueries)


async def _fetch(
    queries: Queries,
    listing: Listing,
    request: PageRequest,
    params: Params,
    conditions: list[str],
    tsqueries: Sequence[str],
) -> Page:
    total = None
    if request.count:
        sql = _count_sql(listing, conditions, tsqueries)
        total = await queries.fetch_value(sql, *params.values)
    if request.after is not None:
        conditions.append(after(listing, request, params))
    if tsqueries:
        sql = _search_sql(listing, request, conditions, tsqueries)
    else:
        sql = page_sql(listing, request, conditions)
    sql = listing.around.replace("{}", _bounded(listing, request, sql))
    rows = await queries.fetch(sql, *params.values)
    return make_page(listing, request, rows, total)


def _count_sql(listing: Listing, conditions: Sequence[str], tsqueries: Sequence[str]) -> str:
    if tsqueries:
        assert isinstance(listing.search, Words)  # noqa: S101 - others have no tsqueries
        found = f"{listing.id} = ANY(ARRAY({_hits(listing.search, tsqueries)}))"
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
    tsqueries: Sequence[str],
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
    limit = request.size + 1  # a literal, as above
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
    """Return the ordering values that the rows do not hold anyway, for the cursor, and the bytes of long texts."""
    keys = "".join(
        f", ({listing.orderings[name].sql})::text AS _key_{name}"
        for name, _ in request.ordering
        if listing.orderings[name].key is None
    )
    return f"{keys}, {listing.text_bytes} AS _bytes" if _may_pass_a_page(listing, request) else keys


def _may_pass_a_page(listing: Listing, request: PageRequest) -> bool:
    """Whether the long texts of so many rows, and of the one behind them, can be more than a page holds."""
    return listing.text_bytes is not None and (request.size + 1) * MAX_TEXT_BYTES > MAX_PAGE_BYTES


def order_by(listing: Listing, request: PageRequest) -> str:
    parts = [f"{listing.orderings[name].sql}{' DESC' if down else ''}" for name, down in request.ordering]
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


def _tsqueries(listing: Listing, request: PageRequest, params: Params) -> list[str]:
    """Return the tsqueries that a row has to match, each somewhere: one for all words where there is one vector."""
    if not isinstance(listing.search, Words):
        return []
    words = prefix_queries(request.search)
    if len(listing.search.vectors) == 1 and words:
        words = [" & ".join(words)]
    return [f"{params.add(word)}::text::tsquery" for word in words]


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
