"""Bookings with items over HTTP: what is shown, priced and refused; and quotes, which say the same beforehand."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from eventhub.gateways.payments.mock import MockGateway
from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.services.ports.payments import Limits
from tests.api import Answer, Api, Person, in_days
from tests.conftest import MakeApi
from tests.rows import move_event, seats
from tests.web.test_errors import check_error

STANDARD = None


class Sale:
    """A published event that costs 20.00, its organizer, and a buyer."""

    def __init__(self, api: Api, organizer: Person, buyer: Person, event: dict[str, Any]) -> None:
        self.api, self.organizer, self.buyer, self.event = api, organizer, buyer, event

    @classmethod
    async def of(cls, api: Api, **event: Any) -> "Sale":
        organizer = await api.person("organizer")
        made = await organizer.create_event(**{"price": "20.00", "max_attendees": 10, **event})
        return cls(api, organizer, await api.person(), made)

    @property
    def path(self) -> str:
        return f"/api/events/{self.event['id']}/"

    async def type(self, name: str, **details: object) -> int:
        made = await self.organizer.post(f"{self.path}ticket_types/", {"name": name, **details})
        assert made.status == 201, made.data
        return int(made.data["id"])

    async def code(self, code: str, **details: object) -> int:
        made = await self.organizer.post(
            f"{self.path}promo_codes/", {"code": code, "kind": "percent", "value": "50", **details}
        )
        assert made.status == 201, made.data
        return int(made.data["id"])

    async def book(self, *items: tuple[int | None, int], who: Person | None = None, **more: Any) -> Answer:
        return await (who or self.buyer).post(
            "/api/bookings/", {"event": self.event["id"], **asked(items, more)}
        )

    async def quote(self, *items: tuple[int | None, int], who: Person | None = None, **more: Any) -> Answer:
        return await (who or self.buyer).post(f"{self.path}quote/", asked(items, more))

    async def refused(self, *items: tuple[int | None, int], status: int, code: str, **more: Any) -> Answer:
        """Assert that booking and quoting these are refused alike, and return the refusal."""
        before = await self.counters()
        booked, quoted = await self.book(*items, **more), await self.quote(*items, **more)
        assert (booked.status, booked.data["code"]) == (status, code), booked.data
        assert (quoted.status, quoted.data) == (booked.status, booked.data)
        assert await self.counters() == before
        return booked

    async def counters(self) -> tuple[Any, ...]:
        row = await self.api.database.fetch_one(
            "SELECT (SELECT seats_held FROM events WHERE id = $1), "
            "(SELECT array_agg(seats_held ORDER BY id) FROM ticket_types WHERE event_id = $1), "
            "(SELECT array_agg(uses ORDER BY id) FROM promo_codes WHERE event_id = $1), "
            "(SELECT count(*) FROM bookings), (SELECT count(*) FROM booking_items)",
            self.event["id"],
        )
        assert row is not None
        return tuple(row.values())


def asked(items: tuple[tuple[int | None, int], ...], more: dict[str, Any]) -> dict[str, Any]:
    named = [{"ticket_type": ticket_type, "quantity": quantity} for ticket_type, quantity in items]
    return {**({"items": named} if items else {}), **more}


@pytest.fixture
async def sale(api: Api) -> Sale:
    return await Sale.of(api)


DOCUMENTED = (
    "id event event_title user user_name status number_of_tickets total_price special_requirements registered_at "
    "confirmed_at cancelled_at currency"
).split()


async def test_a_booking_with_items_shows_its_lines_behind_the_documented_keys(sale: Sale) -> None:
    student = await sale.type("Student", price="9.99")
    await sale.code("Half")
    holder = {"name": "Ada Lovelace", "email": "ada@example.com"}
    items = [
        {"ticket_type": student, "quantity": 2, "attendees": [holder, {"name": " Grace "}]},
        {"ticket_type": STANDARD, "quantity": 1},
    ]
    made = await sale.buyer.post(
        "/api/bookings/",
        {"event": sale.event["id"], "items": items, "promo_code": "hALF", "special_requirements": "Quiet"},
    )
    assert made.status == 201, made.data
    assert list(made.data) == [*DOCUMENTED, "items", "discount", "promo_code"]
    shown = {name: made.data[name] for name in ("number_of_tickets", "total_price", "special_requirements")}
    assert shown == {"number_of_tickets": 3, "total_price": "19.98", "special_requirements": "Quiet"}
    assert made.data["items"] == [
        {
            "ticket_type": student,
            "name": "Student",
            "quantity": 2,
            "unit_price": "9.99",
            "discount": "10.00",
            "total": "9.98",
            "attendees": [holder, {"name": "Grace", "email": None}],
        },
        {
            "ticket_type": None,
            "name": "Standard",
            "quantity": 1,
            "unit_price": "20.00",
            "discount": "10.00",
            "total": "10.00",
            "attendees": [],
        },
    ]
    assert (made.data["discount"], made.data["promo_code"]) == ("20.00", "Half")
    (fact,) = await sale.api.database.fetch("SELECT user_id, data FROM facts WHERE type = 'booking.created'")
    assert (fact["user_id"], orjson.loads(fact["data"])) == (
        sale.buyer.id,
        {
            "booking": made.data["id"],
            "number_of_tickets": 3,
            "total_price": "19.98",
            "currency": "USD",
            "items": [{"ticket_type": student, "quantity": 2}, {"ticket_type": None, "quantity": 1}],
        },
    )
    path = f"/api/bookings/{made.data['id']}/"
    assert (await sale.buyer.get(path)).data == made.data
    assert list((await sale.buyer.get(path)).data) == list(made.data)
    for who in (sale.buyer, sale.organizer):
        assert (await who.get(path)).data["items"] == made.data["items"]
    patched = await sale.buyer.patch(path, {"special_requirements": "Loud"})
    assert (patched.data["items"], patched.data["special_requirements"]) == (made.data["items"], "Loud")
    confirmed = await sale.organizer.post(f"{path}confirm/")
    assert (confirmed.data["status"], confirmed.data["items"]) == ("confirmed", made.data["items"])
    for listed in (f"/api/bookings/?event={sale.event['id']}", f"{sale.path}attendees/"):
        (row,) = (await sale.organizer.get(listed)).data
        assert list(row) == DOCUMENTED[:-1]
    assert await seats(sale.api.database, sale.event["id"]) == (3, 3, 0)
    cancelled = await sale.buyer.post(f"{path}cancel/")
    assert list(cancelled.data) == [*made.data, "refund_status", "detail"]
    assert await sale.counters() == (0, [0], [0], 1, 2)


async def test_without_items_and_code_a_booking_is_as_it_was_also_beside_types(sale: Sale) -> None:
    await sale.type("Student")
    made = await sale.book(number_of_tickets=2, promo_code=None, items=None, expected_total="40")
    assert (made.status, list(made.data), made.data["total_price"]) == (201, DOCUMENTED, "40.00")
    assert list((await sale.buyer.get(f"/api/bookings/{made.data['id']}/")).data) == DOCUMENTED
    assert (await sale.counters())[4] == 0


async def test_another_total_than_expected_books_nothing(sale: Sale) -> None:
    await sale.refused(number_of_tickets=2, expected_total="20.00", status=409, code="price_changed")
    await sale.refused((STANDARD, 2), expected_total="20.00", status=409, code="price_changed")
    key = {"Idempotency-Key": "once"}
    for _ in range(2):
        body = {"event": sale.event["id"], "expected_total": 1}
        check_error(await sale.buyer.post("/api/bookings/", body, headers=key), 409, "price_changed")
    assert (await sale.counters())[0] == 0
    assert (await sale.book((STANDARD, 2), expected_total=40)).status == 201


async def test_a_code_alone_is_one_standard_line(sale: Sale) -> None:
    await sale.code("HALF", max_per_booking=1)
    made = await sale.book(promo_code="HALF", number_of_tickets=3)
    assert made.status == 201
    (line,) = made.data["items"]
    assert (line["ticket_type"], line["quantity"], line["discount"], line["total"]) == (
        None,
        3,
        "10.00",
        "50.00",
    )
    assert await sale.counters() == (3, None, [1], 1, 1)


async def test_a_quote_says_what_a_booking_will_and_writes_nothing(sale: Sale) -> None:
    student = await sale.type("Student", price="9.99")
    await sale.code("HALF")
    before = await sale.counters()
    quoted = await sale.quote((student, 2), (STANDARD, 1), promo_code="half", who=sale.api.anonymous)
    assert (quoted.status, quoted.headers["Cache-Control"]) == (200, "no-store")
    assert await sale.counters() == before
    made = await sale.book(
        (student, 2), (STANDARD, 1), promo_code="half", expected_total=quoted.data["total_price"]
    )
    assert made.status == 201
    assert quoted.data == {name: made.data[name] for name in quoted.data}
    assert list(quoted.data) == "items discount promo_code number_of_tickets total_price currency".split()
    standard = await sale.quote(number_of_tickets=2, who=sale.api.anonymous)
    assert (standard.data["total_price"], standard.data["items"][0]["ticket_type"]) == ("40.00", None)


async def test_a_quote_for_an_event_that_one_may_not_see_is_a_404(api: Api) -> None:
    sale = await Sale.of(api, publish=False)
    for who in (api.anonymous, sale.buyer):
        assert (await sale.quote((STANDARD, 1), who=who)).status == 404
    made = await sale.book((STANDARD, 1))
    assert (made.status, made.data["errors"]) == (400, {"event": ["No event with this id exists."]})
    check_error(await sale.quote((STANDARD, 1), who=sale.organizer), 409, "registration_closed")


async def test_what_costs_nothing_is_confirmed_by_a_job(sale: Sale) -> None:
    await sale.code("PRESS", kind="free", value=None)
    made = await sale.book((STANDARD, 2), promo_code="PRESS")
    assert (made.data["total_price"], made.data["status"]) == ("0.00", "pending")
    await sale.api.run_jobs()
    assert (await sale.buyer.get(f"/api/bookings/{made.data['id']}/")).data["status"] == "confirmed"


async def test_items_are_paid_and_refunded_with_all_that_they_took(sale: Sale) -> None:
    student, dinner = (
        await sale.type("Student", price=5),
        await sale.type("Dinner", capacity=4, is_reserved=True),
    )
    await sale.code("HALF")
    made = await sale.book((student, 2), (dinner, 1), (STANDARD, 1), promo_code="HALF")
    assert await sale.counters() == (4 + 3, [2, 1], [4], 1, 3)
    paid = await sale.buyer.post(
        "/api/payments/", {"booking": made.data["id"], "amount": made.data["total_price"]}
    )
    assert paid.status == 201, paid.data
    await sale.api.run_jobs()
    assert await seats(sale.api.database, sale.event["id"]) == (7, 4, 0)
    assert (await sale.buyer.post(f"/api/payments/{paid.data['id']}/refund/")).status == 200
    await sale.api.run_jobs()
    assert (await sale.counters())[:3] == (4, [0, 0], [0])
    assert await seats(sale.api.database, sale.event["id"]) == (4, 0, 0)


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"items": []}, "items", ["Length must be between 1 and 20."]),
        ({"items": [(None, 1), (None, 1)]}, "items", ["Each ticket type can be in one item only."]),
        ({"items": [(None, 60), (1, 41)]}, "items", ["At most 100 tickets in all."]),
        (
            {"items": [(None, 1)], "number_of_tickets": 2},
            "number_of_tickets",
            ["Must be the sum of the items, 1."],
        ),
        (
            {"items": [{"ticket_type": None, "quantity": 1, "attendees": [{"name": "A"}, {"name": "B"}]}]},
            "items",
            ["Item 1, attendees: At most 1, one for each ticket."],
        ),
        (
            {"items": [{"ticket_type": None, "quantity": 1, "attendees": [{"name": " "}]}]},
            "items",
            ["Item 1, attendees, Item 1, name: Length must be between 1 and 400."],
        ),
        (
            {"items": [{"ticket_type": None, "quantity": 1, "attendees": [["Ada"]]}]},
            "items",
            ["Item 1, attendees, Item 1: Must be a JSON object."],
        ),
        ({"items": [{"quantity": 1}]}, "items", ["Item 1, ticket_type: Missing data for required field."]),
        (
            {"items": [(None, 101)]},
            "items",
            ["Item 1, quantity: Must be a whole number from 1 to 100."],
        ),
    ],
)
async def test_bad_items_are_named(sale: Sale, body: dict[str, Any], field: str, said: list[str]) -> None:
    items = [
        item if isinstance(item, dict) else {"ticket_type": item[0], "quantity": item[1]}
        for item in body["items"]
    ]
    refused = await sale.refused(**{**body, "items": items}, status=400, code="invalid")
    assert refused.data["errors"] == {field: said}


async def test_what_does_not_fit_a_type_is_named_line_by_line(sale: Sale) -> None:
    group = await sale.type("Group", price="15.00", min_per_booking=3, max_per_booking=5)
    gift = await sale.type("Donation", price="5.00", is_open_price=True)
    hidden = await sale.type("Dinner", is_hidden=True)
    other = await (await Sale.of(sale.api)).type("Elsewhere")
    refused = await sale.refused(
        (group, 2), (gift, 1), (hidden, 1), (other, 1), (999_999, 1), status=400, code="invalid"
    )
    unknown = "ticket_type: This event has no ticket type with this id."
    assert refused.data["errors"]["items"] == [
        "Item 1, quantity: Must be from 3 to 5 for Group.",
        "Item 2, unit_price: Name a price of at least USD 5.00 for Donation.",
        *(f"Item {number}, {unknown}" for number in (3, 4, 5)),
    ]

    async def with_price(ticket_type: int, price: object) -> list[str]:
        items = [{"ticket_type": ticket_type, "quantity": 3, "unit_price": price}]
        refused = await sale.refused(items=items, status=400, code="invalid")
        return list(refused.data["errors"]["items"])

    assert await with_price(gift, "4.99") == [
        "Item 1, unit_price: Name a price of at least USD 5.00 for Donation."
    ]
    assert await with_price(group, "14.00") == [
        "Item 1, unit_price: Group costs USD 15.00: leave the price out."
    ]
    items = [
        {"ticket_type": gift, "quantity": 1, "unit_price": "7.50"},
        {"ticket_type": group, "quantity": 3, "unit_price": 15},
    ]
    made = await sale.book(items=items)
    assert (made.status, made.data["total_price"]) == (201, "52.50")


async def test_an_open_price_has_the_places_of_its_currency(sale: Sale) -> None:
    gift = await sale.type("Donation", is_open_price=True)
    await sale.api.database.execute("UPDATE events SET currency = 'JPY'")
    items = [{"ticket_type": gift, "quantity": 1, "unit_price": "7.50"}]
    refused = await sale.refused(items=items, status=400, code="invalid")
    assert refused.data["errors"] == {
        "items": ["Item 1, unit_price: Must be a whole number: JPY has no decimal places."]
    }
    items[0]["unit_price"] = 7
    assert (await sale.book(items=items)).data["total_price"] == "7.00"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sales_start": in_days(1)}, "Student is not on sale yet."),
        ({"sales_end": in_days(-1)}, "Student is no longer on sale."),
        ({"is_active": False, "price": "7.00", "max_per_booking": 2}, "Ticket type {id} is not on sale."),
    ],
)
async def test_a_type_sells_in_its_time_and_while_it_is_active(sale: Sale, change: Any, said: str) -> None:
    student = await sale.type("Student", **change)
    for quantity in (1, 3):
        refused = await sale.refused((student, quantity), status=409, code="not_on_sale")
        assert refused.data["detail"] == said.format(id=student)


async def test_the_standard_ticket_may_be_not_on_sale_while_others_are(sale: Sale) -> None:
    student = await sale.type("Student")
    await sale.code("HALF")
    settings = await sale.organizer.patch(f"{sale.path}settings/", {"is_standard_on_sale": False})
    assert settings.status == 200
    await sale.refused((STANDARD, 1), (student, 1), status=409, code="not_on_sale")
    for more in ({}, {"promo_code": "HALF"}):
        await sale.refused(**more, status=409, code="registration_closed")
    assert (await sale.book((student, 1))).status == 201


async def test_who_may_not_book_at_all_is_told_so_first(sale: Sale) -> None:
    student = await sale.type("Student", sales_start=in_days(1))
    assert (await sale.book((STANDARD, 1))).status == 201
    await sale.refused((student, 1), promo_code="WRONG", status=409, code="already_booked")
    holder = sale.buyer
    sale.buyer = await sale.api.person()
    await sale.organizer.patch(sale.path, {"max_attendees": 1})
    assert (await sale.buyer.post("/api/waitlist/", {"event": sale.event["id"]})).status == 201
    await sale.refused((student, 1), status=409, code="already_waiting")
    await sale.organizer.post(f"{sale.path}cancel/")
    await sale.refused((student, 1), status=409, code="registration_closed")
    assert holder is not sale.buyer


async def test_a_no_show_whose_ticket_is_gone_reads_what_the_organizer_can_do(sale: Sale) -> None:
    student = await sale.type("Student", capacity=2)
    first, _ = [await sale.book((student, 1), who=await sale.api.person()) for _ in range(2)]
    await sale.api.database.execute("UPDATE bookings SET status = 'confirmed'")
    await sale.api.database.execute("UPDATE events SET seats_confirmed = 2")
    await move_event(sale.api.database, sale.event["id"], starts_in_hours=-1)
    path = f"/api/bookings/{first.data['id']}/"
    assert (await sale.organizer.post(f"{path}no_show/")).status == 200
    assert (await sale.organizer.patch(f"/api/ticket_types/{student}/", {"capacity": 1})).status == 200
    refused = await sale.organizer.post(f"{path}attended/")
    assert (refused.status, refused.data["code"]) == (409, "seats_taken")
    assert refused.data["detail"].endswith(": raise max_attendees or the capacity of its ticket type first.")
    assert (await sale.organizer.patch(f"/api/ticket_types/{student}/", {"capacity": 2})).status == 200
    assert (await sale.organizer.post(f"{path}attended/")).status == 200


async def test_sold_out_names_the_type_or_the_event(sale: Sale) -> None:
    student = await sale.type("Student", capacity=3)
    dinner = await sale.type("Dinner", capacity=4, is_reserved=True)
    assert (await sale.book((student, 2), who=await sale.api.person())).status == 201
    refused = await sale.refused((student, 2), status=409, code="sold_out")
    assert refused.data["detail"] == "Student has 1 ticket left, fewer than the 2 asked for."
    refused = await sale.refused((STANDARD, 4), (student, 1), status=409, code="sold_out")
    assert refused.data["detail"].startswith(
        f"Event {sale.event['id']} has 4 seats left for sale, fewer than the 5"
    )
    # What is set aside is sold to the last, though the event has no seat left, and people wait for one.
    assert (await sale.book((STANDARD, 4), who=await sale.api.person())).status == 201
    await (await sale.api.person()).post("/api/waitlist/", {"event": sale.event["id"]})
    assert (await sale.book((dinner, 4))).status == 201
    assert await seats(sale.api.database, sale.event["id"]) == (10, 0, 1)


async def test_seats_that_people_wait_for_are_not_for_sale_to_types_either(sale: Sale) -> None:
    student = await sale.type("Student")
    await sale.api.database.execute("UPDATE events SET waiting_count = 8")
    await sale.refused((student, 3), status=409, code="sold_out")
    assert (await sale.book((student, 2))).status == 201


async def test_an_account_holds_a_hundred_unpaid_tickets_with_items_too(make_api: MakeApi) -> None:
    sale = await Sale.of(await make_api(rate_limit=True), max_attendees=500)
    student = await sale.type("Student", price=1)
    assert (await sale.book((student, 60))).status == 201
    sale.event = await sale.organizer.create_event(max_attendees=500)
    student = await sale.type("Student", price=1)
    free = await sale.type("Free")
    await sale.refused((student, 41), status=409, code="too_many_holds")
    assert (await sale.book((free, 41))).status == 201


async def test_a_total_that_no_gateway_takes_is_refused(sale: Sale, monkeypatch: pytest.MonkeyPatch) -> None:
    for gateway, least in ((MockGateway, "0.50"), (OfflineGateway, "1.00")):
        limits = Limits(Decimal(least), Decimal(1000))
        monkeypatch.setattr(gateway, "limits", lambda *_, limits=limits: limits)
    await sale.code("NEARLY", value="98")
    refused = await sale.refused((STANDARD, 1), promo_code="NEARLY", status=409, code="total_too_small")
    assert refused.data["detail"] == "This costs USD 0.40, and no payment method takes less than USD 0.50."
    assert (await sale.book((STANDARD, 2), promo_code="NEARLY")).status == 201


async def test_a_code_is_refused_for_what_is_wrong_with_it(sale: Sale) -> None:
    student = await sale.type("Student")
    refused = await sale.refused((STANDARD, 1), promo_code="nothing", status=400, code="unknown_promo_code")
    assert refused.data["errors"] == {"promo_code": ["This event has no such promo code."]}
    elsewhere = await Sale.of(sale.api)
    await elsewhere.code("ELSEWHERE")
    await sale.refused((STANDARD, 1), promo_code="ELSEWHERE", status=400, code="unknown_promo_code")
    await sale.code("OFF", is_active=False)
    await sale.code("EARLY", valid_from=in_days(1))
    await sale.code("LATE", valid_until=in_days(-1))
    await sale.code("OTHERS", ticket_types=[student])
    for code in ("OFF", "EARLY", "LATE", "OTHERS"):
        await sale.refused((STANDARD, 1), promo_code=code, status=409, code="promo_code_not_valid")
    assert (await sale.book((STANDARD, 1), (student, 1), promo_code="OTHERS")).status == 201


async def test_wrong_codes_are_counted_and_right_ones_are_not(make_api: MakeApi) -> None:
    sale = await Sale.of(await make_api(rate_limit=True, rate_limit_code="3/minute"))
    await sale.code("HALF")
    for _ in range(5):
        assert (await sale.quote((STANDARD, 1), promo_code="HALF", who=sale.api.anonymous)).status == 200
    for who in (sale.buyer, sale.api.anonymous):
        for _ in range(3):
            assert (await sale.quote((STANDARD, 1), promo_code="WRONG", who=who)).status == 400
        assert (await sale.quote((STANDARD, 1), promo_code="HALF", who=who)).status == 429
        assert (await sale.quote((STANDARD, 1), who=who)).status == 200
    assert (await sale.book((STANDARD, 1), promo_code="HALF")).status == 429
    assert (await sale.book((STANDARD, 1))).status == 201


async def test_a_code_with_too_few_uses_left_is_refused_and_never_makes_it_dearer(sale: Sale) -> None:
    await sale.code("THREE", max_uses=3)
    assert (await sale.book((STANDARD, 2), promo_code="THREE", who=await sale.api.person())).status == 201
    refused = await sale.refused((STANDARD, 2), promo_code="THREE", status=409, code="promo_code_used_up")
    assert "can be used for 1 more ticket, fewer than the 2" in refused.data["detail"]
    assert (await sale.book((STANDARD, 1), promo_code="THREE")).data["discount"] == "10.00"


async def test_a_hidden_type_is_sold_with_a_code_that_names_it(sale: Sale) -> None:
    dinner = await sale.type("Dinner", price="30.00", is_hidden=True)
    await sale.code("VISIBLE")
    await sale.code("DINNER", kind="unlock", value=None, ticket_types=[dinner], max_uses=2)
    for more in ({}, {"promo_code": "VISIBLE"}):
        await sale.refused((dinner, 1), **more, status=400, code="invalid")
    await sale.refused((dinner, 3), promo_code="DINNER", status=409, code="promo_code_used_up")
    made = await sale.book((dinner, 2), promo_code="DINNER")
    assert (made.status, made.data["total_price"], made.data["discount"]) == (201, "60.00", "0.00")
    assert (await sale.counters())[2] == [0, 2]


async def test_the_price_of_a_booking_is_that_of_its_creation(sale: Sale) -> None:
    student = await sale.type("Student", price="9.00")
    code = await sale.code("HALF")
    made = await sale.book((student, 1), promo_code="HALF")
    await sale.organizer.patch(f"/api/ticket_types/{student}/", {"price": "90.00", "name": "Pupil"})
    await sale.organizer.patch(f"/api/promo_codes/{code}/", {"value": "1", "code": "ONE"})
    booking = (await sale.buyer.get(f"/api/bookings/{made.data['id']}/")).data
    assert {**booking, "promo_code": "HALF"} == made.data


async def test_a_repeated_request_books_once(sale: Sale) -> None:
    student = await sale.type("Student")
    body = {"event": sale.event["id"], "items": [{"ticket_type": student, "quantity": 2}]}
    made = [
        await sale.buyer.post("/api/bookings/", body, headers={"Idempotency-Key": "key"}) for _ in range(2)
    ]
    assert (made[0].status, made[1].status, made[0].data) == (201, 201, made[1].data)
    assert (await sale.counters())[:2] == (2, [2])


async def test_a_line_that_waits_is_served_when_items_are_given_back(sale: Sale) -> None:
    student = await sale.type("Student")
    await sale.organizer.patch(sale.path, {"max_attendees": 2})
    made = await sale.book((student, 2))
    waiting = await sale.api.person()
    entry = await waiting.post("/api/waitlist/", {"event": sale.event["id"]})
    assert (await sale.buyer.post(f"/api/bookings/{made.data['id']}/cancel/")).status == 200
    await sale.api.run_jobs()
    assert (await waiting.get(f"/api/waitlist/{entry.data['id']}/")).data["status"] == "offered"
    (offered,) = (await waiting.get("/api/bookings/")).data
    assert (offered["number_of_tickets"], offered["total_price"]) == (1, "20.00")
    assert await seats(sale.api.database, sale.event["id"]) == (1, 0, 0)
