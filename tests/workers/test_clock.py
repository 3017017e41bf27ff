"""What time brings, once, however many clocks look."""

import asyncio
import gc
import importlib
import itertools
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis.asyncio

from eventhub import services
from eventhub.database import Database, Row, Transaction
from eventhub.models.operations import ProcessKind
from eventhub.services import jobs, payments, waitlist
from eventhub.services.heartbeat import Heartbeat
from eventhub.services.periodic import PeriodicTask
from eventhub.services.promises import Promise
from eventhub.settings import Settings
from eventhub.workers.clock import TASKS, ScheduledTask, purges, repeat, schedule
from tests.api import Api, Person
from tests.clock import do_round
from tests.money import organizer_and_payer, people, reserve, start_paying, status, titles
from tests.waiting import until
from tests.workers.conftest import Work, texts

CLOCKS = 2


async def round_of_two_clocks(api: Api) -> None:
    """Let two clocks do a round at once, and run what they caused."""
    await asyncio.gather(*(do_round(api.database) for _ in range(CLOCKS)))
    await api.run_jobs()


async def start_in(api: Api, event: int, hours: float) -> None:
    """Move an event's start (and with it the end and the deadline)."""
    await api.database.execute(
        "UPDATE events SET registration_deadline = now() + make_interval(secs => $2), "
        "start_date = now() + make_interval(secs => $2), end_date = now() + make_interval(secs => $2 + 3600) WHERE id = $1",
        event,
        hours * 3600,
    )


async def reminders(person: Person) -> int:
    return (await titles(person)).count("Event Reminder")


async def test_attendees_are_reminded_a_day_before_once_and_again_when_the_event_moves(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    (pending,) = await people(api, 1)
    event = await organizer.create_event(price="5.00")
    booking = await reserve(person, event)
    assert (await organizer.post(f"/api/bookings/{booking['id']}/confirm/")).status == 200
    await reserve(pending, event)
    await start_in(api, event["id"], 25)
    await round_of_two_clocks(api)
    assert await reminders(person) == 0
    await start_in(api, event["id"], 23.5)
    for _ in range(3):
        await round_of_two_clocks(api)
    assert (await reminders(person), await reminders(pending)) == (1, 0)
    await start_in(api, event["id"], 12)
    for _ in range(2):
        await round_of_two_clocks(api)
    assert await reminders(person) == 2


async def test_a_reminder_that_is_late_reminds_nobody_of_a_start_that_has_passed(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await start_in(api, event["id"], 5)
    await do_round(api.database)
    await start_in(api, event["id"], -0.01)
    await api.database.execute(
        "UPDATE events SET reminded_for = start_date"
    )  # the same start, seen a moment later
    await api.run_jobs()
    assert await reminders(person) == 0
    assert await api.database.fetch_value("SELECT owed FROM events") == []


async def test_a_cancelled_event_reminds_nobody(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    await person.book(event)
    await start_in(api, event["id"], 5)
    await organizer.post(f"/api/events/{event['id']}/cancel/")
    await round_of_two_clocks(api)
    assert await reminders(person) == 0


async def test_events_begin_and_end_on_time_and_the_end_is_followed_up_once(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    event = await organizer.create_event()
    draft = await organizer.create_event(publish=False)
    await person.book(event)
    path = f"/api/events/{event['id']}/"
    await start_in(api, event["id"], -0.5)
    await start_in(api, draft["id"], -0.5)
    await round_of_two_clocks(api)
    assert (await organizer.get(path)).data["status"] == "ongoing"
    assert (await organizer.get(f"/api/events/{draft['id']}/")).data["status"] == "draft"
    await start_in(api, event["id"], -2)
    for _ in range(2):
        await round_of_two_clocks(api)
    assert (await organizer.get(path)).data["status"] == "completed"
    assert await titles(person) == ["Booking Confirmation", "Certificate Issued", "How Was It?"]
    assert await api.database.fetch_value("SELECT count(*) FROM certificates") == 1


async def test_an_event_that_nobody_saw_begin_is_completed_all_the_same(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    event = await organizer.create_event()
    await start_in(api, event["id"], -24)
    await round_of_two_clocks(api)
    await round_of_two_clocks(api)
    assert (await organizer.get(f"/api/events/{event['id']}/")).data["status"] == "completed"


async def test_holds_and_offers_end_and_the_next_in_line_gets_the_seat(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    first, second, third = await people(api, 3)
    event = await organizer.create_event(price="5.00", max_attendees=1)
    held = await reserve(first, event)
    entries = [(await who.post("/api/waitlist/", {"event": event["id"]})).data for who in (second, third)]
    for who, entry in zip((second, third), entries, strict=True):
        await api.database.execute(
            "UPDATE bookings SET expires_at = now() - interval '1 second' WHERE status = 'pending'"
        )
        await round_of_two_clocks(api)
        seen = (await who.get(f"/api/waitlist/{entry['id']}/")).data
        assert (seen["status"], seen["position"]) == ("offered", None)
    assert await status(first, "bookings", held) == "cancelled"
    assert await titles(first) == ["Booking Expired"]
    assert (await second.get(f"/api/waitlist/{entries[0]['id']}/")).data["status"] == "expired"
    assert await titles(second) == ["A Seat Is Yours", "Booking Expired"]
    (offered,) = (await third.get("/api/bookings/?status=pending")).data
    await start_paying(third, offered)
    await round_of_two_clocks(api)
    assert await status(third, "bookings", offered) == "confirmed"
    assert (await third.get(f"/api/waitlist/{entries[1]['id']}/")).data["status"] == "accepted"


async def test_a_line_closes_at_the_deadline_and_its_people_hear_of_it_once(api: Api) -> None:
    (organizer,) = await people(api, 1, "organizer")
    holder, waiting = await people(api, 2)
    event = await organizer.create_event(price="5.00", max_attendees=1)
    await reserve(holder, event)
    assert (await waiting.post("/api/waitlist/", {"event": event["id"]})).status == 201
    await api.database.execute("UPDATE events SET registration_deadline = now() - interval '1 second'")
    for _ in range(2):
        await round_of_two_clocks(api)
    assert await titles(waiting) == ["Waitlist Closed"]


@pytest.mark.parametrize(("days", "left"), [(13, 1), (15, 0)])
async def test_old_lines_of_the_log_are_purged(api: Api, days: int, left: int) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.book(await organizer.create_event())
    await api.database.execute("DELETE FROM job_log WHERE kind <> 'confirm_booking'")
    await api.database.execute("UPDATE job_log SET finished_at = now() - make_interval(days => $1)", days)
    assert await jobs.purge_log(api.database, kept_days=14) == 1 - left
    assert await api.database.fetch_value("SELECT count(*) FROM job_log") == left


async def test_webhook_events_are_purged_long_after_a_provider_would_repeat_them(api: Api) -> None:
    await api.database.execute(
        "INSERT INTO webhook_events (gateway, event_id, received_at) "
        "VALUES ('stripe', 'new', now() - interval '29 days'), ('stripe', 'old', now() - interval '31 days')"
    )
    assert await payments.purge_webhook_events(api.database) == 1
    assert await api.database.fetch_value("SELECT event_id FROM webhook_events") == "new"


async def test_a_line_whose_promotion_failed_for_good_moves_all_the_same(api: Api) -> None:
    organizer, person = await organizer_and_payer(api)
    (holder,) = await people(api, 1)
    event = await organizer.create_event(max_attendees=1)
    booking = await holder.book(event)
    await person.post("/api/waitlist/", {"event": event["id"]})
    assert (await holder.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    await api.database.execute("UPDATE jobs SET state = 'failed' WHERE kind = 'promote_waitlist'")
    for found in (1, 0):  # once a job waits to look at it, there is nothing more to do
        async with api.database.transaction() as tx:
            assert await waitlist.promote_stalled(tx) == found
    await round_of_two_clocks(api)
    assert [booking["status"] for booking in (await person.get("/api/bookings/")).data] == ["confirmed"]
    await round_of_two_clocks(api)
    assert await api.database.fetch_value("SELECT waiting_count FROM events WHERE id = $1", event["id"]) == 0


async def test_a_round_that_did_all_it_may_is_done_again_at_once(work: Work) -> None:
    """Thirteen old lines, five at once, and ten minutes between rounds: all are gone in a moment."""
    await work.enqueue(*texts(13))
    await work.run()
    await work.database.execute("UPDATE job_log SET finished_at = now() - interval '1 year'")
    done: list[int] = []

    async def purge(at_once: int) -> int:
        done.append(await jobs.purge_log(work.database, at_once, kept_days=14))
        return done[-1]

    stop = asyncio.Event()
    repeating = asyncio.create_task(repeat(ScheduledTask("purge log", 600, 5, purge), stop))
    try:
        await until(lambda: len(done) >= 3, "three rounds are done")
        await asyncio.sleep(0.1)
        stop.set()
        await asyncio.wait_for(repeating, 10)
    finally:
        repeating.cancel()
    assert done == [5, 5, 3]


async def test_every_task_takes_a_bound_and_finds_nothing_in_an_empty_database(
    database: Database, settings: Settings
) -> None:
    client = redis.asyncio.Redis.from_url(settings.redis_url)
    own = Heartbeat(database, ProcessKind.CLOCK, version="test")
    for item in schedule(replace(settings, notifications_kept_days=30), database, client, own):
        assert await item.step(1) == 0, item.name
    await client.aclose()


async def test_what_is_purged_and_when_is_as_the_settings_say(api: Api, settings: Settings) -> None:
    organizer, person = await organizer_and_payer(api)
    await person.book(await organizer.create_event())
    await api.run_jobs()
    await api.database.execute("UPDATE job_log SET finished_at = now() - interval '100 days'")
    await api.database.execute("UPDATE notifications SET created_at = now() - interval '100 days'")

    async def purge(*, log_days: int, news_days: int) -> list[int]:
        """Return how many lines of the log and notifications are left."""
        kept = replace(settings, job_log_kept_days=log_days, notifications_kept_days=news_days)
        for task in purges(kept):
            async with api.database.transaction() as tx:
                await task.step(tx, task.at_once)
        tables = ("job_log", "notifications")
        return [await api.database.fetch_value(f"SELECT count(*) FROM {table}") for table in tables]

    log, news = await purge(log_days=101, news_days=0)
    assert log > 0
    assert news > 0, "for ever, unless told otherwise"
    assert await purge(log_days=99, news_days=101) == [0, news]
    assert await purge(log_days=99, news_days=99) == [0, 0]


async def test_a_round_that_fails_waits_for_its_time() -> None:
    tries: list[int] = []

    async def fail(at_once: int) -> int:
        tries.append(at_once)
        raise ConnectionError

    stop = asyncio.Event()
    repeating = asyncio.create_task(repeat(ScheduledTask("fail", 600, 1, fail), stop))
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(repeating, 10)
    assert tries == [1]


def all_promises() -> list[Promise]:
    """Return each that the code makes, wherever it stands."""
    for module in pkgutil.walk_packages(services.__path__, f"{services.__name__}."):
        importlib.import_module(module.name)
    return [each for each in gc.get_objects() if type(each) is Promise]


async def looks(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return what each finder of the clock, as `feature.function`, asks the database for."""
    asked: list[str] = []
    fetch = Transaction.fetch

    async def record(tx: Transaction, sql: str, *arguments: object) -> list[Row]:
        asked.append(sql)
        return await fetch(tx, sql, *arguments)

    monkeypatch.setattr(Transaction, "fetch", record)
    found = {}
    for task in TASKS:
        asked.clear()
        async with database.transaction() as tx:
            await task.step(tx, task.at_once)
        found[_finder(task)] = [*asked]
    return found


def _finder(task: PeriodicTask) -> str:
    feature = task.step.__module__.removeprefix("eventhub.services.").partition(".")[0]
    return f"{feature}.{task.step.__name__}"


async def test_each_task_says_which_promises_it_looks_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By that the doctor looks for what everybody has forgotten."""
    finders = await looks(database, monkeypatch)
    for task in TASKS:
        asked = finders[_finder(task)]
        looked_for = {each for each in all_promises() if any(each.owed in sql for sql in asked)}
        assert set(task.promises) == looked_for, task.name


async def test_the_clock_looks_for_each_promise_as_the_table_in_the_docs_says(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    finders = await looks(database, monkeypatch)
    found = set()
    for promise in all_promises():
        by = {name for name, asked in finders.items() if any(promise.owed in sql for sql in asked)}
        assert by, f"nothing looks for what is owed while {promise.owed}"
        found |= {(promise.kind.name, name) for name in by}
    # An event's first reminder, and its organizer's state, are found by the statement that takes them up.
    found |= {("remind_attendees", "events.remind_due"), ("follow_organizer", "events.follow_organizers")}
    assert set(_documented()) == found


def _documented() -> Iterator[tuple[str, str]]:
    """Yield (kind of job, finder) of each row of the table of promises."""
    text = (Path(__file__).parents[2] / "docs/architecture.md").read_text(encoding="utf-8")
    rows = text.partition("## Promises")[2].partition("\n## ")[0].splitlines()
    for row in rows[rows.index("| --- | --- | --- | --- | --- |") + 1 :]:
        if not row.startswith("|"):
            return
        *_, kinds, finders = row.strip("| ").split(" | ")
        names = re.compile(r"`([^`]+)`")
        yield from itertools.product(names.findall(kinds), names.findall(finders))
