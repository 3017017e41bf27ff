"""Promo codes: words that lower the prices of an event's tickets, or show its hidden types.

A code is its event's editors' business. It changes under its event's row, and its `uses` only in `services.seats`.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from eventhub.database import IntegrityErrors, Now, Queries, Row, Transaction, violated_constraint
from eventhub.errors import Conflict, Invalid, NotFound, WrongGuess
from eventhub.models.facts import FactType
from eventhub.models.promo_codes import PromoCode, PromoCodeKind
from eventhub.models.ticket_types import STANDARD
from eventhub.services import locking, prices
from eventhub.services.access import Right, Viewer, check_may, event_columns, find_event
from eventhub.services.listing import (
    Filter,
    Listing,
    Order,
    Page,
    PageRequest,
    Params,
    boolean,
    choice,
    fetch_page,
)
from eventhub.services.times import check_years

MAX_CODES = 10_000  # of one event
# Nothing that looks like something else when it is read aloud or typed from paper.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_DRAWN_LENGTH = 10
_DRAWS = 5
_TIMES = ("valid_from", "valid_until")
_WITHOUT_VALUE = {PromoCodeKind.FREE, PromoCodeKind.UNLOCK}

PROMO_CODES = Listing(
    columns=(
        "c.id, c.event_id AS event, c.code, c.kind, c.value::text, "
        f"array_replace(c.ticket_types, {STANDARD}, NULL) AS ticket_types, c.max_uses, c.max_per_booking, c.valid_from, "
        "c.valid_until, c.is_active, c.comment, c.uses, c.created_at, c.updated_at"
    ),
    source="promo_codes c",
    id="c.id",
    orderings={
        "created_at": Order("c.created_at", "timestamptz", "created_at"),
        "code": Order("lower(c.code)", "text"),
        "uses": Order("c.uses", "integer", "uses"),
        "id": Order("c.id", "bigint", "id"),
    },
    default_ordering="-created_at",
    filters={
        "kind": Filter(choice(PromoCodeKind), "c.kind = {}", "Only codes of this kind."),
        "is_active": Filter(
            boolean, "c.is_active = {}", "Only codes that are active, or only those that are not."
        ),
    },
    search="(c.code ILIKE {} OR c.comment ILIKE {})",
    search_doc="A part of the code or of its comment, in any case.",
)


class UnknownPromoCode(WrongGuess):
    """Raised when an event has no such code; the web counts how often that happens to somebody."""

    code = "unknown_promo_code"

    def __init__(self, field: str = "promo_code") -> None:
        super().__init__({field: ["This event has no such promo code."]})


IS_VALID = "c.is_active AND coalesce(c.valid_from <= now(), true) AND coalesce(c.valid_until > now(), true)"


async def unlocked_types(queries: Queries, event_id: int, code: str) -> list[int]:
    """Return the ids of the ticket types that a code, in any case, is for and so shows; none where it is not valid now.

    Raises UnknownPromoCode, which names the parameter `code`.
    """
    shown: list[int] | None = await queries.fetch_value(_UNLOCKED, event_id, code.strip())
    if shown is None:
        raise UnknownPromoCode("code")
    return shown


_UNLOCKED = f"""
SELECT CASE WHEN {IS_VALID} THEN c.ticket_types ELSE '{{}}' END
FROM promo_codes c WHERE c.event_id = $1 AND lower(c.code) = lower($2)
"""


async def list_codes(queries: Queries, viewer: Viewer, event_id: int, request: PageRequest) -> Page:
    """Return a page of an event's codes to who edits it. Raises NotFound, Forbidden."""
    _check_edits(viewer, await find_event(queries, event_id))
    return await fetch_page(queries, PROMO_CODES, request, params=Params(event_id), where=["c.event_id = $1"])


async def get(queries: Queries, viewer: Viewer, code_id: int) -> dict[str, Any]:
    """Return a code to who edits its event. Raises NotFound, Forbidden."""
    _check_edits(viewer, await queries.fetch_one(_EVENT_OF, code_id))
    return await _read(queries, code_id)


_EVENT_OF = f"SELECT {event_columns()} FROM promo_codes c JOIN events e ON e.id = c.event_id WHERE c.id = $1"


def _check_edits(viewer: Viewer, event: Row | None) -> Row:
    return check_may(
        viewer, event, Right.EDIT, "Only the event's organizer can see and change its promo codes."
    )


async def _read(queries: Queries, code_id: int) -> dict[str, Any]:
    row = await queries.fetch_one(f"SELECT {PROMO_CODES.columns} FROM promo_codes c WHERE c.id = $1", code_id)
    if row is None:
        raise NotFound
    return dict(row)


async def create(
    tx: Transaction, viewer: Viewer, event_id: int, details: Mapping[str, Any]
) -> dict[str, Any]:
    """Add a code to an event for who edits it, and return it.

    Raises Invalid, and Conflict where the event has this code already, or as many as it can have, or is over.
    """
    event = await _lock_to_change(tx, viewer, event_id)
    terms = await _checked(tx, event, details)
    await _check_room(tx, event_id, 1)
    code_ids = await _insert(tx, event_id, [details["code"]], terms)
    if not code_ids:
        raise _taken(event_id, details["code"])
    return await _read(tx, code_ids[0])


async def create_batch(
    tx: Transaction, viewer: Viewer, event_id: int, *, count: int, prefix: str, **details: Any
) -> list[dict[str, Any]]:
    """Add `count` codes that begin with `prefix` and have the same terms, and return them: all or none.

    Raises Invalid and Conflict as `create` does.
    """
    event = await _lock_to_change(tx, viewer, event_id)
    terms = await _checked(tx, event, details)
    await _check_room(tx, event_id, count)
    code_ids: list[int] = []
    # Codes that the event had already are drawn anew; nobody adds others meanwhile, because its row is locked.
    for _ in range(_DRAWS):
        code_ids += await _insert(tx, event_id, _draw(prefix, count - len(code_ids)), terms)
        if len(code_ids) == count:
            break
    else:
        raise Conflict(
            f"Event {event_id} has too many promo codes with the prefix {prefix}: choose another one.",
            code="code_taken",
        )
    rows = await tx.fetch(
        f"SELECT {PROMO_CODES.columns} FROM promo_codes c WHERE c.id = ANY($1::bigint[]) ORDER BY c.id",
        code_ids,
    )
    return [dict(row) for row in rows]


def _draw(prefix: str, count: int) -> list[str]:
    drawn: set[str] = set()
    while len(drawn) < count:
        drawn.add(prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_DRAWN_LENGTH)))
    return sorted(drawn)


async def _insert(
    tx: Transaction, event_id: int, codes: Sequence[str], terms: Mapping[str, Any]
) -> list[int]:
    """Write those of these codes that the event does not have, and return their ids."""
    rows = await tx.fetch(
        _INSERT,
        event_id,
        codes,
        *(terms[name] for name in ("kind", "value", "ticket_types", "max_uses", "max_per_booking")),
        *(terms[name] for name in (*_TIMES, "is_active", "comment")),
    )
    for row in rows:
        tx.record(FactType.PROMO_CODE_CREATED, event_id, promo_code=row["id"])
    return [row["id"] for row in rows]


_INSERT = """
INSERT INTO promo_codes (event_id, code, kind, value, ticket_types, max_uses, max_per_booking, valid_from, valid_until,
                         is_active, comment, created_at, updated_at)
SELECT $1, code, $3, $4, $5, $6, $7, $8, $9, $10, $11, now(), now() FROM unnest($2::text[]) AS code
ON CONFLICT (event_id, lower(code)) DO NOTHING
RETURNING id
"""


async def update(tx: Transaction, viewer: Viewer, code_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change a code, for bookings from now on, and return it; one that becomes free or unlocks loses its value.

    Raises Invalid, and Conflict for a code that the event has, and for fewer uses than there were; never for what is
    stored already.
    """
    event, code = await _lock(tx, viewer, code_id)
    if changes.get("kind") in _WITHOUT_VALUE:
        changes = {"value": None, **changes}
    changed = {name: value for name, value in changes.items() if value != _as_sent(code, name)}
    if not changed:
        return await _read(tx, code_id)
    terms = await _checked(tx, event, changed, code)
    if terms["max_uses"] is not None and terms["max_uses"] < code["uses"]:
        raise Conflict(
            f"Promo code {code_id} is used for {code['uses']} tickets: max_uses cannot be {terms['max_uses']}.",
            code="uses_taken",
        )
    values = {name: terms[name] for name in changed}
    try:
        await PromoCode.filter(id=code_id).update(**values, updated_at=Now())
    except IntegrityErrors as error:
        if violated_constraint(error) == "promo_codes_code":
            raise _taken(event["id"], changed["code"]) from None
        raise
    tx.record(FactType.PROMO_CODE_UPDATED, event["id"], promo_code=code_id, changed=sorted(changed))
    return await _read(tx, code_id)


def _as_sent(code: Row, name: str) -> object:
    value = code[name]
    return [None if each == STANDARD else each for each in value] if name == "ticket_types" else value


async def delete(tx: Transaction, viewer: Viewer, code_id: int) -> None:
    """Remove a code that no booking was ever made with. Raises Conflict for others."""
    event, _ = await _lock(tx, viewer, code_id)
    if await tx.fetch_value("SELECT EXISTS (SELECT FROM bookings WHERE promo_code_id = $1)", code_id):
        raise Conflict(
            f"Promo code {code_id} has bookings: set is_active to false instead.", code="has_bookings"
        )
    await tx.execute("DELETE FROM promo_codes WHERE id = $1", code_id)
    tx.record(FactType.PROMO_CODE_DELETED, event["id"], promo_code=code_id)


async def _lock(tx: Transaction, viewer: Viewer, code_id: int) -> tuple[Row, Row]:
    """Return (event, code) to who may change them, the event locked. Raises NotFound, Forbidden, Conflict."""
    event_id = await tx.fetch_value("SELECT event_id FROM promo_codes WHERE id = $1", code_id)
    event = await _lock_to_change(tx, viewer, event_id or 0)
    code = await tx.fetch_one("SELECT * FROM promo_codes WHERE id = $1", code_id)
    if code is None:
        raise NotFound
    return event, code


async def _lock_to_change(tx: Transaction, viewer: Viewer, event_id: int) -> Row:
    event = _check_edits(viewer, await locking.lock_event(tx, event_id))
    locking.check_not_over(event, "promo codes")
    return event


async def _check_room(tx: Transaction, event_id: int, more: int) -> None:
    number = await tx.fetch_value("SELECT count(*) FROM promo_codes WHERE event_id = $1", event_id)
    if number + more > MAX_CODES:
        raise Conflict(
            f"Event {event_id} has {number} promo codes, and an event can have at most {MAX_CODES}.",
            code="too_many_promo_codes",
        )


def _taken(event_id: int, code: str) -> Conflict:
    return Conflict(
        f"Event {event_id} has the promo code {code} already; upper and lower case do not matter.",
        code="code_taken",
    )


async def _checked(
    tx: Transaction, event: Row, details: Mapping[str, Any], stored: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the terms as rows have them, those that are `stored` with what changes among them.

    Raises Invalid for what does not fit together, and for ticket types that the event does not have. Those that are
    stored may stay, even where they were deleted meanwhile.
    """
    check_years({name: details[name] for name in _TIMES if details.get(name) is not None})
    terms = {**(stored or {}), **details}
    _check_times(terms)
    _check_value(terms, event["currency"])
    if "ticket_types" in details:
        known = set(stored["ticket_types"]) if stored else set()
        terms["ticket_types"] = await _types(tx, event["id"], details["ticket_types"], known)
    return terms


def _check_times(terms: Mapping[str, Any]) -> None:
    begin: datetime | None = terms["valid_from"]
    end: datetime | None = terms["valid_until"]
    if begin is not None and end is not None and begin >= end:
        raise Invalid({"valid_until": ["Must be after valid_from."]})


def _check_value(terms: Mapping[str, Any], currency: str) -> None:
    kind: str = terms["kind"]
    value: Decimal | None = terms["value"]
    if kind in _WITHOUT_VALUE:
        if value is not None:
            raise Invalid({"value": [f"Must be null for a code of kind {kind}."]})
    elif value is None:
        raise Invalid({"value": [f"A code of kind {kind} needs a value."]})
    elif kind == PromoCodeKind.AMOUNT:
        prices.check_places(value, currency, "value")
    elif value > 100:
        raise Invalid({"value": ["Must be from 0.01 to 100 percent."]})


async def _types(tx: Transaction, event_id: int, ids: Sequence[int | None], known: set[int]) -> list[int]:
    """Return the ids as they are stored, each once. Raises Invalid for those that are no types of the event."""
    wanted = list(dict.fromkeys(STANDARD if each is None else each for each in ids))
    rows = await tx.fetch(
        "SELECT id FROM ticket_types WHERE event_id = $1 AND id = ANY($2::bigint[])", event_id, wanted
    )
    unknown = set(wanted) - {row["id"] for row in rows} - known - {STANDARD}
    if unknown:
        listed = ", ".join(map(str, sorted(unknown)))
        raise Invalid({"ticket_types": [f"This event has no ticket type with the id {listed}."]})
    return wanted
