"""What a list reads from a query: filters, orderings, cursors, and the words of a search."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from eventhub.errors import Invalid
from eventhub.models.events import EventStatus
from eventhub.services import listing
from eventhub.services.listing import BadValue, Filter, Listing, Order, Params, Parser, Words

NUMBERS = Listing(
    columns="n.id, n.size",
    source="numbers n",
    id="n.id",
    orderings={
        "size": Order("n.size", "integer", "size"),
        "name": Order("lower(n.name)", "text"),
        "made_at": Order("n.made_at", "timestamptz", "made_at"),
        "price": Order("n.price", "numeric", "price"),
    },
    default_ordering="-size",
    filters={"size": Filter(listing.whole_number(1, 9), "n.size = {}", "Only things of this size.")},
    search=Words("numbers n", {"n.search": "n.text"}, "SELECT n.id FROM numbers n WHERE {0}"),
)


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (listing.identifier, {"1": 1, "007": 7, str(2**63 - 1): 2**63 - 1}, [*"0 -1 +1 1.0 x ٣ 1_0 1e3".split(), "", " 1", str(2**63), "9" * 5000]),
        (listing.boolean, {"true": True, "False": False, "TRUE": True}, ["", "1", "yes", "t", " true"]),
        (listing.whole_number(1, 200), {"1": 1, "200": 200, "050": 50}, ["0", "201", "-1", "", "1.0", "٣", "9" * 30]),
        (listing.choice(EventStatus), {"draft": "draft"}, ["", "Draft", "open"]),
        (listing.money, {"1": Decimal(1), "-1.5": Decimal("-1.5"), ".5": Decimal("0.5"), "1e2": Decimal(100)}, ["", "x", "NaN", "Infinity", "1_0", "\uff11", "1e11", "1" * 31, "1,5", "--1"]),
        (listing.few_words, {"": "", "a " * 12: "a " * 12, " -a--b- ": " -a--b- ", "x" * 200: "x" * 200}, ["a " * 13, "a." * 13, "\u037e".join("abcdefghijklm"), "x" * 201, "a\0b"]),
        (listing.words_or_text, {"": "", "x" * 200: "x" * 200, "e\u0301": "\u00e9"}, ["x" * 201, "a\0b"]),
    ],
)  # fmt: skip
def test_filter_values_are_read_or_refused(
    parse: Callable[[str], Any], good: dict[str, object], bad: list[str]
) -> None:
    assert {text: parse(text) for text in good} == good
    for text in bad:
        with pytest.raises(BadValue, match=r"^must (be|not hold) "):
            parse(text)


@given(
    st.sampled_from([listing.words_or_text, listing.few_words]), st.text(max_size=250) | st.text("aé -.東\0")
)
@hypothesis_settings(deadline=None, derandomize=True)
def test_texts_are_taken_just_where_the_description_says(parse: Parser, text: str) -> None:
    is_described = Draft202012Validator(parse.schema).is_valid(text)
    try:
        parse(text)
    except BadValue:
        assert not is_described
    else:
        assert is_described


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-01-01T00:00:00Z", NEW_YEAR),
        ("2026-01-01T00:00:00", NEW_YEAR),
        ("2026-01-01", NEW_YEAR),
        ("2026-01-01T02:00:00+02:00", NEW_YEAR),
        ("2025-12-31T19:00:00-05:00", NEW_YEAR),
        ("2026-01-01T00:00:00.5Z", NEW_YEAR.replace(microsecond=500_000)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2026-01-01t00:00:00z", NEW_YEAR),
        ("2026-01-01T00:00:00.0000009Z", NEW_YEAR),
        ("2025-12-31T23:59:59.999999999Z", NEW_YEAR - timedelta.resolution),
    ],
)
def test_times_become_utc(given: str, expected: datetime) -> None:
    for parse in (listing.moment, listing.parse_moment):
        assert parse(given) == expected
        assert parse(given).tzinfo is UTC


def test_what_lies_beyond_the_calendar_is_its_first_or_last_moment_and_never_infinity() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for text in ("0001-01-01T00:00:00Z", "0001-01-01", "0001-01-01T00:00:00+14:00"):
        assert first < listing.moment(text) < first + timedelta(seconds=1)
    for text in ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59-01:00"):
        assert last > listing.moment(text) > last - timedelta(seconds=1)


@pytest.mark.parametrize(
    "given",
    ["", "x", "2026-01-01\00000:00:00", "2026-02-30", "2026-01-01T25:00:00Z", "٢٠٢٦-01-01"],
)  # fmt: skip
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(BadValue, match="must be a time"):
        listing.parse_moment(given)


def test_a_space_is_a_plus_in_a_query_alone() -> None:
    assert listing.moment("2026-01-01T02:00:00 02:00") == NEW_YEAR
    assert listing.moment("2026-01-01t02:00:00 02:00") == NEW_YEAR
    with pytest.raises(BadValue):
        listing.parse_moment("2026-01-01T02:00:00 02:00")


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("", ""),
        ("!&|:*'()\\", ""),
        ("js", "'js':*"),
        ("Node.JS", "'node':* & 'js':*"),
        ("a|b", "'a':* & 'b':*"),
        ("it's", "'it':* & 's':*"),
        ("snake_case", "'snake':* & 'case':*"),
        ("ÜBUNG", "'ubung':*"),
        ("Straße ŁÓDŹ", "'strasse':* & 'lodz':*"),
        ("ΟΔΟΣ", "'οδοσ':*"),
        ("οδός x", "'οδοσ':* & 'x':*"),
        ("İstanbul", "'istanbul':*"),
        ("名前、東京", "'名前':* & '東京':*"),
        ("開発者", "'開発者':*"),
        ("開発者会議", "'開発者' & '者会議':*"),
        ("東京開発者会議", "'東京開' & '発者会' & '者会議':*"),
        ("Python会議 3日", "'python会議':* & '3日':*"),
        ("\u1112\u1161\u11ab국", "'한국':*"),
        ("\uff8a\uff9f\uff70\uff83\uff68", "'パーテ' & 'ーティ':*"),
        ("x" * 300, f"'{'x' * 200}':*"),
    ],
)
def test_search_words_become_prefixes_and_never_operators(typed: str, query: str) -> None:
    assert " & ".join(word.tsquery for word in listing.search_words(typed)) == query


def test_a_word_longer_than_a_lexeme_of_its_script_is_looked_for_as_a_whole_too() -> None:
    wholes = [
        word.whole for word in listing.search_words("開発者 開発者会 開発者Workshop会 Internationalization")
    ]
    assert wholes == [None, "開発者会", "開発者workshop会", None]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"size": "0"}, ["size"]),
        ({"page_size": "201", "count": "x"}, ["page_size", "count"]),
        ({"ordering": "nonsense", "size": "x"}, ["size", "ordering"]),
        ({"cursor": "x"}, ["cursor"]),
        ({"search": "a\0"}, ["search"]),
        ({"search": "a b c d e f g h i j k l m"}, ["search"]),
    ],
)
def test_every_bad_parameter_is_named_with_what_it_may_be(query: dict[str, str], named: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        listing.parse_request(NUMBERS, query)
    assert sorted(refused.value.errors) == sorted(named)
    assert all("." in str(messages) for messages in refused.value.errors.values())


def test_defaults_and_unknown_parameters() -> None:
    request = listing.parse_request(NUMBERS, {"nonsense": "1"})
    assert (request.size, request.count, request.after, request.filters) == (50, False, None, {})
    assert request.ordering == [("size", True)]
    assert listing.parse_request(NUMBERS, {"ordering": "size, -name,size"}).ordering == [
        ("size", False),
        ("name", True),
    ]


ROW = {
    "id": 7,
    "size": 3,
    "made_at": datetime(2026, 1, 1, 0, 0, 0, 5, tzinfo=UTC),
    "price": "29.99",
    "_key_name": "it's é \\ %",
}


@pytest.mark.parametrize(
    ("ordering", "values"),
    [
        ("-size", ["3", "7"]),
        ("name", ["it's é \\ %", "7"]),
        ("made_at,-price", ["2026-01-01T00:00:00.000005+00:00", "29.99", "7"]),
    ],
)
def test_a_cursor_brings_back_the_values_of_its_row(ordering: str, values: list[str]) -> None:
    request = listing.parse_request(NUMBERS, {"ordering": ordering, "page_size": "1"})
    page = listing.make_page(NUMBERS, request, [dict(ROW), dict(ROW)], None)
    assert len(page.rows) == 1
    assert page.next_cursor is not None
    following = listing.parse_request(NUMBERS, {"ordering": ordering, "cursor": page.next_cursor})
    assert following.after == values
    for other in ({"ordering": "price,-size,name"}, {"cursor": page.next_cursor + "\0" * 4}):
        with pytest.raises(Invalid):
            listing.parse_request(NUMBERS, {"ordering": ordering, "cursor": page.next_cursor, **other})


def test_a_page_may_end_after_any_of_its_rows() -> None:
    request = listing.parse_request(NUMBERS, {"ordering": "name"})
    rows = [{**ROW, "id": number, "_key_name": f"name {number}"} for number in range(1, 4)]
    page = listing.make_page(NUMBERS, request, rows, None)
    assert (len(page.rows), page.next_cursor) == (3, None)
    shorter = listing.parse_request(NUMBERS, {"ordering": "name", "cursor": page.cursor_after(2)})
    assert shorter.after == ["name 2", "2"]


def test_a_page_whose_long_texts_fill_it_may_be_followed_by_another() -> None:
    request = listing.parse_request(NUMBERS, {"ordering": "-size"})
    long = replace(NUMBERS, text_bytes="octet_length(n.text)")
    for so_far, is_cut in ((listing.MAX_PAGE_BYTES, False), (listing.MAX_PAGE_BYTES + 1, True)):
        row = {"id": 7, "size": 3, "_bytes": 9, "_bytes_so_far": so_far}
        page = listing.make_page(long, request, [row], None)
        assert page.rows == [{"id": 7, "size": 3}]
        assert (page.next_cursor is not None) == is_cut


def test_the_last_page_has_no_cursor_and_rows_no_helper_columns() -> None:
    request = listing.parse_request(NUMBERS, {"ordering": "name", "page_size": "1"})
    page = listing.make_page(NUMBERS, request, [dict(ROW)], 1)
    assert (page.next_cursor, page.total) == (None, 1)
    assert "_key_name" not in page.rows[0]


@pytest.mark.parametrize(
    ("ordering", "condition"),
    [
        ("size", "(n.size, n.id) > ($1::text::integer, $2::text::bigint)"),
        ("-size", "(n.size, n.id) < ($1::text::integer, $2::text::bigint)"),
        (
            "size,-price",
            (
                "((n.size > $1::text::integer)"
                " OR (n.size = $1::text::integer AND n.price < $2::text::numeric)"
                " OR (n.size = $1::text::integer AND n.price = $2::text::numeric AND n.id < $3::text::bigint))"
            ),
        ),
    ],
)
def test_the_next_page_starts_behind_the_cursor(ordering: str, condition: str) -> None:
    request = listing.parse_request(NUMBERS, {"ordering": ordering, "page_size": "1"})
    cursor = listing.make_page(NUMBERS, request, [dict(ROW), dict(ROW)], None).next_cursor
    assert cursor is not None
    request = listing.parse_request(NUMBERS, {"ordering": ordering, "cursor": cursor})
    assert listing.after(NUMBERS, request, Params()) == condition


def test_a_substring_search_takes_patterns_literally() -> None:
    plain = Listing(
        "*",
        "t",
        "id",
        {"id": Order("id", "bigint", "id")},
        "id",
        search="name ILIKE {}",
    )
    params = Params()
    request = listing.parse_request(plain, {"search": "50%_a\\"})
    assert listing.conditions_of(plain, request, params) == ["name ILIKE $1"]
    assert params.values == ["%50\\%\\_a\\\\%"]
