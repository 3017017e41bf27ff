"""The house's fields: what they take, what it becomes, what they refuse."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import ValidationError, fields

from eventhub.schemas.base import (
    Array,
    Base,
    Flag,
    Id,
    Moment,
    Money,
    Name,
    Text,
    WebAddress,
    Whole,
    from_form,
)

NONE_OF_THEM: list[object] = [None, [], {}]

GOOD: list[tuple[fields.Field[Any], object, object]] = [
    (Text(), "", ""),
    (Text(), " kept ", " kept "),
    (Text(max_length=3), "äöü", "äöü"),
    (Name(min_length=1), "  x  ", "x"),
    (Id(), 1, 1),
    (Id(), 2**63 - 1, 2**63 - 1),
    (Id(), 4.0, 4),
    (Whole(1, 5), 5, 5),
    (Whole(1, 5), 2.0, 2),
    (Flag(), False, False),
    (Money(), "29.99", Decimal("29.99")),
    (Money(), 29.99, Decimal("29.99")),
    (Money(), 1.500, Decimal("1.50")),
    (Money(), "1.5e1", Decimal("15.00")),
    (Money(), "1e2", Decimal("100.00")),
    (Money(), 0, Decimal("0.00")),
    (Money(), "-0", Decimal("0.00")),
    (Money(), 99999999.99, Decimal("99999999.99")),
    (Moment(), "2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
    (Moment(), "2026-01-01t00:00:00z", datetime(2026, 1, 1, tzinfo=UTC)),
    (Moment(), "2026-01-01T00:00:00.1234567Z", datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
    (
        Moment(),
        "2026-12-31T23:59:59.9999999Z",
        datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ),
    (WebAddress(), "", ""),
    (WebAddress(), " https://zoom.us/... ", "https://zoom.us/..."),
    (WebAddress(), "http://localhost:8000/a?b#c", "http://localhost:8000/a?b#c"),
]
BAD: list[tuple[fields.Field[Any], list[object]]] = [
    (Text(max_length=3), ["abcd", "e\u0301" * 2, "a\0", 1, True, *NONE_OF_THEM]),
    (Name(min_length=1, max_length=3), ["", "   ", "abc ", "\t\n", 1, *NONE_OF_THEM]),
    (Id(), [0, -1, 2**63, True, "1", 1.5, *NONE_OF_THEM]),
    (Whole(1, 5), [0, 6, True, "1", 1.5, float("nan"), float("inf"), *NONE_OF_THEM]),
    (Flag(), [0, 1, "true", "", 1.0, *NONE_OF_THEM]),
    (Money(), ["", "x", "1.001", "29.990", "0.000", "1.0000e1", 0.001, -1, "-0.01", 10**8, "1_0", "\uff11", "NaN", "Infinity", float("nan"), float("inf"), True, "9" * 41, *NONE_OF_THEM]),
    (Moment(), ["", "x", 0, True, "2026-02-30", "2026-01-01", "20260101", "2026-w01-1", "2026-01-01T00:00:00 02:00", *NONE_OF_THEM]),
    (WebAddress(), ["x", "ftp://a.b/", "javascript:alert(1)", "//a.b", "https://", "https://" + "x" * 500, "https://a.b" + " " * 490, 1, *NONE_OF_THEM]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "given", "expected"), GOOD)
def test_good_values_are_read_exactly(field: fields.Field[Any], given: object, expected: object) -> None:
    found = field.deserialize(given)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("field", "values"), BAD, ids=lambda value: type(value).__name__)
def test_bad_values_are_refused(field: fields.Field[Any], values: list[object]) -> None:
    for value in values:
        with pytest.raises(ValidationError):
            field.deserialize(value)


def test_money_has_two_places() -> None:
    for given in ("1", 1, 1.5, "1.50", "0"):
        assert str(Money().deserialize(given)).partition(".")[2] in {"00", "50"}


def test_unknown_keys_are_ignored() -> None:
    class Titled(Base):
        title = Text()

    assert Titled().load({"title": "x", "id": 1, "nonsense": []}) == {"title": "x"}


def test_an_amount_is_read_up_to_40_characters() -> None:
    for text, problem in (
        ("9" * 40, "Must be from 0 to 99999999.99."),
        ("9" * 41, "Must be an amount such as 29.99."),
    ):
        with pytest.raises(ValidationError, match=problem):
            Money().deserialize(text)


def test_texts_of_a_form_stand_for_values() -> None:
    class Form(Base):
        flag = Flag()
        number = Whole(0, 10)

    for text, value in (("TRUE", True), ("Off", False), ("yes", "yes")):
        assert from_form(Form, {"flag": text}) == {"flag": value}
    for text, number in (("-1", -1), ("9" * 20, 10**20 - 1), ("9" * 21, "9" * 21), ("1.0", "1.0")):
        assert from_form(Form, {"number": text}) == {"number": number}
    assert from_form(Form, {"flag": " ", "number": ""}) == {}


@pytest.mark.parametrize("length", [0, 3, 100_000])
def test_a_list_of_another_length_is_refused_before_its_items_are_looked_at(length: int) -> None:
    looked_at: list[object] = []
    field = Array(fields.Function(deserialize=looked_at.append), least=1, most=2)
    with pytest.raises(ValidationError, match="Length must be between 1 and 2"):
        field.deserialize([{}] * length)
    assert looked_at == []


def test_a_list_of_a_length_that_it_may_have_is_taken() -> None:
    field = Array(Id(), least=1, most=2)
    assert [field.deserialize(ids) for ids in ([7], [7, 8])] == [[7], [7, 8]]
