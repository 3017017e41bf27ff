"""What a list can do: its columns and source, filters, orderings and search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eventhub.models.words import folded


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
class Parameter:
    """A query parameter that is no list's: how its text is read, and what users read of it."""

    parse: Parser
    doc: str


@dataclass(frozen=True)
class Filter:
    """A query parameter: how its text is read, the condition it makes ({} is the value's place), and what users read."""

    parse: Parser
    condition: str
    doc: str


@dataclass(frozen=True)
class Order:
    """A field to order by: its SQL, its type, and where the row already holds it, the key to find it under.

    `folds` orders a text by its folded letters: without regard to case, and Ä beside A.
    """

    sql: str
    type: str
    key: str | None = None
    folds: bool = False

    def value(self, sql: str | None = None) -> str:
        """Return the SQL of what is compared: of the field, or of another text of its type."""
        sql = self.sql if sql is None else sql
        return folded(sql) if self.folds else sql


@dataclass(frozen=True)
class Words:
    """Where a search finds its words: in the columns `vectors` of a row, each word in any of them.

    Each vector stands with the text that its words are of. `source` is as much of the list's FROM clause as filters,
    orderings and vectors need. `hits` selects the ids of all rows with a word out of the vectors' indexes: {0} is the
    place of the condition that the first vector has it, {1} that the second has.
    """

    source: str
    vectors: Mapping[str, str]
    hits: str


@dataclass(frozen=True)
class Listing:
    """What a list can do. `source` is the FROM clause, `id` the unique column that breaks ties.

    `search` looks for words, or, where that is a condition ({} is a LIKE pattern's place), for a substring. `around`
    is a statement that reads a page once it is found ({} is its place), keeps its order and adds to its columns.
    Where anybody can ask for the list (`is_public`), counting all of it takes turns as searches by words do.
    `text_bytes` is how many bytes the long texts of a row have that are always shown: no more of them is read than
    fits a page.
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
    is_public: bool = False
    text_bytes: str | None = None
