"""Events that are moved: never into the past, and by how much so that who had booked may have their money back."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from eventhub import localized
from eventhub.services import events
from tests.api import Api, Person, in_days
from tests.money import (
    assert_money_balances,
    make_jobs_due,
    organizer_and_payer,
    people,
    reserve,
    start_paying,
    status,
)
from tests.rows import move_event, pass_deadline
from tests.web.test_errors import check_error

PRICE = "29.99"


async def clock(api: Api) -> int:
    async with api.database.transaction() as tx:
        return await events.move_on_time(tx)


# --- the past ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"start_date": -355, "end_date": -354.9},
        {"start_date": -1},
        {"start_date": -0.0001, "end_date": 1},
        {"start_date": -2, "end_date": -1, "registration_deadline": -3},
    ],
)
async def test_a_published_event_is_not_moved_into_the_past(api: Api, changes: dict[str, float]) -> None:
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    times = {name: in_days(days) for name, days in changes.items()}
    for refused in (await organizer.patch(path, times), await organizer.put(path, {**event, **times})):
        check_error(refused, 409, "in_the_past")
        assert "/complete/" in refused.data["detail"]
    assert (await organizer.get(path)).data == event
    assert await clock(api) == 0


async def test_a_draft_may_lie_in_the_past_and_the_clock_completes_it(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event(publish=False)
    path = f"/api/events/{event['id']}/"
    past = {"start_date": in_days(-2), "end_date": in_days(-1)}
    assert (await organizer.patch(path, past)).status == 200
    assert (await organizer.post(f"{path}publish/")).data["status"] == "published"
    assert await clock(api) == 2
    assert (await organizer.get(path)).data["status"] == "completed"


@pytest.mark.parametrize("clock_was_round", [False, True])
async def test_an_event_has_begun_at_its_start_whether_or_not_the_clock_was_round(
    api: Api, clock_was_round: bool
) -> None:
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    await move_event(api.database, event["id"], starts_in_hours=-0.001)
    if clock_was_round:
        assert await clock(api) == 1
    for start in (in_days(3), in_days(-1), in_days(0.01)):
        refused = await organizer.patch(
            path, {"start_date": start, "end_date": in_days(4), "registration_deadline": in_days(-2)}
        )
        check_error(refused, 409, "event_started")
    check_error(await organizer.patch(path, {"end_date": in_days(-0.00001)}), 409, "in_the_past")
    # What it has already is taken back as it is, and it may end later.
    begun = (await organizer.get(path)).data
    assert (await organizer.put(path, begun)).status == 200
    later = await organizer.patch(path, {"end_date": in_days(1), "location": "Next door"})
    assert (later.status, later.data["start_date"]) == (200, begun["start_date"])


async def test_an_event_that_is_over_is_put_back_as_it_is(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event()
    path = f"/api/events/{event['id']}/"
    await move_event(api.database, event["id"], starts_in_hours=-5)
    over = (await organizer.get(path)).data
    assert (over["status"], (await organizer.put(path, over)).status) == ("published", 200)


# --- other terms ------------------------------------------------------------------------------------------------------


class Sold:
    """An event that somebody has paid for, whose registration deadline has passed since."""

    def __init__(self, api: Api, organizer: Person, person: Person, event: dict[str, Any]) -> None:
        self.api = api
        self.organizer = organizer
        self.person = person
        self.event = event

    @classmethod
    async def of(cls, api: Api) -> "Sold":
        organizer, person = await organizer_and_payer(api)
        event = await organizer.create_event(price=PRICE, registration_deadline=in_days(5))
        sold = cls(api, organizer, person, event)
        sold.booking, sold.payment = await sold.pay(person)
        await pass_deadline(api.database, event["id"])
        return sold

    booking: dict[str, Any]
    payment: dict[str, Any]

    async def pay(self, person: Person) -> tuple[dict[str, Any], dict[str, Any]]:
        booking = await reserve(person, self.event)
        payment = await start_paying(person, booking)
        await self.api.run_jobs()
        return booking, payment

    async def change(self, **changes: object) -> None:
        answer = await self.organizer.patch(f"/api/events/{self.event['id']}/", changes)
        assert answer.status == 200, answer.data

    def moved(self, minutes: float, name: str = "start_date") -> str:
        return (datetime.fromisoformat(self.event[name]) + timedelta(minutes=minutes)).isoformat()

    async def refund(self) -> tuple[int, str]:
        answer = await self.person.post(f"/api/payments/{self.payment['id']}/refund/")
        return answer.status, str(answer.data["status"] if answer.status == 200 else answer.data["code"])


REFUSED = (409, "registration_closed")
REFUNDED = (200, "refunded")


async def test_who_had_booked_may_cancel_with_refund_where_the_event_has_changed(api: Api) -> None:
    sold = await Sold.of(api)
    assert await sold.refund() == REFUSED
    await sold.change(start_date=in_days(60), end_date=in_days(60.1), location="Another country")
    path = f"/api/bookings/{sold.booking['id']}/cancel/"
    cancelled = await sold.person.post(path)
    assert (cancelled.status, cancelled.data["refund_status"]) == (200, "refunded")
    assert (
        cancelled.data["detail"]
        == f"The event has changed since it was booked. USD {PRICE} goes back to the payer."
    )
    assert (await sold.person.post(path)).data == cancelled.data
    assert await status(sold.person, "payments", sold.payment) == "refunded"
    await api.run_jobs()
    await assert_money_balances(api.database.fetch)


@pytest.mark.parametrize(
    ("minutes", "name", "expected"),
    [
        (15, "start_date", REFUNDED),
        (-15, "start_date", REFUNDED),
        (14.99, "start_date", REFUSED),
        (-14.99, "start_date", REFUSED),
        (15, "end_date", REFUNDED),
        (-14.99, "end_date", REFUSED),
    ],
)
async def test_a_move_of_15_minutes_or_more_counts(
    api: Api, minutes: float, name: str, expected: tuple[int, str]
) -> None:
    sold = await Sold.of(api)
    await sold.change(**{name: sold.moved(minutes, name)})
    assert await sold.refund() == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"location": "Another town"}, REFUNDED),
        ({"is_online": True}, REFUNDED),
        ({"online_url": "https://meet.example.com/x"}, REFUSED),
        (
            {
                "title": "Typo mended",
                "description": "New",
                "price": "1.00",
                "tags": "new",
                "max_attendees": 60,
            },
            REFUSED,
        ),
        ({"location": "Test Location", "is_online": False}, REFUSED),
    ],
)
async def test_another_place_counts_and_a_link_or_a_title_does_not(
    api: Api, changes: dict[str, object], expected: tuple[int, str]
) -> None:
    sold = await Sold.of(api)
    await sold.change(**changes)
    assert await sold.refund() == expected


@pytest.mark.parametrize("is_told_between", [False, True])
async def test_many_small_moves_are_a_large_one(api: Api, is_told_between: bool) -> None:
    sold = await Sold.of(api)
    for minutes, expected in ((10, REFUSED), (0, REFUSED), (-10, REFUSED), (-14, REFUSED), (-15, REFUNDED)):
        await sold.change(start_date=sold.moved(minutes), online_url=f"https://meet.example.com/{minutes}")
        if is_told_between:
            await make_jobs_due(api)
            await api.run_jobs()
            async with api.database.transaction() as tx:
                assert await events.tell_stalled(tx) == 0
        assert await sold.refund() == expected


async def test_the_right_lasts_for_seven_days_and_ends_at_the_start(api: Api) -> None:
    sold = await Sold.of(api)
    await sold.change(location="Another town")
    shift = "UPDATE events SET terms_changed_at = now() - $1::interval"
    booked = "UPDATE bookings SET registered_at = now() - interval '20 days'"
    await api.database.execute(booked)
    await api.database.execute(shift, timedelta(days=7, seconds=1))
    assert await sold.refund() == REFUSED
    await api.database.execute(shift, timedelta(days=6, hours=23))
    await move_event(api.database, sold.event["id"], starts_in_hours=-0.01)
    assert await sold.refund() == REFUSED
    await move_event(api.database, sold.event["id"], starts_in_hours=1)
    await pass_deadline(api.database, sold.event["id"])
    assert await sold.refund() == REFUNDED


async def test_the_right_is_of_who_had_booked_before(api: Api) -> None:
    sold = await Sold.of(api)
    later, gave_up = await people(api, 2)
    await api.database.execute("UPDATE events SET registration_deadline = now() + interval '1 day'")
    given_up = await sold.pay(gave_up)
    await pass_deadline(api.database, sold.event["id"])
    answer = await gave_up.post(f"/api/bookings/{given_up[0]['id']}/cancel/")
    assert answer.data["refund_status"] == "not_refunded"
    await sold.change(location="Another town", registration_deadline=in_days(4))
    _, payment = await sold.pay(later)
    await pass_deadline(api.database, sold.event["id"])
    assert (await later.post(f"/api/payments/{payment['id']}/refund/")).status == 409
    assert (await gave_up.post(f"/api/payments/{given_up[1]['id']}/refund/")).status == 409
    assert await sold.refund() == REFUNDED


async def test_a_draft_has_no_terms(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    draft = await organizer.create_event(publish=False)
    assert (await organizer.patch(f"/api/events/{draft['id']}/", {"location": "Elsewhere"})).status == 200
    assert await api.database.fetch_value("SELECT terms_changed_at FROM events") is None


async def test_who_has_paid_is_told_until_when_they_may_cancel(api: Api) -> None:
    sold = await Sold.of(api)
    unpaid, waiting, trusted = await people(api, 3)
    await sold.change(registration_deadline=in_days(4), max_attendees=3)
    await reserve(unpaid, sold.event)
    booking = await reserve(trusted, sold.event)
    await sold.organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    await waiting.post("/api/waitlist/", {"event": sold.event["id"]})
    await sold.change(location="Hall 1")
    await make_jobs_due(api)
    await api.run_jobs()
    changed_at: datetime = await api.database.fetch_value("SELECT terms_changed_at FROM events")
    until = changed_at + timedelta(days=7)
    news = "Test Workshop has changed: the place is now Hall 1."
    offer = f" If that does not suit you, you may cancel with a full refund until {localized.moment(until)}."
    for person, message in ((sold.person, news + offer), (unpaid, news), (trusted, news), (waiting, news)):
        told = (await person.get("/api/notifications/?notification_type=event_updated")).data
        assert [note["message"] for note in told] == [message]
    # News of a link are no news of the terms.
    await sold.change(online_url="https://meet.example.com/x")
    await make_jobs_due(api)
    await api.run_jobs()
    told = (await sold.person.get("/api/notifications/?notification_type=event_updated")).data
    assert told[0]["message"].endswith("there is a new link to join it.")


async def test_who_gets_a_seat_from_the_line_reads_when_and_where_it_is(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    holder, waiting = await people(api, 2)
    event = await organizer.create_event(max_attendees=1)
    booking = await holder.book(event)
    await waiting.post("/api/waitlist/", {"event": event["id"]})
    moved = {"start_date": "2099-06-01T18:00:00Z", "end_date": "2099-06-01T20:00:00Z", "location": "Far away"}
    assert (await organizer.patch(f"/api/events/{event['id']}/", moved)).status == 200
    await holder.post(f"/api/bookings/{booking['id']}/cancel/")
    await api.run_jobs()
    (offer,) = (await waiting.get("/api/notifications/?notification_type=waitlist_available")).data
    assert offer["message"] == (
        "A seat for Test Workshop (Monday, 1 June 2099, 18:00 to 20:00 UTC, place: Far away) came free and is booked "
        "for you."
    )
