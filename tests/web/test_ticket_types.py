"""Ticket types over HTTP: what an organizer makes and changes, what is refused, and who sees which."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.api import Answer, Api, Person, in_days
from tests.conftest import MakeApi
from tests.rows import insert_booking, insert_code, insert_items, insert_type, seats
from tests.web.test_errors import check_error


class Shop:
    """An organizer's event of 50 seats, with ways to make and change its ticket types."""

    def __init__(self, organizer: Person, event: Mapping[str, Any]) -> None:
        self.api = organizer.api
        self.organizer = organizer
        self.event_id: int = event["id"]
        self.path = f"/api/events/{self.event_id}/ticket_types/"

    async def ask(self, name: str = "Student", **details: object) -> Answer:
        return await self.organizer.post(self.path, {"name": name, **details})

    async def make(self, name: str = "Student", **details: object) -> dict[str, Any]:
        made = await self.ask(name, **details)
        assert made.status == 201, made.data
        return dict(made.data)

    async def change(self, kind: Mapping[str, Any], **changes: object) -> Answer:
        return await self.organizer.patch(f"/api/ticket_types/{kind['id']}/", changes)

    async def remove(self, kind: Mapping[str, Any]) -> Answer:
        return await self.organizer.delete(f"/api/ticket_types/{kind['id']}/")

    async def names(self, reader: Person, query: str = "") -> list[str]:
        answer = await reader.get(self.path + query)
        assert answer.status == 200, answer.data
        return [kind["name"] for kind in answer.data]

    async def held(self) -> int:
        """Return how many of the event's seats are held, after checking its counters."""
        return (await seats(self.api.database, self.event_id))[0]

    async def hold(self, kind: Mapping[str, Any], tickets: int, **changes: object) -> None:
        """Let somebody hold so many tickets of a type."""
        database = self.api.database
        owner = await self.api.person()
        booking = await insert_booking(
            database,
            self.event_id,
            owner.id,
            number_of_tickets=tickets,
            total_price=5 * tickets,
            is_itemized=True,
            **changes,
        )
        await insert_items(database, booking, (kind["id"], tickets))
        if "status" not in changes:
            await database.execute(
                "UPDATE ticket_types SET seats_held = seats_held + $2 WHERE id = $1", kind["id"], tickets
            )
            if not kind["is_reserved"]:
                await database.execute(
                    "UPDATE events SET seats_held = seats_held + $2 WHERE id = $1", self.event_id, tickets
                )


@pytest.fixture
async def shop(api: Api) -> Shop:
    return await open_shop(api)


async def open_shop(api: Api, **changes: Any) -> Shop:
    organizer = await api.person("organizer")
    return Shop(organizer, await organizer.create_event(**changes))


# --- what is made ---------------------------------------------------------------------------------------------------


async def test_a_name_is_enough_and_all_else_has_its_default(shop: Shop) -> None:
    made = await shop.make("  Student ")
    assert made == {
        "id": made["id"],
        "event": shop.event_id,
        "name": "Student",
        "description": "",
        "price": "0.00",
        "is_open_price": False,
        "capacity": None,
        "is_reserved": False,
        "sales_start": None,
        "sales_end": None,
        "min_per_booking": 1,
        "max_per_booking": 100,
        "is_hidden": False,
        "is_active": True,
        "position": 0,
        "available": 50,
        "status": "on_sale",
        "seats_held": 0,
    }
    assert (await shop.organizer.get(f"/api/ticket_types/{made['id']}/")).data == made
    shown = (await shop.api.anonymous.get(f"/api/ticket_types/{made['id']}/")).data
    assert shown == {name: value for name, value in made.items() if name != "seats_held"}


async def test_an_event_is_as_it_was_beside_ticket_types(shop: Shop) -> None:
    path = f"/api/events/{shop.event_id}/"
    before = (await shop.organizer.get(path)).data
    await shop.make(price="5.00", capacity=20)
    assert (await shop.organizer.get(path)).data == before


async def test_the_list_is_whole_by_position_and_id(shop: Shop) -> None:
    for number in range(50):
        await insert_type(shop.api.database, shop.event_id, f"Type {number}", position=number % 7)
    answer = await shop.api.anonymous.get(shop.path)
    found = [(kind["position"], kind["id"]) for kind in answer.data]
    assert len(found) == 50
    assert found == sorted(found)
    assert "Link" not in answer.headers


async def test_no_event_has_a_51st(shop: Shop) -> None:
    for number in range(49):
        await insert_type(shop.api.database, shop.event_id, f"Type {number}")
    last = await shop.make("The 50th")
    check_error(await shop.ask("The 51st"), 409, "too_many_ticket_types")
    assert (await shop.remove(last)).status == 204
    await shop.make("Another 50th")


async def test_a_name_is_taken_once_in_an_event_whatever_its_case(shop: Shop) -> None:
    first, second = await shop.make("Früh"), await shop.make("Late")
    for name in ("Früh", "FRÜH", " früh  "):
        check_error(await shop.ask(name), 409, "name_taken")
        check_error(await shop.change(second, name=name), 409, "name_taken")
    assert (await shop.change(first, name="FRÜH")).data["name"] == "FRÜH"
    other = await shop.organizer.create_event()
    await Shop(shop.organizer, other).make("Früh")


async def test_a_price_is_one_that_can_be_paid(make_api: MakeApi) -> None:
    stripe = {"stripe_api_key": "sk_test", "stripe_webhook_secret": "whsec"}
    yen = await open_shop(
        await make_api(currency="JPY", payment_gateways={"credit_card": "stripe"}, **stripe), price="0"
    )
    check_error(await yen.ask(price="500.50"), 400, "invalid", "price")
    check_error(await yen.ask(price="1"), 400, "invalid", "price")
    check_error(await yen.ask(price="1", is_open_price=True), 400, "invalid", "price")
    made = await yen.make(price="500", is_open_price=True)
    assert (made["price"], made["is_open_price"]) == ("500.00", True)
    check_error(await yen.change(made, price="500.50"), 400, "invalid", "price")
    assert (await yen.change(made, price="0")).data["price"] == "0.00"
    # What stands is not refused because the gateways have changed.
    await yen.api.database.execute("UPDATE ticket_types SET price = 1 WHERE id = $1", made["id"])
    assert (await yen.change(made, price="1.00", position=3)).status == 200


async def test_what_does_not_fit_together_is_refused_by_name(shop: Shop) -> None:
    soon, later = in_days(1), in_days(2)
    for body, fields in (
        ({"sales_start": later, "sales_end": soon}, ["sales_end"]),
        ({"sales_start": soon, "sales_end": soon}, ["sales_end"]),
        ({"min_per_booking": 5, "max_per_booking": 4}, ["max_per_booking"]),
        ({"is_reserved": True}, ["capacity"]),
        ({"is_reserved": True, "min_per_booking": 2, "max_per_booking": 1}, ["max_per_booking", "capacity"]),
        ({"sales_start": "1999-01-01T00:00:00Z"}, ["sales_start"]),
        ({"sales_end": "2201-01-01T00:00:00Z"}, ["sales_end"]),
    ):
        check_error(await shop.ask(**body), 400, "invalid", *fields)
    kind = await shop.make(sales_start=soon, sales_end=later, min_per_booking=3, max_per_booking=6)
    for changes, field in (
        ({"sales_start": in_days(3)}, "sales_end"),
        ({"sales_end": in_days(0)}, "sales_end"),
        ({"min_per_booking": 7}, "max_per_booking"),
        ({"max_per_booking": 2}, "max_per_booking"),
    ):
        check_error(await shop.change(kind, **changes), 400, "invalid", field)
    assert (await shop.change(kind, sales_end=None, sales_start=in_days(3))).status == 200


# --- what changes ---------------------------------------------------------------------------------------------------


async def test_only_what_is_sent_changes_and_read_only_keys_do_not(shop: Shop) -> None:
    kind = await shop.make(price="5.00", capacity=20, description="For students", max_per_booking=3)
    sent = {
        "price": "7.00",
        "id": 77,
        "event": 77,
        "available": 0,
        "status": "ended",
        "seats_held": 9,
        "x": 1,
    }
    assert (await shop.change(kind, **sent)).data == {**kind, "price": "7.00"}
    assert (await shop.change(kind)).data == {**kind, "price": "7.00"}


async def test_what_one_got_may_be_sent_back(shop: Shop) -> None:
    kind = await shop.make(
        price="5.00",
        capacity=20,
        is_reserved=True,
        sales_start=in_days(1),
        sales_end=in_days(2),
        is_hidden=True,
    )
    # As no request can make it any more, but an older version could have.
    await shop.api.database.execute("UPDATE ticket_types SET sales_start = '1990-01-01Z'")
    kind = (await shop.organizer.get(f"/api/ticket_types/{kind['id']}/")).data
    assert (await shop.change(kind, **kind)).data == kind
    assert await facts(shop) == [("ticket_type.created", {"ticket_type": kind["id"]})]


async def test_what_is_reserved_stays_so(shop: Shop) -> None:
    for number, is_reserved in enumerate((True, False)):
        kind = await shop.make(f"Type {number}", is_reserved=is_reserved, capacity=5)
        check_error(await shop.change(kind, is_reserved=not is_reserved), 400, "invalid", "is_reserved")
        assert (await shop.change(kind, is_reserved=is_reserved)).data == kind


async def test_a_reserved_type_takes_its_seats_and_gives_them_back(shop: Shop) -> None:
    kind = await shop.make(is_reserved=True, capacity=10)
    assert (kind["available"], await shop.held()) == (10, 10)
    for capacity, held in ((25, 25), (50, 50), (8, 8), (8, 8)):
        changed = await shop.change(kind, capacity=capacity)
        assert (changed.data["capacity"], changed.data["available"], await shop.held()) == (
            capacity,
            capacity,
            held,
        )
    for refused in (51, 1_000_000):
        check_error(await shop.change(kind, capacity=refused), 409, "sold_out")
    check_error(await shop.change(kind, capacity=None), 400, "invalid", "capacity")
    check_error(await shop.ask("Dinner", is_reserved=True, capacity=43), 409, "sold_out")
    assert await shop.held() == 8
    assert (await shop.remove(kind)).status == 204
    assert await shop.held() == 0


async def test_seats_that_are_set_aside_are_taken_for_documented_clients(shop: Shop) -> None:
    await shop.make(is_reserved=True, capacity=48)
    event = (await shop.api.anonymous.get(f"/api/events/{shop.event_id}/")).data
    assert event["available_spots"] == 2
    buyer = await shop.api.person()
    refused = await buyer.post("/api/bookings/", {"event": shop.event_id, "number_of_tickets": 3})
    check_error(refused, 409, "sold_out")
    await buyer.book(event, 2)
    fewer = await shop.organizer.patch(f"/api/events/{shop.event_id}/", {"max_attendees": 49})
    check_error(fewer, 409, "seats_taken")


async def test_people_in_line_come_before_seats_that_are_set_aside_and_get_those_given_back(api: Api) -> None:
    shop = await open_shop(api, max_attendees=10)
    kind = await shop.make(is_reserved=True, capacity=9)
    holder, first, second = await api.person(), await api.person(), await api.person()
    await holder.book({"id": shop.event_id})
    for person in (first, second):
        assert (await person.post("/api/waitlist/", {"event": shop.event_id})).status == 201
    raised = await shop.organizer.patch(f"/api/events/{shop.event_id}/", {"max_attendees": 12})
    assert raised.status == 200
    check_error(await shop.change(kind, capacity=10), 409, "sold_out")
    await api.run_jobs()
    assert await seats(api.database, shop.event_id) == (12, 3, 0)
    third = await api.person()
    await third.post("/api/waitlist/", {"event": shop.event_id})
    assert (await shop.change(kind, capacity=8)).status == 200
    await api.run_jobs()
    assert await seats(api.database, shop.event_id) == (12, 4, 0)
    fourth = await api.person()
    await fourth.post("/api/waitlist/", {"event": shop.event_id})
    assert (await shop.remove(kind)).status == 204
    await api.run_jobs()
    assert await seats(api.database, shop.event_id) == (5, 5, 0)


@pytest.mark.parametrize("is_reserved", [True, False])
async def test_a_capacity_is_never_below_what_is_held(shop: Shop, is_reserved: bool) -> None:
    kind = await shop.make(is_reserved=is_reserved, capacity=10)
    await shop.hold(kind, 4)
    check_error(await shop.change(kind, capacity=3), 409, "seats_taken")
    changed = (await shop.change(kind, capacity=4)).data
    assert (changed["seats_held"], changed["available"], changed["status"]) == (4, 0, "sold_out")
    assert await shop.held() == 4
    if not is_reserved:
        assert (await shop.change(kind, capacity=None)).data["available"] == 46


async def test_capacities_may_add_up_to_more_than_the_events(shop: Shop) -> None:
    for name in ("One", "Two"):
        assert (await shop.make(name, capacity=50))["available"] == 50
    assert (await shop.make("Three", capacity=1_000_000))["available"] == 50


async def test_one_that_was_ever_booked_is_not_deleted(shop: Shop) -> None:
    kind = await shop.make()
    await shop.hold(kind, 2, status="cancelled")
    refused = await shop.remove(kind)
    check_error(refused, 409, "has_bookings")
    assert "is_active" in refused.data["detail"]
    assert (await shop.change(kind, is_active=False)).data["status"] == "inactive"


async def test_an_event_that_nobody_booked_is_deleted_with_its_types(shop: Shop) -> None:
    kind = await shop.make(is_reserved=True, capacity=10)
    assert (await shop.organizer.delete(f"/api/events/{shop.event_id}/")).status == 204
    assert (await shop.organizer.get(f"/api/ticket_types/{kind['id']}/")).status == 404
    assert (await shop.change(kind, name="New")).status == 404


@pytest.mark.parametrize("state", ["cancelled", "completed"])
async def test_nothing_changes_once_the_event_is_over(shop: Shop, state: str) -> None:
    kind = await shop.make()
    await shop.api.database.execute(
        "UPDATE events SET status = 'ongoing', start_date = now() - interval '1 hour', "
        "registration_deadline = now() - interval '1 hour'"
        if state == "completed"
        else "UPDATE events SET tags = ''"
    )
    action = "complete" if state == "completed" else "cancel"
    assert (await shop.organizer.post(f"/api/events/{shop.event_id}/{action}/")).status == 200
    for answer in (await shop.ask("New"), await shop.change(kind, name="Student"), await shop.remove(kind)):
        check_error(answer, 409, "wrong_state")
        assert state in answer.data["detail"]
    assert (await shop.api.anonymous.get(f"/api/ticket_types/{kind['id']}/")).data["status"] == "ended"


async def test_what_happens_is_recorded(shop: Shop) -> None:
    kind = await shop.make(price="5.00", capacity=20)
    await shop.change(kind, price="6.00", capacity=30, name="Student")
    await shop.remove(kind)
    about = {"ticket_type": kind["id"]}
    assert await facts(shop) == [
        ("ticket_type.created", about),
        ("ticket_type.updated", {**about, "changed": ["capacity", "price"]}),
        ("ticket_type.deleted", about),
    ]


async def facts(shop: Shop) -> list[tuple[str, object]]:
    rows = await shop.api.database.fetch(
        "SELECT type, data FROM facts WHERE event_id = $1 AND type LIKE 'ticket_type.%' "
        "AND actor_id = $2 AND via = 'user' ORDER BY id",
        shop.event_id,
        shop.organizer.id,
    )
    return [(row["type"], orjson.loads(row["data"])) for row in rows]


# --- who sees what --------------------------------------------------------------------------------------------------


async def test_hidden_and_inactive_ones_are_for_who_may_edit_the_event(shop: Shop) -> None:
    admin, rival = await shop.api.person("admin"), await shop.api.person("organizer")
    made = [
        await shop.make("Open"),
        await shop.make("Hidden", is_hidden=True),
        await shop.make("Inactive", is_active=False),
    ]
    for reader, sees in ((shop.organizer, 3), (admin, 3), (rival, 1), (shop.api.anonymous, 1)):
        assert await shop.names(reader) == ["Open", "Hidden", "Inactive"][:sees]
        found = [(await reader.get(f"/api/ticket_types/{kind['id']}/")).status for kind in made]
        assert found == [200] * sees + [404] * (3 - sees)


async def test_a_promo_code_shows_the_hidden_ones_that_it_is_for(shop: Shop) -> None:
    database = shop.api.database
    speaker = await shop.make("Speaker", is_hidden=True)
    sponsor = await shop.make("Sponsor", is_hidden=True)
    retired = await shop.make("Retired", is_hidden=True, is_active=False)
    await shop.make("Open")
    await insert_code(
        database, shop.event_id, "PRESS", kind="unlock", ticket_types=[speaker["id"], retired["id"]]
    )
    await insert_code(
        database, shop.event_id, "OLD", kind="unlock", ticket_types=[sponsor["id"]], is_active=False
    )
    other = await shop.organizer.create_event()
    await insert_code(database, other["id"], "ELSEWHERE", kind="unlock", ticket_types=[sponsor["id"]])
    for reader in (shop.api.anonymous, await shop.api.person()):
        assert await shop.names(reader, "?code=press") == ["Speaker", "Open"]
        assert await shop.names(reader, "?code=OLD") == ["Open"]
        assert await shop.names(reader) == ["Open"]
        shown = await reader.get(f"/api/ticket_types/{speaker['id']}/?code=PRESS")
        assert (shown.status, shown.data["name"], "seats_held" in shown.data) == (200, "Speaker", False)
        for kind, code in ((speaker, "OLD"), (sponsor, "PRESS"), (sponsor, "OLD"), (retired, "PRESS")):
            assert (await reader.get(f"/api/ticket_types/{kind['id']}/?code={code}")).status == 404
        for query in ("?code=ELSEWHERE", "?code=nothing", f"?code={'x' * 200}"):
            check_error(await reader.get(shop.path + query), 400, "unknown_promo_code", "code")
    assert (await shop.api.anonymous.get(f"/api/events/{other['id']}/ticket_types/?code=")).data == []


@pytest.mark.parametrize("query", ["?code=%00", "?code=a&code=b", f"?code={'x' * 201}"])
async def test_a_code_that_can_be_none_is_named(shop: Shop, query: str) -> None:
    kind = await shop.make()
    for path in (shop.path, f"/api/ticket_types/{kind['id']}/"):
        check_error(await shop.api.anonymous.get(path + query), 400, "invalid", "code")


async def test_trying_codes_does_not_tell_which_hidden_types_there_are(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_code="3/minute")
    shop = await open_shop(api)
    hidden, shown = await shop.make("Speaker", is_hidden=True), await shop.make("Open")
    for number in (hidden["id"], 999_999):
        person = await api.person()
        path = f"/api/ticket_types/{number}/?code=wrong"
        assert [(await person.get(path)).status for _ in range(5)] == [404, 404, 404, 429, 429]
    person = await api.person()
    path = f"/api/ticket_types/{shown['id']}/?code=wrong"
    assert [(await person.get(path)).status for _ in range(5)] == [400, 400, 400, 429, 429]
    # No look-up without a code.
    assert (await person.get(path.partition("?")[0])).status == 200


async def test_each_wrong_code_counts_and_a_copy_is_shared_by_who_has_the_same_code(
    make_api: MakeApi,
) -> None:
    api = await make_api(rate_limit=True, rate_limit_code="3/minute")
    shop = await open_shop(api)
    speaker = await shop.make("Speaker", is_hidden=True)
    await insert_code(api.database, shop.event_id, "PRESS", kind="unlock", ticket_types=[speaker["id"]])
    anyone = api.anonymous
    for _ in range(3):
        assert await shop.names(anyone) == []
        assert await shop.names(anyone, "?code=PRESS") == ["Speaker"]
    answers = [await anyone.get(f"{shop.path}?code=wrong{number % 2}") for number in range(4)]
    assert [answer.status for answer in answers] == [400, 400, 400, 429]
    assert "Cache-Control" in (await anyone.get(shop.path)).headers


async def test_public_reads_know_what_the_reader_has(shop: Shop) -> None:
    kind = await shop.make()
    reader = await shop.api.person()
    for who, control in ((shop.api.anonymous, "public, max-age=0"), (reader, "private, no-cache")):
        for path in (shop.path, f"/api/ticket_types/{kind['id']}/"):
            full = await who.get(path)
            assert (full.headers["Cache-Control"], full.headers["Vary"]) == (control, "Authorization")
            again = await who.get(path, headers={"If-None-Match": full.headers["ETag"]})
            assert (again.status, again.text) == (304, "")
            assert (await who.request("HEAD", path)).headers["ETag"] == full.headers["ETag"]
    await shop.change(kind, name="New")
    assert await shop.names(reader) == ["New"]


async def test_types_of_a_draft_are_not_there_for_others(api: Api) -> None:
    organizer, rival = await api.person("organizer"), await api.person("organizer")
    draft = Shop(organizer, await organizer.create_event(publish=False))
    kind = await draft.make(is_reserved=True, capacity=10)
    assert kind["status"] == "not_yet"
    for reader in (rival, api.anonymous):
        for path in (draft.path, f"{draft.path}?code=x", f"/api/ticket_types/{kind['id']}/"):
            assert (await reader.get(path)).status == 404
    assert (await rival.post(draft.path, {"name": "Mine"})).status == 404
    assert (await rival.patch(f"/api/ticket_types/{kind['id']}/", {"name": "Mine"})).status == 404
    assert (await rival.delete(f"/api/ticket_types/{kind['id']}/")).status == 404
    assert (await organizer.post(f"/api/events/{draft.event_id}/publish/")).status == 200
    assert (await api.anonymous.get(f"/api/ticket_types/{kind['id']}/")).data["status"] == "on_sale"


async def test_a_deactivated_organizers_types_sell_nothing(shop: Shop) -> None:
    kind = await shop.make()
    admin = await shop.api.person("admin")
    assert (await admin.patch(f"/api/users/{shop.organizer.id}/", {"is_active": False})).status == 200
    await shop.api.run_jobs()
    assert (await admin.get(f"/api/ticket_types/{kind['id']}/")).data["status"] == "inactive"
    await admin.post(f"/api/events/{shop.event_id}/hand_over/", {"organizer": admin.id})
    assert (await admin.get(f"/api/ticket_types/{kind['id']}/")).data["status"] == "on_sale"
