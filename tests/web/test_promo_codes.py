"""Promo codes over HTTP: what an organizer makes and changes, what is refused, what is found, and who may guess."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.api import Answer, Api, Person, in_days
from tests.conftest import MakeApi
from tests.rows import insert_booking
from tests.web.test_errors import check_error


class Desk:
    """An organizer's event, with ways to make and change its promo codes."""

    def __init__(self, organizer: Person, event: Mapping[str, Any]) -> None:
        self.api = organizer.api
        self.organizer = organizer
        self.event_id: int = event["id"]
        self.path = f"/api/events/{self.event_id}/promo_codes/"

    async def ask(self, code: str = "RIVER20", **details: object) -> Answer:
        terms = {"kind": "percent", "value": "20.00"} if "kind" not in details else {}
        return await self.organizer.post(self.path, {"code": code, **terms, **details})

    async def make(self, code: str = "RIVER20", **details: object) -> dict[str, Any]:
        made = await self.ask(code, **details)
        assert made.status == 201, made.data
        return dict(made.data)

    async def batch(self, count: int, **details: object) -> Answer:
        return await self.organizer.post(f"{self.path}batch/", {"count": count, "kind": "free", **details})

    async def change(self, made: Mapping[str, Any], /, **changes: object) -> Answer:
        return await self.organizer.patch(f"/api/promo_codes/{made['id']}/", changes)

    async def remove(self, code: Mapping[str, Any]) -> Answer:
        return await self.organizer.delete(f"/api/promo_codes/{code['id']}/")

    async def read(self, code: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self.organizer.get(f"/api/promo_codes/{code['id']}/")
        assert answer.status == 200, answer.data
        return dict(answer.data)

    async def found(self, query: str = "") -> list[str]:
        answer = await self.organizer.get(self.path + query)
        assert answer.status == 200, answer.data
        return [code["code"] for code in answer.data]

    async def type(self, name: str = "Student", **details: object) -> int:
        path = f"/api/events/{self.event_id}/ticket_types/"
        made = await self.organizer.post(path, {"name": name, **details})
        assert made.status == 201, made.data
        return int(made.data["id"])

    async def book(self, code: str, tickets: int = 1) -> dict[str, Any]:
        """Let somebody book standard tickets with a code."""
        buyer = await self.api.person()
        made = await buyer.post(
            "/api/bookings/", {"event": self.event_id, "number_of_tickets": tickets, "promo_code": code}
        )
        assert made.status == 201, made.data
        return dict(made.data)

    async def facts(self) -> list[tuple[str, object]]:
        rows = await self.api.database.fetch(
            "SELECT type, data FROM facts WHERE event_id = $1 AND type LIKE 'promo_code.%' "
            "AND actor_id = $2 AND via = 'user' ORDER BY id",
            self.event_id,
            self.organizer.id,
        )
        return [(row["type"], orjson.loads(row["data"])) for row in rows]


@pytest.fixture
async def desk(api: Api) -> Desk:
    return await open_desk(api)


async def open_desk(api: Api) -> Desk:
    organizer = await api.person("organizer")
    return Desk(organizer, await organizer.create_event(price="20.00"))


# --- what is made ---------------------------------------------------------------------------------------------------


async def test_a_kind_is_enough_and_all_else_has_its_default(desk: Desk) -> None:
    made = await desk.make("  Press-1_a ", kind="free")
    assert list(made.items())[:-2] == [
        ("id", made["id"]),
        ("event", desk.event_id),
        ("code", "Press-1_a"),
        ("kind", "free"),
        ("value", None),
        ("ticket_types", []),
        ("max_uses", None),
        ("max_per_booking", None),
        ("valid_from", None),
        ("valid_until", None),
        ("is_active", True),
        ("comment", ""),
        ("uses", 0),
    ]
    assert list(made)[-2:] == ["created_at", "updated_at"]
    assert await desk.read(made) == made
    assert (await desk.organizer.get(desk.path)).data == [made]


async def test_all_that_is_sent_is_kept(desk: Desk) -> None:
    terms: dict[str, Any] = {
        "kind": "amount",
        "value": "7.50",
        "ticket_types": [await desk.type(), None],
        "max_uses": 100,
        "max_per_booking": 2,
        "valid_from": in_days(1),
        "valid_until": in_days(2),
        "is_active": False,
        "comment": "For the river news",
    }
    made = await desk.make(**terms)
    assert {name: made[name] for name in terms} == terms
    # None of it is a key to write.
    extra = await desk.make("OTHER", id=77, event=77, uses=5, created_at="x", **terms)
    assert (extra["event"], extra["uses"]) == (desk.event_id, 0)
    assert extra["id"] != 77


async def test_a_code_is_there_once_in_an_event_in_any_case(desk: Desk) -> None:
    made = await desk.make("River20")
    for again in ("River20", "RIVER20", " river20 "):
        refused = await desk.ask(again)
        check_error(refused, 409, "code_taken")
        assert again.strip() in refused.data["detail"]
    other = await desk.make("OTHER")
    check_error(await desk.change(other, code="RIVER20"), 409, "code_taken")
    assert (await desk.change(made, code="RIVER20")).data["code"] == "RIVER20"
    elsewhere = Desk(desk.organizer, await desk.organizer.create_event())
    await elsewhere.make("RIVER20")


@pytest.mark.parametrize(
    "code", ["", "ab", "x" * 41, "two words", "RIVER%", "Größe", "名前名前", "a\nb", "ABC\n\0"]
)
async def test_a_code_is_3_to_40_letters_digits_and_dashes(desk: Desk, code: str) -> None:
    check_error(await desk.ask(code), 400, "invalid", "code")
    made = await desk.make()
    check_error(await desk.change(made, code=code), 400, "invalid", "code")


BAD_VALUES = [
    ("percent", None),
    ("percent", "0"),
    ("percent", "0.00"),
    ("percent", "100.01"),
    ("percent", "-5"),
    ("percent", "20.001"),
    ("percent", "NaN"),
    ("amount", None),
    ("amount", 0),
    ("amount", "100000000"),
    ("free", "20.00"),
    ("free", 0),
    ("unlock", "0.01"),
]


@pytest.mark.parametrize(("kind", "value"), BAD_VALUES)
async def test_a_value_fits_its_kind(desk: Desk, kind: str, value: object) -> None:
    for answer in (await desk.ask(kind=kind, value=value), await desk.batch(2, kind=kind, value=value)):
        check_error(answer, 400, "invalid", "value")
    made = await desk.make()
    check_error(await desk.change(made, kind=kind, value=value), 400, "invalid", "value")
    assert await desk.read(made) == made


async def test_a_kind_that_needs_a_value_says_so(desk: Desk) -> None:
    for kind in ("percent", "amount"):
        refused = await desk.ask(kind=kind)
        check_error(refused, 400, "invalid", "value")
        assert refused.data["errors"]["value"] == [f"A code of kind {kind} needs a value."]


async def test_an_amount_has_the_places_of_the_events_currency(desk: Desk) -> None:
    await desk.api.database.execute("UPDATE events SET currency = 'JPY', price = 20")
    check_error(await desk.ask(kind="amount", value="7.50"), 400, "invalid", "value")
    made = await desk.make(kind="amount", value="7.00")
    check_error(await desk.change(made, value="7.50"), 400, "invalid", "value")
    assert (await desk.change(made, kind="percent", value="7.50")).data["value"] == "7.50"
    check_error(await desk.change(made, kind="amount"), 400, "invalid", "value")


async def test_ticket_types_are_the_events_own_each_once(desk: Desk) -> None:
    student, hidden = await desk.type(), await desk.type("Hidden", is_hidden=True)
    elsewhere = Desk(desk.organizer, await desk.organizer.create_event())
    foreign = await elsewhere.type()
    made = await desk.make(ticket_types=[hidden, None, student, None, hidden])
    assert made["ticket_types"] == [hidden, None, student]
    for wrong in (foreign, 999_999, 2**63 - 1):
        for answer in (
            await desk.ask("NEW", ticket_types=[student, wrong]),
            await desk.batch(2, ticket_types=[wrong]),
            await desk.change(made, ticket_types=[wrong]),
        ):
            check_error(answer, 400, "invalid", "ticket_types")
            assert answer.data["errors"]["ticket_types"] == [
                f"This event has no ticket type with the id {wrong}."
            ]
    assert await desk.read(made) == made


@pytest.mark.parametrize(
    "bad", [[0], [-1], ["x"], [True], [1.5], [2**63], [[]], [{}], [None] * 52, None, "1", {}]
)
async def test_what_is_wrong_in_ticket_types_is_said_of_them(desk: Desk, bad: object) -> None:
    made = await desk.make()
    for answer in (await desk.ask("NEW", ticket_types=bad), await desk.change(made, ticket_types=bad)):
        check_error(answer, 400, "invalid", "ticket_types")
        assert all(isinstance(text, str) for text in answer.data["errors"]["ticket_types"])


async def test_the_time_of_a_code_ends_after_it_begins(desk: Desk) -> None:
    begin = in_days(2)
    for end in (in_days(1), begin):
        check_error(await desk.ask(valid_from=begin, valid_until=end), 400, "invalid", "valid_until")
    check_error(await desk.ask(valid_from="1999-12-31T23:59:59Z"), 400, "invalid", "valid_from")
    check_error(await desk.ask(valid_until="2201-01-01T00:00:00Z"), 400, "invalid", "valid_until")
    made = await desk.make(valid_until=in_days(2))
    check_error(await desk.change(made, valid_from=in_days(3)), 400, "invalid", "valid_until")
    later = in_days(3)
    moved = await desk.change(made, valid_from=later, valid_until=in_days(4))
    assert (moved.status, moved.data["valid_from"]) == (200, later)
    assert (await desk.change(made, valid_until=None)).data["valid_until"] is None


async def test_an_event_has_ten_thousand_codes_at_most(desk: Desk) -> None:
    await desk.api.database.execute(
        "INSERT INTO promo_codes (event_id, code, kind, created_at, updated_at) "
        "SELECT $1, 'CODE-' || n, 'free', now(), now() FROM generate_series(1, 9999) n",
        desk.event_id,
    )
    check_error(await desk.batch(2), 409, "too_many_promo_codes")
    assert (await desk.batch(1)).status == 201
    refused = await desk.ask()
    check_error(refused, 409, "too_many_promo_codes")
    assert "10000" in refused.data["detail"]


# --- many at once ---------------------------------------------------------------------------------------------------


async def test_a_batch_makes_as_many_codes_as_asked_for_with_one_set_of_terms(desk: Desk) -> None:
    student = await desk.type()
    terms = {
        "kind": "percent",
        "value": "12.50",
        "ticket_types": [student],
        "max_uses": 1,
        "max_per_booking": 1,
        "valid_from": None,
        "valid_until": in_days(3),
        "is_active": True,
        "comment": "Press",
    }
    made = await desk.batch(1_000, prefix="Press-", **terms)
    assert (made.status, len(made.data)) == (201, 1_000)
    assert len({code["code"].lower() for code in made.data}) == 1_000
    assert all(re.fullmatch("Press-[2-9A-HJ-NP-Z]{10}", code["code"]) for code in made.data)
    assert all({name: code[name] for name in terms} == terms for code in made.data)
    assert await desk.read(made.data[500]) == made.data[500]
    recorded = await desk.facts()
    assert recorded == [("promo_code.created", {"promo_code": code["id"]}) for code in made.data]


async def test_a_batch_needs_no_prefix_and_is_made_once_for_a_key(desk: Desk) -> None:
    body, key = {"count": 3, "kind": "free"}, {"Idempotency-Key": "press"}
    first = await desk.organizer.post(f"{desk.path}batch/", body, headers=key)
    again = await desk.organizer.post(f"{desk.path}batch/", body, headers=key)
    assert (first.status, again.data) == (201, first.data)
    assert sorted(await desk.found()) == sorted(code["code"] for code in first.data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("count", 0),
        ("count", 1_001),
        ("count", None),
        ("count", "3"),
        ("prefix", "x" * 21),
        ("prefix", "a b"),
    ],
)
async def test_what_is_wrong_with_a_batch_is_named_and_none_is_made(
    desk: Desk, field: str, value: object
) -> None:
    body = {"count": 2, "kind": "free", "prefix": "A", field: value}
    check_error(await desk.organizer.post(f"{desk.path}batch/", body), 400, "invalid", field)
    assert await desk.found() == []


# --- what changes ---------------------------------------------------------------------------------------------------


async def test_only_what_is_sent_changes_and_read_only_keys_do_not(desk: Desk) -> None:
    made = await desk.make(max_uses=50, max_per_booking=2, comment="News", valid_until=in_days(1))
    sent = {"value": "30.00", "uses": 9, "event": 77, "id": 77, "created_at": "x", "nonsense": []}
    changed = (await desk.change(made, **sent)).data
    assert changed == {**made, "value": "30.00", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]
    assert (await desk.change(made)).data == changed


async def test_null_takes_a_limit_away_where_there_may_be_none(desk: Desk) -> None:
    made = await desk.make(max_uses=50, max_per_booking=2, valid_from=in_days(1), valid_until=in_days(2))
    free = dict.fromkeys(("max_uses", "max_per_booking", "valid_from", "valid_until"))
    changed = (await desk.change(made, **free)).data
    assert changed == {**made, **free, "updated_at": changed["updated_at"]}
    for name in ("code", "kind", "value", "ticket_types", "is_active", "comment"):
        check_error(await desk.change(made, **{name: None}), 400, "invalid", name)


async def test_a_kind_changes_together_with_its_value(desk: Desk) -> None:
    made = await desk.make()
    for changes, kind, value in (
        ({"kind": "amount", "value": "250.00"}, "amount", "250.00"),
        ({"kind": "unlock"}, "unlock", None),
        ({"kind": "free", "value": None}, "free", None),
        ({"kind": "percent", "value": 15}, "percent", "15.00"),
        ({"kind": "amount"}, "amount", "15.00"),
    ):
        changed = (await desk.change(made, **changes)).data
        assert (changed["kind"], changed["value"]) == (kind, value)
    check_error(await desk.change(made, kind="free", value="15.00"), 400, "invalid", "value")
    check_error(await desk.change(made, value=None), 400, "invalid", "value")
    await desk.change(made, value="250.00")
    check_error(await desk.change(made, kind="percent"), 400, "invalid", "value")
    await desk.change(made, kind="free")
    for kind in ("percent", "amount"):
        check_error(await desk.change(made, kind=kind), 400, "invalid", "value")
    check_error(await desk.change(made, value="5.00"), 400, "invalid", "value")


async def test_what_one_got_may_be_sent_back(desk: Desk) -> None:
    student = await desk.type()
    made = await desk.make(
        ticket_types=[student, None], max_uses=3, valid_from=in_days(1), valid_until=in_days(2)
    )
    await desk.organizer.delete(f"/api/ticket_types/{student}/")
    # As no request can make it any more, but an older version could have.
    await desk.api.database.execute("UPDATE promo_codes SET valid_from = '1990-01-01Z'")
    made = await desk.read(made)
    assert made["ticket_types"] == [student, None]
    assert (await desk.change(made, **made)).data == made
    assert [fact for fact, _ in await desk.facts()] == ["promo_code.created"]


async def test_a_type_that_was_deleted_may_stay_and_widens_no_code(desk: Desk) -> None:
    student, other = await desk.type(), await desk.type("Other")
    made = await desk.make(ticket_types=[student])
    assert (await desk.organizer.delete(f"/api/ticket_types/{student}/")).status == 204
    buyer = await desk.api.person()
    quote = await buyer.post(f"/api/events/{desk.event_id}/quote/", {"promo_code": "RIVER20"})
    check_error(quote, 409, "promo_code_not_valid")
    assert (await desk.change(made, ticket_types=[other, student])).data["ticket_types"] == [other, student]
    assert (await desk.change(made, ticket_types=[other])).data["ticket_types"] == [other]
    check_error(await desk.change(made, ticket_types=[student]), 400, "invalid", "ticket_types")


async def test_fewer_uses_than_there_were_are_refused(desk: Desk) -> None:
    made = await desk.make(max_uses=10)
    booking = await desk.book("river20", 3)
    assert booking["discount"] == "12.00"
    assert (await desk.read(made))["uses"] == 3
    refused = await desk.change(made, max_uses=2)
    check_error(refused, 409, "uses_taken")
    assert "3 tickets" in refused.data["detail"]
    assert (await desk.change(made, max_uses=3, value="50.00")).data["max_uses"] == 3
    booked = await desk.api.database.fetch_one("SELECT discount, promo_uses FROM bookings")
    assert booked is not None
    assert (str(booked["discount"]), booked["promo_uses"]) == ("12.00", 3)
    assert (await desk.change(made, max_uses=None)).data["uses"] == 3


async def test_one_with_which_somebody_ever_booked_is_not_deleted(desk: Desk) -> None:
    made, unused = await desk.make(), await desk.make("UNUSED")
    booking = await desk.book("RIVER20")
    assert (await desk.organizer.post(f"/api/bookings/{booking['id']}/cancel/")).status == 200
    assert (await desk.read(made))["uses"] == 0
    refused = await desk.remove(made)
    check_error(refused, 409, "has_bookings")
    assert "is_active" in refused.data["detail"]
    assert (await desk.change(made, is_active=False)).data["is_active"] is False
    assert (await desk.remove(unused)).status == 204
    assert (await desk.remove(unused)).status == 404
    assert (await desk.change(unused, code="NEW")).status == 404
    assert await desk.found() == ["RIVER20"]


async def test_what_happens_is_recorded(desk: Desk) -> None:
    made = await desk.make(max_uses=5)
    await desk.change(made, kind="free", max_uses=5, code="FRIENDS", comment="About Jane")
    await desk.remove(made)
    about = {"promo_code": made["id"]}
    assert await desk.facts() == [
        ("promo_code.created", about),
        ("promo_code.updated", {**about, "changed": ["code", "comment", "kind", "value"]}),
        ("promo_code.deleted", about),
    ]


async def test_an_event_that_nobody_booked_is_deleted_with_its_codes(desk: Desk) -> None:
    made = await desk.make()
    assert (await desk.organizer.delete(f"/api/events/{desk.event_id}/")).status == 204
    for answer in (
        await desk.organizer.get(desk.path),
        await desk.ask(),
        await desk.change(made, code="NEW"),
    ):
        check_error(answer, 404, "not_found")


@pytest.mark.parametrize("state", ["cancelled", "completed"])
async def test_nothing_changes_once_the_event_is_over(desk: Desk, state: str) -> None:
    made = await desk.make()
    if state == "completed":
        await desk.api.database.execute(
            "UPDATE events SET status = 'ongoing', start_date = now() - interval '1 hour', "
            "registration_deadline = now() - interval '1 hour'"
        )
    action = "complete" if state == "completed" else "cancel"
    assert (await desk.organizer.post(f"/api/events/{desk.event_id}/{action}/")).status == 200
    for answer in (
        await desk.ask("NEW"),
        await desk.batch(2),
        await desk.change(made, code="NEW"),
        await desk.remove(made),
    ):
        check_error(answer, 409, "wrong_state")
        assert state in answer.data["detail"]
    assert await desk.found() == ["RIVER20"]


# --- what is found --------------------------------------------------------------------------------------------------


async def test_codes_are_found_by_kind_state_and_words(desk: Desk) -> None:
    await desk.make("RIVER20", comment="For the readers of the news")
    await desk.make("PRESS", kind="free", comment="100%_of it")
    await desk.make("old_river", kind="unlock", is_active=False)
    await Desk(desk.organizer, await desk.organizer.create_event()).make("RIVER-ELSEWHERE")
    for query, found in {
        "": ["old_river", "PRESS", "RIVER20"],
        "?kind=free": ["PRESS"],
        "?kind=amount": [],
        "?is_active=false": ["old_river"],
        "?is_active=true": ["PRESS", "RIVER20"],
        "?search=river": ["old_river", "RIVER20"],
        "?search=NEWS": ["RIVER20"],
        "?search=%25_": ["PRESS"],
        "?search=river&is_active=true": ["RIVER20"],
        "?ordering=code": ["old_river", "PRESS", "RIVER20"],
        "?ordering=-code": ["RIVER20", "PRESS", "old_river"],
    }.items():
        assert await desk.found(query) == found, query
    for query, field in {
        "?kind=x": "kind",
        "?is_active=x": "is_active",
        "?ordering=value": "ordering",
        "?search=%00": "search",
    }.items():
        check_error(await desk.organizer.get(desk.path + query), 400, "invalid", field)


async def test_codes_in_upper_and_lower_case_stand_side_by_side(desk: Desk) -> None:
    for code in ("bbb", "AAA", "CCC", "aab"):
        await desk.make(code)
    assert await desk.found("?ordering=code") == ["AAA", "aab", "bbb", "CCC"]
    assert await desk.found("?ordering=uses,code") == ["AAA", "aab", "bbb", "CCC"]


async def test_codes_by_their_uses(desk: Desk) -> None:
    for code, tickets in (("ONE", 1), ("THREE", 3), ("NONE", 0)):
        await desk.make(code)
        if tickets:
            await desk.book(code, tickets)
    assert await desk.found("?ordering=-uses") == ["THREE", "ONE", "NONE"]


async def test_codes_are_their_organizers_secret(desk: Desk) -> None:
    made = await desk.make()
    attendee, rival, admin = [await desk.api.person(role) for role in ("attendee", "organizer", "admin")]
    for reader in (attendee, rival):
        for path in (desk.path, f"{desk.path}?search=RIVER", f"/api/promo_codes/{made['id']}/"):
            refused = await reader.get(path)
            check_error(refused, 403, "permission_denied")
            assert "RIVER" not in refused.text
    assert (await admin.get(desk.path)).data == [made]
    await insert_booking(desk.api.database, desk.event_id, attendee.id)
    shown = await attendee.get(f"/api/events/{desk.event_id}/")
    assert "RIVER20" not in shown.text


# --- who guesses ----------------------------------------------------------------------------------------------------


async def test_wrong_codes_count_for_a_user_and_for_an_address_where_nobody_is_signed_in(
    make_api: MakeApi,
) -> None:
    desk = await open_desk(await make_api(rate_limit=True, rate_limit_code="3/minute"))
    await desk.make("PRESS", kind="unlock", ticket_types=[await desk.type("Dinner", is_hidden=True)])
    await desk.make("OLD", is_active=False)
    api, types = desk.api, f"/api/events/{desk.event_id}/ticket_types/"
    quote = f"/api/events/{desk.event_id}/quote/"
    buyer, other = await api.person(), await api.person()
    for reader in (buyer, api.anonymous):
        # What is right costs nothing, nor what is refused for another reason.
        for _ in range(4):
            assert len((await reader.get(f"{types}?code=press")).data) == 1
            assert (await reader.get(f"{types}?code=OLD")).data == []
            check_error(await reader.post(quote, {"promo_code": "OLD"}), 409, "promo_code_not_valid")
            check_error(await reader.post(quote, {"promo_code": "x" * 201}), 400, "invalid", "promo_code")
        # All doors count together.
        check_error(await reader.get(f"{types}?code=guess1"), 400, "unknown_promo_code", "code")
        check_error(
            await reader.post(quote, {"promo_code": "guess2"}), 400, "unknown_promo_code", "promo_code"
        )
        check_error(await reader.get(f"{types}?code=guess3"), 400, "unknown_promo_code", "code")
        for code in ("guess4", "PRESS"):
            for answer in (
                await reader.get(f"{types}?code={code}"),
                await reader.post(quote, {"promo_code": code}),
            ):
                assert (answer.status, answer.data["code"]) == (429, "throttled")
                assert 0 < int(answer.headers["Retry-After"]) <= 61
        assert (await reader.get(types)).status == 200
    booked = await buyer.post("/api/bookings/", {"event": desk.event_id, "promo_code": "PRESS"})
    assert booked.status == 429
    # Another user at the same address is another guesser.
    check_error(await other.get(f"{types}?code=guess"), 400, "unknown_promo_code", "code")
    check_error(
        await other.post("/api/bookings/", {"event": desk.event_id, "promo_code": "guess"}),
        400,
        "unknown_promo_code",
        "promo_code",
    )


async def test_guesses_over_the_limit_are_not_looked_up(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await open_desk(await make_api(rate_limit=True, rate_limit_code="2/minute"))
    buyer = await desk.api.person()
    path = f"/api/events/{desk.event_id}/ticket_types/?code="
    assert [(await buyer.get(f"{path}guess{n}")).status for n in range(2)] == [400, 400]
    looked_up: list[str] = []
    fetch_value = desk.api.database.fetch_value

    async def watched(sql: str, *args: object) -> object:
        if "promo_codes" in sql:
            looked_up.append(sql)
        return await fetch_value(sql, *args)

    monkeypatch.setattr(desk.api.database, "fetch_value", watched)
    assert (await buyer.get(f"{path}guess")).status == 429
    assert looked_up == []
    other = await desk.api.person()
    assert (await other.get(f"{path}guess")).status == 400
    assert len(looked_up) == 1
