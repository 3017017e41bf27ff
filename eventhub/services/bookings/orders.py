"""What somebody asks to book in lines, and what that comes to: at which prices, or why not. Knows no statements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from eventhub import localized
from eventhub.errors import Conflict, Invalid
from eventhub.models.promo_codes import PromoCodeKind
from eventhub.models.ticket_types import STANDARD
from eventhub.services import prices
from eventhub.services.bookings.discounts import Code, Discounts, Line, take_off
from eventhub.services.bookings.refusals import (
    EventSoldOut,
    TypeSoldOut,
    not_on_sale,
    promo_code_not_valid,
    refuse_at_the_door,
    too_many_holds,
)
from eventhub.services.ports.payments import PaymentGateway
from eventhub.services.promo_codes import UnknownPromoCode

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to book; without `items` so many standard tickets. `expected_total` is what they were told.

    `max_unpaid` tickets may be unpaid of all that they hold, if that is bounded.
    """

    items: Sequence[Mapping[str, Any]] | None
    number_of_tickets: int
    promo_code: str | None
    expected_total: Decimal | None
    max_unpaid: int | None

    @property
    def lines(self) -> Sequence[Mapping[str, Any]]:
        """The items, of which there is always one."""
        return self.items or ({"ticket_type": None, "quantity": self.number_of_tickets},)

    @property
    def type_ids(self) -> list[int]:
        return [line["ticket_type"] for line in self.lines if line["ticket_type"] is not None]


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an order with its price; `terms` are those of its type as they were read, `discount` is off the line."""

    ticket_type: int | None
    name: str
    quantity: int
    unit_price: Decimal
    discount: Decimal
    attendees: Sequence[Mapping[str, Any]]
    terms: str | None
    is_reserved: bool

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity - self.discount


@dataclass(frozen=True, slots=True)
class Order:
    """What may be booked, and what it costs; `terms` are the event's as they were read."""

    items: tuple[Item, ...]
    code: Facts | None
    uses: int
    currency: str
    terms: str

    @property
    def number_of_tickets(self) -> int:
        return sum(item.quantity for item in self.items)

    @property
    def seats(self) -> int:
        """How many of the event's seats the order takes: tickets of reserved types have theirs already."""
        return sum(item.quantity for item in self.items if not item.is_reserved)

    @property
    def total(self) -> Decimal:
        return sum((item.total for item in self.items), Decimal(0))

    @property
    def discount(self) -> Decimal:
        return sum((item.discount for item in self.items), Decimal(0))

    def shown(self) -> dict[str, Any]:
        """Return the keys that a booking with lines shows besides the documented ones."""
        return {
            "items": [
                {
                    "ticket_type": item.ticket_type,
                    "name": item.name,
                    "quantity": item.quantity,
                    "unit_price": f"{item.unit_price:.2f}",
                    "discount": f"{item.discount:.2f}",
                    "total": f"{item.total:.2f}",
                    "attendees": item.attendees,
                }
                for item in self.items
            ],
            "discount": f"{self.discount:.2f}",
            "promo_code": self.code["code"] if self.code else None,
        }


def decide(event: Facts, asked: Asked, gateways: Collection[PaymentGateway]) -> Order:
    """Return what an order comes to, by the facts of its event, which its asker sees.

    Refuses in this order: who asks (booked already, waiting) and the event (closed); the code (unknown, over); types that
    were taken off sale; the lines (no such type, too many or few tickets, no such price); what is not on sale now; the code (for none of the lines, used up);
    the total (too small, another than expected, too much unpaid); and what is sold out.
    """
    refuse_at_the_door(event, is_standard_asked=asked.items is None)
    code = _checked_code(event, asked)
    types = {row["id"]: row for row in event["types"]}
    types[STANDARD] = _standard(event)
    hidden_shown = set(code["ticket_types"]) if code else set()
    rows = [types.get(line["ticket_type"] or STANDARD) for line in asked.lines]
    _refuse_inactive(rows, hidden_shown)
    lines = _checked_lines(event, asked, rows, hidden_shown)
    found = [row for row in rows if row is not None]
    for row in found:
        if row["status"] != "on_sale":
            raise not_on_sale(row["name"], row["status"])
    discounts = _discounts(event, code, lines)
    order = Order(
        tuple(
            Item(
                asked_line["ticket_type"],
                row["name"],
                line.quantity,
                line.unit_price,
                discount,
                asked_line.get("attendees") or [],
                row["terms"],
                row["is_reserved"],
            )
            for asked_line, row, line, discount in zip(
                asked.lines, found, lines, discounts.of_lines, strict=True
            )
        ),
        code,
        discounts.uses,
        event["currency"],
        event["terms"],
    )
    _check_total(event, order, asked, gateways)
    _check_room(event, order, found)
    return order


def _refuse_inactive(rows: Sequence[Facts | None], hidden_shown: Collection[int]) -> None:
    """Refuse what its organizer has taken off sale, before its name, price and bounds are said: it is not shown either."""
    for row in rows:
        is_shown = row is not None and (not row["is_hidden"] or row["id"] in hidden_shown)
        if row is not None and is_shown and row["id"] != STANDARD and row["status"] == "inactive":
            raise not_on_sale(f"Ticket type {row['id']}", row["status"])


def _standard(event: Facts) -> Facts:
    """Return the standard ticket as a type of its own: its price and seats are the event's."""
    return {
        "id": STANDARD,
        "name": event["standard_ticket"],
        "price": event["price"],
        "is_open_price": False,
        "is_hidden": False,
        "is_reserved": False,
        "min_per_booking": 1,
        "max_per_booking": 100,
        "status": "on_sale" if event["is_standard_on_sale"] else "inactive",
        "left": None,
        "terms": None,
    }


def _checked_code(event: Facts, asked: Asked) -> Facts | None:
    if not asked.promo_code:
        return None
    code: Facts | None = event["code"]
    if code is None:
        raise UnknownPromoCode
    if not code["is_valid"]:
        raise promo_code_not_valid(code["code"], "cannot be used at this time")
    return code


def _checked_lines(
    event: Facts, asked: Asked, rows: Sequence[Facts | None], hidden_shown: Collection[int]
) -> list[Line]:
    """Return the lines with their prices. Raises Invalid, which names all that is wrong with each."""
    errors: list[str] = []
    lines: list[Line] = []
    for number, (line, row) in enumerate(zip(asked.lines, rows, strict=True), 1):
        if row is None or (row["is_hidden"] and row["id"] not in hidden_shown):
            errors.append(f"Item {number}, ticket_type: This event has no ticket type with this id.")
            continue
        least, most = row["min_per_booking"], row["max_per_booking"]
        if not least <= line["quantity"] <= most:
            errors.append(f"Item {number}, quantity: Must be from {least} to {most} for {row['name']}.")
        price, error = _price_of(row, line.get("unit_price"), event["currency"])
        if error:
            errors.append(f"Item {number}, unit_price: {error}")
        lines.append(Line(row["id"], line["quantity"], price, row["is_open_price"], row["is_hidden"]))
    if errors:
        raise Invalid({"items": errors})
    return lines


def _price_of(row: Facts, named: Decimal | None, currency: str) -> tuple[Decimal, str]:
    """Return the price of a ticket, and what is wrong with the one that the buyer named, if anything."""
    price: Decimal = row["price"]
    if row["is_open_price"]:
        if named is None or named < price:
            return price, f"Name a price of at least {localized.money(price, currency)} for {row['name']}."
        if not localized.has_places_for(named, currency):
            return price, f"Must be a whole number: {currency} has no decimal places."
        return named, ""
    if named is not None and named != price:
        return price, f"{row['name']} costs {localized.money(price, currency)}: leave the price out."
    return price, ""


def _discounts(event: Facts, code: Facts | None, lines: Sequence[Line]) -> Discounts:
    if code is None:
        return Discounts((Decimal(0),) * len(lines), 0)
    terms = Code(PromoCodeKind(code["kind"]), code["value"], code["ticket_types"], code["max_per_booking"])
    discounts = take_off(lines, terms, event["currency"])
    if discounts is None:
        raise promo_code_not_valid(code["code"], "is for other tickets")
    if code["max_uses"] is not None and code["uses"] + discounts.uses > code["max_uses"]:
        left = code["max_uses"] - code["uses"]
        tickets = "ticket" if left == 1 else "tickets"
        raise Conflict(
            f"Promo code {code['code']} can be used for {left} more {tickets}, fewer than the {discounts.uses} of this "
            "booking. Book fewer tickets with it, or book without it.",
            code="promo_code_used_up",
        )
    return discounts


def _check_total(event: Facts, order: Order, asked: Asked, gateways: Collection[PaymentGateway]) -> None:
    prices.check_total(order.total, order.currency, gateways)
    if asked.expected_total is not None:
        prices.check_expected(order.total, asked.expected_total, order.currency)
    if asked.max_unpaid is None or order.total == 0:
        return
    if event["unpaid"] + order.number_of_tickets > asked.max_unpaid:
        raise too_many_holds(asked.max_unpaid)


def _check_room(event: Facts, order: Order, rows: Sequence[Facts]) -> None:
    for item, row in zip(order.items, rows, strict=True):
        if row["left"] is not None and item.quantity > row["left"]:
            raise TypeSoldOut(row["name"], item.quantity, row["left"])
    if order.seats and order.seats > event["seats_left"]:
        raise EventSoldOut(event["id"], order.seats, max(event["seats_left"], 0))
