"""Acts by hand: each one leaves a row that says who did what, and money is discarded by nobody on the page."""

import pytest

from eventhub import logs
from eventhub.database import Database
from eventhub.errors import NotFound
from eventhub.services.operations import actions
from eventhub.services.operations.actions import MONEY_KINDS, Action, Actor, MovesMoney
from tests.rows import insert_users
from tests.services.test_ops_stats import FAILED, QUEUED, insert_job

ROOT = Actor("cli:root@machine")
PAYLOAD = '{"token_id": 3, "old_email": "ann@example.com"}'


async def acts(database: Database) -> list[tuple[str, str, str, dict[str, object]]]:
    listed: tuple[Action, ...] = await actions.list_actions(database)
    return [(act.actor, act.action, act.subject, dict(act.details)) for act in listed]


async def test_a_retry_is_written_down_with_who_and_for_which_request(database: Database) -> None:
    (admin,) = await insert_users(database, 1, "admin")
    job = await insert_job(database, FAILED, kind="tell_old_address", payload=PAYLOAD)
    token = logs.begin(request_id="the-click")
    try:
        async with database.transaction() as tx:
            await actions.retry(tx, Actor("row1", admin), job)
    finally:
        logs.end(token)
    assert await database.fetch_value("SELECT state FROM jobs") == "queued"
    (act,) = await actions.list_actions(database)
    assert (act.actor, act.user_id, act.action, act.subject) == ("row1", admin, "retry", f"job {job}")
    assert act.details == {"kind": "tell_old_address", "token_id": 3}, "no address is kept for ever"
    assert act.request_id == "the-click"


async def test_a_discarded_job_is_gone_and_written_down(database: Database) -> None:
    job = await insert_job(database, FAILED, kind="tell_old_address", payload=PAYLOAD)
    async with database.transaction() as tx:
        await actions.discard(tx, ROOT, job)
    assert await database.fetch_value("SELECT count(*) FROM jobs") == 0
    assert await acts(database) == [
        ("cli:root@machine", "discard", f"job {job}", {"kind": "tell_old_address", "token_id": 3})
    ]


def test_all_that_sees_to_money_is_known() -> None:
    assert {
        "process_payment",
        "void_payment",
        "refund_payment",
        "follow_money",
        "identify_payment",
    } == MONEY_KINDS


@pytest.mark.parametrize("kind", sorted(MONEY_KINDS))
async def test_what_sees_to_money_is_discarded_only_by_who_says_so(database: Database, kind: str) -> None:
    job = await insert_job(database, FAILED, kind=kind, payload='{"payment_id": 7}')
    with pytest.raises(MovesMoney, match=f"A job {kind} sees to money"):
        async with database.transaction() as tx:
            await actions.discard(tx, ROOT, job)
    assert await database.fetch_value("SELECT count(*) FROM jobs") == 1
    assert await acts(database) == []
    async with database.transaction() as tx:
        await actions.discard(tx, ROOT, job, with_money=True)
    assert [act[1:3] for act in await acts(database)] == [("discard", f"job {job}")]


@pytest.mark.parametrize("act", [actions.retry, actions.discard])
async def test_a_job_that_has_not_failed_is_not_touched(
    database: Database,
    act: object,
) -> None:
    job = await insert_job(database, QUEUED, kind="delete_file")
    with pytest.raises(NotFound):
        async with database.transaction() as tx:
            await act(tx, ROOT, job)  # type: ignore[operator]
    assert await acts(database) == []


async def test_an_act_on_many_is_one_row_that_names_them(database: Database) -> None:
    one, two = [await insert_job(database, FAILED, kind="delete_file") for _ in range(2)]
    other = await insert_job(database, FAILED, kind="send_token")
    async with database.transaction() as tx:
        assert await actions.retry_all(tx, ROOT, "delete_file") == 2
    async with database.transaction() as tx:
        assert await actions.retry_all(tx, ROOT, "delete_file") == 0, "and nothing is written down"
    async with database.transaction() as tx:
        assert await actions.discard_all(tx, ROOT) == 1
    assert [act[1:] for act in await acts(database)] == [
        ("discard", "all jobs", {"count": 1, "jobs": [other]}),
        ("retry", "all delete_file jobs", {"count": 2, "jobs": [one, two]}),
    ]


async def test_an_act_that_is_rolled_back_was_none(database: Database) -> None:
    job = await insert_job(database, FAILED, kind="delete_file")
    with pytest.raises(RuntimeError):
        async with database.transaction() as tx:
            await actions.discard(tx, ROOT, job)
            raise RuntimeError
    assert await acts(database) == []
    assert await database.fetch_value("SELECT count(*) FROM jobs") == 1


async def test_acts_are_listed_by_the_page_and_by_what_they_were_done_to(database: Database) -> None:
    for number in range(3):
        async with database.transaction() as tx:
            await actions.record(tx, ROOT, "repair", f"event {number}", {})
    newest, middle = await actions.list_actions(database, 2)
    assert (newest.subject, middle.subject) == ("event 2", "event 1")
    (oldest,) = await actions.list_actions(database, 2, before=middle.id)
    assert oldest.subject == "event 0"
    assert [act.id for act in await actions.list_actions(database, subjects=["event 1"])] == [middle.id]
