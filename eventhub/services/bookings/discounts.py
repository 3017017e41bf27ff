"""What a promo code takes off the tickets of a booking: the rule alone, which knows no rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from eventhub import localized
from eventhub.models.promo_codes import PromoCodeKind


@dataclass(frozen=True, slots=True)
class Line:
    """Tickets of one type (STANDARD for the standard ticket) at one price, which for some types the buyer names."""

    ticket_type: int
    quantity: int
    unit_price: Decimal
    is_open_price: bool = False
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """What a promo code does: `value` is a percentage or an amount; no `ticket_types` are all that are not hidden."""

    kind: PromoCodeKind
    value: Decimal | None
    ticket_types: Collection[int]
    max_per_booking: int | None

    def covers(self, line: Line) -> bool:
        """Whether the code is for tickets of this line's type."""
        return line.ticket_type in self.ticket_types if self.ticket_types else not line.is_hidden


@dataclass(frozen=True, slots=True)
class Discounts:
    """What is taken off each line, and of how many uses of the code."""

    of_lines: tuple[Decimal, ...]
    uses: int


def take_off(lines: Sequence[Line], code: Code, currency: str) -> Discounts | None:
    """Return what a code takes off these lines; None where it is for none of them.

    A use is a ticket: the dearest ones first, of two equally dear ones that of the first line. What the buyer named the
    price of is not lowered, and takes no use but of a code that lowers nothing; a hidden type is shown all the same.
    """
    covered = [index for index, line in enumerate(lines) if code.covers(line)]
    lowered = [index for index in covered if _may_lower(code, lines[index])]
    if not lowered and not any(lines[index].is_hidden for index in covered):
        return None
    left = sum(line.quantity for line in lines) if code.max_per_booking is None else code.max_per_booking
    uses = 0
    discounts = [Decimal(0)] * len(lines)
    for index in sorted(lowered, key=lambda index: -lines[index].unit_price):
        tickets = min(lines[index].quantity, left - uses)
        discounts[index] = tickets * _of_ticket(lines[index].unit_price, code, currency)
        uses += tickets
    return Discounts(tuple(discounts), uses)


def _may_lower(code: Code, line: Line) -> bool:
    return code.kind is PromoCodeKind.UNLOCK or not line.is_open_price


def _of_ticket(price: Decimal, code: Code, currency: str) -> Decimal:
    """Return what a code takes off one ticket: rounded half up, and no more than it costs."""
    value = code.value or Decimal(0)
    match code.kind:
        case PromoCodeKind.PERCENT:
            return min(price, localized.rounded(price * value / 100, currency))
        case PromoCodeKind.AMOUNT:
            return min(price, localized.rounded(value, currency))
        case PromoCodeKind.FREE:
            return price
        case PromoCodeKind.UNLOCK:
            return Decimal(0)
