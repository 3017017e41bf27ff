"""How much is mailed to an address in 24 hours, and what no more once its reader has ended its mails."""

import pytest

from eventhub.database import Database
from eventhub.services import recipients
from eventhub.settings import Settings

ANN = "ann@example.com"


async def has_place(
    database: Database, settings: Settings, key: str, *, address: str = ANN, is_verified: bool = False
) -> bool:
    try:
        async with database.transaction() as tx:
            await recipients.admit_notice(
                tx,
                address,
                key,
                is_verified=is_verified,
                budget=settings.mail_budget,
                budget_unverified=settings.mail_budget_unverified,
            )
    except recipients.NotMailed:
        return False
    return True


async def account_mails(database: Database, number: int, *, is_verified: bool = False) -> int:
    """Return how many of so many mails about Ann's account may leave."""
    admitted = 0
    for key in range(number):
        try:
            async with database.transaction() as tx:
                await recipients.admit_token(
                    tx, ANN, f"token-{key}", purpose="password_reset", is_verified=is_verified
                )
            admitted += 1
        except recipients.NotMailed:
            pass
    return admitted


async def age(database: Database, hours: float, key: str = "%") -> None:
    await database.execute(
        "UPDATE mailed_notices SET sent_at = sent_at - make_interval(secs => $1) WHERE key LIKE $2",
        hours * 3600.0,
        f"%{key}",
    )


@pytest.mark.parametrize(("is_verified", "budget"), [(False, 5), (True, 50)])
async def test_an_address_gets_so_many_mails_a_day(
    database: Database, settings: Settings, is_verified: bool, budget: int
) -> None:
    tries = [
        await has_place(database, settings, f"notification-{key}", is_verified=is_verified)
        for key in range(budget + 2)
    ]
    assert tries == [True] * budget + [False] * 2
    assert await has_place(database, settings, "notification-1", address="other@example.com")


async def test_two_spellings_are_one_address(database: Database, settings: Settings) -> None:
    tries = [
        await has_place(database, settings, f"notification-{key}", address=address)
        for key, address in enumerate([ANN, ANN.upper()] * 3)
    ]
    assert tries == [True] * 5 + [False]


async def test_a_mail_that_is_tried_again_keeps_its_place_and_counts_once(
    database: Database, settings: Settings
) -> None:
    for _ in range(7):
        assert await has_place(database, settings, "notification-1")
    for key in range(2, 6):
        assert await has_place(database, settings, f"notification-{key}")
    assert not await has_place(database, settings, "notification-6")
    assert await has_place(database, settings, "notification-1")


async def test_the_day_rolls(database: Database, settings: Settings) -> None:
    for key in range(5):
        assert await has_place(database, settings, f"notification-{key}")
    await age(database, 23.9)
    assert not await has_place(database, settings, "notification-5")
    await age(database, 0.2, "notification-0")
    assert await has_place(database, settings, "notification-5")
    assert not await has_place(database, settings, "notification-6")


async def test_a_late_try_counts_when_it_leaves(database: Database, settings: Settings) -> None:
    for key in range(5):
        assert await has_place(database, settings, f"notification-{key}")
    await age(database, 23)
    for key in range(5):
        assert await has_place(database, settings, f"notification-{key}")
    await age(database, 2)
    assert not await has_place(database, settings, "notification-5")


async def test_mails_of_accounts_have_a_budget_of_their_own(database: Database, settings: Settings) -> None:
    for key in range(6):
        await has_place(database, settings, f"notification-{key}")
    assert await account_mails(database, 25) == recipients.TOKEN_MAILS
    assert await has_place(database, settings, "notification-0")
    # Strangers who ask for them use up nothing that the owner of a verified address needs.
    assert await account_mails(database, 25, is_verified=True) == 25


async def test_who_ended_the_mails_gets_a_few_that_verify_the_address_and_nothing_else(
    database: Database, settings: Settings
) -> None:
    for _ in range(2):
        async with database.transaction() as tx:
            await recipients.end_mails(tx, ANN.upper())
    assert not await has_place(database, settings, "notification-1")
    assert await account_mails(database, 25) == recipients.TOKEN_MAILS_WHERE_ENDED
    assert await has_place(database, settings, "notification-1", is_verified=True)
    async with database.transaction() as tx:
        await recipients.resume_mails(tx, ANN)
    assert await has_place(database, settings, "notification-2")


async def test_what_counts_no_more_is_purged(database: Database, settings: Settings) -> None:
    for key in range(3):
        assert await has_place(database, settings, f"notification-{key}")
    await age(database, 24.1, "notification-0")
    assert await recipients.purge(database) == 1
    assert await recipients.purge(database) == 0
    assert await database.fetch_value("SELECT count(*) FROM mailed_notices") == 2
