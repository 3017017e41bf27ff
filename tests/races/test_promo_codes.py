"""An event's promo codes are made, changed, deleted and used at once: each is there once, and none is overused."""

from collections import Counter

from tests.cluster import Cluster, Http
from tests.races.books import (
    Reply,
    all_jobs_done,
    assert_books_balance,
    at_once,
    codes,
    count,
    statuses,
)


async def _make(http: Http, organizer: str, event: int, code: str, **details: object) -> Reply:
    body = {"code": code, "kind": "percent", "value": "50.00", **details}
    return await http.request("POST", f"/api/events/{event}/promo_codes/", organizer, body)


async def _made(http: Http, organizer: str, event: int, code: str, **details: object) -> str:
    """Return the path of a new code."""
    status, data = await _make(http, organizer, event, code, **details)
    assert status == 201, data
    return f"/api/promo_codes/{data['id']}/"


async def _batch(http: Http, organizer: str, event: int, number: int) -> Reply:
    path = f"/api/events/{event}/promo_codes/batch/"
    return await http.request("POST", path, organizer, {"count": number, "kind": "free", "prefix": "A-"})


async def _use(http: Http, token: str, event: int, code: str, tickets: int) -> Reply:
    body = {"event": event, "number_of_tickets": tickets, "promo_code": code}
    return await http.request("POST", "/api/bookings/", token, body)


async def test_20_codes_that_read_alike_at_once_are_one(running: Cluster) -> None:
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer)
    async with running.http() as http:
        names = ["River20", "RIVER20", " river20 "]
        answers = await at_once(
            running, event, [_make(http, organizer, event, names[n % 3]) for n in range(20)]
        )
    assert statuses(answers) == {201: 1, 409: 19}
    assert codes(answers) == {"code_taken"}
    assert await count(running, "promo_codes WHERE event_id = $1", event) == 1


async def test_of_batches_at_once_none_goes_beyond_the_ten_thousandth_code(running: Cluster) -> None:
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer)
    await running.sql(
        "INSERT INTO promo_codes (event_id, code, kind, created_at, updated_at) "
        "SELECT $1, 'CODE-' || n, 'free', now(), now() FROM generate_series(1, 9700) n",
        event,
    )
    async with running.http() as http:
        answers = await at_once(running, event, [_batch(http, organizer, event, 100) for _ in range(12)])
    assert statuses(answers) == {201: 3, 409: 9}
    assert codes(answers) == {"too_many_promo_codes"}
    assert await count(running, "promo_codes WHERE event_id = $1", event) == 10_000
    made = [code["code"] for status, data in answers if status == 201 for code in data]
    assert len(set(made)) == 300


async def test_a_code_is_lowered_to_fewer_uses_or_used_at_once_but_never_overused(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(12)]
    event = await running.event(organizer, max_attendees=100, price="20.00")
    async with running.http() as http:
        path = await _made(http, organizer, event, "HALF", max_uses=40)
        requests = [
            request
            for number, token in enumerate(people)
            for request in (
                _use(http, token, event, "half", 3),
                http.request("PATCH", path, organizer, {"max_uses": 30 - 2 * number}),
            )
        ]
        answers = await at_once(running, event, requests)
    used, lowered = answers[::2], answers[1::2]
    assert set(statuses(used)) <= {201, 409}, statuses(used)
    assert set(statuses(lowered)) <= {200, 409}, statuses(lowered)
    assert codes(used) <= {"promo_code_used_up"}
    assert codes(lowered) <= {"uses_taken"}
    sold = 3 * statuses(used)[201]
    (code,) = await running.sql("SELECT uses, max_uses FROM promo_codes WHERE event_id = $1", event)
    assert code["uses"] == sold <= code["max_uses"]
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_a_code_is_deleted_or_used_but_not_both(running: Cluster) -> None:
    organizer, *people = [*await running.people(1, "organizer"), *await running.people(8)]
    event = await running.event(organizer, max_attendees=100)
    async with running.http() as http:
        path = await _made(http, organizer, event, "FRIENDS")
        requests = [
            request
            for token in people
            for request in (
                _use(http, token, event, "FRIENDS", 1),
                http.request("DELETE", path, organizer),
            )
        ]
        answers = await at_once(running, event, requests)
    used, deleted = answers[::2], answers[1::2]
    assert (statuses(used), statuses(deleted)) in (
        (Counter({400: 8}), Counter({204: 1, 404: 7})),
        (Counter({201: 8}), Counter({409: 8})),
    )
    assert codes(used) <= {"unknown_promo_code"}
    assert codes(deleted) <= {"not_found", "has_bookings"}
    await all_jobs_done(running)
    await assert_books_balance(running)


async def test_changes_at_once_leave_terms_that_fit_together(running: Cluster) -> None:
    """90 off each ticket may become 250 off it, or 90 percent: never 250 percent."""
    (organizer,) = await running.people(1, "organizer")
    event = await running.event(organizer)
    async with running.http() as http:
        path = await _made(http, organizer, event, "CODE", kind="amount", value="90.00")
        changes = [{"value": "250.00"}, {"kind": "percent"}]
        answers = await at_once(
            running, event, [http.request("PATCH", path, organizer, changes[n % 2]) for n in range(12)]
        )
    assert statuses(answers) == {200: 6, 400: 6}
    assert codes(answers) == {"invalid"}
    (code,) = await running.sql("SELECT kind, value::text FROM promo_codes WHERE event_id = $1", event)
    assert (code["kind"], code["value"]) in (("amount", "250.00"), ("percent", "90.00"))
