"""The rule of prices: what a promo code takes off, ticket by ticket."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventhub.models.promo_codes import PromoCodeKind
from eventhub.models.ticket_types import STANDARD
from eventhub.services.bookings.discounts import Code, Discounts, Line, take_off

PERCENT, AMOUNT, FREE, UNLOCK = PromoCodeKind


def code(
    kind: PromoCodeKind, value: str | None = None, types: tuple[int, ...] = (), most: int | None = None
) -> Code:
    return Code(kind, None if value is None else Decimal(value), types, most)


def line(ticket_type: int, quantity: int, price: str, **changes: bool) -> Line:
    return Line(ticket_type, quantity, Decimal(price), **changes)


STANDARDS = line(STANDARD, 2, "10.00")
STUDENTS = line(7, 3, "4.50")
DONATIONS = line(8, 1, "100.00", is_open_price=True)
DINNERS = line(9, 2, "30.00", is_hidden=True)


@pytest.mark.parametrize(
    ("lines", "used", "discounts", "uses"),
    [
        # each ticket is rounded, half up: 10 % of 4.50 is 0.45, 15 % of 4.50 is 0.675
        ([STANDARDS, STUDENTS], code(PERCENT, "10"), ["2.00", "1.35"], 5),
        ([STUDENTS], code(PERCENT, "15"), ["2.04"], 3),
        ([STUDENTS], code(PERCENT, "100"), ["13.50"], 3),
        ([STANDARDS, STUDENTS], code(AMOUNT, "5"), ["10.00", "13.50"], 5),
        ([STANDARDS, STUDENTS], code(FREE), ["20.00", "13.50"], 5),
        # the dearest first, also where they stand last; of equal ones the first line's
        ([STUDENTS, STANDARDS], code(FREE, most=3), ["4.50", "20.00"], 3),
        ([STANDARDS, STUDENTS], code(FREE, most=1), ["10.00", "0"], 1),
        ([line(1, 2, "5"), line(2, 2, "5")], code(FREE, most=3), ["10", "5"], 3),
        # for some types alone
        ([STANDARDS, STUDENTS], code(FREE, types=(7,)), ["0", "13.50"], 3),
        ([STANDARDS, STUDENTS], code(FREE, types=(STANDARD,)), ["20.00", "0"], 2),
        # open prices are not lowered, and take no uses
        ([DONATIONS, STUDENTS], code(FREE, most=3), ["0", "13.50"], 3),
        # a hidden type is lowered where the code names it
        ([DINNERS, STANDARDS], code(PERCENT, "50"), ["0", "10.00"], 2),
        ([DINNERS, STANDARDS], code(PERCENT, "50", types=(9,)), ["30.00", "0"], 2),
        # what only shows a type counts its tickets
        ([DINNERS, STANDARDS], code(UNLOCK, types=(9,)), ["0", "0"], 2),
        ([line(9, 2, "30", is_hidden=True, is_open_price=True)], code(UNLOCK, types=(9,)), ["0"], 2),
        ([line(9, 2, "30", is_hidden=True, is_open_price=True)], code(FREE, types=(9,)), ["0"], 0),
        # a ticket that costs nothing is used for as well
        ([line(3, 2, "0.00")], code(FREE), ["0"], 2),
    ],
)
def test_what_a_code_takes_off(lines: list[Line], used: Code, discounts: list[str], uses: int) -> None:
    assert take_off(lines, used, "USD") == Discounts(tuple(map(Decimal, discounts)), uses)


@pytest.mark.parametrize(
    ("lines", "used"),
    [
        ([STANDARDS], code(FREE, types=(7,))),
        ([DINNERS], code(FREE)),
        ([DONATIONS], code(FREE)),
        ([DONATIONS], code(PERCENT, "10", types=(8,))),
    ],
)
def test_a_code_that_is_for_none_of_the_lines_takes_nothing(lines: list[Line], used: Code) -> None:
    assert take_off(lines, used, "USD") is None


def test_a_discount_has_the_places_of_its_currency() -> None:
    lines = [line(STANDARD, 2, "1001")]
    assert take_off(lines, code(PERCENT, "50"), "JPY") == Discounts((Decimal(2 * 501),), 2)


prices = st.decimals(0, 99_999_999, places=2)
lines_drawn = st.lists(
    st.builds(Line, st.integers(0, 5), st.integers(1, 100), prices, st.booleans(), st.booleans()),
    min_size=1,
    max_size=20,
    unique_by=lambda each: each.ticket_type,
)
codes_drawn = st.builds(
    Code,
    st.sampled_from(PromoCodeKind),
    st.decimals("0.01", 100, places=2),
    st.lists(st.integers(0, 5), unique=True).map(tuple),
    st.none() | st.integers(1, 100),
)


def tickets(lines: list[Line], used: Code) -> list[tuple[int, Decimal]]:
    """Return (line, price) of each ticket that the code lowers, in the order in which it does."""
    found = [
        (index, each.unit_price)
        for index, each in enumerate(lines)
        if used.covers(each) and (used.kind is UNLOCK or not each.is_open_price)
        for _ in range(each.quantity)
    ]
    found.sort(key=lambda ticket: (-ticket[1], ticket[0]))
    return found[: used.max_per_booking]


def off(price: Decimal, used: Code) -> Decimal:
    """Return what is taken off one ticket, by another way than the rule's."""
    if used.kind is FREE or used.kind is UNLOCK:
        return price if used.kind is FREE else Decimal(0)
    assert used.value is not None
    cents = Fraction(used.value) * (Fraction(price) if used.kind is PERCENT else 100)
    return min(price, Decimal(int(cents + Fraction(1, 2))) / 100)


@given(lines_drawn, codes_drawn)
def test_a_discount_is_what_its_tickets_are_lowered_by_one_by_one(lines: list[Line], used: Code) -> None:
    found = take_off(lines, used, "USD")
    chosen = tickets(lines, used)
    if found is None:
        assert not chosen
        return
    expected = [Decimal(0)] * len(lines)
    for index, price in chosen:
        expected[index] += off(price, used)
    assert (list(found.of_lines), found.uses) == (expected, len(chosen))
    for each, discount in zip(lines, found.of_lines, strict=True):
        assert 0 <= discount <= each.unit_price * each.quantity
        assert discount == round(discount, 2)


@given(lines_drawn, codes_drawn, st.integers(1, 100))
def test_more_tickets_per_booking_never_cost_more(lines: list[Line], used: Code, most: int) -> None:
    def total(of: Code) -> Decimal:
        found = take_off(lines, of, "USD")
        return sum(found.of_lines, Decimal(0)) if found else Decimal(0)

    fewer = Code(used.kind, used.value, used.ticket_types, most)
    more = Code(used.kind, used.value, used.ticket_types, most + 1)
    assert total(fewer) <= total(more) <= total(Code(used.kind, used.value, used.ticket_types, None))
