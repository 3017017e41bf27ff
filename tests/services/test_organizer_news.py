"""What organizers are told of bookings and money: once, at the time and in the amount that they have set."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest

from eventhub.database import Row
from eventhub.models.jobs import TELL_NEWS
from eventhub.services import facts, news
from tests.api import Api, Person
from tests.money import (
    PRICE,
    FakeGateway,
    let_hold_run_out,
    make_jobs_due,
    people,
    reserve,
    run_kind,
    start_paying,
)
from tests.waiting import until


async def gather(api: Api) -> int:
    """Do what workers and clocks do with facts."""
    await facts.number_all(api.database)
    async with api.database.transaction() as tx:
        return await news.gather(tx)


async def tell(api: Api) -> None:
    """Gather, and tell what is due, as if eight o'clock had come."""
    await gather(api)
    await api.database.execute("UPDATE due_news SET due_at = now()")
    await gather(api)
    await run_kind(api, TELL_NEWS)


async def told(organizer: Person) -> list[str]:
    rows = (await organizer.get("/api/notifications/", params={"ordering": "id"})).data
    return [row["message"] for row in rows if row["title"] == "News of Your Event"]


async def set_news(organizer: Person, event: dict[str, object], value: str) -> None:
    answer = await organizer.patch(f"/api/events/{event['id']}/settings/", {"organizer_news": value})
    assert answer.status == 200


async def test_a_digest_counts_a_day_and_is_told_once(api: Api, gateway: FakeGateway) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second, third = await people(api, 3)
    event = await organizer.create_event(price=PRICE, title="Rivers")
    paid = await reserve(first, event, 2)
    await start_paying(first, paid)
    await api.run_jobs()
    await second.post(f"/api/bookings/{(await reserve(second, event))['id']}/cancel/")
    await let_hold_run_out(api, await reserve(third, event, 2))
    await api.run_jobs()
    await tell(api)
    await tell(api)
    assert await told(organizer) == [
        "Rivers: 3 bookings (5 tickets), 1 confirmed, 1 cancelled, 1 expired, USD 59.98 received."
    ]
    await first.post(f"/api/bookings/{paid['id']}/cancel/")
    await tell(api)
    assert (await told(organizer))[1:] == ["Rivers: 1 booking cancelled, USD 59.98 refunded."]
    assert await api.database.fetch("SELECT FROM due_news") == []


async def test_what_organizers_do_themselves_is_no_news_to_them(api: Api, gateway: FakeGateway) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second = await people(api, 2)
    event = await organizer.create_event(price=PRICE, title="Rivers")
    confirmed = await reserve(first, event)
    await reserve(second, event)
    await organizer.post(f"/api/bookings/{confirmed['id']}/confirm/")
    await organizer.post(f"/api/events/{event['id']}/cancel/")
    await api.run_jobs()
    await tell(api)
    assert await told(organizer) == ["Rivers: 2 bookings (2 tickets)."]


async def test_with_each_every_booking_is_told_by_itself_and_a_flood_is_a_digest(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "MOST_AT_ONCE", 2)
    (organizer,) = await people(api, 1, "organizer")
    guests = await people(api, 5)
    event = await organizer.create_event(title="Rivers")
    await set_news(organizer, event, "each")
    await guests[0].book(event)
    await guests[1].book(event, 2)
    await gather(api)
    await run_kind(api, TELL_NEWS)
    assert await told(organizer) == [
        "Rivers: 1 booking (1 ticket), 1 confirmed.",
        "Rivers: 1 booking (2 tickets), 1 confirmed.",
    ]
    for guest in guests[2:]:
        await guest.book(event)
    await gather(api)
    await run_kind(api, TELL_NEWS)
    assert (await told(organizer))[2:] == ["Rivers: 3 bookings (3 tickets), 3 confirmed."]


async def test_a_digest_of_many_bookings_is_counted_by_the_database(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of a large sale is not read into a worker."""
    (organizer,) = await people(api, 1, "organizer")
    guests = await people(api, 6)
    event = await organizer.create_event(title="Rivers")
    rows: list[int] = []
    original = news._in_words

    def in_words(counted: Sequence[Row]) -> str:
        rows.append(len(counted))
        return original(counted)

    monkeypatch.setattr(news, "_in_words", in_words)
    for some in (guests[:1], guests[1:]):
        for guest in some:
            await guest.book(event)
        await tell(api)
    assert await told(organizer) == [
        "Rivers: 1 booking (1 ticket), 1 confirmed.",
        "Rivers: 5 bookings (5 tickets), 5 confirmed.",
    ]
    assert rows == [2, 2]


async def test_who_wants_no_news_is_told_of_what_comes_after_they_want_some(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    guests = await people(api, 3)
    event = await organizer.create_event(title="Rivers")
    await guests[0].book(event)
    await gather(api)
    await set_news(organizer, event, "none")
    await guests[1].book(event)
    await tell(api)
    assert await api.database.fetch("SELECT FROM due_news") == []
    await set_news(organizer, event, "daily")
    await guests[2].book(event, 3)
    await tell(api)
    assert await told(organizer) == ["Rivers: 1 booking (3 tickets), 1 confirmed."]


async def test_a_job_that_is_lost_or_fails_loses_no_news(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second = await people(api, 2)
    event = await organizer.create_event(title="Rivers")
    await set_news(organizer, event, "each")
    await reserve(first, event)
    await gather(api)
    await api.database.execute("DELETE FROM jobs")
    await reserve(second, event)
    await gather(api)  # finds it again
    with monkeypatch.context() as patch:
        patch.setattr(news, "_in_words", lambda _: 1 / 0)
        await run_kind(api, TELL_NEWS)
    assert await told(organizer) == []
    await make_jobs_due(api)
    await run_kind(api, TELL_NEWS)
    assert len(await told(organizer)) == 2


_WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_of_two_clocks_one_looks_and_what_is_told_meanwhile_is_not_lost(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second = await people(api, 2)
    event = await organizer.create_event(title="Rivers")
    await set_news(organizer, event, "each")
    await reserve(first, event)
    await gather(api)
    await reserve(second, event)
    await facts.number_all(api.database)
    is_told, may_commit = asyncio.Event(), asyncio.Event()

    async def tell_slowly() -> None:
        async with api.database.transaction() as tx:
            await news.tell(tx, event["id"])
            is_told.set()
            await may_commit.wait()

    telling = asyncio.create_task(tell_slowly())
    await is_told.wait()
    gathering = asyncio.create_task(gather(api))
    await until(
        lambda: api.database.fetch(_WAITING), "the other look waits for the note that is being dropped"
    )
    assert await gather(api) == 0
    may_commit.set()
    await telling
    await gathering
    await run_kind(api, TELL_NEWS)
    assert await told(organizer) == ["Rivers: 1 booking (1 ticket)."] * 2


@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        ("UTC", "2026-06-15T07:59:00Z", "2026-06-15T08:00:00Z"),
        ("UTC", "2026-06-15T08:00:00Z", "2026-06-16T08:00:00Z"),
        ("Asia/Tokyo", "2026-06-15T22:30:00Z", "2026-06-15T23:00:00Z"),
        ("America/Los_Angeles", "2026-06-15T15:00:00Z", "2026-06-16T15:00:00Z"),
        (
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            "2026-03-29T06:00:00Z",
        ),  # the night of the change of clocks
    ],
)
def test_a_digest_is_due_at_the_next_eight_o_clock_of_the_event(zone: str, now: str, due: str) -> None:
    event = {"now": datetime.fromisoformat(now), "timezone": zone, "organizer_news": "daily"}
    assert news._due_at(event) == datetime.fromisoformat(due)
    assert news._due_at({**event, "organizer_news": "each"}) == event["now"]
