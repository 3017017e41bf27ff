"""What a provider's event, or a look at what others did with the money, makes of a payment: each state by itself."""

from decimal import Decimal
from typing import Any

import pytest

from eventhub.database import Database
from eventhub.models.payments import Dispute
from eventhub.services import payments
from eventhub.services.ports.payments import (
    DisputeElsewhere,
    GatewayState,
    MovedElsewhere,
    RefundElsewhere,
    WebhookEvent,
)
from tests.rows import NOW, insert_booking, insert_event, insert_payment, insert_users

KEY = "EVH-NEWS"


async def payment(database: Database, **changes: object) -> int:
    """Return the id of a payment in some state, of an event whose organizer and two admins may be told of it."""
    organizer, payer, admin, away = await insert_users(database, 4)
    await database.execute(
        "UPDATE users SET user_type = CASE WHEN id = $1 THEN 'organizer' ELSE 'admin' END WHERE id <> $2",
        organizer,
        payer,
    )
    await database.execute("UPDATE users SET is_active = false WHERE id = $1", away)
    assert admin != away
    event = await insert_event(database, organizer)
    booking = await insert_booking(database, event, payer, status="cancelled")
    return await insert_payment(
        database, booking, payer, **{"transaction_id": KEY, "checked_at": NOW, **changes}
    )


async def queued(database: Database) -> list[str]:
    rows = await database.fetch("SELECT kind FROM jobs WHERE kind <> 'send_notification' ORDER BY kind")
    return [row["kind"] for row in rows]


async def take(database: Database, **news: Any) -> None:
    event = WebhookEvent(**{"event_id": "evt_1", "key": KEY, "state": GatewayState.SUCCEEDED, **news})
    async with database.transaction() as tx:
        await payments.take_webhook(tx, "mock", event)


@pytest.mark.parametrize(
    ("status", "news", "kinds"),
    [
        ("pending", {}, ["process_payment"]),
        ("failed", {}, ["void_payment"]),
        ("cancelled", {}, ["void_payment"]),
        ("completed", {}, []),
        ("completed", {"state": GatewayState.REFUNDED}, ["follow_money", "process_payment"]),
        ("completed", {"may_have_moved": True}, ["follow_money"]),
        ("pending", {"may_have_moved": True}, ["process_payment"]),
        ("refunded", {}, []),
    ],
)
async def test_what_an_event_of_a_payment_lets_jobs_do_once(
    database: Database, status: str, news: dict[str, Any], kinds: list[str]
) -> None:
    payment_id = await payment(
        database, status=status, refund_state="returned" if status == "refunded" else "none"
    )
    await take(database, **news)
    assert await queued(database) == kinds
    asked_again = await database.fetch_value("SELECT checked_at > $1 FROM payments", NOW)
    is_back = news.get("state") is GatewayState.REFUNDED
    assert asked_again is (status != "completed" or is_back)
    followed = await database.fetch_value("SELECT payment_id FROM webhook_events")
    assert followed == (payment_id if "follow_money" in kinds else None)
    await database.execute("DELETE FROM jobs")
    await take(database, **news)
    assert await queued(database) == []


async def test_an_event_that_names_a_payment_by_reference_alone_is_identified_once(
    database: Database,
) -> None:
    await payment(database)
    await take(database, key="", reference="pi_1")
    assert await queued(database) == ["identify_payment"]
    assert await database.fetch_value("SELECT reference FROM webhook_events") == "pi_1"
    await database.execute("DELETE FROM jobs")
    await take(database, key="", reference="pi_1")
    assert await queued(database) == []


async def test_an_event_that_names_its_payment_needs_no_identification(database: Database) -> None:
    await payment(database)
    await take(database, reference="pi_1")
    assert await database.fetch_value("SELECT reference FROM webhook_events") is None


@pytest.mark.parametrize(
    ("gateway", "key", "kinds"),
    [("mock", KEY, ["follow_money"]), ("stripe", KEY, []), ("mock", "EVH-OTHER", []), ("mock", None, [])],
)
async def test_a_payment_is_followed_at_its_own_gateway(
    database: Database, gateway: str, key: str | None, kinds: list[str]
) -> None:
    await payment(database, status="completed")
    async with database.transaction() as tx:
        await payments.take_webhook(tx, gateway, WebhookEvent("evt_1", "", GatewayState.PENDING, "pi_1"))
    await database.execute("DELETE FROM jobs")
    async with database.transaction() as tx:
        await payments.follow_event(tx, gateway, "pi_1", key)
    assert await queued(database) == kinds
    assert await database.fetch_value("SELECT reference FROM webhook_events") is None


def disputed(*states: Dispute, is_refunded: bool = False) -> MovedElsewhere:
    return MovedElsewhere(
        is_refunded, disputes=tuple(DisputeElsewhere(f"dp_{n}", state) for n, state in enumerate(states))
    )


PART = MovedElsewhere(refunds=(RefundElsewhere("re_1", Decimal("1.00")),))
NOTHING = MovedElsewhere()
ALL = MovedElsewhere(is_refunded=True)


async def follow(database: Database, payment_id: int, moved: MovedElsewhere) -> None:
    async with database.transaction() as tx:
        await payments.follow(tx, payment_id, moved, seen_at=NOW)


@pytest.mark.parametrize(
    ("before", "moved", "after", "kinds"),
    [
        ("owed", ALL, "returned", []),
        ("by_hand", ALL, "returned", []),
        ("returned", ALL, "returned", []),
        ("owed", disputed(Dispute.LOST), "returned", []),
        ("by_hand", disputed(Dispute.LOST), "returned", []),
        ("owed", disputed(Dispute.OPEN), "owed", []),
        ("returned", disputed(Dispute.OPEN), "returned", []),
        ("owed", disputed(Dispute.WON), "owed", ["refund_payment"]),
        ("returned", disputed(Dispute.WON), "owed", ["refund_payment"]),
        ("returned", NOTHING, "owed", ["refund_payment"]),
        ("by_hand", disputed(Dispute.WON), "by_hand", []),
        ("owed", disputed(Dispute.WON, Dispute.OPEN), "owed", []),
        ("owed", disputed(Dispute.OPEN, Dispute.LOST), "returned", []),
    ],
)
async def test_where_the_money_of_a_refunded_payment_is(
    database: Database, before: str, moved: MovedElsewhere, after: str, kinds: list[str]
) -> None:
    payment_id = await payment(database, status="refunded", refund_state=before, checked_at=NOW)
    await follow(database, payment_id, moved)
    row = await database.fetch_one("SELECT refund_state, dispute FROM payments")
    assert row is not None
    assert (row["refund_state"], row["dispute"]) == (after, moved.dispute.value)
    assert await queued(database) == kinds


@pytest.mark.parametrize("moved", [PART, disputed(Dispute.OPEN), disputed(Dispute.WON), NOTHING])
async def test_money_that_others_moved_and_nobody_told_of_has_been_paid(
    database: Database, moved: MovedElsewhere
) -> None:
    payment_id = await payment(database, status="cancelled", checked_at=NOW)
    await follow(database, payment_id, moved)
    assert await queued(database) == ([] if moved is NOTHING else ["process_payment"])


async def test_a_look_that_another_overtook_records_nothing_and_looks_again(database: Database) -> None:
    payment_id = await payment(database, status="completed", checked_at=NOW)
    await database.execute("UPDATE payments SET checked_at = now()")
    await follow(database, payment_id, disputed(Dispute.OPEN))
    assert await queued(database) == ["follow_money"]
    assert await database.fetch_value("SELECT dispute FROM payments") == "none"


async def test_each_turn_of_a_dispute_is_told_once_to_organizer_and_active_admins(database: Database) -> None:
    payment_id = await payment(database, status="completed", checked_at=NOW)
    for state in (Dispute.OPEN, Dispute.OPEN, Dispute.WON, Dispute.WON):
        await database.execute("UPDATE payments SET checked_at = $1", NOW)
        await follow(database, payment_id, disputed(state))
    told = await database.fetch(
        "SELECT u.username, array_agg(n.title ORDER BY n.id) AS titles FROM notifications n "
        "JOIN users u ON u.id = n.user_id GROUP BY u.username ORDER BY u.username"
    )
    both = ["Payment Disputed", "Dispute Won"]
    assert [tuple(row.values()) for row in told] == [("row1", both), ("row3", both)]
    assert await queued(database) == []
