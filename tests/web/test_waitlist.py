"""The line for an event over HTTP: positions, promotion, offers, and its end."""

from datetime import timedelta
from typing import Any

import pytest

from eventhub.services import bookings, waitlist
from tests.api import Api, Person, in_days
from tests.rows import NOW, insert, insert_event, insert_users, pass_deadline, run_out, seats, told
from tests.web.test_errors import check_error
from tests.web.test_lists import walk


class Line:
    """An event with one seat, taken, and people in line for it."""

    def __init__(self, api: Api, organizer: Person, event: dict[str, Any], holder: Person) -> None:
        self.api = api
        self.organizer = organizer
        self.event = event
        self.holder = holder
        self.people: list[Person] = []
        self.entries: list[int] = []

    @classmethod
    async def of(cls, api: Api, people: int, price: str = "0.00") -> "Line":
        organizer, holder = await api.person("organizer"), await api.person()
        event = await organizer.create_event(max_attendees=1, price=price)
        booking = await holder.post("/api/bookings/", {"event": event["id"]})
        assert booking.status == 201
        await organizer.post(f"/api/bookings/{booking.data['id']}/confirm/")
        line = cls(api, organizer, event, holder)
        for _ in range(people):
            person = await api.person()
            entry = await person.post("/api/waitlist/", {"event": event["id"]})
            assert entry.status == 201, entry.data
            line.people.append(person)
            line.entries.append(entry.data["id"])
        await api.run_jobs()
        return line

    async def state(self) -> list[tuple[str, int | None]]:
        """Return (status, position) of each entry."""
        answers = [await self.organizer.get(f"/api/waitlist/{entry}/") for entry in self.entries]
        return [(answer.data["status"], answer.data["position"]) for answer in answers]

    async def booking(self, index: int) -> dict[str, Any]:
        """Return the newest booking of somebody in line."""
        found: dict[str, Any] = (await self.people[index].get("/api/bookings/")).data[0]
        return found

    async def free_the_seat(self) -> None:
        (booking,) = (await self.holder.get("/api/bookings/")).data
        assert (await self.holder.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
        await self.api.run_jobs()

    async def expire(self, index: int) -> None:
        """Let the offer to somebody in line run out, as the clock does."""
        await run_out(self.api.database, (await self.booking(index))["id"])
        async with self.api.database.transaction() as tx:
            assert await bookings.expire_overdue(tx) == 1
        await self.api.run_jobs()

    async def waitlist_count(self) -> int:
        answer = await self.organizer.get(f"/api/events/{self.event['id']}/statistics/")
        return int(answer.data["waitlist_count"])


async def test_positions_are_present_ranks(api: Api) -> None:
    line = await Line.of(api, 4)
    assert await line.state() == [("waiting", 1), ("waiting", 2), ("waiting", 3), ("waiting", 4)]
    assert await line.waitlist_count() == 4
    for _ in range(2):
        assert (await line.people[1].post(f"/api/waitlist/{line.entries[1]}/leave/")).status == 204
    assert await line.state() == [("waiting", 1), ("left", None), ("waiting", 2), ("waiting", 3)]
    assert await line.waitlist_count() == 3
    again = await line.people[1].post("/api/waitlist/", {"event": line.event["id"]})
    assert (again.status, again.data["position"]) == (201, 4)
    whole = await line.organizer.get(f"/api/waitlist/?event={line.event['id']}")
    assert [(entry["position"], entry["status"]) for entry in whole.data] == [
        (rank, "waiting") for rank in (1, 2, 3, 4)
    ]
    back = await line.organizer.get(f"/api/waitlist/?event={line.event['id']}&ordering=-position")
    assert [entry["position"] for entry in back.data] == [4, 3, 2, 1]
    assert await seats(api.database, line.event["id"]) == (1, 1, 4)


@pytest.mark.parametrize("ordering", ["position", "-position", "joined_at", "-joined_at", "id", "-id"])
async def test_an_organizers_pages_number_the_line_in_every_ordering(api: Api, ordering: str) -> None:
    organizer = await api.person("organizer")
    event = await insert_event(api.database, organizer.id)
    ranks: dict[int, int | None] = {}
    of_entry: dict[int, str] = {}
    statuses = "waiting left waiting offered waiting waiting waiting closed waiting waiting".split()
    for number, person in enumerate(await insert_users(api.database, len(statuses)), start=1):
        status = statuses[number - 1]
        entry = await insert(
            api.database,
            "waitlist_entries",
            {
                "event_id": event,
                "user_id": person,
                "status": status,
                "line_number": number,
                "joined_at": NOW + timedelta(seconds=number * 7 % 10 // 2),
            },
        )
        ranks[entry] = statuses[:number].count("waiting") if status == "waiting" else None
        of_entry[entry] = status
    for which, shown in (("", {"waiting", "offered"}), ("&status=waiting", {"waiting"})):
        path = f"/api/waitlist/?event={event}&ordering={ordering}{which}"
        pages = await walk(organizer, f"{path}&page_size=3")
        entries = [entry for page in pages for entry in page]
        expected = {entry: rank for entry, rank in ranks.items() if of_entry[entry] in shown}
        assert {entry["id"]: entry["position"] for entry in entries} == expected
        assert {entry["id"]: entry["status"] for entry in entries} == {e: of_entry[e] for e in expected}
        assert len(pages) > 1
        sorts = {
            "position": lambda e: (e["position"] or 99, e["id"]),
            "joined_at": lambda e: (e["joined_at"], e["id"]),
        }
        order = sorts.get(ordering.removeprefix("-"), lambda e: e["id"])
        assert entries == sorted(entries, key=order, reverse=ordering.startswith("-"))


async def test_entries_are_their_owners_and_the_organizers(api: Api) -> None:
    line = await Line.of(api, 2)
    first, second = line.people
    path = f"/api/waitlist/{line.entries[0]}/"
    check_error(await second.get(path), 404, "not_found")
    check_error(await second.post(f"{path}leave/"), 404, "not_found")
    assert (await line.organizer.get(path)).status == 200
    query = f"/api/waitlist/?event={line.event['id']}"
    for reader, mine, of_event in (
        (first, line.entries[:1], line.entries[:1]),
        (line.organizer, [], line.entries),
        (line.holder, [], []),
        (await api.person("organizer"), [], []),
        (await api.person("admin"), [], line.entries),
    ):
        assert [entry["id"] for entry in (await reader.get("/api/waitlist/")).data] == mine
        assert [entry["id"] for entry in (await reader.get(query)).data] == of_event


async def test_entries_that_have_ended_are_listed_by_their_status_alone(api: Api) -> None:
    line = await Line.of(api, 2, price="10.00")
    first, second = line.people
    assert (await second.post(f"/api/waitlist/{line.entries[1]}/leave/")).status == 204
    again = (await second.post("/api/waitlist/", {"event": line.event["id"]})).data
    await line.free_the_seat()

    async def listed(reader: Person, query: str) -> list[tuple[int, str, int | None]]:
        answer = await reader.get(f"/api/waitlist/?count=true{query}")
        assert int(answer.headers["X-Total-Count"]) == len(answer.data)
        return [(entry["id"], entry["status"], entry["position"]) for entry in answer.data]

    left, offered, waiting = line.entries[1], line.entries[0], again["id"]
    assert await listed(first, "") == [(offered, "offered", None)]
    assert await listed(second, "") == [(waiting, "waiting", 1)]
    assert await listed(second, "&status=left") == [(left, "left", None)]
    of_event = f"&event={line.event['id']}"
    assert await listed(line.organizer, of_event) == [(waiting, "waiting", 1), (offered, "offered", None)]
    assert await listed(line.organizer, f"{of_event}&status=left") == [(left, "left", None)]
    assert await listed(second, of_event) == [(waiting, "waiting", 1)]


async def test_who_waits_or_has_booked_does_not_join(api: Api) -> None:
    line = await Line.of(api, 1)
    body = {"event": line.event["id"]}
    check_error(await line.people[0].post("/api/waitlist/", body), 409, "already_waiting")
    check_error(await line.holder.post("/api/waitlist/", body), 409, "already_booked")
    await line.free_the_seat()
    assert await line.state() == [("accepted", None)]
    check_error(await line.people[0].post("/api/waitlist/", body), 409, "already_booked")
    leave = await line.people[0].post(f"/api/waitlist/{line.entries[0]}/leave/")
    check_error(leave, 409, "already_booked")
    assert await seats(api.database, line.event["id"]) == (1, 1, 0)


async def test_a_cancelled_booking_goes_to_the_first_in_line(api: Api) -> None:
    line = await Line.of(api, 2)
    await line.free_the_seat()
    assert await line.state() == [("accepted", None), ("waiting", 1)]
    assert (await line.booking(0))["status"] == "confirmed"
    assert await told(api.database, line.people[0].id) == ["waitlist_available", "booking_confirmation"]
    assert await told(api.database, line.people[1].id) == []
    entry = (await line.people[0].get(f"/api/waitlist/{line.entries[0]}/")).data
    assert entry["is_notified"] is True
    assert entry["notified_at"]
    assert await seats(api.database, line.event["id"]) == (1, 1, 1)


async def test_seats_that_the_line_waits_for_are_not_for_sale(api: Api) -> None:
    line = await Line.of(api, 1)
    (booking,) = (await line.holder.get("/api/bookings/")).data
    await line.holder.post(f"/api/bookings/{booking['id']}/cancel/")
    stranger = await api.person()
    check_error(await stranger.post("/api/bookings/", {"event": line.event["id"]}), 409, "sold_out")
    await api.run_jobs()
    assert await line.state() == [("accepted", None)]


async def test_raised_capacity_promotes_as_many(api: Api) -> None:
    line = await Line.of(api, 3)
    raised = await line.organizer.patch(f"/api/events/{line.event['id']}/", {"max_attendees": 3})
    assert raised.status == 200
    await api.run_jobs()
    assert await line.state() == [("accepted", None), ("accepted", None), ("waiting", 1)]
    assert await seats(api.database, line.event["id"]) == (3, 3, 1)


async def test_joining_while_seats_are_free_gets_one_at_once(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(max_attendees=2)
    joined = await person.post("/api/waitlist/", {"event": event["id"]})
    assert (joined.status, joined.data["status"], joined.data["position"]) == (201, "offered", None)
    assert joined.data["is_notified"] is True
    await api.run_jobs()
    assert (await person.get(f"/api/waitlist/{joined.data['id']}/")).data["status"] == "accepted"
    (booking,) = (await person.get("/api/bookings/")).data
    assert booking["status"] == "confirmed"
    assert await told(api.database, person.id) == ["waitlist_available", "booking_confirmation"]
    assert await seats(api.database, event["id"]) == (1, 1, 0)


async def test_joining_where_the_door_is_open_holds_a_seat_as_the_door_does(make_api: Any) -> None:
    api: Api = await make_api(pending_booking_ttl_seconds=600)
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(max_attendees=2, price="10.00")
    body = {"event": event["id"]}
    for times in (1, 2):
        joined = await person.post("/api/waitlist/", body)
        assert (joined.status, joined.data["status"]) == (201, "offered")
        check_error(await person.post("/api/waitlist/", body), 409, "already_booked")
        booking = (await person.get("/api/bookings/?status=pending")).data[0]
        assert booking["total_price"] == "10.00"
        assert await _seconds_left(api) <= 600
        assert await seats(api.database, event["id"]) == (1, 0, 0)
        await run_out(api.database, booking["id"])
        async with api.database.transaction() as tx:
            assert await bookings.expire_overdue(tx) == 1
        await api.run_jobs()
        expected = ["waitlist_available", "system_announcement"] * times
        assert await told(api.database, person.id) == expected
    assert await seats(api.database, event["id"]) == (0, 0, 0)


async def test_a_seat_that_was_free_at_joining_is_given_back_by_leaving(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(max_attendees=2, price="10.00")
    joined = await person.post("/api/waitlist/", {"event": event["id"]})
    assert (await person.post(f"/api/waitlist/{joined.data['id']}/leave/")).status == 204
    assert (await person.get(f"/api/waitlist/{joined.data['id']}/")).data["status"] == "left"
    (booking,) = (await person.get("/api/bookings/")).data
    assert booking["status"] == "cancelled"
    assert await seats(api.database, event["id"]) == (0, 0, 0)


async def test_who_joins_while_free_seats_are_for_those_ahead_waits(api: Api) -> None:
    line = await Line.of(api, 1, price="10.00")
    (booking,) = (await line.holder.get("/api/bookings/")).data
    await line.holder.post(f"/api/bookings/{booking['id']}/cancel/")
    second = await api.person()
    joined = await second.post("/api/waitlist/", {"event": line.event["id"]})
    assert (joined.data["status"], joined.data["position"]) == ("waiting", 2)
    await api.run_jobs()
    assert await line.state() == [("offered", None)]
    assert await _seconds_left(api) > 80_000
    assert await seats(api.database, line.event["id"]) == (1, 0, 1)


async def _seconds_left(api: Api) -> float:
    left: float = await api.database.fetch_value(
        "SELECT extract(epoch FROM expires_at - now())::float8 FROM bookings WHERE status = 'pending'"
    )
    return left


async def test_an_offer_that_runs_out_goes_to_the_next_in_line(api: Api) -> None:
    line = await Line.of(api, 2, price="10.00")
    await line.free_the_seat()
    assert await line.state() == [("offered", None), ("waiting", 1)]
    offer = await line.booking(0)
    assert (offer["status"], offer["total_price"], offer["number_of_tickets"]) == ("pending", "10.00", 1)
    assert await told(api.database, line.people[0].id) == ["waitlist_available"]
    await line.expire(0)
    assert await line.state() == [("expired", None), ("offered", None)]
    assert (await line.booking(0))["status"] == "cancelled"
    assert await told(api.database, line.people[0].id) == ["waitlist_available", "system_announcement"]
    await line.organizer.post(f"/api/bookings/{(await line.booking(1))['id']}/confirm/")
    assert await line.state() == [("expired", None), ("accepted", None)]
    assert await seats(api.database, line.event["id"]) == (1, 1, 0)


async def test_an_offer_lasts_no_longer_than_the_deadline(api: Api) -> None:
    line = await Line.of(api, 1, price="10.00")
    await api.database.execute("UPDATE events SET registration_deadline = now() + interval '1 hour'")
    await line.free_the_seat()
    assert await api.database.fetch_value(
        "SELECT b.expires_at = e.registration_deadline FROM bookings b JOIN events e ON e.id = b.event_id "
        "WHERE b.status = 'pending'"
    )


async def test_a_deadline_that_comes_nearer_shortens_offers(api: Api) -> None:
    line = await Line.of(api, 1, price="10.00")
    await line.free_the_seat()
    event = f"/api/events/{line.event['id']}/"
    assert (await line.organizer.patch(event, {"registration_deadline": in_days(0.1)})).status == 200
    left = await api.database.fetch_value(
        "SELECT extract(epoch FROM expires_at - now()) / 86400 FROM bookings WHERE status = 'pending'"
    )
    assert 0.09 < left < 0.1
    assert (await line.organizer.patch(event, {"registration_deadline": in_days(3)})).status == 200
    assert left > await api.database.fetch_value(
        "SELECT extract(epoch FROM expires_at - now()) / 86400 FROM bookings WHERE status = 'pending'"
    )


async def test_who_was_deactivated_gets_no_seat_from_the_line(api: Api) -> None:
    line = await Line.of(api, 2)
    admin = await api.person("admin")
    assert (await admin.patch(f"/api/users/{line.people[0].id}/", {"is_active": False})).status == 200
    await line.free_the_seat()
    assert await line.state() == [("left", None), ("accepted", None)]
    assert await seats(api.database, line.event["id"]) == (1, 1, 0)


async def test_leaving_or_cancelling_an_offer_declines_it(api: Api) -> None:
    line = await Line.of(api, 3, price="10.00")
    await line.free_the_seat()
    for _ in range(2):
        left = await line.people[0].post(f"/api/waitlist/{line.entries[0]}/leave/")
        assert (left.status, left.text) == (204, "")
    await api.run_jobs()
    assert (await line.booking(0))["status"] == "cancelled"
    assert await line.state() == [("left", None), ("offered", None), ("waiting", 1)]
    await line.people[1].post(f"/api/bookings/{(await line.booking(1))['id']}/cancel/")
    await api.run_jobs()
    assert await line.state() == [("left", None), ("left", None), ("offered", None)]
    assert await seats(api.database, line.event["id"]) == (1, 0, 0)


async def test_who_waits_comes_before_the_door_and_books_after_leaving(api: Api) -> None:
    line = await Line.of(api, 1)
    body = {"event": line.event["id"]}
    await api.database.execute("UPDATE events SET max_attendees = 5")
    check_error(await line.people[0].post("/api/bookings/", body), 409, "already_waiting")
    await line.people[0].post(f"/api/waitlist/{line.entries[0]}/leave/")
    assert (await line.people[0].post("/api/bookings/", body)).status == 201


async def test_after_the_deadline_the_line_closes_and_tells_once(api: Api) -> None:
    line = await Line.of(api, 2)
    await pass_deadline(api.database, line.event["id"])
    (booking,) = (await line.holder.get("/api/bookings/")).data
    await line.holder.post(f"/api/bookings/{booking['id']}/cancel/")
    for closing in (1, 0):
        async with api.database.transaction() as tx:
            assert await waitlist.close_after_deadline(tx) == closing
        await api.run_jobs()
    assert await line.state() == [("closed", None), ("closed", None)]
    for person in line.people:
        assert await told(api.database, person.id) == ["system_announcement"]
        assert (await person.get("/api/bookings/")).data == []
    assert await line.waitlist_count() == 0
    check_error(
        await line.holder.post("/api/waitlist/", {"event": line.event["id"]}), 409, "registration_closed"
    )
    assert await seats(api.database, line.event["id"]) == (0, 0, 0)


async def test_a_line_that_fills_and_closes_again_tells_its_people_again(api: Api) -> None:
    line = await Line.of(api, 2)
    stays, gone = line.people
    body, event = {"event": line.event["id"]}, f"/api/events/{line.event['id']}/"

    async def close() -> None:
        await pass_deadline(api.database, line.event["id"])
        for _ in range(2):
            async with api.database.transaction() as tx:
                await waitlist.close_after_deadline(tx)
                await waitlist.close(tx, line.event["id"])
            await api.run_jobs()

    await close()
    extended = await line.organizer.patch(event, {"registration_deadline": in_days(3)})
    assert extended.status == 200, extended.data
    assert (await stays.post("/api/waitlist/", body)).status == 201
    await close()
    for person, times in ((stays, 2), (gone, 1)):
        titles = [note["title"] for note in (await person.get("/api/notifications/")).data]
        assert titles == ["Waitlist Closed"] * times


async def test_a_line_is_promoted_in_bounded_steps_until_the_seats_are_gone(
    api: Api, monkeypatch: Any
) -> None:
    monkeypatch.setattr("eventhub.services.waitlist.promotion.PROMOTED_AT_ONCE", 1)
    line = await Line.of(api, 4)
    await line.organizer.patch(f"/api/events/{line.event['id']}/", {"max_attendees": 4})
    await api.run_jobs()
    assert [status for status, _ in await line.state()] == ["accepted", "accepted", "accepted", "waiting"]


async def test_no_step_gives_out_or_closes_more_than_it_may(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr("eventhub.services.waitlist.promotion.PROMOTED_AT_ONCE", 2)
    monkeypatch.setattr("eventhub.services.waitlist.closing.CLOSED_AT_ONCE", 2)
    line = await Line.of(api, 6)
    event = line.event["id"]
    left = "SELECT count(*) FROM jobs WHERE kind = $1"
    await line.organizer.patch(f"/api/events/{event}/", {"max_attendees": 4})
    await api.database.execute("DELETE FROM jobs")
    async with api.database.transaction() as tx:
        await waitlist.promote(tx, event, offer_ttl_seconds=600)
    assert [status for status, _ in await line.state()] == ["offered"] * 2 + ["waiting"] * 4
    assert await api.database.fetch_value(left, "promote_waitlist") == 1
    async with api.database.transaction() as tx:
        await waitlist.promote(tx, event, offer_ttl_seconds=600)
    assert [status for status, _ in await line.state()] == ["offered"] * 3 + ["waiting"] * 3
    again = await api.person()
    assert (await again.post("/api/waitlist/", {"event": event})).status == 201
    await api.database.execute("DELETE FROM jobs")
    await pass_deadline(api.database, event)
    for closed, is_more in ((2, 1), (4, 1), (4, 0)):
        async with api.database.transaction() as tx:
            await waitlist.close(tx, event)
        states = [status for status, _ in await line.state()]
        assert states == ["offered"] * 3 + ["closed"] * min(closed, 3) + ["waiting"] * max(3 - closed, 0)
        assert await api.database.fetch_value(left, "close_waitlist") == is_more
        await api.database.execute("DELETE FROM jobs")
    assert await seats(api.database, event) == (4, 1, 0)


async def test_a_standard_ticket_that_is_not_on_sale_is_neither_booked_nor_waited_for_but_who_waits_gets_it(
    api: Api,
) -> None:
    line = await Line.of(api, 1)
    path, body = f"/api/events/{line.event['id']}/", {"event": line.event["id"]}
    assert (await line.holder.get(path)).data["is_registration_open"] is True
    await api.database.execute("UPDATE events SET is_standard_on_sale = false")
    for who in (api.anonymous, line.holder, line.organizer):
        assert (await who.get(path)).data["is_registration_open"] is False
    await line.free_the_seat()
    assert await line.state() == [("accepted", None)]
    await line.organizer.patch(path, {"max_attendees": 5})
    for where in ("bookings", "waitlist"):
        check_error(await line.holder.post(f"/api/{where}/", body), 409, "registration_closed")
    await api.database.execute("UPDATE events SET is_standard_on_sale = true")
    assert (await line.holder.post("/api/bookings/", body)).status == 201
