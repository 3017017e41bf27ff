"""A booking ends one way, once: its seats go back once, whoever cancels, confirms or lets it expire at the moment."""

import pytest

from eventhub.models.jobs import EXPIRE_BOOKING
from tests.cluster import Cluster
from tests.races.books import (
    act,
    all_jobs_done,
    assert_books_balance,
    at_once,
    booked,
    count,
    enqueue,
    statuses,
    told,
)

PRICE = "25.00"  # with something to pay, no job confirms the booking


async def _organizer_and_owner(cluster: Cluster) -> tuple[str, str]:
    (organizer,), (owner,) = await cluster.people(1, "organizer"), await cluster.people(1)
    return organizer, owner


async def _state(cluster: Cluster, booking: int) -> str:
    return str((await cluster.sql("SELECT status FROM bookings WHERE id = $1", booking))[0][0])


async def test_20_cancels_at_once_give_the_seats_back_once(running: Cluster) -> None:
    organizer, owner = await _organizer_and_owner(running)
    others = await running.people(2)
    event = await running.event(organizer, max_attendees=20)
    async with running.http() as http:
        await booked(http, others, event, tickets=5)
        (booking,) = await booked(http, [owner], event, tickets=7)
        await all_jobs_done(running)
        cancels = [act(http, owner, f"bookings/{booking}/cancel") for _ in range(20)]
        answers = await at_once(running, event, cancels)
    assert statuses(answers) == {200: 20}
    assert {data["status"] for _, data in answers} == {"cancelled"}
    assert (
        await count(running, "events WHERE id = $1 AND (seats_held, seats_confirmed) = (10, 10)", event) == 1
    )
    await assert_books_balance(running)


async def test_20_confirmations_at_once_count_once(running: Cluster) -> None:
    organizer, owner = await _organizer_and_owner(running)
    event = await running.event(organizer, max_attendees=20, price=PRICE)
    async with running.http() as http:
        (booking,) = await booked(http, [owner], event, tickets=3)
        confirmations = [act(http, organizer, f"bookings/{booking}/confirm") for _ in range(20)]
        answers = await at_once(running, event, confirmations)
    assert statuses(answers) == {200: 20}
    assert await count(running, "events WHERE id = $1 AND (seats_held, seats_confirmed) = (3, 3)", event) == 1
    assert list((await told(running, event, "booking_confirmation")).values()) == [1]
    await assert_books_balance(running)


async def test_cancels_raced_with_confirmations_leave_no_seat_behind(running: Cluster) -> None:
    organizer, owner = await _organizer_and_owner(running)
    event = await running.event(organizer, max_attendees=20, price=PRICE)
    async with running.http() as http:
        (booking,) = await booked(http, [owner], event, tickets=3)
        answers = await at_once(
            running,
            event,
            [
                act(http, token, f"bookings/{booking}/{action}")
                for _ in range(10)
                for token, action in ((organizer, "confirm"), (owner, "cancel"))
            ],
        )
    assert statuses(answers[1::2]) == {200: 10}
    assert set(statuses(answers[::2])) <= {200, 409}
    assert await _state(running, booking) == "cancelled"
    assert await count(running, "events WHERE id = $1 AND (seats_held, seats_confirmed) = (0, 0)", event) == 1
    await assert_books_balance(running)


async def _started(cluster: Cluster, event: int) -> None:
    await cluster.sql(
        "UPDATE events SET registration_deadline = now() - interval '1 hour', start_date = now() - interval '1 hour' "
        "WHERE id = $1",
        event,
    )
    await cluster.eventually("SELECT status FROM events WHERE id = $1", "ongoing", event)


async def test_20_no_shows_at_once_give_the_seats_back_once(running: Cluster) -> None:
    organizer, owner = await _organizer_and_owner(running)
    others = await running.people(2)
    event = await running.event(organizer, max_attendees=20)
    async with running.http() as http:
        await booked(http, others, event, tickets=5)
        (booking,) = await booked(http, [owner], event, tickets=3)
        await all_jobs_done(running)
        await _started(running, event)
        marks = [act(http, organizer, f"bookings/{booking}/no_show") for _ in range(20)]
        answers = await at_once(running, event, marks)
    assert statuses(answers) == {200: 20}
    assert (
        await count(running, "events WHERE id = $1 AND (seats_held, seats_confirmed) = (10, 10)", event) == 1
    )
    await assert_books_balance(running)


async def test_a_no_show_raced_with_a_cancel_is_one_or_the_other(running: Cluster) -> None:
    organizer, owner = await _organizer_and_owner(running)
    event = await running.event(organizer, max_attendees=20)
    async with running.http() as http:
        (booking,) = await booked(http, [owner], event, tickets=3)
        await all_jobs_done(running)
        await _started(running, event)
        answers = await at_once(
            running,
            event,
            [
                act(http, organizer, f"bookings/{booking}/{action}")
                for _ in range(10)
                for action in ("no_show", "cancel")
            ],
        )
    won, lost = answers[::2], answers[1::2]
    if await _state(running, booking) == "cancelled":
        won, lost = lost, won
    assert statuses(won) == {200: 10}
    assert statuses(lost) == {409: 10}
    assert await count(running, "events WHERE id = $1 AND (seats_held, seats_confirmed) = (0, 0)", event) == 1
    await assert_books_balance(running)


@pytest.mark.parametrize("action", ["confirm", "cancel"])
async def test_a_hold_that_runs_out_is_expired_or_answered_never_both(running: Cluster, action: str) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(12)]
    event = await running.event(organizer, max_attendees=50, price=PRICE)
    async with running.http() as http:
        bookings = await booked(http, people, event, tickets=2)
        await running.sql(
            "UPDATE bookings SET expires_at = now() - interval '1 second' WHERE event_id = $1", event
        )
        tokens = [organizer] * 12 if action == "confirm" else people
        answers = await at_once(
            running,
            event,
            [
                act(http, token, f"bookings/{booking}/{action}")
                for token, booking in zip(tokens, bookings, strict=True)
            ],
            jobs=4,
        )
    await all_jobs_done(running)
    expired = await told(running, event, "system_announcement")
    rows = await running.sql(
        "SELECT id, user_id, status FROM bookings WHERE event_id = $1 ORDER BY id", event
    )
    for (status, _), row in zip(answers, rows, strict=True):
        if action == "confirm":
            assert (status, row["status"], expired[row["user_id"]]) in {
                (200, "confirmed", 0),
                (409, "cancelled", 1),
            }
        else:
            assert (status, row["status"]) == (200, "cancelled")
            assert expired[row["user_id"]] <= 1
    await assert_books_balance(running)


async def test_one_hold_expired_by_ten_jobs_gives_its_seats_back_once(running: Cluster) -> None:
    organizer, owner, other = [*await running.people(1, "organizer"), *await running.people(2)]
    event = await running.event(organizer, max_attendees=20, price=PRICE)
    async with running.http() as http:
        await booked(http, [other], event, tickets=10)
        (booking,) = await booked(http, [owner], event, tickets=3)
    await running.sql("UPDATE bookings SET expires_at = now() - interval '1 second' WHERE id = $1", booking)
    await at_once(running, event, [enqueue(running, EXPIRE_BOOKING, 10, booking_id=booking)], jobs=4)
    await all_jobs_done(running)
    assert await count(running, "events WHERE id = $1 AND seats_held = 10", event) == 1
    assert list((await told(running, event, "system_announcement")).values()) == [1]
    await assert_books_balance(running)
