"""Every type of fact: recorded by what people, jobs, gateways and time do, once, with the data that docs/changes.md says."""

from collections import Counter
from typing import Any

import orjson
import pytest

from eventhub.models.facts import FactType
from eventhub.models.payments import Dispute
from eventhub.services import events, payments, waitlist
from eventhub.services.ports.payments import DisputeElsewhere, GatewayState, MovedElsewhere
from tests import recorded
from tests.api import Answer, Api, Person, event_details
from tests.money import PRICE, FakeGateway, let_hold_run_out, people, reserve, start_paying

TEXT = "Wörds of a person"


class World:
    """People, and the facts that came of what they did last."""

    def __init__(self, api: Api, gateway: FakeGateway) -> None:
        self.api = api
        self.gateway = gateway
        self.seen = 0

    async def open(self) -> None:
        self.admin = await self.api.person("admin", first_name=TEXT)
        (self.organizer, self.successor) = await people(self.api, 2, "organizer")
        self.guests = await people(self.api, 4)

    async def facts(self) -> list[dict[str, Any]]:
        """Return the facts since the last look."""
        rows = await self.api.database.fetch(
            "SELECT id, type, user_id, actor_id, via, data FROM facts WHERE id > $1 ORDER BY id", self.seen
        )
        self.seen = max([self.seen, *(row["id"] for row in rows)])
        return [{**row, "data": orjson.loads(row["data"])} for row in rows]

    async def types(self) -> list[str]:
        return [fact["type"] for fact in await self.facts()]

    async def do(self, person: Person, path: str, body: object = None, method: str = "POST") -> Answer:
        """Ask, run the jobs of it, and ask again: what a repetition changes is nothing, or refused."""
        answer = await person.request(method, path, body)
        assert answer.status in {200, 201, 204}, (path, answer.data)
        await self.api.run_jobs(may_fail=True)
        return answer


@pytest.fixture
async def world(api: Api, gateway: FakeGateway) -> World:
    made = World(api, gateway)
    await made.open()
    return made


async def _an_event(world: World) -> None:
    organizer = world.organizer
    event = (await world.do(organizer, "/api/events/", event_details(title=TEXT))).data["id"]
    path = f"/api/events/{event}/"
    assert await world.types() == ["event.created"]
    for _ in range(2):
        await world.do(organizer, path, {"description": TEXT, "title": TEXT}, "PATCH")
        await world.do(organizer, f"{path}settings/", {"standard_ticket": TEXT}, "PATCH")
    assert [fact["data"]["changed"] for fact in await world.facts()] == [["description"], ["standard_ticket"]]
    session = {
        "event": event,
        "title": TEXT,
        "start_time": "2030-01-01T10:00:00Z",
        "end_time": "2030-01-01T11:00:00Z",
    }
    made = (await world.do(organizer, "/api/sessions/", session)).data["id"]
    for _ in range(2):
        await world.do(organizer, f"/api/sessions/{made}/", {"title": f"{TEXT}!"}, "PATCH")
    await world.do(organizer, f"/api/sessions/{made}/", None, "DELETE")
    made = (await world.do(organizer, f"{path}ticket_types/", {"name": TEXT})).data["id"]
    for _ in range(2):
        await world.do(organizer, f"/api/ticket_types/{made}/", {"name": f"{TEXT}!"}, "PATCH")
    await world.do(organizer, f"/api/ticket_types/{made}/", None, "DELETE")
    code = {"code": "PRESS", "kind": "free", "comment": TEXT}
    made = (await world.do(organizer, f"{path}promo_codes/", code)).data["id"]
    for _ in range(2):
        await world.do(organizer, f"/api/promo_codes/{made}/", {"comment": f"{TEXT}!"}, "PATCH")
    await world.do(organizer, f"/api/promo_codes/{made}/", None, "DELETE")
    resources = ("session", "ticket_type", "promo_code")
    assert await world.types() == [
        f"{one}.{verb}" for one in resources for verb in ("created", "updated", "deleted")
    ]
    for _ in range(2):
        await world.do(world.admin, f"{path}hand_over/", {"organizer": world.successor.id})
    await world.do(world.successor, path, None, "DELETE")
    assert await world.types() == ["event.handed_over", "event.deleted"]


async def _a_paid_booking(world: World) -> None:
    organizer, payer = world.organizer, world.guests[0]
    event = await organizer.create_event(price=PRICE, title=TEXT)
    booking = await reserve(payer, event)
    for _ in range(2):
        await world.do(payer, f"/api/bookings/{booking['id']}/", {"special_requirements": TEXT}, "PATCH")
    for state in (GatewayState.FAILED, GatewayState.PENDING):
        world.gateway.next_state = state
        payment = await start_paying(payer, booking, billing_address=TEXT)
        await world.api.run_jobs()
    for _ in range(2):
        await world.do(payer, f"/api/payments/{payment['id']}/cancel/")
    world.gateway.next_state = GatewayState.SUCCEEDED
    payment = await start_paying(payer, booking)
    await world.api.run_jobs()
    for dispute in (Dispute.OPEN, Dispute.OPEN, Dispute.WON):
        await _look(world, payment["id"], dispute)
    for _ in range(2):
        await world.do(organizer, f"/api/payments/{payment['id']}/refund/")
    facts = await world.facts()
    assert [fact["type"] for fact in facts] == [
        "event.created", "event.published", "booking.created", "booking.updated",
        "payment.created", "payment.failed", "payment.created", "payment.cancelled",
        "payment.created", "booking.confirmed", "payment.completed", "invoice.issued",
        "payment.disputed", "payment.disputed",
        "booking.cancelled", "payment.refunded", "invoice.issued", "payment.returned",
    ]  # fmt: skip
    by = {fact["type"]: (fact["user_id"], fact["actor_id"], fact["via"]) for fact in facts}
    assert by["booking.created"] == (payer.id, payer.id, "user")
    assert by["payment.completed"] == (payer.id, None, "gateway")
    assert by["booking.cancelled"] == (payer.id, organizer.id, "user")
    assert by["payment.returned"] == (payer.id, None, "gateway")
    assert facts[2]["data"]["total_price"] == PRICE


async def _look(world: World, payment_id: int, state: Dispute) -> None:
    seen_at = await world.api.database.fetch_value(
        "SELECT checked_at FROM payments WHERE id = $1", payment_id
    )
    moved = MovedElsewhere(disputes=(DisputeElsewhere("dp_1", state),))
    async with world.api.database.transaction() as tx:
        await payments.follow(tx, payment_id, moved, seen_at=seen_at)


async def _a_line(world: World) -> None:
    organizer, (first, second, third, fourth) = world.organizer, world.guests
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    await let_hold_run_out(world.api, await reserve(first, event))
    await world.api.run_jobs()
    booking = await reserve(first, event)
    for person in (second, third, fourth):
        await world.do(person, "/api/waitlist/", {"event": event["id"]})
    await world.types()
    await world.do(first, f"/api/bookings/{booking['id']}/cancel/")
    assert await world.types() == ["booking.cancelled", "booking.created", "waitlist.offered"]
    await let_hold_run_out(world.api, (await second.get("/api/bookings/")).data[0])
    await world.api.run_jobs()
    expired = ["booking.expired", "waitlist.expired"]
    assert await world.types() == [*expired, "booking.created", "waitlist.offered"]
    mine = (await third.get("/api/bookings/")).data[0]
    for _ in range(2):
        await world.do(organizer, f"/api/bookings/{mine['id']}/confirm/")
    entry = (await fourth.get("/api/waitlist/")).data[0]
    await world.do(fourth, f"/api/waitlist/{entry['id']}/leave/")
    await world.do(second, "/api/waitlist/", {"event": event["id"]})
    for _ in range(2):
        async with world.api.database.transaction() as tx:
            await waitlist.close(tx, event["id"])
    assert await world.types() == [
        "booking.confirmed",
        "waitlist.accepted",
        "waitlist.left",
        "waitlist.joined",
    ]
    await world.do(organizer, f"/api/events/{event['id']}/cancel/")
    await world.api.run_jobs()
    assert Counter(await world.types()) == Counter(
        ["event.cancelled", "waitlist.closed", "booking.cancelled"]
    )


async def _a_day(world: World) -> None:
    organizer, (first, second, *_) = world.organizer, world.guests
    event = await organizer.create_event()
    bookings = [(await person.book(event))["id"] for person in (first, second)]
    path = f"/api/events/{event['id']}/"
    await world.types()
    await world.api.database.execute(
        "UPDATE events SET registration_deadline = now(), start_date = now() WHERE id = $1", event["id"]
    )
    for _ in range(2):
        async with world.api.database.transaction() as tx:
            await events.move_on_time(tx)
    for action in ("no_show", "attended"):
        for _ in range(2):
            await world.do(organizer, f"/api/bookings/{bookings[0]}/{action}/")
    for _ in range(2):
        await world.do(organizer, f"{path}complete/")
    assert await world.types() == [
        "event.started", "booking.no_show", "booking.attended", "event.completed", "certificate.issued", "certificate.issued",
    ]  # fmt: skip
    (certificate,) = (await first.get("/api/certificates/")).data
    await world.do(first, "/api/users/me/", {"first_name": "Anna Maria"}, "PATCH")
    for _ in range(2):
        await world.do(first, f"/api/certificates/{certificate['id']}/reissue/")
    await world.do(organizer, f"/api/bookings/{bookings[0]}/no_show/")
    review = {"event": event["id"], "rating": 4, "title": TEXT, "review": TEXT}
    made = (await world.do(second, "/api/reviews/", review)).data["id"]
    for _ in range(2):
        await world.do(second, f"/api/reviews/{made}/", {"review": f"{TEXT}!"}, "PATCH")
    await world.do(second, f"/api/reviews/{made}/", None, "DELETE")
    assert await world.types() == [
        "certificate.reissued", "booking.no_show", "certificate.revoked", "review.created", "review.updated", "review.deleted",
    ]  # fmt: skip


async def test_every_type_is_recorded_once_with_its_data_and_without_what_people_wrote(world: World) -> None:
    for part in (_an_event, _a_paid_booking, _a_line, _a_day):
        await part(world)
        await world.types()
    world.seen = 0
    found = await world.facts()
    documented = recorded.documented()
    assert {fact["type"] for fact in found} == set(FactType) == set(documented)
    for fact in found:
        must, may = documented[fact["type"]]
        assert must <= fact["data"].keys() <= must | may, fact
        assert TEXT.split(maxsplit=1)[0] not in repr(fact["data"])
