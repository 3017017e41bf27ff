"""Kinds of jobs: their handlers, and the keys of their rows, which those of the version before have too."""

import inspect
from typing import Any

import pytest

from eventhub.database import Database
from eventhub.models.jobs import KINDS, JobKind
from eventhub.workers.actors import FEATURES
from eventhub.workers.kinds import HANDLERS, handles
from tests.workers.conftest import UNIQUE_WORK, WORK

# As they are in rows: a deploy finds those of the version before.
KEYS = {
    "confirm_booking:7",
    "expire_booking:7",
    "follow_organizer:7",
    "cancel_event_bookings:7",
    "promote_waitlist:7",
    "close_waitlist:7",
    "notify_event_updated:7",
    "tell_news:7",
    "remind_attendees:7",
    "survey_attendees:7",
    "issue_certificates:7",
    "send_notification:7",
    "send_invoice:7:credit_note",
    "process_payment:7",
    "void_payment:7",
    "refund_payment:7",
    "follow_money:7",
    "identify_payment:stripe:pi_1",
    "render_certificate:7",
}
TEXTS = {"invoice_kind": "credit_note", "gateway": "stripe", "reference": "pi_1"}
UNIQUE_KINDS = [kind for kind in KINDS.values() if kind.is_unique]


def payload_of(kind: JobKind) -> dict[str, Any]:
    return {name: TEXTS.get(name, 7) for name in kind.payload}


def test_the_keys_are_as_they_are_in_rows() -> None:
    assert {kind.key_of(payload_of(kind)) for kind in UNIQUE_KINDS} == KEYS
    assert {kind.name for kind in KINDS.values() if not kind.is_unique} == {
        "send_token",
        "tell_old_address",
        "tell_of_password",
        "tell_of_role",
        "delete_file",
    }


@pytest.mark.parametrize("kind", UNIQUE_KINDS, ids=lambda kind: kind.name)
async def test_sql_makes_the_same_keys(database: Database, kind: JobKind) -> None:
    payload = payload_of(kind)
    row = ", ".join(
        f"{value!r}::{'text' if name in TEXTS else 'bigint'} AS {name}" for name, value in payload.items()
    )
    key = await database.fetch_value(f"SELECT {kind.key_sql(*kind.payload)} FROM (SELECT {row}) AS row")
    assert key == kind.key(*payload.values())


@pytest.mark.parametrize("payload", [{}, {"txt": "one"}, {"text": "one", "more": 1}])
async def test_a_job_about_nothing_or_something_else_is_not_made(
    database: Database, payload: dict[str, Any]
) -> None:
    for kind in (WORK, UNIQUE_WORK):
        with pytest.raises(TypeError, match="test_work"):
            async with database.transaction() as tx:
                tx.enqueue(kind, **payload)
    assert await database.fetch_value("SELECT count(*) FROM jobs") == 0


def test_a_key_of_too_few_values_is_none() -> None:
    with pytest.raises(TypeError):
        KINDS["send_invoice"].key(7)
    with pytest.raises(TypeError):
        KINDS["send_invoice"].key_sql("payment_id")


def test_each_kind_has_a_handler_and_each_handler_a_kind() -> None:
    assert {name: kind for name, (kind, _) in HANDLERS.items()} == KINDS
    assert {handler.__module__ for _, handler in HANDLERS.values()} == {each.__name__ for each in FEATURES}


def test_no_kind_has_two_handlers() -> None:
    kind, handler = HANDLERS["confirm_booking"]
    with pytest.raises(ValueError, match="confirm_booking"):
        handles(kind)(handler)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_handlers_take_what_their_jobs_carry(kind: JobKind) -> None:
    """What only jobs of the versions before carry has a default."""
    _, handler = HANDLERS[kind.name]
    context, *parameters = inspect.signature(handler).parameters.values()
    assert context.name == "context"
    needed = {
        each.name for each in parameters if each.default is each.empty and each.kind != each.VAR_KEYWORD
    }
    known = {each.name for each in parameters}
    assert needed <= set(kind.payload) <= known
    assert set(kind.optional) <= known - needed
