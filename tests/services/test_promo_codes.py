"""Promo codes as rows: what the database refuses, how batches are drawn, and which ticket types a code shows."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from eventhub.database import Database, IntegrityErrors, violated_constraint
from eventhub.errors import Conflict
from eventhub.services import promo_codes
from eventhub.services.access import Viewer
from tests.rows import NOW, insert_code, insert_event, insert_type, insert_users

HOUR = timedelta(hours=1)
TERMS: dict[str, Any] = {
    "kind": "free",
    "value": None,
    "ticket_types": [],
    "max_uses": None,
    "max_per_booking": None,
    "valid_from": None,
    "valid_until": None,
    "is_active": True,
    "comment": "",
}


async def new_event(database: Database) -> tuple[int, Viewer]:
    (organizer,) = await insert_users(database, 1, "organizer")
    return await insert_event(database, organizer), Viewer(organizer, "organizer")


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"code": "ab"}, "promo_codes_code_form"),
        ({"code": "a b"}, "promo_codes_code_form"),
        ({"code": "abc\n"}, "promo_codes_code_form"),
        ({"code": "Größe"}, "promo_codes_code_form"),
        ({"code": "river20"}, "promo_codes_code"),
        ({"kind": "half"}, "promo_codes_kind_known"),
        ({"value": None}, "promo_codes_value"),
        ({"value": 0}, "promo_codes_value"),
        ({"value": 101}, "promo_codes_value"),
        ({"kind": "amount", "value": None}, "promo_codes_value"),
        ({"kind": "amount", "value": 0}, "promo_codes_value"),
        ({"max_uses": 0}, "promo_codes_max_uses"),
        ({"max_uses": 1_000_001}, "promo_codes_max_uses"),
        ({"max_per_booking": 0}, "promo_codes_max_per_booking"),
        ({"max_per_booking": 101}, "promo_codes_max_per_booking"),
        ({"uses": -1}, "promo_codes_never_overused"),
        ({"uses": 4, "max_uses": 3}, "promo_codes_never_overused"),
        ({"valid_from": NOW, "valid_until": NOW}, "promo_codes_valid_in_order"),
    ],
)
async def test_rows_that_no_code_has_are_refused(
    database: Database, changes: dict[str, Any], constraint: str
) -> None:
    event_id, _ = await new_event(database)
    await insert_code(database, event_id, "RIVER20")
    with pytest.raises(IntegrityErrors) as refused:
        await insert_code(database, event_id, **{"code": "OTHER", **changes})
    assert violated_constraint(refused.value) == constraint


@pytest.mark.parametrize("kind", ["free", "unlock"])
async def test_a_kind_without_a_value_has_none(database: Database, kind: str) -> None:
    event_id, _ = await new_event(database)
    code = await insert_code(database, event_id, "RIVER20")
    with pytest.raises(IntegrityErrors) as refused:
        await database.execute("UPDATE promo_codes SET kind = $2 WHERE id = $1", code, kind)
    assert violated_constraint(refused.value) == "promo_codes_value"


class Dice:
    """What stands for `secrets`: it draws these letters."""

    def __init__(self, *codes: str) -> None:
        self.letters: Iterator[str] = chain.from_iterable(codes)

    def choice(self, alphabet: str) -> str:
        return next(self.letters)


async def test_what_the_event_has_already_is_drawn_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id, viewer = await new_event(database)
    for taken in ("p-AAAAAAAAAA", "P-BBBBBBBBBB"):
        await insert_code(database, event_id, taken)
    # Twice the same letters are one code, too.
    drawn = [letter * 10 for letter in "ACBAC"] + [letter * 10 for letter in "BD"] + ["E" * 10]
    monkeypatch.setattr(promo_codes, "secrets", Dice(*drawn))
    async with database.transaction() as tx:
        made = await promo_codes.create_batch(tx, viewer, event_id, count=3, prefix="P-", **TERMS)
    assert [code["code"][2] for code in made] == ["C", "D", "E"]
    recorded = await database.fetch("SELECT data FROM facts WHERE type = 'promo_code.created'")
    assert len(recorded) == 3


async def test_a_prefix_that_is_used_up_is_refused_and_none_is_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id, viewer = await new_event(database)
    await insert_code(database, event_id, "A" * 10)
    monkeypatch.setattr(promo_codes, "_draw", lambda _, count: ["A" * 10, "B" * 10][:count])
    with pytest.raises(Conflict) as refused:
        async with database.transaction() as tx:
            await promo_codes.create_batch(tx, viewer, event_id, count=3, prefix="", **TERMS)
    assert refused.value.code == "code_taken"
    assert await database.fetch_value("SELECT count(*) FROM promo_codes") == 1


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [
        ({}, True),
        ({"kind": "unlock"}, True),
        ({"valid_from": NOW - HOUR, "valid_until": NOW + HOUR}, True),
        ({"valid_from": NOW + HOUR}, False),
        ({"valid_until": NOW - HOUR}, False),
        ({"is_active": False}, False),
        # Used up is what a booking is told.
        ({"max_uses": 3, "uses": 3}, True),
    ],
)
async def test_a_code_shows_its_types_while_it_is_valid(
    database: Database, changes: dict[str, Any], is_shown: bool
) -> None:
    event_id, _ = await new_event(database)
    hidden = await insert_type(database, event_id, "Hidden", is_hidden=True)
    await insert_code(database, event_id, "Press", ticket_types=[0, hidden], **changes)
    for typed in ("Press", "PRESS", " press "):
        shown = await promo_codes.unlocked_types(database, event_id, typed)
        assert shown == ([0, hidden] if is_shown else [])


@pytest.mark.parametrize("typed", ["", " ", "PRES", "%", "PRESS_", "press\u200b", "x" * 1_000])
async def test_what_reads_otherwise_is_unknown(database: Database, typed: str) -> None:
    event_id, viewer = await new_event(database)
    other_id = await insert_event(database, viewer.id)
    await insert_code(database, event_id, "PRESS")
    await insert_code(database, other_id, "OTHER")
    for code in (typed, "OTHER"):
        with pytest.raises(promo_codes.UnknownPromoCode) as refused:
            await promo_codes.unlocked_types(database, event_id, code)
        assert list(refused.value.errors) == ["code"]
