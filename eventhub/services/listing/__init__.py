"""Lists: filters, ordering, keyset paging. One description per list, one way to run them all.

A page starts behind the last row of the page before (its ordering values and id), so page 1,000 costs what page 1
costs. The cursor is those values; it is only good for the ordering it was made with.
"""

from eventhub.services.listing.declaration import (
    BadValue,
    Filter,
    Listing,
    Order,
    Parameter,
    Parser,
    Words,
    parser,
)
from eventhub.services.listing.pages import (
    MAX_PAGE_BYTES,
    Page,
    Params,
    after,
    conditions_of,
    fetch_page,
    make_page,
    where_sql,
)
from eventhub.services.listing.requests import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    PageRequest,
    parse_parameters,
    parse_request,
    search_parser,
)
from eventhub.services.listing.values import (
    AMOUNT,
    MAX_ID,
    MAX_WORDS,
    boolean,
    choice,
    choices,
    few_words,
    identifier,
    moment,
    money,
    parse_moment,
    whole_number,
    words_or_text,
)
from eventhub.services.listing.words import (
    Word,
    composed,
    folded,
    search_words,
)

__all__ = [
    "AMOUNT",
    "DEFAULT_PAGE_SIZE",
    "MAX_ID",
    "MAX_PAGE_BYTES",
    "MAX_PAGE_SIZE",
    "MAX_WORDS",
    "BadValue",
    "Filter",
    "Listing",
    "Order",
    "Page",
    "PageRequest",
    "Parameter",
    "Params",
    "Parser",
    "Word",
    "Words",
    "after",
    "boolean",
    "choice",
    "choices",
    "composed",
    "conditions_of",
    "fetch_page",
    "few_words",
    "folded",
    "identifier",
    "make_page",
    "moment",
    "money",
    "parse_moment",
    "parse_parameters",
    "parse_request",
    "parser",
    "search_parser",
    "search_words",
    "where_sql",
    "whole_number",
    "words_or_text",
]
