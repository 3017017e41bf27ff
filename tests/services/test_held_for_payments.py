"""How long a payment holds its booking, and which payments are not begun at all."""

from dataclasses import replace
from typing import Any

from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.services.ports.payments import GatewayState
from tests.api import Api, in_days
from tests.money import (
    PRICE,
    FakeGateway,
    assert_money_balances,
    end_hold,
    let_hold_run_out,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
    status,
    tick,
)
from tests.rows import move_event


async def test_a_payment_pending_for_ever_holds_its_seats_for_a_bounded_time(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    payment = await start_paying(person, booking)
    await api.run_jobs()
    times = await api.database.fetch_one(
        "SELECT extract(epoch FROM b.expires_at - b.registered_at)::int AS held, "
        "extract(epoch FROM p.wait_until - p.created_at)::int AS waits FROM bookings b, payments p"
    )
    assert dict(times or {}) == {"held": 1800, "waits": 3900}
    await end_hold(api, booking["id"])
    await tick(api)
    await api.run_jobs()
    assert gateway.calls == ["charge"], "it has its time"
    assert await status(person, "bookings", booking) == "pending"
    await let_hold_run_out(api, booking)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"
    assert await status(person, "payments", payment) == "cancelled"


async def test_payments_tried_again_and_again_hold_no_seat_longer(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    held_until = await api.database.fetch_value("SELECT expires_at FROM bookings")
    gateway.next_state = GatewayState.FAILED
    for _ in range(3):
        await start_paying(person, booking)
        await api.run_jobs()
    assert await api.database.fetch_value("SELECT expires_at FROM bookings") == held_until
    await end_hold(api, booking["id"])
    late = await person.post("/api/payments/", {"booking": booking["id"]})
    assert (late.status, late.data["code"]) == (409, "hold_expired")
    await tick(api)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"


async def test_a_payment_from_before_payments_had_a_time_is_voided_when_the_hold_ends(
    api: Api, gateway: FakeGateway
) -> None:
    organizer, person = await organizer_and_payer(api)
    booking = await reserve(person, await organizer.create_event(price=PRICE))
    gateway.next_state = GatewayState.PENDING
    await start_paying(person, booking)
    await api.run_jobs()
    await api.database.execute("UPDATE payments SET wait_until = NULL")
    await end_hold(api, booking["id"])
    await tick(api)
    await api.run_jobs()
    assert await status(person, "bookings", booking) == "cancelled"


async def test_money_keeps_no_seat_past_the_start(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event(price=PRICE)
    await person.verify()
    await start_paying(person, await reserve(person, event), method="bank_transfer")
    assert await api.database.fetch_value("SELECT wait_until < now() + interval '8 days' FROM payments")
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() + interval '1 hour', start_date = now() + interval '1 hour'"
    )
    (other,) = await people(api, 1)
    await other.verify()
    theirs = await start_paying(other, await reserve(other, event), method="bank_transfer")
    assert await api.database.fetch_value(
        "SELECT p.wait_until = e.start_date FROM payments p, events e WHERE p.id = $1", theirs["id"]
    )


async def _held_until(api: Api, payment: dict[str, Any], column: str) -> bool:
    """Whether a payment keeps its booking until just then."""
    return bool(
        await api.database.fetch_value(
            f"SELECT p.wait_until = {column} FROM payments p JOIN bookings b ON b.id = p.booking_id "
            "JOIN events e ON e.id = b.event_id WHERE p.id = $1",
            payment["id"],
        )
    )


async def test_a_transfer_keeps_no_seat_past_the_deadline_and_a_gateways_payment_does(
    api: Api, gateway: FakeGateway
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second, third = await people(api, 3)
    event = await organizer.create_event(price=PRICE, registration_deadline=in_days(9))
    for person in (first, second):
        await person.verify()
    early = await start_paying(first, await reserve(first, event), method="bank_transfer")
    assert await _held_until(api, early, "p.created_at + interval '7 days'")
    path = f"/api/events/{event['id']}/"
    assert (await organizer.patch(path, {"registration_deadline": in_days(0.01)})).status == 200
    assert await _held_until(api, early, "e.registration_deadline")
    late = await start_paying(second, await reserve(second, event), method="bank_transfer")
    assert await _held_until(api, late, "e.registration_deadline")
    charged = await start_paying(third, await reserve(third, event), method="mock")
    assert await _held_until(api, charged, "p.created_at + interval '3900 seconds'")


async def test_a_transfer_keeps_no_offer_and_a_gateways_payment_does(api: Api, gateway: FakeGateway) -> None:
    (organizer,) = await people(api, 1, "organizer")
    holder, *line = await people(api, 4)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    held = await reserve(holder, event)
    for person in line:
        await person.verify()
        assert (await person.post("/api/waitlist/", {"event": event["id"]})).status == 201
    assert (await holder.post(f"/api/bookings/{held['id']}/cancel/")).status == 200
    await api.run_jobs()
    (offer,) = (await line[0].get("/api/bookings/")).data
    transfer = await start_paying(line[0], offer, method="bank_transfer")
    api.resources = replace(api.resources, gateways={"mock": gateway, "offline": OfflineGateway()})
    await api.run_jobs()
    assert await _held_until(api, transfer, "b.expires_at")
    await let_hold_run_out(api, offer)
    await api.run_jobs()
    assert (await status(line[0], "bookings", offer), await status(line[0], "payments", transfer)) == (
        "cancelled",
        "cancelled",
    )
    (offer,) = (await line[1].get("/api/bookings/")).data
    gateway.next_state = GatewayState.PENDING
    await start_paying(line[1], offer, method="mock")
    await end_hold(api, offer["id"])
    await tick(api)
    await api.run_jobs()
    assert await status(line[1], "bookings", offer) == "pending"


async def test_a_transfer_for_a_seat_that_was_free_at_joining_keeps_it_as_any_booking(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    (person,) = await people(api, 1)
    await person.verify()
    event = await organizer.create_event(price=PRICE, start_date=in_days(30), end_date=in_days(31))
    assert (await person.post("/api/waitlist/", {"event": event["id"]})).data["status"] == "offered"
    (booking,) = (await person.get("/api/bookings/")).data
    transfer = await start_paying(person, booking, method="bank_transfer")
    assert await _held_until(api, transfer, "p.created_at + interval '7 days'")


async def test_a_nearer_deadline_ends_an_offer_that_a_transfer_was_begun_for(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    holder, person = await people(api, 2)
    event = await organizer.create_event(price=PRICE, max_attendees=1)
    held = await reserve(holder, event)
    await person.verify()
    await person.post("/api/waitlist/", {"event": event["id"]})
    await holder.post(f"/api/bookings/{held['id']}/cancel/")
    await api.run_jobs()
    (offer,) = (await person.get("/api/bookings/")).data
    transfer = await start_paying(person, offer, method="bank_transfer")
    changed = {"registration_deadline": in_days(0.01)}
    assert (await organizer.patch(f"/api/events/{event['id']}/", changed)).status == 200
    assert await _held_until(api, transfer, "b.expires_at")
    assert await _held_until(api, transfer, "e.registration_deadline")


async def test_an_event_that_is_off_or_over_takes_no_payment(api: Api, gateway: FakeGateway) -> None:
    organizer, person = await organizer_and_payer(api)
    off, over = await organizer.create_event(price=PRICE), await organizer.create_event(price=PRICE)
    bookings = [await reserve(person, event) for event in (off, over)]
    (late,) = await people(api, 1)
    confirmed = await reserve(late, over)
    await organizer.post(f"/api/bookings/{confirmed['id']}/confirm/")
    await organizer.post(f"/api/events/{off['id']}/cancel/")
    await move_event(api.database, over["id"], starts_in_hours=-1)
    await organizer.post(f"/api/events/{over['id']}/complete/")
    for booking in bookings:
        refused = await person.post("/api/payments/", {"booking": booking["id"]})
        assert (refused.status, refused.data["code"]) == (409, "event_not_open"), refused.data
    # Who was there by the organizer's word may still pay.
    await start_paying(late, confirmed)
    await api.run_jobs()
    assert len(gateway.charges) == 1
    await assert_money_balances(api.database.fetch)
